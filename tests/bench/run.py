#!/usr/bin/env python3
"""Measures a Kubernetes API and node, and sets the figures beside upstream's.

    run.py --build build/release [NAME...]          a Wherry of its own, in a network namespace that it makes and removes
    run.py --build build/release --server IP:PORT --token T [--ca FILE] [--node NODE --image REF] [NAME...]
                                                    any Kubernetes API; what needs to start the server is left out

NAMEs are the ids in the table's first column. The client is tests/bench/api_load. Each benchmark checks what it got and
fails the run when that is wrong. Upstream's figures: Kubernetes 1.28.0 + etcd 3.4 + containerd 1.6 on two cores of the same
kind, client limits lifted. A ratio is honest only where both ran on the same machine with the same load; the load is printed.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration", "cluster"))
from lab import Api, Failed, Lab, check, processes_of, wait_for  # noqa: E402

ADDRESS = "10.98.1.1"
PODS = 20_000
POD_PADDING = 1_800  # brings a pod as Wherry stores it to the 2.9 KB it has upstream
HOLDS_POD = '"restartPolicy":"Never"'

# id: (what, upstream's figure, unit, whether more is better)
UPSTREAM = {
    "A1": ("durable pod creates/s, 32 connections", 1083, "/s", True),
    "A3": ("GET one pod, 32 connections", 3482, "/s", True),
    "A4": ("LIST 20,000 pods, JSON, one client", 810, "ms", False),
    "A4b": ("LIST limit=500, 8 connections", 62.5, "/s", True),
    "A10": ("exec to /readyz, empty store", 3370, "ms", False),
    "A12": ("RSS of the API server, empty", 270, "MB", False),
    "A12b": ("RSS of the API server, 20,000 pods", 1038, "MB", False),
    "N1": ("run one container to its exit (runc)", 38.6, "ms", False),
    "N3": ("create (bound) to Running on a watch, median of 10", 1004, "ms", False),
    "N3t": ("the same with a token of its account", None, "ms", False),
    "N4": ("50 pods, all Running", 7420, "ms", False),
    "N5": ("delete those 50, all gone", 7010, "ms", False),
    "N6": ("container exit to status in the API, median of 5", 1000, "ms", False),
    "N7": ("memory of agent and supervisors, 50 pods", 851, "MB", False),
    "start": ("exec to first pod Running, image present", None, "ms", False),
    "idle": ("RSS of the idle one-node cluster, all parts", 829, "MB", False),
}


class Target:
    """The API under test."""

    def __init__(self, load, server, token, ca, netns=None):
        self.load, self.server, self.token, self.ca, self.netns = load, server, token, ca, netns

    def api_load(self, *arguments):
        enter = ["nsenter", f"--net=/run/netns/{self.netns}"] if self.netns else []
        options = ["--server", self.server, "--token", self.token] + (["--ca", self.ca] if self.ca else [])
        done = subprocess.run(enter + [self.load, *options, *map(str, arguments)], capture_output=True, text=True,
                              timeout=300, check=False)
        check(done.returncode == 0, f"api_load {arguments}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    def make_namespace(self, name):
        self.api_load("namespace", name)


def rss_mb(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    return total / 1024


def wait_ready(netns, data_dir):
    def answers():
        made = all(os.path.exists(f"{data_dir}/{file}") for file in ("admin.token", "pki/ca.crt"))
        return made and Api(netns, ADDRESS, data_dir).ready()
    wait_for("API server that is ready", answers, interval=0.001)


def descendants(pid):
    """The process and what it started, less the containers' own processes."""
    found = [pid]
    for parent in found:
        try:
            for task in os.listdir(f"/proc/{parent}/task"):
                with open(f"/proc/{parent}/task/{task}/children", encoding="ascii") as file:
                    found += [int(child) for child in file.read().split()]
        except OSError:
            pass
    return [p for p in found if name_of(p) != "hello"]


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


