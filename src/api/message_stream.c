#include "api/message_stream.h"

#include "api/anthropic_internal.h"
#include "api/message_block.h"

#include <stdio.h>
#include <string.h>

/* No real reply comes near. */
#define BLOCKS_MAX 1000
#define TOKENS_MAX INT64_C(1000000000000)

struct message_stream {
    size_t content_bytes_max;
    size_t n_bytes; /* of all blocks */
    bool has_started;
    bool is_complete;
    struct message_block *blocks;
    size_t n_blocks;
    struct anthropic_reply reply; /* what is known of it so far */
    struct anthropic_error error; /* of an `error` event */
};

struct message_stream *message_stream_new(size_t content_bytes_max)
{
    struct message_stream *s = xcalloc(1, sizeof *s);
    s->content_bytes_max = content_bytes_max;
    return s;
}

void message_stream_free(struct message_stream *s)
{
    if (!s) return;
    for (size_t i = 0; i < s->n_blocks; i++)
        message_block_done(&s->blocks[i]);
    xfree(s->blocks);
    anthropic_reply_done(&s->reply);
    xfree(s);
}

/* ---- the message around the content ---- */

static void read_count(struct json_span usage, const char *key, int64_t *count)
{
    int64_t value;
    /* Cumulative: the newest counts. Absent, null or absurd: keep what is known. */
    if (json_int(json_get(usage, key), &value) && value >= 0 && value <= TOKENS_MAX) *count = value;
}

static void read_usage(struct anthropic_usage *u, struct json_span usage)
{
    read_count(usage, "input_tokens", &u->input_tokens);
    read_count(usage, "output_tokens", &u->output_tokens);
    read_count(usage, "cache_read_input_tokens", &u->cache_read_tokens);
    struct json_span detail = json_get(usage, "cache_creation");
    read_count(detail, "ephemeral_5m_input_tokens", &u->cache_write_5m_tokens);
    read_count(detail, "ephemeral_1h_input_tokens", &u->cache_write_1h_tokens);

    /* The sum is what is billed. Where it says more than the detail, the rest is of the default
     * kind. */
    int64_t sum = u->cache_write_5m_tokens + u->cache_write_1h_tokens;
    read_count(usage, "cache_creation_input_tokens", &sum);
    if (sum >= u->cache_write_1h_tokens) {
        u->cache_write_5m_tokens = sum - u->cache_write_1h_tokens;
    } else {
        u->cache_write_1h_tokens = 0;
        u->cache_write_5m_tokens = sum;
    }
}

static enum err on_message_start(struct message_stream *s, struct json_span data)
{
    if (s->has_started) return fail(E_PROTOCOL, "the stream began a second message");
    struct json_span message = json_get(data, "message");
    if (json_type(message) != JSON_OBJECT) {
        return fail(E_PROTOCOL, "the stream began with a message_start without a message");
    }
    s->has_started = true;
    anthropic_copy(json_get(message, "id"), s->reply.message_id, sizeof s->reply.message_id);
    anthropic_copy(json_get(message, "model"), s->reply.model, sizeof s->reply.model);
    read_usage(&s->reply.usage, json_get(message, "usage"));
    return E_OK;
}

static const char *const stop_names[] = {
    [STOP_END_TURN] = "end_turn",
    [STOP_TOOL_USE] = "tool_use",
    [STOP_MAX_TOKENS] = "max_tokens",
    [STOP_SEQUENCE] = "stop_sequence",
    [STOP_PAUSE_TURN] = "pause_turn",
    [STOP_REFUSAL] = "refusal",
    [STOP_CONTEXT_EXCEEDED] = "model_context_window_exceeded",
    [STOP_UNKNOWN] = "unknown",
};
_Static_assert(ARRAY_LEN(stop_names) == STOP_REASON_COUNT, "a name for each stop reason");

const char *stop_reason_name(enum stop_reason reason)
{
    return (size_t)reason < ARRAY_LEN(stop_names) ? stop_names[reason] : "unknown";
}

