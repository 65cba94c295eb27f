/*
 * GET /metrics: what was counted, and what stands in the database and in the kernel at this moment.
 *
 * Here it needs a key with the scope metrics:read; the listener of its own (metrics_listener.c)
 * needs none.
 */
#include "base/clock.h"
#include "base/embedded.h"
#include "base/metrics.h"
#include "base/process.h"
#include "store/gauges.h"
#include "web/observe.h"
#include "web/reply.h"
#include "web/routes.h"
#include "web/server.h"

#include <string.h>

static const struct metric_def build_info = {
    .name = "briefd_build_info",
    .help = "What runs here; always 1.",
    .kind = METRIC_GAUGE,
    .labels = {"version", "commit"},
};
static const struct metric_def runs_by_status = {
    .name = "briefd_runs",
    .help = "Briefings that have not ended, by status.",
    .kind = METRIC_GAUGE,
    .labels = {"status"},
};
static const struct metric_def oldest_queued = {
    .name = "briefd_queue_oldest_age_seconds",
    .help = "How long the oldest queued briefing has been accepted; 0 when none is queued.",
    .kind = METRIC_GAUGE,
    .decimals = 3,
};
static const struct metric_def run_threads = {
    .name = "briefd_run_threads",
    .help = "Briefings that a thread of this process is at.",
    .kind = METRIC_GAUGE,
};
static const struct metric_def waits_for_credentials = {
    .name = "briefd_credentials_refused",
    .help = "1 while no briefing is started because our own key at ScaleKit or Anthropic is "
            "refused.",
    .kind = METRIC_GAUGE,
};
static const struct metric_def connections_by_status = {
    .name = "briefd_connections",
    .help = "Users' accounts as they were read last, by connector and ScaleKit's status.",
    .kind = METRIC_GAUGE,
    .labels = {"connector", "status"},
};
static const struct metric_def webhooks_pending = {
    .name = "briefd_webhooks_pending",
    .help = "Events that a webhook endpoint has not taken yet.",
    .kind = METRIC_GAUGE,
};
static const struct metric_def oldest_webhook = {
    .name = "briefd_webhook_oldest_age_seconds",
    .help = "How long ago the oldest of them happened; 0 when there is none.",
    .kind = METRIC_GAUGE,
    .decimals = 3,
};
static const struct metric_def clients = {
    .name = "briefd_http_connections",
    .help = "Open connections of clients.",
    .kind = METRIC_GAUGE,
};
static const struct metric_def unread = {
    .name = "briefd_metrics_database_read",
    .help = "1 when the gauges from the database could be read, else 0 and they are missing.",
    .kind = METRIC_GAUGE,
};

/* The names that Prometheus' own libraries give these, so that ready-made dashboards find them. */
static const struct metric_def start_time = {
    .name = "process_start_time_seconds",
    .help = "When the process started, in seconds since 1970.",
    .kind = METRIC_GAUGE,
    .decimals = 3,
};
static const struct metric_def cpu = {
    .name = "process_cpu_seconds_total",
    .help = "User and system CPU time.",
    .kind = METRIC_COUNTER,
    .decimals = 6,
};
static const struct metric_def open_fds = {
    .name = "process_open_fds", .help = "Open file descriptors.", .kind = METRIC_GAUGE};
static const struct metric_def max_fds = {
    .name = "process_max_fds", .help = "Most that may be open.", .kind = METRIC_GAUGE};
static const struct metric_def resident = {
    .name = "process_resident_memory_bytes", .help = "Resident memory.", .kind = METRIC_GAUGE};
static const struct metric_def virtual_memory = {
    .name = "process_virtual_memory_bytes", .help = "Virtual memory.", .kind = METRIC_GAUGE};
static const struct metric_def threads = {
    .name = "process_threads", .help = "Threads.", .kind = METRIC_GAUGE};

static void write_one(struct str *out, const struct metric_def *def, int64_t value)
{
    metrics_write_head(out, def);
    metrics_write_sample(out, def, value, NULL);
}

static void write_process(const struct web *web, struct str *out)
{
    struct process_facts facts;
    process_facts_read(&facts);
    write_one(out, &start_time, web->started_unix_ms);
    write_one(out, &cpu, facts.cpu_us);
    write_one(out, &open_fds, facts.open_fds);
    write_one(out, &max_fds, facts.max_fds);
    write_one(out, &resident, facts.resident_bytes);
    write_one(out, &virtual_memory, facts.virtual_bytes);
    write_one(out, &threads, facts.threads);
}

static int64_t age_ms(int64_t unix_ms)
{
    int64_t ms = unix_ms ? clock_unix_ms() - unix_ms : 0;
    return ms > 0 ? ms : 0;
}

static void write_stored(const struct web *web, struct str *out)
{
    AUTO(xfree_ptr) struct store_gauges *gauges = xcalloc(1, sizeof(*gauges));
    enum err e = store_gauges_read(web->options.store, gauges);
    write_one(out, &unread, e ? 0 : 1);
    if (e) return;
    metrics_write_head(out, &runs_by_status);
    for (int i = 0; i < RUN_STATUS_COUNT; i++) {
        const char *name = run_status_name((enum run_status)i);
        if (!run_status_is_terminal((enum run_status)i))
            metrics_write_sample(out, &runs_by_status, gauges->runs[i],
                                 (const char *const[]){name});
    }
    write_one(out, &oldest_queued, age_ms(gauges->oldest_queued_ms));
    write_one(out, &webhooks_pending, gauges->webhooks_pending);
    write_one(out, &oldest_webhook, age_ms(gauges->oldest_webhook_ms));
    metrics_write_head(out, &connections_by_status);
    for (size_t i = 0; i < gauges->n_connections; i++) {
        const struct connections_gauge *c = &gauges->connections[i];
        metrics_write_sample(out, &connections_by_status, c->n,
                             (const char *const[]){c->connector, c->status});
    }
}

void metrics_page(struct web *web, struct str *out)
{
    metrics_write(out);
    metrics_write_head(out, &build_info);
    metrics_write_sample(out, &build_info, 1, (const char *const[]){briefd_version, briefd_commit});
    write_stored(web, out);
    struct runs_state state;
    runs_state_get(web->options.runs, &state);
    write_one(out, &run_threads, state.running);
    write_one(out, &waits_for_credentials, state.waits_for_credentials);
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    write_one(out, &clients, info ? (int64_t)info->num_connections : 0);
    write_process(web, out);
}

void metrics_get(struct request *rq)
{
    AUTO(str_done) struct str page = {0};
    metrics_page(rq->web, &page);
    reply_text(rq, 200, METRICS_CONTENT_TYPE, &page);
}
