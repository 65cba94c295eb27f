/*
 * The way back.
 *
 *   agree?  state ─▶ flow, cookie, session, user, connector      (nothing is changed until here)
 *   consume once
 *   verify  ScaleKit is told who came back; the identifier is the flow's, never the request's
 *   look    the account's status, and who it is according to the provider
 *
 * When it is not clear whether the verification worked (no answer, or 404 to a request that a proxy
 * may have repeated), the account decides: it must be ACTIVE now, must have changed since the
 * moment before, and the provider must say who is connected.
 */
#include "agent/accounts.h"
#include "api/scalekit_connect.h"
#include "base/clock.h"
#include "base/crypt.h"
#include "base/log.h"
#include "connect/flow.h"
#include "connect/internal.h"
#include "store/flows.h"
#include "store/keys.h"

#include <string.h>

void flow_result_done(struct flow_result *result)
{
    connection_row_done(&result->row);
    xfree(result->return_to);
    *result = (struct flow_result){0};
}

struct finishing {
    struct connect *connect;
    struct agent agent; /* with the catalogue that counts for it */
    const struct flow_return *back;
    const struct connector *connector;
    struct flow_row flow;
    bool was_pending; /* for confirmation, before this flow */
    struct flow_result *result;
};

static enum err end(struct finishing *f, enum flow_end how)
{
    f->result->end = how;
    return E_OK;
}

/* ---- do they agree? ---- */

static bool hash_fits(const char *text, const unsigned char expected[SHA256_LEN])
{
    unsigned char hash[SHA256_LEN];
    sha256(text, strlen(text), hash);
    return equal_constant_time(hash, expected, SHA256_LEN);
}

/* E_OK with *out_agrees false: `end` is set. */
static enum err agree(struct finishing *f, bool *out_agrees)
{
    const struct flow_return *back = f->back;
    char id[ID_MAX];
    *out_agrees = false;
    if (!flow_state_id(back->state, id)) return end(f, FLOW_NOT_OURS);
    enum err e = store_flow_find(f->connect->options.agent->store, id, &f->flow);
    /* A flow goes with its session: signing out ends it. */
    if (e == E_NOT_FOUND) return end(f, back->cookie ? FLOW_OTHER_USER : FLOW_OTHER_BROWSER);
    if (e) return e;
    if (!hash_fits(back->state, f->flow.state_hash)) return end(f, FLOW_NOT_OURS);
    if (!text_equal(f->flow.connector, back->connector)) return end(f, FLOW_NOT_OURS);
    if (back->session && !text_equal(f->flow.user_id, back->session->user_id))
        return end(f, FLOW_OTHER_USER);
    bool is_same_session = back->session && text_equal(f->flow.session_id, back->session->id);
    /* The cookie is taken away when the flow is used up: only its own session is told more. */
    if (is_same_session && f->flow.consumed_ms > 0) return end(f, FLOW_USED);
    if (!back->cookie || !hash_fits(back->cookie, f->flow.cookie_hash))
        return end(f, FLOW_OTHER_BROWSER);
    if (!is_same_session) return end(f, FLOW_OTHER_BROWSER);
    if (f->flow.expires_ms <= clock_unix_ms()) return end(f, FLOW_EXPIRED);
    *out_agrees = true;
    return E_OK;
}

/* ---- confirmation ---- */

/* Before the account can become ACTIVE: whoever it is waits for the host. */
static enum err hold(struct finishing *f)
{
    if (!f->flow.needs_confirm) return E_OK;
    struct store *store = f->connect->options.agent->store;
    return store_connection_hold(store, f->flow.user_id, f->flow.connector,
                                 f->connector->connection_name, false);
}

static enum err note_pending(struct finishing *f)
{
    AUTO(connection_row_done) struct connection_row row = {0};
    enum err e = store_connection_find(f->connect->options.agent->store, f->flow.user_id,
                                       f->flow.connector, &row);
    f->was_pending = !e && row.is_pending_confirmation;
    return e == E_NOT_FOUND ? E_OK : e;
}

/* Nothing was connected: what was usable before is so again. */
static enum err release(struct finishing *f, enum flow_end how)
{
    enum err e = E_OK;
    if (f->flow.needs_confirm && !f->was_pending)
        e = store_connection_release(f->connect->options.agent->store, f->flow.user_id,
                                     f->flow.connector);
    return e ? e : end(f, how);
}

/* ---- verify and look ---- */

/* What ScaleKit says of the account at this moment. False: it could not be asked. */
static bool look_at_account(struct finishing *f, char **out_status, int64_t *out_updated_ms)
{
    struct scalekit_call call = {.cancel = &f->connect->stop};
    struct scalekit_error error = {0};
    AUTO(scalekit_accounts_done) struct scalekit_accounts accounts = {0};
    const char *name = f->connector->connection_name;
    enum err e = scalekit_accounts_list(f->connect->options.agent->scalekit, &call, f->flow.user_id,
                                        &name, 1, &accounts, &error);
    if (e) return false;
    *out_status = xstrdup(accounts.n > 0 ? accounts.items[0].status : ACCOUNT_NOT_CONNECTED);
    *out_updated_ms = accounts.n > 0 ? accounts.items[0].updated_ms : 0;
    return true;
}

