#!/usr/bin/env python3
"""Requests that must be refused: the right 4xx Status with reason and causes, and nothing stored."""
import json

from lab import Api, check, main, pod

ADDRESS = "10.99.5.1"
MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"
STRICT = "?fieldValidation=Strict"


def config_map(name="bad", **more):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **more}, "data": {"a": "b"}}


def changed(change, name="bad"):
    body = pod(name, node="nowhere")
    change(body)
    return body


def container(body):
    return body["spec"]["containers"][0]


def service(**port):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad"},
            "spec": {"selector": {"a": "b"}, "ports": [port]}}


# (what, path, body, code, reason, field that a cause must name or None)
CASES = [
    ("cut off JSON", MAPS, '{"apiVersion":"v1","kind":"ConfigMap"', 400, "BadRequest", None),
    ("no JSON", MAPS, "}{", 400, "BadRequest", None),
    ("no UTF-8", MAPS, b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"\xff\xfe"}}', 400, "BadRequest", None),
    ("an array", MAPS, "[]", 400, "BadRequest", None),
    ("an empty body", MAPS, "", 400, "BadRequest", None),
    ("a wrong type", MAPS, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"},"data":[1]}', 400, "BadRequest", None),
    ("an unknown kind", MAPS, {**config_map(), "kind": "ConfigMop"}, 400, "BadRequest", None),
    ("another kind", MAPS, {**config_map(), "kind": "Secret"}, 400, "BadRequest", None),
    ("another apiVersion", MAPS, {**config_map(), "apiVersion": "v7"}, 400, "BadRequest", None),
    ("3 MiB and more", MAPS, json.dumps({**config_map(), "data": {"a": "x" * (3 << 20)}}), 413, "RequestEntityTooLarge", None),
    ("deep nesting", MAPS, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"},"data":' + "[" * 200_000 + "]" * 200_000
     + "}", 400, "BadRequest", None),
    ("deep objects", MAPS, '{"a":' * 100_000 + "1" + "}" * 100_000, 400, "BadRequest", None),
    ("a duplicate key", MAPS + STRICT, '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"},"data":{"a":"1","a":"2"}}',
     400, "BadRequest", None),
    ("an unknown field", MAPS + STRICT, {**config_map(), "dota": {}}, 400, "BadRequest", None),
    ("another namespace", MAPS, config_map(namespace="other"), 400, "BadRequest", None),
    ("no name", MAPS, config_map(name=""), 422, "Invalid", "metadata.name"),
    ("capitals in a name", MAPS, config_map(name="Bad"), 422, "Invalid", "metadata.name"),
    ("a path as name", MAPS, config_map(name="../bad"), 422, "Invalid", "metadata.name"),
    ("a name of 254 letters", MAPS, config_map(name="b" * 254), 422, "Invalid", "metadata.name"),
    ("a bad label key", MAPS, config_map(labels={"-bad-": "x"}), 422, "Invalid", "metadata.labels"),
    ("a bad label value", MAPS, config_map(labels={"a": "no spaces"}), 422, "Invalid", "metadata.labels"),
    ("a bad data key", MAPS, {**config_map(), "data": {"a/b": "x"}}, 422, "Invalid", "data[a/b]"),
    ("a bad namespace name", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a.b"}}, 422,
     "Invalid", "metadata.name"),
    ("no containers", PODS, changed(lambda p: p["spec"].pop("containers")), 422, "Invalid", "spec.containers"),
    ("a container without image", PODS, changed(lambda p: container(p).pop("image")), 422, "Invalid", "spec.containers[0].image"),
    ("a bad container name", PODS, changed(lambda p: container(p).update(name="A_b")), 422, "Invalid", "spec.containers[0].name"),
    ("no quantity", PODS, changed(lambda p: container(p).update(resources={"limits": {"memory": "much"}})), 400, "BadRequest", None),
    ("a negative quantity", PODS, changed(lambda p: container(p).update(resources={"limits": {"memory": "-1"}})), 422, "Invalid",
     "spec.containers[0].resources.limits[memory]"),
    ("requests above limits", PODS, changed(lambda p: container(p).update(
        resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}})), 422, "Invalid", "spec.containers[0].resources.requests"),
    ("port 70000 in a container", PODS, changed(lambda p: container(p).update(ports=[{"containerPort": 70000}])), 422, "Invalid",
     "spec.containers[0].ports[0].containerPort"),
    ("an unknown restartPolicy", PODS, changed(lambda p: p["spec"].update(restartPolicy="Sometimes")), 422, "Invalid",
     "spec.restartPolicy"),
    ("a volume that is not there", PODS, changed(lambda p: container(p).update(
        volumeMounts=[{"name": "v", "mountPath": "/v"}])), 422, "Invalid", "spec.containers[0].volumeMounts[0].name"),
    ("a Service port 0", SERVICES, service(port=0), 422, "Invalid", "spec.ports[0].port"),
    ("a Service port 65536", SERVICES, service(port=65536), 422, "Invalid", "spec.ports[0].port"),
    ("a Service protocol", SERVICES, service(port=80, protocol="ICMP"), 422, "Invalid", "spec.ports[0].protocol"),
    ("a selector that matches nothing of its template", "/apis/apps/v1/namespaces/default/deployments", {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bad"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "c"}},
                                                                       "spec": pod("x")["spec"]}}}, 422, "Invalid",
     "spec.template.metadata.labels"),
]
LISTS = (MAPS, PODS, SERVICES, "/apis/apps/v1/namespaces/default/deployments", "/api/v1/namespaces")


