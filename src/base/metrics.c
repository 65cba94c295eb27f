/*
 * The registry. Families and series are only ever added, each list with one atomic store, so that
 * looking up and writing out need no lock. The mutex is held to add one.
 */
#include "base/metrics.h"

#include "base/thread.h"
#include "base/utf8.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_TEXT_MAX (METRIC_LABELS_MAX * (2 * METRIC_VALUE_MAX + 40))
#define FAMILIES_MAX    128
#define OTHER           "other"

struct metric {
    const struct metric_def *def;
    struct metric *_Atomic next;
    char *labels;       /* as they are written: a="x",b="y" */
    atomic_llong value; /* of a histogram: the sum */
    int n_bounds;
    atomic_llong counts[]; /* of a histogram: one a bucket, the last is above all bounds */
};

struct family {
    const struct metric_def *def;
    struct metric *_Atomic first;
    int n; /* guarded by the mutex */
};

static struct {
    struct mutex mutex;
    struct family families[FAMILIES_MAX];
    atomic_int n_families;
} registry = {.mutex = {.os = PTHREAD_MUTEX_INITIALIZER}};

/* ---- labels ---- */

/* Text format: backslash, quote and line end are escaped. */
static void append_value(struct str *out, const char *value)
{
    size_t len = utf8_cut(value, strlen(value), METRIC_VALUE_MAX);
    for (size_t i = 0; i < len; i++) {
        if (value[i] == '\n')
            str_append_text(out, "\\n");
        else if (value[i] == '"' || value[i] == '\\')
            str_append_format(out, "\\%c", value[i]);
        else
            str_append_char(out, value[i]);
    }
}

static void append_labels(struct str *out, const struct metric_def *def, const char *const *values)
{
    for (int i = 0; def->labels[i]; i++) {
        assert(values[i]);
        if (i > 0) str_append_char(out, ',');
        str_append_format(out, "%s=\"", def->labels[i]);
        append_value(out, values[i]);
        str_append_char(out, '"');
    }
}

/* ---- finding and adding ---- */

static struct metric *find_series(const struct family *family, const char *labels)
{
    struct metric *m = atomic_load(&family->first);
    while (m && strcmp(m->labels, labels) != 0)
        m = atomic_load(&m->next);
    return m;
}

static struct family *find_family(const struct metric_def *def)
{
    int n = atomic_load(&registry.n_families);
    for (int i = 0; i < n; i++)
        if (registry.families[i].def == def) return &registry.families[i];
    return NULL;
}

static struct family *add_family_locked(const struct metric_def *def)
{
    struct family *family = find_family(def);
    if (family) return family;
    int n = atomic_load(&registry.n_families);
    assert(n < FAMILIES_MAX);
    /* Two constants of one name would make two families of it. */
    for (int i = 0; i < n; i++)
        assert(strcmp(registry.families[i].def->name, def->name) != 0);
    registry.families[n].def = def;
    atomic_store(&registry.n_families, n + 1);
    return &registry.families[n];
}

static struct metric *add_series_locked(struct family *family, const char *labels)
{
    struct metric *m = find_series(family, labels);
    if (m) return m;
    const struct metric_def *def = family->def;
    int n_bounds = 0;
    while (def->kind == METRIC_HISTOGRAM && def->bounds[n_bounds])
        n_bounds++;
    m = xcalloc(1, sizeof(*m) + (size_t)(n_bounds + 1) * sizeof(m->counts[0]));
    m->def = def;
    m->labels = xstrdup(labels);
    m->n_bounds = n_bounds;
    /* Behind the others: what is written keeps its order. */
    struct metric *_Atomic *end = &family->first;
    for (struct metric *at = atomic_load(end); at; at = atomic_load(end))
        end = &at->next;
    atomic_store(end, m);
    family->n++;
    return m;
}

static struct metric *add(const struct metric_def *def, const char *labels)
{
    AUTO(str_done) struct str other = STR_LIMIT(LABELS_TEXT_MAX);
    const char *const others[METRIC_LABELS_MAX] = {OTHER, OTHER, OTHER};
    append_labels(&other, def, others);
    mutex_lock(&registry.mutex);
    struct family *family = add_family_locked(def);
    bool is_full = family->n >= METRIC_SERIES_MAX;
    struct metric *m = add_series_locked(family, is_full ? str_text(&other) : labels);
    mutex_unlock(&registry.mutex);
    return m;
}

struct metric *metric_get(const struct metric_def *def, const char *const *values)
{
    AUTO(str_done) struct str labels = STR_LIMIT(LABELS_TEXT_MAX);
    append_labels(&labels, def, values);
    const struct family *family = find_family(def);
    struct metric *m = family ? find_series(family, str_text(&labels)) : NULL;
    return m ? m : add(def, str_text(&labels));
}

