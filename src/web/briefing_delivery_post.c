#include "runs/document.h"
#include "web/idempotent.h"
#include "web/routes.h"
#include "web/server.h"

#define TS_BYTES_MAX 64

struct verdict {
    bool is_delivered;
    bool has_outcome;
    char *ts;
};

static void verdict_done(struct verdict *v)
{
    xfree(v->ts);
}

static void take_outcome(struct json_span value, struct verdict *v, struct field_errors *errors)
{
    v->has_outcome = true;
    v->is_delivered = json_string_is(value, "delivered");
    if (!v->is_delivered && !json_string_is(value, "not_delivered"))
        field_error(errors, "/outcome", "must be \"delivered\" or \"not_delivered\"");
}

static void take_ts(struct json_span value, struct verdict *v, struct field_errors *errors)
{
    if (json_type(value) == JSON_NULL) return;
    v->ts = json_strdup(value, TS_BYTES_MAX);
    bool is_word = v->ts && v->ts[0];
    for (const char *c = v->ts; is_word && *c; c++)
        is_word = *c > ' ' && *c <= '~';
    if (!is_word)
        field_error(errors, "/ts", "must be the message's id: 1 to 64 printable characters");
}

/* False: answered. */
static bool read_verdict(struct request *rq, struct verdict *v)
{
    struct json_span object;
    if (!request_json(rq, &object)) return false;
    AUTO(field_errors_done) struct field_errors errors = {0};
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        if (json_string_is(it.key, "outcome"))
            take_outcome(it.value, v, &errors);
        else if (json_string_is(it.key, "ts"))
            take_ts(it.value, v, &errors);
        else
            field_unknown(&errors, "", it.key);
    }
    if (!v->has_outcome) field_error(&errors, "/outcome", "is required");
    if (v->has_outcome && !v->is_delivered && v->ts)
        field_error(&errors, "/ts", "goes with \"delivered\" only");
    if (errors.n == 0) return true;
    reply_invalid(rq, &errors);
    return false;
}

/* POST /briefings/{id}/delivery: a person tells what became of a message that nobody else could
 * find; 200 with the document. */
void briefing_delivery_post(struct request *rq)
{
    const char *id = rq->args[0];
    struct idempotent idempotent;
    AUTO(verdict_done) struct verdict verdict = {0};
    if (!id_valid("br", id)) {
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
        return;
    }
    if (!read_verdict(rq, &verdict)) return;
    if (!idempotent_begin(rq, &idempotent)) return;
    AUTO(run_row_done) struct run_row row = {0};
    enum err e = runs_settle(rq->web->options.runs, id, rq->principal.name, verdict.is_delivered,
                             verdict.ts, &row);
    if (e == E_NOT_FOUND) {
        reply_problem(rq, PROBLEM_not_found, "There is no briefing with this id.");
    } else if (e == E_CONFLICT) {
        reply_problem(rq, PROBLEM_not_settleable, "Not settled: %s.", err_detail());
    } else if (e) {
        reply_error(rq, e, "settling a delivery");
    } else {
        AUTO(str_done) struct str body = {0};
        run_document(&row, rq->web->options.public_url, &body);
        idempotent_reply(rq, &idempotent, 200, &body);
    }
}
