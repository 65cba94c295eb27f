/*
 * From a complete request to its handler: route, who asks and how often, host, and on which threads
 * it goes on.
 *
 * A key is looked for in memory, a session in the database; a request that carries both is the
 * key's. Pages decide for themselves what they show to whom.
 */
#include "base/log.h"
#include "web/cors.h"
#include "web/limits.h"
#include "web/pages.h"
#include "web/reply.h"
#include "web/router.h"
#include "web/server.h"
#include "web/session.h"

#include <stdio.h>
#include <string.h>

static bool host_is_served(const struct request *rq)
{
    /* RFC 9112, 3.2.2: whoever sends the whole address has said the host there. */
    const char *host = rq->host ? rq->host : request_header(rq, "Host");
    return host && (strcasecmp(host, rq->web->host_listen) == 0 ||
                    strcasecmp(host, rq->web->host_public) == 0);
}

/* Answers what no handler is needed for. False: answered. */
static bool route(struct request *rq, enum route_match match, const char *allow)
{
    if (!(rq->route && rq->route->any_host) && !host_is_served(rq)) {
        reply_problem(rq, PROBLEM_misdirected_request,
                      "Ask under the host name of BRIEFD_PUBLIC_URL or BRIEFD_LISTEN.");
        return false;
    }
    switch (match) {
    case ROUTE_FOUND:
        return true;
    case ROUTE_NO_PATH:
    case ROUTE_BAD_PATH:
        reply_problem(rq, PROBLEM_not_found, "There is nothing under this path.");
        return false;
    case ROUTE_NO_METHOD:
        reply_header(rq, "Allow", allow);
        reply_problem(rq, PROBLEM_method_not_allowed, "Possible here: %s.", allow);
        return false;
    case ROUTE_OPTIONS:
        reply_header(rq, "Allow", allow);
        cors_preflight(rq, allow);
        reply_empty(rq, 204);
        return false;
    }
    return false;
}

static enum MHD_Result stop_at_forwarding(void *cls, enum MHD_ValueKind kind, const char *name,
                                          const char *value)
{
    (void)kind;
    (void)value;
    bool *found = cls;
    *found = strcasecmp(name, "Forwarded") == 0 || strncasecmp(name, "X-Forwarded-", 12) == 0;
    return *found ? MHD_NO : MHD_YES;
}

/* A browser behind a proxy must not reach the one user of single-user mode. */
static bool is_forwarded(const struct request *rq)
{
    bool found = false;
    if (rq->web->options.user_id)
        MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, stop_at_forwarding, &found);
    return found;
}

static bool may_call(struct request *rq)
{
    if (auth_allows(&rq->principal, rq->route->scopes_any)) return true;
    AUTO(str_done) struct str needed = {0};
    scope_format(rq->route->scopes_any, &needed);
    reply_problem(rq, PROBLEM_insufficient_scope, "This needs the scope %s.", str_text(&needed));
    return false;
}

static void unauthenticated(struct request *rq)
{
    reply_problem(rq, PROBLEM_unauthenticated,
                  "Send an API key that is not revoked as \"Authorization: Bearer bk_…\" (briefd "
                  "keys create makes one).");
}

/* ---- browsers ---- */

static bool is_changing(const struct request *rq)
{
    return strcmp(rq->method, "GET") != 0 && strcmp(rq->method, "HEAD") != 0;
}

static void become_browser(struct request *rq)
{
    const struct session_row *session = &rq->session;
    struct principal *principal = &rq->principal;
    if (!session->id) return;
    principal->kind = PRINCIPAL_BROWSER;
    snprintf(principal->name, sizeof(principal->name), "user:%.*s", USER_ID_BYTES_MAX,
             session->user_id);
    principal->user_id = session->user_id;
    if (session->kind == SESSION_SIGNED_IN)
        principal->scopes = SCOPE_BRIEFINGS_READ | SCOPE_BRIEFINGS_WRITE | SCOPE_CONNECTIONS_READ |
                            SCOPE_CONNECTIONS_WRITE;
}

static bool is_json(const struct request *rq)
{
    const char *type = request_header(rq, "Content-Type");
    return type && strncasecmp(type, "application/json", strlen("application/json")) == 0;
}

static bool is_under_user(const struct route *route)
{
    return strncmp(route->path, "/users/{user}/", strlen("/users/{user}/")) == 0;
}

/* The routes for services, asked by a browser: for its own user, and from a page of ours. */
static bool browser_may_call(struct request *rq)
{
    if (!rq->session.id) {
        unauthenticated(rq);
        return false;
    }
    if (!may_call(rq)) return false;
    if (is_under_user(rq->route) && !request_owns(rq, rq->args[0])) {
        reply_problem(rq, PROBLEM_not_found, "There is no such user.");
        return false;
    }
    if (!is_changing(rq)) return true;
    if (rq->body.len > 0 && !is_json(rq)) {
        reply_problem(rq, PROBLEM_unsupported_media_type, "Send the body as application/json.");
        return false;
    }
    if (session_is_own_request(rq, request_header(rq, "X-CSRF-Token"))) return true;
    reply_problem(rq, PROBLEM_csrf_failed,
                  "Send the page's token as X-CSRF-Token, from a page of this service.");
    return false;
}

