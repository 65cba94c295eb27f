#include "support/stub_wire.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define HEAD_MAX (64 * KIB)
#define BODY_MAX (64 * MIB)

/* ---- sending ---- */

/* False when the client is gone or the server stops. */
static bool send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* Lets time pass; false when the client went away meanwhile. -1 waits for just that. */
static bool stay(int fd, int ms)
{
    int64_t until = clock_mono_ms() + ms;
    for (;;) {
        int64_t left = until - clock_mono_ms();
        if (ms >= 0 && left <= 0) return true;
        struct pollfd p = {.fd = fd, .events = POLLIN | POLLRDHUP};
        int n = poll(&p, 1, ms < 0 ? -1 : (int)left);
        if (n < 0 && errno != EINTR) return false;
        if (n > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL))) return false;
        if (n > 0) return true; /* a pipelined request: nothing to wait for any more */
    }
}

static bool send_piece(int fd, const struct stub_reply *r, const char *bytes, size_t len)
{
    if (!r->is_chunked) return send_all(fd, bytes, len);
    struct str chunk = {0};
    str_append_format(&chunk, "%zx\r\n", len);
    str_append(&chunk, bytes, len);
    str_append_text(&chunk, "\r\n");
    bool is_sent = send_all(fd, chunk.data, chunk.len);
    str_done(&chunk);
    return is_sent;
}

static bool send_body(int fd, const struct stub_reply *r)
{
    size_t len = r->body_len;
    if (r->cut_after > 0 && r->cut_after < len) len = r->cut_after;
    size_t piece = r->piece > 0 ? r->piece : len;
    do {
        for (size_t at = 0; at < len; at += piece) {
            if ((at > 0 || r->is_endless) && r->pause_ms > 0 && !stay(fd, r->pause_ms))
                return false;
            size_t n = len - at < piece ? len - at : piece;
            if (!send_piece(fd, r, r->body + at, n)) return false;
        }
    } while (r->is_endless);
    bool is_whole = r->cut_after == 0 && r->end != STUB_HANG;
    if (r->is_chunked && is_whole && r->status > 0) return send_all(fd, "0\r\n\r\n", 5);
    return true;
}

static bool send_head(int fd, const struct stub_reply *r)
{
    if (r->status == 0) return true;
    struct str head = {0};
    str_append_format(&head, "HTTP/1.1 %d Scripted\r\n%s", r->status, r->headers ? r->headers : "");
    if (r->is_chunked) {
        str_append_text(&head, "Transfer-Encoding: chunked\r\n\r\n");
    } else {
        str_append_format(&head, "Content-Length: %zu\r\n\r\n", r->body_len);
    }
    bool is_sent = send_all(fd, head.data, head.len);
    str_done(&head);
    return is_sent;
}

/* Does what the script says; true when the connection may take another request. */
bool stub_answer(int fd, const struct stub_reply *r)
{
    if (!send_head(fd, r) || !send_body(fd, r)) return false;
    switch (r->end) {
    case STUB_KEEP:
        return true;
    case STUB_CLOSE:
        return false;
    case STUB_RESET: {
        /* The peer's kernel gets to hand over what was sent before: a reset may overtake data. */
        struct linger now = {.l_onoff = 1, .l_linger = 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        return false;
    }
    case STUB_HANG:
        while (stay(fd, -1)) {
            char byte;
            if (recv(fd, &byte, 1, 0) <= 0) break;
        }
        return false;
    }
    return false;
}

/* ---- receiving ---- */

bool stub_request_header(const struct stub_request *rq, const char *name, char *out,
                         size_t out_size)
{
    size_t name_len = strlen(name);
    for (const char *line = strstr(rq->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        const char *at = line + 2;
        if (strncasecmp(at, name, name_len) != 0 || at[name_len] != ':') continue;
        at += name_len + 1;
        while (*at == ' ')
            at++;
        size_t len = strcspn(at, "\r");
        if (len >= out_size) return false;
        memcpy(out, at, len);
        out[len] = '\0';
        return true;
    }
    return false;
}

void stub_request_free(struct stub_request *rq)
{
    if (!rq) return;
    xfree(rq->head);
    xfree(rq->body);
    xfree(rq);
}

static bool receive_more(int fd, struct str *in)
{
    char buffer[2048];
    ssize_t n;
    do {
        n = recv(fd, buffer, sizeof buffer, 0);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return false;
    str_append(in, buffer, (size_t)n);
    return str_ok(in);
}

/* One whole request, taken from the front of `in`. NULL at the end of the connection. */
struct stub_request *stub_receive(int fd, struct str *in)
{
    char *end;
    while (!(end = in->len > 0 ? strstr(in->data, "\r\n\r\n") : NULL)) {
        if (in->len > HEAD_MAX || !receive_more(fd, in)) return NULL;
    }
    size_t head_len = (size_t)(end - in->data) + 4;
    struct stub_request *rq = xcalloc(1, sizeof *rq);
    rq->head = xstrndup(in->data, head_len);

    char length[32] = "0";
    stub_request_header(rq, "content-length", length, sizeof length);
    rq->body_len = strtoul(length, NULL, 10);
    bool is_whole = rq->body_len <= BODY_MAX;
    while (is_whole && in->len < head_len + rq->body_len)
        is_whole = receive_more(fd, in);
    if (!is_whole) {
        stub_request_free(rq);
        return NULL;
    }
    rq->body = xcalloc(1, rq->body_len + 1);
    memcpy(rq->body, in->data + head_len, rq->body_len);

    struct str rest = {0};
    str_append(&rest, in->data + head_len + rq->body_len, in->len - head_len - rq->body_len);
    str_move(in, &rest);
    return rq;
}
