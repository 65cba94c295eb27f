/*
 * The events of briefings, live: read from the database once, and shared by all who follow.
 *
 *   commit ─▶ feeds_changed(): the newest number of the run ─▶ this thread reads the new events
 *          ─▶ one *piece* of Server-Sent Events text ─▶ every reader of the run gets it
 *
 * A run has a feed while somebody follows it. A reader asks for the event after its last one, by
 * number: so there is no gap and nothing comes twice, whether the event is an old one, the newest,
 * or was committed a moment ago by another thread. Between two readings it is parked; who parks is
 * told, when there is something, from the feeds' own thread. It holds one piece at a time
 * (PIECE_BYTES_MAX and one event), so one that reads slowly costs no more than others.
 *
 * A reader belongs to one thread at a time; the functions may be called from any.
 */
#ifndef RUNS_FEEDS_H
#define RUNS_FEEDS_H

#include "store/runs.h"

struct feeds;
struct feed_reader;

struct feeds_options {
    struct store *store;
    int64_t readers_max;  /* at a time */
    int64_t heartbeat_ms; /* a parked reader gets a comment at the latest after that */
};

enum err feeds_start(const struct feeds_options *options, struct feeds **out_feeds) MUST_CHECK;
/* Nobody can begin to follow any more; those who do come to FEED_END after a hint when to come
 * back. Waits until they are gone, but not for ever. NULL is fine for both. */
void feeds_stop(struct feeds *feeds);
/* After the last reader was closed. */
void feeds_free(struct feeds *feeds);

/* A commit changed the run. For store_observe_runs(). */
void feeds_changed(struct feeds *feeds, const struct run_row *row);

/* Begins to follow a run. What feeds_changed() says of it is noted from now on: read the row after
 * this call and give it to feed_begin(), so that no commit falls between. `wake` is called on the
 * feeds' thread, once after each feed_wait() that was true. E_LIMIT: too many readers; E_BUSY: the
 * feeds are stopping. */
typedef void feed_wake(void *ctx);
enum err feed_open(struct feeds *feeds, const char *run_id, feed_wake *wake, void *ctx,
                   struct feed_reader **out_reader) MUST_CHECK;
/* Events with a number above `after` are to come. */
void feed_begin(struct feed_reader *reader, const struct run_row *row, int64_t after);
/* Never while it is parked. NULL is fine. */
void feed_close(struct feed_reader *reader);

enum feed_state {
    FEED_BYTES,
    FEED_NOTHING, /* at the moment */
    FEED_END
};
/* The next bytes of the stream, as many as there are and fit. */
enum feed_state feed_copy(struct feed_reader *reader, char *buf, size_t max, size_t *out_len);
/* Parks. False: something came in the meantime, nobody is going to be called. */
bool feed_wait(struct feed_reader *reader) MUST_CHECK;

#endif
