/*
 * The listener for Prometheus alone: one thread that answers GET /metrics and nothing else. What
 * waits for the database waits here, and keeps no other client waiting.
 */
#include "base/log.h"
#include "web/listen.h"
#include "web/mhd_answer.h"
#include "web/observe.h"
#include "web/server.h"

#include <string.h>
#include <unistd.h>

#define CONNECTIONS_MAX 16
#define IDLE_TIMEOUT_S  30

struct metrics_listener {
    struct web *web;
    struct MHD_Daemon *daemon;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct str *body)
{
    size_t len = body->len;
    char *text = str_take(body);
    struct MHD_Response *response =
        text ? MHD_create_response_from_buffer_with_free_callback(len, text, xfree)
             : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET, HEAD");
    enum MHD_Result result = mhd_answer(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    (void)version;
    (void)upload_data;
    static char begun;
    if (!*con_cls) {
        *con_cls = &begun;
        return MHD_YES; /* a body may follow */
    }
    if (*upload_data_size > 0) return MHD_NO; /* nobody sends one here */
    struct metrics_listener *listener = cls;
    AUTO(str_done) struct str page = {0};
    bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (strcmp(url, "/metrics") != 0) {
        str_append_text(&page, "There is only /metrics here.\n");
        return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain; charset=utf-8", &page);
    }
    if (!is_read) {
        str_append_text(&page, "Ask with GET.\n");
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", &page);
    }
    metrics_page(listener->web, &page);
    return answer(connection, MHD_HTTP_OK, METRICS_CONTENT_TYPE, &page);
}

enum err metrics_listener_start(struct web *web, int listen_fd,
                                struct metrics_listener **out_listener)
{
    enum err e = listen_open(listen_fd);
    if (e) {
        close(listen_fd);
        return e;
    }
    struct metrics_listener *listener = xcalloc(1, sizeof(*listener));
    listener->web = web;
    listener->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, listener,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_TIMEOUT_S, MHD_OPTION_END);
    if (!listener->daemon) {
        close(listen_fd);
        xfree(listener);
        return fail(E_BUSY, "the listener for metrics could not be started");
    }
    *out_listener = listener;
    return E_OK;
}

void metrics_listener_stop(struct metrics_listener *listener)
{
    if (!listener) return;
    MHD_stop_daemon(listener->daemon);
    xfree(listener);
}
