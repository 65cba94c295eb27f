#!/usr/bin/env python3
"""Writes one table of src/base/embedded.h: the files under --root that match a pattern, as C.

The depfile names every file and, for patterns, every directory looked at. ninja compares their times, so a changed,
added or removed file makes the table again without a new configuration.
"""
import argparse
import pathlib
import sys


def is_source(path):
    """Leaves out what editors and systems drop beside sources, and what is put together elsewhere."""
    return path.suffix != ".yaml" and not any(part.startswith(".") for part in path.parts) and not path.name.endswith("~")


def collect(root, patterns):
    found = set()
    for pattern in patterns:
        # "dir/**" of pathlib gives directories only: the files in them are wanted
        glob = pattern + "/*" if pattern.endswith("**") else pattern
        found.update(p for p in root.glob(glob) if p.is_file() and is_source(p.relative_to(root)))
    return sorted(found, key=lambda p: p.relative_to(root).as_posix().encode())


def directories(root):
    if not root.is_dir():
        return [root.parent]
    below = [p for p in root.rglob("*") if p.is_dir() and is_source(p.relative_to(root))]
    return [root] + sorted(below)


def c_string(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def c_bytes(data):
    data += b"\0"
    rows = (data[i:i + 24] for i in range(0, len(data), 24))
    return "\n".join("    " + "".join(f"{byte}," for byte in row) for row in rows)


def table(name, root, files):
    parts = ['#include "base/embedded.h"\n']
    contents = [path.read_bytes() for path in files]
    for i, data in enumerate(contents):
        parts.append(f"static const unsigned char file_{i}[] = {{\n{c_bytes(data)}\n}};\n")
    parts.append(f"const struct embedded_file embedded_{name}[] = {{")
    for i, path in enumerate(files):
        label = c_string(path.relative_to(root).as_posix())
        parts.append(f"    {{{label}, file_{i}, {len(contents[i])}}},")
    parts.append("    {NULL, NULL, 0},\n};")
    parts.append(f"const size_t embedded_{name}_count = {len(files)};\n")
    return "\n".join(parts)


def depfile(output, inputs):
    def escape(path):
        return str(path).replace("\\", "\\\\").replace(" ", "\\ ").replace("$", "$$")
    return f"{escape(output)}: " + " ".join(escape(p) for p in inputs) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--root", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--depfile", required=True, type=pathlib.Path)
    parser.add_argument("patterns", nargs="+")
    args = parser.parse_args()

    files = collect(args.root, args.patterns)
    args.output.write_text(table(args.name, args.root, files))
    watched = directories(args.root) if any("*" in pattern for pattern in args.patterns) else []
    args.depfile.write_text(depfile(args.output, files + watched))
    return 0


if __name__ == "__main__":
    sys.exit(main())
