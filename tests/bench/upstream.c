/*
 * The other side of a measurement: upstream RECORDING
 *
 * Answers as the sandbox answered once (record.mjs), at a fraction of its cost, so that what is
 * measured is briefd. One thread, one port for ScaleKit and Claude alike, connections kept open.
 *
 *   POST /v1/messages          by the number of replies in the conversation
 *   POST …/execute_tool        by tool and parameters; by tool alone when the parameters are new
 *   everything else            by method and path
 *
 * The identifier of the recorded user is replaced by the one who asks; both have the same length.
 * POST /bench/latency?model=MS&tool=MS sets how long replies and tools take, GET /bench/stats tells
 * what was asked. Prints {"url":"…"} and ends when its input does.
 *
 * Long: one small server, read from top to bottom.
 */
#include "base/clock.h"
#include "base/crypt.h"
#include "base/file.h"
#include "base/json.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEY_MAX     256
#define EVENTS_MAX  256
#define REQUEST_MAX (64 * MIB)

enum kind { KIND_OTHER, KIND_MODEL, KIND_TOOL, KIND_COUNT };

struct answer {
    char key[KEY_MAX];
    enum kind kind;
    struct str wire; /* head and body as they are sent */
    size_t *names;   /* where the identifier stands in it */
    size_t n_names;
    struct answer *next;
};

struct connection {
    int fd;
    struct str in;
    struct str out;
    size_t n_sent;
    bool is_waiting; /* its answer is not due yet */
    bool is_gone;
    struct connection *next; /* in the queue of its kind */
    int64_t due_us;
};

struct queue {
    struct connection *first, *last;
};

static struct {
    struct answer *answers;
    char identifier[64]; /* of the recorded user */
    int epoll_fd;
    int64_t latency_us[KIND_COUNT];
    struct queue queues[KIND_COUNT];
    struct connection *dead;
    int64_t n_connections, n_requests, n_model_calls, n_posts, n_unknown;
} self;

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "upstream: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- what was asked ---- */

struct request {
    const char *head; /* from the method on */
    size_t head_len;
    struct json_span body;
    char identifier[64];
    char key[KEY_MAX];
};

static void take_identifier(struct request *rq)
{
    struct json_span member = json_get(rq->body, "identifier");
    AUTO(xfree_ptr) char *sent = json_strdup(member, sizeof rq->identifier - 1);
    const char *query = memmem(rq->head, rq->head_len, "identifier=", 11);
    if (sent)
        snprintf(rq->identifier, sizeof rq->identifier, "%s", sent);
    else if (query)
        snprintf(rq->identifier, sizeof rq->identifier, "%.*s", (int)strcspn(query + 11, "& "),
                 query + 11);
}

static int count_replies(struct json_span body)
{
    int n = 0;
    for (struct json_iter it = json_iter(json_get(body, "messages")); json_next(&it);)
        n += json_string_is(json_get(it.value, "role"), "assistant");
    return n;
}

/* "METHOD /path", and what else tells requests to one path apart. */
static void make_key(struct request *rq, bool with_params)
{
    size_t path_len = strcspn(strchr(rq->head, ' ') + 1, " ?");
    int n = snprintf(rq->key, KEY_MAX, "%.*s",
                     (int)(strchr(rq->head, ' ') + 1 + path_len - rq->head), rq->head);
    size_t room = KEY_MAX - (size_t)n;
    AUTO(xfree_ptr) char *tool = json_strdup(json_get(rq->body, "tool_name"), 100);
    if (text_ends(rq->key, "/v1/messages")) {
        snprintf(rq->key + n, room, " %d", count_replies(rq->body));
    } else if (tool) {
        char hash[SHA256_HEX_LEN + 1] = "";
        struct json_span params = json_get(rq->body, "params");
        if (with_params) sha256_hex(params.text, params.len, hash);
        snprintf(rq->key + n, room, " %s %.16s", tool, hash);
    }
}

static const struct answer *find(struct request *rq)
{
    make_key(rq, true);
    for (const struct answer *a = self.answers; a; a = a->next)
        if (strcmp(a->key, rq->key) == 0) return a;
    make_key(rq, false);
    for (const struct answer *a = self.answers; a; a = a->next)
        if (a->kind == KIND_TOOL && text_starts(a->key, rq->key)) return a;
    return NULL;
}

/* ---- answering ---- */

/* Its memory stays until nobody of this turn can touch it any more. */
static void bury(struct connection *c)
{
    c->next = self.dead;
    self.dead = c;
}

static void close_connection(struct connection *c)
{
    close(c->fd);
    c->fd = -1;
    c->is_gone = true;
    if (!c->is_waiting) bury(c); /* else when its answer is due */
}

static void free_dead(void)
{
    while (self.dead) {
        struct connection *c = self.dead;
        self.dead = c->next;
        str_done(&c->in);
        str_done(&c->out);
        xfree(c);
    }
}

