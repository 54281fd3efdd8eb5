#!/usr/bin/env python3
"""What a client says to a pod through the API server, with the real kubectl, on a node of another process: exec with and
without a terminal, cp, attach, port-forward, logs over a WebSocket, and the proxies.

$WHERRY_KUBECTL speaks SPDY when it is Debian's; $WHERRY_KUBECTL_NEW, if set, is one that speaks WebSocket (1.31 and later).
"""
import base64
import contextlib
import fcntl
import hashlib
import http.client
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import termios
import time

from lab import Api, check, inside, is_ready, main, pod, wait_for

SERVER, NODE = "10.99.7.1", "10.99.7.2"
PODS = "/api/v1/namespaces/default/pods"


def busybox_pod(name, script, **container):
    made = pod(name, image="box:1", command=("sh", "-c", script))
    made["spec"]["containers"][0].update(container)
    return made


def import_busybox(lab, data_dir):
    root = f"{lab.directory}/box"
    os.makedirs(f"{root}/bin")
    os.makedirs(f"{root}/tmp")
    shutil.copy(shutil.which("busybox"), f"{root}/bin/busybox")
    for name in ("sh", "cat", "tar", "tty", "stty", "sleep", "echo", "test", "id", "env"):
        os.symlink("busybox", f"{root}/bin/{name}")
    lab.run(lab.wherry, "image", "import", "--data-dir", data_dir, "--name", "box:1", root)


class Kubectl:
    """One kubectl, from the server's network namespace."""

    def __init__(self, lab, program, netns, data_dir):
        self.lab = lab
        self.prefix = ["nsenter", f"--net=/run/netns/{netns}", program, "--kubeconfig", f"{data_dir}/admin.kubeconfig",
                       "--cache-dir", f"{lab.directory}/cache"]

    def run(self, *arguments, text=None):
        return subprocess.run(self.prefix + list(arguments), capture_output=True, text=True, input=text, timeout=30, check=False)

    def start(self, *arguments, **streams):
        return subprocess.Popen(self.prefix + list(arguments), start_new_session=True, **streams)


def read_until(fd, wanted, seconds=10):
    seen = b""
    end = time.monotonic() + seconds
    while wanted not in seen:
        ready, _, _ = select.select([fd], [], [], max(0, end - time.monotonic()))
        check(ready, f"no {wanted!r} on the terminal, only {seen!r}")
        try:
            seen += os.read(fd, 4096)
        except OSError:
            break
    check(wanted in seen, f"no {wanted!r} on the terminal, only {seen!r}")
    return seen


