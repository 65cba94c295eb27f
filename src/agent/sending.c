#include "agent/sending.h"

#include "agent/message_text.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define PERMALINK_BYTES_MAX 500

void sending_done(struct sending *s)
{
    str_done(&s->text);
    str_done(&s->params);
    str_done(&s->ts);
    str_done(&s->permalink);
}

/* Is there something in the call beside the text? Naming the destination that is fixed anyway is
 * harmless. */
static bool asks_for_more(const struct frozen *frozen, struct json_span input)
{
    for (struct json_iter it = json_iter(input); json_next(&it);) {
        bool is_text = json_string_is(it.key, frozen->text_argument);
        bool is_ours = json_string_is(it.key, frozen->channel_argument) &&
                       json_string_is(it.value, frozen->channel);
        if (!is_text && !is_ours) return true;
    }
    return false;
}

/* Fills the text, or refuses the call. */
static bool make_text(struct sending *s)
{
    const struct frozen *frozen = &s->b->frozen;
    AUTO(str_done) struct str raw = {0};
    if (!json_string(json_get(s->call->input, frozen->text_argument), &raw)) {
        tool_call_refuse(s->call, "Not sent: \"%s\" must be a string with the whole message.",
                         frozen->text_argument);
        return false;
    }
    if (asks_for_more(frozen, s->call->input)) {
        tool_call_refuse(
            s->call,
            "Not sent: give only \"%s\". The destination is fixed and nothing else can be set.",
            frozen->text_argument);
        return false;
    }
    if (message_text_make(str_text(&raw), raw.len, s->b->row->id, &s->text)) {
        tool_call_refuse(s->call, "Not sent: %s.", err_detail());
        return false;
    }
    size_t length = message_text_length(s->text.data, s->text.len);
    if (length > (size_t)frozen->text_chars_max) {
        tool_call_refuse(s->call,
                         "Not sent: the message has %zu characters, at most %d are possible. "
                         "Shorten it and send it again.",
                         length, frozen->text_chars_max);
        return false;
    }
    return true;
}

static void make_params(struct sending *s)
{
    const struct frozen *frozen = &s->b->frozen;
    struct json_writer w = json_writer(&s->params);
    json_begin_object(&w);
    json_put_string(&w, frozen->channel_argument, frozen->channel);
    json_key(&w, frozen->text_argument);
    json_write_string_n(&w, s->text.data, s->text.len);
    struct json_span fixed = json_root(frozen->fixed_arguments, strlen(frozen->fixed_arguments));
    for (struct json_iter it = json_iter(fixed); json_next(&it);) {
        AUTO(xfree_ptr) char *key = json_strdup(it.key, 100);
        if (!key) continue;
        json_key(&w, key);
        json_write_span(&w, it.value);
    }
    json_end_object(&w);
    struct sha256_state state;
    sha256_init(&state);
    sha256_add_text(&state, s->call->tool->connection_name);
    sha256_add_text(&state, s->call->tool->name);
    sha256_add(&state, s->params.data, s->params.len);
    sha256_final_hex(&state, s->hash);
}

bool sending_make(struct sending *s)
{
    if (!make_text(s)) return false;
    make_params(s);
    return true;
}

void sending_send(struct sending *s)
{
    struct briefing *b = s->b;
    struct scalekit_execute what = {.tool_name = s->call->tool->name,
                                    .connection_name = s->call->tool->connection_name,
                                    .identifier = b->row->user_id,
                                    .params = s->params.data,
                                    .params_len = s->params.len,
                                    .agent_run_id = b->row->id,
                                    .is_delivery = true,
                                    .is_repeat = b->n_deliveries > 1};
    /* Nothing calls off a delivery: no cancel token, no deadline but the call's own timeout. */
    struct scalekit_call call = {0};
    AUTO(scalekit_result_done) struct scalekit_result result = {0};
    struct scalekit_error error = {0};
    enum err e = scalekit_execute(b->agent->scalekit, &call, &what, &result, &error);
    s->outcome = delivery_classify(e, &result, &error, &s->ts);
    s->asked_wait_ms = error.retry_after_ms;
    if (e) {
        scalekit_error_tell(&error, s->why, sizeof(s->why));
        scalekit_error_describe(&error, s->said, sizeof(s->said));
        /* Whole characters: the journal would mend half of one, and a replay would tell the model
         * something else. */
        s->said[utf8_cut(s->said, strlen(s->said), sizeof(s->said) - 4)] = '\0';
    } else if (result.is_provider_failure) {
        snprintf(s->why, sizeof(s->why), "%s", scalekit_provider_word(result.provider_error));
        snprintf(s->said, sizeof(s->said), "%s", result.provider_error);
    } else if (s->outcome == DELIVERY_NOBODY_KNOWS) {
        snprintf(s->why, sizeof(s->why), "an answer without the message's ts");
    }
    str_clear(&s->permalink);
    struct json_span data = json_root(str_text(&result.data), result.data.len);
    AUTO(xfree_ptr) char *link = json_strdup(json_get(data, "permalink"), PERMALINK_BYTES_MAX);
    if (!e && link && text_starts(link, "https://")) str_append_text(&s->permalink, link);
}
