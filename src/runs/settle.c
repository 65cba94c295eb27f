/*
 * A person settles what briefd could not find out: was the message posted? The run stays failed;
 * what is known of its delivery changes, and nobody has to look at it any more.
 */
#include "base/json.h"
#include "base/log.h"
#include "runs/engine.h"

struct settling {
    enum delivery_state state;
    const char *ts;
    bool is_settled_so; /* already, in the same way */
};

static bool is_open_question(const struct run_row *row)
{
    if (row->status != RUN_FAILED) return false;
    return text_equal(row->error_code, "delivery_unknown") ||
           text_equal(row->error_code, "restored");
}

static enum err settle(void *ctx, struct run_row *row)
{
    struct settling *s = ctx;
    if (row->delivery == s->state && (!s->ts || text_equal(row->delivery_ts, s->ts))) {
        s->is_settled_so = true;
        return fail(E_CONFLICT, "settled already");
    }
    if (row->delivery == DELIVERY_SETTLED_DELIVERED ||
        row->delivery == DELIVERY_SETTLED_NOT_DELIVERED)
        return fail(E_CONFLICT, "it was settled otherwise: %s", delivery_state_name(row->delivery));
    if (!is_open_question(row))
        return fail(E_CONFLICT, "what became of its message is no open question: it is %s%s%s",
                    run_status_name(row->status), row->error_code ? ", " : "",
                    row->error_code ? row->error_code : "");
    row->delivery = s->state;
    row->needs_attention = false;
    if (s->ts) run_row_set(&row->delivery_ts, s->ts);
    run_row_set(&row->summary, s->state == DELIVERY_SETTLED_DELIVERED
                                   ? "A person found the message in the channel."
                                   : "A person found that the message was not posted.");
    return E_OK;
}

enum err runs_settle(struct runs *runs, const char *run_id, const char *principal,
                     bool is_delivered, const char *ts, struct run_row *out_row)
{
    struct settling s = {.state = is_delivered ? DELIVERY_SETTLED_DELIVERED
                                               : DELIVERY_SETTLED_NOT_DELIVERED,
                         .ts = ts};
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_string(&w, "state", delivery_state_name(s.state));
    json_put_string(&w, "ts", ts);
    json_end_object(&w);
    struct event_new event = {.type = "delivery_settled", .data = str_text(&data)};
    struct audit_new audit = {.actor = principal,
                              .action = "delivery_settled",
                              .subject = run_id,
                              .data = str_text(&data)};
    struct run_update update = {
        .change = settle, .ctx = &s, .events = &event, .n_events = 1, .audit = &audit};
    enum err e =
        store_run_update(runs->options.store, run_id, (struct run_fence){0}, &update, out_row);
    if (s.is_settled_so) return store_run_get(runs->options.store, run_id, out_row);
    if (e) return e;
    engine_log_person("delivery_settled", out_row, principal, delivery_state_name(s.state));
    return E_OK;
}