def names(api):
    return {path: sorted(o["metadata"]["name"] for o in api.get(path)["items"]) for path in LISTS}


def problem(api, path, body, code, reason, field):
    """What is wrong with the answer, None when nothing is."""
    try:
        answer = api.ask("POST", path, body)
    except OSError as error:
        return f"no answer: {error}"
    if answer.status != code:
        return f"{answer.status} instead of {code}: {answer.raw[:200]}"
    status = answer.json
    if status.get("kind") != "Status" or status.get("status") != "Failure" or status.get("code") != code:
        return f"no Status of this failure: {answer.raw[:200]}"
    if status.get("reason") != reason:
        return f"reason {status.get('reason')!r} instead of {reason!r}: {status.get('message')}"
    fields = [cause.get("field") for cause in status.get("details", {}).get("causes", [])]
    if field is not None and field not in fields:
        return f"no cause names {field}, but {fields}: {status.get('message')}"
    return None


def test(lab):
    netns = lab.netns("a", ADDRESS)
    data_dir = f"{lab.directory}/server"
    process = lab.up(netns, ADDRESS, data_dir, "", command="server")
    api = Api(netns, ADDRESS, data_dir)
    api.create(MAPS, config_map("good"))
    before = names(api)
    wrong = []
    for what, path, body, code, reason, field in CASES:
        found = problem(api, path, body, code, reason, field)
        if found:
            wrong.append(f"{what}: {found}")
        check(process.poll() is None, f"the server ended at: {what}")
    for what, method, path, body, code in (
            ("an unknown resource", "GET", "/api/v1/nothings", None, 404), ("an unknown group", "GET", "/apis/no.such/v1", None, 404),
            ("a method that is not served", "POST", f"{MAPS}/good", config_map("good"), 405),
            ("a stale resourceVersion", "PUT", f"{MAPS}/good", config_map("good", resourceVersion="1"), 409),
            ("another name than the path's", "PUT", f"{MAPS}/good", config_map("bad"), 400),
            ("a bad selector", "GET", f"{MAPS}?labelSelector=a%20%20b", None, 400),
            ("a bad continue token", "GET", f"{MAPS}?limit=1&continue=%21", None, 400)):
        answer = api.ask(method, path, body)
        if answer.status != code:
            wrong.append(f"{what}: {answer.status} instead of {code}: {answer.raw[:200]}")
    check(not wrong, f"{len(wrong)} of {len(CASES) + 7}:\n" + "\n".join(wrong))
    check(names(api) == before, f"stored: {names(api)}, before: {before}")
    check(api.get(f"{MAPS}/good")["data"] == {"a": "b"}, "the good one was changed")


main("input", test)
