#!/usr/bin/env python3
"""Looks at a database that a failing process left behind: prints every invariant that does not hold.

    tests/fault/invariants.py DATABASE        exit status 1 when something was printed

Whatever failed in between, the tables must agree with each other.
"""
import sqlite3
import sys

CHECKS = {
    "the file is sound": "SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "references lead somewhere": "SELECT \"table\", rowid FROM pragma_foreign_key_check",
    "events are numbered 1, 2, 3 … up to last_event": """
        SELECT r.id, r.last_event, count(e.n), min(e.n), max(e.n) FROM runs r LEFT JOIN events e ON e.run_id = r.id
        GROUP BY r.id HAVING count(e.n) <> r.last_event OR min(e.n) <> 1 OR max(e.n) <> r.last_event""",
    "an ended run has an end, a live one has none": """
        SELECT id, status, finished_ms FROM runs
        WHERE (finished_ms > 0) <> (status IN ('succeeded', 'failed', 'cancelled', 'expired'))""",
    "a failed run says why": "SELECT id FROM runs WHERE status = 'failed' AND error_code IS NULL",
    "only a delivery that is out makes a posted run succeed": """
        SELECT id, delivery FROM runs WHERE status = 'succeeded' AND mode = 'post'
        AND delivery NOT IN ('confirmed', 'reconciled')""",
    "a delivered message has its ts": """
        SELECT id FROM runs WHERE delivery IN ('confirmed', 'reconciled') AND delivery_ts IS NULL""",
    "an unknown delivery asks for a person": "SELECT id FROM runs WHERE delivery = 'unknown' AND needs_attention = 0",
    "a finished step has a result": "SELECT run_id, key FROM steps WHERE state = 'done' AND sealed IS NULL",
    "no more than one delivery went out": """
        SELECT run_id, count(*) FROM steps WHERE key LIKE 'delivery/%' AND state = 'done'
        AND json_extract(meta, '$.outcome') = 'delivered' GROUP BY run_id HAVING count(*) > 1""",
    "idempotency keys lead to runs": """
        SELECT key FROM idempotency_keys WHERE run_id IS NOT NULL AND run_id NOT IN (SELECT id FROM runs)""",
}


def main():
    db = sqlite3.connect(sys.argv[1])
    bad = 0
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return 0  # it failed before the first migration, which comes whole or not at all
    for name, query in CHECKS.items():
        for row in db.execute(query).fetchall():
            print(f"{name}: {row}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
