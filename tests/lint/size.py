#!/usr/bin/env python3
"""Fails on a file above 400 lines and on a C function above 60.

A longer one must say why: a comment with `Long: REASON` in the file's first 40 lines, or in the comment
right above the function. Tables and recorded data are not code and are not counted.
"""
import re
import sys

import csource

FILE_LINES = 400
FUNCTION_LINES = 60
EXCUSE = re.compile(r"Long: \w+")
SCRIPTS = ["dev", ".ci/run"]
SCRIPT_GLOBS = ["src/*.py", "tests/**/*.py", "tests/**/*.sh", "tests/**/*.mjs", "static/**/*.js"]


def comment_above(rows, index):
    """The comment that ends above the function whose '{' is at index (its signature may be long)."""
    start = index
    while start > 0 and rows[start - 1].strip() and not rows[start - 1].rstrip().endswith("*/"):
        start -= 1
    end = start
    while start > 0 and rows[start - 1].strip():
        start -= 1
    return "\n".join(rows[start:end])


def long_functions(name, rows):
    problems = []
    opened = None
    for i, row in enumerate(rows):
        if row == "{":
            opened = i
        elif row.startswith("}") and opened is not None:
            length = i - opened - 1
            if length > FUNCTION_LINES and not EXCUSE.search(comment_above(rows, opened)):
                problems.append(f"{name}:{opened + 1}: size: a function of {length} lines, "
                                f"{FUNCTION_LINES} allowed")
            opened = None
    return problems


def long_file(name, rows):
    if len(rows) <= FILE_LINES or EXCUSE.search("\n".join(rows[:40])):
        return []
    return [f"{name}:{FILE_LINES + 1}: size: a file of {len(rows)} lines, {FILE_LINES} allowed"]


def scripts(root):
    for name in SCRIPTS:
        if (root / name).is_file():
            yield root / name
    for pattern in SCRIPT_GLOBS:
        for path in sorted(root.glob(pattern)):
            if "node_modules" not in path.parts:
                yield path


def check(root):
    problems = []
    for path, name in csource.sources(root, "src", "tests"):
        rows = path.read_text(encoding="utf-8").splitlines()
        problems += long_file(name, rows) + long_functions(name, rows)
    for path in scripts(root):
        rows = path.read_text(encoding="utf-8").splitlines()
        problems += long_file(path.relative_to(root).as_posix(), rows)
    return problems


if __name__ == "__main__":
    sys.exit(csource.finish(check(csource.root_argument()), "files and functions that fit in a head"))
