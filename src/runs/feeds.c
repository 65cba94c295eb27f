/*
 * The feeds' thread, and what others ask of it.
 *
 * Threads: the store's writer (feeds_changed), handlers (open, begin), MHD's (copy, wait, close), and
 * the feeds' own, which alone reads events and calls those who are parked. One mutex guards
 * everything; it is held for memory work only, and nobody is called and nothing read under it.
 */
#include "runs/feeds.h"

#include "base/clock.h"
#include "base/log.h"
#include "runs/feed_lists.h"

#include <assert.h>
#include <string.h>

#define STOP_WAIT_MS   5000
#define TOGETHER_MS    1000 /* heartbeats that are due so soon go out with the one that is due */
#define TOGETHER_SHARE 8    /* but not earlier than by this part of the interval */

/* EventSource comes back by itself after `retry`. */
static const char hello_text[] = "retry: 2000\n\n";
static const char heartbeat_text[] = ":\n\n";
static const char goodbye_text[] = ": come back\nretry: 3000\n\n";

void feeds_changed(struct feeds *feeds, const struct run_row *row)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&feeds->mutex);
    struct feed *feed = feed_find_locked(feeds, row->id);
    bool is_terminal = run_status_is_terminal(row->status);
    if (!feed || row->last_event < feed->last) return;
    if (row->last_event == feed->last && (feed->end != NULL) == is_terminal) return;
    feed->last = row->last_event;
    piece_release(feed->end);
    feed->end = is_terminal ? piece_of_end(row) : NULL;
    feed->has_news = true;
    if (feed->waiting.first) feed_mark_dirty_locked(feed);
}

/* ---- the thread ---- */

static void serve_list_locked(struct feed *feed, struct reader_list *list)
{
    struct feed_reader *next = NULL;
    for (struct feed_reader *reader = list->first; reader; reader = next) {
        next = reader->next_parked;
        if (reader_serve_locked(reader)) {
            reader_tell_locked(reader);
        } else if (list == &feed->waiting && reader->position < feed->last) {
            reader_fall_behind_locked(reader);
        }
    }
}

/* Those for whom nothing can be read come back later, and are told then what became of the run. */
static void send_away_locked(struct feed *feed)
{
    while (feed->behind.first) {
        struct feed_reader *reader = feed->behind.first;
        reader->is_ending = true;
        reader_give_locked(reader, feed->feeds->goodbye, 0);
        reader_tell_locked(reader);
    }
}

/* What was read is newer than what feeds_changed() told so far: it will, in a moment, and then say
 * whether the run has ended there. */
static void run_ahead_locked(struct feed *feed, int64_t last)
{
    feed->last = last;
    piece_release(feed->end);
    feed->end = NULL;
}

/* The feed stays meanwhile: a parked reader of it cannot be closed. */
static void read_next_locked(struct feed *feed, struct mutex *held)
{
    int64_t after = feed->behind.first->position;
    struct piece *piece = NULL;
    mutex_unlock(held);
    enum err e = piece_read(feed->feeds->store, feed->run_id, after, &piece);
    if (e) log_failure("events_not_read", e, LOG_STR("run", feed->run_id));
    mutex_lock(held);
    if (!piece) {
        send_away_locked(feed);
        return;
    }
    feed_keep_locked(feed, piece);
    if (piece->last > feed->last) run_ahead_locked(feed, piece->last);
    serve_list_locked(feed, &feed->behind);
    if (feed->behind.first) feed_mark_dirty_locked(feed);
}

static void look_after_locked(struct feed *feed, struct mutex *held)
{
    feed_leave_dirty_locked(feed);
    if (feed->has_news) {
        feed->has_news = false;
        serve_list_locked(feed, &feed->waiting);
    }
    serve_list_locked(feed, &feed->behind);
    if (feed->behind.first) read_next_locked(feed, held);
}

static void beat_locked(struct feeds *feeds)
{
    int64_t early_ms = feeds->heartbeat_ms / TOGETHER_SHARE;
    int64_t until_ms = clock_mono_ms();
    if (!feeds->first || (feeds->first->due_ms > until_ms && !feeds->is_stopping)) return;
    until_ms += early_ms < TOGETHER_MS ? early_ms : TOGETHER_MS;
    while (feeds->first && (feeds->is_stopping || feeds->first->due_ms <= until_ms)) {
        struct feed_reader *reader = feeds->first;
        if (!reader_serve_locked(reader)) reader_give_locked(reader, feeds->heartbeat, 0);
        reader_tell_locked(reader);
    }
}

static void call_told_locked(struct feeds *feeds, struct mutex *held)
{
    struct feed_reader *told = feeds->told;
    feeds->told = NULL;
    if (!told) return;
    mutex_unlock(held);
    while (told) {
        struct feed_reader *next = told->next;
        told->wake(told->ctx); /* it may be closed from here on */
        told = next;
    }
    mutex_lock(held);
}

