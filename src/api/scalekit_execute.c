/*
 * Running a tool: POST /api/v1/execute_tool. (wire notes 2.13)
 *
 * The arguments go out as they came, byte for byte: the service forwards them, and schemas do not
 * bind it. The only exception are lone surrogates, which its parser refuses.
 */
#include "api/scalekit_internal.h"

#include "base/log.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define AGENT_RUN_ID_MAX 255

static void put_if_given(struct json_writer *w, const char *key, const char *text)
{
    if (text && *text) json_put_string(w, key, text);
}

/* E_INVALID when the arguments are no JSON object. */
static enum err body_write(const struct scalekit_execute *what, struct str *out)
{
    const char *params = what->params_len ? what->params : "{}";
    size_t len = what->params_len ? what->params_len : 2;
    enum err e = json_check(params, len, (struct json_limits){0});
    if (e) return fail_context(E_INVALID, "arguments of %s", what->tool_name);
    struct json_span root = json_root(params, len);
    if (json_type(root) != JSON_OBJECT)
        return fail(E_INVALID, "arguments of %s are no JSON object", what->tool_name);

    AUTO(str_done) struct str repaired = {0};
    json_repair(&repaired, root.text, root.len);

    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "tool_name", what->tool_name);
    put_if_given(&w, "connector", what->connection_name);
    put_if_given(&w, "identifier", what->identifier);
    json_put_raw(&w, "params", repaired.data, repaired.len);
    if (what->agent_run_id && *what->agent_run_id) {
        size_t id_len = strlen(what->agent_run_id);
        json_key(&w, "agent_run_id");
        json_write_string_n(&w, what->agent_run_id,
                            utf8_cut(what->agent_run_id, id_len, AGENT_RUN_ID_MAX));
    }
    json_end_object(&w);
    return str_ok(out) ? E_OK : fail(E_INVALID, "arguments of %s are too large", what->tool_name);
}

static enum err refuse(const struct scalekit_execute *what, struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){.class = SCALEKIT_BAD_CALL};
    snprintf(out_error->message, sizeof out_error->message,
             "the arguments are not one JSON object; nothing was sent");
    return fail(E_UPSTREAM, "%s was not sent: its arguments are not one JSON object",
                what->tool_name);
}

static enum err answer_read(const struct scalekit_execute *what, const struct http_reply *reply,
                            struct scalekit_result *out_result, struct scalekit_error *out_error)
{
    if (scalekit_result_read(str_text(&reply->body), reply->body.len, out_result))
        return scalekit_error_unreadable("execute_tool", reply, out_error);
    out_result->took_ms = reply->took_ms;
    log_debug("scalekit_executed", LOG_STR("tool", what->tool_name),
              LOG_STR("execution", out_result->execution_id), LOG_INT("ms", reply->took_ms),
              LOG_INT("bytes", reply->body.len),
              LOG_INT("provider_failure", out_result->is_provider_failure));
    return E_OK;
}

int64_t scalekit_clock_ahead_ms(const struct scalekit *s)
{
    return atomic_load(&s->clock_ahead_ms);
}

void scalekit_execute_all(struct scalekit *s, const struct scalekit_call *call,
                          const struct scalekit_execute *what, size_t n,
                          struct scalekit_result *out_results, struct scalekit_error *out_errors,
                          enum err *out_err)
{
    struct str *bodies = xcalloc(n, sizeof *bodies);
    struct scalekit_request *requests = xcalloc(n, sizeof *requests);
    struct http_reply *replies = xcalloc(n, sizeof *replies);
    struct scalekit_error *errors = xcalloc(n, sizeof *errors);
    enum err *errs = xcalloc(n, sizeof *errs);
    size_t *places = xcalloc(n, sizeof *places);
    size_t n_sent = 0;

    for (size_t i = 0; i < n; i++) {
        out_results[i] = (struct scalekit_result){0};
        out_errors[i] = (struct scalekit_error){0};
        if (body_write(&what[i], &bodies[i])) {
            out_err[i] = refuse(&what[i], &out_errors[i]);
            continue;
        }
        requests[n_sent] = (struct scalekit_request){
            .what = "execute_tool",
            .operation = what[i].is_delivery ? "execute_delivery" : "execute_read",
            .is_repeat = what[i].is_repeat,
            .method = "POST",
            .path = "/api/v1/execute_tool",
            .body = bodies[i].data,
            .body_len = bodies[i].len,
            .timeout_ms = s->tool_timeout_ms,
            .reply_bytes_max = s->tool_reply_bytes_max,
            .is_once = what[i].is_delivery,
        };
        places[n_sent++] = i;
    }
    scalekit_send_all(s, call, requests, n_sent, replies, errors, errs);
    for (size_t k = 0; k < n_sent; k++) {
        size_t i = places[k];
        out_errors[i] = errors[k];
        out_err[i] = errs[k];
        if (!errs[k])
            out_err[i] = answer_read(&what[i], &replies[k], &out_results[i], &out_errors[i]);
        http_reply_done(&replies[k]);
    }

    for (size_t i = 0; i < n; i++)
        str_done(&bodies[i]);
    xfree(places);
    xfree(errs);
    xfree(errors);
    xfree(replies);
    xfree(requests);
    xfree(bodies);
}

enum err scalekit_execute(struct scalekit *s, const struct scalekit_call *call,
                          const struct scalekit_execute *what, struct scalekit_result *out_result,
                          struct scalekit_error *out_error)
{
    enum err e = E_OK;
    scalekit_execute_all(s, call, what, 1, out_result, out_error, &e);
    return e;
}
