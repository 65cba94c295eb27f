/*
 * Table `connections`: what briefd knows of a user's account on a connector. ScaleKit is the truth,
 * this is its latest copy, with the time it was read. Table `users` comes into being with it.
 */
#ifndef STORE_CONNECTIONS_H
#define STORE_CONNECTIONS_H

#include "store/store.h"

struct store_once;

struct connection_row {
    char *user_id;
    char *connector;       /* our name: "slack" */
    char *connection_name; /* ScaleKit's: "slack-7Hd2" */
    char *account_id;      /* "ca_…"; NULL when there is none */
    char *status;          /* ScaleKit's word, "NOT_CONNECTED" when there is no account */
    char *identity; /* JSON object: who is connected, from the probe tool; NULL when unknown */
    int64_t account_updated_ms; /* ScaleKit's updated_at, 0 unknown */
    int64_t checked_ms;
    int64_t changed_ms;           /* the status or account changed */
    int64_t version;              /* grows by 1 with each change; its ETag */
    bool is_pending_confirmation; /* the host has not accepted who is connected: not usable. Only
                                     the functions below change it, never what ScaleKit says */
    int64_t due_ms;               /* to be read anew, since then; 0: not */
};
void connection_row_done(struct connection_row *row);

struct connection_list {
    struct connection_row *rows;
    size_t n;
};
void connection_list_done(struct connection_list *list);

/* Writes what was just read of these accounts in one transaction. `identity` NULL keeps the stored
 * one while the account id is the same, and clears it otherwise. `checked_ms` is when the question
 * was asked: an answer to an older question than the stored one is passed over. */
enum err store_connections_put(struct store *store, const struct connection_row *rows,
                               size_t n) MUST_CHECK;
/* All of a user's, by connector name. An unknown user has none. */
enum err store_connections_list(struct store *store, const char *user_id,
                                struct connection_list *out_list) MUST_CHECK;
/* E_NOT_FOUND: never looked at. */
enum err store_connection_find(struct store *store, const char *user_id, const char *connector,
                               struct connection_row *out_row) MUST_CHECK;

/* The account was removed at ScaleKit: the row says so, and waits for no confirmation. */
enum err store_connection_forget(struct store *store, const char *user_id, const char *connector,
                                 const char *connection_name) MUST_CHECK;
/* Whoever is connected from now on waits for the host's confirmation; who it was is forgotten until
 * it is read anew. The row comes into being when there is none. `only_unusable`: no effect on an
 * ACTIVE one. */
enum err store_connection_hold(struct store *store, const char *user_id, const char *connector,
                               const char *connection_name, bool only_unusable) MUST_CHECK;
/* Nothing was connected after all: takes back what store_connection_hold() did. */
enum err store_connection_release(struct store *store, const char *user_id,
                                  const char *connector) MUST_CHECK;
/* The host accepts who is connected; accepting twice is fine. `version` > 0: only this version.
 * `once` renders the connection, NULL: there is no key; a replay leaves `out_row` as it is.
 * E_NOT_FOUND. E_CONFLICT: nobody is known to be connected, or the version is another one. */
enum err store_connection_confirm(struct store *store, const char *user_id, const char *connector,
                                  int64_t version, struct store_once *once,
                                  struct connection_row *out_row) MUST_CHECK;

/* At most `max` that are to be read anew: first those that something was said about, unless they
 * were read within `merge_ms`, then the longest unread before `checked_before_ms`. */
enum err store_connections_stale(struct store *store, int64_t checked_before_ms, int64_t merge_ms,
                                 int max, struct connection_list *out_list) MUST_CHECK;
/* Reading one failed: it is to be read again, after those that were due before now. `is_pointless`:
 * only as late as one that was read now. */
enum err store_connection_postpone(struct store *store, const char *user_id, const char *connector,
                                   int64_t now_ms, bool is_pointless) MUST_CHECK;
/* Grows with every change of a row by this process; memory only. */
int64_t store_connections_changes(const struct store *store);

#endif
