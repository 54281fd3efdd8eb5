#!/usr/bin/env bash
# The walk through a one-node cluster that `./dev demo` runs. usage: demo.sh BUILD_DIR [--keep | --down]
# Everything happens in a network namespace of its own; the host's interfaces, routes and firewall stay untouched.
set -euo pipefail

build=$(readlink -f "$1")
mode=${2:-}
here=$(dirname "$(readlink -f "$0")")
wherry=$build/cli/wherry
[ -x "$wherry" ] || wherry=$build/wherry
netns=wherry-demo
state=/var/lib/wherry-demo  # root's alone: it holds the keys of a cluster
data=$state/data
node_ip=192.168.77.1
port=6443
kubectl_binary=${WHERRY_KUBECTL:-kubectl}

in_ns() { nsenter --net=/run/netns/$netns "$@"; }
kubectl() { in_ns "$kubectl_binary" --kubeconfig "$data/admin.kubeconfig" --cache-dir "$state/cache" "$@"; }
step() { printf '\n\033[1m# %s\033[0m\n' "$*"; }
show() { printf '\033[1m$ kubectl %s\033[0m\n' "$*"; kubectl "$@"; }
fail() { printf 'demo: FAILED: %s\n' "$*" >&2; exit 1; }

# Everything on the machine that could be the demo's: namespaces, mounts, cgroups, links and rules of the host, processes.
# The same before and after.
inventory() {
  ip netns list | grep $netns || true
  awk '{print $5}' /proc/self/mountinfo | grep $netns || true
  find /sys/fs/cgroup -type d -path "*$netns*" 2>/dev/null || true
  ip -o link | grep -E ' (wherry0|lan)' || true
  iptables-nft-save 2>/dev/null | grep KUBE- || true
  pgrep -af "$state" | grep -E '^[0-9]+ [^ ]*/wherry(-init)? ' || true
}

tear_down() {
  if [ -f "$state/pid" ]; then
    local pid
    pid=$(cat "$state/pid")
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$state/pid"
  fi
  if [ -e /run/netns/$netns ]; then
    in_ns "$wherry" reset --data-dir "$data" || true
    ip netns del $netns
  fi
  rm -rf "$state"
}

if [ "$mode" = --down ]; then
  tear_down
  echo "demo: removed"
  exit 0
fi
[ "$(id -u)" = 0 ] || fail "containers and network namespaces need root"
[ ! -e /run/netns/$netns ] || fail "a demo is already there; remove it with: $0 $1 --down"
before=$(inventory)
finish() {
  local code=$?
  if [ $code -ne 0 ]; then
    echo "--- last lines of the cluster's log" >&2
    tail -n 40 "$state/log" >&2 2>/dev/null || true
  fi
  tear_down
  exit $code
}
trap finish EXIT

step "A network namespace, and two tags of the example's image in the image store"
mkdir -p "$state/image"
ip netns add $netns
in_ns ip link set lo up
in_ns ip link add lan type bridge
in_ns ip address add $node_ip/24 dev lan
in_ns ip link set lan up
in_ns ip route add default via 192.168.77.254 dev lan
cp "$build/examples/hello" "$state/image/hello"
for tag in v1 v2; do
  echo $tag > "$state/image/version"
  "$wherry" image import --data-dir "$data" --name hello:$tag "$state/image"
done

step "wherry up: API server, controllers, scheduler, node agent and proxy in one process"
# Not through in_ns: $! must be the process itself.
nsenter --net=/run/netns/$netns "$wherry" up --data-dir "$data" --bind-address $node_ip --https-port $port --node-name demo \
  > "$state/out" 2> "$state/log" &
echo $! > "$state/pid"
for _ in $(seq 200); do
  grep -q '^ready in' "$state/out" 2>/dev/null && break
  kill -0 "$(cat "$state/pid")" 2>/dev/null || fail "wherry up ended"
  sleep 0.05
done
cat "$state/out"
grep -q '^ready in' "$state/out" || fail "wherry up is not ready after 10 s"
for _ in $(seq 100); do
  kubectl get nodes 2>/dev/null | grep -q ' Ready' && break
  sleep 0.1
