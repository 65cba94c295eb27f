/*
 * Table `connections`: what briefd knows of a user's account on a connector. ScaleKit is the truth,
 * this is its latest copy, with the time it was read. Table `users` comes into being with it.
 */
#ifndef STORE_CONNECTIONS_H
#define STORE_CONNECTIONS_H

#include "store/store.h"

struct connection_row {
    char *user_id;
    char *connector;       /* our name: "slack" */
    char *connection_name; /* ScaleKit's: "slack-7Hd2" */
    char *account_id;      /* "ca_…"; NULL when there is none */
    char *status;          /* ScaleKit's word, "NOT_CONNECTED" when there is no account */
    char *identity; /* JSON object: who is connected, from the probe tool; NULL when unknown */
    int64_t account_updated_ms; /* ScaleKit's updated_at, 0 unknown */
    int64_t checked_ms;
    int64_t changed_ms; /* the status or account changed */
    int64_t version;    /* grows by 1 with each change; its ETag */
};
void connection_row_done(struct connection_row *row);

struct connection_list {
    struct connection_row *rows;
    size_t n;
};
void connection_list_done(struct connection_list *list);

/* Writes what was just read of these accounts in one transaction. `identity` NULL keeps the stored
 * one while the account id is the same, and clears it otherwise. */
enum err store_connections_put(struct store *store, const struct connection_row *rows,
                               size_t n) MUST_CHECK;
/* All of a user's, by connector name. An unknown user has none. */
enum err store_connections_list(struct store *store, const char *user_id,
                                struct connection_list *out_list) MUST_CHECK;

#endif
