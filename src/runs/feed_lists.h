/*
 * What the files of the feeds share: the feeds, their readers, and who stands where. Everything here
 * needs the feeds' mutex. Internal to runs/feed*.c.
 *
 *   feed (one a run that is followed) ── the newest pieces that were read
 *     ├─ behind    parked readers for whom something has to be read
 *     └─ waiting   parked readers that have everything
 *   parked readers also stand in one line by the time of their heartbeat: all wait equally long, so
 *   insertion is at the end
 *   dirty: feeds that the thread has to look at; told: readers that it is about to call
 */
#ifndef RUNS_FEED_LISTS_H
#define RUNS_FEED_LISTS_H

#include "base/thread.h"
#include "runs/feed_piece.h"
#include "runs/feeds.h"

#define FEED_BUCKETS     1024
#define FEED_PIECES_KEPT 4

struct reader_list {
    struct feed_reader *first;
};

struct feed {
    struct feeds *feeds;
    char run_id[ID_MAX];
    int n_readers;
    int64_t last;      /* number of the newest event that is known of */
    struct piece *end; /* what is said after it; NULL: the run goes on */
    struct piece *pieces[FEED_PIECES_KEPT];
    int next_piece; /* the oldest of them, to be replaced */
    struct reader_list behind, waiting;
    bool has_news; /* for those who wait */
    bool is_dirty;
    struct feed *next_dirty;
    struct feed *next; /* in its bucket */
};

struct feed_reader {
    struct feed *feed;
    feed_wake *wake;
    void *ctx;
    int64_t position;    /* number of the last event in its piece, or in those before */
    struct piece *piece; /* NULL: it has sent everything */
    size_t offset;
    bool is_ending; /* there is nothing after its piece */

    /* while it is parked */
    struct reader_list *parked;
    struct feed_reader *next_parked, *previous_parked;
    int64_t due_ms;
    struct feed_reader *next, *previous; /* by due_ms; or the list `told` */
};

struct feeds {
    struct store *store;
    int64_t readers_max;
    int64_t heartbeat_ms;
    struct thread thread;

    struct mutex mutex; /* guards what follows, and the insides of feeds and readers */
    struct cond changed;
    struct cond gone; /* the last reader was closed */
    struct feed *buckets[FEED_BUCKETS];
    int64_t n_readers;
    struct feed *dirty_first, *dirty_last;
    struct feed_reader *first, *last; /* parked ones by due_ms */
    struct feed_reader *told;
    struct piece *hello, *heartbeat, *goodbye;
    bool is_stopping;
};

struct feed *feed_find_locked(struct feeds *feeds, const char *run_id);
/* Makes it when there is none. Its last reader frees it. */
struct feed *feed_need_locked(struct feeds *feeds, const char *run_id);
void feed_free_locked(struct feed *feed);
/* Keeps a piece that was read; takes the reference over. */
void feed_keep_locked(struct feed *feed, struct piece *piece);

/* The thread has to look at it, or has. */
void feed_mark_dirty_locked(struct feed *feed);
void feed_leave_dirty_locked(struct feed *feed);

/* The reader's next piece; with its own reference. */
void reader_give_locked(struct feed_reader *reader, struct piece *piece, size_t offset);
/* Gives the reader what comes next for it, if that is in memory. */
bool reader_serve_locked(struct feed_reader *reader);
void reader_park_locked(struct feed_reader *reader);
/* A parked one has got a piece and is to be called. */
void reader_tell_locked(struct feed_reader *reader);
/* One that has waited has to wait for something to be read. */
void reader_fall_behind_locked(struct feed_reader *reader);

#endif
