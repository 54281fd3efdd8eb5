#!/usr/bin/env python3
"""A pod's image comes from a registry in the node's network; a blob that was tampered with is never run."""
import glob
import gzip
import hashlib
import json
import os
import tarfile

from lab import Api, check, main, pod, processes_of, wait_for

ADDRESS = "10.99.6.1"
REGISTRY = "127.0.0.1:5000"
PODS = "/api/v1/namespaces/default/pods"


def push(lab, netns, name, version):
    """Puts the example into an OCI layout of one layer and that into the registry."""
    layout = f"{lab.directory}/{name}"
    os.makedirs(f"{layout}/blobs/sha256")
    with open(f"{layout}/version", "w", encoding="ascii") as file:
        file.write(version + "\n")
    with tarfile.open(f"{layout}/layer", "w") as layer:
        layer.add(f"{lab.build}/examples/hello", "hello")
        layer.add(f"{layout}/version", "version")

    def blob(content):
        digest = hashlib.sha256(content).hexdigest()
        with open(f"{layout}/blobs/sha256/{digest}", "wb") as file:
            file.write(content)
        return {"digest": f"sha256:{digest}", "size": len(content)}
    with open(f"{layout}/layer", "rb") as file:
        layer = blob(file.read())
    oci = "application/vnd.oci.image"
    config = blob(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Entrypoint": ["/hello"], "Cmd": ["8080"]},
                              "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}}).encode())
    manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": f"{oci}.manifest.v1+json",
                                "config": {"mediaType": f"{oci}.config.v1+json", **config},
                                "layers": [{"mediaType": f"{oci}.layer.v1.tar", **layer}]}).encode())
    with open(f"{layout}/index.json", "w", encoding="ascii") as file:
        json.dump({"schemaVersion": 2, "manifests": [{"mediaType": f"{oci}.manifest.v1+json", **manifest}]}, file)
    with open(f"{layout}/oci-layout", "w", encoding="ascii") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)
    lab.run("skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", f"oci:{layout}", f"docker://{REGISTRY}/{name}:1",
            netns=netns)


def test(lab):
    netns = lab.netns("a", ADDRESS)
    storage = f"{lab.directory}/registry"
    with open(f"{lab.directory}/registry.yml", "w", encoding="ascii") as file:
        file.write(f"version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {storage}\nhttp:\n  addr: {REGISTRY}\n")
    lab.start("log-registry", "docker-registry", "serve", f"{lab.directory}/registry.yml", netns=netns)
    wait_for("registry", lambda: lab.run("curl", "-sf", f"http://{REGISTRY}/v2/", netns=netns, ok=False).returncode == 0)
    push(lab, netns, "whole", "whole")
    push(lab, netns, "spoilt", "spoilt")

    # The time stamp in the gzip header of the second image's layer changes where the registry keeps it: length and
    # unpacked contents stay, so that the digest alone can tell.
    spoilt = 0
    for path in glob.glob(f"{storage}/docker/registry/v2/blobs/sha256/*/*/data"):
        with open(path, "rb") as file:
            content = file.read()
        if content.startswith(b"\x1f\x8b") and b"spoilt\n" in gzip.decompress(content):
            with open(path, "wb") as file:
                file.write(content[:4] + bytes([content[4] ^ 1]) + content[5:])
            spoilt += 1
    check(spoilt == 1, f"{spoilt} blobs hold the second image's file")

    data_dir, node = lab.node(netns, "a")
    lab.up(netns, ADDRESS, data_dir, node, "--insecure-registry", REGISTRY)
    api = Api(netns, ADDRESS, data_dir)
    wait_for("service account", lambda: api.ask("GET", "/api/v1/namespaces/default/serviceaccounts/default").status == 200)

    api.create(PODS, pod("whole", node=node, image=f"{REGISTRY}/whole:1"))
    running = api.running(PODS, 1)[0]
    answer = lab.run("curl", "-sS", "--max-time", "3", f"http://{running['status']['podIP']}:8080/", netns=netns).stdout
    check("version whole" in answer, f"the pulled image answers {answer!r}")
    check("sha256:" in running["status"]["containerStatuses"][0]["imageID"], "the status has no digest")

    api.create(PODS, pod("spoilt", node=node, image=f"{REGISTRY}/spoilt:1"))
    def state():
        statuses = api.get(f"{PODS}/spoilt")["status"].get("containerStatuses", [])
        return statuses[0]["state"] if statuses else {}
    def waits_for(reason):
        return state().get("waiting", {}).get("reason") in reason
    wait_for("ErrImagePull", lambda: waits_for(("ErrImagePull",)))
    wait_for("ImagePullBackOff", lambda: waits_for(("ImagePullBackOff",)))
    check("running" not in state() and not processes_of("spoilt"), "the spoilt image runs")
    images = lab.run(lab.wherry, "image", "list", "--data-dir", data_dir, netns=netns).stdout
    check("whole:1" in images and "spoilt:1" not in images, f"the image store holds:\n{images}")


main("registry", test, needs=["docker-registry", "skopeo", "curl"])
