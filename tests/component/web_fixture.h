/*
 * The HTTP side over real sockets, with everything behind it, and a client.
 */
#ifndef COMPONENT_WEB_FIXTURE_H
#define COMPONENT_WEB_FIXTURE_H

#include "support/fake_upstreams.h"

#include "component/agent_fixture.h"
#include "store/keys.h"
#include "web/listen.h"
#include "web/web.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>

struct server {
    struct rig *rig;
    struct watch *watch;
    struct feeds *feeds;
    struct runs *runs;
    struct web *web;
    int port;
    char *key_id, *secret;
};

static UNUSED void start_runs(struct server *s)
{
    struct runs_options options = {.agent = &s->rig->agent,
                                   .store = s->rig->f.store,
                                   .watch = s->watch,
                                   .runs_max = 1,
                                   .open_runs_max = 1000,
                                   .start_by_default_ms = 86400000,
                                   .blocked_ttl_ms = 86400000,
                                   .deadline_max_ms = 3600000,
                                   .budget_max_nano_usd = INT64_C(10000000000),
                                   .stop_grace_ms = 1,
                                   .model = "claude-sonnet-5-5",
                                   .timezone = "Europe/Oslo"};
    assert_ok(runs_start(&options, &s->runs));
}

static UNUSED void server_changed(void *ctx, const struct run_row *row)
{
    const struct server *s = ctx;
    watch_changed(s->watch, row);
    feeds_changed(s->feeds, row);
}

static UNUSED int server_make(void **state)
{
    struct server *s = xcalloc(1, sizeof *s);
    void *rig = NULL;
    int fd = -1;
    if (rig_make(&rig) != 0) return -1;
    s->rig = rig;
    if (watch_start("http://127.0.0.1", 250, &s->watch)) return -1;
    struct feeds_options feeds = {
        .store = s->rig->f.store, .readers_max = 300, .heartbeat_ms = 15000};
    if (feeds_start(&feeds, &s->feeds)) return -1;
    store_observe_runs(s->rig->f.store, server_changed, s);
    start_runs(s);
    unsigned scopes = SCOPE_BRIEFINGS_READ | SCOPE_BRIEFINGS_WRITE;
    if (store_key_create(s->rig->f.store, "backend", scopes, &s->key_id, &s->secret)) return -1;
    if (listen_bind("127.0.0.1", 0, &fd, &s->port)) return -1;
    struct web_options options = {.listen_fd = fd,
                                  .timezone = "Europe/Oslo",
                                  .listen_host = "127.0.0.1",
                                  .listen_port = s->port,
                                  .public_url = "http://127.0.0.1",
                                  .body_bytes_max = 64 * KIB,
                                  .connections_max = 1000,
                                  .connections_per_address_max = 1000,
                                  .streams_per_address_max = 250,
                                  .stream_stall_ms = 30000,
                                  .feeds = s->feeds,
                                  .agent = &s->rig->agent,
                                  .store = s->rig->f.store,
                                  .runs = s->runs,
                                  .watch = s->watch};
    if (web_start(&options, &s->web)) return -1;
    *state = s;
    return 0;
}

static UNUSED void stop(struct server *s)
{
    if (!s->web) return;
    web_drain(s->web);
    fake_release();
    runs_stop(s->runs);
    watch_stop(s->watch);
    feeds_stop(s->feeds);
    web_stop(s->web);
    s->web = NULL;
}

static UNUSED int server_remove(void **state)
{
    struct server *s = *state;
    stop(s);
    runs_free(s->runs);
    store_close(s->rig->f.store);
    s->rig->f.store = NULL;
    watch_free(s->watch);
    feeds_free(s->feeds);
    xfree(s->key_id);
    xfree_secret(s->secret);
    void *rig = s->rig;
    xfree(s);
    return rig_remove(&rig);
}

/* ---- a client ---- */

static UNUSED int dial(const struct server *s)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    struct timeval limit = {.tv_sec = 20};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

static UNUSED void say(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0) return; /* it was closed: what it said is read all the same */
        text += n;
        len -= (size_t)n;
    }
}

/* "METHOD target", further header lines with their \r\n, a body or NULL. */
static UNUSED void ask(const struct server *s, int fd, const char *line, const char *headers,
                       const char *body)
{
    AUTO(str_done) struct str text = {0};
    str_append_format(&text, "%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\n%s",
                      line, s->port, s->secret, headers ? headers : "");
    if (body)
        str_append_format(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                          strlen(body));
    str_append_format(&text, "\r\n%s", body ? body : "");
    say(fd, text.data, text.len);
}

struct answer {
    int status; /* 0: the connection ended without one */
    struct str head, body;
};

static UNUSED void answer_done(struct answer *a)
{
    str_done(&a->head);
    str_done(&a->body);
}

static UNUSED void hear(int fd, bool has_body, struct answer *a)
{
    char c;
    answer_done(a);
    *a = (struct answer){0};
    while (!text_ends(str_text(&a->head), "\r\n\r\n") && recv(fd, &c, 1, 0) == 1)
        str_append_char(&a->head, c);
    if (a->head.len < 12) return;
    a->status = (int)strtol(a->head.data + 9, NULL, 10);
    if (a->status == 304) has_body = false; /* its length is that of the document it stands for */
    const char *length = strcasestr(a->head.data, "content-length:");
    size_t len = length ? (size_t)strtoul(length + 15, NULL, 10) : 0;
    while (has_body && a->body.len < len && recv(fd, &c, 1, 0) == 1)
        str_append_char(&a->body, c);
}

static UNUSED int once(const struct server *s, const char *line, const char *headers,
                       const char *body, struct answer *a)
{
    int fd = dial(s);
    ask(s, fd, line, headers, body);
    hear(fd, strncmp(line, "HEAD", 4) != 0, a);
    close(fd);
    return a->status;
}

static UNUSED void accept_run(struct server *s)
{
    AUTO(answer_done) struct answer a = {0};
    assert_int_equal(
        once(s, "POST /briefings", NULL, "{\"user_id\":\"u_7f\",\"if_running\":\"enqueue\"}", &a),
        202);
    const char *id = strstr(str_text(&a.body), "\"br_");
    assert_non_null(id);
    snprintf(s->rig->id, sizeof s->rig->id, "%.29s", id + 1);
}

/* A run whose question is never answered until fake_release(). */
static UNUSED void held_run(struct server *s)
{
    FAKE_TOOLS(POSTS);
    FAKE_CLAUDE({.content = "[" CALL("t1", SEND, "{\"text\":\"x\"}") "]",
                 .stop = STOP_TOOL_USE,
                 .is_held = true});
    accept_run(s);
    assert_true(fake_wait_questions(1));
}

static UNUSED const char *line_for(const struct server *s, const char *method, const char *tail)
{
    static char line[300];
    snprintf(line, sizeof line, "%s /briefings/%s%s", method, s->rig->id, tail);
    return line;
}

#define WEB_TEST(name) cmocka_unit_test_setup_teardown(name, server_make, server_remove)

#endif
