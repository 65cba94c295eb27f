#include "agent/tools.h"

#include "base/crypt.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CALLS_MAX           64 /* in one reply; the rest is refused */
#define PARALLEL_MAX        8  /* at once: bounds what the results can take of memory */
#define INPUT_BYTES_MAX     (64 * KIB)
#define FAILED_IN_A_ROW_MAX 5 /* then the run ends instead of burning money */
#define NAME_MAX_BYTES      256

void tool_calls_done(struct tool_calls *calls)
{
    for (size_t i = 0; i < calls->n; i++) {
        xfree(calls->items[i].id);
        xfree(calls->items[i].name);
        tool_outcome_done(&calls->items[i].outcome);
    }
    xfree(calls->items);
    *calls = (struct tool_calls){0};
}

static size_t count_calls(struct json_span content)
{
    size_t n = 0;
    for (struct json_iter it = json_iter(content); json_next(&it);)
        n += json_string_is(json_get(it.value, "type"), "tool_use") ? 1 : 0;
    return n;
}

enum err tool_calls_collect(const struct frozen *frozen, struct json_span content,
                            struct tool_calls *out_calls)
{
    AUTO(tool_calls_done) struct tool_calls calls = {0};
    calls.items = xcalloc(count_calls(content), sizeof(*calls.items));
    for (struct json_iter it = json_iter(content); json_next(&it);) {
        if (!json_string_is(json_get(it.value, "type"), "tool_use")) continue;
        struct tool_call *call = &calls.items[calls.n];
        call->index = (int)calls.n++;
        call->id = json_strdup(json_get(it.value, "id"), NAME_MAX_BYTES);
        call->name = json_strdup(json_get(it.value, "name"), NAME_MAX_BYTES);
        call->input = json_get(it.value, "input");
        if (!call->id || !call->name)
            return fail(E_PROTOCOL, "a tool_use block lacks its id or name");
        for (int i = 0; i < call->index; i++) {
            if (text_equal(calls.items[i].id, call->id))
                return fail(E_PROTOCOL, "a tool_use id stands twice in one reply of the model");
        }
        call->outcome.tool_use_id = xstrdup(call->id);
        call->tool = frozen_tool_find(frozen, call->name);
        if (call->tool && call->tool->is_delivery) calls.n_deliveries++;
        if (!call->tool)
            tool_call_refuse(call,
                             "There is no tool of this name. Use only the tools you were given.");
        else if (call->index >= CALLS_MAX)
            tool_call_refuse(call, "Not executed: at most %d tool calls are possible in one reply.",
                             CALLS_MAX);
        else if (json_type(call->input) != JSON_OBJECT || call->input.len > INPUT_BYTES_MAX)
            tool_call_refuse(call,
                             "Not executed: the input must be a JSON object of at most %zu bytes.",
                             INPUT_BYTES_MAX);
    }
    *out_calls = calls;
    calls = (struct tool_calls){0};
    return E_OK;
}

void tool_call_refuse(struct tool_call *call, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    str_clear(&call->outcome.text);
    str_append_text(&call->outcome.text, text);
    call->outcome.is_error = true;
    call->is_answered = true;
}

/* ---- one read call as a durable step ---- */

struct read_step {
    struct tool_call *call;
    char key[STEP_KEY_MAX];
    char hash[SHA256_HEX_LEN + 1];
    struct str json;  /* what the journal keeps */
    struct str event; /* data of the event */
    bool is_done;     /* has a result for the model */
};

static void hash_call(struct read_step *step, const struct tool_call *call)
{
    struct sha256_state state;
    sha256_init(&state);
    sha256_add_text(&state, call->tool->connection_name);
    sha256_add_text(&state, call->tool->name);
    sha256_add(&state, call->input.text, call->input.len);
    sha256_final_hex(&state, step->hash);
}

/* The model sees at most so many bytes, cut between characters, and is told. White space alone is no
 * output: the model API refuses it. */
static void show_output(const struct briefing *b, struct json_span data, struct str *text)
{
    AUTO(str_done) struct str whole = {0};
    if (!json_string(data, &whole)) str_append(&whole, data.text, data.len);
    if (strspn(str_text(&whole), " \t\r\n\f\v") == whole.len) return;
    size_t max = b->frozen.tool_output_bytes_max;
    if (whole.len <= max) {
        utf8_repair(text, str_text(&whole), whole.len);
        return;
    }
    size_t shown = utf8_cut(whole.data, whole.len, max);
    utf8_repair(text, whole.data, shown);
    str_append_format(text, "\n[truncated: %zu of %zu bytes are shown; ask for less at once]",
                      shown, whole.len);
}

