/*
 * GET /briefings/{id}: the document that everybody polls, from memory.
 *
 *   plain            200, or 304 when If-None-Match names the present ETag
 *   wait, with INM   answers when the ETag differs; 304 at the end of the wait
 *   wait, without    answers at the next event; 200 at the end of the wait
 *   an ended one     answers at once
 */
#include "base/clock.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/wait.h"

static void answer_now(struct request *rq, struct snapshot *snapshot)
{
    if (request_knows(rq, snapshot->etag))
        reply_not_modified(rq, snapshot);
    else
        reply_snapshot(rq, snapshot);
}

/* On the watch's thread: there are news, or the time is over. */
static void woken(void *ctx, struct snapshot *newest, bool is_timeout)
{
    (void)is_timeout;
    answer_now(ctx, newest);
}

static void park(struct request *rq, struct snapshot *snapshot, int64_t wait_s)
{
    /* Suspended first: the watch may answer before watch_wait() has returned. */
    if (!rq->is_suspended) MHD_suspend_connection(rq->connection);
    rq->is_suspended = true;
    rq->is_waiting = true;
    enum err e = watch_wait(rq->web->options.watch, snapshot->id, snapshot->etag,
                            clock_mono_ms() + wait_s * 1000, woken, rq);
    if (!e) {
        snapshot_release(snapshot);
        return; /* the request belongs to the watch now */
    }
    if (e == E_LIMIT) {
        snapshot_release(snapshot);
        reply_problem(rq, PROBLEM_rate_limited,
                      "Too many callers wait for briefings already; poll without wait.");
        return;
    }
    struct snapshot *newer = watch_find(rq->web->options.watch, snapshot->id);
    if (newer) snapshot_release(snapshot);
    answer_now(rq, newer ? newer : snapshot);
}

static void answer_snapshot(struct request *rq, struct snapshot *snapshot)
{
    int64_t wait_s = 0;
    if (!request_owns(rq, snapshot->user_id)) {
        snapshot_release(snapshot);
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
        return;
    }
    if (!request_wait_s(rq, &wait_s)) {
        snapshot_release(snapshot);
        return;
    }
    bool has_news = request_header(rq, "If-None-Match") && !request_knows(rq, snapshot->etag);
    if (wait_s == 0 || snapshot->is_terminal || has_news)
        answer_now(rq, snapshot);
    else
        park(rq, snapshot, wait_s);
}

/* Not in memory: an old one. On a store thread. */
static void read_row(struct request *rq)
{
    AUTO(run_row_done) struct run_row row = {0};
    int64_t epoch = watch_epoch(rq->web->options.watch);
    enum err e = store_run_get(rq->web->options.store, rq->args[0], &row);
    if (e == E_NOT_FOUND)
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
    else if (e)
        reply_error(rq, e, "reading a briefing");
    else
        answer_snapshot(rq, watch_put_read(rq->web->options.watch, &row, epoch));
}

void briefing_get(struct request *rq)
{
    if (!id_valid("br", rq->args[0])) {
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
        return;
    }
    struct snapshot *snapshot = watch_find(rq->web->options.watch, rq->args[0]);
    if (snapshot)
        answer_snapshot(rq, snapshot);
    else
        server_hand_over(rq, read_row);
}
