#include "web/auth.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define CHECK_EVERY_MS   400
#define BEARER_BYTES_MAX 256

struct key_cache {
    struct store *store;
    struct thread thread;
    atomic_bool is_unread; /* the last reading failed, and that was told */

    struct mutex mutex; /* guards what follows */
    struct cond stop;
    struct key_list keys; /* a handful: looked through one by one, in constant time each */
    uint64_t n_begun;     /* readings of the table that began … */
    uint64_t n_kept;      /* … and the one that `keys` came from */
    bool is_stopping;
};

/* Once for each change: a damaged database stays so for many readings. */
static void tell_change(struct key_cache *cache, enum err e)
{
    bool is_failure = e != E_OK;
    if (atomic_exchange(&cache->is_unread, is_failure) == is_failure) return;
    if (is_failure)
        log_failure("keys_not_read", e, LOG_STR("next", "those in memory count; trying again"));
    else
        log_info("keys_read_again");
}

/* Several threads may read at once. What was read earlier never takes the place of what was read
 * later: a revoked key would come back with it. */
static void reload(struct key_cache *cache)
{
    AUTO(key_list_done) struct key_list fresh = {0};
    mutex_lock(&cache->mutex);
    uint64_t n = ++cache->n_begun;
    mutex_unlock(&cache->mutex);
    enum err e = store_keys_list(cache->store, false, &fresh);
    tell_change(cache, e);
    if (e) return;
    mutex_lock(&cache->mutex);
    if (n > cache->n_kept) {
        struct key_list old = cache->keys;
        cache->keys = fresh;
        fresh = old;
        cache->n_kept = n;
    }
    mutex_unlock(&cache->mutex);
}

static void *cache_main(void *arg)
{
    struct key_cache *cache = arg;
    int64_t seen = -1;
    mutex_lock(&cache->mutex);
    while (!cache->is_stopping) {
        mutex_unlock(&cache->mutex);
        int64_t version = 0;
        enum err e = store_data_version(cache->store, &version);
        if (e || version != seen) reload(cache);
        seen = e ? -1 : version;
        mutex_lock(&cache->mutex);
        int64_t until_ms = clock_mono_ms() + CHECK_EVERY_MS;
        while (!cache->is_stopping && cond_wait_until(&cache->stop, &cache->mutex, until_ms)) {
        }
    }
    mutex_unlock(&cache->mutex);
    return NULL;
}

enum err key_cache_start(struct store *store, struct key_cache **out_cache)
{
    struct key_cache *cache = xcalloc(1, sizeof(*cache));
    cache->store = store;
    mutex_init(&cache->mutex);
    cond_init(&cache->stop);
    reload(cache);
    enum err e = thread_start(&cache->thread, "keys", cache_main, cache);
    if (e) {
        key_cache_stop(cache);
        return e;
    }
    *out_cache = cache;
    return E_OK;
}

void key_cache_stop(struct key_cache *cache)
{
    if (!cache) return;
    mutex_lock(&cache->mutex);
    cache->is_stopping = true;
    cond_signal(&cache->stop);
    mutex_unlock(&cache->mutex);
    thread_join(&cache->thread);
    key_list_done(&cache->keys);
    cond_done(&cache->stop);
    mutex_done(&cache->mutex);
    xfree(cache);
}

static bool hash_bearer(const struct request *rq, unsigned char out[SHA256_LEN])
{
    const char *value = request_header(rq, "Authorization");
    if (!value || strncasecmp(value, "Bearer ", 7) != 0) return false;
    const char *token = value + 7;
    while (*token == ' ')
        token++;
    size_t len = strlen(token);
    if (len == 0 || len > BEARER_BYTES_MAX) return false;
    sha256(token, len, out);
    return true;
}

static void become(struct principal *principal, const struct key_row *key)
{
    principal->kind = PRINCIPAL_SERVICE;
    principal->scopes = key->scopes;
    snprintf(principal->name, sizeof(principal->name), "%s", key->name);
}

enum auth_result auth_from_memory(struct key_cache *cache, struct request *rq)
{
    unsigned char hash[SHA256_LEN];
    if (!hash_bearer(rq, hash)) return AUTH_MISSING;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&cache->mutex);
    for (size_t i = 0; i < cache->keys.n; i++) {
        if (!equal_constant_time(hash, cache->keys.rows[i].hash, SHA256_LEN)) continue;
        become(&rq->principal, &cache->keys.rows[i]);
        return AUTH_OK;
    }
    return AUTH_UNKNOWN;
}

enum err auth_from_store(struct key_cache *cache, struct request *rq, enum auth_result *out_result)
{
    unsigned char hash[SHA256_LEN];
    *out_result = AUTH_MISSING;
    if (!hash_bearer(rq, hash)) return E_OK;
    AUTO(key_row_done) struct key_row key = {0};
    enum err e = store_key_find(cache->store, hash, &key);
    *out_result = e ? AUTH_UNKNOWN : AUTH_OK;
    if (e == E_NOT_FOUND) return E_OK;
    if (e) return e;
    become(&rq->principal, &key);
    reload(cache);
    return E_OK;
}

bool auth_allows(const struct principal *principal, unsigned scopes_any)
{
    return (principal->scopes & (scopes_any | SCOPE_ADMIN)) != 0;
}