static enum stop_reason stop_of(const char *word)
{
    for (int i = 0; i < STOP_UNKNOWN; i++) {
        if (strcmp(word, stop_names[i]) == 0) return (enum stop_reason)i;
    }
    return STOP_UNKNOWN;
}

static void on_message_delta(struct message_stream *s, struct json_span data)
{
    struct anthropic_reply *r = &s->reply;
    struct json_span delta = json_get(data, "delta");
    struct json_span reason = json_get(delta, "stop_reason");
    if (json_type(reason) == JSON_STRING) {
        anthropic_copy(reason, r->stop_word, sizeof r->stop_word);
    }
    struct json_span category = json_at(delta, "stop_details", "category", NULL);
    if (json_type(category) == JSON_STRING) {
        anthropic_copy(category, r->refusal_category, sizeof r->refusal_category);
    }
    read_usage(&r->usage, json_get(data, "usage"));
}

/* ---- the content ---- */

static enum err on_block_start(struct message_stream *s, struct json_span data)
{
    int64_t index;
    if (!json_int(json_get(data, "index"), &index) || index < 0 || (size_t)index != s->n_blocks) {
        return fail(E_PROTOCOL, "the stream began a content block out of order");
    }
    if (s->n_blocks == BLOCKS_MAX) {
        return fail(E_LIMIT, "the reply has more than %d content blocks", BLOCKS_MAX);
    }
    s->blocks = xrealloc(s->blocks, (s->n_blocks + 1) * sizeof(struct message_block));
    struct message_block *b = &s->blocks[s->n_blocks];
    *b = (struct message_block){0};
    s->n_blocks++;
    return message_block_begin(b, json_get(data, "content_block"));
}

/* The block that the event speaks of; NULL when there is none that is open. */
static struct message_block *open_block(struct message_stream *s, struct json_span data)
{
    int64_t index;
    if (!json_int(json_get(data, "index"), &index) || index < 0) return NULL;
    if ((size_t)index >= s->n_blocks || !s->blocks[index].is_open) return NULL;
    return &s->blocks[index];
}

static enum err on_block_event(struct message_stream *s, const char *type, struct json_span data)
{
    size_t before = 0;
    enum err e;
    struct message_block *b;
    if (strcmp(type, "content_block_start") == 0) {
        e = on_block_start(s, data);
        b = e ? NULL : &s->blocks[s->n_blocks - 1];
    } else {
        b = open_block(s, data);
        if (!b) return fail(E_PROTOCOL, "the stream has a %s for no open block", type);
        before = message_block_size(b);
        e = E_OK;
        if (strcmp(type, "content_block_stop") == 0)
            message_block_end(b);
        else
            e = message_block_delta(b, json_get(data, "delta"));
    }
    if (e) return e;
    s->n_bytes += message_block_size(b) - before;
    if (s->n_bytes <= s->content_bytes_max) return E_OK;
    return fail(E_LIMIT, "the reply's content is longer than %zu bytes", s->content_bytes_max);
}

/* ---- the end ---- */

/* Did the reply end in the middle of things? Then its last block may be half a block. */
static bool is_cut_off(const struct anthropic_reply *r)
{
    return r->stop == STOP_MAX_TOKENS || r->stop == STOP_CONTEXT_EXCEEDED ||
           r->stop == STOP_REFUSAL;
}

static enum err check_blocks(struct message_stream *s)
{
    for (size_t i = 0; i < s->n_blocks; i++) {
        struct message_block *b = &s->blocks[i];
        bool may_be_cut = i + 1 == s->n_blocks && is_cut_off(&s->reply);
        if (b->is_open && !may_be_cut) {
            return fail(E_PROTOCOL, "the stream ended inside a %s block", b->type);
        }
        if (b->is_open) message_block_end(b);
        if (b->is_input_broken && !may_be_cut) {
            return fail(E_PROTOCOL, "the input of a %s block is not one JSON object", b->type);
        }
        if (may_be_cut) s->reply.has_truncated_tool_use = message_block_is_tool_use(b);
    }
    return E_OK;
}

