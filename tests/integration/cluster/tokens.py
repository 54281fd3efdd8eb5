#!/usr/bin/env python3
"""Join tokens: made, listed, deleted and expired; a node joins with a good one only."""
import re
import time

from lab import Api, check, main, wait_for

ADDRESS = "10.99.9.1"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir = f"{lab.directory}/server"
    server = lab.up(netns, ADDRESS, data_dir, "", command="server")
    api = Api(netns, ADDRESS, data_dir)

    def printed():
        return wait_for("join command", lambda: re.findall(r"--token (\S+)", lab.tail("log")))
    def wherry(*arguments, ok=True):
        return lab.run(lab.wherry, "token", *arguments, "--data-dir", data_dir, netns=netns, ok=ok)
    def status(token):
        bearer = Api(netns, ADDRESS, data_dir)
        bearer.token = token.split("::")[1]
        answer = bearer.ask("GET", REQUESTS).status
        bearer.close()
        return answer
    def join(short, token):
        node_dir, node_name = nodes[short]
        return lab.start(f"log-{short}", lab.wherry, "agent", "--data-dir", node_dir, "--node-name", node_name, "--node-ip", ADDRESS,
                         "--server", f"https://{ADDRESS}:6443", "--token", token, netns=netns)

    first = printed()[0]
    check(status(first) == 200, "the printed token is refused")
    hours = re.search(r"(\d+)h\d+m\d+s .*Made by the server", wherry("list").stdout)
    check(hours and int(hours[1]) == 23, f"the printed token's life: {wherry('list').stdout}")

    # What create prints is the whole command; it ends by itself.
    start = time.monotonic()
    command = wherry("create", "--ttl", "4s", "--description", "soon over").stdout.strip()
    check(re.fullmatch(rf"wherry agent --server https://{ADDRESS}:6443 --token W1[0-9a-f]{{64}}::\w{{6}}\.\w{{16}}", command),
          f"create prints {command!r}")
    short = command.split()[-1]
    check(status(short) == 200 and time.monotonic() - start < 4, "a new token is refused")
    check("soon over" in wherry("list").stdout, "list does not show the description")
    wait_for("end of the token", lambda: status(short) == 401, seconds=8)
    check(time.monotonic() - start > 2.9, "the token ended before its time")
    wait_for("removal of the expired token", lambda: "soon over" not in wherry("list").stdout)

    nodes = {"b": lab.node(netns, "b")}
    refused = join("b", short)
    check(refused.wait(20) == 1 and "`wherry token create`" in lab.tail("log-b"), f"a node joined with an expired token: {lab.tail('log-b')}")

    good = wherry("create", "--ttl", "0").stdout.strip().split()[-1]
    check(re.search(r"forever +never", wherry("list").stdout), f"no token without end: {wherry('list').stdout}")
    agent = join("b", good)
    wait_for("the node", lambda: api.get("/api/v1/nodes")["items"])
    wherry("delete", good.split("::")[1].split(".")[0])
    check(status(good) == 401, "a deleted token is good")
    check(wherry("delete", "nothere", ok=False).returncode == 1, "the deletion of no token succeeds")
    check(wherry("create", "--ttl", "soon", ok=False).returncode == 1, "--ttl soon is taken")

    # The node has its certificate and needs the token no more, and what it joined and its name are remembered.
    lab.stop(agent)
    agent = join("b", good)
    wait_for("the node's second start", lambda: lab.tail("log-b").count("ready in") == 2)
    lab.stop(agent)
    node_dir, node_name = nodes["b"]
    agent = lab.start("log-again", lab.wherry, "agent", "--data-dir", node_dir, netns=netns)
    wait_for("the node's third start", lambda: f"node {node_name}" in lab.tail("log-again"))
    check(len(api.get("/api/v1/nodes")["items"]) == 1, "the third start made another node")
    lab.stop(agent)
    with open(f"{node_dir}/agent/client.key", "r+", encoding="ascii") as key:
        kept = key.read()
        key.truncate(0)
    damaged = lab.run(lab.wherry, "agent", "--data-dir", node_dir, netns=netns, ok=False)
    check(damaged.returncode == 1 and "give --token" in damaged.stderr, f"an agent without its key: {damaged}")
    with open(f"{node_dir}/agent/client.key", "w", encoding="ascii") as key:
        key.write(kept)
    agent = lab.start("log-mended", lab.wherry, "agent", "--data-dir", node_dir, netns=netns)
    wait_for("the node's fourth start", lambda: f"node {node_name}" in lab.tail("log-mended"))
    unjoined = lab.run(lab.wherry, "agent", "--data-dir", f"{lab.directory}/empty", netns=netns, ok=False)
    check(unjoined.returncode == 1 and "give --server and --token" in unjoined.stderr, f"an agent that never joined: {unjoined}")

    # A restart prints the same token while it is good for long enough, else a new one. A node starts without the server.
    api.close()
    lab.stop(server)
    lab.stop(agent)
    lab.start("log-alone", lab.wherry, "agent", "--data-dir", node_dir, netns=netns)
    wait_for("the node's start without the server", lambda: f"node {node_name}" in lab.tail("log-alone"))
    server = lab.up(netns, ADDRESS, data_dir, "", command="server")
    wait_for("second join command", lambda: len(printed()) == 2)
    check(printed()[1] == first, "the restart made another token")
    wherry("delete", first.split("::")[1])
    api.close()
    lab.stop(server)
    lab.up(netns, ADDRESS, data_dir, "", command="server")
    wait_for("third join command", lambda: len(printed()) == 3)
    check(printed()[2] != first and status(printed()[2]) == 200, "no new token after the old one's end")


main("tokens", test)
