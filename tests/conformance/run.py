#!/usr/bin/env python3
"""Runs conformance files against a Kubernetes API server: run.py URL TOKEN FILE..."""
import json
import ssl
import sys
import urllib.error
import urllib.request


def resolve(document, pointer):
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


def ask(url, token, step):
    body = step.get("body")
    data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    request = urllib.request.Request(url + step["path"], data=data, method=step.get("method", "GET"))
    request.add_header("Authorization", "Bearer " + token)
    request.add_header("Accept", step.get("accept", "application/json"))
    if data is not None:
        request.add_header("Content-Type", step.get("content_type", "application/json"))
    context = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(request, context=context) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def problems_of(status, body, step):
    if status != step["status"]:
        yield f"status {status}, not {step['status']}: {body[:300]!r}"
        return
    for pointer, wanted in step.get("match", {}).items():
        try:
            actual = resolve(json.loads(body), pointer)
        except (KeyError, IndexError, ValueError, TypeError):
            yield f"{pointer} is not there"
            continue
        if wanted != "*" and actual != wanted:
            yield f"{pointer} is {actual!r}, not {wanted!r}"


def main():
    url, token, files = sys.argv[1].rstrip("/"), sys.argv[2], sys.argv[3:]
    failed = 0
    for name in files:
        for number, step in enumerate(json.load(open(name, encoding="utf-8"))):
            status, body = ask(url, token, step)
            for problem in problems_of(status, body, step):
                failed += 1
                print(f"{name}[{number}] {step.get('method', 'GET')} {step['path']}: {problem}")
    print("failed:", failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
