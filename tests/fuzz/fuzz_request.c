/*
 * A whole request, over a socket, to the whole HTTP side with a database behind it: head, key, route,
 * body checks, the handlers. Upstreams are not there: what would ask them is told so.
 *
 * The input is "METHOD target", lines of headers, an empty line and the body. "br_SEED" becomes the id
 * of a briefing that has ended. Whatever is asked: there is an answer that begins with a status, it
 * is no 500, and a refusal that is not a page carries its code.
 */
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "command/service.h"
#include "connect/connect.h"
#include "store/keys.h"
#include "web/listen.h"
#include "web/web.h"

#include <arpa/inet.h>
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    struct config *config;
    struct service service;
    struct connect *connect;
    struct web *web;
    int port;
    char *secret;
    char id[ID_MAX];
    char folder[64];
} world;

static void must(enum err e, const char *what)
{
    if (!e) return;
    fprintf(stderr, "%s: %s\n", what, err_detail());
    abort();
}

static void changed(void *ctx, const char *user_id)
{
    (void)ctx;
    (void)user_id;
}

/* ---- no way out ---- */

/* An input may make a webhook endpoint with any address. These two take the place of the C library's:
 * no name is looked up, and nothing but this machine is connected to. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **res)
{
    typedef int real_function(const char *, const char *, const struct addrinfo *,
                              struct addrinfo **);
    struct in_addr address;
    *res = NULL;
    if (node && inet_pton(AF_INET, node, &address) == 1) {
        real_function *real = NULL;
        *(void **)(&real) = dlsym(RTLD_NEXT, "getaddrinfo");
        return real(node, service, hints, res);
    }
    return EAI_NONAME;
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t len)
{
    const struct sockaddr *to = address.__sockaddr__;
    const struct sockaddr_in *in = (const void *)to;
    if (to->sa_family != AF_INET || ntohl(in->sin_addr.s_addr) != INADDR_LOOPBACK) {
        errno = ENETUNREACH;
        return -1;
    }
    return (int)syscall(SYS_connect, fd, to, len);
}

/* ---- a client ---- */

/* -1: an alarm of the fuzzer's came in between. */
static int dial_once(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)world.port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* From many addresses: one would run out of ports, each of which rests for a minute. */
    static uint32_t n;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f010001 + n++ % 4096)};
    int late = 1;
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    if (fd >= 0 && !bind(fd, (struct sockaddr *)&from, sizeof from) &&
        !connect(fd, (struct sockaddr *)&to, sizeof to))
        return fd;
    if (errno != EINTR) {
        perror("fuzz_request: the server cannot be reached");
        abort();
    }
    close(fd);
    return -1;
}

static int dial(void)
{
    int fd = dial_once();
    while (fd < 0)
        fd = dial_once();
    return fd;
}

/* What came until the other side closed; or, with `ms`, until nothing came for so long. */
static void exchange(const struct str *request, int ms, struct str *out)
{
    char buffer[16384];
    int fd = dial();
    struct timeval limit = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    for (size_t sent = 0; sent < request->len;) {
        ssize_t n = send(fd, request->data + sent, request->len - sent, MSG_NOSIGNAL);
        if (n <= 0) break; /* refused meanwhile: what was said is read all the same */
        sent += (size_t)n;
    }
    for (;;) {
        ssize_t n = recv(fd, buffer, sizeof buffer, 0);
        if (n <= 0) break;
        if (out->len < MIB) str_append(out, buffer, (size_t)n);
    }
    close(fd);
}

/* ---- the world ---- */

static void remove_folder(void)
{
    char command[128];
    static const char *const files[] = {"briefd.db", "briefd.db-wal", "briefd.db-shm",
                                        "briefd.db.key", "briefd.db.lock"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(command, sizeof command, "%s/%s", world.folder, files[i]);
        unlink(command);
    }
    rmdir(world.folder);
}