done

step "Apply a Namespace, a ConfigMap, a Deployment and two Services"
show apply -f "$here/hello/"
show --namespace hello rollout status deployment/hello --timeout=60s
show get nodes,pods,services,endpoints --all-namespaces -o wide

pods() { kubectl --namespace hello get pods -l app=hello -o name | sed 's|pod/||' | sort; }
cluster_ip=$(kubectl --namespace hello get service hello -o jsonpath='{.spec.clusterIP}')
ask() { in_ns curl -sS --max-time 3 "$1"; }
# All replicas answer in turn: asks until every pod has been seen, at most 200 times.
every_replica_answers() {
  local url=$1 wanted seen="" answer
  wanted=$(pods)
  for _ in $(seq 200); do
    answer=$(ask "$url") || fail "no answer from $url"
    seen=$(printf '%s\n%s\n' "$seen" "${answer%% *}" | sort -u | sed '/^$/d')
    [ "$seen" = "$wanted" ] && break
  done
  [ "$seen" = "$wanted" ] || fail "$url was answered by '$seen', not by '$wanted'"
  printf '%s is answered by:\n%s\n' "$url" "$seen"
}

step "Every replica answers through the ClusterIP and through the NodePort"
ask "http://$cluster_ip/"
every_replica_answers "http://$cluster_ip/"
every_replica_answers "http://$node_ip:30080/"

step "Logs, and a pod's description with its events"
pod=$(pods | head -n 1)
show --namespace hello logs "$pod"
show --namespace hello describe pod "$pod"
kubectl --namespace hello describe pod "$pod" | grep -q 'Started container hello' || fail "describe shows no Started event"

step "Scale to five"
show --namespace hello scale deployment/hello --replicas=5
show --namespace hello rollout status deployment/hello --timeout=60s
every_replica_answers "http://$cluster_ip/"

step "A rolling update to the second tag, while a client keeps asking"
( while [ ! -e "$state/stop" ]; do
    if ask "http://$cluster_ip/" >> "$state/answers" 2>> "$state/errors"; then :; else echo "no answer" >> "$state/errors"; fi
  done ) & asker=$!
show --namespace hello set image deployment/hello hello=hello:v2
show --namespace hello rollout status deployment/hello --timeout=90s
touch "$state/stop"
wait $asker
printf '%s answers during the update, %s failures\n' "$(wc -l < "$state/answers")" "$(grep -c . "$state/errors" || true)"
[ ! -s "$state/errors" ] || { head "$state/errors"; fail "requests failed during the rolling update"; }
grep -q 'version v2' "$state/answers" || fail "no answer from version v2 during the update"
ask "http://$cluster_ip/" | grep 'version v2'
show --namespace hello get replicasets,pods -o wide

if [ "$mode" = --keep ]; then
  trap - EXIT
  cat <<K

demo: the cluster is up. Use it:
  nsenter --net=/run/netns/$netns $kubectl_binary --kubeconfig $data/admin.kubeconfig get pods -A
  nsenter --net=/run/netns/$netns curl http://$node_ip:30080/
Remove it:
  $0 $1 --down
demo: ok
K
  exit 0
fi

step "Delete, and nothing answers any more"
# The namespace goes first and may take the rest along before kubectl asks for it.
show delete -f "$here/hello/" --ignore-not-found --timeout=60s
show get pods,services --all-namespaces
for url in "http://$cluster_ip/" "http://$node_ip:30080/"; do
  if in_ns curl -sS --max-time 2 "$url" >/dev/null 2>&1; then fail "$url still answers"; fi
done
echo "neither the ClusterIP nor the NodePort answers"

step "Stop, and nothing is left behind"
trap - EXIT
tear_down
after=$(inventory)
if [ "$before" != "$after" ]; then
  diff <(echo "$before") <(echo "$after") || true
  fail "the lines above were left behind or lost"
fi
echo "no process, namespace, mount, cgroup or link is left"
echo "demo: ok"
