-- The first tables. Conventions, here and in later migrations:
--   * times are milliseconds since 1970 (UTC), 0 means "never";
--   * texts named *_hash are lower-case hex, blobs named *_hash are the bytes of a SHA-256;
--   * columns named sealed hold AES-256-GCM ciphertext (base/crypt.h) and nothing readable.

-- "bfd1": tells a database of this program from one of another.
PRAGMA application_id = 1650877489;

-- Facts about the file itself, by name.
--   seal_key/ID   a key that sealed rows may have been written with; the value is when it came into use
--   writable      when it was last proved that the file can be written
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- People of the host application, under that application's own id. A row appears with the first thing
-- that is known of a person; deleting it deletes all that is.
CREATE TABLE users (
    id         TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 100),
    created_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A user's account on a connector, as ScaleKit told it last.
CREATE TABLE connections (
    user_id            TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    connector          TEXT NOT NULL,           -- our name: 'slack'
    connection_name    TEXT NOT NULL,           -- ScaleKit's name: 'slack-7Hd2'
    account_id         TEXT,                    -- 'ca_…', NULL when there is no account
    status             TEXT NOT NULL,           -- ScaleKit's word; 'NOT_CONNECTED' without an account
    identity           TEXT CHECK (identity IS NULL OR json_valid(identity)), -- who is connected
    account_updated_ms INTEGER NOT NULL,        -- ScaleKit's updated_at
    checked_ms         INTEGER NOT NULL,        -- when it was read
    changed_ms         INTEGER NOT NULL,        -- when the status or the account became another one
    version            INTEGER NOT NULL CHECK (version > 0), -- counts the changes
    PRIMARY KEY (user_id, connector)
) STRICT, WITHOUT ROWID;

-- Keys of services that call the HTTP interface. Of the key itself only the hash is kept.
CREATE TABLE api_keys (
    id         TEXT PRIMARY KEY,                -- 'key_…'
    name       TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 64), -- several live keys may share one
    scopes     TEXT NOT NULL,                   -- 'briefings:read briefings:write'
    hash       BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), -- SHA-256 of the whole key
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER NOT NULL DEFAULT 0       -- 0 while it lives
) STRICT, WITHOUT ROWID;

-- One row a briefing. The upper part is written once, the lower part moves on with it.
CREATE TABLE runs (
    id                 TEXT PRIMARY KEY NOT NULL, -- 'br_…', sorts by time
    user_id            TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    principal          TEXT NOT NULL,           -- who asked: name of an API key, or 'user:…'
    recipe             TEXT NOT NULL,
    recipe_hash        TEXT NOT NULL,           -- 'sha256:…' of the recipe as it was then
    mode               TEXT NOT NULL CHECK (mode IN ('post', 'preview')),
    params             TEXT NOT NULL CHECK (json_valid(params)), -- resolved parameters
    params_hash        TEXT NOT NULL,           -- of their canonical form
    timezone           TEXT NOT NULL,           -- IANA name
    if_blocked         TEXT NOT NULL CHECK (if_blocked IN ('wait', 'fail')),
    metadata           TEXT CHECK (metadata IS NULL OR json_valid(metadata)), -- the caller's own
    traceparent        TEXT,                    -- W3C trace context of the request
    model              TEXT NOT NULL,
    created_ms         INTEGER NOT NULL,
    start_by_ms        INTEGER NOT NULL,        -- expired when not started by then
    deadline_ms        INTEGER NOT NULL,        -- how long it may run: running time, not a moment
    budget_nano_usd    INTEGER NOT NULL,        -- most it may cost, in 1e-9 US dollars

    status             TEXT NOT NULL CHECK (status IN ('queued', 'running', 'delivering', 'blocked',
                           'succeeded', 'failed', 'cancelled', 'expired')),
    started_ms         INTEGER NOT NULL,        -- the first 'prepare' was committed
    finished_ms        INTEGER NOT NULL,        -- 0 while it has not ended
    blocked_ms         INTEGER NOT NULL,        -- blocked, or parked, since

    phase              TEXT,                    -- what it is doing: 'tool:…', 'model', …
    attempt            INTEGER NOT NULL,        -- how often a thread took it up; fences its writes
    generation         INTEGER NOT NULL,        -- how often it was prepared anew
    last_event         INTEGER NOT NULL,        -- number of the newest event, and its ETag
    claimed_ms         INTEGER NOT NULL,        -- this attempt began
    running_ms         INTEGER NOT NULL,        -- running time of earlier attempts
    wake_ms            INTEGER NOT NULL,        -- queued: not to be taken up before
    blocked_on         TEXT CHECK (blocked_on IS NULL OR json_valid(blocked_on)), -- [{connector, status}]
    is_cancel_wanted   INTEGER NOT NULL CHECK (is_cancel_wanted IN (0, 1)),
    needs_attention    INTEGER NOT NULL CHECK (needs_attention IN (0, 1)),
    unclean_ends       INTEGER NOT NULL,        -- deaths of the process since its last finished step
    turn               INTEGER NOT NULL,
    tool_calls         INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost_nano_usd      INTEGER NOT NULL,        -- so far, over all generations
    delivery           TEXT NOT NULL CHECK (delivery IN ('none', 'intended', 'confirmed', 'reconciled',
                           'unknown', 'previewed', 'rejected', 'settled_delivered',
                           'settled_not_delivered')),
    delivery_connector TEXT,
    delivery_channel   TEXT,
    delivery_ts        TEXT,                    -- the message's id at Slack
    delivery_permalink TEXT,
    summary            TEXT,                    -- one plain sentence at the end
    error_code         TEXT,
    error_detail       TEXT,
    delivery_sealed    BLOB,                    -- the exact text, from preview or intent on

    -- Every question about live runs asks for finished_ms = 0; this makes it the same as the status.
    CHECK ((finished_ms > 0) = (status IN ('succeeded', 'failed', 'cancelled', 'expired')))
) STRICT;

