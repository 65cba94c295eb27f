/* The registry: what is counted, and how Prometheus reads it. */
#include "base/metrics.h"

#include "base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#define N_THREADS 8
#define N_TIMES   20000

/* The lines of one family. */
static void read_family(const char *name, struct str *out)
{
    AUTO(str_done) struct str all = {0};
    metrics_write(&all);
    char head[100];
    snprintf(head, sizeof head, "# HELP %s ", name);
    const char *from = strstr(str_text(&all), head);
    assert_non_null(from);
    const char *end = strstr(from + 2, "# HELP ");
    str_append(out, from, end ? (size_t)(end - from) : strlen(from));
}

static void assert_family(const char *name, const char *wanted)
{
    AUTO(str_done) struct str found = {0};
    read_family(name, &found);
    assert_string_equal(str_text(&found), wanted);
}

static void a_counter_counts(void **state)
{
    (void)state;
    static const struct metric_def def = {
        .name = "briefd_test_things_total",
        .help = "Things.",
        .kind = METRIC_COUNTER,
        .labels = {"kind", "class"}
    };
    metric_add(metric_of(&def, "a", "x"), 2);
    metric_add(metric_of(&def, "b", "x"), 1);
    metric_add(metric_of(&def, "a", "x"), 1);
    assert_int_equal(metric_value(metric_of(&def, "a", "x")), 3);
    assert_family("briefd_test_things_total",
                  "# HELP briefd_test_things_total Things.\n"
                  "# TYPE briefd_test_things_total counter\n"
                  "briefd_test_things_total{kind=\"a\",class=\"x\"} 3\n"
                  "briefd_test_things_total{kind=\"b\",class=\"x\"} 1\n");
}

static void numbers_are_shown_in_the_base_unit(void **state)
{
    (void)state;
    static const struct metric_def def = {
        .name = "briefd_test_seconds", .help = "Time.", .kind = METRIC_GAUGE, .decimals = 6};
    static const struct {
        int64_t value;
        const char *shown;
    } rows[] = {
        {0,         "0"                    },
        {1,         "0.000001"             },
        {1500000,   "1.5"                  },
        {-20000,    "-0.02"                },
        {3000000,   "3"                    },
        {INT64_MIN, "-9223372036854.775808"}
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char wanted[200];
        metric_set(metric_only(&def), rows[i].value);
        snprintf(wanted, sizeof wanted,
                 "# HELP briefd_test_seconds Time.\n# TYPE briefd_test_seconds gauge\n"
                 "briefd_test_seconds %s\n",
                 rows[i].shown);
        assert_family("briefd_test_seconds", wanted);
    }
}

static void a_histogram_has_cumulative_buckets(void **state)
{
    (void)state;
    static const struct metric_def def = {
        .name = "briefd_test_took_seconds",
        .help = "How long.",
        .kind = METRIC_HISTOGRAM,
        .decimals = 3,
        .labels = {"op" },
        .bounds = { 10, 100, 2500}
    };
    struct metric *m = metric_of(&def, "x");
    static const int64_t values[] = {0, 10, 11, 100, 2500, 2501, 9999};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        metric_observe(m, values[i]);
    assert_int_equal(metric_value(m), 7);
    assert_family("briefd_test_took_seconds",
                  "# HELP briefd_test_took_seconds How long.\n"
                  "# TYPE briefd_test_took_seconds histogram\n"
                  "briefd_test_took_seconds_bucket{op=\"x\",le=\"0.01\"} 2\n"
                  "briefd_test_took_seconds_bucket{op=\"x\",le=\"0.1\"} 4\n"
                  "briefd_test_took_seconds_bucket{op=\"x\",le=\"2.5\"} 5\n"
                  "briefd_test_took_seconds_bucket{op=\"x\",le=\"+Inf\"} 7\n"
                  "briefd_test_took_seconds_sum{op=\"x\"} 15.121\n"
                  "briefd_test_took_seconds_count{op=\"x\"} 7\n");
}

static void label_values_are_escaped_and_cut(void **state)
{
    (void)state;
    static const struct metric_def def = {
        .name = "briefd_test_odd", .help = "Odd.", .kind = METRIC_GAUGE, .labels = {"l"}};
    char longer[METRIC_VALUE_MAX + 10];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    metric_set(metric_of(&def, "a\"b\\c\ne"), 1);
    metric_set(metric_of(&def, longer), 2);
    AUTO(str_done) struct str found = {0};
    read_family("briefd_test_odd", &found);
    assert_non_null(strstr(str_text(&found), "{l=\"a\\\"b\\\\c\\ne\"} 1\n"));
    longer[METRIC_VALUE_MAX] = '\0';
    assert_non_null(strstr(str_text(&found), longer));
    assert_null(strstr(str_text(&found), "xxxxxx\"} 1\n"));
}

static void a_family_does_not_grow_without_end(void **state)
{
    (void)state;
    static const struct metric_def def = {.name = "briefd_test_many_total",
                                          .help = "Many.",
                                          .kind = METRIC_COUNTER,
                                          .labels = {"id"}};
    for (int i = 0; i < METRIC_SERIES_MAX + 50; i++) {
        char id[20];
        snprintf(id, sizeof id, "id%d", i);
        metric_add(metric_of(&def, id), 1);
    }
    assert_int_equal(metric_value(metric_of(&def, "other")), 50);
    assert_int_equal(metric_value(metric_of(&def, "id0")), 1);
}

static const struct metric_def shared = {
    .name = "briefd_test_shared_total", .help = "Shared.", .kind = METRIC_COUNTER, .labels = {"n"}};

static void *count_much(void *arg)
{
    struct metric *kept = metric_of(&shared, "kept");
    for (int i = 0; i < N_TIMES; i++) {
        metric_add(kept, 1);
        if (i % 100 == 0) metric_add(metric_of(&shared, i % 200 ? "odd" : "even"), 1);
    }
    return arg;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    struct thread threads[N_THREADS] = {0};
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(thread_start(&threads[i], "count", count_much, NULL), E_OK);
    AUTO(str_done) struct str out = {0};
    metrics_write(&out);
    for (int i = 0; i < N_THREADS; i++)
        thread_join(&threads[i]);
    assert_int_equal(metric_value(metric_of(&shared, "kept")), N_THREADS * N_TIMES);
    assert_int_equal(metric_value(metric_of(&shared, "even")), N_THREADS * N_TIMES / 200);
    assert_int_equal(metric_value(metric_of(&shared, "odd")), N_THREADS * N_TIMES / 200);
}

static void families_come_sorted(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    metrics_write(&out);
    char last[100] = "";
    for (const char *at = strstr(str_text(&out), "# HELP "); at; at = strstr(at + 1, "# HELP ")) {
        char name[100];
        assert_int_equal(sscanf(at, "# HELP %99s", name), 1);
        assert_true(strcmp(last, name) < 0);
        memcpy(last, name, sizeof last);
    }
    assert_true(last[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter_counts),
        cmocka_unit_test(numbers_are_shown_in_the_base_unit),
        cmocka_unit_test(a_histogram_has_cumulative_buckets),
        cmocka_unit_test(label_values_are_escaped_and_cut),
        cmocka_unit_test(a_family_does_not_grow_without_end),
        cmocka_unit_test(threads_lose_nothing),
        cmocka_unit_test(families_come_sorted),
    };
    return cmocka_run_group_tests_name("base/metrics", tests, NULL, NULL);
}
