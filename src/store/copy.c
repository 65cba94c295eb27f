/*
 * Copies of whole databases: what `briefd backup` and `briefd restore` are made of.
 *
 * VACUUM INTO reads one consistent state while others go on writing, and leaves out what was
 * deleted. SQLite does not sync its result, so that is done here, before the file gets its name.
 */
#include "base/crypt.h"
#include "base/file.h"
#include "store/db.h"
#include "store/migrate.h"
#include "store/store.h"

static enum err check_is_ours(struct db *db)
{
    int version = 0;
    enum err e = migrate_check(db, true, &version);
    if (e) return e;
    int64_t application = 0;
    e = db_ask_i64(db, "PRAGMA application_id", &application);
    if (e) return e;
    if (application == 0) return fail(E_INVALID, "%s is empty", db->path);
    return E_OK;
}

static enum err vacuum_into(struct db *db, const char *draft)
{
    /* A read connection writes nothing; into another file it has to. */
    enum err e = db_exec(db, "PRAGMA query_only = OFF;"
                             "PRAGMA auto_vacuum = INCREMENTAL;"); /* of the copy */
    if (e) return e;
    AUTO(query_done) struct query q = query_begin(db, "VACUUM INTO ?");
    query_bind_text(&q, draft);
    return query_run(&q);
}

static enum err check_whole(const char *draft)
{
    struct db *db = NULL;
    enum err e = db_open(draft, DB_READ, &db);
    if (e) return e;
    AUTO(xfree_ptr) char *found = NULL;
    e = db_ask_text(db, "PRAGMA quick_check(1)", &found);
    db_close(db);
    if (e) return e;
    if (!text_equal(found, "ok"))
        return fail(E_CORRUPT, "the copy is damaged: %s", found ? found : "no answer");
    return E_OK;
}

static enum err copy(struct db *db, const char *draft, const char *to)
{
    enum err e = check_is_ours(db);
    /* Made here, so that nobody but its owner may read it. */
    if (!e) e = file_create(draft, "", 0, 0600);
    if (!e) e = vacuum_into(db, draft);
    if (!e) e = check_whole(draft);
    if (!e) e = file_publish(draft, to, false);
    return e;
}

enum err store_copy(const char *from, const char *to)
{
    if (!file_exists(from)) return fail(E_NOT_FOUND, "there is no database %s", from);
    if (file_exists(to)) return fail(E_CONFLICT, "%s exists already", to);
    char id[ID_MAX];
    id_new("new", id);
    AUTO(str_done) struct str draft = {0};
    str_append_format(&draft, "%s.%s", to, id);
    struct db *db = NULL;
    enum err e = db_open(from, DB_READ, &db);
    if (e) return e;
    e = copy(db, str_text(&draft), to);
    db_close(db);
    file_remove(str_text(&draft));
    return e;
}
