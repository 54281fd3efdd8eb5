#!/usr/bin/env python3
"""Wrong usage exits with 2 and says what is wrong; help and version are no errors."""
from lab import check, main

CASES = (
    (("--help",), 0, "Usage: wherry"),
    (("--version",), 0, "v1.28.0+wherry-"),
    (("image", "ls", "--help"), 0, "print what is there"),
    ((), 2, "A subcommand is required"),
    (("bogus",), 2, "unknown command 'bogus'"),
    (("image", "bogus"), 2, "unknown command 'bogus'"),
    (("up", "--bogus"), 2, "--bogus"),
    (("up", "--https-port", "0"), 2, "not in range"),
    (("image", "pull"), 2, "reference is required"),
    (("image", "rm", "--data-dir", "{dir}/none", "nope:1"), 1, "not found"),
)


def test(lab):
    for arguments, code, text in CASES:
        done = lab.run(lab.wherry, *(argument.format(dir=lab.directory) for argument in arguments), ok=False)
        said = done.stdout if code == 0 else done.stderr
        check(done.returncode == code and text in said, f"{arguments}: {done}")


main("usage", test)
