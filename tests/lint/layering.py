#!/usr/bin/env python3
"""Fails on an #include that points against the layers, or on a library's header outside its layer.

    main (main.c, command, config) > web > runs, connect, notify > agent > api > http > base
    store stands beside agent, api and http, on base
"""
import re
import sys

import csource

MIDDLE = {"agent", "api", "http", "store", "base"}
MAY_INCLUDE = {
    "base": {"base"},
    "store": {"store", "base"},
    "http": {"http", "base"},
    "api": {"api", "http", "base"},
    "agent": MIDDLE,
    "runs": {"runs"} | MIDDLE,
    "connect": {"connect"} | MIDDLE,
    "notify": {"notify"} | MIDDLE,
    "web": {"web", "runs", "connect", "notify", "agent", "store", "api", "base"},
}
TOP = {"main", "command", "config"}

# header (or folder of headers) of a library: the one layer that may see it
LIBRARY_OWNER = {
    "sqlite3.h": "store",
    "curl/": "http",
    "microhttpd.h": "web",
    "unicode/": "base",
    "openssl/": "base",
}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*(?:include|include_next|import)[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
# What no rule could judge: a name made by the preprocessor.
MADE_UP = re.compile(r"^[ \t]*#[ \t]*include[ \t]+[A-Za-z_]", re.MULTILINE)


def layer_of(name):
    parts = name.split("/")  # src/LAYER/file.c or src/main.c
    return parts[1] if len(parts) > 2 else "main"


def library_problem(layer, header):
    for library, owner in LIBRARY_OWNER.items():
        matches = header.startswith(library) if library.endswith("/") else header == library
        if matches and layer != owner:
            return f"<{header}> belongs to {owner} alone"
    return None


def own_problem(layer, header):
    if "/" not in header:
        return f'"{header}": include paths start at src/ ("{layer}/{header}")'
    target = header.split("/")[0]
    if layer in TOP:
        return None if target in MAY_INCLUDE or target in TOP else f'"{header}": no such layer'
    if layer not in MAY_INCLUDE:
        return f"the layer {layer} is not known here: give it a row in MAY_INCLUDE"
    if target not in MAY_INCLUDE[layer]:
        return f'{layer} may not include "{header}"'
    return None


def check(root):
    problems = []
    for path, name in csource.sources(root, "src"):
        layer = layer_of(name)
        text = csource.without_comments(path.read_text(encoding="utf-8"))
        for match in MADE_UP.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            problems.append(f"{name}:{line}: layering: an include names its file")
        for match in INCLUDE.finditer(text):
            header = match[2]
            problem = library_problem(layer, header)
            if match[1] == '"' and not problem:
                problem = own_problem(layer, header)
            if problem:
                line = text.count("\n", 0, match.start(2)) + 1
                problems.append(f"{name}:{line}: layering: {problem}")
    return problems


if __name__ == "__main__":
    sys.exit(csource.finish(check(csource.root_argument()), "a layer includes only what it stands on"))
