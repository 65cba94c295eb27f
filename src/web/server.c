/*
 * libmicrohttpd's callbacks: the only place where it calls us, and where requests begin and end.
 */
#include "web/server.h"

#include "base/log.h"
#include "web/listen.h"
#include "web/reply.h"
#include "web/router.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MHD_THREADS        2
#define STORE_THREADS      32
#define STORE_QUEUE_MAX    4096
#define UPSTREAM_THREADS   16
#define UPSTREAM_QUEUE_MAX 256
#define IDLE_TIMEOUT_S     60
#define HEADER_BYTES_MAX   (32 * KIB)
#define DROPPED_BYTES_MAX  (1 * MIB)

/* ---- answering ---- */

void server_answer(struct request *rq, int status, struct MHD_Response *response)
{
    struct MHD_Connection *connection = rq->connection;
    bool is_suspended = rq->is_suspended;
    rq->is_answered = true;
    MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    /* The last touch: from here on MHD may complete and free the request. */
    if (is_suspended) MHD_resume_connection(connection);
}

/* ---- on the MHD thread ---- */

static bool host_is_served(const struct request *rq)
{
    const char *host = request_header(rq, "Host");
    return host && (strcasecmp(host, rq->web->host_listen) == 0 ||
                    strcasecmp(host, rq->web->host_public) == 0);
}

/* Answers what no handler is needed for. False: answered. */
static bool route(struct request *rq)
{
    AUTO(str_done) struct str allow = {0};
    enum route_match match = router_match(rq, rq->method, rq->uri, &allow);
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
        reply_header(rq, "Allow", str_text(&allow));
        reply_problem(rq, PROBLEM_method_not_allowed, "Possible here: %s.", str_text(&allow));
        return false;
    case ROUTE_OPTIONS:
        reply_header(rq, "Allow", str_text(&allow));
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

/* Pool threads: the rest of the way to the handler. */
static void handle(struct request *rq)
{
    log_set_request(rq->id);
    if (rq->needs_key) {
        enum auth_result result = AUTH_UNKNOWN;
        enum err e = auth_from_store(rq->web->keys, rq, &result);
        rq->needs_key = false;
        if (e)
            reply_error(rq, e, "looking up the API key");
        else if (result != AUTH_OK)
            unauthenticated(rq);
        else if (may_call(rq))
            rq->route->handler(rq);
    } else {
        rq->route->handler(rq);
    }
    log_set_request(NULL);
}

static void hand_over(struct request *rq, struct pool *pool)
{
    MHD_suspend_connection(rq->connection);
    rq->is_suspended = true;
    if (!pool_push(pool, rq))
        reply_problem(rq, PROBLEM_overloaded,
                      "Too many requests wait already; nothing was accepted.");
}

void server_hand_over(struct request *rq, void (*rest)(struct request *rq))
{
    if (rq->is_suspended) {
        rest(rq);
        return;
    }
    rq->rest = rest;
    hand_over(rq, rq->web->store_pool);
}

static void dispatch(struct request *rq)
{
    if (!route(rq)) return;
    if (is_forwarded(rq)) {
        reply_problem(rq, PROBLEM_invalid_request,
                      "Forwarded requests are refused in single-user mode.");
        return;
    }
    if (rq->is_body_too_large) {
        reply_problem(rq, PROBLEM_body_too_large, "A body may have at most %zu bytes.",
                      rq->body_bytes_max);
        return;
    }
    if (rq->route->scopes_any) {
        enum auth_result result = auth_from_memory(rq->web->keys, rq);
        if (result == AUTH_MISSING) {
            unauthenticated(rq);
            return;
        }
        rq->needs_key = result == AUTH_UNKNOWN;
        if (!rq->needs_key && !may_call(rq)) return;
    }
    if (rq->route->place == ROUTE_UPSTREAM)
        hand_over(rq, rq->web->upstream_pool);
    else if (rq->route->place == ROUTE_STORE || rq->needs_key)
        hand_over(rq, rq->web->store_pool);
    else
        rq->route->handler(rq);
}

static bool declares_too_much(const struct request *rq)
{
    const char *length = request_header(rq, "Content-Length");
    int64_t n = 0;
    return length && (text_to_i64(length, 0, INT64_MAX, &n) || (size_t)n > rq->body_bytes_max);
}

/* A body without a declared length shows its size only while it comes. The rest of one that is too
 * large is read and dropped, so that its sender can be told; but not for ever. False: enough. */
static bool take_body(struct request *rq, const char *bytes, size_t len)
{
    if (!rq->is_body_too_large) {
        str_append(&rq->body, bytes, len);
        if (str_ok(&rq->body)) return true;
        rq->is_body_too_large = true;
        str_done(&rq->body);
    }
    rq->body_bytes_dropped += len;
    return rq->body_bytes_dropped <= DROPPED_BYTES_MAX;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    (void)cls;
    (void)url;
    (void)version;
    struct request *rq = *con_cls;
    if (!rq) return MHD_NO;
    if (!rq->is_begun) {
        rq->is_begun = true;
        rq->connection = connection;
        rq->method = method;
        request_set_id(rq);
        rq->body.max = rq->body_bytes_max;
        if (!declares_too_much(rq)) return MHD_YES;
        rq->is_body_too_large = true;
        dispatch(rq); /* answered before the body is read; MHD closes the connection */
        return MHD_YES;
    }
    if (*upload_data_size > 0) {
        bool goes_on = take_body(rq, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return goes_on ? MHD_YES : MHD_NO; /* MHD closes the connection then */
    }
    dispatch(rq);
    return MHD_YES;
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    (void)connection;
    return request_new(cls, uri);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    request_free(*con_cls);
    *con_cls = NULL;
}

/* Paths and queries are decoded by ourselves, with limits. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static void on_log(void *cls, const char *format, va_list args) PRINTF_LIKE(2, 0);
static void on_log(void *cls, const char *format, va_list args)
{
    (void)cls;
    char text[300];
    vsnprintf(text, sizeof(text), format, args);
    log_debug("microhttpd", LOG_STR("text", text));
}

/* ---- start and stop ---- */

static enum err start_daemon(struct web *web)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    web->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, web, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, web->options.listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, web,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)MHD_THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)web->options.connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)web->options.connections_per_address_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_BYTES_MAX,
        MHD_OPTION_END);
    if (!web->daemon) return fail(E_BUSY, "the HTTP server could not be started");
    return E_OK;
}

