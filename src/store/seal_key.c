#include "store/seal_key.h"

#include "base/clock.h"
#include "base/file.h"

#include <ctype.h>
#include <string.h>

#define FILE_BYTES_MAX 256
#define META_PREFIX    "seal_key/"

/* 32 bytes in base64 or base64url; padding and white space around it do not matter. */
static enum err key_parse(const char *text, const char *where, struct seal_key *out_key)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && (isspace((unsigned char)text[len - 1]) || text[len - 1] == '='))
        len--;
    AUTO(xfree_secret_ptr) char *url_text = xstrndup(text, len);
    for (char *c = url_text; *c; c++) {
        if (*c == '+') *c = '-';
        if (*c == '/') *c = '_';
    }
    AUTO(str_done_secret) struct str bytes = {0};
    enum err e = base64url_decode(&bytes, url_text, len);
    if (e || bytes.len != SEAL_KEY_LEN)
        return fail(
            E_INVALID,
            "the seal key %s is not 32 bytes in base64; `openssl rand -base64 32` makes one",
            where);
    unsigned char raw[SEAL_KEY_LEN];
    memcpy(raw, bytes.data, SEAL_KEY_LEN);
    seal_key_set(out_key, raw);
    mem_wipe(raw, sizeof raw);
    return E_OK;
}

static enum err key_file_read(const char *path, struct seal_key *out_key)
{
    AUTO(str_done_secret) struct str text = {0};
    enum err e = file_read(path, FILE_BYTES_MAX, &text);
    if (e == E_NOT_FOUND) return e;
    if (e) return fail_context(E_INVALID, "the seal key");
    AUTO(str_done) struct str where = {0};
    str_append_format(&where, "in %s", path);
    return key_parse(str_text(&text), str_text(&where), out_key);
}

static enum err key_file_make(const char *path, struct seal_key *out_key)
{
    unsigned char raw[SEAL_KEY_LEN];
    random_bytes(raw, sizeof raw);
    AUTO(str_done_secret) struct str text = {0};
    base64_encode(&text, raw, sizeof raw);
    mem_wipe(raw, sizeof raw);
    str_append_char(&text, '\n');
    enum err e = file_create(path, str_text(&text), text.len, 0600);
    /* Another process may have been faster; its key counts. */
    if (e && e != E_CONFLICT) return fail_context(E_STORAGE, "making a seal key");
    return key_file_read(path, out_key);
}

/* Is anything in the file sealed with this key? Reads through whole tables: asked only when a key
 * is missing. */
static enum err is_needed(struct db *db, const char *key_id, bool *out_is_needed)
{
    AUTO(query_done)
    struct query q = query_begin(
        db, "SELECT 1 FROM steps WHERE substr(sealed, 2, 16) = ?1"
            " UNION ALL SELECT 1 FROM runs WHERE substr(delivery_sealed, 2, 16) = ?1"
            " UNION ALL SELECT 1 FROM idempotency_keys WHERE substr(sealed, 2, 16) = ?1 LIMIT 1");
    query_bind_blob(&q, key_id, strlen(key_id));
    return query_next(&q, out_is_needed);
}

static enum err meta_set(struct db *db, const char *name, const char *value)
{
    AUTO(query_done)
    struct query q = query_begin(db, "INSERT OR IGNORE INTO meta (name, value) VALUES (?, ?)");
    query_bind_text(&q, name);
    query_bind_text(&q, value);
    return query_run(&q);
}

static enum err meta_delete(struct db *db, const char *name)
{
    AUTO(query_done) struct query q = query_begin(db, "DELETE FROM meta WHERE name = ?");
    query_bind_text(&q, name);
    return query_run(&q);
}

