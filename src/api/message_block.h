/*
 * One content block of a reply while it streams in: inside message_stream.c's module.
 *
 * Everything is kept as the bytes that came: the block-start object, and the string fragments of
 * the deltas in their escaped form, one behind the other. (Fragments may cut a surrogate pair in
 * two; only joined they can be decoded.) message_block_write() splices them together once, at the
 * end.
 */
#ifndef API_MESSAGE_BLOCK_H
#define API_MESSAGE_BLOCK_H

#include "base/json.h"

struct message_block {
    struct str start; /* the `content_block` object */
    char type[64];
    const char
        *member; /* what the fragments belong to: "text", "thinking", "input"; NULL: none came */
    struct str fragments; /* escaped */
    bool has_signature;
    struct str signature; /* with its quotes: the last one counts */
    struct str citations; /* elements of the array, comma between them */
    bool is_open;
    bool is_input_broken; /* the joined input is not one JSON object */
};

void message_block_done(struct message_block *b);
/* E_PROTOCOL when `content_block` is no object with a type. */
enum err message_block_begin(struct message_block *b, struct json_span content_block) MUST_CHECK;
/* E_PROTOCOL for a delta that is unknown or does not belong to this type of block. */
enum err message_block_delta(struct message_block *b, struct json_span delta) MUST_CHECK;
/* No more deltas: checks the tool input. */
void message_block_end(struct message_block *b);
bool message_block_is_tool_use(const struct message_block *b);
/* A text block without any visible text. */
bool message_block_is_blank(const struct message_block *b);
/* Appends the finished block. */
void message_block_write(const struct message_block *b, struct str *out);
/* Bytes that it holds. */
size_t message_block_size(const struct message_block *b);

#endif
