/*
 * `briefd connect`: a connect ticket for a user, printed as a link. Works beside a running service.
 */
#include "command/command.h"
#include "connect/ticket.h"
#include "store/keys.h"
#include "store/runs.h"

#include <stdio.h>
#include <string.h>

struct wish {
    const char *user_id, *connectors, *name, *return_to;
    bool needs_confirm;
};

static const struct connector *offered(const struct catalogue *catalogue, const char *name)
{
    const struct connector *c = catalogue_connector(catalogue, name);
    return c && c->connection_name ? c : NULL;
}

/* JSON array of the names asked for, or of all that are offered. COMMAND_GO_ON, or told. */
static int choose(const struct command_context *ctx, const struct catalogue *catalogue,
                  const char *words, struct str *out)
{
    struct json_writer w = json_writer(out);
    json_begin_array(&w);
    for (size_t i = 0; !words && i < catalogue->n_connectors; i++)
        if (catalogue->connectors[i].connection_name)
            json_write_string(&w, catalogue->connectors[i].name);
    for (const char *at = words ? words : ""; *at;) {
        size_t len = strcspn(at, ", ");
        AUTO(xfree_ptr) char *name = xstrndup(at, len);
        if (len > 0 && !offered(catalogue, name))
            return command_misused(ctx, "\"%s\" is no connector that is set up here", name);
        if (len > 0) json_write_string(&w, name);
        at += len + (at[len] ? 1 : 0);
    }
    json_end_array(&w);
    return COMMAND_GO_ON;
}

static int print_ticket(const struct config *config, struct store *store, struct ticket_row *row)
{
    AUTO(str_done_secret) struct str url = {0};
    enum err e = ticket_make(store, config->public_url, row, NULL, &url);
    if (!e) e = store_audit(store, "command", "ticket_made", row->user_id, NULL);
    if (e) return command_failed("the link could not be made");
    fprintf(stderr,
            "A link for %s, for one use within ten minutes. Whoever has it can connect accounts in "
            "their name.\n",
            row->user_id);
    printf("%s\n", str_text(&url));
    return COMMAND_OK;
}

static int make(const struct command_context *ctx, const struct config *config,
                const struct wish *wish)
{
    AUTO(str_done) struct str connectors = {0};
    if (config->public_url_is_default && config->listen_port == 0)
        return command_misused(ctx, "BRIEFD_LISTEN takes any free port, so nobody here knows the "
                                    "service's address; set BRIEFD_PUBLIC_URL");
    if (wish->return_to && !is_return_address(config->return_origins, wish->return_to))
        return command_misused(ctx, "--return-to is neither a path of the service nor of an origin "
                                    "in BRIEFD_RETURN_ORIGINS");
    int code = choose(ctx, config->catalogue, wish->connectors, &connectors);
    if (code != COMMAND_GO_ON) return code;
    struct store *store = NULL;
    struct store_options options = command_store_options(config);
    options.n_readers = 1;
    options.no_create = true;
    options.no_migrate = true;
    enum err e = store_open(&options, &store);
    if (e) return command_store_failed(e);
    AUTO(ticket_row_done)
    struct ticket_row row = {.user_id = xstrdup(wish->user_id),
                             .display_name = xstrdup(wish->name),
                             .connectors = str_take(&connectors),
                             .return_to = xstrdup(wish->return_to),
                             .needs_confirm = wish->needs_confirm || config->ticket_confirm};
    code = print_ticket(config, store, &row);
    store_close(store);
    return code;
}

static int check(const struct command_context *ctx, const struct command_line *line,
                 struct wish *wish)
{
    if (line->n_positional != 1) return command_misused(ctx, "connect needs a USER");
    wish->user_id = line->positional[0];
    if (!user_id_valid(wish->user_id))
        return command_misused(ctx, "a user's id has 1 to %d characters", USER_ID_CHARS_MAX);
    if (wish->name && strlen(wish->name) > TICKET_NAME_BYTES_MAX)
        return command_misused(ctx, "--name has at most %d bytes", TICKET_NAME_BYTES_MAX);
    return COMMAND_GO_ON;
}

int command_connect(struct command_context *ctx)
{
    struct wish wish = {0};
    const struct command_option options[] = {
        {"--connectors", "NAMES", "What the link may connect; separated by commas. Default: all.",
         &wish.connectors,                                                                                          NULL},
        {"--name",       "TEXT",  "How the user is called on the page.",                           &wish.name,      NULL},
        {"--return-to",  "URL",   "Where a button leads afterwards.",                              &wish.return_to, NULL},
        {"--confirm",    NULL,    "What it connects waits for the host's confirmation.",           NULL,
         &wish.needs_confirm                                                                                            },
    };
    const struct command_usage usage = {
        .synopsis = "briefd connect USER [--connectors NAMES] [--name TEXT] [--return-to URL] "
                    "[--confirm]",
        .text =
            "Prints a link, alone, on stdout, that lets this user connect accounts in a browser.\n"
            "It works once and for ten minutes. Works while the service runs.\n"
            "Exit code: 0 done, 1 failed, 64 wrong use, 78 wrong settings.",
        .example = "briefd connect u_7f --connectors sanity,slack --name 'Ada'",
        .options = options,
        .n_options = ARRAY_LEN(options),
        .positional_max = 1};
    struct command_line line = {0};
    struct config *config = NULL;
    int code = command_parse(ctx, &usage, &line);
    if (code == COMMAND_GO_ON) code = check(ctx, &line, &wish);
    if (code == COMMAND_GO_ON) code = command_config(ctx, &line, CONFIG_EVERYTHING, &config);
    if (code == COMMAND_GO_ON) code = make(ctx, config, &wish);
    config_free(config);
    return code;
}
