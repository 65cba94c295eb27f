#include "store/connections.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/users.h"

void connection_row_done(struct connection_row *row)
{
    xfree(row->user_id);
    xfree(row->connector);
    xfree(row->connection_name);
    xfree(row->account_id);
    xfree(row->status);
    xfree(row->identity);
    *row = (struct connection_row){0};
}

void connection_list_done(struct connection_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        connection_row_done(&list->rows[i]);
    xfree(list->rows);
    *list = (struct connection_list){0};
}

static void read_row(struct query *q, struct connection_row *row)
{
    row->user_id = query_text_copy(q, 0);
    row->connector = query_text_copy(q, 1);
    row->connection_name = query_text_copy(q, 2);
    row->account_id = query_text_copy(q, 3);
    row->status = query_text_copy(q, 4);
    row->identity = query_text_copy(q, 5);
    row->account_updated_ms = query_i64(q, 6);
    row->checked_ms = query_i64(q, 7);
    row->changed_ms = query_i64(q, 8);
    row->version = query_i64(q, 9);
}

#define COLUMNS                                                                                    \
    "user_id, connector, connection_name, account_id, status, identity, account_updated_ms,"       \
    " checked_ms, changed_ms, version"

static enum err find(struct db *db, const struct connection_row *like, struct connection_row *out)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT " COLUMNS " FROM connections"
                                     " WHERE user_id = ? AND connector = ?");
    query_bind_text(&q, like->user_id);
    query_bind_text(&q, like->connector);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (has_row) read_row(&q, out);
    return E_OK;
}

static enum err write_row(struct db *db, const struct connection_row *row, const char *identity,
                          int64_t changed_ms, int64_t version)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT OR REPLACE INTO connections (" COLUMNS ")"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, row->user_id);
    query_bind_text(&q, row->connector);
    query_bind_text(&q, row->connection_name);
    query_bind_text(&q, row->account_id);
    query_bind_text(&q, row->status);
    query_bind_text(&q, identity);
    query_bind_i64(&q, row->account_updated_ms);
    query_bind_i64(&q, row->checked_ms);
    query_bind_i64(&q, changed_ms);
    query_bind_i64(&q, version);
    return query_run(&q);
}

static enum err put_one(struct db *db, const struct connection_row *row, int64_t now_ms)
{
    AUTO(connection_row_done) struct connection_row old = {0};
    enum err e = find(db, row, &old);
    if (e) return e;
    if (!old.user_id) return write_row(db, row, row->identity, now_ms, 1);

    bool is_same_account = text_equal(row->account_id, old.account_id) &&
                           text_equal(row->connection_name, old.connection_name);
    const char *identity = row->identity;
    if (!identity && is_same_account) identity = old.identity;
    bool is_same_status = is_same_account && text_equal(row->status, old.status);
    bool is_same = is_same_status && text_equal(identity, old.identity) &&
                   row->account_updated_ms == old.account_updated_ms;
    return write_row(db, row, identity, is_same_status ? old.changed_ms : now_ms,
                     is_same ? old.version : old.version + 1);
}

struct put {
    const struct connection_row *rows;
    size_t n;
};

static enum err put_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct put *put = job->ctx;
    int64_t now_ms = clock_unix_ms();
    for (size_t i = 0; i < put->n; i++) {
        enum err e = user_row_add(db, put->rows[i].user_id, now_ms);
        if (e) return e;
        e = put_one(db, &put->rows[i], now_ms);
        if (e) return e;
    }
    return E_OK;
}

enum err store_connections_put(struct store *store, const struct connection_row *rows, size_t n)
{
    struct put put = {.rows = rows, .n = n};
    return store_write(store, put_run, &put);
}

enum err store_connections_list(struct store *store, const char *user_id,
                                struct connection_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT " COLUMNS " FROM connections"
                                            " WHERE user_id = ? ORDER BY connector");
    query_bind_text(&q, user_id);

    AUTO(connection_list_done) struct connection_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        read_row(&q, LIST_ADD(&list));
    }
    *out_list = list;
    list = (struct connection_list){0};
    return E_OK;
}