class Run:
    def __init__(self, options):
        self.options = options
        self.results = {}
        self.load = f"{options.build}/tests/bench/api_load"

    def wants(self, *names):
        return not self.options.names or any(n in self.options.names for n in names)

    def put(self, name, value, detail=""):
        self.results[name] = (value, detail)
        print(f"  {name}: {value:.1f} {UPSTREAM[name][2]} {detail}  [load {os.getloadavg()[0]:.1f}]", file=sys.stderr, flush=True)

    # --- against any API ---

    def api(self, target):
        if not self.wants("A1", "A3", "A4", "A4b", "A12b"):
            return
        target.make_namespace("load")
        create = target.api_load("create", PODS, "--namespace", "load", "--connections", 32, "--padding", POD_PADDING)
        self.put("A1", create["per_second"], latency(create))
        if self.wants("A3"):
            path = "/api/v1/namespaces/load/pods/pod-77"
            get = target.api_load("request", 60_000, "GET", path, "--connections", 32, "--holds", HOLDS_POD, "--times", 1)
            self.put("A3", get["per_second"], f"{latency(get)}, {get['bytes'] // get['count']} B each")
        if self.wants("A4"):
            path = "/api/v1/namespaces/load/pods?resourceVersion=0"
            whole = target.api_load("request", 5, "GET", path, "--holds", HOLDS_POD, "--times", PODS)
            self.put("A4", whole["p50_ms"], f"{whole['bytes'] // 5 / 1e6:.1f} MB each, median of 5")
        if self.wants("A4b"):
            path = "/api/v1/namespaces/load/pods?limit=500"
            page = target.api_load("request", 400, "GET", path, "--connections", 8, "--holds", HOLDS_POD, "--times", 500)
            self.put("A4b", page["per_second"], latency(page))

    def node(self, target, node, image):
        target.make_namespace("bench")
        common = ["--namespace", "bench", "--node", node, "--image", image]
        if self.wants("N3"):
            one = target.api_load("running", 1, 11, *common)["running_ms"][1:]
            self.put("N3", statistics.median(one), f"min {min(one):.1f}, max {max(one):.1f}")
        if self.wants("N3t"):
            one = target.api_load("running", 1, 11, "--account-token", *common)["running_ms"][1:]
            self.put("N3t", statistics.median(one), f"min {min(one):.1f}, max {max(one):.1f}")
        if self.wants("N4", "N5"):
            many = target.api_load("running", 50, 1, "--connections", 8, *common)
            self.put("N4", many["running_ms"][0])
            self.put("N5", many["gone_ms"][0])

    def exits(self, target, node, image):
        """Needs the containers' processes on this machine."""
        if not self.wants("N6"):
            return
        target.make_namespace("exits")
        common = ["--namespace", "exits", "--node", node, "--image", image]
        target.api_load("running", 5, 1, "--keep", *common)
        times = []
        for i in range(5):
            pid = processes_of(f"exits-0-{i}")[0]
            times.append(target.api_load("exit", pid, *common)["ms"])
        self.put("N6", statistics.median(times), f"max {max(times):.1f}")

    # --- with a server of our own ---

    def own(self):
        with Lab(self.options.build, "bench") as lab:
            netns = lab.netns("a", ADDRESS)
            self.server_alone(lab, netns)
            self.cluster(lab, netns)
        if self.wants("N1"):
            self.container()

    def target(self, netns, data_dir):
        with open(f"{data_dir}/admin.token", encoding="ascii") as file:
            token = file.read().strip()
        return Target(self.load, f"{ADDRESS}:6443", token, f"{data_dir}/pki/ca.crt", netns)

    def server_alone(self, lab, netns):
        data_dir = f"{lab.directory}/server"
        if not self.wants("A1", "A3", "A4", "A4b", "A10", "A12", "A12b"):
            return
        times = []
        for i in range(5):
            directory = f"{data_dir}-{i}"
            started = time.monotonic()
            process = lab.start("log", lab.wherry, "apiserver", "--data-dir", directory, "--bind-address", ADDRESS, netns=netns)
            wait_ready(netns, directory)
            times.append((time.monotonic() - started) * 1000)
            if i < 4:
                lab.stop(process)
        self.put("A10", statistics.median(times), f"median of 5, max {max(times):.0f}")
        time.sleep(2)
        self.put("A12", rss_mb([process.pid]))
        self.api(self.target(netns, directory))
        if self.wants("A12b"):
            time.sleep(2)
            self.put("A12b", rss_mb([process.pid]))
        lab.stop(process)

    def cluster(self, lab, netns):
        if not self.wants("N3", "N3t", "N4", "N5", "N6", "N7", "start", "idle"):
            return
        data_dir, node = lab.node(netns, "n")
        started = time.monotonic()
        process = lab.start("log", lab.wherry, "up", "--data-dir", data_dir, "--bind-address", ADDRESS, "--node-name", node,
                            netns=netns)
        wait_ready(netns, data_dir)
        target = self.target(netns, data_dir)
        target.make_namespace("first")
        target.api_load("running", 1, 1, "--keep", "--namespace", "first", "--node", "")
        self.put("start", (time.monotonic() - started) * 1000)
        time.sleep(3)
        self.put("idle", rss_mb(descendants(process.pid)))
        self.node(target, node, "hello:v1")
        self.exits(target, node, "hello:v1")
        if self.wants("N7"):
            target.make_namespace("memory")
            target.api_load("running", 50, 1, "--keep", "--namespace", "memory", "--node", node, "--connections", 8)
            pids = descendants(process.pid)
            pods = [p for p in pids if name_of(p) == "wherry-pod"]
            check(len(pods) >= 50, f"{len(pods)} supervisors for 50 pods")
            self.put("N7", rss_mb(pids), f"{rss_mb(pods) / len(pods):.1f} MB per supervisor; API server and controllers included")
        lab.stop(process)

    def container(self):
        done = subprocess.run([f"{self.options.build}/tests/bench/runtime_bench"], capture_output=True, text=True, timeout=300,
                              check=False)
        check(done.returncode == 0 and "FAILED" not in done.stdout, f"runtime_bench: {done.stdout}{done.stderr}")
        # Its columns are min, p50, p90 and max; the container runs in a pod that is there, as under runc.
        row = next((line for line in done.stdout.splitlines() if line.startswith("container in a pod, run to exit")), None)
        check(row is not None, f"runtime_bench prints no such row: {done.stdout}")
        least, median, _, most = map(float, row.split()[-4:])
        self.put("N1", median, f"min {least:.1f}, max {most:.1f}")

    def table(self):
        print(f"\n{'id':6}{'what':54}{'upstream':>12}{'here':>12}{'ratio':>9}")
        for name, (what, peer, unit, more) in UPSTREAM.items():
            if name in self.results:
                value = self.results[name][0]
                ratio = "" if peer is None else f"{(value / peer if more else peer / value):.1f}x"
                upstream = "" if peer is None else f"{peer:g} {unit}"
                print(f"{name:6}{what:54}{upstream:>12}{f'{value:.1f} {unit}':>12}{ratio:>9}")


def latency(result):
    return f"p50 {result['p50_ms']:.1f} ms, p99 {result['p99_ms']:.1f} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--server")
    parser.add_argument("--token", default="")
    parser.add_argument("--ca", default="")
    parser.add_argument("--node")
    parser.add_argument("--image", default="hello:v1")
    parser.add_argument("--load", help="api_load, when it is not below --build")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    run = Run(options)
    if options.load:
        run.load = options.load
    try:
        if options.server:
            target = Target(run.load, options.server, options.token, options.ca)
            run.api(target)
            if options.node:
                run.node(target, options.node, options.image)
        else:
            run.own()
    except Failed as failure:
        run.table()
        sys.exit(f"bench: FAILED: {failure}")
    run.table()


main()
