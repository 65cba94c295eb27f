#include "web/clients.h"

#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "base/thread.h"
#include "web/reply.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>

#define LOOK_EVERY_MS 1000
#define NO_LIMIT      INT64_MAX
#define CUT_OFF       INT64_MIN

struct client {
    struct clients *clients;
    struct client *next, **link; /* where it hangs */
    int fd;
    _Atomic int64_t until_ms; /* mono; NO_LIMIT, CUT_OFF */
    atomic_bool has_begun;    /* a request line came: the client waits for a reply */
};

struct clients {
    struct client_limits limits;
    const char *public_url; /* borrowed */
    struct thread thread;

    struct mutex mutex; /* guards what follows; a socket in the list is open while it is held */
    struct cond stop;
    struct client *first;
    bool is_stopping;
};

/* ---- the thread that looks ---- */

/* Past libmicrohttpd, straight to the socket. */
static void tell(const struct clients *clients, int fd, enum problem problem, const char *detail)
{
    unsigned status = (unsigned)problem_status(problem);
    AUTO(str_done) struct str body = {0};
    AUTO(str_done) struct str text = {0};
    char id[ID_MAX];
    id_new("rq", id);
    problem_write(&body, clients->public_url, problem, detail, "", id);
    str_append_format(&text,
                      "HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Type: "
                      "application/problem+json\r\nContent-Length: %zu\r\nCache-Control: "
                      "no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n\r\n%s",
                      status, MHD_get_reason_phrase_for(status), body.len, id, str_text(&body));
    /* Nothing else was written for this request: it fits into the socket's buffer, or is lost. */
    ssize_t n = send(fd, text.data, text.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    log_debug("client_cut_off", LOG_STR("request", id), LOG_INT("status", status),
              LOG_INT("told", n > 0));
}

/* System calls under a lock, which is not the custom here: they do not wait, and without it the
 * number could belong to another connection already. */
static void cut_late_ones_locked(struct clients *clients, int64_t now_ms)
{
    for (struct client *client = clients->first; client; client = client->next) {
        int64_t until_ms = atomic_load(&client->until_ms);
        if (until_ms == CUT_OFF || until_ms > now_ms) continue;
        if (!atomic_compare_exchange_strong(&client->until_ms, &until_ms, CUT_OFF)) continue;
        if (atomic_load(&client->has_begun))
            tell(clients, client->fd, PROBLEM_request_timeout,
                 "The request did not come within the time there is for one.");
        shutdown(client->fd, SHUT_RDWR);
    }
}

static void *clients_main(void *arg)
{
    struct clients *clients = arg;
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&clients->mutex);
    while (!clients->is_stopping) {
        int64_t now_ms = clock_mono_ms();
        cut_late_ones_locked(clients, now_ms);
        while (!clients->is_stopping &&
               cond_wait_until(&clients->stop, held, now_ms + LOOK_EVERY_MS)) {
        }
    }
    return NULL;
}

enum err clients_start(const struct client_limits *limits, const char *public_url,
                       struct clients **out_clients)
{
    struct clients *clients = xcalloc(1, sizeof(*clients));
    clients->limits = *limits;
    clients->public_url = public_url;
    mutex_init(&clients->mutex);
    cond_init(&clients->stop);
    enum err e = thread_start(&clients->thread, "web-clients", clients_main, clients);
    if (e) {
        clients_stop(clients);
        return e;
    }
    *out_clients = clients;
    return E_OK;
}

void clients_stop(struct clients *clients)
{
    if (!clients) return;
    mutex_lock(&clients->mutex);
    clients->is_stopping = true;
    cond_signal(&clients->stop);
    mutex_unlock(&clients->mutex);
    thread_join(&clients->thread);
    cond_done(&clients->stop);
    mutex_done(&clients->mutex);
    xfree(clients);
}

/* ---- MHD threads ---- */

static bool go_on_until(struct client *client, int64_t until_ms)
{
    int64_t before_ms = atomic_load(&client->until_ms);
    while (before_ms != CUT_OFF)
        if (atomic_compare_exchange_weak(&client->until_ms, &before_ms, until_ms)) return true;
    return false;
}

static int64_t after(int64_t ms)
{
    return ms > 0 ? clock_mono_ms() + ms : NO_LIMIT;
}

void clients_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                    enum MHD_ConnectionNotificationCode code)
{
    struct clients *clients = cls;
    struct client *client = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (!info) return;
        client = xcalloc(1, sizeof(*client));
        client->clients = clients;
        client->fd = info->connect_fd;
        atomic_store(&client->until_ms, after(clients->limits.request_ms));
        AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&clients->mutex);
        client->next = clients->first;
        client->link = &clients->first;
        if (client->next) client->next->link = &client->next;
        clients->first = client;
        *socket_context = client;
    } else if (client) {
        mutex_lock(&clients->mutex);
        *client->link = client->next;
        if (client->next) client->next->link = client->link;
        mutex_unlock(&clients->mutex);
        *socket_context = NULL;
        xfree(client);
    }
}

struct client *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

bool client_sends(struct client *client)
{
    if (!client) return true;
    atomic_store(&client->has_begun, true);
    return go_on_until(client, after(client->clients->limits.request_ms));
}

bool client_is_done(struct client *client)
{
    return !client || go_on_until(client, NO_LIMIT);
}

void client_rests(struct client *client)
{
    if (!client) return;
    const struct client_limits *limits = &client->clients->limits;
    bool is_limited = limits->request_ms > 0 && limits->idle_ms > 0;
    atomic_store(&client->has_begun, false);
    /* One that was cut off stays so: its end is near. */
    (void)go_on_until(client, is_limited ? after(limits->idle_ms + limits->request_ms) : NO_LIMIT);
}

void client_refuse(struct client *client, enum problem problem, const char *detail)
{
    if (!go_on_until(client, CUT_OFF)) return;
    tell(client->clients, client->fd, problem, detail);
    shutdown(client->fd, SHUT_WR);
}
