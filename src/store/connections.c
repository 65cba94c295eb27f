#include "store/connections.h"

#include "base/clock.h"
#include "store/internal.h"
#include "store/users.h"
#include "store/webhook_rows.h"

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
    row->is_pending_confirmation = query_i64(q, 10) != 0;
    row->due_ms = query_i64(q, 11);
}

#define COLUMNS                                                                                    \
    "user_id, connector, connection_name, account_id, status, identity, account_updated_ms,"       \
    " checked_ms, changed_ms, version, pending_confirmation, due_ms"

/* An answer that is older than the stored one by more than this was not overtaken: the clock was
 * set back. */
#define OVERTAKEN_MS_MAX 300000

static enum err find(struct db *db, const char *user_id, const char *connector,
                     struct connection_row *out)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT " COLUMNS " FROM connections"
                                     " WHERE user_id = ? AND connector = ?");
    query_bind_text(&q, user_id);
    query_bind_text(&q, connector);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (has_row) read_row(&q, out);
    return E_OK;
}

static enum err write_columns(struct db *db, const struct connection_row *row)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT OR REPLACE INTO connections (" COLUMNS ")"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_text(&q, row->user_id);
    query_bind_text(&q, row->connector);
    query_bind_text(&q, row->connection_name);
    query_bind_text(&q, row->account_id);
    query_bind_text(&q, row->status);
    query_bind_text(&q, row->identity);
    query_bind_i64(&q, row->account_updated_ms);
    query_bind_i64(&q, row->checked_ms);
    query_bind_i64(&q, row->changed_ms);
    query_bind_i64(&q, row->version);
    query_bind_i64(&q, row->is_pending_confirmation);
    query_bind_i64(&q, row->due_ms);
    return query_run(&q);
}

static enum err write_row(struct store *store, struct db *db,
                          const struct connection_before *before, const struct connection_row *row)
{
    enum err e = write_columns(db, row);
    if (e) return e;
    atomic_fetch_add(&store->connection_changes, 1);
    return webhook_connection_changed(store, db, before, row, clock_unix_ms());
}

static enum err put_one(struct store *store, struct db *db, const struct connection_row *row,
                        int64_t now_ms)
{
    AUTO(connection_row_done) struct connection_row old = {0};
    enum err e = find(db, row->user_id, row->connector, &old);
    if (e) return e;
    AUTO(connection_before_done) struct connection_before before = connection_before(&old);
    struct connection_row new = *row; /* texts borrowed */
    new.changed_ms = now_ms;
    new.version = 1;
    new.is_pending_confirmation = old.is_pending_confirmation;
    new.due_ms = 0;
    if (!old.user_id) return write_row(store, db, &before, &new);
    bool is_overtaken =
        row->checked_ms < old.checked_ms && old.checked_ms - row->checked_ms < OVERTAKEN_MS_MAX;
    if (is_overtaken) return E_OK;

    bool is_same_account = text_equal(row->account_id, old.account_id) &&
                           text_equal(row->connection_name, old.connection_name);
    if (!new.identity && is_same_account) new.identity = old.identity;
    bool is_same_status = is_same_account && text_equal(row->status, old.status);
    bool is_same = is_same_status && text_equal(new.identity, old.identity) &&
                   row->account_updated_ms == old.account_updated_ms;
    if (is_same_status) new.changed_ms = old.changed_ms;
    new.version = is_same ? old.version : old.version + 1;
    if (old.due_ms > row->checked_ms) new.due_ms = old.due_ms;
    return write_row(store, db, &before, &new);
}

struct put {
    const struct connection_row *rows;
    size_t n;
};

static enum err put_run(struct store *store, struct db *db, struct write_job *job)
{
    const struct put *put = job->ctx;
    int64_t now_ms = clock_unix_ms();
    for (size_t i = 0; i < put->n; i++) {
        enum err e = user_row_add_asked(db, put->rows[i].user_id, put->rows[i].checked_ms, now_ms);
        if (e == E_NOT_FOUND) continue;
        if (!e) e = put_one(store, db, &put->rows[i], now_ms);
        if (e) return e;
    }
    return E_OK;
}

enum err store_connections_put(struct store *store, const struct connection_row *rows, size_t n)
{
    struct put put = {.rows = rows, .n = n};
    return store_write(store, put_run, &put);
}