static int64_t count_items(struct json_span data)
{
    int64_t n = 0;
    struct json_span list = data;
    for (struct json_iter it = json_iter(data); json_type(list) == JSON_OBJECT && json_next(&it);) {
        if (json_type(it.value) == JSON_ARRAY) list = it.value;
    }
    if (json_type(list) != JSON_ARRAY) return -1;
    for (struct json_iter it = json_iter(list); json_next(&it);)
        n++;
    return n;
}

static void put_event(struct read_step *step, const char *execution_id, int64_t took_ms,
                      int64_t n_items)
{
    const struct tool_call *call = step->call;
    struct json_writer w = json_writer(&step->event);
    json_begin_object(&w);
    json_put_string(&w, "tool", call->tool->name);
    json_put_bool(&w, "ok", !call->outcome.is_error);
    if (n_items >= 0) {
        json_put_int(&w, "count", n_items);
        json_put_string(&w, "noun", call->tool->noun);
    }
    json_put_int(&w, "bytes", (int64_t)call->outcome.text.len);
    json_put_int(&w, "took_ms", took_ms);
    json_put_string(&w, "execution_id", execution_id[0] ? execution_id : NULL);
    json_end_object(&w);
}

static void put_result(struct read_step *step)
{
    struct json_writer w = json_writer(&step->json);
    json_begin_object(&w);
    json_put_bool(&w, "is_error", step->call->outcome.is_error);
    json_key(&w, "text");
    json_write_string_n(&w, str_text(&step->call->outcome.text), step->call->outcome.text.len);
    json_end_object(&w);
    step->is_done = true;
}

static enum err load_result(struct tool_call *call, const struct step_row *row)
{
    struct json_span root = json_root(str_text(&row->result), row->result.len);
    if (!json_string(json_get(root, "text"), &call->outcome.text))
        return fail(E_CORRUPT, "the stored result of step %s is not whole", row->key);
    call->outcome.is_error = json_is_true(json_get(root, "is_error"));
    call->is_answered = true;
    return E_OK;
}

/* Turns what came back into what the model reads. OK when the step is done; otherwise the run's end
 * is decided. */
static enum err take_answer(struct briefing *b, struct read_step *step, enum err e,
                            const struct scalekit_result *result,
                            const struct scalekit_error *error)
{
    struct tool_call *call = step->call;
    if (e) {
        e = briefing_scalekit_failed(b, error, call->tool->connector, call->tool->name);
        if (e) return e;
        char story[SCALEKIT_STORY_MAX];
        scalekit_error_describe(error, story, sizeof(story));
        tool_call_refuse(call, "The tool failed: %.400s", story);
        put_event(step, error->execution_id, 0, -1);
    } else if (result->is_provider_failure) {
        tool_call_refuse(call, "The provider reported a failure: %.300s", result->provider_error);
        put_event(step, result->execution_id, result->took_ms, -1);
    } else {
        struct json_span data = json_root(str_text(&result->data), result->data.len);
        show_output(b, data, &call->outcome.text);
        call->is_answered = true;
        put_event(step, result->execution_id, result->took_ms, count_items(data));
    }
    put_result(step);
    return E_OK;
}

static enum err count_calls_done(void *ctx, struct run_row *row)
{
    const size_t *n = ctx;
    row->tool_calls += (int)*n;
    return E_OK;
}

/* What is done is stored together, also when another call of the batch has decided the run's end.
 */
static enum err store_batch(struct briefing *b, const struct read_step *steps, size_t n)
{
    struct journal_result results[PARALLEL_MAX];
    struct event_new events[PARALLEL_MAX];
    size_t n_done = 0;
    for (size_t i = 0; i < n; i++) {
        if (!steps[i].is_done) continue;
        results[n_done] = (struct journal_result){.key = steps[i].key,
                                                  .request_hash = steps[i].hash,
                                                  .result = steps[i].json.data,
                                                  .len = steps[i].json.len,
                                                  .meta = str_text(&steps[i].event)};
        events[n_done++] =
            (struct event_new){.type = "tool_result", .data = str_text(&steps[i].event)};
    }
    if (n_done == 0) return E_OK;
    return journal_finish(&b->journal, results, n_done, events, n_done, count_calls_done, &n_done);
}

