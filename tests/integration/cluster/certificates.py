#!/usr/bin/env python3
"""A person's certificate: asked for with openssl, approved with kubectl, used by kubectl; what must not be signed is not."""
import base64
import os

from lab import Api, check, main, wait_for

ADDRESS = "10.99.10.1"
REQUESTS = "/apis/certificates.k8s.io/v1/certificatesigningrequests"


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir = f"{lab.directory}/server"
    lab.up(netns, ADDRESS, data_dir, "", command="server")
    api = Api(netns, ADDRESS, data_dir)
    key = f"{lab.directory}/jane.key"

    def request(name, subject, usages=("digital signature", "client auth")):
        pem = lab.run("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-subj", subject).stdout
        return {"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": name},
                "spec": {"request": base64.b64encode(pem.encode()).decode(), "signerName": "kubernetes.io/kube-apiserver-client",
                         "usages": list(usages), "expirationSeconds": 3600}}
    def conditions(name):
        return {c["type"]: c["reason"] for c in api.get(f"{REQUESTS}/{name}")["status"].get("conditions", [])}

    refused = api.ask("POST", REQUESTS, request("root", "/O=system:masters/CN=eve"))
    check(refused.status == 403 and b"system:masters group is not allowed" in refused.raw, f"{refused.status} {refused.raw}")

    api.create(REQUESTS, request("serving", "/CN=eve", usages=("digital signature", "server auth")))
    lab.kubectl(netns, data_dir, "certificate", "approve", "serving")
    wait_for("failure of a request with wrong usages",
             lambda: conditions("serving") == {"Approved": "KubectlApprove", "Failed": "SignerValidationFailure"})
    check("certificate" not in api.get(f"{REQUESTS}/serving")["status"], "a request with wrong usages was signed")

    api.create(REQUESTS, request("jane", "/O=dev/CN=jane"))
    check("status" not in api.get(f"{REQUESTS}/jane") or not conditions("jane"), "a request was decided by nobody")
    lab.kubectl(netns, data_dir, "certificate", "approve", "jane")
    issued = wait_for("certificate", lambda: api.get(f"{REQUESTS}/jane")["status"].get("certificate"))
    check(conditions("jane") == {"Approved": "KubectlApprove"}, f"{conditions('jane')}")
    certificate = f"{lab.directory}/jane.crt"
    with open(certificate, "wb") as file:
        file.write(base64.b64decode(issued))
    text = lab.run("openssl", "x509", "-in", certificate, "-noout", "-text").stdout
    check("O = dev, CN = jane" in text and "TLS Web Client Authentication" in text and "Server Authentication" not in text, text)

    # The server knows her, and asks its rules what she may do.
    def jane(*arguments, identity=True):
        given = ["--client-certificate", certificate, "--client-key", key] if identity else ["--token", "nothing"]
        return lab.run(os.environ["WHERRY_KUBECTL"], "--kubeconfig", "/dev/null", "--cache-dir", f"{lab.directory}/cache-jane",
                       "--server", f"https://{ADDRESS}:6443", "--certificate-authority", f"{data_dir}/pki/ca.crt", *given, *arguments,
                       netns=netns, ok=False)
    check("deployments" in jane("api-resources").stdout, f"discovery as jane: {jane('api-resources')}")
    pods = jane("get", "pods")
    check(pods.returncode == 1 and 'Forbidden' in pods.stderr and 'User "jane" cannot list' in pods.stderr, f"{pods}")
    stranger = jane("get", "pods", identity=False)
    check("Unauthorized" in stranger.stderr or "must be logged in" in stranger.stderr, f"{stranger}")


main("certificates", test, needs=["kubectl", "openssl"])
