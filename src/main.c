/*
 * briefd: one binary, one command at a time. Each command is a row here and a file in src/command/.
 */
#include "base/fault.h"
#include "base/mem.h"
#include "command/command.h"
#include "store/fault_vfs.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"serve",        "Run the service.",                                command_serve       },
    {"run",          "Make one briefing here and now, for cron.",       command_run         },
    {"send",         "Ask a running service for a briefing.",           command_send        },
    {"check-config", "Check the settings, report every problem.",       command_check_config},
    {"connect",      "Print a link that lets a user connect accounts.", command_connect     },
    {"keys",         "Create, list and revoke API keys.",               command_keys        },
    {"migrate",      "Create the database or bring it up to date.",     command_migrate     },
    {"backup",       "Copy the database, also while it is in use.",     command_backup      },
    {"restore",      "Put a backup in the database's place.",           command_restore     },
    {"user",         "Export or erase what is kept about a user.",      command_user        },
    {"version",      "Print the version.",                              command_version     },
    {"help",         "Print this, or more about one command.",          command_help        },
    {NULL,           NULL,                                              NULL                },
};

/* As options, too, because people try them. */
static const char *alias(const char *name)
{
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) return "version";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) return "help";
    return name;
}

static int wrong_use(const char *name)
{
    if (!name)
        fprintf(stderr, "briefd: say what to do. `briefd help` lists the commands.\n");
    else
        fprintf(stderr, "briefd: there is no command \"%s\". `briefd help` lists the commands.\n",
                name);
    return COMMAND_USAGE;
}

int main(int argc, char **argv, char **environ)
{
    mem_tune();
    if (argc < 2) return wrong_use(NULL);
    const char *name = alias(argv[1]);
    struct command_context ctx = {
        .argc = argc - 2, .argv = argv + 2, .environ = environ, .commands = commands};
#ifdef BRIEFD_FAULTS
    fault_vfs_install();
    fault_setup(command_environ(&ctx, "BRIEFD_FAULT"), command_environ(&ctx, "BRIEFD_CRASH"));
    fault_setup_file(command_environ(&ctx, "BRIEFD_FAULT_FILE"));
#endif
    for (const struct command *command = commands; command->name; command++) {
        if (strcmp(command->name, name) != 0) continue;
        ctx.name = command->name;
        int code = command->run(&ctx);
#ifdef BRIEFD_FAULTS
        fault_report();
#endif
        /* What was asked for must not get lost on a full disk or a closed pipe. */
        bool is_lost = fflush(stdout) != 0 || ferror(stdout);
        if (is_lost && code == COMMAND_OK) code = COMMAND_FAILED;
        return code;
    }
    return wrong_use(argv[1]);
}
