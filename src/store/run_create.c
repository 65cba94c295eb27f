#include "base/clock.h"
#include "store/event_rows.h"
#include "store/idempotency_rows.h"
#include "store/internal.h"
#include "store/run_row.h"
#include "store/users.h"
#include "store/webhook_rows.h"

#include <assert.h>
#include <stdio.h>

void run_created_done(struct run_created *created)
{
    str_done_secret(&created->answer.body);
    *created = (struct run_created){0};
}

/* Lives on the stack of the caller of store_run_create(). */
struct creation {
    const struct run_create *create;
    struct run_created created;
    struct run_row row; /* the new one, or the one attached to */
    int64_t now_ms;
};

/* Is there an answer under the key already? */
static enum err look_up_key(struct store *store, struct db *db, struct creation *c,
                            bool *out_is_settled)
{
    const struct run_idempotency *what = &c->create->idempotency;
    *out_is_settled = false;
    if (!what->key) return E_OK;
    enum err e = idempotency_row_get(db, &store->keys, what, c->now_ms, &c->created.answer,
                                     c->created.run_id);
    if (e == E_NOT_FOUND) return E_OK;
    if (e && e != E_CONFLICT) return e;
    c->created.outcome = e == E_CONFLICT ? RUN_KEY_REUSED : RUN_REPLAYED;
    *out_is_settled = true;
    return E_OK;
}

/* Of the live runs of this user and recipe: the newest that asks the same (`out_same`) and is not
 * about to be cancelled, and the newest at all. Empty when there is none. */
static enum err find_live(struct db *db, const struct run_row *row, char out_same[ID_MAX],
                          char out_newest[ID_MAX])
{
    AUTO(query_done)
    struct query q =
        query_begin(db, "SELECT id, recipe_hash, mode, params_hash, is_cancel_wanted"
                        " FROM runs WHERE user_id = ? AND recipe = ? AND finished_ms = 0"
                        " ORDER BY id DESC");
    query_bind_text(&q, row->user_id);
    query_bind_text(&q, row->recipe);
    out_same[0] = out_newest[0] = '\0';
    while (!out_same[0]) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        if (!out_newest[0]) snprintf(out_newest, ID_MAX, "%s", query_text(&q, 0));
        if (text_equal(query_text(&q, 1), row->recipe_hash) &&
            text_equal(query_text(&q, 2), row->mode) &&
            text_equal(query_text(&q, 3), row->params_hash) && !query_i64(&q, 4))
            snprintf(out_same, ID_MAX, "%s", query_text(&q, 0));
    }
    return E_OK;
}

static enum err answer(struct store *store, struct db *db, struct creation *c)
{
    const struct run_create *create = c->create;
    snprintf(c->created.run_id, ID_MAX, "%s", c->row.id);
    if (create->render)
        create->render(create->render_ctx, &c->row, c->created.outcome == RUN_ATTACHED,
                       &c->created.answer);
    if (!create->idempotency.key) return E_OK;
    return idempotency_row_put(db, &store->keys, &create->idempotency, c->row.id, c->now_ms,
                               &c->created.answer);
}

/* What to do about live runs that are there already. */
static enum err look_up_live(struct store *store, struct db *db, struct creation *c,
                             bool *out_is_settled)
{
    *out_is_settled = false;
    if (c->create->if_running == RUN_ENQUEUE) return E_OK;
    char same[ID_MAX];
    char newest[ID_MAX];
    enum err e = find_live(db, c->create->row, same, newest);
    if (e || !newest[0]) return e;

    *out_is_settled = true;
    if (c->create->if_running == RUN_ATTACH && same[0]) {
        e = run_row_get(db, &store->keys, same, &c->row);
        if (e) return e;
        c->created.outcome = RUN_ATTACHED;
        return answer(store, db, c);
    }
    c->created.outcome = RUN_ALREADY_RUNNING;
    snprintf(c->created.run_id, ID_MAX, "%s", newest);
    return E_OK;
}

/* The fields that the header calls written once, and the beginning of the others. */
static void fill(struct creation *c)
{
    const struct run_row *from = c->create->row;
    char id[ID_MAX];
    id_new("br", id);
    run_row_copy(&c->row, from);
    if (!c->row.id) run_row_set(&c->row.id, id);
    if (!c->row.created_ms) c->row.created_ms = c->now_ms;
}

static enum err insert(struct store *store, struct db *db, struct creation *c)
{
    if (writer_live_runs(store->writer) >= c->create->open_max) {
        c->created.outcome = RUN_QUEUE_FULL;
        return E_OK;
    }
    fill(c);
    enum err e = user_row_add(db, c->row.user_id, c->now_ms);
    if (e) return e;
    /* The row first: the event refers to it. It already has the number that the event will get. */
    struct run_row *row = &c->row;
    row->last_event = 1;
    e = run_row_insert(db, &store->keys, row);
    if (e) return e;
    row->last_event = 0;
    e = event_row_add(db, row, c->now_ms, &(struct event_new){.type = "queued"});
    if (e) return e;
    e = webhook_run_changed(store, db, row, run_status_name(row->status), c->now_ms);
    if (e) return e;
    writer_live_runs_add(store->writer, 1);
    c->created.outcome = RUN_CREATED;
    return answer(store, db, c);
}

static enum err create_run(struct store *store, struct db *db, struct write_job *job)
{
    struct creation *c = job->ctx;
    c->now_ms = clock_unix_ms();
    bool is_settled = false;
    enum err e = look_up_key(store, db, c, &is_settled);
    if (e || is_settled) return e;
    e = look_up_live(store, db, c, &is_settled);
    if (e || is_settled) return e;
    e = insert(store, db, c);
    if (e || c->created.outcome != RUN_CREATED) return e;
    job->changed = &c->row;
    job->n_changed = 1;
    return E_OK;
}

static void creation_done(struct creation *c)
{
    run_row_done(&c->row);
    run_created_done(&c->created);
}

enum err store_run_create(struct store *store, const struct run_create *create,
                          struct run_created *out_created)
{
    assert(create->row->status == RUN_QUEUED && !create->row->last_event);
    AUTO(creation_done) struct creation creation = {.create = create};
    struct write_job job = {.run = create_run, .ctx = &creation};
    enum err e = writer_do(store->writer, &job);
    if (e) return e;
    *out_created = creation.created;
    creation.created = (struct run_created){0};
    return E_OK;
}
