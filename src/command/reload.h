/*
 * SIGHUP: recipes, connectors, models and secrets are read anew, while everything goes on.
 */
#ifndef COMMAND_RELOAD_H
#define COMMAND_RELOAD_H

#include "command/command.h"
#include "command/service.h"
#include "connect/connect.h"

/* Reads the whole configuration. With a problem anywhere nothing of it counts, and one log line
 * says all of them; otherwise what starts from now on uses the new recipes, connectors, models and
 * defaults, running briefings go on with those they began with, new secrets count at once, and runs
 * that wait for credentials try again. Other settings that changed are named: they need a restart.
 * False: nothing was changed. */
bool reload(const struct command_context *ctx, const struct command_line *line,
            struct service *service, struct connect *connect);

#endif
