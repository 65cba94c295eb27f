/*
 * A whole reply: stream, fold, content. Whatever comes, a complete reply has content that is valid
 * JSON, that a strict parser takes (no lone surrogate), in which every tool_use has an object as
 * its input and no text is empty.
 */
#include "api/message_stream.h"
#include "api/sse.h"

#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX (64 * KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool give_event(void *ctx, const char *event, const char *bytes, size_t len)
{
    struct message_stream *s = ctx;
    enum err e = message_stream_event(s, event, bytes, len);
    if (e && message_stream_is_complete(s)) abort();
    return e == E_OK;
}

static void check_block(struct json_span block)
{
    if (json_type(block) != JSON_OBJECT) abort();
    if (json_type(json_get(block, "type")) != JSON_STRING) abort();
    if (json_string_is(json_get(block, "type"), "tool_use") &&
        json_type(json_get(block, "input")) != JSON_OBJECT)
        abort();
    if (json_string_is(json_get(block, "type"), "text") &&
        json_string_is(json_get(block, "text"), ""))
        abort();
}

static void check_content(const struct str *content)
{
    /* Deeper than the parser's own limit by the array around it and the input in its block. */
    enum err e = json_check(str_text(content), content->len, (struct json_limits){0});
    if (e && e != E_LIMIT) abort();
    if (e) return;
    struct json_span root = json_root(content->data, content->len);
    if (json_type(root) != JSON_ARRAY) abort();
    struct json_iter it = json_iter(root);
    while (json_next(&it))
        check_block(it.value);

    struct str repaired = {0};
    json_repair(&repaired, content->data, content->len);
    if (repaired.len != content->len || memcmp(repaired.data, content->data, content->len) != 0) {
        abort();
    }
    str_done(&repaired);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_stream *s = message_stream_new(CONTENT_MAX);
    struct sse_parser parser;
    sse_init(&parser, CONTENT_MAX);
    enum err e = sse_feed(&parser, (const char *)data, size, give_event, s);
    struct anthropic_reply reply = {0};
    if (!e && !message_stream_take(s, &reply)) {
        check_content(&reply.content);
        anthropic_reply_done(&reply);
    }
    struct anthropic_error error;
    message_stream_error(s, &error);
    if (!memchr(error.message, '\0', sizeof error.message)) abort();
    sse_done(&parser);
    message_stream_free(s);
    return 0;
}
