/*
 * `briefd restore`: puts a backup in the place of the database.
 *
 *   copy of FILE ─▶ <db>.restoring ─▶ migrated, live runs ended ─▶ renamed to <db>
 *
 * Until the last step nothing of the present database has changed. An old copy does not know what
 * was posted after it was made, so none of its runs may go on.
 */
#include "command/command.h"
#include "store/runs.h"

#include <stdio.h>

struct restoring {
    const struct config *config;
    const char *backup;
    struct str draft; /* <db>.restoring */
    int64_t n_ended;
};

static void remove_with(const char *path, const char *suffix)
{
    AUTO(str_done) struct str name = {0};
    str_append_format(&name, "%s%s", path, suffix);
    file_remove(str_text(&name));
}

static void remove_database(const char *path)
{
    static const char *const suffixes[] = {"-wal", "-shm", "-journal", ""};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        remove_with(path, suffixes[i]);
}

static enum err end_runs(struct restoring *r)
{
    struct store_options options = command_store_options(r->config);
    options.path = str_text(&r->draft);
    options.key_beside = r->config->db_path;
    options.n_readers = 1;
    struct store *store = NULL;
    enum err e = store_open(&options, &store);
    if (e) return e;
    e = store_runs_end_restored(store, r->backup, &r->n_ended);
    store_close(store); /* leaves one file */
    return e;
}

/* What the old database had not yet moved out of its WAL must not end up in the new one. */
static enum err take_place(struct restoring *r)
{
    const char *db = r->config->db_path;
    AUTO(str_done) struct str wal = {0};
    str_append_format(&wal, "%s-wal", str_text(&r->draft));
    if (file_exists(str_text(&wal)))
        return fail(E_STORAGE, "%s could not be written completely", str_text(&r->draft));
    enum err e = file_take_owner(str_text(&r->draft), db);
    if (e) return e;
    remove_with(db, "-wal");
    remove_with(db, "-shm");
    return file_publish(str_text(&r->draft), db, true);
}

static enum err restore(struct restoring *r, bool may_replace)
{
    const char *db = r->config->db_path;
    if (file_exists(db) && !may_replace)
        return fail(E_CONFLICT, "%s exists; --force gives it up for the backup", db);
    if (file_is_same(r->backup, db)) return fail(E_INVALID, "%s is the database itself", db);
    str_append_format(&r->draft, "%s.restoring", db);
    remove_database(str_text(&r->draft)); /* of a restore that was interrupted; we have the lock */
    enum err e = store_copy(r->backup, str_text(&r->draft));
    if (!e) e = end_runs(r);
    if (!e) e = take_place(r);
    if (e) remove_database(str_text(&r->draft));
    return e;
}

static int restore_locked(struct restoring *r, bool may_replace)
{
    enum err e = restore(r, may_replace);
    if (e) {
        int code = command_failed("nothing was restored");
        return e == E_INVALID ? COMMAND_CONFIG : code;
    }
    fprintf(stderr,
            "%s is what %s was. Briefings under way in it: %lld; they are ended as failed,\n"
            "\"restored\", and wait for a person: nobody knows whether they were posted since.\n",
            r->config->db_path, r->backup, (long long)r->n_ended);
    return COMMAND_OK;
}

int command_restore(struct command_context *ctx)
{
    bool may_replace = false;
    const struct command_option options[] = {
        {"--force", NULL, "Give up the database that is there.", NULL, &may_replace},
    };
    const struct command_usage usage = {
        .synopsis = "briefd restore FILE [--force]",
        .text =
            "Puts a copy made by `briefd backup` in the place of the database, while no briefd\n"
            "uses it. Briefings that were under way in the copy end as failed, `restored`, and\n"
            "need attention: they may have been posted after the copy was made, so none of them\n"
            "goes on. Needs the seal key that the copy was sealed with.\n"
            "Exit code: 0 done, 1 failed, 64 wrong use, 78 wrong settings or no such key.",
        .example = "briefd restore /backup/briefd-2026-11-23.db",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .positional_max = 1};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    if (line.n_positional < 1) return command_misused(ctx, "name the FILE to restore");
    struct config *config = NULL;
    code = command_config(ctx, &line, CONFIG_DATABASE, &config);
    if (code != COMMAND_GO_ON) return code;

    struct restoring r = {.config = config, .backup = line.positional[0]};
    struct file_lock lock = {.fd = -1};
    if (command_lock(config, &lock))
        code = command_failed("the database is in use, nothing was restored");
    else
        code = restore_locked(&r, may_replace);
    str_done(&r.draft);
    file_unlock(&lock);
    config_free(config);
    return code;
}
