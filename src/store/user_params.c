#include "store/user_params.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/users.h"

void user_params_row_done(struct user_params_row *row)
{
    xfree(row->params);
    xfree(row->timezone);
    *row = (struct user_params_row){0};
}

enum err store_user_params_find(struct store *store, const char *user_id, const char *recipe,
                                struct user_params_row *out_row)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT params, timezone, updated_ms FROM user_params"
                                            " WHERE user_id = ? AND recipe = ?");
    query_bind_text(&q, user_id);
    query_bind_text(&q, recipe);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "the user has no defaults of their own");
    *out_row = (struct user_params_row){.params = query_text_copy(&q, 0),
                                        .timezone = query_text_copy(&q, 1),
                                        .updated_ms = query_i64(&q, 2)};
    return E_OK;
}

struct put {
    const char *user_id, *recipe;
    const struct user_params_row *row;
};

static enum err put_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct put *put = job->ctx;
    int64_t now_ms = clock_unix_ms();
    enum err e = user_row_add(db, put->user_id, now_ms);
    if (e) return e;
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT OR REPLACE INTO user_params"
                                     " (user_id, recipe, params, timezone, updated_ms)"
                                     " VALUES (?, ?, ?, ?, ?)");
    query_bind_text(&q, put->user_id);
    query_bind_text(&q, put->recipe);
    query_bind_text(&q, put->row->params);
    query_bind_text(&q, put->row->timezone);
    query_bind_i64(&q, now_ms);
    return query_run(&q);
}

enum err store_user_params_put(struct store *store, const char *user_id, const char *recipe,
                               const struct user_params_row *row)
{
    struct put put = {.user_id = user_id, .recipe = recipe, .row = row};
    return store_write(store, put_run, &put);
}
