#include "runs/document.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"

/* A browser's own? False: answered. */
static bool is_own(struct request *rq, const char *id)
{
    AUTO(run_row_done) struct run_row row = {0};
    if (rq->principal.kind != PRINCIPAL_BROWSER) return true;
    enum err e = store_run_get(rq->web->options.store, id, &row);
    if (!e && request_owns(rq, row.user_id)) return true;
    if (e && e != E_NOT_FOUND)
        reply_error(rq, e, "reading a briefing");
    else
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
    return false;
}

/* POST /briefings/{id}/cancel: 202 with the document; repeating it is fine. */
void briefing_cancel_post(struct request *rq)
{
    const char *id = rq->args[0];
    struct idempotent idempotent;
    if (!id_valid("br", id)) {
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
        return;
    }
    if (!is_own(rq, id) || !idempotent_begin(rq, &idempotent)) return;
    bool is_delivering = false;
    AUTO(run_row_done) struct run_row row = {0};
    enum err e = runs_cancel(rq->web->options.runs, id, rq->principal.name, &is_delivering, &row);
    if (e == E_NOT_FOUND) {
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
    } else if (e == E_CONFLICT && is_delivering) {
        reply_problem(rq, PROBLEM_delivery_in_progress,
                      "The message is on its way: it is too late to cancel.");
    } else if (e == E_CONFLICT) {
        reply_problem(rq, PROBLEM_not_cancellable, "Not cancelled: %s.", err_detail());
    } else if (e) {
        reply_error(rq, e, "cancelling a briefing");
    } else {
        AUTO(str_done) struct str body = {0};
        run_document(&row, rq->web->options.public_url, &body);
        idempotent_reply(rq, &idempotent, 202, &body);
    }
}
