/*
 * Table `api_keys`, and the table `audit` that tells who did what for good. Only hashes of keys are
 * stored.
 */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include "store/store.h"

enum scope {
    SCOPE_BRIEFINGS_READ = 1 << 0,
    SCOPE_BRIEFINGS_WRITE = 1 << 1,
    SCOPE_CONNECTIONS_READ = 1 << 2,
    SCOPE_CONNECTIONS_WRITE = 1 << 3,
    SCOPE_ADMIN = 1 << 4, /* implies the others */
    SCOPE_METRICS_READ = 1 << 5,
};
/* "briefings:read" …; 0 for a word that is none. */
unsigned scope_parse(const char *word);
/* "briefings:read briefings:write" in a fixed order. */
void scope_format(unsigned scopes, struct str *out);

struct key_row {
    char *id;   /* "key_…" */
    char *name; /* several live keys may share it: rotation */
    unsigned scopes;
    unsigned char hash[SHA256_LEN];
    int64_t created_ms;
    int64_t revoked_ms; /* 0: live */
};
void key_row_done(struct key_row *row);
struct key_list {
    struct key_row *rows;
    size_t n;
};
void key_list_done(struct key_list *list);

/* Makes a key; `out_secret` ("bk_…", xfree_secret) is shown once and never stored. E_INVALID: the
 * name is not 1 to 64 of [A-Za-z0-9._-]. */
enum err store_key_create(struct store *store, const char *name, unsigned scopes, char **out_id,
                          char **out_secret) MUST_CHECK;
/* E_NOT_FOUND; revoking twice is fine. */
enum err store_key_revoke(struct store *store, const char *id) MUST_CHECK;
enum err store_keys_list(struct store *store, bool with_revoked,
                         struct key_list *out_list) MUST_CHECK;
/* The live key with that SHA-256 of the whole secret, "bk_" included. E_NOT_FOUND. */
enum err store_key_find(struct store *store, const unsigned char hash[SHA256_LEN],
                        struct key_row *out_row) MUST_CHECK;

/* `data` is a JSON object without secrets, or NULL. */
enum err store_audit(struct store *store, const char *actor, const char *action,
                     const char *subject, const char *data) MUST_CHECK;

#endif