static void load_config(void)
{
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    AUTO(str_done) struct str db = {0};
    str_append_format(&db, "BRIEFD_DB=%s/briefd.db", world.folder);
    const char *const settings[] = {
        "SCALEKIT_ENV_URL=http://127.0.0.1:9",
        "SCALEKIT_CLIENT_ID=skc_1",
        "SCALEKIT_CLIENT_SECRET=x",
        "SCALEKIT_WEBHOOK_SECRET=whsec_c2NhbGVraXQtdHJpZ2dlci10ZXN0LXNlY3JldC0zMmI=",
        "ANTHROPIC_API_KEY=x",
        "ANTHROPIC_BASE_URL=http://127.0.0.1:9",
        "SANITY_CONNECTION=sanity",
        "SLACK_CONNECTION=slack",
        "SANITY_PROJECT_NAME=newsroom",
        "SLACK_CHANNEL=C0NEWSROOM1",
        "BRIEFD_MAX_RUNS=1",
        "BRIEFD_MAX_OPEN_RUNS=20",
        "BRIEFD_KEY_RATE=0",
        "BRIEFD_ADDRESS_RATE=0",
        "BRIEFD_LISTEN=127.0.0.1:0",
        str_text(&db),
        NULL};
    char *variables[ARRAY_LEN(settings)] = {NULL};
    for (size_t i = 0; settings[i]; i++)
        variables[i] = xstrdup(settings[i]);
    struct config_source source = {.environ = variables};
    enum err e = config_load(&source, CONFIG_EVERYTHING, &world.config, &problems, &warnings);
    for (size_t i = 0; settings[i]; i++)
        xfree(variables[i]);
    if (!e) return;
    fprintf(stderr, "%s", str_text(&problems));
    abort();
}

static void start_web(void)
{
    const struct config *c = world.config;
    struct service *s = &world.service;
    int fd = -1;
    must(listen_bind("127.0.0.1", 0, &fd, &world.port), "listen_bind");
    config_set_port(world.config, world.port);
    struct connect_options connect = {.agent = &s->agent,
                                      .public_url = c->public_url,
                                      .scalekit_url = c->scalekit_env_url,
                                      .webhook_secret = c->scalekit_webhook_secret,
                                      .recheck_after_ms = c->recheck_after_ms,
                                      .changed = changed};
    must(connect_start(&connect, &world.connect), "connect_start");
    struct web_options web = {.listen_fd = fd,
                              .listen_host = c->listen_host,
                              .listen_port = world.port,
                              .public_url = c->public_url,
                              .timezone = c->timezone,
                              .connect = world.connect,
                              .body_bytes_max = (size_t)c->body_bytes_max,
                              .connections_max = 1000,
                              .connections_per_address_max = 1000,
                              .streams_per_address_max = 10,
                              .stream_stall_ms = c->stream_stall_ms,
                              .request_ms = c->request_ms,
                              .idle_ms = c->idle_ms,
                              .agent = &s->agent,
                              .store = s->store,
                              .runs = s->runs,
                              .watch = s->watch,
                              .notify = s->notify,
                              .feeds = s->feeds};
    must(web_start(&web, &world.web), "web_start");
}

static void stop_world(void)
{
    web_drain(world.web);
    service_quiesce(&world.service);
    web_stop(world.web);
    connect_stop(world.connect);
    service_stop(&world.service);
    config_free(world.config);
    xfree_secret(world.secret);
    remove_folder();
}

static void put_request(struct str *out, const char *head, size_t head_len, const char *body,
                        size_t len)
{
    const char *end = head + head_len;
    const char *line_end = memchr(head, '\n', head_len);
    if (!line_end) line_end = end;
    str_append_format(out, "%.*s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n",
                      (int)(line_end - head), head, world.port);
    bool has_key = false;
    for (const char *at = line_end < end ? line_end + 1 : end; at < end;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (!stop) stop = end;
        size_t n = (size_t)(stop - at);
        /* How the message is framed is not the input's to say: no answer would be its own fault. */
        bool is_ours = strncasecmp(at, "content-length", 14) == 0 ||
                       strncasecmp(at, "transfer", 8) == 0 || strncasecmp(at, "expect", 6) == 0 ||
                       strncasecmp(at, "connection", 10) == 0 || *at == ' ' || *at == '\t';
        has_key = has_key || strncasecmp(at, "authorization", 13) == 0;
        if (n > 0 && !is_ours) str_append_format(out, "%.*s\r\n", (int)n, at);
        at = stop < end ? stop + 1 : end;
    }
    if (!has_key) str_append_format(out, "Authorization: Bearer %s\r\n", world.secret);
    str_append_format(out, "Content-Length: %zu\r\n\r\n", len);
    str_append(out, body, len);
}

