/*
 * Server-sent events: the same events come out however the bytes are cut, nothing is read outside
 * the piece, and no event is larger than the limit.
 *
 * Input: one byte that sets the size of the pieces, then the stream.
 */
#include "api/sse.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool note_event(void *ctx, const char *event, const char *bytes, size_t len)
{
    struct str *seen = ctx;
    if (len == 0 || len > EVENT_MAX || bytes[len] != '\0') abort();
    str_append_format(seen, "%zu ", len);
    str_append_text(seen, event);
    str_append_char(seen, '\0');
    str_append(seen, bytes, len);
    return seen->len < MIB;
}

static enum err parse(const uint8_t *stream, size_t size, size_t piece, struct str *seen)
{
    struct sse_parser parser;
    sse_init(&parser, EVENT_MAX);
    enum err e = E_OK;
    for (size_t at = 0; at < size && !e; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        char *copy = xmalloc(n);
        memcpy(copy, stream + at, n);
        e = sse_feed(&parser, copy, n, note_event, seen);
        xfree(copy);
    }
    sse_done(&parser);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    size_t piece = data[0] % 32 + 1u;
    struct str whole = {0};
    struct str cut = {0};
    enum err e_whole = parse(data + 1, size - 1, size - 1, &whole);
    enum err e_cut = parse(data + 1, size - 1, piece, &cut);
    /* A limit may be noticed earlier with small pieces: lines that are one piece need no buffer. */
    if (!e_whole && !e_cut) {
        if (whole.len != cut.len) abort();
        if (whole.len > 0 && memcmp(whole.data, cut.data, whole.len) != 0) abort();
    }
    str_done(&whole);
    str_done(&cut);
    return 0;
}
