#include "web/reply.h"

#include "base/clock.h"
#include "base/log.h"
#include "runs/document.h"
#include "web/limits.h"
#include "web/problem_page.h"
#include "web/server.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define RETRY_AFTER_S "5" /* for what passes by itself */

static const struct {
    const char *code;
    int status;
    bool is_retryable;
    const char *title;
} problems[] = {
#define X(code, status, retryable, title) [PROBLEM_##code] = {#code, status, retryable, title},
    PROBLEM_TABLE(X)
#undef X
};
_Static_assert(ARRAY_LEN(problems) == PROBLEM_COUNT, "every problem has a row");

void reply_header(struct request *rq, const char *name, const char *value)
{
    str_append(&rq->headers, name, strlen(name) + 1);
    str_append(&rq->headers, value, strlen(value) + 1);
}

static void add_headers(struct request *rq, struct MHD_Response *response)
{
    MHD_add_response_header(response, "X-Request-Id", rq->id);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (rq->web->is_https)
        MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
    bool says_how_to_cache = false;
    for (size_t at = 0; at < rq->headers.len;) {
        const char *name = rq->headers.data + at;
        at += strlen(name) + 1;
        const char *value = rq->headers.data + at;
        at += strlen(value) + 1;
        MHD_add_response_header(response, name, value);
        says_how_to_cache = says_how_to_cache || strcmp(name, "Cache-Control") == 0;
    }
    limits_add_headers(rq, response);
    if (!says_how_to_cache) MHD_add_response_header(response, "Cache-Control", "no-store");
}

void reply_response(struct request *rq, int status, const char *content_type,
                    struct MHD_Response *response)
{
    add_headers(rq, response);
    if (content_type) MHD_add_response_header(response, "Content-Type", content_type);
    server_answer(rq, status, response);
}

static void answer_text(struct request *rq, int status, const char *content_type, struct str *body)
{
    size_t len = body->len;
    char *text = str_take(body);
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer_with_free_callback(len, text, xfree)
             : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    reply_response(rq, status, content_type, response);
}

void reply_text(struct request *rq, int status, const char *content_type, struct str *body)
{
    answer_text(rq, status, content_type, body);
}

void reply_json(struct request *rq, int status, struct str *body)
{
    answer_text(rq, status, "application/json", body);
}

void reply_empty(struct request *rq, int status)
{
    reply_response(rq, status, NULL,
                   MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

/* ---- snapshots ---- */

static void release(void *snapshot)
{
    snapshot_release(snapshot);
}

static void add_snapshot_headers(struct MHD_Response *response, const struct snapshot *snapshot)
{
    char text[32];
    snprintf(text, sizeof(text), "\"%lld\"", (long long)snapshot->etag);
    MHD_add_response_header(response, "ETag", text);
    if (snapshot->is_terminal) return;
    snprintf(text, sizeof(text), "%d", run_poll_after_s(snapshot->created_ms, clock_unix_ms()));
    MHD_add_response_header(response, "Retry-After", text);
}

void reply_snapshot(struct request *rq, struct snapshot *snapshot)
{
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        snapshot->len, snapshot->document, release, snapshot);
    add_snapshot_headers(response, snapshot);
    reply_response(rq, 200, "application/json", response);
}

/* libmicrohttpd writes a Content-Length, of whatever body it is given. RFC 9110, 8.6 wants that of the
 * 200 or none; but many readers of HTTP (http_parser, and so wrk) would wait for such a body. */
void reply_not_modified(struct request *rq, struct snapshot *snapshot)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    add_snapshot_headers(response, snapshot);
    snapshot_release(snapshot);
    reply_response(rq, 304, NULL, response);
}

/* ---- problems ---- */

static void write_problem(struct str *out, const char *public_url, enum problem problem,
                          const char *detail, const char *instance, const char *request_id,
                          const struct field_errors *errors)
{
    AUTO(str_done) struct str type = {0};
    str_append_format(&type, "%s/docs/errors#%s", public_url, problems[problem].code);
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    json_put_string(&w, "type", str_text(&type));
    json_put_string(&w, "title", problems[problem].title);
    json_put_int(&w, "status", problems[problem].status);
    json_put_string(&w, "detail", detail);
    json_put_string(&w, "instance", instance);
    json_put_string(&w, "code", problems[problem].code);
    json_put_bool(&w, "retryable", problems[problem].is_retryable);
    json_put_string(&w, "request_id", request_id);
    json_key(&w, "errors");
    str_append_char(out, '[');
    if (errors) str_append_str(out, &errors->json);
    str_append_text(out, "]}");
}

int problem_status(enum problem problem)
{
    return problems[problem].status;
}

void problem_write(struct str *out, const char *public_url, enum problem problem,
                   const char *detail, const char *instance, const char *request_id)
{
    write_problem(out, public_url, problem, detail, instance, request_id, NULL);
}

static bool has_header(const struct request *rq, const char *wanted)
{
    for (size_t at = 0; at < rq->headers.len;) {
        const char *name = rq->headers.data + at;
        if (strcasecmp(name, wanted) == 0) return true;
        at += strlen(name) + 1;
        at += strlen(rq->headers.data + at) + 1;
    }
    return false;
}

static void put_problem(struct request *rq, enum problem problem, const char *detail,
                        const struct field_errors *errors)
{
    if (problems[problem].is_retryable && !has_header(rq, "Retry-After"))
        reply_header(rq, "Retry-After", RETRY_AFTER_S);
    if (problems[problem].status == 429 && !rq->rate.is_refused)
        reply_header(rq, "RateLimit", "\"open\";r=0;t=" RETRY_AFTER_S);
    if (problem == PROBLEM_unauthenticated) reply_header(rq, "WWW-Authenticate", "Bearer");
    if (problem_page_is_wanted(rq)) {
        problem_page(rq, problems[problem].status, problems[problem].code, detail);
        return;
    }
    AUTO(str_done) struct str body = {0};
    write_problem(&body, rq->web->options.public_url, problem, detail, rq->uri, rq->id, errors);
    answer_text(rq, problems[problem].status, "application/problem+json", &body);
}

void reply_problem(struct request *rq, enum problem problem, const char *format, ...)
{
    char detail[600];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof(detail), format, args);
    va_end(args);
    put_problem(rq, problem, detail, NULL);
}

void reply_invalid(struct request *rq, const struct field_errors *errors)
{
    char detail[100];
    snprintf(detail, sizeof(detail), "%d field%s of the request %s not acceptable; see \"errors\".",
             errors->n, errors->n == 1 ? "" : "s", errors->n == 1 ? "is" : "are");
    put_problem(rq, PROBLEM_invalid_request, detail, errors);
}

void reply_error(struct request *rq, enum err e, const char *what)
{
    log_failure("request_failed", e, LOG_STR("what", what), LOG_STR("request_id", rq->id));
    if (e == E_STORAGE || e == E_CORRUPT)
        reply_problem(rq, PROBLEM_storage_unavailable,
                      "The database cannot be used at this moment; nothing was changed.");
    else
        reply_problem(rq, PROBLEM_internal,
                      "A fault of briefd while %s. The log has it under this request id.", what);
}
