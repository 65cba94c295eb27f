#include "store/steps.h"

#include "store/internal.h"
#include "store/step_rows.h"

#include <assert.h>

static const char *const state_names[] = {[STEP_BEGUN] = "begun", [STEP_DONE] = "done"};

void step_row_done(struct step_row *row)
{
    xfree(row->key);
    xfree(row->request_hash);
    str_done_secret(&row->result);
    xfree(row->meta);
    *row = (struct step_row){0};
}

void step_list_done(struct step_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        step_row_done(&list->rows[i]);
    xfree(list->rows);
    *list = (struct step_list){0};
}

static void step_context(const char *run_id, int generation, const char *key, struct str *out)
{
    str_append_format(out, "steps/%s/%d/%s", run_id, generation, key);
}

void store_step_seal(struct store *store, const char *run_id, int generation, const char *key,
                     const void *result, size_t len, struct str *out_sealed)
{
    AUTO(str_done) struct str context = {0};
    step_context(run_id, generation, key, &context);
    seal(&store->keys, str_text(&context), result, len, out_sealed);
    assert(str_ok(out_sealed));
}

static enum err step_begin(struct db *db, const char *run_id, int generation, int attempt,
                           int64_t now_ms, const struct step_write *step, int64_t *out_changes)
{
    AUTO(query_done)
    struct query q = query_begin(
        db,
        "INSERT INTO steps (run_id, generation, key, state, format, attempt, request_hash, meta,"
        " begun_ms, done_ms, sealed) VALUES (?, ?, ?, 'begun', ?, ?, ?, ?, ?, 0, NULL)"
        " ON CONFLICT (run_id, generation, key) DO UPDATE SET attempt = excluded.attempt,"
        " meta = coalesce(excluded.meta, meta) WHERE state = 'begun'");
    query_bind_text(&q, run_id);
    query_bind_i64(&q, generation);
    query_bind_text(&q, step->key);
    query_bind_i64(&q, STEP_FORMAT);
    query_bind_i64(&q, attempt);
    query_bind_text(&q, step->request_hash ? step->request_hash : "");
    query_bind_text(&q, step->meta);
    query_bind_i64(&q, now_ms);
    enum err e = query_run(&q);
    if (!e) *out_changes = query_changes(&q);
    return e;
}

/* A step that does nothing outside may be written as done at once, without ever having begun. */
static enum err step_finish(struct db *db, const char *run_id, int generation, int attempt,
                            int64_t now_ms, const struct step_write *step, int64_t *out_changes)
{
    AUTO(query_done)
    struct query q = query_begin(
        db,
        "INSERT INTO steps (run_id, generation, key, state, format, attempt, request_hash, meta,"
        " begun_ms, done_ms, sealed) VALUES (?1, ?2, ?3, 'done', ?4, ?5, coalesce(?6, ''), ?7, ?8,"
        " ?8, ?9)"
        " ON CONFLICT (run_id, generation, key) DO UPDATE SET state = 'done',"
        " format = excluded.format, attempt = excluded.attempt,"
        " request_hash = coalesce(?6, request_hash), meta = coalesce(excluded.meta, meta),"
        " done_ms = excluded.done_ms, sealed = excluded.sealed WHERE state = 'begun'");
    query_bind_text(&q, run_id);
    query_bind_i64(&q, generation);
    query_bind_text(&q, step->key);
    query_bind_i64(&q, STEP_FORMAT);
    query_bind_i64(&q, attempt);
    query_bind_text(&q, step->request_hash);
    query_bind_text(&q, step->meta);
    query_bind_i64(&q, now_ms);
    query_bind_blob(&q, step->sealed, step->sealed_len);
    enum err e = query_run(&q);
    if (!e) *out_changes = query_changes(&q);
    return e;
}

enum err step_row_write(struct db *db, const char *run_id, int generation, int attempt,
                        int64_t now_ms, const struct step_write *step)
{
    int64_t changes = 0;
    enum err e = step->state == STEP_DONE
                     ? step_finish(db, run_id, generation, attempt, now_ms, step, &changes)
                     : step_begin(db, run_id, generation, attempt, now_ms, step, &changes);
    if (e) return e;
    if (changes != 1)
        return fail(E_CONFLICT, "step %s of briefing %s is done already", step->key, run_id);
    return E_OK;
}

static enum err step_row_read(struct query *q, const struct seal_keys *keys, const char *run_id,
                              int generation, struct step_row *out_row)
{
    AUTO(step_row_done)
    struct step_row row = {
        .key = query_text_copy(q, 0),
        .format = (int)query_i64(q, 2),
        .attempt = (int)query_i64(q, 3),
        .request_hash = query_text_copy(q, 4),
        .meta = query_text_copy(q, 5),
        .begun_ms = query_i64(q, 6),
        .done_ms = query_i64(q, 7),
    };
    const char *state = query_text(q, 1);
    if (text_equal(state, state_names[STEP_DONE]))
        row.state = STEP_DONE;
    else if (!text_equal(state, state_names[STEP_BEGUN]))
        return fail(E_CORRUPT, "a step of briefing %s has a state that does not exist", run_id);
    if (!row.key || !row.request_hash)
        return fail(E_CORRUPT, "a step of briefing %s is not complete", run_id);

    size_t len = 0;
    const void *sealed = query_blob(q, 8, &len);
    if (sealed) {
        AUTO(str_done) struct str context = {0};
        step_context(run_id, generation, row.key, &context);
        enum err e = seal_open(keys, str_text(&context), sealed, len, &row.result);
        if (e) return fail_context(e, "step %s of briefing %s", row.key, run_id);
    }
    *out_row = row;
    row = (struct step_row){0};
    return E_OK;
}

enum err step_rows_read(struct db *db, const struct seal_keys *keys, const char *run_id,
                        int generation, struct step_list *out_list)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT key, state, format, attempt, request_hash, meta,"
                                     " begun_ms, done_ms, sealed FROM steps"
                                     " WHERE run_id = ? AND generation = ? ORDER BY seq");
    query_bind_text(&q, run_id);
    query_bind_i64(&q, generation);

    AUTO(step_list_done) struct step_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        list.rows = list_grow(list.rows, list.n, sizeof *list.rows);
        e = step_row_read(&q, keys, run_id, generation, &list.rows[list.n]);
        if (e) return e;
        list.n++;
    }
    *out_list = list;
    list = (struct step_list){0};
    return E_OK;
}

enum err store_steps_list(struct store *store, const char *run_id, int generation,
                          struct step_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    return step_rows_read(reader.db, &store->keys, run_id, generation, out_list);
}

enum err store_steps_count(struct store *store, const char *run_id, int generation,
                           const char *outcome, int64_t *out_n)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q =
        query_begin(reader.db, "SELECT count(*) FROM steps WHERE run_id = ? AND generation < ?"
                               " AND state = 'done' AND json_extract(meta, '$.outcome') = ?");
    query_bind_text(&q, run_id);
    query_bind_i64(&q, generation);
    query_bind_text(&q, outcome);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_n = query_i64(&q, 0);
    return e;
}
