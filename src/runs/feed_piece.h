/*
 * Pieces of an event stream: immutable text for Server-Sent Events (WHATWG HTML, 9.2), shared by
 * readers. Counted by whoever holds the feeds' mutex. Internal to runs/.
 */
#ifndef RUNS_FEED_PIECE_H
#define RUNS_FEED_PIECE_H

#include "store/runs.h"

#define PIECE_BYTES_MAX  (16 * KIB) /* and the event that passes it */
#define PIECE_EVENTS_MAX 128

struct piece {
    int references;
    int64_t first, last; /* numbers of its events; 0: it holds none */
    size_t len;
    char *text;
    uint32_t starts[]; /* where each of its events begins */
};

/* A fixed text. One reference, for the caller. */
struct piece *piece_of_text(const char *text);
/* "event: end": how far it went, and how it ended. */
struct piece *piece_of_end(const struct run_row *row);
/* The events after a number, as many as fit; NULL when there are none. E_CORRUPT: one is missing. */
enum err piece_read(struct store *store, const char *run_id, int64_t after,
                    struct piece **out_piece) MUST_CHECK;
/* Where the event `n` begins; it must be one of its own. */
size_t piece_offset(const struct piece *piece, int64_t n);
bool piece_holds(const struct piece *piece, int64_t n);

struct piece *piece_hold(struct piece *piece);
/* NULL is fine. */
void piece_release(struct piece *piece);

#endif
