/*
 * Server-sent events: bytes in, events out. (WHATWG HTML, "Server-sent events"; wire facts in the
 * Anthropic client.) Line ends are \n, \r or \r\n, also split over two pieces; a leading byte order
 * mark is dropped; comment lines are life signs but no events; several data lines are joined with
 * \n; an event is complete at its empty line; one that is cut off by the end of the stream is none.
 * Not thread-safe: one parser a stream.
 */
#ifndef API_SSE_H
#define API_SSE_H

#include "base/str.h"

struct sse_parser {
    struct str event; /* value of the last `event:` line */
    struct str data;  /* joined data lines */
    struct str line;  /* the unfinished line */
    bool has_data;
    bool skip_lf; /* the last byte was \r */
    bool is_past_bom;
    int bom_seen;
};
/* `event_bytes_max`: one event's size limit. */
void sse_init(struct sse_parser *p, size_t event_bytes_max);
void sse_done(struct sse_parser *p);
/* Feeds bytes; calls `on_event` for each complete event (event "" when unnamed; data never empty).
 * It returns false to stop. E_LIMIT: a line or event too long. E_CANCELLED: on_event said stop. */
enum err sse_feed(struct sse_parser *p, const char *bytes, size_t len,
                  bool (*on_event)(void *ctx, const char *event, const char *data, size_t data_len),
                  void *ctx) MUST_CHECK;

#endif
