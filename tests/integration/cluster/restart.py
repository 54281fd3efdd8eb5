#!/usr/bin/env python3
"""A cluster in one process ends by Ctrl-C, then by kill -9, and starts again: its pods never notice."""
import signal

from lab import Api, check, containers, main, wait_for

ADDRESS = "10.99.1.1"
PODS = "/api/v1/namespaces/hello/pods"


def answers(lab, netns, address):
    return lab.run("curl", "-sS", "--max-time", "3", f"http://{address}/", netns=netns, ok=False).returncode == 0


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir, node = lab.node(netns, "a")
    process = lab.up(netns, ADDRESS, data_dir, node)
    api = Api(netns, ADDRESS, data_dir)
    wait_for("ready node", lambda: "Ready" in lab.kubectl(netns, data_dir, "get", "nodes").stdout)
    lab.kubectl(netns, data_dir, "apply", "-f", f"{lab.root}/examples/hello/")
    lab.kubectl(netns, data_dir, "--namespace", "hello", "rollout", "status", "deployment/hello", "--timeout=30s")
    before = containers(api.running(PODS, 3))
    check(all(len(c) == 1 and c[0][1] == 0 and len(c[0][2]) == 1 for c in before.values()), f"at first: {before}")
    uids = {p["metadata"]["uid"] for p in api.get(PODS)["items"]}
    revision = int(api.get(PODS)["metadata"]["resourceVersion"])
    service = api.get("/api/v1/namespaces/hello/services/hello")["spec"]["clusterIP"]
    wait_for("answer of the Service", lambda: answers(lab, netns, service))

    for sig in (signal.SIGINT, signal.SIGKILL):
        code = lab.stop(process, sig)
        check(code == (0 if sig == signal.SIGINT else -9), f"exit status after signal {sig}: {code}")
        check(answers(lab, netns, service), "the Service answers while the cluster's process is away")
        api.close()
        process = lab.up(netns, ADDRESS, data_dir, node)
        after = containers(api.running(PODS, 3))
        check(after == before, f"after signal {sig}: {after}, before: {before}")
        check({p["metadata"]["uid"] for p in api.get(PODS)["items"]} == uids, "the pods are other ones")
        check(int(api.get(PODS)["metadata"]["resourceVersion"]) >= revision, "the revision went back")
        check(answers(lab, netns, service), "the Service answers after the restart")
        revision = int(api.get(PODS)["metadata"]["resourceVersion"])

    # The agent has adopted them: it sees their end and starts what must run.
    name = sorted(before)[0]
    pid = before[name][0][2][0]
    lab.run("kill", "-KILL", str(pid))
    def restarted():
        status = api.get(f"{PODS}/{name}")["status"]["containerStatuses"][0]
        return status["restartCount"] == 1 and "running" in status["state"]
    wait_for("restart of the container that was killed", restarted)


main("restart", test, needs=["kubectl", "curl"])
