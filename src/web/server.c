/*
 * libmicrohttpd's callbacks: the only place where it calls us, and where requests begin and end.
 */
#include "web/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "web/clients.h"
#include "web/connection_wait.h"
#include "web/limits.h"
#include "web/listen.h"
#include "web/mhd_answer.h"
#include "web/reply.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MHD_THREADS        2
#define STORE_THREADS      32
#define STORE_QUEUE_MAX    4096
#define UPSTREAM_THREADS   16
#define UPSTREAM_QUEUE_MAX 256
#define UPSTREAM_GRACE_MS  3000       /* for what is asked of ScaleKit when stopping */
#define CONNECTION_BYTES   (32 * KIB) /* MHD's memory for a head; what does not fit, it refuses */
#define HEAD_BYTES_MAX     (16 * KIB)
#define URI_BYTES_MAX      (8 * KIB)
#define DROPPED_BYTES_MAX  (1 * MIB)

/* ---- answering ---- */

void server_answer(struct request *rq, int status, struct MHD_Response *response)
{
    struct MHD_Connection *connection = rq->connection;
    bool is_suspended = rq->is_suspended;
    rq->is_answered = true;
    observe_answer(rq, status);
    mhd_answer(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    /* The last touch: from here on MHD may complete and free the request. */
    if (is_suspended) MHD_resume_connection(connection);
}

/* ---- on the MHD thread ---- */

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

struct framing {
    int hosts, lengths, codings;
    bool is_odd; /* a name that is none, or a coding that MHD does not know */
};

/* RFC 9110, 5.6.2. MHD takes "Content-Length : 5" for another field than Content-Length. */
static bool is_token(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("!#$%&'*+-.^_`|~", *c)) return false;
    return true;
}

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind, const char *name,
                                     const char *value)
{
    (void)kind;
    struct framing *framing = cls;
    bool is_coding = strcasecmp(name, "Transfer-Encoding") == 0;
    if (strcasecmp(name, "Host") == 0) framing->hosts++;
    if (strcasecmp(name, "Content-Length") == 0) framing->lengths++;
    if (is_coding) framing->codings++;
    if (!is_token(name) || (is_coding && strcasecmp(value ? value : "", "chunked") != 0))
        framing->is_odd = true;
    return MHD_YES;
}

/* A head that a proxy may read otherwise than MHD does: where the body ends (RFC 9112, 5.1, 6.1 and
 * 6.3), whom it is for (3.2). What follows on the connection may be anybody's. A coding that it does
 * not know makes MHD wait for a body without an end. */
static void refuse_unclear_head(struct request *rq, bool is_http_1_0)
{
    struct framing framing = {0};
    MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, count_framing, &framing);
    bool is_clear = framing.hosts <= 1 && framing.lengths + framing.codings <= 1;
    bool is_old = framing.codings > 0 && is_http_1_0;
    if (is_clear && !is_old && !framing.is_odd) return;
    reply_header(rq, "Connection", "close");
    reply_problem(rq, PROBLEM_invalid_request, "%s",
                  is_clear
                      ? "The head has a field whose name is none, or a Transfer-Encoding other "
                        "than that of chunks in HTTP/1.1."
                      : "The head has more than one Host, or says twice how long the body is.");
}

/* Heads that fit into MHD's memory and are too large for us: answered as everything else is. */
static bool head_is_fine(struct request *rq, bool is_http_1_0)
{
    size_t uri_bytes = strlen(rq->uri) + strlen(rq->query) + 1;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (uri_bytes > URI_BYTES_MAX)
        reply_problem(rq, PROBLEM_uri_too_long, "An address may have at most %zu bytes.",
                      URI_BYTES_MAX);
    else if (info && info->header_size > HEAD_BYTES_MAX)
        reply_problem(rq, PROBLEM_headers_too_large,
                      "The request line and the headers may have at most %zu bytes together.",
                      HEAD_BYTES_MAX);
    else
        refuse_unclear_head(rq, is_http_1_0);
    return !rq->is_answered;
}

