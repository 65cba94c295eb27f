/* `briefd migrate`: brings the database to the version of this program, while nobody else uses it.
 */
#include "base/embedded.h"
#include "command/command.h"

#include <stdio.h>

static void report(const struct config *config, struct store *store)
{
    int from = store_version_found(store), to = store_version(store);
    for (int i = from; i < to; i++)
        printf("applied %s\n", embedded_migrations[i].path);
    if (from == to)
        printf("%s is up to date: version %d.\n", config->db_path, to);
    else
        printf("%s is now at version %d.\n", config->db_path, to);
}

static int migrate_locked(const struct config *config)
{
    struct store *store = NULL;
    struct store_options options = command_store_options(config);
    options.n_readers = 1;
    enum err e = store_open(&options, &store);
    if (e) return command_store_failed(e);
    report(config, store);
    store_close(store);
    return COMMAND_OK;
}

int command_migrate(struct command_context *ctx)
{
    static const struct command_usage usage = {
        .synopsis = "briefd migrate [--db FILE] [--env-file FILE]",
        .text = "Creates the database, or applies the migrations that it lacks, each in a "
                "transaction of\n"
                "its own. `briefd serve` does the same at its start; this is for deployments that "
                "want\n"
                "it as a step of its own. It is refused while another briefd uses the database.\n"
                "Exit code: 0 done, 1 failed, 78 wrong settings.",
        .example = "briefd migrate --db /var/lib/briefd/briefd.db"};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    struct config *config = NULL;
    code = command_config(ctx, &line, CONFIG_DATABASE, &config);
    if (code != COMMAND_GO_ON) return code;

    struct file_lock lock = {.fd = -1};
    if (command_lock(config, &lock))
        code = command_failed("the database is in use");
    else
        code = migrate_locked(config);
    file_unlock(&lock);
    config_free(config);
    return code;
}
