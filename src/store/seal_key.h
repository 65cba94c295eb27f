/*
 * The keys that results, messages and answers are sealed with.
 *
 * A key comes from the settings or from the file `<database>.key`. The database keeps the ids
 * (never the keys) of all keys that its rows may have been sealed with, as rows `seal_key/ID` of
 * table `meta`; each of them must be at hand, unless no row is left that needs it. So a key that
 * got lost is noticed at start and not in the middle of a briefing, and a retired key is forgotten
 * by itself when its last row is.
 */
#ifndef STORE_SEAL_KEY_H
#define STORE_SEAL_KEY_H

#include "base/crypt.h"
#include "store/db.h"
#include "store/store.h"

/* Finds or makes the keys and notes the current one in the database. E_INVALID: a key is malformed,
 * or one is missing that rows are sealed with; the story says what to do. */
enum err seal_keys_load(struct db *db, const struct store_options *options,
                        struct seal_keys *out_keys) MUST_CHECK;

#endif
