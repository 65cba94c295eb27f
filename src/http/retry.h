/*
 * When to try again: pure arithmetic and one shared brake. (wire facts: Anthropic's SDK policy, RFC
 * 9110 10.2.3)
 */
#ifndef HTTP_RETRY_H
#define HTTP_RETRY_H

#include "http/http.h"

/* What the answer says about waiting: retry-after-ms, else retry-after (seconds, also fractions, or
 * an HTTP date). False when it says nothing usable. */
bool retry_after_ms(const struct http_reply *reply, int64_t now_unix_ms, int64_t *out_ms);
/* x-should-retry: 1 true, 0 false, -1 not said. */
int retry_should(const struct http_reply *reply);
/* Full-jitter backoff: uniform in (0, min(cap, base * 2^n)], n = tries already failed. */
int64_t retry_backoff_ms(int n, int64_t base_ms, int64_t cap_ms);
/* The wait before the next try: never less than what the server asked for, jitter on top of it. */
int64_t retry_delay_ms(int n, bool has_asked, int64_t asked_ms, int64_t base_ms, int64_t cap_ms);

/* A brake shared by all callers of one upstream, so that a hundred runs that were told "later" do
 * not come back together: after an overload answer, calls are let through one after another at a
 * growing distance that shrinks again with each success. */
struct retry_brake;
struct retry_brake *retry_brake_new(void);
void retry_brake_free(struct retry_brake *brake);
/* The upstream said it is overloaded or limits the rate; `asked_ms` 0 when it named no time. Hits
 * of one moment count once. */
void retry_brake_hit(struct retry_brake *brake, int64_t asked_ms);
/* A call succeeded. Within the time that they asked for it means nothing: it was sent before. */
void retry_brake_ok(struct retry_brake *brake);
/* How long the caller has to wait for its place (0: go now). Takes the place. */
int64_t retry_brake_place_ms(struct retry_brake *brake);

/* Sleeps that long; returns early with false when `cancel` (may be NULL) is fired or the client is
 * being stopped, and does not sleep at all when the deadline (mono ms, 0 none) would be passed. */
bool retry_sleep(struct http_client *client, int64_t ms, struct http_cancel *cancel,
                 int64_t deadline_mono_ms);

#endif