-- Lists by user, and by status (also: what is queued, blocked, or was interrupted).
CREATE INDEX runs_by_user ON runs (user_id, id);
CREATE INDEX runs_by_status ON runs (status, id);
-- Is one of this user and recipe live?
CREATE INDEX runs_live ON runs (user_id, recipe) WHERE finished_ms = 0;
-- Whose time to start is over? Who waits too long?
CREATE INDEX runs_not_started ON runs (start_by_ms) WHERE finished_ms = 0 AND started_ms = 0;
CREATE INDEX runs_waiting ON runs (blocked_ms) WHERE finished_ms = 0 AND blocked_ms > 0;

-- The journal: one row a durable piece of a run.
CREATE TABLE steps (
    seq          INTEGER PRIMARY KEY,           -- order in which they began
    run_id       TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    generation   INTEGER NOT NULL,              -- of the run, when it was written
    key          TEXT NOT NULL,                 -- 'prepare', 'model/3', 'tool/3.1', 'delivery/1'
    state        TEXT NOT NULL CHECK (state IN ('begun', 'done')),
    format       INTEGER NOT NULL,              -- of the result
    attempt      INTEGER NOT NULL,              -- of the run, when it was written last
    request_hash TEXT NOT NULL,                 -- what was asked, without headers, keys and URLs
    meta         TEXT CHECK (meta IS NULL OR json_valid(meta)), -- status, ids, timings
    begun_ms     INTEGER NOT NULL,
    done_ms      INTEGER NOT NULL,
    sealed       BLOB,                          -- the result
    UNIQUE (run_id, generation, key),
    CHECK ((done_ms > 0) = (state = 'done'))
) STRICT;

-- What happened to a run, numbered 1, 2, 3 … without gaps.
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    n      INTEGER NOT NULL CHECK (n > 0),
    at_ms  INTEGER NOT NULL,
    type   TEXT NOT NULL,
    data   TEXT NOT NULL CHECK (json_valid(data)), -- without user content
    PRIMARY KEY (run_id, n)
) STRICT, WITHOUT ROWID;

-- Answers to POSTs, to be given again when the same request comes again.
CREATE TABLE idempotency_keys (
    seq         INTEGER PRIMARY KEY,            -- oldest first, for forgetting
    principal   TEXT NOT NULL,
    route       TEXT NOT NULL,                  -- 'POST /briefings'
    key         TEXT NOT NULL,                  -- as the caller sent it
    fingerprint TEXT NOT NULL,                  -- SHA-256 of the canonical body
    run_id      TEXT REFERENCES runs (id) ON DELETE CASCADE, -- whose creation was answered, or NULL
    created_ms  INTEGER NOT NULL,
    http_status INTEGER NOT NULL,
    sealed      BLOB NOT NULL,                  -- the body of the answer
    UNIQUE (principal, route, key)
) STRICT;
CREATE INDEX idempotency_keys_by_run ON idempotency_keys (run_id) WHERE run_id IS NOT NULL;

-- Who did what, for good. No foreign keys: it outlives what it speaks of.
CREATE TABLE audit (
    seq     INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    actor   TEXT NOT NULL,                      -- name of an API key, 'user:…', 'operator'
    action  TEXT NOT NULL,                      -- 'key.create', …
    subject TEXT,                               -- id of what it was done to
    data    TEXT CHECK (data IS NULL OR json_valid(data)) -- without secrets
) STRICT;
