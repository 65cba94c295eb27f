-- Browsers: who is signed in, links that invite to connect, connections that are being made.
-- Of cookies, tickets and states only the SHA-256 is kept.

-- A browser that may do something for one user.
--   signed_in  somebody else proved who it is (a proxy's header, or single-user mode)
--   ticket     it redeemed a connect ticket, and may connect what that names
CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,              -- 'ses_…', stays when the cookie changes
    hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), -- of the cookie
    kind         TEXT NOT NULL CHECK (kind IN ('signed_in', 'ticket')),
    user_id      TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    display_name TEXT,
    connectors   TEXT CHECK (connectors IS NULL OR json_valid(connectors)), -- NULL: all
    unconfirmed  TEXT NOT NULL CHECK (json_valid(unconfirmed)), -- those the host wants to confirm
    return_to    TEXT,                          -- where the host wants the person afterwards
    created_ms   INTEGER NOT NULL,
    seen_ms      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id, seen_ms);
CREATE INDEX sessions_seen ON sessions (seen_ms);

-- Links that a host hands to one of its users.
CREATE TABLE connect_tickets (
    hash          BLOB PRIMARY KEY CHECK (length(hash) = 32),
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    display_name  TEXT,
    connectors    TEXT NOT NULL CHECK (json_valid(connectors)),
    return_to     TEXT,
    needs_confirm INTEGER NOT NULL CHECK (needs_confirm IN (0, 1)),
    created_ms    INTEGER NOT NULL,
    expires_ms    INTEGER NOT NULL,
    redeemed_ms   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX connect_tickets_by_user ON connect_tickets (user_id);
CREATE INDEX connect_tickets_expire ON connect_tickets (expires_ms);

-- A browser on its way to a provider and back.
CREATE TABLE oauth_flows (
    id            TEXT PRIMARY KEY,             -- 'of_…', the first part of the state
    state_hash    BLOB NOT NULL CHECK (length(state_hash) = 32),
    cookie_hash   BLOB NOT NULL CHECK (length(cookie_hash) = 32),
    session_id    TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    connector     TEXT NOT NULL,
    needs_confirm INTEGER NOT NULL CHECK (needs_confirm IN (0, 1)),
    return_to     TEXT,                         -- a path of ours
    sealed        BLOB,                         -- ScaleKit's link, until it is used
    created_ms    INTEGER NOT NULL,
    expires_ms    INTEGER NOT NULL,
    consumed_ms   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX oauth_flows_by_session ON oauth_flows (session_id);
CREATE INDEX oauth_flows_expire ON oauth_flows (expires_ms);

-- Webhooks that were taken, so that none is taken twice.
CREATE TABLE hook_receipts (
    id          TEXT PRIMARY KEY CHECK (length(id) BETWEEN 1 AND 200),
    received_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_receipts_by_time ON hook_receipts (received_ms);

-- A user's own defaults for a recipe.
CREATE TABLE user_params (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    recipe     TEXT NOT NULL,
    params     TEXT NOT NULL CHECK (json_valid(params)), -- only what the user chose
    timezone   TEXT,
    updated_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, recipe)
) STRICT, WITHOUT ROWID;

-- The host has not yet accepted who is connected: not usable, whatever ScaleKit's status says.
ALTER TABLE connections ADD COLUMN pending_confirmation INTEGER NOT NULL DEFAULT 0
    CHECK (pending_confirmation IN (0, 1));
-- Something was said to have changed, then: to be read anew. 0: nothing since it was read.
ALTER TABLE connections ADD COLUMN due_ms INTEGER NOT NULL DEFAULT 0;
CREATE INDEX connections_due ON connections (due_ms) WHERE due_ms > 0;
CREATE INDEX connections_by_check ON connections (checked_ms);
CREATE INDEX connections_by_account ON connections (account_id) WHERE account_id IS NOT NULL;
