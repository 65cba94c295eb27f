/*
 * Any thread; only the brake has state.
 */
#include "http/retry.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "http/transfer.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <strings.h>

/* The brake. After the first "later", calls go one by one this far apart; the distance doubles with
 * each further one (but those of requests that were in flight together count once) and halves with
 * each success. */
#define GAP_FIRST_MS 50
#define GAP_MAX_MS   1000
#define HOLD_MAX_MS  120000 /* one answer stops all callers for no longer than this */

struct retry_brake {
    struct mutex mutex; /* guards all below */
    int64_t gap_ms;     /* 0: not braking */
    int64_t next_ms;    /* mono: the next free place */
    int64_t grown_ms;   /* mono: when the gap grew last */
    int64_t held_ms;    /* mono: until then they asked for silence */
};

/* A plain non-negative decimal number, which is the whole text. */
static bool to_number(const char *text, double *out_value)
{
    char *end;
    if (!*text || (*text != '.' && (*text < '0' || *text > '9'))) return false;
    double value = strtod(text, &end);
    if (*end || !isfinite(value)) return false;
    *out_value = value;
    return true;
}

bool retry_after_ms(const struct http_reply *reply, int64_t now_unix_ms, int64_t *out_ms)
{
    char text[64];
    double ms = -1;
    double seconds;
    if (http_reply_header(reply, "retry-after-ms", text, sizeof text) && to_number(text, &ms)) {
        /* the finer one counts */
    } else if (!http_reply_header(reply, "retry-after", text, sizeof text)) {
        return false;
    } else if (to_number(text, &seconds)) {
        ms = seconds * 1000;
    } else {
        time_t date = curl_getdate(text, NULL);
        if (date < 0) return false;
        ms = (double)date * 1000 - (double)now_unix_ms;
    }
    if (ms > INT32_MAX) return false; /* 24 days: not meant */
    *out_ms = ms > 0 ? (int64_t)ceil(ms) : 0;
    return true;
}

int retry_should(const struct http_reply *reply)
{
    char text[16];
    if (!http_reply_header(reply, "x-should-retry", text, sizeof text)) return -1;
    if (strcasecmp(text, "true") == 0) return 1;
    return strcasecmp(text, "false") == 0 ? 0 : -1;
}

int64_t retry_backoff_ms(int n, int64_t base_ms, int64_t cap_ms)
{
    assert(n >= 0 && base_ms > 0 && cap_ms > 0);
    int64_t top = base_ms;
    for (int i = 0; i < n && top < cap_ms; i++)
        top *= 2;
    if (top > cap_ms) top = cap_ms;
    return 1 + (int64_t)random_below((uint64_t)top);
}

int64_t retry_delay_ms(int n, bool has_asked, int64_t asked_ms, int64_t base_ms, int64_t cap_ms)
{
    int64_t jitter = retry_backoff_ms(n, base_ms, cap_ms);
    return has_asked ? asked_ms + jitter : jitter;
}

struct retry_brake *retry_brake_new(void)
{
    struct retry_brake *brake = xcalloc(1, sizeof *brake);
    mutex_init(&brake->mutex);
    return brake;
}

void retry_brake_free(struct retry_brake *brake)
{
    if (!brake) return;
    mutex_done(&brake->mutex);
    xfree(brake);
}

void retry_brake_hit(struct retry_brake *brake, int64_t asked_ms)
{
    int64_t now = clock_mono_ms();
    int64_t until = now + (asked_ms < HOLD_MAX_MS ? asked_ms : HOLD_MAX_MS);
    mutex_lock(&brake->mutex);
    if (brake->gap_ms == 0) {
        brake->gap_ms = GAP_FIRST_MS;
        brake->grown_ms = now;
    } else if (now - brake->grown_ms >= GAP_MAX_MS && brake->gap_ms < GAP_MAX_MS) {
        brake->gap_ms = brake->gap_ms * 2 < GAP_MAX_MS ? brake->gap_ms * 2 : GAP_MAX_MS;
        brake->grown_ms = now;
    }
    if (brake->held_ms < until) brake->held_ms = until;
    if (brake->next_ms < until) brake->next_ms = until;
    mutex_unlock(&brake->mutex);
}

void retry_brake_ok(struct retry_brake *brake)
{
    int64_t now = clock_mono_ms();
    mutex_lock(&brake->mutex);
    /* What was sent before they asked for silence proves nothing about now. */
    bool counts = now >= brake->held_ms;
    if (counts) brake->gap_ms /= 2;
    if (counts && brake->gap_ms < GAP_FIRST_MS) {
        /* Places that were given away stay with those who wait for them; new callers need none. */
        brake->gap_ms = 0;
        brake->next_ms = 0;
    }
    mutex_unlock(&brake->mutex);
}

int64_t retry_brake_place_ms(struct retry_brake *brake)
{
    int64_t now = clock_mono_ms();
    mutex_lock(&brake->mutex);
    int64_t place = brake->next_ms > now ? brake->next_ms : now;
    if (brake->gap_ms > 0) brake->next_ms = place + brake->gap_ms;
    mutex_unlock(&brake->mutex);
    return place - now;
}

bool retry_sleep(struct http_client *client, int64_t ms, struct http_cancel *cancel,
                 int64_t deadline_mono_ms)
{
    int64_t until = clock_mono_ms() + ms;
    if (deadline_mono_ms > 0 && until > deadline_mono_ms) return false;
    return client_sleep(client, until, cancel);
}
