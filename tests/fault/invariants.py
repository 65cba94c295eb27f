#!/usr/bin/env python3
"""Looks at a database that a failing process left behind: prints every invariant that does not hold.

    tests/fault/invariants.py DATABASE        exit status 1 when something was printed
    tests/fault/invariants.py --break FILE    breaks each one in a copy of a good database, in memory, and prints
                                              those that are not noticed

Whatever failed in between, the tables must agree with each other.
"""
import pathlib
import sqlite3
import sys

MIGRATIONS = len(list((pathlib.Path(__file__).resolve().parent.parent.parent / "migrations").glob("*.sql")))
ENDS = "('ended', 'delivered', 'previewed', 'delivery_settled', 'restored')"  # types of events
CANCELLED = "('cancelled', 'cancel_requested')"  # by its thread; or at once, before it was running

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
    "idempotency keys lead to runs of whom they belong to": """
        SELECT k.key FROM idempotency_keys k LEFT JOIN runs r ON r.id = k.run_id
        WHERE k.run_id IS NOT NULL AND r.principal IS NOT k.principal""",
    "a run begins with being queued": """
        SELECT r.id FROM runs r LEFT JOIN events e ON e.run_id = r.id AND e.n = 1 WHERE e.type IS NOT 'queued'""",
    "an ended run's last event is its end": f"""
        SELECT r.id, r.status, e.type FROM runs r LEFT JOIN events e ON e.run_id = r.id AND e.n = r.last_event
        WHERE (r.finished_ms > 0) <> (e.type IN {ENDS} OR r.status = 'cancelled' AND e.type IN {CANCELLED})
        AND r.status <> 'running'""",
    "time does not run backwards": """
        SELECT a.run_id, a.n FROM events a JOIN events b ON b.run_id = a.run_id AND b.n = a.n + 1 WHERE b.at_ms < a.at_ms
        UNION ALL SELECT run_id, key FROM steps WHERE state = 'done' AND done_ms < begun_ms
        UNION ALL SELECT id, 'finished' FROM runs WHERE finished_ms > 0 AND finished_ms < created_ms""",
    "no step comes from an attempt or a generation to come": """
        SELECT s.run_id, s.key FROM steps s JOIN runs r ON r.id = s.run_id
        WHERE s.attempt > r.attempt OR s.generation > r.generation""",
    "turns are the stored replies": """
        SELECT r.id, r.turn FROM runs r WHERE r.turn <> (SELECT count(*) FROM steps s WHERE s.run_id = r.id
        AND s.generation = r.generation AND s.state = 'done' AND s.key LIKE 'model/%')""",
    "tokens are those of the stored replies": """
        SELECT r.id, r.output_tokens FROM runs r WHERE r.output_tokens < (SELECT coalesce(sum(
        json_extract(s.meta, '$.output_tokens')), 0) FROM steps s WHERE s.run_id = r.id AND s.key LIKE 'model/%')""",
    "an intent has its step": """
        SELECT id FROM runs WHERE delivery = 'intended' AND NOT EXISTS
        (SELECT 1 FROM steps s WHERE s.run_id = id AND s.key LIKE 'delivery/%' AND s.state = 'begun')""",
    "what is sealed has its key's name": """
        SELECT count(*) FROM steps WHERE sealed IS NOT NULL AND (SELECT count(*) FROM meta WHERE name LIKE 'seal_key/%') = 0
        HAVING count(*) > 0""",
    "a connection that is active is somebody's account": """
        SELECT user_id, connector FROM connections WHERE checked_ms <= 0 OR changed_ms <= 0
        OR (status = 'ACTIVE' AND account_id IS NULL)""",
    "what began is told to each endpoint, and its end once": """
        SELECT r.id, e.id, r.status, count(d.id) FROM runs r JOIN webhook_endpoints e ON e.status = 'enabled'
        AND e.events IS NULL AND r.created_ms >= e.created_ms LEFT JOIN webhook_deliveries d ON d.endpoint_id = e.id
        AND json_extract(d.body, '$.data.id') = r.id
        AND d.type = 'briefing.' || CASE WHEN r.finished_ms > 0 THEN r.status ELSE 'queued' END
        GROUP BY 1, 2 HAVING count(d.id) = 0 OR (r.finished_ms > 0 AND count(d.id) > 1)""",
    "nothing is told that did not happen": """
        SELECT d.id, d.type FROM webhook_deliveries d JOIN runs r ON r.id = json_extract(d.body, '$.data.id')
        WHERE json_extract(d.body, '$.data.event') > r.last_event OR (json_extract(d.body, '$.data.terminal')
        AND json_extract(d.body, '$.data.status') <> r.status)""",
    "a delivery to an endpoint is in a state that fits": """
        SELECT id, state FROM webhook_deliveries WHERE (state = 'delivered' AND last_status NOT BETWEEN 200 AND 299)
        OR (state = 'pending' AND next_ms <= 0) OR attempts < tries""",
    "a ticket is redeemed while it holds": """
        SELECT hex(hash) FROM connect_tickets WHERE redeemed_ms > 0 AND redeemed_ms NOT BETWEEN created_ms AND expires_ms""",
    "a way to a provider that was used keeps no link": """
        SELECT id FROM oauth_flows WHERE consumed_ms > 0 AND sealed IS NOT NULL""",
}

