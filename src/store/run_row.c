#include "store/run_row.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void run_row_set(char **field, const char *text)
{
    /* The text may be part of what the field holds. */
    char *old = *field;
    *field = xstrdup(text);
    xfree(old);
}

/* What X(column, field, kind) becomes in each function below depends on the kind; only texts are
 * owned. */
#define DONE(column, field, kind) DONE_##kind(row->field)
#define DONE_text(field)          xfree(field);
#define DONE_i64(field)
#define DONE_int(field)
#define DONE_bool(field)
#define DONE_status(field)
#define DONE_delivery(field)

void run_row_done(struct run_row *row)
{
    xfree(row->id);
    RUN_COLUMNS(DONE)
    xfree_secret(row->delivery_text);
    *row = (struct run_row){0};
}

#define COPY(column, field, kind) COPY_##kind(field)
#define COPY_text(field)          copy.field = xstrdup(from->field);
#define COPY_i64(field)
#define COPY_int(field)
#define COPY_bool(field)
#define COPY_status(field)
#define COPY_delivery(field)

void run_row_copy(struct run_row *to, const struct run_row *from)
{
    struct run_row copy = *from;
    copy.id = xstrdup(from->id);
    RUN_COLUMNS(COPY)
    copy.delivery_text = xstrdup(from->delivery_text);
    run_row_done(to);
    *to = copy;
}

/* ---- reading ---- */

static enum err read_text(struct query *q, int column, char **out)
{
    *out = query_text_copy(q, column);
    return E_OK;
}

static enum err read_i64(struct query *q, int column, int64_t *out)
{
    *out = query_i64(q, column);
    return E_OK;
}

static enum err read_int(struct query *q, int column, int *out)
{
    int64_t value = query_i64(q, column);
    if (value < INT32_MIN || value > INT32_MAX)
        return fail(E_CORRUPT, "a number of this briefing's row is out of range");
    *out = (int)value;
    return E_OK;
}

static enum err read_bool(struct query *q, int column, bool *out)
{
    *out = query_i64(q, column) != 0;
    return E_OK;
}

static enum err read_status(struct query *q, int column, enum run_status *out)
{
    if (run_status_parse(query_text(q, column), out))
        return fail(E_CORRUPT, "this briefing's row has a status that does not exist");
    return E_OK;
}

static enum err read_delivery(struct query *q, int column, enum delivery_state *out)
{
    if (delivery_state_parse(query_text(q, column), out))
        return fail(E_CORRUPT, "this briefing's row has a delivery state that does not exist");
    return E_OK;
}

#define SEAL_CONTEXT_MAX (ID_MAX + 32)

/* An id from a damaged row may be longer than ours; the context then fits no seal. */
static void delivery_context(const char *run_id, char out[SEAL_CONTEXT_MAX])
{
    snprintf(out, SEAL_CONTEXT_MAX, "runs/%s/delivery", run_id);
}

static enum err read_delivery_text(struct query *q, int column, const struct seal_keys *keys,
                                   struct run_row *row)
{
    size_t len = 0;
    const void *sealed = query_blob(q, column, &len);
    if (!sealed) return E_OK;
    char context[SEAL_CONTEXT_MAX];
    delivery_context(row->id ? row->id : "", context);
    AUTO(str_done_secret) struct str text = {0};
    enum err e = seal_open(keys, context, sealed, len, &text);
    if (e) return fail_context(e, "the delivery text of briefing %s", context);
    row->delivery_text = xstrdup(str_text(&text));
    return E_OK;
}

#define READ(column, field, kind)                                                                  \
    if (!e) e = read_##kind(q, at++, &row.field);

enum err run_row_read(struct query *q, const struct seal_keys *keys, struct run_row *out_row)
{
    AUTO(run_row_done) struct run_row row = {0};
    int at = 0;
    enum err e = read_text(q, at++, &row.id);
    RUN_COLUMNS(READ)
    if (!e) e = read_delivery_text(q, at++, keys, &row);
    if (e) return e;
    *out_row = row;
    row = (struct run_row){0};
    return E_OK;
}