static void *feeds_main(void *arg)
{
    struct feeds *feeds = arg;
    struct mutex *held = &feeds->mutex;
    mutex_lock(held);
    while (!feeds->is_stopping || feeds->first || feeds->dirty_first) {
        beat_locked(feeds);
        if (feeds->dirty_first) look_after_locked(feeds->dirty_first, held);
        bool has_told = feeds->told != NULL;
        call_told_locked(feeds, held);
        if (has_told || feeds->dirty_first || feeds->is_stopping) continue;
        if (feeds->first)
            (void)cond_wait_until(&feeds->changed, held, feeds->first->due_ms);
        else
            cond_wait(&feeds->changed, held);
    }
    mutex_unlock(held);
    return NULL;
}

/* ---- the readers' side ---- */

enum err feed_open(struct feeds *feeds, const char *run_id, feed_wake *wake, void *ctx,
                   struct feed_reader **out_reader)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&feeds->mutex);
    if (feeds->is_stopping) return fail(E_BUSY, "the feeds are stopping");
    if (feeds->n_readers >= feeds->readers_max)
        return fail(E_LIMIT, "%lld follow already", (long long)feeds->n_readers);
    struct feed_reader *reader = xcalloc(1, sizeof(*reader));
    reader->feed = feed_need_locked(feeds, run_id);
    reader->feed->n_readers++;
    reader->wake = wake;
    reader->ctx = ctx;
    feeds->n_readers++;
    *out_reader = reader;
    return E_OK;
}

void feed_begin(struct feed_reader *reader, const struct run_row *row, int64_t after)
{
    struct feeds *feeds = reader->feed->feeds;
    feeds_changed(feeds, row);
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&feeds->mutex);
    reader->position = after;
    reader_give_locked(reader, feeds->hello, 0);
}

void feed_close(struct feed_reader *reader)
{
    if (!reader) return;
    struct feed *feed = reader->feed;
    struct feeds *feeds = feed->feeds;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&feeds->mutex);
    assert(!reader->parked);
    piece_release(reader->piece);
    xfree(reader);
    if (--feed->n_readers == 0) feed_free_locked(feed);
    if (--feeds->n_readers == 0) cond_broadcast(&feeds->gone);
}

/* Is there a piece with bytes that were not copied yet? */
static bool has_bytes(struct feed_reader *reader)
{
    if (reader->piece && reader->offset < reader->piece->len) return true;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&reader->feed->feeds->mutex);
    piece_release(reader->piece);
    reader->piece = NULL;
    return !reader->is_ending && reader_serve_locked(reader);
}

enum feed_state feed_copy(struct feed_reader *reader, char *buf, size_t max, size_t *out_len)
{
    size_t len = 0;
    while (len < max && has_bytes(reader)) {
        size_t left = reader->piece->len - reader->offset;
        size_t part = left < max - len ? left : max - len;
        memcpy(buf + len, reader->piece->text + reader->offset, part);
        reader->offset += part;
        len += part;
    }
    *out_len = len;
    if (len > 0) return FEED_BYTES;
    return reader->is_ending ? FEED_END : FEED_NOTHING;
}

bool feed_wait(struct feed_reader *reader)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&reader->feed->feeds->mutex);
    assert(!reader->piece && !reader->is_ending);
    if (reader_serve_locked(reader)) return false;
    reader_park_locked(reader);
    return true;
}

/* ---- start and stop ---- */

enum err feeds_start(const struct feeds_options *options, struct feeds **out_feeds)
{
    struct feeds *feeds = xcalloc(1, sizeof(*feeds));
    feeds->store = options->store;
    feeds->readers_max = options->readers_max;
    feeds->heartbeat_ms = options->heartbeat_ms;
    feeds->hello = piece_of_text(hello_text);
    feeds->heartbeat = piece_of_text(heartbeat_text);
    feeds->goodbye = piece_of_text(goodbye_text);
    mutex_init(&feeds->mutex);
    cond_init(&feeds->changed);
    cond_init(&feeds->gone);
    enum err e = thread_start(&feeds->thread, "feeds", feeds_main, feeds);
    if (e) {
        feeds_free(feeds);
        return e;
    }
    *out_feeds = feeds;
    return E_OK;
}

void feeds_stop(struct feeds *feeds)
{
    if (!feeds) return;
    mutex_lock(&feeds->mutex);
    feeds->is_stopping = true;
    cond_signal(&feeds->changed);
    mutex_unlock(&feeds->mutex);
    thread_join(&feeds->thread);
    int64_t until_ms = clock_mono_ms() + STOP_WAIT_MS;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&feeds->mutex);
    while (feeds->n_readers > 0 && cond_wait_until(&feeds->gone, held, until_ms)) {
    }
}

void feeds_free(struct feeds *feeds)
{
    if (!feeds) return;
    assert(feeds->n_readers == 0);
    feeds_stop(feeds);
    piece_release(feeds->hello);
    piece_release(feeds->heartbeat);
    piece_release(feeds->goodbye);
    cond_done(&feeds->gone);
    cond_done(&feeds->changed);
    mutex_done(&feeds->mutex);
    xfree(feeds);
}