/* Text blocks without visible text are left out: the API sends them at times and refuses them with
 * a 400 when they come back ("text content blocks must be non-empty", "… must contain
 * non-whitespace text"). Empty thinking blocks stay: leaving one out is a 400. */
static enum err write_content(struct message_stream *s)
{
    struct str content = STR_LIMIT(2 * s->content_bytes_max + BLOCKS_MAX * 64);
    str_append_char(&content, '[');
    for (size_t i = 0; i < s->n_blocks; i++) {
        if (message_block_is_blank(&s->blocks[i])) continue;
        if (content.len > 1) str_append_char(&content, ',');
        message_block_write(&s->blocks[i], &content);
    }
    str_append_char(&content, ']');
    if (!str_ok(&content)) {
        str_done(&content);
        return fail(E_LIMIT, "the reply's content is longer than %zu bytes", s->content_bytes_max);
    }
    str_move(&s->reply.content, &content);
    return E_OK;
}

static enum err on_message_stop(struct message_stream *s)
{
    s->reply.stop = stop_of(s->reply.stop_word);
    enum err e = check_blocks(s);
    if (!e) e = write_content(s);
    if (!e) s->is_complete = true;
    return e;
}

static enum err on_error(struct message_stream *s, struct json_span data)
{
    anthropic_error_read(data, &s->error);
    return fail(E_UPSTREAM, "the stream ended with an error event: %s", s->error.type);
}

/* ---- events ---- */

static const char *const known_events[] = {
    "message_start",       "message_delta",      "message_stop", "content_block_start",
    "content_block_delta", "content_block_stop", "error",
};

static bool is_known(const char *event)
{
    for (size_t i = 0; i < ARRAY_LEN(known_events); i++) {
        if (strcmp(event, known_events[i]) == 0) return true;
    }
    return false;
}

enum err message_stream_event(struct message_stream *s, const char *event, const char *data,
                              size_t len)
{
    /* "ping" and what later versions of the API may add. */
    if (*event && !is_known(event)) return E_OK;
    if (s->is_complete) return E_OK;
    struct json_limits limits = {.bytes_max = s->content_bytes_max + 64 * KIB};
    enum err e = json_check(data, len, limits);
    if (e) return fail(E_PROTOCOL, "an event of the stream is unreadable: %s", err_detail());

    struct json_span root = json_root(data, len);
    char type[64];
    snprintf(type, sizeof type, "%s", event);
    if (!*type) anthropic_copy(json_get(root, "type"), type, sizeof type);

    if (strcmp(type, "error") == 0) return on_error(s, root);
    if (strcmp(type, "message_start") == 0) return on_message_start(s, root);
    if (!s->has_started || !is_known(type)) return E_OK;
    if (strncmp(type, "content_block_", strlen("content_block_")) == 0) {
        return on_block_event(s, type, root);
    }
    if (strcmp(type, "message_stop") == 0) return on_message_stop(s);
    on_message_delta(s, root);
    return E_OK;
}

bool message_stream_is_complete(const struct message_stream *s)
{
    return s->is_complete;
}

bool message_stream_is_thinking(const struct message_stream *s)
{
    for (size_t i = 0; i < s->n_blocks; i++)
        if (s->blocks[i].is_open && strcmp(s->blocks[i].type, "thinking") == 0) return true;
    return false;
}

void message_stream_error(const struct message_stream *s, struct anthropic_error *out_error)
{
    *out_error = s->error;
}

enum err message_stream_take(struct message_stream *s, struct anthropic_reply *out_reply)
{
    if (!s->is_complete) return fail(E_PROTOCOL, "the stream ended without message_stop");
    *out_reply = s->reply;
    s->reply = (struct anthropic_reply){0};
    s->is_complete = false;
    return E_OK;
}
