/*
 * Table `sessions`: browsers that may act for a user. The cookie's value is never stored, only its
 * SHA-256. A session has an id that stays while its cookie is replaced, so that what was begun
 * under the old cookie is still its own.
 */
#ifndef STORE_SESSIONS_H
#define STORE_SESSIONS_H

#include "store/store.h"

#define SESSION_IDLE_MS (INT64_C(30) * 60 * 1000)
#define SESSION_LIFE_MS (INT64_C(12) * 60 * 60 * 1000)

enum session_kind {
    SESSION_SIGNED_IN, /* somebody else proved who it is */
    SESSION_TICKET     /* may connect and disconnect what its tickets name */
};

struct session_row {
    char *id; /* "ses_…" */
    enum session_kind kind;
    char *user_id;
    char *display_name; /* NULL: none */
    char *connectors;   /* JSON array of names; NULL: all */
    char *unconfirmed;  /* JSON array: whoever is connected there waits for the host */
    char *return_to;    /* where the host wants the person afterwards; NULL: nowhere */
    int64_t created_ms, seen_ms;
};
void session_row_done(struct session_row *row);

/* Begins a session under this cookie's hash; `row` without id and times. `replaces`: the id of one
 * that ends with it, or NULL. The user's oldest sessions above a ceiling end, too. `out_id` gets
 * the new id. */
enum err store_session_create(struct store *store, const struct session_row *row,
                              const unsigned char hash[SHA256_LEN], const char *replaces,
                              char out_id[ID_MAX]) MUST_CHECK;
/* The live session of this cookie; notes that it was seen. E_NOT_FOUND: none, idle for too long, or
 * too old. */
enum err store_session_find(struct store *store, const unsigned char hash[SHA256_LEN],
                            struct session_row *out_row) MUST_CHECK;
/* Signs out: what was begun in it is forgotten with it. No effect when it is gone. */
enum err store_session_delete(struct store *store, const char *id) MUST_CHECK;
/* Deletes what cannot be used any more, of sessions, tickets, flows and receipts of webhooks: at
 * most 1,000 rows of each. */
enum err store_browser_prune(struct store *store, int64_t now_ms) MUST_CHECK;

#endif