def check_exec(kubectl):
    done = kubectl.run("exec", "box", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    check(done.returncode == 7 and done.stdout == "out\n" and done.stderr.startswith("err\n"), f"exec: {done}")
    done = kubectl.run("exec", "-i", "box", "--", "cat", text="a line\n" * 100_000)
    check(done.returncode == 0 and done.stdout == "a line\n" * 100_000, f"stdin: {done.returncode} {done.stdout[:50]} {done.stderr}")
    done = kubectl.run("exec", "box", "--", "nothing")
    check(done.returncode != 0 and "executable file not found" in done.stderr, f"no such program: {done}")


def check_copy(lab, kubectl):
    source, back = f"{lab.directory}/source", f"{lab.directory}/back"
    with open(source, "wb") as file:
        file.write(os.urandom(3_000_000))
    for arguments in ((source, "box:/tmp/copy"), ("box:/tmp/copy", back)):
        done = kubectl.run("cp", *arguments)
        check(done.returncode == 0, f"cp {arguments}: {done}")
    digests = [hashlib.sha256(open(path, "rb").read()).hexdigest() for path in (source, back)]
    check(digests[0] == digests[1], "the file came back as another one")
    os.unlink(back)


def check_terminal(kubectl):
    """A terminal of the container's own, with the client's size, which follows."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    def take_terminal():
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    process = kubectl.start("exec", "-it", "box", "--", "sh", stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=take_terminal)
    os.close(theirs)
    # What is typed comes back as an echo: so every answer is put together by the shell.
    os.write(ours, b"echo \"[$((1+1))]$(tty)$TERM\"\n")
    read_until(ours, b"[2]/dev/pts/0xterm")
    os.write(ours, b"echo size $(stty size)\n")
    read_until(ours, b"size 33 101")
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 55, 0, 0))
    def resized():
        os.write(ours, b"echo \"size $(stty size)=end\"\n")
        return b"size 44 55" in read_until(ours, b"=end\r")
    wait_for("new size", resized, interval=0.2)
    # Control-C is the terminal's to turn into a signal, for whom it controls.
    os.write(ours, b"sleep 100; echo after $?\n")
    time.sleep(0.3)
    os.write(ours, b"\x03")
    os.write(ours, b"echo code $((100+30))\n")
    read_until(ours, b"code 130")
    os.write(ours, b"exit 5\n")
    wait_for("end of the shell", lambda: process.poll() is not None)
    check(process.returncode == 5, f"exit code {process.returncode} of exec -it")
    os.close(ours)


def check_attach(kubectl, name):
    done = kubectl.run("run", name, "-i", "--rm", "--quiet", "--restart=Never", "--image=box:1", "--image-pull-policy=IfNotPresent",
                       "--command", "--", "sh", "-c", "echo begun; cat; echo over", text="typed\n")
    check(done.returncode == 0 and done.stdout.endswith("typed\nover\n"), f"run -i --rm: {done}")
    # Attached twice to a container whose input stays open: both see its output, either may write.
    first = kubectl.start("attach", "-i", "reader", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    second = kubectl.start("attach", "-i", "reader", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    def heard(process, word):
        process.stdin.write(b"hello\n")
        process.stdin.flush()
        return word in os.read(process.stdout.fileno(), 4096)
    wait_for("answer to the first", lambda: heard(first, b"read hello"), interval=0.2)
    wait_for("answer to the second", lambda: heard(second, b"read hello"), interval=0.2)
    for process in (first, second):
        process.stdin.close()
        process.terminate()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


def check_port_forward(lab, kubectl, netns, port):
    process = kubectl.start("port-forward", "pod/web", f"{port}:8080", f"{port + 1}:81", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        read_until(process.stdout.fileno(), str(port + 1).encode())
        for _ in range(3):
            answer = lab.run("curl", "-sS", "--max-time", "5", f"http://127.0.0.1:{port}/", netns=netns).stdout
            check(answer.startswith("web "), f"through the forwarded port: {answer}")
        refused = lab.run("curl", "-sS", "--max-time", "5", f"http://127.0.0.1:{port + 1}/", netns=netns, ok=False)
        check(refused.returncode != 0, "a port where nobody listens answered")
        read_until(process.stderr.fileno(), b"Connection refused")
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
        process.stderr.close()


def websocket(api, netns, path, protocol):
    """The payloads that the server sends until it closes."""
    with inside(netns):
        plain = socket.create_connection((api.address, api.port), 10)
    with api.context.wrap_socket(plain, server_hostname=api.address) as stream:
        key = base64.b64encode(os.urandom(16)).decode()
        stream.sendall((f"GET {path} HTTP/1.1\r\nHost: {api.address}\r\nAuthorization: Bearer {api.token}\r\nConnection: Upgrade\r\n"
                        f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
                        f"Sec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
        response = http.client.HTTPResponse(stream)
        response.begin()
        check(response.status == 101, f"GET {path} as WebSocket: {response.status}")
        data = b""
        while True:
            head = response.fp.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return data
            length = head[1] & 127
            if length == 126:
                length = int.from_bytes(response.fp.read(2), "big")
            data += response.fp.read(length)


def check_proxy(kubectl, api):
    def raw(path):
        return kubectl.run("get", "--raw", path)
    for path in (f"{PODS}/web:8080/proxy/", f"{PODS}/http:web:8080/proxy/any/path?q=1",
                 "/api/v1/namespaces/default/services/web/proxy/", "/api/v1/namespaces/default/services/web:80/proxy/"):
        wait_for(f"answer of {path}", lambda path=path: raw(path).stdout.startswith("web "))
    node = api.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    pods = raw(f"/api/v1/nodes/{node}/proxy/pods").stdout
    check('"PodList"' in pods and '"web"' in pods, f"the node's own pods through the proxy: {pods[:200]}")
    check(raw(f"{PODS}/web:81/proxy/").returncode != 0, "a port where nobody listens answered through the proxy")
    moved = api.ask("GET", f"{PODS}/web:8080/proxy")
    check(moved.status == 301, f"a proxy without a path: {moved.status}")


def test(lab):
    switch = lab.netns("switch")
    lab.run("ip", "link", "add", "lan", "type", "bridge", netns=switch)
    lab.run("ip", "link", "set", "lan", "up", netns=switch)
    server, node = lab.netns("a"), lab.netns("b")
    lab.plug(server, switch, SERVER, "port-a")
    lab.plug(node, switch, NODE, "port-b")
    data_dir = f"{lab.directory}/server"
    lab.up(server, SERVER, data_dir, "", command="server")
    api = Api(server, SERVER, data_dir)
    token = wait_for("join command", lambda: re.search(r"--token (\S+)", lab.tail("log")))[1]
    node_dir, node_name = lab.node(node, "n")
    import_busybox(lab, node_dir)
    lab.start("log-n", lab.wherry, "agent", "--data-dir", node_dir, "--node-name", node_name, "--node-ip", NODE,
              "--server", f"https://{SERVER}:6443", "--token", token, netns=node)
    wait_for("ready node", lambda: any(map(is_ready, api.get("/api/v1/nodes")["items"])))
    # The server's machine has no agent that would know the way to the pods.
    lab.run("ip", "route", "add", api.get(f"/api/v1/nodes/{node_name}")["spec"]["podCIDR"], "via", NODE, netns=server)

    api.create(PODS, pod("web"))
    api.create(PODS, busybox_pod("box", "echo the first line; sleep 1000"))
    api.create(PODS, busybox_pod("reader", "while read line; do echo read $line; done; sleep 1000", stdin=True))
    api.create("/api/v1/namespaces/default/services", {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})
    api.running(PODS, 3)

    programs = [os.environ["WHERRY_KUBECTL"]] + [p for p in [os.environ.get("WHERRY_KUBECTL_NEW")] if p]
    for index, program in enumerate(programs):
        kubectl = Kubectl(lab, program, server, data_dir)
        check_exec(kubectl)
        check_copy(lab, kubectl)
        check_terminal(kubectl)
        check_attach(kubectl, f"run-{index}")
        check_port_forward(lab, kubectl, server, 18080 + 10 * index)
    check_proxy(Kubectl(lab, programs[0], server, data_dir), api)
    log = websocket(api, server, f"{PODS}/box/log", "binary.k8s.io")
    check(log == b"the first line\n", f"log over a WebSocket: {log!r}")
    command = websocket(api, server, f"{PODS}/box/exec?stdout=1&stderr=1&command=echo&command=hello", "v4.channel.k8s.io")
    check(b"\x01hello\n" in command and b'"Success"' in command, f"exec over a WebSocket: {command!r}")
    with contextlib.suppress(Exception):
        api.close()


main("streams", test, needs=["kubectl", "curl", "busybox"])
