#!/usr/bin/env python3
"""Certificates are renewed while server and agent run: new connections see them, old ones go on, nobody restarts."""
import datetime
import os
import re
import shutil
import socket
import ssl
import time

from lab import Api, check, inside, is_ready, main, wait_for

ADDRESS = "10.99.13.1"
LIFE, USED = 45, 20  # seconds; a start takes what has a third of its life left, and renews it at 70 to 80 %
MAPS = "/api/v1/namespaces/default/configmaps"


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir = f"{lab.directory}/server"
    server = lab.up(netns, ADDRESS, data_dir, "", command="server")
    api = Api(netns, ADDRESS, data_dir)
    token = wait_for("join command", lambda: re.search(r"--token (\S+)", lab.tail("log")))[1]
    node_dir, node_name = lab.node(netns, "n")

    def join():
        return lab.start("log-n", lab.wherry, "agent", "--data-dir", node_dir, "--node-name", node_name, "--node-ip", ADDRESS,
                         "--server", f"https://{ADDRESS}:6443", "--token", token, netns=netns)
    def node_ready():
        return any(map(is_ready, api.get("/api/v1/nodes")["items"]))
    agent = join()
    wait_for("ready node", node_ready)
    lab.stop(agent)
    api.close()
    lab.stop(server)

    # The same keys and names under certificates that are about to end.
    work = f"{lab.directory}/ca"
    os.mkdir(work)
    def shorten(base, start, end, subject, extensions):
        open(f"{work}/index.txt", "w", encoding="ascii").close()
        with open(f"{work}/config", "w", encoding="ascii") as file:
            file.write(f"[ca]\ndefault_ca=d\n[d]\ndatabase={work}/index.txt\nnew_certs_dir={work}\nrand_serial=yes\ndefault_md=sha256\n"
                       f"policy=p\nx509_extensions=e\n[p]\norganizationName=optional\ncommonName=supplied\n[e]\n{extensions}\n")
        lab.run("openssl", "req", "-new", "-key", f"{base}.key", "-subj", subject, "-out", f"{work}/csr")
        lab.run("openssl", "ca", "-batch", "-notext", "-config", f"{work}/config", "-cert", f"{data_dir}/pki/ca.crt", "-keyfile",
                f"{data_dir}/pki/ca.key", "-in", f"{work}/csr", "-out", f"{work}/crt", "-startdate", f"{start:%Y%m%d%H%M%SZ}",
                "-enddate", f"{end:%Y%m%d%H%M%SZ}")
        shutil.copy(f"{work}/crt", f"{base}.crt")
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
             os.uname().nodename.lower()]
    san = ",".join([f"DNS:{n}" for n in names] + [f"IP:{i}" for i in (ADDRESS, "127.0.0.1", "10.96.0.1")])
    node = f"/O=system:nodes/CN=system:node:{node_name}"
    def period(life, used):
        start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=used)
        return start, start + datetime.timedelta(seconds=life)
    def shorten_agent(*of_period):
        shorten(f"{node_dir}/agent/client", *of_period, node, "extendedKeyUsage=clientAuth")
        shorten(f"{node_dir}/agent/serving", *of_period, node,
                f"extendedKeyUsage=serverAuth\nsubjectAltName=DNS:{node_name},IP:{ADDRESS}")
    start, end = period(LIFE, USED)
    shorten(f"{data_dir}/pki/apiserver", start, end, "/CN=kube-apiserver", f"extendedKeyUsage=serverAuth\nsubjectAltName={san}")
    shorten_agent(start, end)

    def shown(port):
        context = ssl.create_default_context(cafile=f"{data_dir}/pki/ca.crt")
        with inside(netns), socket.create_connection((ADDRESS, port), 5) as plain:
            with context.wrap_socket(plain, server_hostname=ADDRESS) as tls:
                return tls.getpeercert()["notAfter"]
    def client_end():
        return lab.run("openssl", "x509", "-in", f"{node_dir}/agent/client.crt", "-noout", "-enddate").stdout.split("=")[1].strip()
    def ends():
        return [ssl.cert_time_to_seconds(t) for t in (shown(6443), shown(10250), client_end())]

    server = lab.up(netns, ADDRESS, data_dir, "", command="server")
    agent = join()
    wait_for("second start of the agent", lambda: lab.tail("log-n").count("ready in") == 2)
    check([e - int(end.timestamp()) for e in ends()] == [0, 0, 0], f"not the short certificates: {ends()}, {end}")
    connection, events = api.watch(f"{MAPS}?watch=1", timeout=90)
    wait_for("three new certificates", lambda: min(ends()) > end.timestamp() + 3600, seconds=40, interval=0.5)
    check(time.time() < end.timestamp(), "the certificates were renewed after their end only")

    # After the end of the old ones: the watch goes on, the node too, and the way from the server to it.
    time.sleep(max(0, end.timestamp() - time.time()) + 1)
    api.create(MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "late"}})
    while b'"late"' not in events.readline():
        pass
    connection.close()
    def renewed():
        lease = api.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node_name}")
        return lease["spec"]["renewTime"] > f"{end + datetime.timedelta(seconds=2):%Y-%m-%dT%H:%M:%S}"
    wait_for("renewed lease", renewed, seconds=30)
    check(api.ask("GET", f"/api/v1/nodes/{node_name}/proxy/healthz").status == 200, "the server does not reach the node")
    check(server.poll() is None and agent.poll() is None, "a process ended")

    # An agent that was away for most of its certificate's life comes back by it, with a token that is good no more.
    lab.stop(agent)
    lab.run(lab.wherry, "token", "delete", token.split("::")[1], "--data-dir", data_dir, netns=netns)
    start, end = period(60, 50)
    shorten_agent(start, end)
    join()
    def all_new():
        try:
            return min(ends()) > end.timestamp() + 3600
        except OSError:
            return False  # it does not listen yet
    wait_for("certificates that an old one asked for", all_new, seconds=9, interval=0.5)


main("renewal", test, needs=["openssl"])
