#include "store/run_counts.h"

#include "base/metrics.h"

#define S(seconds) ((seconds)*1000)

static const struct metric_def accepted = {
    .name = "briefd_runs_accepted_total",
    .help = "Briefings that were accepted, without those that attached to a live one.",
    .kind = METRIC_COUNTER,
};
static const struct metric_def ended = {
    .name = "briefd_runs_ended_total",
    .help = "Briefings that ended, by status and, of failed ones, error code.",
    .kind = METRIC_COUNTER,
    .labels = {"status", "code"},
};
static const struct metric_def duration = {
    .name = "briefd_run_duration_seconds",
    .help = "From accepted to ended, with all waiting.",
    .kind = METRIC_HISTOGRAM,
    .decimals = 3,
    .labels = {"status"},
    .bounds = { S(1), S(5), S(10), S(30), S(60), S(120), S(300), S(600), S(1800), S(3600), S(14400),
               S(86400)},
};
static const struct metric_def running = {
    .name = "briefd_run_running_seconds",
    .help = "Of ended briefings: how long they were running, without waiting.",
    .kind = METRIC_HISTOGRAM,
    .decimals = 3,
    .labels = {"status"},
    .bounds = { S(1), S(5), S(10), S(20), S(30), S(60), S(120), S(300), S(600), S(1800), S(3600)},
};
static const struct metric_def deliveries = {
    .name = "briefd_deliveries_total",
    .help = "Deliveries that came into this state.",
    .kind = METRIC_COUNTER,
    .labels = {"state"},
};
static const struct metric_def tokens = {
    .name = "briefd_model_tokens_total",
    .help = "Tokens of stored replies of the model, by kind.",
    .kind = METRIC_COUNTER,
    .labels = {"kind"},
};
static const struct metric_def cost = {
    .name = "briefd_model_cost_usd_total",
    .help = "What the model cost, in US dollars by the configured prices.",
    .kind = METRIC_COUNTER,
    .decimals = 9,
};

/* The codes of the interface: there from the start, because a rate is not seen of a series that
 * begins with 1. */
static const char *const codes[] = {"connector_not_ready",
                                    "connector_revoked",
                                    "connector_service_unavailable",
                                    "credentials_rejected",
                                    "tools_missing",
                                    "tool_failed",
                                    "tool_timeout",
                                    "model_unavailable",
                                    "model_refused",
                                    "model_truncated",
                                    "model_rejected",
                                    "model_context_exceeded",
                                    "model_max_turns",
                                    "not_delivered",
                                    "delivery_rejected",
                                    "delivery_unknown",
                                    "budget_exceeded",
                                    "deadline_exceeded",
                                    "crash_loop",
                                    "restored",
                                    "internal_replay_mismatch",
                                    "internal"};

static struct metric *ended_as(enum run_status status, const char *code)
{
    bool has_code = status == RUN_FAILED && code;
    return metric_of(&ended, run_status_name(status), has_code ? code : "none");
}

void run_counts_init(void)
{
    metric_add(metric_only(&accepted), 0);
    metric_add(metric_only(&cost), 0);
    metric_add(ended_as(RUN_SUCCEEDED, NULL), 0);
    metric_add(ended_as(RUN_CANCELLED, NULL), 0);
    metric_add(ended_as(RUN_EXPIRED, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        metric_add(ended_as(RUN_FAILED, codes[i]), 0);
    for (int i = DELIVERY_NONE + 1; i < DELIVERY_STATE_COUNT; i++)
        metric_add(metric_of(&deliveries, delivery_state_name((enum delivery_state)i)), 0);
    static const char *const kinds[] = {"input", "output", "cache_read", "cache_write"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        metric_add(metric_of(&tokens, kinds[i]), 0);
}

/* Sums of a run only grow; should one shrink all the same, nothing is counted. */
static void add_growth(struct metric *metric, int64_t was, int64_t is)
{
    if (is > was) metric_add(metric, is - was);
}

static void add_usage(const struct run_usage *was, const struct run_usage *is)
{
    if (is->cost_nano_usd == was->cost_nano_usd && is->output_tokens == was->output_tokens &&
        is->input_tokens == was->input_tokens)
        return;
    add_growth(metric_of(&tokens, "input"), was->input_tokens, is->input_tokens);
    add_growth(metric_of(&tokens, "output"), was->output_tokens, is->output_tokens);
    add_growth(metric_of(&tokens, "cache_read"), was->cache_read_tokens, is->cache_read_tokens);
    add_growth(metric_of(&tokens, "cache_write"), was->cache_write_tokens, is->cache_write_tokens);
    add_growth(metric_only(&cost), was->cost_nano_usd, is->cost_nano_usd);
}

void run_counts_add(const struct run_before *before, const struct run_row *row)
{
    if (!before) {
        metric_add(metric_only(&accepted), 1);
        return;
    }
    add_usage(&before->usage, &row->usage);
    if (row->delivery != before->delivery && row->delivery != DELIVERY_NONE)
        metric_add(metric_of(&deliveries, delivery_state_name(row->delivery)), 1);
    if (before->finished_ms || !row->finished_ms) return;
    const char *status = run_status_name(row->status);
    int64_t took_ms = row->finished_ms - row->created_ms;
    metric_add(ended_as(row->status, row->error_code), 1);
    metric_observe(metric_of(&duration, status), took_ms > 0 ? took_ms : 0);
    metric_observe(metric_of(&running, status), row->running_ms);
}
