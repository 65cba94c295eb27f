/*
 * `briefd serve`: the service, from the first check to the last goodbye.
 *
 *   settings ─▶ database locked ─▶ address bound ─▶ database opened and migrated
 *            ─▶ interrupted runs queued again ─▶ port open ─▶ ready
 *
 *   SIGTERM, SIGINT: nothing new ─▶ model calls get their grace, deliveries finish
 *                    ─▶ the rest is parked ─▶ closed
 *   SIGHUP: recipes and secrets are read anew (command/reload.h)
 */
#include "base/clock.h"
#include "base/embedded.h"
#include "base/thread.h"
#include "command/reload.h"
#include "command/supervisor.h"
#include "web/listen.h"
#include "web/web.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* A leak checker has to look into the process. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(leak_sanitizer)
#define IS_LOOKED_INTO 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define IS_LOOKED_INTO 1
#endif

struct serving {
    const struct command_context *ctx;
    const struct command_line *line;
    struct config *config;
    struct service service;
    struct connect *connect;
    struct web *web;
    struct supervisor supervisor;
    struct file_lock lock;
    int listen_fd;
    int metrics_fd; /* 0: none */
    char listen_url[300];
    char metrics_url[300];
};

/* As many descriptors as the system allows: a connection each for callers and for calls to the
 * upstreams. */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit)) return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit)) log_warn("file_limit_not_raised");
}

/* Memory holds secrets and what users wrote: no core file, no other process of this user looks into
 * it. The limit alone would not stop a core that is piped to a program. */
static void keep_memory_private(void)
{
    struct rlimit none = {0};
    if (setrlimit(RLIMIT_CORE, &none)) log_warn("core_limit_not_set");
#ifndef IS_LOOKED_INTO
    if (prctl(PR_SET_DUMPABLE, 0)) log_warn("memory_not_private");
#endif
}

static void write_url(char out[300], const char *host, int port)
{
    bool is_ipv6 = strchr(host, ':') != NULL;
    snprintf(out, 300, "http://%s%s%s:%d", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);
}

/* With port 0 the address is known only now; a public URL that was derived from it follows. */
static enum err bind_address(struct serving *s)
{
    struct config *c = s->config;
    int port = 0;
    enum err e = listen_bind(c->listen_host, c->listen_port, &s->listen_fd, &port);
    if (e) return e;
    if (c->listen_port == 0) config_set_port(c, port);
    write_url(s->listen_url, c->listen_host, port);
    if (!c->metrics_host) return E_OK;
    e = listen_bind(c->metrics_host, c->metrics_port, &s->metrics_fd, &port);
    if (e) return fail_context(e, "BRIEFD_METRICS_LISTEN");
    write_url(s->metrics_url, c->metrics_host, port);
    return E_OK;
}

/* Blocked briefings of the user may go on now. */
static void connections_changed(void *runs, const char *user_id)
{
    enum err e = runs_connections_changed(runs, user_id);
    if (e) log_failure("blocked_not_looked_at", e);
}

static enum err start_connect(struct serving *s)
{
    const struct config *c = s->config;
    struct connect_options connect = {.agent = &s->service.agent,
                                      .public_url = c->public_url,
                                      .scalekit_url = c->scalekit_env_url,
                                      .link_hosts = c->link_hosts,
                                      .webhook_secret = c->scalekit_webhook_secret,
                                      .recheck_after_ms = c->recheck_after_ms,
                                      .changed = connections_changed,
                                      .ctx = s->service.runs};
    return connect_start(&connect, &s->connect);
}

static enum err open_port(struct serving *s)
{
    const struct config *c = s->config;
    struct web_options web = {.listen_fd = s->listen_fd,
                              .metrics_fd = s->metrics_fd,
                              .listen_host = c->listen_host,
                              .listen_port = c->listen_port,
                              .public_url = c->public_url,
                              .user_id = c->user_id,
                              .trusted_proxy = c->trusted_proxy,
                              .trusted_proxy_header = c->trusted_proxy_header,
                              .return_origins = c->return_origins,
                              .ticket_confirm = c->ticket_confirm,
                              .timezone = c->timezone,
                              .connect = s->connect,
                              .webhook_allow = c->webhook_allow,
                              .body_bytes_max = (size_t)c->body_bytes_max,
                              .connections_max = c->http_connections_max,
                              .connections_per_address_max = c->http_connections_per_address_max,
                              .streams_per_address_max = c->streams_per_address_max,
                              .stream_stall_ms = c->stream_stall_ms,
                              .key_requests_per_s = c->key_requests_per_s,
                              .key_requests_burst = c->key_requests_burst,
                              .address_requests_per_s = c->address_requests_per_s,
                              .address_requests_burst = c->address_requests_burst,
                              .request_ms = c->request_ms,
                              .idle_ms = c->idle_ms,
                              .cors_origins = c->cors_origins,
                              .agent = &s->service.agent,
                              .store = s->service.store,
                              .runs = s->service.runs,
                              .watch = s->service.watch,
                              .notify = s->service.notify,
                              .feeds = s->service.feeds};
    s->listen_fd = -1;
    s->metrics_fd = 0;
    return web_start(&web, &s->web);
}

