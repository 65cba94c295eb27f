/* `briefd help`, `briefd --help`, `briefd version`. */
#include "base/embedded.h"
#include "command/command.h"

#include <stdio.h>
#include <string.h>

static void print_overview(const struct command *commands)
{
    printf(
        "briefd runs briefings: Claude reads a user's connected accounts and posts one message.\n\n"
        "Usage:\n  briefd COMMAND [OPTIONS]\n\nCommands:\n");
    for (const struct command *c = commands; c->name; c++)
        printf("  %-14s %s\n", c->name, c->summary);
    printf("\n`briefd COMMAND --help` tells more about one, with an example.\n\n"
           "Exit codes:\n"
           "  0   done\n"
           "  1   failed\n"
           "  2   a connection needs its user (run)\n"
           "  3   it is not known whether the message was posted (run)\n"
           "  64  wrong use of the command line\n"
           "  78  wrong settings: `briefd check-config` lists what is wrong\n");
}

static const struct command *find(const struct command *commands, const char *name)
{
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

int command_help(struct command_context *ctx)
{
    static const struct command_usage usage = {.synopsis = "briefd help [COMMAND]",
                                               .text =
                                                   "Lists the commands, or tells more about one.",
                                               .example = "briefd help keys",
                                               .positional_max = 1,
                                               .has_no_settings = true};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    if (line.n_positional == 0) {
        print_overview(ctx->commands);
        return COMMAND_OK;
    }
    const struct command *command = find(ctx->commands, line.positional[0]);
    if (!command) return command_misused(ctx, "there is no command \"%s\"", line.positional[0]);
    char option[] = "--help";
    char *arguments[] = {option, NULL};
    struct command_context asked = *ctx;
    asked.name = command->name;
    asked.argc = 1;
    asked.argv = arguments;
    return command->run(&asked);
}

int command_version(struct command_context *ctx)
{
    static const struct command_usage usage = {
        .synopsis = "briefd version",
        .text = "Prints the version and the commit that this program was built from.",
        .example = "briefd --version",
        .has_no_settings = true};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    printf("briefd %s (%s)\n", briefd_version, briefd_commit);
    return COMMAND_OK;
}
