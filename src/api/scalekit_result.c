/*
 * What a tool answered: the body of a 200 from execute_tool, without its wrapping. (wire notes 2.13
 * and 6)
 *
 * `data` is always an object on the wire, so other values are wrapped, and MCP servers wrap once
 * more:
 *
 *   {"result": "…text…"}  {"result": any}  {"array": […]}  {"items": […]}  "…JSON as text…"
 *   {"content": [{"type": "text", "text": "…"}], "isError": false}
 *
 * They are taken off as long as the wrapping stands alone. Objects and arrays written inside a text
 * are opened, too; a text that reads "42" stays a text. Everything is done by spans: the provider's
 * bytes stay as they are, only invalid UTF-8 and lone surrogates are replaced, because the model
 * API refuses a request that has them.
 *
 * A provider's failure hides inside the 200 as ok:false, isError or a filled `error`.
 */
#include "api/scalekit_internal.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define UNWRAP_MAX 6

/* The value that is being unwrapped; `texts` owns what was decoded on the way. */
struct unwrap {
    struct json_span value;
    struct str texts[UNWRAP_MAX];
    size_t n_texts;
    struct scalekit_result *result;
};

static void unwrap_done(struct unwrap *u)
{
    for (size_t i = 0; i < UNWRAP_MAX; i++)
        str_done(&u->texts[i]);
}

void scalekit_result_done(struct scalekit_result *result)
{
    str_done(&result->data);
    *result = (struct scalekit_result){0};
}

/* ---- failures inside a 200 ---- */

static bool is_filled(struct json_span value)
{
    struct json_iter it = json_iter(value);
    switch (json_type(value)) {
    case JSON_STRING:
        return !json_string_is(value, "");
    case JSON_TRUE:
        return true;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_next(&it);
    case JSON_NONE:
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_NUMBER:
    case JSON_TYPE_COUNT:
        return false;
    }
    return false;
}

static struct json_span first_text(struct json_span object)
{
    struct json_iter it = json_iter(json_get(object, "content"));
    bool has_one = json_type(json_get(object, "content")) == JSON_ARRAY && json_next(&it);
    return has_one ? json_get(it.value, "text") : (struct json_span){0};
}

/* The provider's word for it: "channel_not_found", or the first of what it says. */
static void failure_word(struct json_span object, char *out, size_t out_size)
{
    struct json_span error = json_get(object, "error");
    const struct json_span candidates[] = {
        error,
        json_get(error, "code"),
        json_get(error, "message"),
        json_get(object, "message"),
        first_text(object),
        json_get(object, "result"),
    };
    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(candidates) && !*out; i++)
        if (json_type(candidates[i]) == JSON_STRING) scalekit_copy(candidates[i], out, out_size);
    if (!*out) snprintf(out, out_size, "error");
}

static void failure_look(struct unwrap *u)
{
    struct json_span value = u->value;
    if (json_type(value) != JSON_OBJECT || u->result->is_provider_failure) return;
    struct json_span ok = json_get(value, "ok");
    bool is_refused = json_type(ok) == JSON_FALSE;
    bool is_error = json_is_true(scalekit_member(value, "is_error"));
    bool has_error = json_type(ok) != JSON_TRUE && is_filled(json_get(value, "error"));
    if (!is_refused && !is_error && !has_error) return;

    u->result->is_provider_failure = true;
    failure_word(value, u->result->provider_error, sizeof u->result->provider_error);
}

/* ---- unwrapping ---- */

/* Is every member of the object one of these? */
static bool has_only(struct json_span object, const char *const *names, size_t n)
{
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        bool is_known = false;
        for (size_t i = 0; i < n; i++)
            is_known = is_known || json_string_is(it.key, names[i]);
        if (!is_known) return false;
    }
    return true;
}

static bool is_text_block(struct json_span value)
{
    static const char *const names[] = {"type", "text", "annotations", "_meta"};
    return json_type(value) == JSON_OBJECT && json_string_is(json_get(value, "type"), "text") &&
           json_type(json_get(value, "text")) == JSON_STRING &&
           has_only(value, names, ARRAY_LEN(names));
}

/* The text of a list of exactly one MCP text block. */
static struct json_span lone_text(struct json_span list)
{
    struct json_iter it = json_iter(list);
    if (json_type(list) != JSON_ARRAY || !json_next(&it)) return (struct json_span){0};
    struct json_span block = it.value;
    if (!is_text_block(block) || json_next(&it)) return (struct json_span){0};
    return json_get(block, "text");
}

