#include "web/rate_limit.h"

#include "base/crypt.h"
#include "base/thread.h"

#include <stdio.h>
#include <string.h>

#define SHARDS 16   /* each with a lock */
#define WAYS   8    /* buckets that one caller may be in */
#define TOKEN  1000 /* tokens are counted in thousandths: rate times milliseconds */

struct bucket {
    uint64_t who;   /* hash; 0: nobody */
    int64_t tokens; /* thousandths … */
    int64_t at_ms;  /* … at that moment (mono) */
};

struct shard {
    struct mutex mutex; /* guards what `buckets` points to */
    struct bucket *buckets;
    char apart[64]; /* two locks never share a cache line */
};

struct rate_limit {
    char policy[RATE_TEXT_MAX];
    char name[24];
    int64_t per_s, burst;
    uint64_t secret[2];
    size_t sets; /* of WAYS buckets, in each shard */
    struct shard shards[SHARDS];
};

struct rate_limit *rate_limit_new(const char *name, int64_t per_s, int64_t burst, size_t buckets)
{
    if (per_s <= 0) return NULL;
    struct rate_limit *limit = xcalloc(1, sizeof(*limit));
    limit->per_s = per_s;
    limit->burst = burst < 1 ? 1 : burst;
    limit->sets = (buckets + SHARDS * WAYS - 1) / (SHARDS * WAYS);
    random_bytes(limit->secret, sizeof(limit->secret));
    snprintf(limit->name, sizeof(limit->name), "%s", name);
    snprintf(limit->policy, sizeof(limit->policy), "\"%s\";q=%lld;w=%lld", limit->name,
             (long long)limit->burst, (long long)((limit->burst + per_s - 1) / per_s));
    for (int i = 0; i < SHARDS; i++) {
        mutex_init(&limit->shards[i].mutex);
        limit->shards[i].buckets = xcalloc(limit->sets * WAYS, sizeof(struct bucket));
    }
    return limit;
}

void rate_limit_free(struct rate_limit *limit)
{
    if (!limit) return;
    for (int i = 0; i < SHARDS; i++) {
        mutex_done(&limit->shards[i].mutex);
        xfree(limit->shards[i].buckets);
    }
    xfree(limit);
}

static uint64_t mixed(uint64_t a, uint64_t odd)
{
    a = (a ^ (a >> 32)) * odd;
    a = (a ^ (a >> 29)) * 0xD6E8FEB86659FD93u;
    return a ^ (a >> 32);
}

/* Keyed, so that nobody can look for an address that shares another's bucket. Never 0. */
static uint64_t hash_of(const struct rate_limit *limit, const void *who, size_t len)
{
    const unsigned char *at = who;
    uint64_t hash = limit->secret[0] ^ len;
    for (size_t left = len; left > 0;) {
        uint64_t word = 0;
        size_t n = left < sizeof(word) ? left : sizeof(word);
        memcpy(&word, at, n);
        hash = mixed(hash ^ word, limit->secret[1] | 1) + limit->secret[0];
        at += n;
        left -= n;
    }
    hash = mixed(hash, limit->secret[1] | 1);
    return hash ? hash : 1;
}

static struct shard *shard_of(struct rate_limit *limit, uint64_t hash)
{
    return &limit->shards[hash % SHARDS];
}

static struct bucket *set_of(const struct rate_limit *limit, struct shard *shard, uint64_t hash)
{
    return &shard->buckets[(size_t)(hash / SHARDS) % limit->sets * WAYS];
}

static void fill_locked(const struct rate_limit *limit, struct bucket *bucket, int64_t now_ms)
{
    int64_t full = limit->burst * TOKEN;
    int64_t passed_ms = now_ms > bucket->at_ms ? now_ms - bucket->at_ms : 0;
    bool is_full = passed_ms >= (full - bucket->tokens) / limit->per_s + 1;
    bucket->tokens = is_full ? full : bucket->tokens + passed_ms * limit->per_s;
    if (bucket->tokens > full) bucket->tokens = full;
    bucket->at_ms = now_ms > bucket->at_ms ? now_ms : bucket->at_ms;
}

static struct bucket *find_locked(const struct rate_limit *limit, struct shard *shard,
                                  uint64_t hash)
{
    struct bucket *set = set_of(limit, shard, hash);
    for (int i = 0; i < WAYS; i++)
        if (set[i].who == hash) return &set[i];
    return NULL;
}

/* The caller's bucket, filled up to now; a new one takes the fullest place. */
static struct bucket *bucket_locked(const struct rate_limit *limit, struct shard *shard,
                                    uint64_t hash, int64_t now_ms)
{
    struct bucket *found = find_locked(limit, shard, hash);
    if (found) {
        fill_locked(limit, found, now_ms);
        return found;
    }
    struct bucket *set = set_of(limit, shard, hash);
    struct bucket *place = &set[0];
    for (int i = 0; i < WAYS; i++) {
        if (set[i].who == 0) {
            place = &set[i];
            break;
        }
        fill_locked(limit, &set[i], now_ms);
        if (set[i].tokens > place->tokens) place = &set[i];
    }
    *place = (struct bucket){.who = hash, .tokens = limit->burst * TOKEN, .at_ms = now_ms};
    return place;
}

static int64_t seconds_for(const struct rate_limit *limit, int64_t thousandths)
{
    int64_t a_second = limit->per_s * TOKEN;
    return (thousandths + a_second - 1) / a_second;
}

struct rate_answer rate_limit_take(struct rate_limit *limit, const void *who, size_t len,
                                   int64_t now_mono_ms)
{
    if (!limit) return (struct rate_answer){0};
    uint64_t hash = hash_of(limit, who, len);
    struct shard *shard = shard_of(limit, hash);
    mutex_lock(&shard->mutex);
    struct bucket *bucket = bucket_locked(limit, shard, hash, now_mono_ms);
    bool is_refused = bucket->tokens < TOKEN;
    if (!is_refused) bucket->tokens -= TOKEN;
    int64_t tokens = bucket->tokens;
    mutex_unlock(&shard->mutex);
    return (struct rate_answer){.limit = limit,
                                .is_refused = is_refused,
                                .left = tokens / TOKEN,
                                .full_after_s = seconds_for(limit, limit->burst * TOKEN - tokens),
                                .retry_after_s =
                                    tokens < TOKEN ? seconds_for(limit, TOKEN - tokens) : 0};
}

void rate_limit_give_back(struct rate_limit *limit, const void *who, size_t len)
{
    if (!limit) return;
    uint64_t hash = hash_of(limit, who, len);
    struct shard *shard = shard_of(limit, hash);
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&shard->mutex);
    struct bucket *bucket = find_locked(limit, shard, hash);
    if (bucket && bucket->tokens <= (limit->burst - 1) * TOKEN) bucket->tokens += TOKEN;
}

const char *rate_limit_policy(const struct rate_limit *limit)
{
    return limit->policy;
}

void rate_answer_format(const struct rate_answer *answer, char out[RATE_TEXT_MAX])
{
    snprintf(out, RATE_TEXT_MAX, "\"%s\";r=%lld;t=%lld", answer->limit->name,
             (long long)answer->left, (long long)answer->full_after_s);
}
