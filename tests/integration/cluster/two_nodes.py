#!/usr/bin/env python3
"""A server and two agents on one network segment: join, spread, reach each other, and survive kill -9 of any process."""
import os
import re
import signal

from lab import Api, check, containers, is_ready, main, pod, wait_for

SERVER, NODES = "10.99.2.1", {"b": "10.99.2.2", "c": "10.99.2.3"}
PODS = "/api/v1/namespaces/default/pods"


def ask(lab, netns, url):
    return lab.run("curl", "-sS", "--max-time", "3", url, netns=netns, ok=False)


def printed_token(lab):
    return wait_for("join command", lambda: re.search(r"wherry agent --server \S+ --token (\S+)", lab.tail("log")))[1]


def test(lab):
    switch = lab.netns("switch")
    lab.run("ip", "link", "add", "lan", "type", "bridge", netns=switch)
    lab.run("ip", "link", "set", "lan", "up", netns=switch)
    netns = {}
    for short, address in {"a": SERVER, **NODES}.items():
        netns[short] = lab.netns(short)
        lab.plug(netns[short], switch, address, f"port-{short}")

    data_dir = f"{lab.directory}/server"
    server = lab.up(netns["a"], SERVER, data_dir, "", command="server")
    api = Api(netns["a"], SERVER, data_dir)
    token = printed_token(lab)

    nodes = {short: lab.node(netns[short], short) for short in NODES}

    def join(short, with_token):
        node_dir, node_name = nodes[short]
        return lab.start(f"log-{short}", lab.wherry, "agent", "--data-dir", node_dir, "--node-name", node_name, "--node-ip",
                         NODES[short], "--server", f"https://{SERVER}:6443", "--token", with_token, netns=netns[short])

    # The token's first part is the hash of the CA: another cluster's is refused, and no node appears.
    wrong = re.sub(r"^W1(.)", lambda m: "W1" + ("0" if m[1] != "0" else "1"), token)
    stranger = join("b", wrong)
    wait_for("end of the agent with another CA's hash", lambda: stranger.poll() is not None)
    check(stranger.returncode != 0, "an agent with another CA's hash joined")
    check(not api.get("/api/v1/nodes")["items"], "a node of another CA's hash is there")

    agents = {short: join(short, token) for short in NODES}
    wait_for("two ready nodes", lambda: sum(map(is_ready, api.get("/api/v1/nodes")["items"])) == 2)

    template = pod("web", labels={"app": "web"})
    api.create("/apis/apps/v1/namespaces/default/deployments", {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "web"}},
                 "template": {"metadata": {"labels": {"app": "web"}}, "spec": template["spec"]}}})
    api.create("/api/v1/namespaces/default/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
    pods = api.running(PODS, 4)
    check({p["spec"]["nodeName"] for p in pods} == {name for _, name in nodes.values()}, "the pods are not on both nodes")

    # Every pod from every node and from inside every pod's own namespace; the Service from both nodes.
    service = api.get("/api/v1/namespaces/default/services/web")["spec"]["clusterIP"]
    pids = {name: c[0][2][0] for name, c in containers(pods).items()}
    for target in pods:
        url = f"http://{target['status']['podIP']}:8080/"
        for short in NODES:
            check(target["metadata"]["name"] in ask(lab, netns[short], url).stdout, f"{url} does not answer node {short}")
        for source, pid in pids.items():
            reached = lab.run("nsenter", "-t", str(pid), "-n", "curl", "-sS", "--max-time", "3", url, ok=False)
            check(target["metadata"]["name"] in reached.stdout, f"{url} does not answer pod {source}: {reached.stderr}")

    def all_answer(short):
        seen = {ask(lab, netns[short], f"http://{service}/").stdout.split(" ")[0] for _ in range(20)}
        return seen == set(pids)
    for short in NODES:
        wait_for(f"answer of every pod through the Service on node {short}", lambda short=short: all_answer(short))

    # Others may remove routes, as a restart of systemd-networkd does. The way to the other node's pods comes back.
    def peer_routes():
        return lab.run("ip", "route", "show", "proto", "static", netns=netns["b"]).stdout
    routes = peer_routes()
    check(NODES["c"] in routes, f"node b has no route by way of node c: {routes}")
    lab.run("ip", "route", "flush", "proto", "static", netns=netns["b"])
    check(NODES["c"] not in peer_routes(), "the route was not removed")
    wait_for("the route by way of node c", lambda: peer_routes() == routes)

    before = containers(pods)
    agents["b"].kill()
    agents["b"].wait()
    server.kill()
    server.wait()
    for short in NODES:
        check(ask(lab, netns[short], f"http://{service}/").returncode == 0, f"no answer on {short} without server and agent")
    check(all(os.path.exists(f"/proc/{pid}") for pid in pids.values()), "a container ended with server and agent")

    api.close()
    lab.up(netns["a"], SERVER, data_dir, "", command="server")
    agents["b"] = join("b", token)
    check(containers(api.running(PODS, 4)) == before, "the containers are other ones after kill -9 of server and agent")

    # The new agent has adopted its pods: it sees one's end. The other one still follows the new server.
    for _, node_name in nodes.values():
        victim = next(p["metadata"]["name"] for p in pods if p["spec"]["nodeName"] == node_name)
        os.kill(pids[victim], signal.SIGKILL)
        wait_for(f"restart of {victim}", lambda victim=victim: api.get(f"{PODS}/{victim}")["status"]["containerStatuses"][0][
            "restartCount"] == 1)


main("nodes", test, needs=["curl"])