struct metric *metric_only(const struct metric_def *def)
{
    assert(!def->labels[0]);
    return metric_get(def, NULL);
}

/* ---- counting ---- */

void metric_add(struct metric *m, int64_t n)
{
    assert(m->def->kind == METRIC_GAUGE || (m->def->kind == METRIC_COUNTER && n >= 0));
    atomic_fetch_add_explicit(&m->value, n, memory_order_relaxed);
}

void metric_set(struct metric *m, int64_t value)
{
    assert(m->def->kind == METRIC_GAUGE);
    atomic_store_explicit(&m->value, value, memory_order_relaxed);
}

void metric_observe(struct metric *m, int64_t value)
{
    assert(m->def->kind == METRIC_HISTOGRAM);
    int bucket = 0;
    while (bucket < m->n_bounds && value > m->def->bounds[bucket])
        bucket++;
    atomic_fetch_add_explicit(&m->counts[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&m->value, value, memory_order_relaxed);
}

int64_t metric_value(const struct metric *m)
{
    if (m->def->kind != METRIC_HISTOGRAM) return atomic_load(&m->value);
    int64_t n = 0;
    for (int i = 0; i <= m->n_bounds; i++)
        n += atomic_load(&m->counts[i]);
    return n;
}

/* ---- the text ---- */

static void append_number(struct str *out, int64_t value, int decimals)
{
    uint64_t whole = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    uint64_t unit = 1;
    for (int i = 0; i < decimals; i++)
        unit *= 10;
    str_append_format(out, "%s%llu", value < 0 ? "-" : "", (unsigned long long)(whole / unit));
    uint64_t rest = whole % unit;
    if (rest == 0) return;
    str_append_char(out, '.');
    for (unit /= 10; rest > 0; unit /= 10) {
        str_append_char(out, (char)('0' + rest / unit));
        rest %= unit;
    }
}

static void append_sample(struct str *out, const char *name, const char *suffix, const char *labels,
                          const char *le)
{
    str_append_format(out, "%s%s", name, suffix);
    if (!*labels && !*le) return;
    str_append_format(out, "{%s%s%s}", labels, *labels && *le ? "," : "", le);
}

static void write_histogram(struct str *out, const struct metric *m)
{
    const struct metric_def *def = m->def;
    int64_t n = 0;
    for (int i = 0; i <= m->n_bounds; i++) {
        AUTO(str_done) struct str le = {0};
        str_append_text(&le, "le=\"");
        if (i < m->n_bounds)
            append_number(&le, def->bounds[i], def->decimals);
        else
            str_append_text(&le, "+Inf");
        str_append_char(&le, '"');
        n += atomic_load(&m->counts[i]);
        append_sample(out, def->name, "_bucket", m->labels, str_text(&le));
        str_append_format(out, " %lld\n", (long long)n);
    }
    append_sample(out, def->name, "_sum", m->labels, "");
    str_append_char(out, ' ');
    append_number(out, atomic_load(&m->value), def->decimals);
    str_append_char(out, '\n');
    append_sample(out, def->name, "_count", m->labels, "");
    str_append_format(out, " %lld\n", (long long)n);
}

static void write_value(struct str *out, const struct metric_def *def, const char *labels,
                        int64_t value)
{
    append_sample(out, def->name, "", labels, "");
    str_append_char(out, ' ');
    append_number(out, value, def->decimals);
    str_append_char(out, '\n');
}

void metrics_write_head(struct str *out, const struct metric_def *def)
{
    static const char *const types[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    str_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", def->name, def->help, def->name,
                      types[def->kind]);
}

void metrics_write_sample(struct str *out, const struct metric_def *def, int64_t value,
                          const char *const *values)
{
    AUTO(str_done) struct str labels = STR_LIMIT(LABELS_TEXT_MAX);
    append_labels(&labels, def, values);
    write_value(out, def, str_text(&labels), value);
}

static int compare_names(const void *a, const void *b)
{
    const int *x = a;
    const int *y = b;
    return strcmp(registry.families[*x].def->name, registry.families[*y].def->name);
}

void metrics_write(struct str *out)
{
    int sorted[FAMILIES_MAX];
    int n = atomic_load(&registry.n_families);
    for (int i = 0; i < n; i++)
        sorted[i] = i;
    qsort(sorted, (size_t)n, sizeof(sorted[0]), compare_names);
    for (int i = 0; i < n; i++) {
        const struct family *family = &registry.families[sorted[i]];
        metrics_write_head(out, family->def);
        for (const struct metric *m = atomic_load(&family->first); m; m = atomic_load(&m->next)) {
            if (m->def->kind == METRIC_HISTOGRAM)
                write_histogram(out, m);
            else
                write_value(out, m->def, m->labels, atomic_load(&m->value));
        }
    }
}