/* The first id in the database that is not one of `keys`; NULL when there is none. */
static enum err find_stranger(struct db *db, const struct seal_keys *keys, char **out_id)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT substr(name, 10) FROM meta"
                                     " WHERE name >= 'seal_key/' AND name < 'seal_key0'"
                                     " AND substr(name, 10) NOT IN (?, ?) ORDER BY name LIMIT 1");
    query_bind_text(&q, keys->current.id);
    query_bind_text(&q, keys->previous.id);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (!e) *out_id = has_row ? query_text_copy(&q, 0) : NULL;
    return e;
}

/* The database that the key file stands beside. */
static const char *key_base(const struct store_options *options)
{
    return options->key_beside ? options->key_beside : options->path;
}

static enum err fail_missing(const struct store_options *options, const struct seal_keys *keys,
                             const char *key_id)
{
    if (!keys->current.id[0])
        return fail(E_INVALID,
                    "%s holds rows sealed with key %s, but there is no seal key: put the file"
                    " %s.key back where it was, or set BRIEFD_SEAL_KEY to that key",
                    options->path, key_id, key_base(options));
    return fail(
        E_INVALID,
        "%s holds rows sealed with key %s, but the seal key that was given has the id %s: set"
        " BRIEFD_SEAL_KEY to the old key, or BRIEFD_SEAL_KEY_PREVIOUS when this is a rotation",
        options->path, key_id, keys->current.id);
}

/* Every key that rows need must be one of `keys`. */
static enum err check_noted(struct db *db, const struct store_options *options,
                            const struct seal_keys *keys)
{
    for (;;) {
        AUTO(xfree_ptr) char *id = NULL;
        enum err e = find_stranger(db, keys, &id);
        if (e || !id) return e;
        bool is_missed = false;
        e = is_needed(db, id, &is_missed);
        if (e) return e;
        if (is_missed) return fail_missing(options, keys, id);
        AUTO(str_done) struct str name = {0};
        str_append_format(&name, META_PREFIX "%s", id);
        e = meta_delete(db, str_text(&name));
        if (e) return e;
    }
}

static enum err note(struct db *db, const struct seal_key *key)
{
    AUTO(str_done) struct str name = {0};
    str_append_format(&name, META_PREFIX "%s", key->id);
    char now[TIME_TEXT_MAX];
    time_format(clock_unix_ms(), now);
    return meta_set(db, str_text(&name), now);
}

/* The keys that are there already: from the settings, or from the file. */
static enum err find_given(const struct store_options *options, const char *key_path,
                           struct seal_keys *keys)
{
    enum err e = E_OK;
    if (options->seal_key_previous)
        e = key_parse(options->seal_key_previous, "in BRIEFD_SEAL_KEY_PREVIOUS", &keys->previous);
    if (e) return e;
    if (options->seal_key)
        return key_parse(options->seal_key, "in BRIEFD_SEAL_KEY", &keys->current);
    e = key_file_read(key_path, &keys->current);
    return e == E_NOT_FOUND ? E_OK : e;
}

static enum err load(struct db *db, const struct store_options *options, struct seal_keys *keys)
{
    AUTO(str_done) struct str key_path = {0};
    str_append_format(&key_path, "%s.key", key_base(options));
    enum err e = find_given(options, str_text(&key_path), keys);
    if (e) return e;
    /* Before a key is made: only a database without sealed rows may get a new one. */
    e = check_noted(db, options, keys);
    if (e) return e;
    if (!keys->current.id[0]) e = key_file_make(str_text(&key_path), &keys->current);
    if (e) return e;
    return note(db, &keys->current);
}

enum err seal_keys_load(struct db *db, const struct store_options *options,
                        struct seal_keys *out_keys)
{
    struct seal_keys keys = {0};
    enum err e = db_exec(db, "BEGIN IMMEDIATE");
    if (!e) e = load(db, options, &keys);
    if (!e) e = db_exec(db, "COMMIT");
    db_rollback(db);
    if (!e) *out_keys = keys;
    mem_wipe(&keys, sizeof keys);
    return e;
}
