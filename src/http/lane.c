/*
 * Lanes: what one multi handle of curl is to others, several are here.
 *
 * curl walks through all connections of a multi handle whenever a transfer begins and whenever one
 * ends. With 5,000 in flight that was a third of all the time a briefing cost. So a multi handle
 * gets a few dozen transfers, the next ones go to another, and only the first is there from the
 * start. The first lane with room is taken, so that few connections serve what few can. Names that
 * were looked up are shared.
 */
#include "http/transfer.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/epoll.h>

#define LANE_ROOM        32 /* transfers in flight, as long as another lane may be opened */
#define LANE_CONNECTIONS 64 /* kept: for both upstreams */
#define LANES_MAX        1024

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *lane_ptr, void *unused)
{
    (void)easy;
    (void)unused;
    const struct lane *lane = lane_ptr;
    int epoll_fd = lane->client->epoll_fd;
    if (what == CURL_POLL_REMOVE) {
        /* Already closed is fine: a closed descriptor leaves epoll by itself. */
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    struct epoll_event event = {.data.u64 = (uint64_t)lane->number << 32 | (uint32_t)fd};
    if (what != CURL_POLL_OUT) event.events |= EPOLLIN;
    if (what != CURL_POLL_IN) event.events |= EPOLLOUT;
    int failed = epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &event);
    if (failed && errno == ENOENT) failed = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    return failed ? -1 : 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *lane_ptr)
{
    (void)multi;
    struct lane *lane = lane_ptr;
    lane->due_ms = timeout_ms < 0 ? -1 : clock_mono_ms() + timeout_ms;
    return 0;
}

static enum err lane_open(struct http_client *c)
{
    struct lane *lane = &c->lanes[c->n_lanes];
    *lane = (struct lane){.client = c, .number = (uint32_t)c->n_lanes, .due_ms = -1};
    lane->multi = curl_multi_init();
    if (!lane->multi || curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket) ||
        curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane) ||
        curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timer) ||
        curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane) ||
        curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, (long)c->lane_connections)) {
        if (lane->multi) curl_multi_cleanup(lane->multi);
        return fail(E_INTERNAL, "libcurl cannot be set up");
    }
    c->n_lanes++;
    return E_OK;
}

enum err lanes_init(struct http_client *c, int connections_max)
{
    int lanes_max = connections_max / LANE_CONNECTIONS;
    if (lanes_max < 1) lanes_max = 1;
    c->lanes_max = lanes_max < LANES_MAX ? lanes_max : LANES_MAX;
    c->lane_connections = connections_max / c->lanes_max;
    c->lanes = xcalloc((size_t)c->lanes_max, sizeof *c->lanes);
    /* All in one thread, so it needs no locks. */
    c->names = curl_share_init();
    if (!c->names || curl_share_setopt(c->names, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS))
        return fail(E_INTERNAL, "libcurl cannot be set up");
    return lane_open(c);
}

void lanes_done(struct http_client *c)
{
    for (int i = 0; i < c->n_lanes; i++)
        curl_multi_cleanup(c->lanes[i].multi);
    if (c->names) curl_share_cleanup(c->names);
    xfree(c->lanes);
}

struct lane *lane_pick(struct http_client *c)
{
    struct lane *least = &c->lanes[0];
    for (int i = 0; i < c->n_lanes; i++) {
        struct lane *lane = &c->lanes[i];
        if (lane->n_active < LANE_ROOM) return lane;
        if (lane->n_active < least->n_active) least = lane;
    }
    if (c->n_lanes == c->lanes_max || lane_open(c)) return least;
    return &c->lanes[c->n_lanes - 1];
}

int64_t lanes_due_ms(const struct http_client *c)
{
    int64_t due = INT64_MAX;
    for (int i = 0; i < c->n_lanes; i++)
        if (c->lanes[i].due_ms >= 0 && c->lanes[i].due_ms < due) due = c->lanes[i].due_ms;
    return due;
}

void lanes_serve(struct http_client *c, uint64_t number_and_fd, int ready)
{
    int n_running;
    struct lane *lane = &c->lanes[number_and_fd >> 32];
    curl_multi_socket_action(lane->multi, (curl_socket_t)(uint32_t)number_and_fd, ready,
                             &n_running);
}

void lanes_run_timers(struct http_client *c)
{
    int64_t now = clock_mono_ms();
    for (int i = 0; i < c->n_lanes; i++) {
        struct lane *lane = &c->lanes[i];
        if (lane->due_ms < 0 || lane->due_ms > now) continue;
        lane->due_ms = -1;
        int n_running;
        curl_multi_socket_action(lane->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
    }
}

static void collect(struct lane *lane)
{
    int n_left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(lane->multi, &n_left))) {
        if (message->msg != CURLMSG_DONE) continue;
        CURLcode code = message->data.result;
        struct transfer *t = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        transfer_ended(t, code);
    }
}

void lanes_collect(struct http_client *c)
{
    for (int i = 0; i < c->n_lanes; i++)
        if (c->lanes[i].n_active > 0) collect(&c->lanes[i]);
}
