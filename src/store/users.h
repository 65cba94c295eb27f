/*
 * Rows of `users` inside a transaction. A user comes into being with the first thing that is known
 * of them.
 */
#ifndef STORE_USERS_H
#define STORE_USERS_H

#include "store/db.h"

/* No effect when the user is there. */
enum err user_row_add(struct db *db, const char *user_id, int64_t now_ms) MUST_CHECK;
/* The user with this SHA-256 was erased: what was asked about them earlier is not stored any more.
 */
enum err user_row_note_erased(struct db *db, const char *hash, int64_t now_ms) MUST_CHECK;
/* Was the user erased at that time or later, and is not known again since? */
enum err user_row_was_erased(struct db *db, const char *user_id, int64_t since_ms,
                             bool *out_was) MUST_CHECK;

#endif
