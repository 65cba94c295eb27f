/*
 * The fold: SSE events of one Messages reply become one `struct anthropic_reply`.
 *
 * The text of blocks is never decoded and encoded again: `content_block_start` objects, string
 * fragments of text/thinking deltas (in their escaped form) and unescaped `partial_json` are
 * spliced. Tool input is checked to be one complete JSON object at its block's end. Unknown events
 * are ignored; an unknown *delta type* fails the reply, because an echo without it would be another
 * message. Not thread-safe.
 */
#ifndef API_MESSAGE_STREAM_H
#define API_MESSAGE_STREAM_H

#include "api/anthropic.h"

struct message_stream;

struct message_stream *message_stream_new(size_t content_bytes_max);
void message_stream_free(struct message_stream *s);
/* One event. OK; E_PROTOCOL: the stream is not usable (why is in err_detail()); E_LIMIT: too large;
 * E_UPSTREAM: it was an `error` event, see message_stream_error(). */
enum err message_stream_event(struct message_stream *s, const char *event, const char *data,
                              size_t len) MUST_CHECK;
/* message_stop was seen. */
bool message_stream_is_complete(const struct message_stream *s);
/* A block of thinking is open. */
bool message_stream_is_thinking(const struct message_stream *s);
/* Type and message of the `error` event. */
void message_stream_error(const struct message_stream *s, struct anthropic_error *out_error);
/* Moves the finished reply out. E_PROTOCOL when it is not complete. */
enum err message_stream_take(struct message_stream *s,
                             struct anthropic_reply *out_reply) MUST_CHECK;

#endif
