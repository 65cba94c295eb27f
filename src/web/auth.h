/*
 * API keys: who asks, and what the key may do.
 *
 * Live keys are kept in memory by the hash of the bearer token; a thread of its own looks for
 * changes of the database by other processes (`briefd keys revoke`) so that a revocation is seen
 * within a second. A key that is not in memory is looked up before a 401, on a pool thread.
 */
#ifndef WEB_AUTH_H
#define WEB_AUTH_H

#include "store/keys.h"
#include "web/request.h"

struct key_cache;

enum err key_cache_start(struct store *store, struct key_cache **out_cache) MUST_CHECK;
void key_cache_stop(struct key_cache *cache);

enum auth_result {
    AUTH_OK,
    AUTH_MISSING, /* no bearer token */
    AUTH_UNKNOWN  /* not in memory (auth_from_memory), not a live key (auth_from_store) */
};
/* MHD threads: memory only. Fills rq->principal. */
enum auth_result auth_from_memory(struct key_cache *cache, struct request *rq);
/* Pool threads: asks the database and remembers. */
enum err auth_from_store(struct key_cache *cache, struct request *rq,
                         enum auth_result *out_result) MUST_CHECK;

/* One of `scopes_any`? `admin` implies all. */
bool auth_allows(const struct principal *principal, unsigned scopes_any);

#endif
