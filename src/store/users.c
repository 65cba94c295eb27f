#include "store/users.h"

enum err user_row_add(struct db *db, const char *user_id, int64_t now_ms)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT OR IGNORE INTO users (id, created_ms) VALUES (?, ?)");
    query_bind_text(&q, user_id);
    query_bind_i64(&q, now_ms);
    return query_run(&q);
}
