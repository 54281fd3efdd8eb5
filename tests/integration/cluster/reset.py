#!/usr/bin/env python3
"""`wherry reset` removes all of a stopped node, whose name it knows, and touches nothing where there is no node."""
import glob
import json
import os

from lab import Api, check, is_ready, main, pod, processes_of, wait_for

ADDRESS = "10.99.8.1"
PODS = "/api/v1/namespaces/default/pods"


def cgroups(node):
    return glob.glob(f"/sys/fs/cgroup/*/wherry-{node}") + glob.glob(f"/sys/fs/cgroup/wherry-{node}")


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir, node = lab.node(netns, "a")
    process = lab.up(netns, ADDRESS, data_dir, node)
    api = Api(netns, ADDRESS, data_dir)
    wait_for("a node that pods fit on", lambda: any(map(is_ready, api.get("/api/v1/nodes")["items"])))
    api.create(PODS, pod("one"))
    api.running(PODS, 1)

    def rules():
        return lab.run("iptables-save", "-t", "nat", netns=netns).stdout.count("KUBE-SERVICES")
    def links():
        return [link["ifname"] for link in json.loads(lab.run("ip", "-json", "link", netns=netns).stdout)]
    def reset(*arguments):
        return lab.run(lab.wherry, "reset", *arguments, netns=netns, ok=False)
    def untouched():
        return rules() > 0 and "wherry0" in links() and cgroups(node) and processes_of("one")
    wait_for("Service rules", rules)
    check(untouched(), f"before: {rules()} rules, {links()}, {cgroups(node)}")

    busy = reset("--data-dir", data_dir)
    check(busy.returncode == 1 and "another node agent uses" in busy.stderr, f"reset of a running node: {busy}")
    api.close()
    lab.stop(process)
    other = lab.start("log-renamed", lab.wherry, "up", "--data-dir", data_dir, "--bind-address", ADDRESS, "--node-name", "other",
                      netns=netns)
    check(other.wait(20) == 1 and f"is of the node '{node}', not of 'other'" in lab.tail("log-renamed"),
          f"start under another name: {lab.tail('log-renamed')}")
    for what, arguments, message in (
            ("a data directory that is not there", ("--data-dir", f"{lab.directory}/none"), "no data directory"),
            ("a directory without a node", ("--data-dir", lab.directory), "no node ran with the data directory"),
            ("another node's name", ("--data-dir", data_dir, "--node-name", "other"), f"is of the node '{node}'")):
        refused = reset(*arguments)
        check(refused.returncode == 1 and message in refused.stderr, f"{what}: {refused}")
        check(untouched(), f"{what}: touched: {rules()} rules, {links()}, {cgroups(node)}")

    done = reset("--data-dir", data_dir)
    check(done.returncode == 0 and "removed pod default/one" in done.stdout, f"reset: {done}")
    check(not processes_of("one"), "the container runs on")
    check(not cgroups(node), f"cgroups stay: {cgroups(node)}")
    check(rules() == 0 and "wherry0" not in links(), f"after: {rules()} rules, {links()}")
    check(reset("--data-dir", data_dir).returncode == 0, "a second reset fails")

    # A name that no Node can have is refused before anything starts; a good one need be given once.
    for name in ("Other", "-x", "x" * 64):
        bad = lab.run(lab.wherry, "up", "--data-dir", f"{lab.directory}/bad", "--bind-address", ADDRESS, "--node-name", name,
                      netns=netns, ok=False)
        check(bad.returncode == 1 and "cannot be a node's" in bad.stderr and "join with" not in bad.stdout, f"name {name}: {bad}")
        check(not os.path.exists(f"{lab.directory}/bad"), f"name {name}: something was written")
    lab.stop(lab.up(netns, ADDRESS, data_dir, "other"))
    lab.stop(lab.up(netns, ADDRESS, data_dir, ""))
    check(cgroups("other"), "the second start took another name")
    done = reset("--data-dir", data_dir)
    check(done.returncode == 0 and not cgroups("other"), f"reset under the new name: {done} {cgroups('other')}")


main("reset", test, needs=["iptables-save"])
