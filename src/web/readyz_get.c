#include "base/clock.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#define WRITABLE_FOR_MS 2000 /* how long the last proof counts */

static bool is_writable(struct web *web)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms < atomic_load(&web->writable_until_ms)) return true;
    if (store_check_writable(web->options.store)) return false;
    atomic_store(&web->writable_until_ms, now_ms + WRITABLE_FOR_MS);
    return true;
}

/* GET /readyz: may work be sent here? 503 while stopping, while the database cannot be written, and
 * while our own credentials are refused. */
void readyz_get(struct request *rq)
{
    struct runs_state state;
    runs_state_get(rq->web->options.runs, &state);
    bool is_draining = atomic_load(&rq->web->is_draining) || state.is_stopping;
    bool can_write = is_writable(rq->web);
    bool is_ready = !is_draining && can_write && !state.waits_for_credentials;
    AUTO(str_done) struct str body = {0};
    struct json_writer w = json_writer(&body);
    json_begin_object(&w);
    json_put_string(&w, "status", is_ready ? "ready" : "not_ready");
    json_put_bool(&w, "draining", is_draining);
    json_put_bool(&w, "storage_writable", can_write);
    json_put_bool(&w, "credentials_accepted", !state.waits_for_credentials);
    json_put_int(&w, "running", state.running);
    json_put_int(&w, "queued", state.queued);
    json_end_object(&w);
    if (!is_ready) reply_header(rq, "Retry-After", "5");
    reply_json(rq, is_ready ? 200 : 503, &body);
}
