/*
 * GET, DELETE and POST …/confirm of /users/{user}/connections/{connector}. (The check has a file of
 * its own.)
 */
#include "agent/accounts.h"
#include "base/clock.h"
#include "base/log.h"
#include "connect/connect.h"
#include "web/connection_document.h"
#include "web/connection_wait.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/wait.h"

#include <stdio.h>
#include <string.h>

const struct connector *request_connector(struct request *rq)
{
    const struct connector *connector = catalogue_connector(request_catalogue(rq), rq->args[1]);
    if (connector && connector->connection_name && user_id_valid(rq->args[0])) return connector;
    reply_problem(rq, PROBLEM_not_found, "There is no such connector here.");
    return NULL;
}

/* ---- GET ---- */

void connection_answer(struct request *rq, const struct connection_row *row)
{
    const struct connector *connector = catalogue_connector(request_catalogue(rq), rq->args[1]);
    AUTO(str_done) struct str body = {0};
    char etag[32];
    struct json_writer w = json_writer(&body);
    connection_document(&w, connector, row, rq->web->options.public_url);
    int64_t version = row ? row->version : 0;
    snprintf(etag, sizeof(etag), "\"%lld\"", (long long)version);
    reply_header(rq, "ETag", etag);
    if (request_knows(rq, version))
        reply_empty(rq, 304);
    else
        reply_json(rq, 200, &body);
}

void user_connection_get(struct request *rq)
{
    int64_t wait_s = 0;
    if (!request_connector(rq) || !request_wait_s(rq, &wait_s)) return;
    AUTO(connection_row_done) struct connection_row row = {0};
    enum err e = store_connection_find(rq->web->options.store, rq->args[0], rq->args[1], &row);
    if (e && e != E_NOT_FOUND) {
        reply_error(rq, e, "reading a connection");
        return;
    }
    bool has_news = request_header(rq, "If-None-Match") && !request_knows(rq, row.version);
    if (wait_s == 0 || has_news)
        connection_answer(rq, row.user_id ? &row : NULL);
    else
        connection_wait(rq->web->waits, rq, row.version, clock_mono_ms() + wait_s * 1000);
}

/* ---- changes ---- */

void connection_upstream_failed(struct request *rq, const struct scalekit_error *error)
{
    if (error->class == SCALEKIT_CANCELLED) {
        reply_problem(rq, PROBLEM_draining,
                      "The service is stopping, and did not wait for ScaleKit's answer.");
        return;
    }
    log_warn("connection_call_failed", LOG_STR("class", scalekit_class_name(error->class)),
             LOG_INT("status", error->status), LOG_STR("error_code", error->error_code),
             LOG_STR("upstream_request", error->request_id));
    reply_problem(rq, PROBLEM_upstream_failed,
                  "ScaleKit gave no usable answer (%s, HTTP %d %s); nothing changed.",
                  scalekit_class_name(error->class), error->status, error->error_code);
}

void user_connection_delete(struct request *rq)
{
    const struct connector *connector = request_connector(rq);
    if (!connector) return;
    struct scalekit_error error = {0};
    enum err e = connect_remove(rq->web->options.connect, rq->args[0], connector->name,
                                rq->principal.name, &error);
    if (e && error.class != SCALEKIT_FINE)
        connection_upstream_failed(rq, &error);
    else if (e)
        reply_error(rq, e, "removing a connection");
    else
        reply_empty(rq, 204);
}

/* If-Match: the version that the host looked at. 0: any. -1: answered. */
static int64_t wanted_version(struct request *rq)
{
    const char *match = request_header(rq, "If-Match");
    int64_t version = 0;
    if (!match || strcmp(match, "*") == 0) return 0;
    size_t len = strlen(match);
    bool is_number = len > 2 && match[0] == '"' && match[len - 1] == '"' &&
                     text_is_i64(match + 1, len - 2, &version) && version > 0;
    if (is_number) return version;
    AUTO(field_errors_done) struct field_errors errors = {0};
    field_error(&errors, "If-Match", "must be the ETag of this connection");
    reply_invalid(rq, &errors);
    return -1;
}

struct confirmed {
    const struct connector *connector;
    const char *public_url;
};

static void render_confirmed(void *ctx, const void *row, struct run_answer *out)
{
    const struct confirmed *confirmed = ctx;
    struct json_writer w = json_writer(&out->body);
    connection_document(&w, confirmed->connector, row, confirmed->public_url);
    out->http_status = 200;
}

void user_connection_confirm_post(struct request *rq)
{
    const struct connector *connector = request_connector(rq);
    struct idempotent idempotent;
    if (!connector) return;
    int64_t version = wanted_version(rq);
    if (version < 0 || !idempotent_read(rq, &idempotent)) return;
    struct confirmed confirmed = {.connector = connector,
                                  .public_url = rq->web->options.public_url};
    struct store_once once = idempotent_once(rq, &idempotent, render_confirmed, &confirmed);
    AUTO(connection_row_done) struct connection_row row = {0};
    enum err e = connect_confirm(rq->web->options.connect, rq->args[0], connector->name, version,
                                 rq->principal.name, &once, &row);
    if (!e || once.is_reused) {
        idempotent_answer(rq, &once);
    } else if (e == E_NOT_FOUND) {
        reply_problem(rq, PROBLEM_not_found, "Nothing is known of this connection yet.");
    } else if (e == E_CONFLICT) {
        reply_problem(rq, PROBLEM_not_confirmable, "Not confirmed: %s. Look at it again.",
                      err_detail());
    } else {
        reply_error(rq, e, "confirming a connection");
    }
    str_done(&once.answer.body);
}
