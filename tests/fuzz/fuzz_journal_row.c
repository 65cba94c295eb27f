/*
 * Rows of the journal and of the table of briefings with any content a damaged or foreign file may
 * hold. Reading one gives it back or says E_CORRUPT; a sealed value that was changed in one bit is
 * never opened.
 *
 *     byte 0     bits 0-1: which row; bit 2: the rest is sealed properly first; bit 3: and then
 * damaged byte 1     which byte is damaged 4 fields   a length byte, then so many bytes the rest
 * the sealed blob, or what is sealed
 */
#include "base/embedded.h"
#include "store/db.h"
#include "store/run_row.h"
#include "store/step_rows.h"

#include <assert.h>
#include <string.h>

#define IS_RUN     1u
#define IS_NULL    2u
#define IS_SEALED  4u
#define IS_DAMAGED 8u
#define N_FIELDS   4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    unsigned flags;
    size_t damage_at;
    struct {
        const uint8_t *bytes;
        size_t len;
    } fields[N_FIELDS];
    const uint8_t *rest;
    size_t rest_len;
};

static struct db *db;
static struct seal_keys keys;

static void must(enum err e)
{
    assert(e == E_OK);
    (void)e;
}

static void set_up(void)
{
    if (db) return;
    static const unsigned char bytes[SEAL_KEY_LEN] = {1, 2, 3};
    seal_key_set(&keys.current, bytes);
    must(db_open(":memory:", DB_CREATE, &db));
    must(db_exec(db, (const char *)embedded_migrations[0].data));
    must(db_exec(db, "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;"));
}

static bool take_apart(const uint8_t *data, size_t size, struct input *out)
{
    if (size < 2) return false;
    out->flags = data[0];
    out->damage_at = data[1];
    size_t at = 2;
    for (size_t i = 0; i < N_FIELDS; i++) {
        if (at >= size || size - at - 1 < data[at]) return false;
        out->fields[i].len = data[at];
        out->fields[i].bytes = data + at + 1;
        at += 1 + out->fields[i].len;
    }
    out->rest = data + at;
    out->rest_len = size - at;
    return true;
}

static void make_blob(const struct input *in, const char *context, struct str *out)
{
    if (in->flags & IS_SEALED)
        seal(&keys, context, in->rest, in->rest_len, out);
    else
        str_append(out, in->rest, in->rest_len);
    if (in->flags & IS_DAMAGED && out->len > 0)
        out->data[in->damage_at % out->len] = (char)(out->data[in->damage_at % out->len] ^ 0x10);
}

static void bind_field(struct query *q, const struct input *in, size_t i)
{
    query_bind_blob(q, in->fields[i].bytes, in->fields[i].len);
}

static void bind_rest(struct query *q, const struct input *in, const struct str *blob)
{
    query_bind_blob(q, in->flags & IS_NULL ? NULL : str_text(blob), blob->len);
}

/* Is this what one of our own rows looks like, so that it must be readable? */
static bool is_genuine(const struct input *in)
{
    return (in->flags & (IS_SEALED | IS_DAMAGED | IS_NULL)) == IS_SEALED;
}

static bool field_is(const struct input *in, size_t i, const char *text)
{
    return in->fields[i].len == strlen(text) &&
           memcmp(in->fields[i].bytes, text, strlen(text)) == 0;
}

static void try_step(const struct input *in)
{
    AUTO(str_done) struct str blob = {0};
    make_blob(in, "steps/br_1/0/model/1", &blob);
    must(db_exec(db, "DELETE FROM steps"));
    {
        AUTO(query_done)
        struct query q = query_begin(
            db, "INSERT INTO steps (run_id, generation, key, state, format, attempt, request_hash,"
                " meta, begun_ms, done_ms, sealed) VALUES ('br_1', 0, CAST(? AS TEXT),"
                " CAST(? AS TEXT), 1, 1, CAST(? AS TEXT), CAST(? AS TEXT), 1, 1, ?)");
        for (size_t i = 0; i < N_FIELDS; i++)
            bind_field(&q, in, i);
        bind_rest(&q, in, &blob);
        must(query_run(&q));
    }
    AUTO(step_list_done) struct step_list list = {0};
    enum err e = step_rows_read(db, &keys, "br_1", 0, &list);
    assert(e == E_OK || e == E_CORRUPT);
    bool is_known =
        field_is(in, 0, "model/1") && (field_is(in, 1, "done") || field_is(in, 1, "begun"));
    if (is_known && is_genuine(in)) {
        assert(e == E_OK && list.n == 1 && list.rows[0].result.len == in->rest_len);
        assert(memcmp(str_text(&list.rows[0].result), in->rest, in->rest_len) == 0);
    }
    if (e == E_OK && !(in->flags & IS_NULL)) assert(is_genuine(in));
}

static void try_run(const struct input *in)
{
    AUTO(str_done) struct str blob = {0};
    make_blob(in, "runs/br_1/delivery", &blob);
    must(db_exec(db, "DELETE FROM runs"));
    {
        AUTO(query_done)
        struct query q = query_begin(
            db, "INSERT INTO runs (id, user_id, principal, recipe, recipe_hash, mode, params,"
                " params_hash, timezone, if_blocked, model, created_ms, start_by_ms, deadline_ms,"
                " budget_nano_usd, started_ms, finished_ms, blocked_ms, attempt, generation,"
                " last_event, claimed_ms, running_ms, wake_ms, is_cancel_wanted, needs_attention,"
                " unclean_ends, turn, tool_calls, input_tokens, output_tokens, cache_read_tokens,"
                " cache_write_tokens, cost_nano_usd, status, delivery, phase, blocked_on,"
                " delivery_sealed) VALUES ('br_1', 'u', 'p', 'r', 'h', 'post', '{}', 'h', 'UTC',"
                " 'wait', 'm', 1, 1, 1, 1, 0, 0, 0, ?, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,"
                " CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?)");
        query_bind_i64(&q, (int64_t)in->damage_at << 25); /* an attempt out of range at the end */
        for (size_t i = 0; i < N_FIELDS; i++)
            bind_field(&q, in, i);
        bind_rest(&q, in, &blob);
        must(query_run(&q));
    }
    AUTO(run_row_done) struct run_row row = {0};
    enum err e = run_row_get(db, &keys, "br_1", &row);
    assert(e == E_OK || e == E_CORRUPT);
    if (e == E_OK) assert(in->damage_at < 64 && row.status < RUN_STATUS_COUNT);
    if (e == E_OK && !(in->flags & IS_NULL)) assert(is_genuine(in) && row.delivery_text);
    bool is_known = in->damage_at < 64 && field_is(in, 0, "queued") && field_is(in, 1, "none");
    if (is_known && is_genuine(in)) assert(e == E_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    set_up();
    struct input in = {0};
    if (!take_apart(data, size, &in)) return 0;
    if (in.flags & IS_RUN)
        try_run(&in);
    else
        try_step(&in);
    return 0;
}