static enum err begin_batch(struct briefing *b, const struct read_step *steps, size_t n)
{
    struct journal_begin begins[PARALLEL_MAX];
    char phase[96];
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_key(&w, "tools");
    json_begin_array(&w);
    for (size_t i = 0; i < n; i++) {
        begins[i] = (struct journal_begin){.key = steps[i].key, .request_hash = steps[i].hash};
        json_write_string(&w, steps[i].call->tool->name);
    }
    json_end_array(&w);
    json_end_object(&w);
    snprintf(phase, sizeof(phase), "tool:%s", steps[0].call->tool->name);
    struct event_new event = {.type = "tools_called", .data = str_text(&data)};
    return journal_begin(&b->journal, begins, n, phase, &event);
}

static enum err execute_batch(struct briefing *b, struct read_step *steps, size_t n)
{
    enum err e = begin_batch(b, steps, n);
    if (e) return e;
    struct scalekit_execute what[PARALLEL_MAX];
    AUTO(xfree_ptr) struct scalekit_result *results = xcalloc(n, sizeof(*results));
    AUTO(xfree_ptr) struct scalekit_error *errors = xcalloc(n, sizeof(*errors));
    enum err outcomes[PARALLEL_MAX];
    for (size_t i = 0; i < n; i++)
        what[i] = (struct scalekit_execute){.tool_name = steps[i].call->tool->name,
                                            .connection_name = steps[i].call->tool->connection_name,
                                            .identifier = b->row->user_id,
                                            .params = steps[i].call->input.text,
                                            .params_len = steps[i].call->input.len,
                                            .agent_run_id = b->row->id};
    struct scalekit_call call = briefing_call(b);
    scalekit_execute_all(b->agent->scalekit, &call, what, n, results, errors, outcomes);
    enum err decided = E_OK;
    for (size_t i = 0; i < n; i++) {
        enum err one = take_answer(b, &steps[i], outcomes[i], &results[i], &errors[i]);
        if (!decided) decided = one;
        scalekit_result_done(&results[i]);
    }
    e = store_batch(b, steps, n);
    return e ? e : decided;
}

static enum err run_batch(struct briefing *b, int n_reply, struct tool_call **batch, size_t n)
{
    struct read_step steps[PARALLEL_MAX];
    memset(steps, 0, sizeof(steps));
    size_t n_open = 0;
    enum err e = E_OK;
    for (size_t i = 0; i < n && !e; i++) {
        struct read_step *step = &steps[n_open];
        step->call = batch[i];
        snprintf(step->key, sizeof(step->key), "tool/%d.%d", n_reply, batch[i]->index);
        hash_call(step, batch[i]);
        const struct step_row *row = NULL;
        e = journal_find(&b->journal, step->key, step->hash, &row);
        if (!e && row)
            e = load_result(batch[i], row);
        else if (!e)
            n_open++;
    }
    if (!e && n_open > 0) e = briefing_check(b);
    if (!e && n_open > 0) e = execute_batch(b, steps, n_open);
    for (size_t i = 0; i < n_open; i++) {
        str_done(&steps[i].json);
        str_done(&steps[i].event);
    }
    return e;
}

/* Errors are the model's to mend, but not for ever. Many in one reply are no end yet: the model has
 * not read of them. */
static enum err count_failures(struct briefing *b, const struct tool_calls *calls)
{
    bool was_told = b->failed_in_a_row > 0;
    bool fails_again = false;
    for (size_t i = 0; i < calls->n; i++) {
        if (!calls->items[i].is_answered) continue;
        bool is_error = calls->items[i].outcome.is_error;
        b->failed_in_a_row = is_error ? b->failed_in_a_row + 1 : 0;
        was_told = was_told && is_error;
        fails_again = was_told;
    }
    if (b->failed_in_a_row < FAILED_IN_A_ROW_MAX || !fails_again) return E_OK;
    return briefing_end(b, AGENT_FAILED, "tool_failed", "%d tool calls in a row ended in an error",
                        b->failed_in_a_row);
}

enum err tools_read(struct briefing *b, int n, struct tool_calls *calls)
{
    struct tool_call *batch[PARALLEL_MAX];
    size_t n_batch = 0;
    enum err e = E_OK;
    for (size_t i = 0; i < calls->n && !e; i++) {
        struct tool_call *call = &calls->items[i];
        if (!call->is_answered && !call->tool->is_delivery) batch[n_batch++] = call;
        if (n_batch == PARALLEL_MAX || (i + 1 == calls->n && n_batch > 0)) {
            e = run_batch(b, n, batch, n_batch);
            n_batch = 0;
        }
    }
    return e ? e : count_failures(b, calls);
}