static struct json_span wrapped(struct json_span value)
{
    static const char *const result_names[] = {"result", "isError", "is_error"};
    static const char *const content_names[] = {"content", "isError", "is_error",
                                                "structuredContent", "_meta"};
    static const char *const array_names[] = {"array"};
    static const char *const items_names[] = {"items"};
    struct json_span none = {0};
    if (json_type(value) == JSON_ARRAY) return lone_text(value);
    if (json_type(value) != JSON_OBJECT) return none;

    struct json_span array = json_get(value, "array");
    struct json_span items = json_get(value, "items");
    struct json_span content = lone_text(json_get(value, "content"));
    if (has_only(value, result_names, ARRAY_LEN(result_names))) return json_get(value, "result");
    if (json_type(array) == JSON_ARRAY && has_only(value, array_names, ARRAY_LEN(array_names)))
        return array;
    if (json_type(items) == JSON_ARRAY && has_only(value, items_names, ARRAY_LEN(items_names)))
        return items;
    if (has_only(value, content_names, ARRAY_LEN(content_names))) return content;
    return none;
}

/* Opens a string that holds a JSON object or array. */
static bool open_text(struct unwrap *u)
{
    if (json_type(u->value) != JSON_STRING || u->n_texts == UNWRAP_MAX) return false;
    struct str *text = &u->texts[u->n_texts];
    str_clear(text);
    if (!json_string(u->value, text)) return false;
    if (json_check(str_text(text), text->len, (struct json_limits){0})) return false;

    struct json_span root = json_root(text->data, text->len);
    bool is_container = json_type(root) == JSON_OBJECT || json_type(root) == JSON_ARRAY;
    if (!is_container) return false;
    u->n_texts++;
    u->value = root;
    return true;
}

static void unwrap(struct unwrap *u)
{
    failure_look(u);
    for (int i = 0; i < UNWRAP_MAX; i++) {
        struct json_span inner = wrapped(u->value);
        if (json_type(inner) != JSON_NONE)
            u->value = inner;
        else if (!open_text(u))
            return;
        failure_look(u);
    }
}

static void write_value(struct json_span value, struct str *out)
{
    if (json_type(value) != JSON_STRING) {
        json_repair(out, value.text, value.len);
        return;
    }
    AUTO(str_done) struct str text = {0};
    (void)json_string(value, &text);
    struct json_writer w = json_writer(out);
    json_write_string_n(&w, str_text(&text), text.len);
}

/* `data` of the answer. Zero values may be left out on the wire: no `data` beside an execution_id,
 * or in an empty object, is an empty one. */
static enum err find_data(struct json_span root, struct json_span *out_data)
{
    static const char *const names[] = {"data", "execution_id", "executionId"};
    struct json_span data = json_get(root, "data");
    enum json_type type = json_type(data);
    *out_data = data;
    if (type != JSON_NONE && type != JSON_NULL) return E_OK;
    if (is_filled(json_get(root, "error"))) {
        *out_data = root;
        return E_OK;
    }
    if (!has_only(root, names, ARRAY_LEN(names)))
        return fail(E_PROTOCOL, "an answer to execute_tool without data");
    *out_data = json_root("{}", 2);
    return E_OK;
}

enum err scalekit_result_read(const char *body, size_t len, struct scalekit_result *out_result)
{
    AUTO(str_done) struct str repaired = {0};
    if (!utf8_valid(body, len)) {
        utf8_repair(&repaired, body, len);
        body = str_text(&repaired);
        len = repaired.len;
    }
    if (len == 0 || json_check(body, len, (struct json_limits){0}))
        return fail(E_PROTOCOL, "an answer to execute_tool that is no JSON");
    struct json_span root = json_root(body, len);
    if (json_type(root) != JSON_OBJECT)
        return fail(E_PROTOCOL, "an answer to execute_tool that is no object");

    struct scalekit_result result = {0};
    AUTO(unwrap_done) struct unwrap u = {.result = &result};
    enum err e = find_data(root, &u.value);
    if (e) return e;
    unwrap(&u);
    write_value(u.value, &result.data);
    if (!str_ok(&result.data)) {
        scalekit_result_done(&result);
        return fail(E_PROTOCOL, "an answer to execute_tool that is too large");
    }
    scalekit_copy(scalekit_member(root, "execution_id"), result.execution_id,
                  sizeof result.execution_id);
    *out_result = result;
    return E_OK;
}
