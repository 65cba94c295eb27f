#include "command/service.h"

#include "base/embedded.h"

#include <stdio.h>

static void say_who(char out[64])
{
    snprintf(out, 64, "briefd/%s", briefd_version);
}

static enum err start_notify(struct service *s)
{
    const struct config *c = s->config;
    char user_agent[64];
    say_who(user_agent);
    struct notify_options notify = {.store = s->store,
                                    .user_agent = user_agent,
                                    .ca_file = c->ca_file,
                                    .allowed = c->webhook_allow,
                                    .retry_for_ms = c->webhook_retry_for_ms,
                                    .timeout_ms = c->webhook_timeout_ms};
    return notify_start(&notify, &s->notify);
}

static enum err start_clients(struct service *s)
{
    const struct config *c = s->config;
    char user_agent[64];
    say_who(user_agent);
    struct http_options http = {.connections_max = c->upstream_connections_max,
                                .user_agent = user_agent,
                                .ca_file = c->ca_file};
    enum err e = http_start(&http, &s->http);
    if (e) return e;
    struct anthropic_options anthropic = {
        .base_url = c->anthropic_base_url,
        .api_key = c->anthropic_api_key,
        .use_x_api_key = c->anthropic_use_x_api_key,
        .version = c->anthropic_version,
        .timeouts = {.first_byte_ms = c->model_first_byte_ms,
                     .idle_bytes_ms = c->model_idle_bytes_ms,
                     .idle_events_ms = c->model_idle_events_ms,
                     .total_ms = c->model_total_ms},
        .retry_budget_ms = c->anthropic_retry_budget_ms,
    };
    s->anthropic = anthropic_new(s->http, &anthropic);
    struct scalekit_options scalekit = {.env_url = c->scalekit_env_url,
                                        .client_id = c->scalekit_client_id,
                                        .client_secret = c->scalekit_client_secret,
                                        .tool_timeout_ms = c->tool_timeout_ms};
    s->scalekit = scalekit_new(s->http, &scalekit);
    s->shelf = catalogue_shelf_new(c->catalogue);
    s->agent = (struct agent){.store = s->store,
                              .http = s->http,
                              .anthropic = s->anthropic,
                              .scalekit = s->scalekit,
                              .shelf = s->shelf,
                              .delivery_settle_ms = c->delivery_settle_ms,
                              .delivery_retry_ms = c->delivery_retry_ms,
                              .reconcile_pause_ms = c->reconcile_pause_ms,
                              .reconcile_timeout_ms = c->reconcile_timeout_ms};
    return E_OK;
}

static enum err start_runs(struct service *s, bool is_single)
{
    const struct config *c = s->config;
    struct runs_options runs = {.agent = &s->agent,
                                .store = s->store,
                                .watch = s->watch,
                                .runs_max = c->runs_max,
                                .runs_per_user_max = c->runs_per_user_max,
                                .open_runs_max = c->open_runs_max,
                                .start_by_default_ms = c->start_by_default_ms,
                                .blocked_ttl_ms = c->blocked_ttl_ms,
                                .deadline_max_ms = c->deadline_max_ms,
                                .budget_max_nano_usd = c->budget_max_nano_usd,
                                .stop_grace_ms = c->stop_grace_ms,
                                .model = c->model,
                                .timezone = c->timezone,
                                .is_single = is_single};
    return runs_start(&runs, &s->runs);
}

static struct retention_options retention_options(const struct service *s)
{
    return (struct retention_options){.store = s->store,
                                      .watch = s->watch,
                                      .days = s->config->retention_days,
                                      .audit_days = s->config->audit_retention_days,
                                      .every_ms = s->config->retention_interval_ms};
}

/* A process that makes one run deletes a little at its end instead. */
static enum err start_retention(struct service *s, bool is_single)
{
    struct retention_options options = retention_options(s);
    return is_single ? E_OK : retention_start(&options, &s->retention);
}

void service_prune_some(struct service *service)
{
    struct retention_options options = retention_options(service);
    retention_step(&options);
}

/* On the store's writer thread, after each commit that changed a run. */
static void run_changed(void *ctx, const struct run_row *row)
{
    const struct service *service = ctx;
    watch_changed(service->watch, row);
    feeds_changed(service->feeds, row);
}

static enum err start_followers(struct service *s)
{
    const struct config *c = s->config;
    struct feeds_options feeds = {
        .store = s->store, .readers_max = c->streams_max, .heartbeat_ms = c->stream_heartbeat_ms};
    enum err e = watch_start(c->public_url, c->waiters_max, &s->watch);
    if (!e) e = feeds_start(&feeds, &s->feeds);
    if (!e) store_observe_runs(s->store, run_changed, s);
    return e;
}

enum err service_start(struct service *service, const struct config *config, bool is_single)
{
    *service = (struct service){.config = config};
    struct store_options store = {.path = config->db_path,
                                  .seal_key = config->seal_key,
                                  .seal_key_previous = config->seal_key_previous};
    enum err e = store_open(&store, &service->store);
    if (!e) e = start_followers(service);
    if (!e && !is_single) e = start_notify(service);
    if (!e) e = start_clients(service);
    if (!e) e = start_runs(service, is_single);
    if (!e) e = start_retention(service, is_single);
    if (e) service_stop(service);
    return e;
}

void service_quiesce(struct service *service)
{
    retention_stop(take_ptr(&service->retention));
    if (service->runs) runs_stop(service->runs);
    watch_stop(service->watch);
    feeds_stop(service->feeds);
}

void service_stop(struct service *service)
{
    retention_stop(service->retention);
    runs_free(service->runs);
    watch_stop(service->watch);
    feeds_stop(service->feeds);
    notify_stop(service->notify);
    scalekit_free(service->scalekit);
    anthropic_free(service->anthropic);
    http_stop(service->http);
    store_close(service->store);
    watch_free(service->watch);
    feeds_free(service->feeds);
    catalogue_shelf_free(service->shelf);
    *service = (struct service){0};
}