/* True: the handler may run. False: answered. */
static bool let_browser_in(struct request *rq)
{
    bool is_page = rq->route->browser == BROWSER_PAGE;
    enum err e = session_load(rq);
    if (!e && is_page) e = session_sign_in(rq);
    if (e && is_page)
        page_error(rq, e, "looking up a session");
    else if (e)
        reply_error(rq, e, "looking up a session");
    if (e) return false;
    become_browser(rq);
    if (rq->session.id && !limits_let_principal_in(rq)) return false;
    return is_page || browser_may_call(rq);
}

/* ---- pool threads: the rest of the way to the handler ---- */

static bool let_key_in(struct request *rq)
{
    enum auth_result result = AUTH_UNKNOWN;
    enum err e = auth_from_store(rq->web->keys, rq, &result);
    if (e)
        reply_error(rq, e, "looking up the API key");
    else if (result != AUTH_OK)
        unauthenticated(rq);
    return !e && result == AUTH_OK && limits_let_principal_in(rq) && may_call(rq);
}

/* What changes something takes its fields from the body. In the query they would be passed over, and
 * "?mode=preview" must not post. */
static bool has_no_query(struct request *rq)
{
    static const char *const none[] = {NULL};
    AUTO(url_pairs_done) struct url_pairs query = {0};
    bool is_free = !rq->route->scopes_any || !is_changing(rq);
    return is_free || request_query(rq, none, &query);
}

void server_handle(struct request *rq)
{
    log_set_request(rq->id);
    request_set_trace(rq);
    trace_set(rq->traceparent);
    bool is_in = true;
    if (rq->needs_key)
        is_in = let_key_in(rq);
    else if (rq->needs_session)
        is_in = let_browser_in(rq);
    if (is_in && has_no_query(rq)) rq->route->handler(rq);
    log_set_request(NULL);
    log_set_run(NULL, NULL);
    trace_set(NULL);
}

static void hand_over(struct request *rq, struct pool *pool)
{
    MHD_suspend_connection(rq->connection);
    rq->is_suspended = true;
    if (pool_push(pool, rq)) return;
    if (atomic_load(&rq->web->is_draining))
        reply_problem(rq, PROBLEM_draining, "The service is stopping; nothing was done.");
    else
        reply_problem(rq, PROBLEM_overloaded,
                      "Too many requests wait already; nothing was accepted.");
}

void server_hand_over(struct request *rq, void (*rest)(struct request *rq))
{
    if (rq->is_suspended) {
        rest(rq);
        return;
    }
    hand_over(rq, rq->web->store_pool);
}

/* What memory knows of the caller leads on, or to a 401. False: answered. */
static bool authenticate(struct request *rq, enum auth_result result)
{
    const struct route *wanted = rq->route;
    rq->needs_session = wanted->browser == BROWSER_PAGE;
    if (!wanted->scopes_any) return true;
    if (result == AUTH_OK) return may_call(rq);
    rq->needs_key = result == AUTH_UNKNOWN;
    bool has_cookie = request_header(rq, "Cookie") != NULL;
    rq->needs_session = result == AUTH_MISSING && wanted->browser == BROWSER_OWN && has_cookie;
    if (rq->needs_key || rq->needs_session) return true;
    unauthenticated(rq);
    return false;
}

/* Everything before the handler that needs neither the database nor the body. False: answered. */
static bool let_in(struct request *rq)
{
    AUTO(str_done) struct str allow = {0};
    enum route_match match = router_match(rq, rq->method, rq->uri, &allow);
    bool is_for_keys = rq->route && rq->route->scopes_any;
    enum auth_result result = is_for_keys ? auth_from_memory(rq->web->keys, rq) : AUTH_MISSING;
    cors_begin(rq);
    /* Whoever watches over the service has to get an answer always. */
    bool is_free = rq->nearest && rq->nearest->any_host;
    if (!is_free && !limits_let_in(rq, result)) return false;
    if (!route(rq, match, str_text(&allow))) return false;
    if (is_forwarded(rq)) {
        reply_problem(rq, PROBLEM_invalid_request,
                      "Forwarded requests are refused in single-user mode.");
        return false;
    }
    if (rq->is_body_too_large) {
        reply_problem(rq, PROBLEM_body_too_large, "A body may have at most %zu bytes.",
                      rq->body_bytes_max);
        return false;
    }
    return authenticate(rq, result);
}

void server_dispatch(struct request *rq)
{
    if (!let_in(rq)) return;
    bool needs_store = rq->needs_key || rq->needs_session;
    if (rq->route->place == ROUTE_UPSTREAM)
        hand_over(rq, rq->web->upstream_pool);
    else if (rq->route->place == ROUTE_STORE || needs_store)
        hand_over(rq, rq->web->store_pool);
    else
        rq->route->handler(rq);
}
