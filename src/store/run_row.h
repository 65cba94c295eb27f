/*
 * The columns of table `runs` and the fields of struct run_row: written down once, here. From these
 * lists come the texts of the statements, and the code that reads and binds rows, so they cannot
 * disagree.
 */
#ifndef STORE_RUN_ROW_H
#define STORE_RUN_ROW_H

#include "base/crypt.h"
#include "store/db.h"
#include "store/runs.h"

/* X(column, field of struct run_row, kind) */

/* `id`, which is bound and read first, is in no list. */
#define RUN_COLUMNS_ONCE(X)                                                                        \
    X(user_id, user_id, text)                                                                      \
    X(principal, principal, text)                                                                  \
    X(recipe, recipe, text)                                                                        \
    X(recipe_hash, recipe_hash, text)                                                              \
    X(mode, mode, text)                                                                            \
    X(params, params, text)                                                                        \
    X(params_hash, params_hash, text)                                                              \
    X(timezone, timezone, text)                                                                    \
    X(if_blocked, if_blocked, text)                                                                \
    X(metadata, metadata, text)                                                                    \
    X(traceparent, traceparent, text)                                                              \
    X(model, model, text)                                                                          \
    X(created_ms, created_ms, i64)                                                                 \
    X(start_by_ms, start_by_ms, i64)                                                               \
    X(deadline_ms, deadline_ms, i64)                                                               \
    X(budget_nano_usd, budget_nano_usd, i64)

/* In an index: written only when one of them changed, because SQLite then writes the indexes too.
 */
#define RUN_COLUMNS_INDEXED(X)                                                                     \
    X(status, status, status)                                                                      \
    X(started_ms, started_ms, i64)                                                                 \
    X(finished_ms, finished_ms, i64)                                                               \
    X(blocked_ms, blocked_ms, i64)

#define RUN_COLUMNS_MOVING(X)                                                                      \
    X(phase, phase, text)                                                                          \
    X(attempt, attempt, int)                                                                       \
    X(generation, generation, int)                                                                 \
    X(last_event, last_event, i64)                                                                 \
    X(claimed_ms, claimed_ms, i64)                                                                 \
    X(running_ms, running_ms, i64)                                                                 \
    X(wake_ms, wake_ms, i64)                                                                       \
    X(blocked_on, blocked_on, text)                                                                \
    X(is_cancel_wanted, is_cancel_wanted, bool)                                                    \
    X(needs_attention, needs_attention, bool)                                                      \
    X(unclean_ends, unclean_ends, int)                                                             \
    X(turn, turn, int)                                                                             \
    X(tool_calls, tool_calls, int)                                                                 \
    X(input_tokens, usage.input_tokens, i64)                                                       \
    X(output_tokens, usage.output_tokens, i64)                                                     \
    X(cache_read_tokens, usage.cache_read_tokens, i64)                                             \
    X(cache_write_tokens, usage.cache_write_tokens, i64)                                           \
    X(cost_nano_usd, usage.cost_nano_usd, i64)                                                     \
    X(delivery, delivery, delivery)                                                                \
    X(delivery_connector, delivery_connector, text)                                                \
    X(delivery_channel, delivery_channel, text)                                                    \
    X(delivery_ts, delivery_ts, text)                                                              \
    X(delivery_permalink, delivery_permalink, text)                                                \
    X(summary, summary, text)                                                                      \
    X(error_code, error_code, text)                                                                \
    X(error_detail, error_detail, text)

#define RUN_COLUMNS(X) RUN_COLUMNS_ONCE(X) RUN_COLUMNS_INDEXED(X) RUN_COLUMNS_MOVING(X)

#define RUN_SQL_NAME_(column, field, kind) ", " #column
/* "id, …, delivery_sealed": what run_row_read() reads, from column 0 on. */
#define RUN_SQL_COLUMNS "id" RUN_COLUMNS(RUN_SQL_NAME_) ", delivery_sealed"

/* E_CORRUPT when the row holds what this program never writes, or its sealed text cannot be opened.
 */
enum err run_row_read(struct query *q, const struct seal_keys *keys,
                      struct run_row *out_row) MUST_CHECK;
/* The row with that id, on whatever connection. E_NOT_FOUND. */
enum err run_row_get(struct db *db, const struct seal_keys *keys, const char *run_id,
                     struct run_row *out_row) MUST_CHECK;
enum err run_row_insert(struct db *db, const struct seal_keys *keys,
                        const struct run_row *row) MUST_CHECK;

/* What a row was before a change, as far as it decides how the change is written and counted. */
struct run_before {
    enum run_status status;
    int64_t started_ms;
    int64_t finished_ms;
    int64_t blocked_ms;
    bool needs_attention;
    enum delivery_state delivery;
    struct run_usage usage;
    char *delivery_text;
};
struct run_before run_before(const struct run_row *row);
void run_before_done(struct run_before *before);
/* Writes the columns that move, after a change that began with `before`. */
enum err run_row_update(struct db *db, const struct seal_keys *keys,
                        const struct run_before *before, const struct run_row *row) MUST_CHECK;

#endif