/* False: the connection is closed, or has to wait until it can be written again. */
static bool flush(struct connection *c)
{
    while (c->n_sent < c->out.len) {
        ssize_t n = send(c->fd, c->out.data + c->n_sent, c->out.len - c->n_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
            epoll_ctl(self.epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
            return false;
        }
        if (n < 0) {
            close_connection(c);
            return false;
        }
        c->n_sent += (size_t)n;
    }
    str_clear(&c->out);
    c->n_sent = 0;
    return true;
}

static void put_json(struct str *out, int status, const char *json)
{
    str_append_format(out,
                      "HTTP/1.1 %d X\r\ncontent-type: application/json\r\n"
                      "content-length: %zu\r\n\r\n%s",
                      status, strlen(json), json);
}

static int64_t query_number(const struct request *rq, const char *name)
{
    const char *at = memmem(rq->head, rq->head_len, name, strlen(name));
    return at ? strtol(at + strlen(name), NULL, 10) : 0;
}

static bool answer_bench(struct connection *c, const struct request *rq)
{
    char text[256] = "{}";
    if (text_starts(rq->head, "POST /bench/latency")) {
        self.latency_us[KIND_MODEL] = query_number(rq, "model=") * 1000;
        self.latency_us[KIND_TOOL] = query_number(rq, "tool=") * 1000;
    } else if (text_starts(rq->head, "GET /bench/stats")) {
        snprintf(text, sizeof text,
                 "{\"connections\":%lld,\"requests\":%lld,\"model_calls\":%lld,\"posts\":%lld,"
                 "\"unknown\":%lld}",
                 (long long)self.n_connections, (long long)self.n_requests,
                 (long long)self.n_model_calls, (long long)self.n_posts, (long long)self.n_unknown);
    } else {
        return false;
    }
    put_json(&c->out, 200, text);
    return true;
}

static void put_answer(struct connection *c, const struct request *rq, const struct answer *a)
{
    size_t from = c->out.len;
    str_append_str(&c->out, &a->wire);
    if (strlen(rq->identifier) != strlen(self.identifier)) return;
    for (size_t i = 0; i < a->n_names; i++)
        memcpy(c->out.data + from + a->names[i], rq->identifier, strlen(rq->identifier));
}

static void answer_request(struct connection *c, struct request *rq)
{
    if (answer_bench(c, rq)) {
        flush(c);
        return;
    }
    self.n_requests++;
    take_identifier(rq);
    const struct answer *a = find(rq);
    if (!a) {
        self.n_unknown++;
        fprintf(stderr, "upstream: nothing recorded for %s\n", rq->key);
        put_json(&c->out, 500, "{\"code\":13,\"message\":\"not recorded\"}");
        flush(c);
        return;
    }
    self.n_model_calls += a->kind == KIND_MODEL;
    self.n_posts += strstr(a->key, "slack_send_message") != NULL;
    put_answer(c, rq, a);
    int64_t latency = self.latency_us[a->kind];
    if (latency == 0) {
        flush(c);
        return;
    }
    struct queue *q = &self.queues[a->kind];
    c->due_us = now_us() + latency;
    c->is_waiting = true;
    c->next = NULL;
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
}

/* ---- reading ---- */

static const char *header(const struct request *rq, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = rq->head; line && line < rq->head + rq->head_len;) {
        line = memmem(line, rq->head_len - (size_t)(line - rq->head), "\r\n", 2);
        if (!line) break;
        line += 2;
        if (strncasecmp(line, name, len) == 0) return line + len;
    }
    return NULL;
}

/* One request, when all of it is there. */
static bool take_request(struct connection *c)
{
    const char *end = c->in.len ? memmem(c->in.data, c->in.len, "\r\n\r\n", 4) : NULL;
    if (!end) return false;
    struct request rq = {.head = c->in.data, .head_len = (size_t)(end + 2 - c->in.data)};
    const char *length = header(&rq, "content-length:");
    size_t body_len = length ? strtoul(length, NULL, 10) : 0;
    size_t all = rq.head_len + 2 + body_len;
    if (c->in.len < all) return false;
    rq.body = json_root(end + 4, body_len);
    answer_request(c, &rq);
    if (c->is_gone) return false;
    memmove(c->in.data, c->in.data + all, c->in.len - all);
    str_truncate(&c->in, c->in.len - all);
    return true;
}

static void readable(struct connection *c)
{
    static char bytes[64 * KIB];
    for (;;) {
        ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
            close_connection(c);
            return;
        }
        str_append(&c->in, bytes, (size_t)n);
        if (n < (ssize_t)sizeof bytes) break;
    }
    take_request(c); /* nobody asks twice before the answer */
}

