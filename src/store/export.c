/*
 * The export of one user's data. It walks over the tables as they are, so that a new column or a
 * column of a later version is in it without further doing.
 */
#include "base/clock.h"
#include "store/erase.h"
#include "store/idempotency_rows.h"
#include "store/internal.h"
#include "store/run_queries.h"
#include "store/run_row.h"
#include "store/step_rows.h"

#include "base/json.h"

#include <string.h>

struct exporter {
    struct store *store;
    struct db *db;
    const char *user_id;
    struct str text; /* what was not yet written */
    struct json_writer w;
    export_write *write;
    void *ctx;
};

static enum err flush(struct exporter *x)
{
    enum err e = x->write(x->ctx, str_text(&x->text), x->text.len);
    str_clear(&x->text);
    return e;
}

/* ---- a row, whatever its columns are ---- */

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (text_equal(name, *names)) return true;
    return false;
}

/* Times are called what the interface calls them. */
static void put_integer(struct json_writer *w, const char *name, int64_t value)
{
    static const char *const durations[] = {"deadline_ms", "running_ms", NULL};
    static const char *const bare[] = {"at_ms", "start_by_ms", NULL};
    size_t len = strlen(name);
    bool is_time = len > 3 && text_equal(name + len - 3, "_ms") && !is_one_of(name, durations);
    if (is_time) {
        AUTO(str_done) struct str key = {0};
        str_append_format(&key, "%.*s%s", (int)(len - 3), name, is_one_of(name, bare) ? "" : "_at");
        json_put_time(w, str_text(&key), value);
    } else if (text_starts(name, "is_") || text_starts(name, "needs_")) {
        json_put_bool(w, name, value != 0);
    } else {
        json_put_int(w, name, value);
    }
}

static void put_text(struct json_writer *w, const char *name, const char *text)
{
    static const char *const documents[] = {"params", "metadata", "blocked_on", "identity",
                                            "data",   "meta",     "connectors", "unconfirmed",
                                            "body",   NULL};
    size_t len = strlen(text);
    bool is_document =
        is_one_of(name, documents) && json_check(text, len, (struct json_limits){0}) == E_OK;
    if (is_document)
        json_put_raw(w, name, text, len);
    else
        json_put_string(w, name, text);
}

/* Hashes and sealed columns are blobs: what is sealed is told by those who can open it. */
static void put_columns(struct json_writer *w, struct query *q)
{
    for (int i = 0; i < query_n_columns(q); i++) {
        const char *name = query_column_name(q, i);
        switch (query_column_kind(q, i)) {
        case COLUMN_NULL:
            json_put_null(w, name);
            break;
        case COLUMN_INTEGER:
            put_integer(w, name, query_i64(q, i));
            break;
        case COLUMN_TEXT:
            put_text(w, name, query_text(q, i));
            break;
        case COLUMN_BLOB:
            break;
        }
    }
}

/* All rows of a question whose only parameter is `about`, as an array. */
static enum err put_rows(struct exporter *x, const char *name, const char *sql, const char *about)
{
    AUTO(query_done) struct query q = query_begin(x->db, sql);
    query_bind_text(&q, about);
    json_key(&x->w, name);
    json_begin_array(&x->w);
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        json_begin_object(&x->w);
        put_columns(&x->w, &q);
        json_end_object(&x->w);
    }
    json_end_array(&x->w);
    return E_OK;
}

/* ---- a run ---- */

/* Opened contents: a document as such, anything else as text. */
static void put_opened(struct json_writer *w, const char *name, const struct str *text)
{
    if (text->len > 0 && json_check(str_text(text), text->len, (struct json_limits){0}) == E_OK)
        json_put_raw(w, name, str_text(text), text->len);
    else
        json_put_string(w, name, str_text(text));
}

static enum err put_generation(struct exporter *x, const char *run_id, int generation)
{
    AUTO(step_list_done) struct step_list steps = {0};
    enum err e = step_rows_read(x->db, &x->store->keys, run_id, generation, &steps);
    for (size_t i = 0; !e && i < steps.n; i++) {
        const struct step_row *step = &steps.rows[i];
        json_begin_object(&x->w);
        json_put_int(&x->w, "generation", generation);
        json_put_string(&x->w, "key", step->key);
        json_put_string(&x->w, "state", step->state == STEP_DONE ? "done" : "begun");
        json_put_int(&x->w, "attempt", step->attempt);
        json_put_string(&x->w, "request_hash", step->request_hash);
        if (step->meta) put_text(&x->w, "meta", step->meta);
        json_put_time(&x->w, "begun_at", step->begun_ms);
        json_put_time(&x->w, "done_at", step->done_ms);
        put_opened(&x->w, "result", &step->result);
        json_end_object(&x->w);
    }
    return e;
}

