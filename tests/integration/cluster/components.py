#!/usr/bin/env python3
"""API server, controllers, scheduler, node agent and proxy as processes of their own over HTTPS: what the demo shows passes."""
import re

from lab import Api, check, is_ready, main, wait_for

ADDRESS = "10.99.3.1"


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir = f"{lab.directory}/server"
    lab.up(netns, ADDRESS, data_dir, "", command="apiserver")
    api = Api(netns, ADDRESS, data_dir)
    for name in ("controller-manager", "scheduler"):
        lab.start(f"log-{name}", lab.wherry, name, "--kubeconfig", f"{data_dir}/{name}.kubeconfig", netns=netns)
    token = wait_for("join command", lambda: re.search(r"--token (\S+)", lab.tail("log")))[1]
    node_dir, node_name = lab.node(netns, "n", tags=("v1", "v2"))
    lab.start("log-nodeagent", lab.wherry, "nodeagent", "--data-dir", node_dir, "--node-name", node_name, "--node-ip", ADDRESS,
              "--server", f"https://{ADDRESS}:6443", "--token", token, netns=netns)
    lab.start("log-proxy", lab.wherry, "proxy", "--kubeconfig", f"{data_dir}/proxy.kubeconfig", "--node-name", node_name, netns=netns)
    wait_for("ready node", lambda: any(map(is_ready, api.get("/api/v1/nodes")["items"])))

    def kubectl(*arguments):
        return lab.kubectl(netns, data_dir, "--namespace", "hello", *arguments).stdout

    def names():
        return set(kubectl("get", "pods", "-l", "app=hello", "-o", "jsonpath={.items[*].metadata.name}").split())

    def seen(url):
        return {lab.run("curl", "-sS", "--max-time", "3", url, netns=netns, ok=False).stdout.split(" ")[0] for _ in range(30)}

    kubectl("apply", "-f", f"{lab.root}/examples/hello/")
    kubectl("rollout", "status", "deployment/hello", "--timeout=30s")
    service = f"http://{kubectl('get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}')}/"
    for url in (service, f"http://{ADDRESS}:30080/"):
        wait_for(f"answer of every pod at {url}", lambda url=url: seen(url) == names())
    first = sorted(names())[0]
    check("hello version v1 listens" in kubectl("logs", first), "the logs lack the container's line")
    check("Started container hello" in kubectl("describe", "pod", first), "no Started event")
    kubectl("scale", "deployment/hello", "--replicas=5")
    kubectl("rollout", "status", "deployment/hello", "--timeout=30s")
    check(len(names()) == 5, f"after scaling to five: {names()}")
    kubectl("set", "image", "deployment/hello", "hello=hello:v2")
    kubectl("rollout", "status", "deployment/hello", "--timeout=40s")
    check("version v2" in lab.run("curl", "-sS", "--max-time", "3", service, netns=netns).stdout, "the Service answers with v1")
    kubectl("delete", "-f", f"{lab.root}/examples/hello/", "--ignore-not-found", "--timeout=30s")
    wait_for("end of the Service", lambda: lab.run("curl", "-sS", "--max-time", "1", service, netns=netns, ok=False).returncode)


main("components", test, needs=["kubectl", "curl"])
