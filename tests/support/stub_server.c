#include "support/stub_server.h"

#include "base/clock.h"
#include "base/thread.h"
#include "support/stub_wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 60000

struct scripted {
    struct stub_reply reply; /* its texts are owned */
    int n_left;              /* -1: without end */
    struct scripted *next;
};

struct stub_connection {
    struct stub_server *server;
    struct thread thread;
    int fd; /* -1 when closed; changed under the server's mutex */
    int number;
    struct stub_connection *next;
};

struct kept_url {
    char *path;
    char *url;
    struct kept_url *next;
};

struct stub_server {
    int listener;
    int port;
    struct thread acceptor;

    struct mutex mutex; /* guards all below */
    struct cond changed;
    bool is_stopping;
    int gate;
    struct scripted *script;
    struct stub_connection *connections;
    int n_connections, n_open, n_unscripted;
    struct stub_request **requests;
    size_t n_requests;
    struct kept_url *urls;
};

/* ---- the script ---- */

static bool line_has(const char *head, const char *match)
{
    if (!match) return true;
    const char *end = strstr(head, "\r\n");
    const char *found = strstr(head, match);
    return found && end && found < end;
}

/* The reply for this request; waits for its gate. False when the server stops. */
static bool next_reply(struct stub_server *s, const char *head, struct stub_reply *out_reply)
{
    *out_reply = (struct stub_reply){.status = 599, .body = "the script has nothing for this\n"};
    out_reply->body_len = strlen(out_reply->body);

    mutex_lock(&s->mutex);
    struct scripted *found = s->script;
    while (found && (found->n_left == 0 || !line_has(head, found->reply.match)))
        found = found->next;
    if (found) {
        *out_reply = found->reply;
        if (found->n_left > 0) found->n_left--;
    } else {
        s->n_unscripted++;
    }
    cond_broadcast(&s->changed);
    while (!s->is_stopping && s->gate < out_reply->gate)
        cond_wait(&s->changed, &s->mutex);
    bool goes_on = !s->is_stopping;
    mutex_unlock(&s->mutex);
    return goes_on;
}

static void keep_request(struct stub_server *s, struct stub_request *rq, int connection)
{
    rq->connection = connection;
    mutex_lock(&s->mutex);
    s->requests = xrealloc(s->requests, (s->n_requests + 1) * sizeof(struct stub_request *));
    s->requests[s->n_requests++] = rq;
    cond_broadcast(&s->changed);
    mutex_unlock(&s->mutex);
}

/* ---- threads ---- */

static void *connection_main(void *arg)
{
    struct stub_connection *c = arg;
    struct stub_server *s = c->server;
    int fd = c->fd;
    struct str in = {0};

    for (bool goes_on = true; goes_on;) {
        struct stub_request *rq = stub_receive(fd, &in);
        if (!rq) break;
        keep_request(s, rq, c->number);
        struct stub_reply reply;
        goes_on = next_reply(s, rq->head, &reply) && stub_answer(fd, &reply);
    }
    str_done(&in);

    mutex_lock(&s->mutex);
    c->fd = -1;
    s->n_open--;
    close(fd);
    cond_broadcast(&s->changed);
    mutex_unlock(&s->mutex);
    return NULL;
}

static void *acceptor_main(void *arg)
{
    struct stub_server *s = arg;
    for (;;) {
        int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && errno == EINTR) continue;
        if (fd < 0) return NULL;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

        struct stub_connection *c = xcalloc(1, sizeof *c);
        c->server = s;
        c->fd = fd;
        mutex_lock(&s->mutex);
        bool is_stopping = s->is_stopping;
        if (!is_stopping) {
            c->number = ++s->n_connections;
            s->n_open++;
            c->next = s->connections;
            s->connections = c;
            cond_broadcast(&s->changed);
        }
        mutex_unlock(&s->mutex);
        if (is_stopping) {
            close(fd);
            xfree(c);
            return NULL;
        }
        enum err e = thread_start(&c->thread, "stub", connection_main, c);
        assert(!e);
    }
}

struct stub_server *stub_start(void)
{
    struct stub_server *s = xcalloc(1, sizeof *s);
    mutex_init(&s->mutex);
    cond_init(&s->changed);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(s->listener >= 0);

    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int failed = bind(s->listener, (struct sockaddr *)&address, len);
    assert(!failed);
    failed = listen(s->listener, 4096);
    assert(!failed);
    failed = getsockname(s->listener, (struct sockaddr *)&address, &len);
    assert(!failed);
    s->port = ntohs(address.sin_port);

    enum err e = thread_start(&s->acceptor, "stub-accept", acceptor_main, s);
    assert(!e);
    return s;
}

