/*
 * Rows of `users` inside a transaction. A user comes into being with the first thing that is known
 * of them.
 */
#ifndef STORE_USERS_H
#define STORE_USERS_H

#include "store/db.h"

/* No effect when the user is there. */
enum err user_row_add(struct db *db, const char *user_id, int64_t now_ms) MUST_CHECK;

#endif
