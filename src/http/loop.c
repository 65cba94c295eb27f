/*
 * The I/O thread: epoll tells which sockets are ready, curl_multi_socket_action() serves just
 * those. (curl's perform/poll pair walks all transfers at each wake and saturates a core at 8,000
 * in flight.)
 *
 * One turn: take what was submitted, wait, serve sockets, collect what is finished, then our own
 * timers. Timers come last, so that bytes which arrived while this thread was late still count.
 */
#include "http/transfer.h"

#include "base/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX 128
#define WAKE       UINT64_MAX /* not a socket but c->wake_fd is ready */

enum err loop_init(struct http_client *c, int connections_max)
{
    c->timers_due_ms = INT64_MAX;
    c->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = WAKE};
    if (c->wake_fd < 0 || c->epoll_fd < 0 ||
        epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, c->wake_fd, &event)) {
        return fail(E_LIMIT, "the HTTP thread gets no descriptors: %s", strerrordesc_np(errno));
    }
    return lanes_init(c, connections_max);
}

void loop_done(struct http_client *c)
{
    while (c->n_spare > 0)
        curl_easy_cleanup(c->spare[--c->n_spare]);
    /* Closing kept connections changes what epoll watches, so that goes last. */
    lanes_done(c);
    if (c->epoll_fd > 0) close(c->epoll_fd);
    if (c->wake_fd > 0) close(c->wake_fd);
}

/* Starts what was submitted. False when the client is stopping. */
static bool take_queue(struct http_client *c)
{
    mutex_lock(&c->mutex);
    struct transfer *taken = c->queue;
    c->queue = NULL;
    c->queue_end = &c->queue;
    bool goes_on = !c->is_stopping;
    mutex_unlock(&c->mutex);

    while (taken) {
        struct transfer *t = taken;
        taken = t->next;
        transfer_start(c, t);
    }
    return goes_on;
}

static void stop_cancelled(struct http_client *c, bool all)
{
    for (struct transfer *t = c->active, *next; t; t = next) {
        next = t->next;
        struct http_cancel *cancel = t->request->cancel;
        if (all || (cancel && atomic_load(&cancel->is_fired)))
            transfer_stop(t, HTTP_CANCELLED, NULL);
    }
}

static int wait_ms(const struct http_client *c)
{
    int64_t due = lanes_due_ms(c);
    if (c->timers_due_ms < due) due = c->timers_due_ms;
    if (due == INT64_MAX) return -1;
    int64_t left = due - clock_mono_ms();
    if (left <= 0) return 0;
    return left < INT32_MAX ? (int)left : INT32_MAX;
}

static void serve_socket(struct http_client *c, const struct epoll_event *event)
{
    if (event->data.u64 == WAKE) {
        uint64_t n_wakes;
        ssize_t n = read(c->wake_fd, &n_wakes, sizeof n_wakes);
        (void)n; /* nothing to read: somebody was faster; there is no one else */
        return;
    }
    int ready = 0;
    if (event->events & EPOLLIN) ready |= CURL_CSELECT_IN;
    if (event->events & EPOLLOUT) ready |= CURL_CSELECT_OUT;
    if (event->events & (EPOLLERR | EPOLLHUP)) ready |= CURL_CSELECT_ERR;
    lanes_serve(c, event->data.u64, ready);
}

void *loop_main(void *client)
{
    struct http_client *c = client;
    thread_block_signals(); /* SIGPIPE among them: curl leaves it alone with CURLOPT_NOSIGNAL */

    while (take_queue(c)) {
        struct epoll_event events[EVENTS_MAX];
        int n = epoll_wait(c->epoll_fd, events, EVENTS_MAX, wait_ms(c));
        for (int i = 0; i < n; i++)
            serve_socket(c, &events[i]);
        lanes_run_timers(c);
        lanes_collect(c);
        if (atomic_exchange(&c->has_cancels, false)) stop_cancelled(c, false);
        timers_run(c);
    }
    stop_cancelled(c, true);
    return NULL;
}
