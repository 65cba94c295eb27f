#!/usr/bin/env python3
"""Prints the test files that exist, one a line, for tests/meson.build:

    support PATH              helpers that every C test links
    fake PATH                 support/fake_X.c: linked by the tests that include "support/fake_X.h"
    c SUITE PATH [FAKE...]    unit/test_*.c, component/test_*.c, fault/test_*.c
    node SUITE PATH           *.test.mjs of system, sandbox (counted as system), crash, fault, browser
    fuzz PATH                 fuzz/fuzz_*.c
    layer NAME                a directory of src/ that is built

Paths are relative to tests/.
"""
import pathlib
import re

TESTS = pathlib.Path(__file__).resolve().parent.parent
NODE_SUITES = {"system": "system", "sandbox": "system", "crash": "crash", "fault": "fault",
               "browser": "browser"}


def relative(path):
    return path.relative_to(TESTS).as_posix()


def fakes_of(path):
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.findall(r'^#include "support/(fake_\w+)\.h"', text, re.MULTILINE)


def lines():
    for path in sorted((TESTS / "support").glob("*.c")):
        yield f"{'fake' if path.name.startswith('fake_') else 'support'} {relative(path)}"
    for suite in ("unit", "component", "fault"):
        for path in sorted((TESTS / suite).glob("test_*.c")):
            yield " ".join(["c", suite, relative(path)] + fakes_of(path))
    for folder, suite in NODE_SUITES.items():
        for path in sorted((TESTS / folder).rglob("*.test.mjs")):
            if "node_modules" not in path.parts:
                yield f"node {suite} {relative(path)}"
    for path in sorted((TESTS / "fuzz").glob("fuzz_*.c")):
        yield f"fuzz {relative(path)}"
    for path in sorted((TESTS.parent / "src").glob("*/meson.build")):
        yield f"layer {path.parent.name}"
    if (TESTS.parent / "src" / "main.c").is_file():
        yield "layer main"


for line in lines():
    print(line)
