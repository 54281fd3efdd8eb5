#!/usr/bin/env python3
"""Fails on untidy code: forbidden include edges, include cycles, banned names, stray marks, dead documentation links.

Run from anywhere: `python3 tools/tidy.py [--self-test]`. Each rule is a function from (path, text) to findings and
has its example in SELF_TEST, so that a rule that stops firing fails the test as well.
"""

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CODE = (".cpp", ".h")

# Name -> (where it is allowed, what to use instead).
# `CALL` is the start of a call of the C library, plain or qualified, and of no member or other name.
CALL = r"(?<![\w.>:])(?:std::|::)?"
BANNED = {
    r"std::(thread|jthread|async)\b|pthread_create": (
        ("lib/loop/", "apiserver/storage/sqlite/", "tests/"), "Blocking (lib/loop/blocking.h)"),
    r"\bsleep_for\b|" + CALL + r"(usleep|nanosleep|sleep)\s*\(": (
        ("tests/integration/", "tests/bench/", "examples/", "nodeagent/init/"), "SleepFor (lib/loop/sync.h)"),
    CALL + r"(v?f?printf|puts|putchar)\s*\(|std::(cout|cerr|clog)\b": (
        ("cli/", "tests/", "examples/", "nodeagent/init/", "lib/telemetry/", "lib/base/error.cpp", "lib/loop/task_failure.cpp"),
        "lib/telemetry/log.h"),
    r"\bstrerror\b": ((), "ErrnoError (lib/base/error.h)"),
    CALL + r"(s?rand|rand_r|drand48)\s*\(": ((), "World::random"),
    CALL + r"(system|popen)\s*\(": (("tests/",), "lib/linux Process"),
    CALL + r"v?fork\s*\(": (("nodeagent/init/", "lib/linux/", "tests/"), "nodeagent/init"),
    r"std::chrono::(system|steady)_clock::now\s*\(|std::random_device|" + CALL + r"(time|gettimeofday|clock_gettime)\s*\(": (
        ("lib/loop/", "lib/http/server.cpp", "nodeagent/images/image_store.cpp", "tests/", "nodeagent/init/", "cli/"), "World::clock, World::random"),
}
# asio and friends cost seconds per translation unit: they stay out of headers.
HEAVY = re.compile(r'#include\s+[<"](boost/|nlohmann/json\.hpp|spdlog/|gtest/|gmock/|curl/|sqlite3|.*\.pb\.h|grpc)')


def load_layers(text):
    layers = {}
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        if line:
            folder, _, allowed = line.partition(":")
            layers[folder.strip()] = allowed.split()
    return layers


def below(path, folder):
    return path == folder or path.startswith(folder + "/")


def owner(path, layers):
    matches = [folder for folder in layers if below(path, folder)]
    return max(matches, key=len) if matches else None


def check_layers(path, text, layers):
    folder = owner(path, layers)
    if folder is None:
        return [f"{path}: no line of tools/layers.txt covers this file"]
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'#include "([^"]+)"', line)
        if not match or "/" not in match[1]:
            continue
        target = match[1]
        if below(target, folder) or any(below(target, allowed) for allowed in layers[folder]):
            continue
        findings.append(f"{path}:{number}: {folder} may not include {target} (tools/layers.txt)")
    return findings


def check_banned(path, text, _layers):
    findings = []
    for number, line in enumerate(text.splitlines(), 1):
        code = re.sub(r'"(\\.|[^"\\])*"', '""', line.split("//")[0])
        for pattern, (allowed, instead) in BANNED.items():
            if re.search(pattern, code) and not path.startswith(allowed):
                findings.append(f"{path}:{number}: banned name; use {instead}: {line.strip()}")
    return findings


