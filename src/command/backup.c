/* `briefd backup`: a consistent copy of the database, also beside a running service. */
#include "command/command.h"

#include <stdio.h>

int command_backup(struct command_context *ctx)
{
    static const struct command_usage usage = {
        .synopsis = "briefd backup FILE",
        .text =
            "Copies the database as it is at this moment into a new FILE. It may be in use\n"
            "meanwhile. The copy is checked and on the disk when the command ends, and FILE is\n"
            "never there in part. It does not contain the seal key: keep that apart, since "
            "without\n"
            "it the copy can be neither read nor restored.\n"
            "Exit code: 0 done, 1 failed (also when FILE exists), 64 wrong use, 78 wrong settings.",
        .example = "briefd backup /backup/briefd-$(date +%F).db",
        .positional_max = 1};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    if (line.n_positional < 1) return command_misused(ctx, "name the FILE to write");
    struct config *config = NULL;
    code = command_config(ctx, &line, CONFIG_DATABASE, &config);
    if (code != COMMAND_GO_ON) return code;
    if (store_copy(config->db_path, line.positional[0])) {
        code = command_failed("no backup was made");
    } else {
        code = COMMAND_OK;
        fprintf(stderr, "%s is a copy of %s. The seal key is not in it: keep it as well.\n",
                line.positional[0], config->db_path);
    }
    config_free(config);
    return code;
}