static enum err read_row(struct finishing *f, struct scalekit_error *out_error)
{
    struct scalekit_call call = {.cancel = &f->connect->stop};
    return connect_read(f->connect, &call, f->flow.user_id, f->flow.connector, true,
                        &f->result->row, out_error);
}

static enum err connected(struct finishing *f)
{
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_string(&w, "connector", f->flow.connector);
    json_end_object(&w);
    AUTO(str_done) struct str actor = {0};
    str_append_format(&actor, "user:%s", f->flow.user_id);
    enum err e = store_audit(f->connect->options.agent->store, str_text(&actor), "connection_made",
                             f->flow.user_id, str_text(&data));
    if (e) return e;
    log_info("connection_made", LOG_STR("connector", f->flow.connector),
             LOG_STR("flow", f->flow.id));
    return end(f,
               f->result->row.is_pending_confirmation ? FLOW_PENDING_CONFIRMATION : FLOW_CONNECTED);
}

/* ScaleKit has said yes. */
static enum err after_yes(struct finishing *f)
{
    struct scalekit_error error = {0};
    /* Once more: a confirmation that came meanwhile was about somebody else. */
    enum err e = hold(f);
    if (!e) e = read_row(f, &error);
    if (e && error.class == SCALEKIT_FINE) return e;
    if (e) {
        e = store_connection_postpone(f->connect->options.agent->store, f->flow.user_id,
                                      f->flow.connector, clock_unix_ms(), false);
        connect_wake(f->connect);
        return e ? e : end(f, FLOW_CONNECTED_UNSEEN);
    }
    if (!account_is_usable(f->result->row.status)) return end(f, FLOW_NOT_ACTIVE);
    return connected(f);
}

/* Did the probe read who it is? It may have answered with words that name nobody. */
static bool is_somebody(const struct connection_row *row)
{
    return row->identity && !text_equal(row->identity, "{}");
}

/* No clear answer: the account decides. */
static enum err after_silence(struct finishing *f, enum flow_end otherwise, const char *old_status,
                              int64_t old_updated_ms)
{
    struct scalekit_error error = {0};
    enum err e = read_row(f, &error);
    if (e && error.class == SCALEKIT_FINE) return e;
    if (e) return end(f, otherwise);
    const struct connection_row *row = &f->result->row;
    bool has_moved = old_status && (!text_equal(old_status, row->status) ||
                                    old_updated_ms != row->account_updated_ms);
    if (account_is_usable(row->status) && has_moved && is_somebody(row)) return connected(f);
    return old_status && !has_moved ? release(f, otherwise) : end(f, otherwise);
}

static enum err verify(struct finishing *f)
{
    struct scalekit_call call = {.cancel = &f->connect->stop};
    struct scalekit_error error = {0};
    AUTO(xfree_ptr) char *old_status = NULL;
    AUTO(xfree_ptr) char *next = NULL;
    int64_t old_updated_ms = 0;
    enum scalekit_verdict verdict = SCALEKIT_VERIFY_UNCLEAR;
    (void)look_at_account(f, &old_status, &old_updated_ms);
    enum err e =
        scalekit_verify(f->connect->options.agent->scalekit, &call, f->back->auth_request_id,
                        f->flow.user_id, &verdict, &next, &error);
    if (e || verdict != SCALEKIT_VERIFIED)
        log_warn("not_verified", LOG_STR("connector", f->flow.connector),
                 LOG_STR("flow", f->flow.id), LOG_INT("status", error.status),
                 LOG_STR("class", scalekit_class_name(error.class)),
                 LOG_STR("upstream_request", error.request_id));
    if (e && error.class == SCALEKIT_FINE) return e;
    if (e) return release(f, FLOW_UNREACHABLE);
    switch (verdict) {
    case SCALEKIT_VERIFIED:
        return after_yes(f);
    case SCALEKIT_WRONG_USER:
        return release(f, FLOW_WRONG_PERSON);
    case SCALEKIT_VERIFY_GONE:
        return after_silence(f, FLOW_GONE, old_status, old_updated_ms);
    case SCALEKIT_VERIFY_UNCLEAR:
    case SCALEKIT_VERDICT_COUNT:
        break;
    }
    return after_silence(f, FLOW_UNCLEAR, old_status, old_updated_ms);
}

static enum err finish(struct finishing *f)
{
    bool agrees = false;
    enum err e = agree(f, &agrees);
    if (e || !agrees) return e;
    f->result->return_to = xstrdup(f->flow.return_to);
    e = store_flow_consume(f->connect->options.agent->store, f->flow.id);
    if (e == E_CONFLICT) return end(f, FLOW_USED);
    if (e) return e;
    if (f->back->error)
        return end(f, text_equal(f->back->error, "access_denied") ? FLOW_DECLINED
                                                                  : FLOW_PROVIDER_FAILED);
    f->connector = catalogue_connector(f->agent.catalogue, f->flow.connector);
    if (!f->connector || !f->connector->connection_name) return end(f, FLOW_GONE);
    e = note_pending(f);
    if (!e) e = hold(f);
    return e ? e : verify(f);
}

enum err flow_finish(struct connect *connect, const struct flow_return *back,
                     struct flow_result *out_result)
{
    struct finishing f = {.connect = connect, .back = back, .result = out_result};
    *out_result = (struct flow_result){0};
    f.agent = agent_hold(connect->options.agent);
    enum err e = finish(&f);
    agent_release(&f.agent);
    flow_row_done(&f.flow);
    return e;
}
