#include "store/keys.h"

#include "base/clock.h"
#include "store/internal.h"

#include <string.h>

#define SECRET_BYTES 32
#define NAME_MAX_LEN 64

static const struct {
    unsigned scope;
    const char *word;
} scopes[] = {
    {SCOPE_BRIEFINGS_READ,    "briefings:read"   },
    {SCOPE_BRIEFINGS_WRITE,   "briefings:write"  },
    {SCOPE_CONNECTIONS_READ,  "connections:read" },
    {SCOPE_CONNECTIONS_WRITE, "connections:write"},
    {SCOPE_METRICS_READ,      "metrics:read"     },
    {SCOPE_ADMIN,             "admin"            },
};

unsigned scope_parse(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        if (text_equal(scopes[i].word, word)) return scopes[i].scope;
    }
    return 0;
}

void scope_format(unsigned set, struct str *out)
{
    const char *between = "";
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        if (!(set & scopes[i].scope)) continue;
        str_append_format(out, "%s%s", between, scopes[i].word);
        between = " ";
    }
}

/* A word that a later version knows gives no right here. */
static unsigned scopes_read(const char *words)
{
    unsigned set = 0;
    while (*words) {
        size_t len = strcspn(words, " ");
        AUTO(xfree_ptr) char *word = xstrndup(words, len);
        set |= scope_parse(word);
        words += len + (words[len] == ' ');
    }
    return set;
}

void key_row_done(struct key_row *row)
{
    xfree(row->id);
    xfree(row->name);
    *row = (struct key_row){0};
}

void key_list_done(struct key_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        key_row_done(&list->rows[i]);
    xfree(list->rows);
    *list = (struct key_list){0};
}

static enum err check_name(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strspn(name, allowed);
    if (len < 1 || len > NAME_MAX_LEN || name[len])
        return fail(E_INVALID, "the name of a key is 1 to %d of A-Z a-z 0-9 . _ -", NAME_MAX_LEN);
    return E_OK;
}

struct creation {
    char id[ID_MAX];
    const char *name;
    unsigned scopes;
    unsigned char hash[SHA256_LEN];
};

static enum err create_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct creation *c = job->ctx;
    AUTO(str_done) struct str words = {0};
    scope_format(c->scopes, &words);
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT INTO api_keys (id, name, scopes, hash, created_ms)"
                                     " VALUES (?, ?, ?, ?, ?)");
    query_bind_text(&q, c->id);
    query_bind_text(&q, c->name);
    query_bind_text(&q, str_text(&words));
    query_bind_blob(&q, c->hash, sizeof c->hash);
    query_bind_i64(&q, clock_unix_ms());
    return query_run(&q);
}

enum err store_key_create(struct store *store, const char *name, unsigned scope_set, char **out_id,
                          char **out_secret)
{
    enum err e = check_name(name);
    if (e) return e;
    struct creation c = {.name = name, .scopes = scope_set};
    id_new("key", c.id);
    AUTO(xfree_secret_ptr) char *token = token_new(SECRET_BYTES);
    struct str secret = {0};
    str_append_text(&secret, "bk_");
    str_append_text(&secret, token);
    sha256(secret.data, secret.len, c.hash);
    e = store_write(store, create_run, &c);
    if (e) {
        str_done_secret(&secret);
        return e;
    }
    *out_id = xstrdup(c.id);
    *out_secret = str_take(&secret);
    return E_OK;
}

static enum err revoke_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE api_keys SET revoked_ms ="
                                     " CASE revoked_ms WHEN 0 THEN ? ELSE revoked_ms END"
                                     " WHERE id = ?");
    query_bind_i64(&q, clock_unix_ms());
    query_bind_text(&q, job->ctx);
    enum err e = query_run(&q);
    if (e) return e;
    if (query_changes(&q) == 0) return fail(E_NOT_FOUND, "there is no key with this id");
    return E_OK;
}

enum err store_key_revoke(struct store *store, const char *id)
{
    AUTO(xfree_ptr) char *copy = xstrdup(id);
    return store_write(store, revoke_run, copy);
}

static enum err read_row(struct query *q, struct key_row *out_row)
{
    size_t len = 0;
    const void *hash = query_blob(q, 3, &len);
    if (len != SHA256_LEN) return fail(E_CORRUPT, "the hash of an API key has %zu bytes", len);
    memcpy(out_row->hash, hash, SHA256_LEN);
    out_row->id = query_text_copy(q, 0);
    out_row->name = query_text_copy(q, 1);
    out_row->scopes = scopes_read(query_text(q, 2));
    out_row->created_ms = query_i64(q, 4);
    out_row->revoked_ms = query_i64(q, 5);
    return E_OK;
}

enum err store_keys_list(struct store *store, bool with_revoked, struct key_list *out_list)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT id, name, scopes, hash, created_ms, revoked_ms"
                                            " FROM api_keys WHERE revoked_ms = 0 OR ? ORDER BY id");
    query_bind_i64(&q, with_revoked);

    AUTO(key_list_done) struct key_list list = {0};
    for (;;) {
        bool has_row = false;
        enum err e = query_next(&q, &has_row);
        if (e) return e;
        if (!has_row) break;
        e = read_row(&q, LIST_ADD(&list));
        if (e) return e;
    }
    *out_list = list;
    list = (struct key_list){0};
    return E_OK;
}

enum err store_key_find(struct store *store, const unsigned char hash[SHA256_LEN],
                        struct key_row *out_row)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    AUTO(query_done)
    struct query q = query_begin(reader.db, "SELECT id, name, scopes, hash, created_ms, revoked_ms"
                                            " FROM api_keys WHERE hash = ? AND revoked_ms = 0");
    query_bind_blob(&q, hash, SHA256_LEN);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no live key like this");
    struct key_row row = {0};
    e = read_row(&q, &row);
    if (!e) *out_row = row;
    return e;
}
