#!/usr/bin/env python3
"""Runs test suites of one build directory and counts every case.

    tests/run.py [--setup NAME] [--tally FILE] [--slow N] BUILD_DIR [SUITE...]

Builds what the suites need, runs `meson test` for each, prints a line for each suite with what passed,
failed and was skipped, and for each failure the test's name and what it said. The last line is
`N passed, N failed`. With --tally the counts are appended to FILE instead, for a caller that adds up.
Exit status: 0 all passed, 1 something failed or nothing ran, 2 it could not be built.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SUITES = ["lint", "unit", "component", "fault", "fuzz", "system", "crash", "browser"]
TAP_CASE = re.compile(r"^(not )?ok\b\s*\d*\s*-?\s*([^#]*)(?:#\s*(skip|todo)\b.*)?", re.IGNORECASE)
TAP_MARK = re.compile(r"^(TAP version \d+|1\.\.\d+)", re.MULTILINE)
SHOWN_LINES = 60


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []  # (name, text)

    def fail(self, name, text=""):
        self.failed += 1
        self.failures.append((name, text))

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def build_failure(text):
    """What a person needs of a build's log: from the first thing that went wrong."""
    rows = text.split("\n")
    first = next((i for i, row in enumerate(rows) if row.startswith("FAILED:")), None)
    return tail(text) if first is None else "\n".join(rows[first:first + SHOWN_LINES])


def tail(text):
    rows = text.rstrip().split("\n")
    dropped = len(rows) - SHOWN_LINES
    return "\n".join(([f"... {dropped} lines before"] if dropped > 0 else []) + rows[-SHOWN_LINES:])


def is_bad(record):
    """cmocka reports a skipped case as `not ok # SKIP`, which meson takes for a failure."""
    only_skipped = (record["result"] == "FAIL" and record["returncode"] == 0
                    and re.search(r"^not ok .*# SKIP", record["stdout"], re.MULTILINE))
    return record["result"] not in ("OK", "SKIP", "EXPECTEDFAIL") and not only_skipped


def count_tap(name, record, count):
    """Adds the cases of one program; a program that ends badly or runs nothing is a failure too."""
    before = count.failed
    ran = 0
    rows = record.get("stdout", "").split("\n")
    cases = [(i, m) for i, m in ((i, TAP_CASE.match(row)) for i, row in enumerate(rows)) if m]
    for k, (i, match) in enumerate(cases):
        ran += 1
        if match[3]:
            count.skipped += 1
        elif not match[1]:
            count.passed += 1
        else:
            end = cases[k + 1][0] if k + 1 < len(cases) else len(rows)
            said = [row for row in rows[i + 1:end] if not TAP_MARK.match(row)]
            count.fail(f"{name}: {match[2].strip()}", tail("\n".join(said)))

    if record["result"] == "SKIP" and not ran:
        if record["returncode"] == 77:
            count.skipped += 1
        else:
            count.fail(f"{name}: the program ran no test", tail(record.get("stderr", "")))
    elif is_bad(record) and count.failed == before:
        count.fail(f"{name}: ended as {record['result']}, exit status {record['returncode']}",
                   tail(record.get("stdout", "") + "\n" + record.get("stderr", "")))
    elif count.failed > before and record.get("stderr", "").strip():
        last_name, text = count.failures[-1]
        count.failures[-1] = (last_name, text + "\nstderr:\n" + tail(record["stderr"]))


def count_log(path):
    count = Count()
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        record = json.loads(line)
        name = record["name"].split(" / ")[-1]
        if TAP_MARK.search(record.get("stdout", "")):
            count_tap(name, record, count)
        elif record["result"] == "SKIP" and record["returncode"] == 77:
            count.skipped += 1
        elif record["result"] == "OK":
            count.passed += 1
        elif record["result"] == "SKIP":
            count.fail(f"{name}: the program ran no test")
        else:
            count.fail(f"{name}: {record['result']}, exit status {record['returncode']}",
                       tail(record.get("stdout", "") + "\n" + record.get("stderr", "")))
    return count


