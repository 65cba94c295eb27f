-- Webhooks out: who is told of changes, and what they were told or are still to be told.

-- A receiver. 'deleted' is a row whose deliveries are still being removed; nobody sees it any more.
CREATE TABLE webhook_endpoints (
    id           TEXT PRIMARY KEY,              -- 'we_…'
    url          TEXT NOT NULL,
    description  TEXT,
    events       TEXT CHECK (events IS NULL OR json_valid(events)), -- array of types, NULL: all
    sealed       BLOB,                          -- the signing key; NULL once it is deleted
    status       TEXT NOT NULL CHECK (status IN ('enabled', 'disabled', 'deleted')),
    reason       TEXT CHECK (reason IN ('gone', 'failing', 'backlog')), -- why it is disabled
    created_ms   INTEGER NOT NULL,
    changed_ms   INTEGER NOT NULL,              -- when the status became what it is
    succeeded_ms INTEGER NOT NULL,              -- it took something last
    failed_ms    INTEGER NOT NULL,              -- it took something not last
    failing_ms   INTEGER NOT NULL,              -- since then it has taken nothing; 0: it takes
    failures     INTEGER NOT NULL,              -- sendings since then, of one or of several at once
    CHECK ((reason IS NULL) = (status <> 'disabled') OR status = 'deleted'),
    CHECK ((sealed IS NULL) = (status = 'deleted'))
) STRICT, WITHOUT ROWID;

-- One row for each receiver of an event, written in the transaction of what happened.
--   pending ─▶ delivered (it answered 2xx), failed (given up, or the endpoint was disabled)
--   delivered, failed ─▶ pending: by hand
CREATE TABLE webhook_deliveries (
    id          TEXT PRIMARY KEY,               -- 'wd_…', sorts by time
    endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
    message_id  TEXT NOT NULL,                  -- 'msg_…': the webhook-id, of every try and receiver
    user_id     TEXT REFERENCES users (id) ON DELETE CASCADE, -- whom it is about; NULL: nobody
    type        TEXT NOT NULL,                  -- 'briefing.succeeded'
    body        TEXT NOT NULL CHECK (json_valid(body)), -- what is sent, byte for byte
    state       TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'failed')),
    created_ms  INTEGER NOT NULL,
    next_ms     INTEGER NOT NULL,               -- pending: not to be tried before
    round       INTEGER NOT NULL,               -- grows when a person sends it again
    tries       INTEGER NOT NULL,               -- of this round
    attempts    INTEGER NOT NULL,               -- of all rounds
    last_ms     INTEGER NOT NULL,               -- the last try
    last_status INTEGER NOT NULL,               -- its HTTP status; 0: there was no answer
    last_error  TEXT                            -- what was wrong with it
) STRICT, WITHOUT ROWID;
-- What is due for an endpoint?
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (endpoint_id, next_ms)
    WHERE state = 'pending';
CREATE INDEX webhook_deliveries_by_endpoint ON webhook_deliveries (endpoint_id, id);
CREATE INDEX webhook_deliveries_by_user ON webhook_deliveries (user_id) WHERE user_id IS NOT NULL;