static void accept_all(int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct connection *c = xcalloc(1, sizeof *c);
        c->fd = fd;
        c->in = STR_LIMIT(REQUEST_MAX);
        self.n_connections++;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(self.epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

/* Sends what is due; how long until the next one, in ms. */
static int send_due(void)
{
    int64_t now = now_us();
    int64_t next = -1;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct queue *q = &self.queues[kind];
        while (q->first && q->first->due_us <= now) {
            struct connection *c = q->first;
            q->first = c->next;
            if (!q->first) q->last = NULL;
            c->is_waiting = false;
            if (c->is_gone)
                bury(c);
            else
                flush(c);
        }
        if (q->first && (next < 0 || q->first->due_us < next)) next = q->first->due_us;
    }
    return next < 0 ? -1 : (int)((next - now + 999) / 1000);
}

/* ---- start ---- */

/* Where the identifier stands, so that it can be replaced. */
static void find_names(struct answer *a)
{
    size_t len = strlen(self.identifier);
    const char *at = a->wire.data;
    while ((at = memmem(at, a->wire.len - (size_t)(at - a->wire.data), self.identifier, len))) {
        a->names = xrealloc(a->names, (a->n_names + 1) * sizeof *a->names);
        a->names[a->n_names++] = (size_t)(at - a->wire.data);
        at += len;
    }
}

static void load_answer(struct json_span from)
{
    AUTO(xfree_ptr) char *line = json_strdup(json_get(from, "line"), 4096);
    AUTO(xfree_ptr) char *type = json_strdup(json_get(from, "type"), 200);
    AUTO(str_done) struct str body = STR_LIMIT(REQUEST_MAX);
    AUTO(str_done) struct str sent = STR_LIMIT(REQUEST_MAX);
    int64_t status = 0;
    bool is_whole = line && type && json_int(json_get(from, "status"), &status) &&
                    json_string(json_get(from, "body"), &body) &&
                    json_string(json_get(from, "answer"), &sent);
    if (!is_whole) die("an answer of the recording is not whole");

    struct answer *a = xcalloc(1, sizeof *a);
    struct request rq = {.head = line, .head_len = strlen(line)};
    rq.body = json_root(str_text(&body), body.len);
    make_key(&rq, true);
    snprintf(a->key, KEY_MAX, "%s", rq.key);
    if (strstr(a->key, "/v1/messages")) a->kind = KIND_MODEL;
    if (strstr(a->key, "execute_tool")) a->kind = KIND_TOOL;

    bool is_stream = text_starts(type, "text/event-stream");
    a->wire = STR_LIMIT(REQUEST_MAX);
    str_append_format(&a->wire, "HTTP/1.1 %d X\r\ncontent-type: %s\r\nrequest-id: req_bench\r\n",
                      (int)status, type);
    if (is_stream)
        str_append_format(&a->wire, "transfer-encoding: chunked\r\n\r\n%zx\r\n", sent.len);
    else
        str_append_format(&a->wire, "content-length: %zu\r\n\r\n", sent.len);
    str_append_str(&a->wire, &sent);
    if (is_stream) str_append_text(&a->wire, "\r\n0\r\n\r\n");
    find_names(a);
    a->next = self.answers;
    self.answers = a;
}

/* {"identifier":…,"answers":[{"line":"POST /…","body":…,"status":200,"type":…,"answer":…}]} */
static void load(const char *path)
{
    AUTO(str_done) struct str text = STR_LIMIT(REQUEST_MAX);
    if (file_read(path, REQUEST_MAX, &text)) die(path);
    struct json_span root = json_root(text.data, text.len);
    AUTO(xfree_ptr)
    char *identifier = json_strdup(json_get(root, "identifier"), sizeof self.identifier - 1);
    if (!identifier) die("the recording has no identifier");
    snprintf(self.identifier, sizeof self.identifier, "%s", identifier);
    for (struct json_iter it = json_iter(json_get(root, "answers")); json_next(&it);)
        load_answer(it.value);
}

static int listen_here(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);

    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) || listen(fd, SOMAXCONN) ||
        getsockname(fd, (struct sockaddr *)&address, &len))
        die("listening");
    printf("{\"url\":\"http://127.0.0.1:%d\"}\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(self.epoll_fd, EPOLL_CTL_ADD, fd, &event)) die("epoll");
}

static void serve_connection(struct connection *c, unsigned events)
{
    if (events & EPOLLOUT) {
        if (!flush(c)) return;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(self.epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
    }
    readable(c);
}

static void serve(int listener)
{
    static char input, door; /* addresses that are no connection's */
    watch(STDIN_FILENO, &input);
    watch(listener, &door);
    for (int timeout_ms = -1;; timeout_ms = send_due()) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(self.epoll_fd, events, EVENTS_MAX, timeout_ms);
        for (int i = 0; i < n; i++) {
            void *what = events[i].data.ptr;
            if (what == &input) return;
            if (what == &door)
                accept_all(listener);
            else
                serve_connection(what, events[i].events);
        }
        free_dead();
    }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: upstream RECORDING\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    load(argv[1]);
    self.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self.epoll_fd < 0) die("epoll");
    serve(listen_here());
    return 0;
}
