"""Clusters for tests: network namespaces, processes and data directories that end with the test.

Everything a Lab makes has a name that holds the test's pid. Leaving the `with` block stops the processes (by pid),
removes pods, cgroups, namespaces and files, and fails the test when something stays behind.
"""
import contextlib
import ctypes
import glob
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
SKIPPED = 77  # what ctest takes for "skipped" here


class Failed(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Failed(message)


def wait_for(what, condition, seconds=20, interval=0.05):
    """Calls `condition` until it answers something true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Failed(f"no {what} within {seconds} s")
        time.sleep(interval)


@contextlib.contextmanager
def inside(netns):
    """Sockets made in the block belong to the namespace, for the calling thread."""
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{netns}", "rb") as target:
        if LIBC.setns(target.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {netns}")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)


class Answer:
    def __init__(self, status, raw):
        self.status = status
        self.raw = raw

    @property
    def json(self):
        return json.loads(self.raw)


class Api:
    """A Kubernetes API as the administrator sees it, over one keep-alive connection."""

    def __init__(self, netns, address, data_dir, port=6443):
        self.netns, self.address, self.port = netns, address, port
        with open(f"{data_dir}/admin.token", encoding="ascii") as file:
            self.token = file.read().strip()
        self.context = ssl.create_default_context(cafile=f"{data_dir}/pki/ca.crt")
        self.connection = None

    def _connect(self, timeout):
        with inside(self.netns):
            plain = socket.create_connection((self.address, self.port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(self.address, self.port, timeout=timeout)
        connection.sock = self.context.wrap_socket(plain, server_hostname=self.address)
        connection.auto_open = 0  # it would connect anew from outside the namespace
        return connection

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def headers(self, content_type):
        return {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, "Accept": "application/json"}

    def ask(self, method, path, body=None, content_type="application/json", timeout=20):
        """Any answer; OSError or HTTPException when the server is not there (anew at the next call)."""
        if body is not None and not isinstance(body, bytes):
            body = (body if isinstance(body, str) else json.dumps(body)).encode()
        try:
            if self.connection is None:
                self.connection = self._connect(timeout)
            self.connection.request(method, path, body, self.headers(content_type))
            response = self.connection.getresponse()
            answer = Answer(response.status, response.read())
            if response.will_close:
                self.close()
            return answer
        except (OSError, http.client.HTTPException):
            self.close()
            raise

    def get(self, path):
        answer = self.ask("GET", path)
        check(answer.status == 200, f"GET {path}: {answer.status} {answer.raw[:300]}")
        return answer.json

    def create(self, path, body):
        answer = self.ask("POST", path, body)
        check(answer.status == 201, f"POST {path}: {answer.status} {answer.raw[:300]}")
        return answer.json

    def watch(self, path, timeout=20):
        """A connection of its own and its response, whose lines are the events; the caller closes the connection."""
        connection = self._connect(timeout)
        connection.request("GET", path, None, self.headers("application/json"))
        return connection, connection.getresponse()

    def ready(self):
        try:
            return self.ask("GET", "/readyz", timeout=2).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def running(self, path, count):
        """The pods below a path once `count` of them run and are ready."""
        def all_run():
            pods = self.get(path)["items"]
            fine = [p for p in pods if is_ready(p) and "deletionTimestamp" not in p["metadata"]]
            return fine if len(fine) == count == len(pods) else None
        return wait_for(f"{count} running pods at {path}", all_run)


def is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def containers(pods):
    """What must not change while nobody touches the pods: id and restarts of every container, and its processes."""
    return {
        p["metadata"]["name"]: [
            (c["containerID"], c["restartCount"], processes_of(p["metadata"]["name"])) for c in p["status"]["containerStatuses"]
        ]
        for p in pods
    }


def processes_of(pod_name):
    """Pids of the processes whose environment says POD_NAME=pod_name."""
    wanted = b"POD_NAME=" + pod_name.encode()
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            with open(path, "rb") as file:
                if wanted in file.read().split(b"\0"):
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return sorted(found)


def pod(name, namespace="default", node=None, image="hello:v1", command=("/hello", "8080"), labels=None, restart="Always"):
    spec = {
        "restartPolicy": restart,
        "terminationGracePeriodSeconds": 2,
        "containers": [{
            "name": "hello", "image": image, "command": list(command), "imagePullPolicy": "IfNotPresent",
            "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "DRAIN_MS", "value": "0"}],
        }],
    }
    if node:
        spec["nodeName"] = node
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace, "labels": labels or {"app": name}}, "spec": spec}


class Lab:
    def __init__(self, build, name):
        self.build = os.path.abspath(build)
        self.wherry = f"{self.build}/wherry"
        self.root = os.path.abspath(f"{os.path.dirname(os.path.abspath(__file__))}/../../..")
        self.name = f"wherry-{name}-{os.getpid()}"
        self.directory = None
        self.namespaces = []
        self.processes = []
        self.nodes = []  # (netns, data_dir): what `wherry reset` needs

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix=self.name + "-")
        return self

    # --- making ---

    def netns(self, short, address=None):
        """A namespace with the bridge `lan` at `address`, or with loopback alone."""
        name = f"{self.name}-{short}"
        self.run("ip", "netns", "add", name)
        self.namespaces.append(name)
        self.run("ip", "link", "set", "lo", "up", netns=name)
        if address:
            self.run("ip", "link", "add", "lan", "type", "bridge", netns=name)
            self.run("ip", "address", "add", f"{address}/24", "dev", "lan", netns=name)
            self.run("ip", "link", "set", "lan", "up", netns=name)
            gateway = address.rsplit(".", 1)[0] + ".254"
            self.run("ip", "route", "add", "default", "via", gateway, "dev", "lan", netns=name)
        return name

    def plug(self, netns, switch, address, port):
        """Connects a namespace to the bridge `lan` of another one."""
        self.run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", netns, netns=switch)
        self.run("ip", "link", "set", port, "master", "lan", "up", netns=switch)
        self.run("ip", "address", "add", f"{address}/24", "dev", "eth0", netns=netns)
        self.run("ip", "link", "set", "eth0", "up", netns=netns)
        self.run("ip", "route", "add", "default", "via", address.rsplit(".", 1)[0] + ".254", netns=netns)

    def node(self, netns, short, tags=("v1",)):
        """A data directory for a node, with the example's image in its store; returns it and the node's name."""
        data_dir, node_name = f"{self.directory}/{short}", f"{self.name}-{short}"
        self.nodes.append((netns, data_dir))
        image = f"{self.directory}/image"
        os.makedirs(image, exist_ok=True)
        shutil.copy(f"{self.build}/examples/hello", f"{image}/hello")
        for tag in tags:
            with open(f"{image}/version", "w", encoding="ascii") as file:
                file.write(tag + "\n")
            self.run(self.wherry, "image", "import", "--data-dir", data_dir, "--name", f"hello:{tag}", image)
        return data_dir, node_name

    def run(self, *command, netns=None, ok=True, text=None):
        prefix = ["nsenter", f"--net=/run/netns/{netns}"] if netns else []
        done = subprocess.run(prefix + list(command), capture_output=True, text=True, input=text, timeout=60, check=False)
        if ok:
            check(done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}: {done.stdout}{done.stderr}")
        return done

    def start(self, log, *command, netns):
        """A process in the namespace, which is the process itself and no shell around it. Its output: DIRECTORY/log."""
        with open(f"{self.directory}/{log}", "ab") as output:
            process = subprocess.Popen(["nsenter", f"--net=/run/netns/{netns}", *command], stdout=output, stderr=output,
                                       stdin=subprocess.DEVNULL, start_new_session=True)
        self.processes.append(process)
        return process

    def up(self, netns, address, data_dir, node_name, *more, command="up"):
        """`wherry up` (or a server), answering /readyz when this returns."""
        arguments = ["--data-dir", data_dir, "--bind-address", address, *more]
        if command == "up":
            arguments += ["--node-name", node_name]
        process = self.start("log", self.wherry, command, *arguments, netns=netns)
        def answers():
            check(process.poll() is None, f"wherry {command} ended:\n{self.tail('log')}")
            return os.path.exists(f"{data_dir}/admin.token") and os.path.exists(f"{data_dir}/pki/ca.crt") \
                and Api(netns, address, data_dir).ready()
        wait_for(f"ready wherry {command}", answers)
        return process

    def stop(self, process, sig=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(sig)
        try:
            return process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Failed(f"process {process.args} does not end at signal {sig}") from None

    def kubectl(self, netns, data_dir, *arguments, ok=True):
        program = os.environ.get("WHERRY_KUBECTL")
        return self.run(program, "--kubeconfig", f"{data_dir}/admin.kubeconfig", "--cache-dir",
                        f"{self.directory}/cache", *arguments, netns=netns, ok=ok)

    def tail(self, log, lines=30):
        try:
            with open(f"{self.directory}/{log}", encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError:
            return ""

    # --- leaving ---

    def __exit__(self, kind, error, trace):
        if error is not None:
            for log in sorted(glob.glob(f"{self.directory}/*log*")):
                print(f"--- {os.path.basename(log)}\n{self.tail(os.path.basename(log))}", file=sys.stderr)
        left = []
        for process in reversed(self.processes):
            try:
                self.stop(process)
            except Failed as failure:
                left.append(str(failure))
        for netns, data_dir in self.nodes:
            if not os.path.exists(f"{data_dir}/runtime"):
                continue  # the test ended before the node's start
            reset = self.run(self.wherry, "reset", "--data-dir", data_dir, netns=netns, ok=False)
            if reset.returncode != 0:
                left.append(f"wherry reset: {reset.stdout}{reset.stderr}")
        left += self._remove_what_stayed()
        for netns in self.namespaces:
            self.run("ip", "netns", "del", netns, ok=False)
        shutil.rmtree(self.directory, ignore_errors=True)
        if left and error is None:
            raise Failed("left behind: " + "; ".join(left))
        return False

    def _remove_what_stayed(self):
        left = []
        for _ in range(40):  # the kernel takes cgroups of ended processes away a moment later
            cgroups = glob.glob(f"/sys/fs/cgroup/*/wherry-{self.name}-*") + glob.glob(f"/sys/fs/cgroup/wherry-{self.name}-*")
            if not cgroups:
                break
            time.sleep(0.05)
        for cgroup in cgroups:
            left.append(cgroup)
            for path, _, _ in os.walk(cgroup, topdown=False):
                with open(f"{path}/cgroup.procs", encoding="ascii") as file:
                    for pid in file.read().split():
                        os.kill(int(pid), signal.SIGKILL)
            time.sleep(0.1)
            for path, _, _ in os.walk(cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(path)
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            mounts = [line.split()[4] for line in file if self.directory in line]
        for mount in reversed(mounts):
            left.append(f"mount {mount}")
            self.run("umount", "-l", mount, ok=False)
        return left


def main(name, test, needs=()):
    """Runs `test(lab)` as a ctest: usage NAME.py BUILD_DIR."""
    if os.geteuid() != 0:
        print("skipped: namespaces need root")
        sys.exit(SKIPPED)
    for program in needs:
        if not (os.environ.get("WHERRY_KUBECTL") if program == "kubectl" else shutil.which(program)):
            print(f"skipped: no {program}" + (" in $WHERRY_KUBECTL" if program == "kubectl" else ""))
            sys.exit(SKIPPED)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves the block below, which cleans up
    try:
        with Lab(sys.argv[1], name) as lab:
            test(lab)
    except Failed as failure:
        print(f"FAILED: {failure}")
        sys.exit(1)
    print("ok")