RUN = "UPDATE runs SET "
DELIVERY = """INSERT INTO webhook_deliveries SELECT 'wd_1', id, 'msg_1', NULL, 'briefing.failed', json_object('data',
    json_object('id', (SELECT id FROM runs), 'event', 99)), 'pending', 1, {next}, 1, 2, {attempts}, 0, 0, NULL
    FROM webhook_endpoints"""
# What breaks each of them in the database of one briefing that succeeded, with an endpoint.
BREAKS = {
    "the file is sound": "UPDATE sqlite_schema SET sql = replace(sql, 'state        TEXT NOT NULL', 'state TEXT NOT NULL CHECK (state = ''x'')')",
    "references lead somewhere": "DELETE FROM users",
    "events are numbered 1, 2, 3 … up to last_event": "DELETE FROM events WHERE n = 3",
    "an ended run has an end, a live one has none": RUN + "finished_ms = 0",
    "a failed run says why": RUN + "status = 'failed'",
    "only a delivery that is out makes a posted run succeed": RUN + "delivery = 'none'",
    "a delivered message has its ts": RUN + "delivery_ts = NULL",
    "an unknown delivery asks for a person": RUN + "delivery = 'unknown'",
    "a finished step has a result": "UPDATE steps SET sealed = NULL WHERE key = 'model/1'",
    "no more than one delivery went out": """INSERT INTO steps SELECT 99, run_id, generation, 'delivery/2', state, format,
        attempt, request_hash, meta, begun_ms, done_ms, sealed FROM steps WHERE key = 'delivery/1'""",
    "idempotency keys lead to runs of whom they belong to": "UPDATE idempotency_keys SET principal = 'another'",
    "a run begins with being queued": "UPDATE events SET type = 'claimed' WHERE n = 1",
    "an ended run's last event is its end": "UPDATE events SET type = 'claimed' WHERE n = (SELECT max(n) FROM events)",
    "time does not run backwards": "UPDATE events SET at_ms = 1 WHERE n = 4",
    "no step comes from an attempt or a generation to come": RUN + "attempt = 0",
    "turns are the stored replies": RUN + "turn = 2",
    "tokens are those of the stored replies": RUN + "output_tokens = 7",
    "an intent has its step": RUN + "delivery = 'intended'",
    "what is sealed has its key's name": "DELETE FROM meta",
    "a connection that is active is somebody's account": "UPDATE connections SET account_id = NULL",
    "what began is told to each endpoint, and its end once": "DELETE FROM webhook_deliveries",
    "nothing is told that did not happen": DELIVERY.format(next=1, attempts=2),
    "a delivery to an endpoint is in a state that fits": DELIVERY.format(next=0, attempts=1),
    "a ticket is redeemed while it holds": """INSERT INTO connect_tickets VALUES (zeroblob(32), (SELECT id FROM users), NULL,
        '[]', NULL, 0, 5, 9, 10)""",
    "a way to a provider that was used keeps no link": """INSERT INTO oauth_flows VALUES ('of_1', zeroblob(32), zeroblob(32),
        'ses_1', (SELECT id FROM users), 'slack', 0, NULL, x'01', 1, 9, 2)""",
}


def broken(db):
    """What does not hold: (invariant, row)."""
    version = db.execute("PRAGMA user_version").fetchone()[0]
    found = []
    for name, query in CHECKS.items():
        try:
            found += [(name, row) for row in db.execute(query).fetchall()]
        except sqlite3.OperationalError as error:
            # Each migration comes whole or not at all: it failed before the one that makes this table.
            if version >= MIGRATIONS or "no such " not in str(error):
                raise
    return found


def unnoticed(path):
    """Invariants that may be broken without a word."""
    for name in CHECKS:
        db = sqlite3.connect(":memory:")
        with sqlite3.connect(path) as good:
            good.backup(db)
        db.executescript("PRAGMA ignore_check_constraints = ON; PRAGMA writable_schema = ON;" + BREAKS[name])
        if name == "the file is sound":
            db.executescript("PRAGMA writable_schema = RESET; PRAGMA ignore_check_constraints = OFF")
        if name not in {told for told, _ in broken(db)}:
            yield name


def main():
    if sys.argv[1] == "--break":
        found = list(unnoticed(sys.argv[2]))
    else:
        found = [f"{name}: {row}" for name, row in broken(sqlite3.connect(sys.argv[1]))]
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