static enum err read_list(struct query *q, struct connection_list *out_list)
{
    AUTO(connection_list_done) struct connection_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(q, &has_row);
        if (e) return e;
        if (!has_row) break;
        read_row(q, LIST_ADD(&list));
    }
    *out_list = list;
    list = (struct connection_list){0};
    return E_OK;
}

enum err store_connections_list(struct store *store, const char *user_id,
                                struct connection_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT " COLUMNS " FROM connections"
                                            " WHERE user_id = ? ORDER BY connector");
    query_bind_text(&q, user_id);
    return read_list(&q, out_list);
}

static enum err find_or_fail(struct db *db, const char *user_id, const char *connector,
                             struct connection_row *out)
{
    enum err e = find(db, user_id, connector, out);
    if (!e && !out->user_id) return fail(E_NOT_FOUND, "nothing is known of this connection yet");
    return e;
}

enum err store_connection_find(struct store *store, const char *user_id, const char *connector,
                               struct connection_row *out_row)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    return find_or_fail(reader.db, user_id, connector, out_row);
}

/* ---- changes that do not come from ScaleKit ---- */

struct change {
    const char *user_id, *connector, *connection_name;
    bool only_unusable;
    int64_t version;
    struct connection_row *out_row;
};

static void replace(char **text, const char *with)
{
    xfree(*text);
    *text = xstrdup(with);
}

/* The stored row, or a new one for a user who may be new, too. */
static enum err find_or_make(struct db *db, const struct change *change, struct connection_row *out)
{
    int64_t now_ms = clock_unix_ms();
    enum err e = user_row_add(db, change->user_id, now_ms);
    if (!e) e = find(db, change->user_id, change->connector, out);
    if (e || out->user_id) return e;
    *out = (struct connection_row){.user_id = xstrdup(change->user_id),
                                   .connector = xstrdup(change->connector),
                                   .connection_name = xstrdup(change->connection_name),
                                   .status = xstrdup("NOT_CONNECTED"),
                                   .changed_ms = now_ms};
    return E_OK;
}

static enum err forget_run(struct store *store, struct db *db, struct write_job *job)
{
    const struct change *change = job->ctx;
    AUTO(connection_row_done) struct connection_row row = {0};
    enum err e = find_or_make(db, change, &row);
    if (e) return e;
    AUTO(connection_before_done) struct connection_before before = connection_before(&row);
    replace(&row.connection_name, change->connection_name);
    replace(&row.status, "NOT_CONNECTED");
    replace(&row.account_id, NULL);
    replace(&row.identity, NULL);
    row.account_updated_ms = 0;
    row.is_pending_confirmation = false;
    row.due_ms = 0;
    row.checked_ms = row.changed_ms = clock_unix_ms();
    row.version++;
    return write_row(store, db, &before, &row);
}

enum err store_connection_forget(struct store *store, const char *user_id, const char *connector,
                                 const char *connection_name)
{
    struct change change = {
        .user_id = user_id, .connector = connector, .connection_name = connection_name};
    return store_write(store, forget_run, &change);
}

static enum err hold_run(struct store *store, struct db *db, struct write_job *job)
{
    const struct change *change = job->ctx;
    AUTO(connection_row_done) struct connection_row row = {0};
    enum err e = find_or_make(db, change, &row);
    if (e) return e;
    if (change->only_unusable && text_equal(row.status, "ACTIVE")) return E_OK;
    AUTO(connection_before_done) struct connection_before before = connection_before(&row);
    row.is_pending_confirmation = true;
    replace(&row.identity, NULL);
    row.version++;
    return write_row(store, db, &before, &row);
}

enum err store_connection_hold(struct store *store, const char *user_id, const char *connector,
                               const char *connection_name, bool only_unusable)
{
    struct change change = {.user_id = user_id,
                            .connector = connector,
                            .connection_name = connection_name,
                            .only_unusable = only_unusable};
    return store_write(store, hold_run, &change);
}

