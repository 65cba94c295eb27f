/*
 * Brings a database to the version of this binary. `PRAGMA user_version` counts the migrations that
 * were applied.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/db.h"

/* Looks at what kind of file this is, and changes nothing. E_INVALID: a database of another
 * program. E_CONFLICT: of a newer version, or, with `is_allowed` false, of an older one. */
enum err migrate_check(struct db *db, bool is_allowed, int *out_version) MUST_CHECK;
/* Applies what is missing, each migration in a transaction of its own, so that a failure leaves a
 * database of an earlier version. */
enum err migrate(struct db *db, int *out_version) MUST_CHECK;

#endif
