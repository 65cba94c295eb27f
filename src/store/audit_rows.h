/*
 * Rows of `audit` inside the transaction of what they speak of.
 */
#ifndef STORE_AUDIT_ROWS_H
#define STORE_AUDIT_ROWS_H

#include "store/db.h"
#include "store/runs.h"

enum err audit_row_add(struct db *db, const struct audit_new *entry) MUST_CHECK;

#endif
