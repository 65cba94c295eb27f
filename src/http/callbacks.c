/*
 * What curl tells us about a transfer, on the I/O thread.
 */
#include "http/transfer.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void note_life(struct transfer *t)
{
    t->life_ms = clock_mono_ms();
    if (t->has_first_byte) return;
    t->has_first_byte = true;
    t->first_byte_ms = t->life_ms;
    t->event_ms = t->life_ms;
    timers_note(t);
}

static int status_of(CURL *easy)
{
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

/* A connection stands ready, TLS included, and curl is about to write the request. If it was never
 * called, the other side has seen nothing; that is what HTTP_NOT_SENT promises. It is called again
 * for curl's own resend after a kept connection turned out dead; the first call counts, and a
 * request that must not be sent twice ends there. */
int on_ready_to_send(void *transfer, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
    (void)peer_ip;
    (void)local_ip;
    (void)peer_port;
    (void)local_port;
    struct transfer *t = transfer;
    if (t->is_sent) return t->request->is_sent_once ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
    t->is_sent = true;
    t->sent_ms = clock_mono_ms();
    t->upload_ms = t->sent_ms;
    t->reply->sent_unix_ms = clock_unix_ms();
    timers_note(t);
    return CURL_PREREQFUNC_OK;
}

int on_progress(void *transfer, curl_off_t n_down_all, curl_off_t n_down, curl_off_t n_up_all,
                curl_off_t n_up)
{
    (void)n_down_all;
    (void)n_down;
    (void)n_up_all;
    struct transfer *t = transfer;
    if (n_up != t->n_uploaded) {
        t->n_uploaded = n_up;
        t->upload_ms = clock_mono_ms();
    }
    return 0;
}

size_t on_header(char *bytes, size_t size, size_t n, void *transfer)
{
    struct transfer *t = transfer;
    struct str *headers = &t->reply->headers;
    size_t len = size * n;
    note_life(t);
    bool is_status_line = len >= 5 && memcmp(bytes, "HTTP/", 5) == 0;
    bool is_empty_line = len > 0 && (bytes[0] == '\r' || bytes[0] == '\n');
    /* A new status line: what came before belonged to a "1xx" answer. Trailers come after the body.
     */
    if (is_status_line) str_clear(headers);
    t->has_whole_head = is_empty_line || (t->has_whole_head && !is_status_line);
    str_append(headers, bytes, len);
    if (str_ok(headers)) return len;
    t->stop = HTTP_TOO_LARGE;
    return 0;
}

size_t on_body(char *bytes, size_t size, size_t n, void *transfer)
{
    struct transfer *t = transfer;
    const struct http_request *request = t->request;
    size_t len = size * n;
    note_life(t);
    int status = status_of(t->easy);
    bool is_streamed = request->sink && status >= 200 && status <= 299;
    /* What was meant for a stream of many megabytes is not meant for an error page. */
    if (request->sink && !is_streamed && t->body_max > MIB) t->body_max = MIB;
    if (len > t->body_max - t->n_body) {
        t->stop = HTTP_TOO_LARGE;
        return len + 1; /* anything but `len` makes curl stop, also when that is 0 */
    }
    t->n_body += len;

    if (!is_streamed) {
        str_append(&t->reply->body, bytes, len);
        return len;
    }
    switch (request->sink(request->sink_ctx, bytes, len)) {
    case HTTP_SINK_MORE:
        return len;
    case HTTP_SINK_EVENT:
        t->event_ms = t->life_ms;
        return len;
    case HTTP_SINK_DONE:
        if (t->done_ms == 0) t->done_ms = t->life_ms;
        timers_note(t);
        return len;
    case HTTP_SINK_STOP:
        break;
    }
    t->stop = HTTP_SINK_STOPPED;
    return len + 1;
}

static void note_refused(struct transfer *t, const struct sockaddr *peer)
{
    const void *bytes = NULL;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (peer->sa_family == AF_INET) {
        memcpy(&v4, peer, sizeof v4);
        bytes = &v4.sin_addr;
    } else if (peer->sa_family == AF_INET6) {
        memcpy(&v6, peer, sizeof v6);
        bytes = &v6.sin6_addr;
    }
    if (!bytes || !inet_ntop(peer->sa_family, bytes, t->refused, sizeof t->refused))
        snprintf(t->refused, sizeof t->refused, "an address of an unknown kind");
}

curl_socket_t on_open_socket(void *transfer, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = transfer;
    const struct http_client *c = t->client;
    if (purpose != CURLSOCKTYPE_IPCXN ||
        !c->may_connect(c->may_connect_ctx, t->request, &address->addr)) {
        note_refused(t, &address->addr);
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
