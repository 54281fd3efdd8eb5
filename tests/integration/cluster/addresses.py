#!/usr/bin/env python3
"""An agent on a machine with several addresses takes the one from which it reaches the server."""
import re

from lab import Api, check, main, wait_for

FIRST, ADDRESS = "10.98.12.1", "10.99.12.1"


def test(lab):
    netns = lab.netns("a", FIRST)
    lab.run("ip", "link", "add", "second", "type", "bridge", netns=netns)
    lab.run("ip", "address", "add", f"{ADDRESS}/24", "dev", "second", netns=netns)
    lab.run("ip", "link", "set", "second", "up", netns=netns)
    data_dir = f"{lab.directory}/server"
    lab.up(netns, ADDRESS, data_dir, "", command="server")
    api = Api(netns, ADDRESS, data_dir)
    token = wait_for("join command", lambda: re.search(r"--token (\S+)", lab.tail("log")))[1]
    node_dir, node_name = lab.node(netns, "n")
    lab.start("log-n", lab.wherry, "agent", "--data-dir", node_dir, "--node-name", node_name, "--server", f"https://{ADDRESS}:6443",
              "--token", token, netns=netns)

    def addresses():
        return [a["address"] for n in api.get("/api/v1/nodes")["items"] for a in n["status"].get("addresses", [])
                if a["type"] == "InternalIP"]
    check(wait_for("address of the node", addresses) == [ADDRESS], f"{addresses()}")


main("addresses", test)