/* ---- signals, and what the service manager is told ---- */

static void tell_status(const struct serving *s, const char *prefix)
{
    struct runs_state state;
    runs_state_get(s->service.runs, &state);
    supervisor_tell(&s->supervisor, "%sSTATUS=%s%d briefings running, %lld waiting", prefix,
                    state.is_stopping             ? "Stopping; "
                    : state.waits_for_credentials ? "Our key is refused; "
                                                  : "",
                    state.running, (long long)state.queued);
}

/* Alive is who can still make a briefing: the store's writer answers (an error is an answer), and
 * the scheduler comes around. That this thread gets here is the third part. */
static void tell_alive(const struct serving *s)
{
    int64_t version = 0;
    struct runs_state state;
    if (store_data_version(s->service.store, &version)) log_warn("store_not_written");
    runs_state_get(s->service.runs, &state);
    if (clock_mono_ms() - state.scheduler_seen_mono_ms < s->supervisor.watchdog_ms)
        tell_status(s, "WATCHDOG=1\n");
    else
        log_error("scheduler_stands_still");
}

static void read_anew(struct serving *s)
{
    /* systemd wants the moment, to tell this reload from a later one. */
    supervisor_tell(&s->supervisor, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reloading",
                    (long long)clock_mono_us());
    reload(s->ctx, s->line, &s->service, s->connect);
    tell_status(s, "READY=1\n");
}

/* The next signal, or 0 when it is time for a sign of life. */
static int next_signal(const struct serving *s)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    int64_t every_ms = s->supervisor.watchdog_ms / 3;
    struct timespec timeout = {.tv_sec = every_ms / 1000, .tv_nsec = every_ms % 1000 * 1000000};
    for (;;) {
        int number = sigtimedwait(&signals, NULL, every_ms > 0 ? &timeout : NULL);
        if (number > 0) return number;
        if (errno == EAGAIN) return 0;
    }
}

static void wait_for_end(struct serving *s)
{
    int number = 0;
    while (number != SIGTERM && number != SIGINT) {
        number = next_signal(s);
        if (number == SIGHUP) read_anew(s);
        if (number == 0) tell_alive(s);
    }
    log_info("stopping", LOG_STR("signal", number == SIGINT ? "SIGINT" : "SIGTERM"));
    tell_status(s, "STOPPING=1\n");
}

static int serve(struct serving *s)
{
    /* The lock first: a second service with the same settings is told of the first one, not of a
     * taken port. */
    enum err e = command_lock(s->config, &s->lock);
    if (!e) e = bind_address(s);
    if (e) return command_failed("the service cannot start");
    e = service_start(&s->service, s->config, false);
    if (e) return command_store_failed(e);
    e = start_connect(s);
    if (!e) e = open_port(s);
    if (e) return command_failed("the service cannot start");
    mem_settle();
    log_info("ready", LOG_STR("listen", s->listen_url),
             LOG_STR("public_url", s->config->public_url), LOG_STR("database", s->config->db_path),
             LOG_STR("version", briefd_version), LOG_INT("max_runs", s->config->runs_max));
    if (s->config->metrics_host) log_info("metrics_ready", LOG_STR("listen", s->metrics_url));
    tell_status(s, "READY=1\n");
    wait_for_end(s);
    web_drain(s->web);
    service_quiesce(&s->service);
    return COMMAND_OK;
}

int command_serve(struct command_context *ctx)
{
    static const struct command_usage usage = {
        .synopsis = "briefd serve",
        .text =
            "Runs the service: HTTP in front, briefings behind. One process serves a database.\n"
            "SIGTERM stops it without losing anything, SIGHUP reads recipes, connectors,\n"
            "models and secrets anew.",
        .example = "briefd serve --env-file /etc/briefd/env",
    };
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    struct serving s = {.ctx = ctx, .line = &line, .listen_fd = -1, .lock = {.fd = -1}};
    s.supervisor = supervisor_find(ctx);
    code = command_config(ctx, &line, CONFIG_EVERYTHING, &s.config);
    if (code != COMMAND_GO_ON) return code;
    thread_block_signals();
    raise_file_limit();
    keep_memory_private();
    code = serve(&s);
    web_stop(s.web);
    connect_stop(s.connect);
    service_stop(&s.service);
    if (s.listen_fd >= 0) close(s.listen_fd);
    if (s.metrics_fd > 0) close(s.metrics_fd);
    file_unlock(&s.lock);
    config_free(s.config);
    if (code == COMMAND_OK) log_info("stopped");
    return code;
}
