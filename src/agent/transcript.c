#include "agent/transcript.h"

#include <string.h>

#define BODY_BYTES_MAX  (30 * MIB) /* the API's edge refuses 32 MB */
#define BODY_REST_BYTES 512        /* about what stands around messages, tools and system */
#define IDS_MAX         4096

void tool_outcome_done(struct tool_outcome *outcome)
{
    xfree(outcome->tool_use_id);
    str_done(&outcome->text);
    *outcome = (struct tool_outcome){0};
}

void transcript_done(struct transcript *t)
{
    str_done(&t->messages);
}

static struct json_writer next_message(struct transcript *t)
{
    if (t->messages.len > 0) str_append_char(&t->messages, ',');
    return json_writer(&t->messages);
}

void transcript_add_user_text(struct transcript *t, const char *text)
{
    struct json_writer w = next_message(t);
    json_begin_object(&w);
    json_put_string(&w, "role", "user");
    json_key(&w, "content");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_string(&w, "type", "text");
    json_put_string(&w, "text", text);
    json_end_object(&w);
    json_end_array(&w);
    json_end_object(&w);
}

void transcript_add_assistant(struct transcript *t, struct json_span content)
{
    struct json_iter it = json_iter(content);
    if (!json_next(&it)) return;
    struct json_writer w = next_message(t);
    json_begin_object(&w);
    json_put_string(&w, "role", "assistant");
    json_key(&w, "content");
    json_write_span(&w, content);
    json_end_object(&w);
}

void transcript_add_results(struct transcript *t, const struct tool_outcome *outcomes, size_t n)
{
    struct json_writer w = next_message(t);
    json_begin_object(&w);
    json_put_string(&w, "role", "user");
    json_key(&w, "content");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        json_begin_object(&w);
        json_put_string(&w, "type", "tool_result");
        json_put_string(&w, "tool_use_id", outcomes[i].tool_use_id);
        json_key(&w, "content");
        if (outcomes[i].text.len > 0)
            json_write_string_n(&w, outcomes[i].text.data, outcomes[i].text.len);
        else
            json_write_string(&w, "(no output)");
        if (outcomes[i].is_error) json_put_bool(&w, "is_error", true);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
}

/* ---- the check ---- */

struct ids {
    struct json_span spans[IDS_MAX];
    size_t n;
};

static bool same_id(struct json_span a, struct json_span b)
{
    return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* Collects the ids of tool_use blocks, checking text blocks on the way. */
static enum err collect_calls(struct json_span content, struct ids *all, size_t *first)
{
    *first = all->n;
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        struct json_span type = json_get(it.value, "type");
        if (json_string_is(type, "text") && json_string_is(json_get(it.value, "text"), ""))
            return fail(E_INTERNAL, "the conversation holds an empty text block");
        if (!json_string_is(type, "tool_use")) continue;
        struct json_span id = json_get(it.value, "id");
        if (json_type(id) != JSON_STRING) return fail(E_PROTOCOL, "a tool_use block has no id");
        for (size_t i = 0; i < all->n; i++) {
            if (same_id(all->spans[i], id))
                return fail(E_PROTOCOL, "a tool_use id stands twice in the conversation");
        }
        if (all->n == IDS_MAX)
            return fail(E_PROTOCOL, "more than %d tool calls in one conversation", IDS_MAX);
        all->spans[all->n++] = id;
    }
    return E_OK;
}

/* `all` from `first` on are the calls that this user message must answer, each once, before
 * anything else; without open calls there is no answer. */
static enum err check_answers(struct json_span content, struct ids *all, size_t first)
{
    size_t n_open = all->n - first;
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        struct json_span type = json_get(it.value, "type");
        if (json_string_is(type, "text") && json_string_is(json_get(it.value, "text"), ""))
            return fail(E_INTERNAL, "the conversation holds an empty text block");
        bool is_result = json_string_is(type, "tool_result");
        if (!is_result && n_open > 0)
            return fail(E_INTERNAL, "tool results do not come first in their message");
        if (!is_result) continue;
        struct json_span id = json_get(it.value, "tool_use_id");
        size_t i = first;
        while (i < first + n_open && !same_id(all->spans[i], id))
            i++;
        if (i == first + n_open)
            return fail(E_INTERNAL, "a tool result answers no open call of the last reply");
        /* Answered: it changes places with the last open one. */
        struct json_span answered = all->spans[i];
        all->spans[i] = all->spans[first + --n_open];
        all->spans[first + n_open] = answered;
    }
    return n_open > 0 ? fail(E_INTERNAL, "%zu tool calls have no result", n_open) : E_OK;
}

enum err transcript_check(const struct transcript *t)
{
    AUTO(str_done) struct str whole = STR_LIMIT(BODY_BYTES_MAX);
    str_append_char(&whole, '[');
    str_append_str(&whole, &t->messages);
    str_append_char(&whole, ']');
    if (!str_ok(&whole)) return fail(E_LIMIT, "the conversation is larger than the API takes");
    AUTO(xfree_ptr) struct ids *all = xcalloc(1, sizeof(*all));
    size_t first = 0;
    bool owes_answers = false;
    bool is_first = true;
    for (struct json_iter it = json_iter(json_root(whole.data, whole.len)); json_next(&it);) {
        struct json_span content = json_get(it.value, "content");
        bool is_user = json_string_is(json_get(it.value, "role"), "user");
        if (is_first && !is_user) return fail(E_INTERNAL, "the conversation begins with the model");
        is_first = false;
        enum err e = E_OK;
        if (is_user) {
            e = check_answers(content, all, owes_answers ? first : all->n);
            owes_answers = false;
        } else if (owes_answers) {
            e = fail(E_INTERNAL, "tool calls are not answered");
        } else {
            e = collect_calls(content, all, &first);
            owes_answers = all->n > first;
        }
        if (e) return e;
    }
    return owes_answers ? fail(E_INTERNAL, "the last tool calls are not answered") : E_OK;
}

/* ---- the body ---- */

static void put_cache_control(struct json_writer *w)
{
    json_put_raw(w, "cache_control", "{\"type\":\"ephemeral\"}",
                 strlen("{\"type\":\"ephemeral\"}"));
}

enum err transcript_body(const struct transcript *t, const struct frozen *frozen, int max_tokens,
                         struct str *out)
{
    out->max = BODY_BYTES_MAX;
    /* It stays as long as the model thinks, for every run: no room to spare. */
    str_reserve(out, t->messages.len + frozen->tools.len + frozen->system.len + BODY_REST_BYTES);
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "model", frozen->model);
    json_put_int(&w, "max_tokens", max_tokens);
    json_put_bool(&w, "stream", true);
    put_cache_control(&w); /* moves along with the growing history */
    if (frozen->effort) {
        json_key(&w, "output_config");
        json_begin_object(&w);
        json_put_string(&w, "effort", frozen->effort);
        json_end_object(&w);
    }
    json_key(&w, "metadata");
    json_begin_object(&w);
    json_put_string(&w, "user_id", frozen->user_hash);
    json_end_object(&w);
    json_key(&w, "tools");
    json_write_span(&w, frozen->tools);
    json_key(&w, "system");
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_string(&w, "type", "text");
    json_key(&w, "text");
    json_write_span(&w, frozen->system);
    put_cache_control(&w); /* tools and system: the same from day to day */
    json_end_object(&w);
    json_end_array(&w);
    json_key(&w, "messages");
    str_append_char(out, '[');
    str_append_str(out, &t->messages);
    str_append_text(out, "]}");
    return str_ok(out) ? E_OK : fail(E_LIMIT, "the conversation is larger than the API takes");
}