/* A briefing that has ended, to be asked for. */
static void make_briefing(void)
{
    static const char create[] = "POST /briefings\nContent-Type: application/json";
    static const char fields[] = "{\"user_id\":\"u_7f\"}";
    AUTO(str_done) struct str request = {0}, answer = {0}, cancel = {0};
    put_request(&request, create, strlen(create), fields, strlen(fields));
    exchange(&request, 0, &answer);
    const char *id = strstr(str_text(&answer), "\"br_");
    assert(id);
    snprintf(world.id, sizeof world.id, "%.29s", id + 1);
    for (bool has_ended = false; !has_ended;) {
        str_clear(&cancel);
        str_clear(&request);
        str_clear(&answer);
        str_append_format(&cancel, "POST /briefings/%s/cancel", world.id);
        put_request(&request, cancel.data, cancel.len, "", 0);
        exchange(&request, 0, &answer);
        has_ended = strstr(str_text(&answer), "\"terminal\":true") ||
                    strstr(str_text(&answer), "not_cancellable");
    }
}

static void make_world(void)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(world.folder, sizeof world.folder, "%s/briefd-fuzz-XXXXXX", base);
    if (!mkdtemp(world.folder)) abort();
    log_to(open("/dev/null", O_WRONLY | O_CLOEXEC));
    load_config();
    must(service_start(&world.service, world.config, false), "service_start");
    start_web();
    AUTO(xfree_ptr) char *key_id = NULL;
    must(store_key_create(world.service.store, "fuzz", SCOPE_ADMIN, &key_id, &world.secret), "key");
    make_briefing();
    if (atexit(stop_world)) abort();
}

/* ---- one input ---- */

static void check_answer(const struct str *answer)
{
    const char *text = str_text(answer);
    if (answer->len == 0) return; /* closed: a head that is no HTTP; or a wait that was asked for */
    assert(answer->len >= 12 && strncmp(text, "HTTP/1.", 7) == 0);
    long status = strtol(text + 9, NULL, 10);
    assert(status >= 200 && status < 600 && status != 500);
    bool is_problem = strcasestr(text, "content-type: application/problem+json") != NULL;
    bool has_body = !strcasestr(text, "content-length: 0\r\n") && strstr(text, "\r\n\r\n{");
    assert(!is_problem || !has_body || (status >= 400 && strstr(text, "\"code\":\"")));
}

static void replace_seed(const uint8_t *data, size_t size, struct str *out)
{
    static const char mark[] = "br_SEED";
    for (size_t i = 0; i < size;) {
        if (size - i >= strlen(mark) && memcmp(data + i, mark, strlen(mark)) == 0) {
            str_append_text(out, world.id);
            i += strlen(mark);
        } else {
            str_append_char(out, (char)data[i++]);
        }
    }
}

/* Waits that were asked for, and upstreams that are asked several times, take longer than an input may. */
static bool takes_long(const struct str *input)
{
    const char *text = str_text(input);
    return strcasestr(text, "wait") || strcasestr(text, "check") || strcasestr(text, "DELETE") ||
           strcasestr(text, "oauth") || strcasestr(text, "disconnect") || strchr(text, '%');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!world.web) make_world();
    AUTO(str_done) struct str input = {0};
    replace_seed(data, size, &input);
    const char *text = str_text(&input);
    const char *gap = memmem(text, input.len, "\n\n", 2);
    size_t head_len = gap ? (size_t)(gap - text) : input.len;
    if (memchr(text, '\0', head_len) || memchr(text, '\r', head_len)) return 0;
    const char *body = gap ? gap + 2 : text + input.len;

    AUTO(str_done) struct str request = {0}, answer = {0};
    put_request(&request, text, head_len, body, (size_t)(text + input.len - body));
    exchange(&request, takes_long(&input) ? 50 : 0, &answer);
    check_answer(&answer);
    return 0;
}
