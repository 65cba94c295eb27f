#include "connect/hook.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

/* POST /hooks/scalekit: 204 at once. What it claims is not believed; the account is read anew. */
void hooks_scalekit_post(struct request *rq)
{
    struct hook hook = {.id = request_header(rq, "webhook-id"),
                        .timestamp = request_header(rq, "webhook-timestamp"),
                        .signature = request_header(rq, "webhook-signature"),
                        .body = str_text(&rq->body),
                        .len = rq->body.len};
    enum err e = hook_take(rq->web->options.connect, &hook);
    if (e == E_DENIED)
        reply_problem(rq, PROBLEM_unauthenticated, "Not taken: %s.", err_detail());
    else if (e == E_INVALID)
        reply_problem(rq, PROBLEM_invalid_json, "Not taken: %s.", err_detail());
    else if (e)
        reply_error(rq, e, "taking a webhook");
    else
        reply_empty(rq, 204);
}
