#include "store/users.h"

#include "base/crypt.h"

#include <string.h>

enum err user_row_add(struct db *db, const char *user_id, int64_t now_ms)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT OR IGNORE INTO users (id, created_ms) VALUES (?, ?)");
    query_bind_text(&q, user_id);
    query_bind_i64(&q, now_ms);
    return query_run(&q);
}

/* Answers take minutes at most; what is older has no meaning any more. */
#define NOTE_KEPT_MS (INT64_C(24) * 60 * 60 * 1000)

enum err user_row_note_erased(struct db *db, const char *hash, int64_t now_ms)
{
    {
        AUTO(query_done)
        struct query q = query_begin(db, "DELETE FROM meta WHERE name LIKE 'erased/%' AND"
                                         " CAST(value AS INTEGER) < ?");
        query_bind_i64(&q, now_ms - NOTE_KEPT_MS);
        enum err e = query_run(&q);
        if (e) return e;
    }
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT OR REPLACE INTO meta (name, value)"
                                     " VALUES ('erased/' || ?, CAST(? AS TEXT))");
    query_bind_text(&q, hash);
    query_bind_i64(&q, now_ms);
    return query_run(&q);
}

static enum err user_row_exists(struct db *db, const char *user_id, bool *out_exists)
{
    AUTO(query_done) struct query q = query_begin(db, "SELECT 1 FROM users WHERE id = ?");
    query_bind_text(&q, user_id);
    return query_next(&q, out_exists);
}

static enum err user_row_was_erased(struct db *db, const char *user_id, int64_t since_ms,
                                    bool *out_was)
{
    bool exists = false;
    *out_was = false;
    enum err e = user_row_exists(db, user_id, &exists);
    if (e || exists) return e;
    char hash[SHA256_HEX_LEN + 1];
    sha256_hex(user_id, strlen(user_id), hash);
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT 1 FROM meta WHERE name = 'erased/' || ?"
                                     " AND CAST(value AS INTEGER) >= ?");
    query_bind_text(&q, hash);
    query_bind_i64(&q, since_ms);
    return query_next(&q, out_was);
}

enum err user_row_add_asked(struct db *db, const char *user_id, int64_t asked_ms, int64_t now_ms)
{
    bool was_erased = false;
    enum err e = user_row_was_erased(db, user_id, asked_ms, &was_erased);
    if (e) return e;
    return was_erased ? fail(E_NOT_FOUND, "this user was erased")
                      : user_row_add(db, user_id, now_ms);
}