enum err run_row_get(struct db *db, const struct seal_keys *keys, const char *run_id,
                     struct run_row *out_row)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT " RUN_SQL_COLUMNS " FROM runs WHERE id = ?");
    query_bind_text(&q, run_id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no briefing with this id");
    return run_row_read(&q, keys, out_row);
}

/* ---- writing ---- */

#define bind_text query_bind_text
#define bind_i64  query_bind_i64
#define bind_int  query_bind_i64
#define bind_bool query_bind_i64

static void bind_status(struct query *q, enum run_status status)
{
    query_bind_text(q, run_status_name(status));
}

static void bind_delivery(struct query *q, enum delivery_state state)
{
    query_bind_text(q, delivery_state_name(state));
}

#define BIND(column, field, kind)      bind_##kind(&q, row->field);
#define SQL_PLACE(column, field, kind) ", ?"
#define SQL_SET(column, field, kind)   ", " #column " = ?"
/* Each column of the lists brings a comma, so that one has to stand before them: one in no index.
 */
#define SQL_UPDATE "UPDATE runs SET timezone = timezone"

static enum err write_delivery_text(struct db *db, const struct seal_keys *keys,
                                    const struct run_row *row)
{
    AUTO(str_done) struct str sealed = {0};
    if (row->delivery_text) {
        char context[SEAL_CONTEXT_MAX];
        delivery_context(row->id, context);
        seal(keys, context, row->delivery_text, strlen(row->delivery_text), &sealed);
    }
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE runs SET delivery_sealed = ? WHERE id = ?");
    query_bind_blob(&q, sealed.data, sealed.len);
    query_bind_text(&q, row->id);
    return query_run(&q);
}

enum err run_row_insert(struct db *db, const struct seal_keys *keys, const struct run_row *row)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT INTO runs (id" RUN_COLUMNS(
                                         RUN_SQL_NAME_) ")"
                                                        " VALUES (?" RUN_COLUMNS(SQL_PLACE) ")");
    query_bind_text(&q, row->id);
    RUN_COLUMNS(BIND)
    enum err e = query_run(&q);
    if (e || !row->delivery_text) return e;
    return write_delivery_text(db, keys, row);
}

struct run_before run_before(const struct run_row *row)
{
    return (struct run_before){
        .status = row->status,
        .started_ms = row->started_ms,
        .finished_ms = row->finished_ms,
        .blocked_ms = row->blocked_ms,
        .needs_attention = row->needs_attention,
        .delivery = row->delivery,
        .usage = row->usage,
        .delivery_text = xstrdup(row->delivery_text),
    };
}

void run_before_done(struct run_before *before)
{
    xfree_secret(before->delivery_text);
    *before = (struct run_before){0};
}

static enum err write_indexed(struct db *db, const struct run_row *row)
{
    AUTO(query_done)
    struct query q = query_begin(db, SQL_UPDATE RUN_COLUMNS_INDEXED(SQL_SET)
                                         RUN_COLUMNS_MOVING(SQL_SET) " WHERE id = ?");
    RUN_COLUMNS_INDEXED(BIND)
    RUN_COLUMNS_MOVING(BIND)
    query_bind_text(&q, row->id);
    return query_run(&q);
}

static enum err write_moving(struct db *db, const struct run_row *row)
{
    AUTO(query_done)
    struct query q = query_begin(db, SQL_UPDATE RUN_COLUMNS_MOVING(SQL_SET) " WHERE id = ?");
    RUN_COLUMNS_MOVING(BIND)
    query_bind_text(&q, row->id);
    return query_run(&q);
}

enum err run_row_update(struct db *db, const struct seal_keys *keys,
                        const struct run_before *before, const struct run_row *row)
{
    bool is_index_touched =
        before->status != row->status || before->started_ms != row->started_ms ||
        before->finished_ms != row->finished_ms || before->blocked_ms != row->blocked_ms;
    enum err e = is_index_touched ? write_indexed(db, row) : write_moving(db, row);
    if (e || text_equal(before->delivery_text, row->delivery_text)) return e;
    return write_delivery_text(db, keys, row);
}
