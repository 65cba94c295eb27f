/*
 * Rows of `sessions` inside a transaction: for what begins or widens one together with something
 * else.
 */
#ifndef STORE_SESSION_ROWS_H
#define STORE_SESSION_ROWS_H

#include "store/db.h"
#include "store/sessions.h"

/* `row` without id and times; the oldest of a user's above a ceiling go. */
enum err session_row_add(struct db *db, const struct session_row *row,
                         const unsigned char hash[SHA256_LEN], char out_id[ID_MAX]) MUST_CHECK;
/* E_NOT_FOUND: none of this id is live. */
enum err session_row_get(struct db *db, const char *id, struct session_row *out_row) MUST_CHECK;
/* Writes what may change; under another cookie unless `hash` is NULL. */
enum err session_row_renew(struct db *db, const struct session_row *row,
                           const unsigned char *hash) MUST_CHECK;

#endif
