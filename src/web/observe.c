/*
 * Called for every answer, also for those from memory: two clock readings, three atomic additions.
 */
#include "web/observe.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "web/router.h"
#include "web/server.h"

#define N_CLASSES 5

static const struct metric_def answered = {
    .name = "briefd_http_requests_total",
    .help = "Answered requests, by route and class of status.",
    .kind = METRIC_COUNTER,
    .labels = {"method", "route", "class"},
};
static const struct metric_def duration = {
    .name = "briefd_http_request_duration_seconds",
    .help = "From the request line to the decided answer, without requests that wait for a change.",
    .kind = METRIC_HISTOGRAM,
    .decimals = 6,
    .labels = {"method",  "route" },
    .bounds = { 100, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000,
               2500000, 10000000, 30000000},
};

struct route_series {
    struct metric *_Atomic by_class[N_CLASSES];
    struct metric *_Atomic duration;
};

struct observer {
    struct route_series *routes; /* the last is for requests without a route */
};

struct observer *observer_new(void)
{
    struct observer *observer = xcalloc(1, sizeof(*observer));
    observer->routes = xcalloc(routes_count + 1, sizeof(*observer->routes));
    return observer;
}

void observer_free(struct observer *observer)
{
    if (!observer) return;
    xfree(observer->routes);
    xfree(observer);
}

static const char *method_of(const struct request *rq)
{
    return rq->route ? rq->route->method : "none";
}

static const char *path_of(const struct request *rq)
{
    return rq->route ? rq->route->path : "none";
}

/* Two threads may both make it: they get the same one. */
static struct metric *counter_of(const struct request *rq, struct route_series *series, int class)
{
    static const char *const names[N_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx"};
    struct metric *metric = atomic_load_explicit(&series->by_class[class], memory_order_acquire);
    if (metric) return metric;
    metric = metric_of(&answered, method_of(rq), path_of(rq), names[class]);
    atomic_store_explicit(&series->by_class[class], metric, memory_order_release);
    return metric;
}

static struct metric *duration_of(const struct request *rq, struct route_series *series)
{
    struct metric *metric = atomic_load_explicit(&series->duration, memory_order_acquire);
    if (metric) return metric;
    metric = metric_of(&duration, method_of(rq), path_of(rq));
    atomic_store_explicit(&series->duration, metric, memory_order_release);
    return metric;
}

static int class_of(int status)
{
    int class = status / 100 - 1;
    return class >= 0 && class < N_CLASSES ? class : N_CLASSES - 1;
}

void observe_answer(const struct request *rq, int status)
{
    const struct observer *observer = rq->web->observer;
    size_t at = rq->route ? (size_t)(rq->route - routes) : routes_count;
    struct route_series *series = &observer->routes[at];
    int64_t took_us = clock_mono_us() - rq->begun_us;
    metric_add(counter_of(rq, series, class_of(status)), 1);
    if (!rq->is_waiting) metric_observe(duration_of(rq, series), took_us);
    if (log_is_on(LOG_DEBUG))
        log_debug("request_answered", LOG_STR("request_id", rq->id), LOG_STR("method", rq->method),
                  LOG_STR("route", path_of(rq)), LOG_INT("status", status), LOG_INT("us", took_us));
}