static enum err release_run(struct store *store, struct db *db, struct write_job *job)
{
    const struct change *change = job->ctx;
    AUTO(connection_row_done) struct connection_row row = {0};
    enum err e = find(db, change->user_id, change->connector, &row);
    if (e || !row.is_pending_confirmation) return e;
    AUTO(connection_before_done) struct connection_before before = connection_before(&row);
    row.is_pending_confirmation = false;
    row.due_ms = clock_unix_ms(); /* who it is was forgotten */
    row.version++;
    return write_row(store, db, &before, &row);
}

enum err store_connection_release(struct store *store, const char *user_id, const char *connector)
{
    struct change change = {.user_id = user_id, .connector = connector};
    return store_write(store, release_run, &change);
}

static enum err confirm_run(struct store *store, struct db *db, struct write_job *job)
{
    const struct change *change = job->ctx;
    AUTO(connection_row_done) struct connection_row row = {0};
    enum err e = find_or_fail(db, change->user_id, change->connector, &row);
    if (e) return e;
    if (change->version > 0 && change->version != row.version)
        return fail(E_CONFLICT, "the connection has changed since it was looked at");
    if (row.is_pending_confirmation) {
        if (!text_equal(row.status, "ACTIVE") || !row.identity)
            return fail(E_CONFLICT, "it is not known who is connected");
        AUTO(connection_before_done) struct connection_before before = connection_before(&row);
        row.is_pending_confirmation = false;
        row.version++;
        e = write_row(store, db, &before, &row);
        if (e) return e;
    }
    *change->out_row = row;
    row = (struct connection_row){0};
    return E_OK;
}

enum err store_connection_confirm(struct store *store, const char *user_id, const char *connector,
                                  int64_t version, struct store_once *once,
                                  struct connection_row *out_row)
{
    struct change change = {
        .user_id = user_id, .connector = connector, .version = version, .out_row = out_row};
    return store_write_once(store, once, confirm_run, &change, out_row);
}

/* ---- reading anew ---- */

/* One that was read in the future was not read just now: the clock was set back, and it would wait
 * until that time has come once more. */
enum err store_connections_stale(struct store *store, int64_t checked_before_ms, int64_t merge_ms,
                                 int max, struct connection_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q =
        query_begin(reader.db, "SELECT * FROM (SELECT " COLUMNS " FROM connections"
                               "  WHERE due_ms > 0 AND checked_ms NOT BETWEEN ?3 AND ?4"
                               "  ORDER BY due_ms LIMIT ?2)"
                               " UNION ALL "
                               "SELECT * FROM (SELECT " COLUMNS " FROM connections"
                               "  WHERE checked_ms < ?1 AND due_ms = 0 ORDER BY checked_ms"
                               "  LIMIT ?2)"
                               " UNION ALL "
                               "SELECT * FROM (SELECT " COLUMNS " FROM connections"
                               "  WHERE checked_ms > ?5 AND due_ms = 0 LIMIT ?2) LIMIT ?2");
    int64_t now_ms = clock_unix_ms();
    query_bind_i64(&q, checked_before_ms);
    query_bind_i64(&q, max);
    query_bind_i64(&q, now_ms - merge_ms + 1);
    query_bind_i64(&q, now_ms);
    query_bind_i64(&q, now_ms + OVERTAKEN_MS_MAX);
    return read_list(&q, out_list);
}

struct postpone {
    const char *user_id, *connector;
    int64_t now_ms;
    bool is_pointless;
};

static enum err postpone_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct postpone *postpone = job->ctx;
    AUTO(query_done)
    struct query q = query_begin(db, postpone->is_pointless
                                         ? "UPDATE connections SET due_ms = 0, checked_ms = ?3"
                                           " WHERE user_id = ?1 AND connector = ?2"
                                         : "UPDATE connections SET due_ms = ?3"
                                           " WHERE user_id = ?1 AND connector = ?2");
    query_bind_text(&q, postpone->user_id);
    query_bind_text(&q, postpone->connector);
    query_bind_i64(&q, postpone->now_ms);
    return query_run(&q);
}

enum err store_connection_postpone(struct store *store, const char *user_id, const char *connector,
                                   int64_t now_ms, bool is_pointless)
{
    struct postpone postpone = {
        .user_id = user_id, .connector = connector, .now_ms = now_ms, .is_pointless = is_pointless};
    return store_write(store, postpone_run, &postpone);
}

int64_t store_connections_changes(const struct store *store)
{
    return atomic_load(&store->connection_changes);
}