/* The head is complete. */
static enum MHD_Result begin(struct request *rq, bool is_http_1_0)
{
    request_set_id(rq);
    rq->body.max = rq->body_bytes_max;
    rq->is_body_too_large = declares_too_much(rq);
    if (!client_sends(rq->client)) return MHD_NO;
    if (!head_is_fine(rq, is_http_1_0) || rq->is_body_too_large) {
        /* Answered before the body is read; MHD closes the connection then. */
        (void)client_is_done(rq->client);
        if (!rq->is_answered) server_dispatch(rq);
    }
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    (void)cls;
    (void)url;
    struct request *rq = *con_cls;
    if (!rq) return MHD_NO;
    if (!rq->is_begun) {
        rq->is_begun = true;
        rq->connection = connection;
        rq->method = method;
        return begin(rq, strcmp(version, "HTTP/1.0") == 0);
    }
    if (*upload_data_size > 0) {
        bool goes_on = take_body(rq, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return goes_on ? MHD_YES : MHD_NO; /* MHD closes the connection then */
    }
    if (!client_is_done(rq->client)) return MHD_NO;
    server_dispatch(rq);
    return MHD_YES;
}

/* The query is ours alone. MHD would note each of its fields in the connection's memory; when that is
 * full it forgets that it has refused the request, and waits for more of it. MHD looks at this text
 * again afterwards, and may be shown less of it: it lies in MHD's own buffer. */
static void hide_query(const char *uri)
{
    char *mark = strchr(uri, '?');
    if (mark) mark[1] = '\0';
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct request *rq = request_new(cls, uri);
    hide_query(uri);
    rq->client = client_of(connection);
    (void)client_sends(rq->client);
    return rq;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)connection;
    (void)code;
    struct request *rq = *con_cls;
    if (rq) client_rests(rq->client);
    request_free(rq);
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
    int64_t idle_s = (web->options.idle_ms + 999) / 1000;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    web->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, web, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, web->options.listen_fd, MHD_OPTION_URI_LOG_CALLBACK, on_uri, web,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)MHD_THREADS, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)web->options.connections_max, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        (unsigned)web->options.connections_per_address_max, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_NOTIFY_CONNECTION, clients_notify, web->clients, MHD_OPTION_END);
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
    web->is_https = url.is_https;
    snprintf(web->origin, sizeof(web->origin), "%s://%s", url.is_https ? "https" : "http",
             web->host_public);
    set_host(web->host_listen, web->options.listen_host, web->options.listen_port, 80);
    return E_OK;
}

enum err web_start(const struct web_options *options, struct web **out_web)
{
    struct web *web = xcalloc(1, sizeof(*web));
    web->options = *options;
    limits_start(web, options);
    web->started_unix_ms = clock_unix_ms();
    web->observer = observer_new();
    enum err e = set_hosts(web);
    if (!e) e = key_cache_start(options->store, &web->keys);
    if (!e)
        e = pool_start("web-store", STORE_THREADS, STORE_QUEUE_MAX, server_handle,
                       &web->store_pool);
    if (!e)
        e = pool_start("web-upstream", UPSTREAM_THREADS, UPSTREAM_QUEUE_MAX, server_handle,
                       &web->upstream_pool);
    web->streams = stream_count_new(options->streams_per_address_max);
    if (!e) e = connection_waits_start(options->store, &web->waits);
    struct client_limits limits = {.request_ms = options->request_ms, .idle_ms = options->idle_ms};
    if (!e) e = clients_start(&limits, options->public_url, &web->clients);
    if (!e) e = mhd_answer_start();
    if (!e) e = listen_open(options->listen_fd);
    if (!e) e = start_daemon(web);
    if (!e && options->metrics_fd > 0) {
        web->options.metrics_fd = 0;
        e = metrics_listener_start(web, options->metrics_fd, &web->metrics);
    }
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

static void refuse_draining(struct request *rq)
{
    reply_problem(rq, PROBLEM_draining, "The service is stopping; nothing was done.");
}

/* While ScaleKit is out of reach each of them would take half a minute. */
static void stop_upstream(struct web *web)
{
    pool_refuse(web->upstream_pool, refuse_draining, UPSTREAM_GRACE_MS);
    connect_call_off(web->options.connect);
    pool_stop(web->upstream_pool);
}

void web_stop(struct web *web)
{
    if (!web) return;
    web_drain(web);
    metrics_listener_stop(web->metrics);
    if (web->options.metrics_fd > 0) close(web->options.metrics_fd);
    if (web->daemon) {
        MHD_socket listening = MHD_quiesce_daemon(web->daemon);
        if (listening != MHD_INVALID_SOCKET) close(listening);
    }
    /* MHD must not be stopped while connections are suspended: the pools answer what they have. */
    pool_stop(web->store_pool);
    stop_upstream(web);
    connection_waits_stop(web->waits);
    if (web->daemon) MHD_stop_daemon(web->daemon);
    pool_free(web->store_pool);
    pool_free(web->upstream_pool);
    connection_waits_free(web->waits);
    stream_count_free(web->streams);
    clients_stop(web->clients);
    limits_stop(web);
    key_cache_stop(web->keys);
    observer_free(web->observer);
    xfree(web);
}
