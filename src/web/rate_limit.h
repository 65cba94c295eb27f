/*
 * How fast one caller may ask: token buckets, in memory.
 *
 * A bucket holds `burst` tokens and gets `per_s` new ones each second; a request takes one, and is
 * refused when there is none. A limiter has a fixed number of buckets, found by a keyed hash of who
 * asks. Somebody new takes the place of whoever is nearest to a full bucket, so a crowd of strangers
 * costs no memory, and at worst forgives somebody a little.
 *
 * Any thread. Each bucket's lock is held for a few instructions and shared by few others; nothing is
 * allocated, and no clock but the one that is given is read.
 *
 * What callers are told follows draft-ietf-httpapi-ratelimit-headers (the form since its eighth
 * version, with a policy's name as the item): RateLimit-Policy: "key";q=50000;w=10 says the size of
 * the bucket and in how many seconds it fills; RateLimit: "key";r=49999;t=1 says what is left and
 * when the bucket is full again.
 */
#ifndef WEB_RATE_LIMIT_H
#define WEB_RATE_LIMIT_H

#include "base/str.h"

struct rate_limit;

struct rate_answer {
    const struct rate_limit *limit; /* NULL: nothing was asked, or it has no limit */
    bool is_refused;
    int64_t left;          /* whole tokens */
    int64_t full_after_s;  /* the bucket is full again, rounded up */
    int64_t retry_after_s; /* there is a token again; 0 when there is one */
};

/* `name` is the policy's, a plain word; at least `buckets` of them. NULL when `per_s` is 0: there is
 * no limit. The functions below take that NULL and let everybody through. */
struct rate_limit *rate_limit_new(const char *name, int64_t per_s, int64_t burst, size_t buckets);
void rate_limit_free(struct rate_limit *limit);

/* Takes a token of whoever these bytes are. */
struct rate_answer rate_limit_take(struct rate_limit *limit, const void *who, size_t len,
                                   int64_t now_mono_ms);
/* Puts it back. */
void rate_limit_give_back(struct rate_limit *limit, const void *who, size_t len);

/* The values of the two fields. */
#define RATE_TEXT_MAX 96
const char *rate_limit_policy(const struct rate_limit *limit);
void rate_answer_format(const struct rate_answer *answer, char out[RATE_TEXT_MAX]);

#endif