static void free_all(struct stub_server *s)
{
    while (s->connections) {
        struct stub_connection *c = s->connections;
        s->connections = c->next;
        thread_join(&c->thread);
        xfree(c);
    }
    while (s->script) {
        struct scripted *step = s->script;
        s->script = step->next;
        char *texts[] = {(char *)(uintptr_t)step->reply.match,
                         (char *)(uintptr_t)step->reply.headers,
                         (char *)(uintptr_t)step->reply.body};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++)
            xfree(texts[i]);
        xfree(step);
    }
    for (size_t i = 0; i < s->n_requests; i++) {
        stub_request_free(s->requests[i]);
    }
    xfree(s->requests);
    while (s->urls) {
        struct kept_url *u = s->urls;
        s->urls = u->next;
        xfree(u->path);
        xfree(u->url);
        xfree(u);
    }
}

void stub_stop(struct stub_server *s)
{
    if (!s) return;
    mutex_lock(&s->mutex);
    s->is_stopping = true;
    for (struct stub_connection *c = s->connections; c; c = c->next) {
        if (c->fd >= 0) shutdown(c->fd, SHUT_RDWR);
    }
    cond_broadcast(&s->changed);
    mutex_unlock(&s->mutex);

    shutdown(s->listener, SHUT_RDWR);
    thread_join(&s->acceptor);
    close(s->listener);
    free_all(s);
    cond_done(&s->changed);
    mutex_done(&s->mutex);
    xfree(s);
}

/* ---- what tests ask and say ---- */

int stub_port(const struct stub_server *s)
{
    return s->port;
}

const char *stub_url(struct stub_server *s, const char *path)
{
    mutex_lock(&s->mutex);
    struct kept_url *u = s->urls;
    while (u && !text_equal(u->path, path))
        u = u->next;
    if (!u) {
        struct str url = {0};
        str_append_format(&url, "http://127.0.0.1:%d%s", s->port, path);
        u = xcalloc(1, sizeof *u);
        u->path = xstrdup(path);
        u->url = str_take(&url);
        u->next = s->urls;
        s->urls = u;
    }
    mutex_unlock(&s->mutex);
    return u->url;
}

void stub_script(struct stub_server *s, const struct stub_reply *replies, size_t n)
{
    mutex_lock(&s->mutex);
    struct scripted **end = &s->script;
    while (*end)
        end = &(*end)->next;
    for (size_t i = 0; i < n; i++) {
        struct scripted *step = xcalloc(1, sizeof *step);
        struct stub_reply *r = &step->reply;
        *r = replies[i];
        r->body_len = r->body_len > 0 || !r->body ? r->body_len : strlen(r->body);
        char *body = xcalloc(1, r->body_len + 1);
        if (r->body_len > 0) memcpy(body, r->body, r->body_len);
        r->body = body;
        r->match = xstrdup(r->match);
        r->headers = xstrdup(r->headers);
        step->n_left = r->times == 0 ? 1 : r->times;
        *end = step;
        end = &step->next;
    }
    mutex_unlock(&s->mutex);
}

void stub_open(struct stub_server *s, int gate)
{
    mutex_lock(&s->mutex);
    if (gate > s->gate) s->gate = gate;
    cond_broadcast(&s->changed);
    mutex_unlock(&s->mutex);
}

size_t stub_requests(struct stub_server *s)
{
    mutex_lock(&s->mutex);
    size_t n = s->n_requests;
    mutex_unlock(&s->mutex);
    return n;
}

size_t stub_requests_matching(struct stub_server *s, const char *match)
{
    mutex_lock(&s->mutex);
    size_t n = 0;
    for (size_t i = 0; i < s->n_requests; i++)
        n += line_has(s->requests[i]->head, match);
    mutex_unlock(&s->mutex);
    return n;
}

const struct stub_request *stub_request(struct stub_server *s, size_t i)
{
    mutex_lock(&s->mutex);
    assert(i < s->n_requests);
    const struct stub_request *rq = s->requests[i];
    mutex_unlock(&s->mutex);
    return rq;
}

bool stub_wait_requests(struct stub_server *s, size_t n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    mutex_lock(&s->mutex);
    bool in_time = true;
    while (s->n_requests < n && in_time)
        in_time = cond_wait_until(&s->changed, &s->mutex, until);
    bool is_there = s->n_requests >= n;
    mutex_unlock(&s->mutex);
    return is_there;
}

int stub_connections(struct stub_server *s)
{
    mutex_lock(&s->mutex);
    int n = s->n_connections;
    mutex_unlock(&s->mutex);
    return n;
}

int stub_connections_open(struct stub_server *s)
{
    mutex_lock(&s->mutex);
    int n = s->n_open;
    mutex_unlock(&s->mutex);
    return n;
}

bool stub_wait_open(struct stub_server *s, int n)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    mutex_lock(&s->mutex);
    bool in_time = true;
    while (s->n_open != n && in_time)
        in_time = cond_wait_until(&s->changed, &s->mutex, until);
    bool is_there = s->n_open == n;
    mutex_unlock(&s->mutex);
    return is_there;
}

int stub_unscripted(struct stub_server *s)
{
    mutex_lock(&s->mutex);
    int n = s->n_unscripted;
    mutex_unlock(&s->mutex);
    return n;
}