static enum err put_steps(struct exporter *x, const struct run_row *row)
{
    enum err e = E_OK;
    json_key(&x->w, "steps");
    json_begin_array(&x->w);
    for (int generation = 0; !e && generation <= row->generation; generation++)
        e = put_generation(x, row->id, generation);
    json_end_array(&x->w);
    return e;
}

/* The columns once more, under the names of the table. */
static enum err put_run_columns(struct exporter *x, const char *run_id)
{
    AUTO(query_done) struct query q = query_begin(x->db, "SELECT * FROM runs WHERE id = ?");
    query_bind_text(&q, run_id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e && has_row) put_columns(&x->w, &q);
    return e;
}

static enum err put_run(struct exporter *x, const char *run_id)
{
    AUTO(run_row_done) struct run_row row = {0};
    enum err e = run_row_get(x->db, &x->store->keys, run_id, &row);
    if (e == E_NOT_FOUND) return E_OK; /* deleted meanwhile */
    if (e) return e;
    json_begin_object(&x->w);
    e = put_run_columns(x, run_id);
    json_put_string(&x->w, "delivery_text", row.delivery_text);
    if (!e) e = put_steps(x, &row);
    if (!e)
        e = put_rows(x, "events",
                     "SELECT n, at_ms, type, data FROM events WHERE run_id = ? ORDER BY n", run_id);
    if (!e)
        e = put_rows(x, "idempotency_keys",
                     "SELECT principal, route, key, created_ms, http_status FROM idempotency_keys"
                     " WHERE run_id = ? ORDER BY seq",
                     run_id);
    json_end_object(&x->w);
    return e ? e : flush(x);
}

static enum err put_runs(struct exporter *x)
{
    AUTO(run_ids_done) struct run_ids ids = {0};
    enum err e = E_OK;
    {
        AUTO(query_done)
        struct query q = query_begin(x->db, "SELECT id FROM runs WHERE user_id = ? ORDER BY id");
        query_bind_text(&q, x->user_id);
        e = run_ids_read(&q, &ids);
    }
    json_key(&x->w, "briefings");
    json_begin_array(&x->w);
    for (size_t i = 0; !e && i < ids.n; i++)
        e = put_run(x, ids.ids[i]);
    json_end_array(&x->w);
    return e;
}

/* ---- the user ---- */

static const struct {
    const char *name;
    const char *sql;
} user_tables[] = {
    {"connections",        "SELECT * FROM connections WHERE user_id = ? ORDER BY connector"      },
    {"params",             "SELECT * FROM user_params WHERE user_id = ? ORDER BY recipe"         },
    {"sessions",           "SELECT * FROM sessions WHERE user_id = ? ORDER BY created_ms"        },
    {"connect_tickets",    "SELECT * FROM connect_tickets WHERE user_id = ? ORDER BY created_ms" },
    {"oauth_flows",        "SELECT * FROM oauth_flows WHERE user_id = ? ORDER BY created_ms"     },
    {"webhook_deliveries", "SELECT * FROM webhook_deliveries WHERE user_id = ? ORDER BY id"      },
    {"audit",              "SELECT * FROM audit WHERE subject = ?1 OR actor = 'user:' || ?1"
              " OR subject IN (SELECT id FROM runs WHERE user_id = ?1) ORDER BY seq"},
};

static enum err put_user(struct exporter *x)
{
    char now[TIME_TEXT_MAX];
    time_format(clock_unix_ms(), now);
    json_begin_object(&x->w);
    json_put_string(&x->w, "user_id", x->user_id);
    json_put_string(&x->w, "exported_at", now);
    enum err e = E_OK;
    for (size_t i = 0; !e && i < ARRAY_LEN(user_tables); i++)
        e = put_rows(x, user_tables[i].name, user_tables[i].sql, x->user_id);
    if (!e) e = put_runs(x);
    json_end_object(&x->w);
    str_append_char(&x->text, '\n');
    return e ? e : flush(x);
}

static enum err check_known(struct exporter *x)
{
    AUTO(query_done) struct query q = query_begin(x->db, "SELECT 1 FROM users WHERE id = ?");
    query_bind_text(&q, x->user_id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e && !has_row) e = fail(E_NOT_FOUND, "nothing is kept about this user");
    return e;
}

enum err store_user_export(struct store *store, const char *user_id, export_write *write, void *ctx)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    struct exporter x = {
        .store = store, .db = reader.db, .user_id = user_id, .write = write, .ctx = ctx};
    x.w = json_writer(&x.text);
    enum err e = check_known(&x);
    if (!e) e = put_user(&x);
    str_done_secret(&x.text);
    return e;
}