def check_heavy_headers(path, text, _layers):
    if not path.endswith(".h") or path.startswith("tests/"):
        return []
    return [f"{path}:{number}: heavy include in a header: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1) if HEAVY.match(line)]


def check_marks(path, text, _layers):
    return [f"{path}:{number}: leftover mark: {line.strip()}" for number, line in enumerate(text.splitlines(), 1)
            if re.search(r"\b(FIXME|TODO|XXX|HACK)\b", line)]


def check_pragma_once(path, text, _layers):
    if path.endswith(".h") and "#pragma once" not in text:
        return [f"{path}: header without #pragma once"]
    return []


RULES = [check_layers, check_banned, check_heavy_headers, check_marks, check_pragma_once]


def check_cycles(texts):
    """No two folders' headers include each other: a cycle between modules, found by depth-first search."""
    edges = {}
    for path, text in texts.items():
        if path.startswith("tests/") or not path.endswith(".h"):
            continue
        source = os.path.dirname(path)
        for target in re.findall(r'#include "([^"]+)"', text):
            folder = os.path.dirname(target)
            if folder and folder != source and not target.endswith(".pb.h"):
                edges.setdefault(source, set()).add(folder)
    findings, done = [], set()

    def visit(folder, trail):
        if folder in trail:
            findings.append("include cycle: " + " -> ".join(trail[trail.index(folder):] + [folder]))
            return
        if folder in done:
            return
        for following in sorted(edges.get(folder, ())):
            visit(following, trail + [folder])
        done.add(folder)

    for folder in sorted(edges):
        visit(folder, [])
    return findings


def check_links(path, text):
    findings = []
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" in target or target.startswith("mailto:"):
            continue
        if not os.path.exists(os.path.normpath(os.path.join(ROOT, os.path.dirname(path), target))):
            findings.append(f"{path}: link to nothing: {target}")
    return findings


def check_tests_registered(paths, cmake):
    """Unit tests are registered by their folder's module(): a test below a folder that is no module would never run.

    A variable in a module's name (`module(controllers/${folder})` in a loop) stands for any one folder."""
    modules = []
    for match in re.finditer(r"\bmodule\(([\w/${}]+)([^)]*)\)", cmake):
        pattern = re.sub(r"\\\$\\\{\w+\\\}", "[^/]+", re.escape(match[1]))
        modules.append(re.compile(pattern + (r"(/.*)?" if "RECURSE" in match[2] else "")))
    findings = []
    for path in paths:
        if path.startswith("tests/unit/") and path.endswith("_test.cpp"):
            folder = os.path.dirname(path)[len("tests/unit/"):]
            if not any(pattern.fullmatch(folder) for pattern in modules):
                findings.append(f"{path}: no module({folder}) runs this test")
    return findings


SELF_TEST = [
    (check_layers, "lib/base/x.h", '#include "lib/api/quantity.h"\n'),
    (check_layers, "scheduler/x.cpp", '#include "controllers/manager/app.h"\n'),
    *((check_banned, "scheduler/x.cpp", line) for line in (
        "std::thread worker;", "std::async(f);", "std::this_thread::sleep_for(1s);", "sleep(n);", "::sleep(5);",
        'printf("hello");', 'std::printf("%d", 1);', '::fprintf(stderr, "x");', "puts(text);", "std::cerr << 1;", "strerror(2);",
        "rand();", "std::rand();", 'system("ls");', "::system(command);", "std::system(command);", 'popen("ls", "r");',
        "pid_t pid = fork();", "::vfork();", "time(nullptr);", "std::time(nullptr);", "std::chrono::steady_clock::now();")),
    (check_heavy_headers, "lib/http/x.h", "#include <boost/asio.hpp>\n"),
    (check_marks, "lib/http/x.h", "// FIX" + "ME later\n"),
    (check_pragma_once, "lib/http/x.h", "int x;\n"),
]


def self_test(layers):
    for rule, path, text in SELF_TEST:
        if not rule(path, text, layers):
            sys.exit(f"tidy: rule {rule.__name__} did not fire on its own example")
    if not check_cycles({"a/x.h": '#include "b/y.h"\n', "b/y.h": '#include "a/x.h"\n'}):
        sys.exit("tidy: check_cycles did not fire on its own example")
    if not check_tests_registered(["tests/unit/lib/none/x_test.cpp"], "module(lib/base)"):
        sys.exit("tidy: check_tests_registered did not fire on its own example")
    if not check_links("README.md", "[x](no/such/file.md)"):
        sys.exit("tidy: check_links did not fire on its own example")


def main():
    layers = load_layers(open(os.path.join(ROOT, "tools/layers.txt"), encoding="utf-8").read())
    self_test(layers)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
                            check=True).stdout.split("\n")
    paths = [path for path in listed if path and os.path.isfile(os.path.join(ROOT, path))]
    texts = {path: open(os.path.join(ROOT, path), encoding="utf-8").read() for path in paths if path.endswith(CODE)}
    findings = []
    for path, text in texts.items():
        for rule in RULES:
            findings += rule(path, text, layers)
    findings += check_cycles(texts)
    for path in paths:
        if path.endswith(".md"):
            findings += check_links(path, open(os.path.join(ROOT, path), encoding="utf-8").read())
    cmake = "\n".join(open(os.path.join(ROOT, path), encoding="utf-8").read() for path in paths
                      if path.endswith("CMakeLists.txt"))
    findings += check_tests_registered(paths, cmake)
    for finding in findings:
        print(finding)
    print(f"tidy: {len(texts)} sources, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
