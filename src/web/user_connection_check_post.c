#include "agent/accounts.h"
#include "base/log.h"
#include "web/connection_document.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

static void failed(struct request *rq, const struct scalekit_error *error)
{
    log_warn("connection_check_failed", LOG_STR("class", scalekit_class_name(error->class)),
             LOG_INT("status", error->status), LOG_STR("error_code", error->error_code),
             LOG_STR("upstream_request", error->request_id));
    reply_problem(rq, PROBLEM_upstream_failed,
                  "ScaleKit gave no usable answer (%s, HTTP %d %s); nothing changed.",
                  scalekit_class_name(error->class), error->status, error->error_code);
}

/* POST /users/{user}/connections/{connector}/check: ask ScaleKit and the provider now. Blocked
 * briefings of the user whose connections are all usable now go on by themselves. */
void user_connection_check_post(struct request *rq)
{
    const struct web_options *options = &rq->web->options;
    const struct connector *connector = catalogue_connector(options->catalogue, rq->args[1]);
    struct idempotent idempotent;
    if (!connector || !connector->connection_name || strlen(rq->args[0]) > USER_ID_MAX) {
        reply_problem(rq, PROBLEM_not_found, "There is no such connector here.");
        return;
    }
    if (!idempotent_begin(rq, &idempotent)) return;
    AUTO(connection_list_done) struct connection_list list = {0};
    struct scalekit_error error = {0};
    const char *names[] = {connector->name};
    struct scalekit_call call = {0};
    enum err e =
        accounts_refresh(options->agent, &call, rq->args[0], names, 1, true, &list, &error);
    bool is_theirs = e == E_UPSTREAM || e == E_CANCELLED || e == E_TIMEOUT;
    if (is_theirs) {
        failed(rq, &error);
        return;
    }
    if (!e) e = runs_connections_changed(options->runs, rq->args[0]);
    if (e) {
        reply_error(rq, e, "checking a connection");
        return;
    }
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    connection_document(&w, connector, &list.rows[0], options->public_url);
    idempotent_reply(rq, &idempotent, 200, &body);
}
