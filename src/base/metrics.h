/*
 * Metrics: what the process counts and measures, and their text for Prometheus.
 *
 * Whoever measures something describes it in a constant of its own and asks once for the series:
 *
 *     static const struct metric_def requests = {
 *         .name = "briefd_http_requests_total",
 *         .help = "Answered requests.",
 *         .kind = METRIC_COUNTER,
 *         .labels = {"route", "class"},
 *     };
 *     metric_add(metric_of(&requests, "/briefings", "2xx"), 1);
 *
 * Names are fixed: `briefd_…` in base units (seconds, bytes, dollars), counters end in `_total`.
 * Labels take values from short lists that are known beforehand, never what a caller sent: an id in
 * a label is a fault. When a family has METRIC_SERIES_MAX series all the same, further ones are
 * counted together under "other".
 *
 * Values are whole numbers of 10^-decimals of the unit: .decimals = 6 counts microseconds and shows
 * seconds. They live as long as the process and begin at zero with it.
 *
 * Any thread. Adding and observing are a few relaxed atomic additions. metric_of() looks the series
 * up without a lock, comparing texts: hot paths keep what it returned, it stays valid for good.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/str.h"

#define METRIC_LABELS_MAX 3
#define METRIC_SERIES_MAX 512 /* of one family */
#define METRIC_BOUNDS_MAX 20
#define METRIC_VALUE_MAX  64 /* bytes of a label's value; the rest is cut */

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_def {
    const char *name;
    const char *help; /* one sentence; no line end */
    enum metric_kind kind;
    int decimals;                              /* 0 to 9 */
    const char *labels[METRIC_LABELS_MAX + 1]; /* names; NULL-terminated, may be empty */
    int64_t bounds[METRIC_BOUNDS_MAX + 1];     /* METRIC_HISTOGRAM: upper bounds of the buckets,
                                                    ascending, in the values' unit; a 0 ends them */
};

/* A series: one family with one combination of label values. */
struct metric;

/* The series of these values, one for each label. Made at the first call. */
struct metric *metric_get(const struct metric_def *def, const char *const *values);
#define metric_of(def, ...) metric_get((def), (const char *const[]){__VA_ARGS__, NULL})
/* Of a family without labels. */
struct metric *metric_only(const struct metric_def *def);

void metric_add(struct metric *metric, int64_t n);         /* counters (n >= 0) and gauges */
void metric_set(struct metric *metric, int64_t value);     /* gauges */
void metric_observe(struct metric *metric, int64_t value); /* histograms */
/* What a counter or gauge stands at; how often a histogram was observed. */
int64_t metric_value(const struct metric *metric);

/* All families in the text format 0.0.4, sorted by name. */
void metrics_write(struct str *out);

/* For what is read at the moment of asking instead of counted: the head of the family once, then
 * its samples, all in one go. */
void metrics_write_head(struct str *out, const struct metric_def *def);
void metrics_write_sample(struct str *out, const struct metric_def *def, int64_t value,
                          const char *const *values);

#endif