/* "host" or "host:port" as a browser writes it for this URL; an IPv6 address in brackets. */
static void set_host(char out[300], const char *host, int port, int default_port)
{
    bool needs_brackets = strchr(host, ':') && host[0] != '[';
    const char *open = needs_brackets ? "[" : "";
    const char *close = needs_brackets ? "]" : "";
    if (port == default_port)
        snprintf(out, 300, "%s%s%s", open, host, close);
    else
        snprintf(out, 300, "%s%s%s:%d", open, host, close, port);
}

static enum err set_hosts(struct web *web)
{
    struct url url;
    enum err e = url_parse(web->options.public_url, &url);
    if (e) return e;
    set_host(web->host_public, url.host, url.port, url.is_https ? 443 : 80);
    set_host(web->host_listen, web->options.listen_host, web->options.listen_port, 80);
    return E_OK;
}

enum err web_start(const struct web_options *options, struct web **out_web)
{
    struct web *web = xcalloc(1, sizeof(*web));
    web->options = *options;
    enum err e = set_hosts(web);
    if (!e) e = key_cache_start(options->store, &web->keys);
    if (!e) e = pool_start("web-store", STORE_THREADS, STORE_QUEUE_MAX, handle, &web->store_pool);
    if (!e)
        e = pool_start("web-upstream", UPSTREAM_THREADS, UPSTREAM_QUEUE_MAX, handle,
                       &web->upstream_pool);
    if (!e) e = listen_open(options->listen_fd);
    if (!e) e = start_daemon(web);
    if (e) {
        web_stop(web);
        return e;
    }
    *out_web = web;
    return E_OK;
}

void web_drain(struct web *web)
{
    atomic_store(&web->is_draining, true);
}

void web_stop(struct web *web)
{
    if (!web) return;
    web_drain(web);
    if (web->daemon) {
        MHD_socket listening = MHD_quiesce_daemon(web->daemon);
        if (listening != MHD_INVALID_SOCKET) close(listening);
    }
    /* MHD must not be stopped while connections are suspended: the pools answer what they have. */
    pool_stop(web->store_pool);
    pool_stop(web->upstream_pool);
    if (web->daemon) MHD_stop_daemon(web->daemon);
    pool_free(web->store_pool);
    pool_free(web->upstream_pool);
    key_cache_stop(web->keys);
    xfree(web);
}