def is_listed_as_found(build):
    """Whether the build directory knows the test files and layers that exist now."""
    known = build / "tests" / "discovered.txt"
    found = subprocess.run([sys.executable, ROOT / "tests" / "support" / "discover.py"],
                           check=True, capture_output=True, text=True).stdout
    return known.is_file() and known.read_text().strip() == found.strip()


def prepare(build, suites):
    """Builds everything; for lint alone the program is enough. Says why when it cannot."""
    targets = ["src/briefd"] if suites == ["lint"] and (ROOT / "src/main.c").is_file() else []
    logs = ROOT / "build" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"build-{build.name}.log"
    commands = [["ninja", "-C", str(build), f"-j{os.cpu_count() or 2}"] + targets]
    if not is_listed_as_found(build):
        commands.insert(0, ["meson", "setup", "--reconfigure", str(build), str(ROOT)])
    with log.open("w") as out:
        for command in commands:
            if subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode:
                print(f"cannot build {build} (all of it: {log}):")
                print(build_failure(log.read_text(errors="replace")), flush=True)
                return False
    return True


def run_suite(build, suite, setup, slow):
    base = f"testlog-{suite}" + (f"-{setup}" if setup else "")
    log = build / "meson-logs" / (f"{base}-{setup}.json" if setup else f"{base}.json")
    log.unlink(missing_ok=True)
    command = ["meson", "test", "-C", str(build), "--no-rebuild", "--suite", suite,
               "--logbase", base, "--timeout-multiplier", str(slow)]
    if suite == "system":  # these wait more than they compute
        command += ["--num-processes", str((os.cpu_count() or 1) + 1)]
    if setup:
        command += ["--setup", setup]
    began = time.monotonic()
    environment = dict(os.environ, BRIEFD_TEST_SLOW=str(slow))
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    seconds = time.monotonic() - began
    if log.is_file():
        return count_log(log), seconds
    count = Count()
    if run.returncode:
        count.fail(f"{suite}: meson test, exit status {run.returncode}",
                   tail(run.stdout + "\n" + run.stderr))
    return count, seconds


def report(build, suite, setup, count, seconds):
    where = build.name + (f" {setup}" if setup else "")
    skipped = f", {count.skipped} skipped" if count.skipped else ""
    if count.passed + count.failed + count.skipped == 0:
        print(f"  {suite:<10} {where:<16} nothing there", flush=True)
        return
    print(f"  {suite:<10} {where:<16} {count.passed:>5} ok, {count.failed} not ok{skipped}"
          f"  ({seconds:.1f} s)", flush=True)
    for name, text in count.failures:
        print(f"\n    FAILED  {name}")
        for row in text.strip().split("\n"):
            print(f"        {row}")
    if count.failures:
        print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--setup", help="a test setup of meson's, such as valgrind")
    parser.add_argument("--tally", type=pathlib.Path, help="append 'PASSED FAILED SKIPPED' here")
    parser.add_argument("--slow", type=int, default=1, help="multiplies every time limit, also those that tests set (BRIEFD_TEST_SLOW)")
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("suites", nargs="*", choices=[[]] + SUITES)
    args = parser.parse_args()

    total = Count()
    if not prepare(args.build, args.suites):
        total.failed += 1
        status = 2
    else:
        for suite in args.suites or SUITES:
            count, seconds = run_suite(args.build, suite, args.setup, args.slow)
            report(args.build, suite, args.setup, count, seconds)
            total.add(count)
        status = 1 if total.failed or not total.passed else 0

    if args.tally:
        with args.tally.open("a") as out:
            out.write(f"{total.passed} {total.failed} {total.skipped}\n")
        return status if status == 2 else int(total.failed > 0)
    print(f"{total.passed} passed, {total.failed} failed")
    return status


if __name__ == "__main__":
    sys.exit(main())
