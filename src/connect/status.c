/*
 * The truth about one connection: read, removed, confirmed.
 */
#include "agent/accounts.h"
#include "api/scalekit_connect.h"
#include "base/clock.h"
#include "base/log.h"
#include "connect/internal.h"
#include "store/keys.h"

#include <string.h>

bool names_include(const char *names, const char *name)
{
    if (!names) return true;
    for (struct json_iter it = json_iter(json_root(names, strlen(names))); json_next(&it);)
        if (json_string_is(it.value, name)) return true;
    return false;
}

enum err connect_start(const struct connect_options *options, struct connect **out_connect)
{
    struct connect *connect = xcalloc(1, sizeof(*connect));
    connect->options = *options;
    connect->webhook_secret = xstrdup(options->webhook_secret);
    mutex_init(&connect->mutex);
    cond_init(&connect->woken);
    enum err e = thread_start(&connect->thread, "reconcile", reconcile_main, connect);
    if (e) {
        connect_stop(connect);
        return e;
    }
    *out_connect = connect;
    return E_OK;
}

void connect_call_off(struct connect *connect)
{
    if (!connect) return;
    mutex_lock(&connect->mutex);
    connect->is_stopping = true;
    cond_broadcast(&connect->woken);
    mutex_unlock(&connect->mutex);
    http_cancel_fire(connect->options.agent->http, &connect->stop);
}

void connect_stop(struct connect *connect)
{
    if (!connect) return;
    connect_call_off(connect);
    thread_join(&connect->thread);
    cond_done(&connect->woken);
    mutex_done(&connect->mutex);
    xfree_secret(connect->webhook_secret);
    xfree(connect);
}

void connect_set_webhook_secret(struct connect *connect, const char *secret)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&connect->mutex);
    xfree_secret(connect->webhook_secret);
    connect->webhook_secret = xstrdup(secret);
}

void connect_wake(struct connect *connect)
{
    mutex_lock(&connect->mutex);
    connect->has_news = true;
    cond_broadcast(&connect->woken);
    mutex_unlock(&connect->mutex);
}

static void tell(struct connect *connect, const char *user_id)
{
    if (connect->options.changed) connect->options.changed(connect->options.ctx, user_id);
}

enum err connect_read(struct connect *connect, const struct scalekit_call *call,
                      const char *user_id, const char *connector, bool with_probe,
                      struct connection_row *out_row, struct scalekit_error *out_error)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    AUTO(agent_release) struct agent agent = agent_hold(connect->options.agent);
    enum err e =
        accounts_refresh(&agent, call, user_id, &connector, 1, with_probe, &list, out_error);
    if (e) return e;
    *out_row = list.rows[0];
    list.rows[0] = (struct connection_row){0};
    tell(connect, user_id);
    return E_OK;
}

enum err connect_check(struct connect *connect, const char *user_id, const char *connector,
                       struct connection_row *out_row, struct scalekit_error *out_error)
{
    struct scalekit_call call = {.cancel = &connect->stop};
    return connect_read(connect, &call, user_id, connector, true, out_row, out_error);
}

static enum err audit(struct connect *connect, const char *actor, const char *action,
                      const char *user_id, const char *connector)
{
    AUTO(str_done) struct str data = {0};
    struct json_writer w = json_writer(&data);
    json_begin_object(&w);
    json_put_string(&w, "connector", connector);
    json_end_object(&w);
    return store_audit(connect->options.agent->store, actor, action, user_id, str_text(&data));
}

enum err connect_remove(struct connect *connect, const char *user_id, const char *name,
                        const char *actor, struct scalekit_error *out_error)
{
    AUTO(agent_release) struct agent agent = agent_hold(connect->options.agent);
    const struct connector *connector = catalogue_connector(agent.catalogue, name);
    struct scalekit_call call = {.cancel = &connect->stop};
    *out_error = (struct scalekit_error){0};
    if (!connector || !connector->connection_name)
        return fail(E_INVALID, "connector \"%s\" is not set up here", name);
    enum err e = scalekit_account_delete(agent.scalekit, &call, connector->connection_name, user_id,
                                         out_error);
    if (!e) e = store_connection_forget(agent.store, user_id, name, connector->connection_name);
    if (!e) e = audit(connect, actor, "connection_removed", user_id, name);
    if (e) return e;
    log_info("connection_removed", LOG_STR("connector", name));
    tell(connect, user_id);
    return E_OK;
}

enum err connect_confirm(struct connect *connect, const char *user_id, const char *connector,
                         int64_t version, const char *actor, struct store_once *once,
                         struct connection_row *out_row)
{
    enum err e = store_connection_confirm(connect->options.agent->store, user_id, connector,
                                          version, once, out_row);
    if (e || once->is_replayed) return e;
    e = audit(connect, actor, "connection_confirmed", user_id, connector);
    if (e) return e;
    log_info("connection_confirmed", LOG_STR("connector", connector));
    tell(connect, user_id);
    return E_OK;
}
