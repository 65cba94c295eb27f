/*
 * What the metrics and the log say of a request to the outside.
 */
#include "http/transfer.h"

#include "base/log.h"
#include "base/metrics.h"

#include <stdio.h>

#define S(seconds) ((int64_t)((seconds)*1000))

static const struct metric_def requests = {
    .name = "briefd_upstream_requests_total",
    .help = "Requests to upstreams, by what came of them.",
    .kind = METRIC_COUNTER,
    .labels = {"upstream", "operation", "result"},
};
static const struct metric_def repeats = {
    .name = "briefd_upstream_retries_total",
    .help = "Of these: repeats of an earlier one.",
    .kind = METRIC_COUNTER,
    .labels = {"upstream", "operation"},
};
static const struct metric_def took = {
    .name = "briefd_upstream_request_duration_seconds",
    .help = "From asking to the end of the answer, whatever it was.",
    .kind = METRIC_HISTOGRAM,
    .decimals = 3,
    .labels = {"upstream", "operation"},
    .bounds = { 10, 50, 100, 250, 500, S(1), S(2.5), S(5), S(10), S(20), S(30), S(60), S(120),
               S(300), S(600)},
};
static const struct metric_def first_byte = {
    .name = "briefd_upstream_first_byte_seconds",
    .help = "From asking to the first byte of the answer, when one came.",
    .kind = METRIC_HISTOGRAM,
    .decimals = 3,
    .labels = {"upstream", "operation"},
    .bounds = { 10, 50, 100, 250, 500, S(1), S(2.5), S(5), S(10), S(20), S(30), S(60), S(120)},
};

static const char *status_class(int status)
{
    static const char *const classes[] = {"2xx", "3xx", "4xx", "5xx"};
    if (status == 429) return "429"; /* told to slow down: worth a word of its own */
    return status >= 200 && status < 600 ? classes[status / 100 - 2] : "other";
}

static const char *result_of(const struct http_reply *reply)
{
    switch (reply->end) {
    case HTTP_ANSWERED:
    case HTTP_SINK_STOPPED: /* our reader had enough, or made no sense of it */
        return status_class(reply->status);
    case HTTP_NOT_SENT:
        return "not_sent";
    case HTTP_LOST:
        return "lost";
    case HTTP_TIMED_OUT:
        return "timeout";
    case HTTP_TOO_LARGE:
        return "too_large";
    case HTTP_CANCELLED:
        return "cancelled";
    case HTTP_FAILED_LOCALLY:
    case HTTP_END_COUNT:
        break;
    }
    return "failed_locally";
}

void observe_call(const struct transfer *t)
{
    const struct http_request *request = t->request;
    const struct http_reply *reply = t->reply;
    const char *upstream = request->upstream;
    const char *operation = request->operation;
    if (!upstream) return;
    metric_add(metric_of(&requests, upstream, operation, result_of(reply)), 1);
    struct metric *n_repeats = metric_of(&repeats, upstream, operation);
    if (request->is_repeat) metric_add(n_repeats, 1);
    metric_observe(metric_of(&took, upstream, operation), reply->took_ms);
    if (reply->first_byte_ms >= 0)
        metric_observe(metric_of(&first_byte, upstream, operation), reply->first_byte_ms);
    if (!log_is_on(LOG_DEBUG)) return;
    char span[SPAN_ID_MAX];
    snprintf(span, sizeof(span), "%.16s", *t->traceparent ? t->traceparent + 36 : "");
    log_debug("upstream_call", LOG_STR("upstream", upstream), LOG_STR("operation", operation),
              LOG_STR("result", result_of(reply)), LOG_INT("status", reply->status),
              LOG_INT("ms", reply->took_ms), LOG_STR("span_id", span));
}
