#!/usr/bin/env python3
"""kill -9 of the whole control plane and agent, fifty times under write load: what was acknowledged is there, revisions
only grow, a watcher resumes where it was (or is told 410), and the pods run on."""
import http.client
import json
import random
import threading
import time

from lab import Api, Failed, check, containers, main, pod, wait_for

ADDRESS = "10.99.4.1"
KILLS = 50
PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
GONE = (OSError, http.client.HTTPException)


class Writer:
    """Creates, changes and deletes ConfigMaps, and remembers what was acknowledged."""

    def __init__(self, api, seed):
        self.api, self.random, self.names = api, random.Random(seed), 0
        self.acknowledged = {}  # name -> value; None once deleted
        self.unsure = set()     # asked for without an answer: either outcome is right
        self.revision = 0
        self.count = 0

    def write(self):
        live = [n for n, v in self.acknowledged.items() if v is not None and n not in self.unsure]
        action = self.random.choice(["create", "update", "update", "delete"]) if len(live) > 20 else "create"
        if action == "create":
            name, value = f"map-{self.names}", str(self.count)
            self.names += 1
        else:
            name, value = self.random.choice(live), str(self.count)
        self.count += 1
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}
        # In doubt until answered; a name that was once in doubt is not used again.
        self.unsure.add(name)
        if action == "create":
            answer = self.api.ask("POST", MAPS, body, timeout=5)
        elif action == "update":
            answer = self.api.ask("PUT", f"{MAPS}/{name}", body, timeout=5)
        else:
            answer = self.api.ask("DELETE", f"{MAPS}/{name}", timeout=5)
        if answer.status in (429, 503):
            return
        check(answer.status in (200, 201), f"{action} {name}: {answer.status} {answer.raw[:200]}")
        self.unsure.discard(name)
        self.acknowledged[name] = None if action == "delete" else value
        if action != "delete":
            revision = int(answer.json["metadata"]["resourceVersion"])
            check(revision > self.revision, f"revision {revision} was given after {self.revision}")
            self.revision = revision


class Watcher(threading.Thread):
    """Follows the ConfigMaps through every crash and rebuilds their state from events alone."""

    def __init__(self, api, revision):
        super().__init__(daemon=True)
        self.api, self.revision = api, revision
        self.state, self.expired, self.resumed = {}, 0, 0
        self.failure, self.stopping = None, False

    def run(self):
        try:
            while not self.stopping:
                try:
                    self.follow()
                except GONE:
                    time.sleep(0.02)
        except Failed as failure:
            self.failure = failure

    def follow(self):
        connection, response = self.api.watch(f"{MAPS}?watch=1&resourceVersion={self.revision}", timeout=2)
        try:
            if response.status == 410:
                self.start_anew()
                return
            if response.status != 200:
                raise OSError(f"watch: {response.status}")
            self.resumed += 1
            while line := response.readline():
                if not line.endswith(b"\n"):
                    return
                event = json.loads(line)
                if event["type"] == "ERROR":
                    check(event["object"].get("code") == 410, f"watch ended by {event}")
                    self.start_anew()
                    return
                self.take(event)
        finally:
            connection.close()

    def start_anew(self):
        self.expired += 1
        answer = self.api.ask("GET", MAPS, timeout=5).json
        self.revision = int(answer["metadata"]["resourceVersion"])
        self.state = {m["metadata"]["name"]: m["data"]["value"] for m in answer["items"] if "value" in m.get("data", {})}

    def take(self, event):
        meta = event["object"]["metadata"]
        revision = int(meta["resourceVersion"])
        check(revision > self.revision, f"the watch shows {revision} after {self.revision}")
        self.revision = revision
        if event["type"] == "DELETED":
            self.state.pop(meta["name"], None)
        elif "value" in event["object"].get("data", {}):
            self.state[meta["name"]] = event["object"]["data"]["value"]


def values(api):
    return {m["metadata"]["name"]: m["data"]["value"] for m in api.get(MAPS)["items"] if "value" in m.get("data", {})}


def verify(writer, api):
    now = values(api)
    for name, value in writer.acknowledged.items():
        if name not in writer.unsure:
            check(now.get(name) == value, f"{name} is {now.get(name)!r} and was acknowledged as {value!r}")
    revision = int(api.get(MAPS)["metadata"]["resourceVersion"])
    check(revision >= writer.revision, f"revision {revision} after {writer.revision} was acknowledged")
    writer.revision = revision
    return now


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir, node = lab.node(netns, "a")
    process = lab.up(netns, ADDRESS, data_dir, node)
    api = Api(netns, ADDRESS, data_dir)
    wait_for("service account", lambda: api.ask("GET", "/api/v1/namespaces/default/serviceaccounts/default").status == 200)
    for i in range(3):
        api.create(PODS, pod(f"steady-{i}", node=node))
    before = containers(api.running(PODS, 3))
    writer = Writer(api, seed=1)
    watcher = Watcher(Api(netns, ADDRESS, data_dir), int(api.get(MAPS)["metadata"]["resourceVersion"]))
    watcher.start()
    pause = random.Random(2)
    for _ in range(KILLS):
        # Writes go on until the process is gone under them.
        killer = threading.Timer(pause.uniform(0.02, 0.25), process.kill)
        killer.start()
        try:
            while True:
                writer.write()
        except GONE:
            pass
        killer.join()
        process.wait()
        process = lab.up(netns, ADDRESS, data_dir, node)
        verify(writer, api)
        check(watcher.failure is None, f"the watcher: {watcher.failure}")
    final = verify(writer, api)
    wait_for("watcher that knows the same", lambda: watcher.failure or watcher.state == final)
    watcher.stopping = True
    check(watcher.failure is None, f"the watcher: {watcher.failure}")
    check(containers(api.running(PODS, 3)) == before, "the containers are other ones")
    # A kill early in the run could leave nothing to test.
    check(writer.count > KILLS * 2, f"only {writer.count} writes")
    print(f"{writer.count} writes, {len(writer.unsure)} of them in doubt; the watch resumed {watcher.resumed} times "
          f"and started anew {watcher.expired} times")


main("crash", test)
