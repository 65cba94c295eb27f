/* Events for the fold, written as on the wire. */
#ifndef UNIT_MESSAGE_STREAM_FIXTURE_H
#define UNIT_MESSAGE_STREAM_FIXTURE_H

#include "api/message_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define START                                                                                      \
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","              \
    "\"role\":\"assistant\",\"model\":\"claude-x\",\"content\":[],\"stop_reason\":null,"           \
    "\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":300,"                          \
    "\"cache_read_input_tokens\":5,\"cache_creation\":{\"ephemeral_5m_input_tokens\":100,"         \
    "\"ephemeral_1h_input_tokens\":200},\"output_tokens\":1}}}"
#define STOP "{\"type\":\"message_stop\"}"

/* The event's name is its type, as on the wire. */
static inline enum err give(struct message_stream *s, const char *data)
{
    char name[64] = "";
    const char *type = strstr(data, "\"type\":\"");
    assert_non_null(type);
    type += strlen("\"type\":\"");
    size_t len = strcspn(type, "\"");
    assert_true(len < sizeof name);
    memcpy(name, type, len);
    return message_stream_event(s, name, data, strlen(data));
}

static inline void give_ok(struct message_stream *s, const char *data)
{
    enum err e = give(s, data);
    if (e) print_error("%s: %s\n", data, err_detail());
    assert_int_equal(e, E_OK);
}

static inline void give_stop_reason(struct message_stream *s, const char *reason)
{
    AUTO(str_done) struct str data = {0};
    str_append_format(&data,
                      "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\"},"
                      "\"usage\":{\"output_tokens\":7}}",
                      reason);
    give_ok(s, data.data);
}

static inline void give_block(struct message_stream *s, int index, const char *block)
{
    AUTO(str_done) struct str data = {0};
    str_append_format(&data, "{\"type\":\"content_block_start\",\"index\":%d,\"content_block\":%s}",
                      index, block);
    give_ok(s, data.data);
}

static inline enum err give_delta(struct message_stream *s, int index, const char *delta)
{
    AUTO(str_done) struct str data = {0};
    str_append_format(&data, "{\"type\":\"content_block_delta\",\"index\":%d,\"delta\":%s}", index,
                      delta);
    return give(s, data.data);
}

static inline void give_end(struct message_stream *s, int index)
{
    AUTO(str_done) struct str data = {0};
    str_append_format(&data, "{\"type\":\"content_block_stop\",\"index\":%d}", index);
    give_ok(s, data.data);
}

/* One block with these deltas (the last one NULL). */
static inline void give_whole_block(struct message_stream *s, int index, const char *block,
                                    const char *const *deltas)
{
    give_block(s, index, block);
    for (; *deltas; deltas++)
        assert_int_equal(give_delta(s, index, *deltas), E_OK);
    give_end(s, index);
}
#define GIVE_BLOCK(s, index, block, ...)                                                           \
    give_whole_block((s), (index), (block), (const char *const[]){__VA_ARGS__, NULL})

static inline struct message_stream *begun(void)
{
    struct message_stream *s = message_stream_new(MIB);
    give_ok(s, START);
    return s;
}

/* Ends the reply and compares its content. */
static inline void expect_content(struct message_stream *s, const char *reason,
                                  const char *expected)
{
    give_stop_reason(s, reason);
    give_ok(s, STOP);
    assert_true(message_stream_is_complete(s));
    struct anthropic_reply reply = {0};
    assert_int_equal(message_stream_take(s, &reply), E_OK);
    assert_string_equal(str_text(&reply.content), expected);
    assert_int_equal(json_check(reply.content.data, reply.content.len, (struct json_limits){0}),
                     E_OK);
    anthropic_reply_done(&reply);
    message_stream_free(s);
}

static const char *const text_block = "{\"type\":\"text\",\"text\":\"\"}";
static const char *const tool_block =
    "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"find\",\"input\":{}}";

#endif
