/*
 * Our own timers, because curl has no such thing as "no event for 120 s". A scan over the active
 * transfers each time the earliest timer may run out: a transfer's activity only moves its timers
 * later, so between scans the earliest one needs no upkeep. With 5,000 transfers a scan takes some
 * tens of microseconds.
 */
#include "http/transfer.h"

#include "base/clock.h"

#define CONNECT_MS    10000
#define FIRST_BYTE_MS 60000
#define IDLE_BYTES_MS 30000
#define TOTAL_MS      120000

/* For the last bytes after all that mattered: they mostly come in the same packet. */
#define LAST_BYTES_MS 1000

/* Transfers that are due one after the other within this time share a scan. */
#define SCAN_GAP_MS 5

static int64_t or_default(int64_t wanted, int64_t default_ms)
{
    return wanted > 0 ? wanted : default_ms;
}

struct http_timeouts timers_defaults(const struct http_timeouts *wanted)
{
    return (struct http_timeouts){
        .connect_ms = or_default(wanted->connect_ms, CONNECT_MS),
        .first_byte_ms = or_default(wanted->first_byte_ms, FIRST_BYTE_MS),
        .idle_bytes_ms = or_default(wanted->idle_bytes_ms, IDLE_BYTES_MS),
        .idle_events_ms = wanted->idle_events_ms > 0 ? wanted->idle_events_ms : 0,
        .total_ms = or_default(wanted->total_ms, TOTAL_MS),
    };
}

/* The moment the first of its timers runs out, and which one that is; NULL: nothing is missing. */
static int64_t due_ms(const struct transfer *t, const char **out_timer)
{
    const struct http_timeouts *limits = &t->timeouts;
    int64_t due;
    *out_timer = NULL;
    if (t->done_ms > 0) return t->done_ms + LAST_BYTES_MS;
    if (!t->is_sent) {
        *out_timer = "connect";
        due = t->started_ms + limits->connect_ms;
    } else if (!t->has_first_byte) {
        *out_timer = "first byte";
        due = t->upload_ms + limits->first_byte_ms;
    } else {
        *out_timer = "idle bytes";
        due = t->life_ms + limits->idle_bytes_ms;
        if (limits->idle_events_ms > 0 && t->event_ms + limits->idle_events_ms < due) {
            *out_timer = "idle events";
            due = t->event_ms + limits->idle_events_ms;
        }
    }
    int64_t end = t->started_ms + limits->total_ms;
    if (end < due) {
        /* Before anything was sent the name keeps saying just that. */
        if (t->is_sent) *out_timer = "total";
        due = end;
    }
    return due;
}

void timers_note(struct transfer *t)
{
    const char *timer;
    int64_t due = due_ms(t, &timer);
    if (due < t->client->timers_due_ms) t->client->timers_due_ms = due;
}

void timers_run(struct http_client *c)
{
    int64_t now = clock_mono_ms();
    if (now < c->timers_due_ms) return;

    int64_t next_due = INT64_MAX;
    for (struct transfer *t = c->active, *next; t; t = next) {
        next = t->next;
        const char *timer;
        int64_t due = due_ms(t, &timer);
        if (due <= now) {
            transfer_stop(t, timer ? HTTP_TIMED_OUT : HTTP_SINK_STOPPED, timer);
        } else if (due < next_due) {
            next_due = due;
        }
    }
    if (next_due < now + SCAN_GAP_MS) next_due = now + SCAN_GAP_MS;
    c->timers_due_ms = next_due;
}
