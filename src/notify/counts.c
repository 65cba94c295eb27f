#include "notify/counts.h"

#include "base/metrics.h"

static const struct metric_def tries = {
    .name = "briefd_webhook_attempts_total",
    .help = "Webhooks sent out, repeats included, by what came of them.",
    .kind = METRIC_COUNTER,
    .labels = {"result"},
};
static const struct metric_def given_up = {
    .name = "briefd_webhook_given_up_total",
    .help = "Webhooks that were not taken after all tries.",
    .kind = METRIC_COUNTER,
};
static const struct metric_def webhook_lag = {
    .name = "briefd_webhook_lag_seconds",
    .help = "Of webhooks that were taken: from the event to the answer.",
    .kind = METRIC_HISTOGRAM,
    .decimals = 3,
    .bounds = {50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000, 3600000, 86400000},
};

static const char *const results[] = {"taken", "3xx", "4xx", "5xx", "timeout", "unreachable"};

void notify_counts_init(void)
{
    for (size_t i = 0; i < ARRAY_LEN(results); i++)
        metric_add(metric_of(&tries, results[i]), 0);
    metric_add(metric_only(&given_up), 0);
    (void)metric_only(&webhook_lag);
}

static const char *result_of(const struct http_reply *reply, bool is_taken)
{
    if (is_taken) return "taken";
    if (reply->status >= 300 && reply->status <= 399) return "3xx";
    if (reply->status >= 400 && reply->status <= 499) return "4xx";
    if (reply->status >= 500) return "5xx";
    return reply->end == HTTP_TIMED_OUT ? "timeout" : "unreachable";
}

void notify_counts_try(const struct http_reply *reply, bool is_taken)
{
    metric_add(metric_of(&tries, result_of(reply, is_taken)), 1);
}

void notify_counts_taken(int64_t lag_ms)
{
    metric_observe(metric_only(&webhook_lag), lag_ms > 0 ? lag_ms : 0);
}

void notify_counts_given_up(void)
{
    metric_add(metric_only(&given_up), 1);
}
