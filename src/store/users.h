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
/* user_row_add() for the answer to a question that was asked then. E_NOT_FOUND: the user was erased
 * since, and is not known again. */
enum err user_row_add_asked(struct db *db, const char *user_id, int64_t asked_ms,
                            int64_t now_ms) MUST_CHECK;

#endif
