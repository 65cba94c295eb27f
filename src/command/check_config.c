/* `briefd check-config`: is everything there that `serve` and `run` need? Nothing is changed,
 * nobody is asked. */
#include "command/command.h"

#include <stdio.h>

static const char *offered(const struct config *config, struct str *out)
{
    const struct catalogue *c = config->catalogue;
    for (size_t i = 0; i < c->n_connectors; i++)
        if (c->connectors[i].connection_name)
            str_append_format(out, "%s%s", out->len > 0 ? ", " : "", c->connectors[i].name);
    return str_text(out);
}

static const char *recipes(const struct config *config, struct str *out)
{
    for (size_t i = 0; i < config->catalogue->n_recipes; i++)
        str_append_format(out, "%s%s", i > 0 ? ", " : "", config->catalogue->recipes[i].name);
    return str_text(out);
}

static int print_example(void)
{
    AUTO(str_done) struct str example = {0};
    config_print_example(&example);
    fputs(str_text(&example), stdout);
    return COMMAND_OK;
}

int command_check_config(struct command_context *ctx)
{
    bool wants_print = false, wants_example = false;
    const struct command_option options[] = {
        {"--print",        NULL, "Print every setting and where it comes from, secrets masked.",      NULL,
         &wants_print                                                                                                     },
        {"--print-config", NULL, "The same.",                                                         NULL, &wants_print  },
        {"--example",      NULL, "Print an example .env file with every setting, and check nothing.",
         NULL,                                                                                              &wants_example},
    };
    const struct command_usage usage = {
        .synopsis = "briefd check-config [--print] [--env-file FILE]\n"
                    "briefd check-config --example",
        .text =
            "Checks the settings and the files under the configuration folder, and reports every\n"
            "problem at once. It asks no other machine and changes nothing.\n"
            "Exit code: 0 all is well, 78 there are problems.",
        .example = "briefd check-config --example > .env\nbriefd check-config --print",
        .options = options,
        .n_options = ARRAY_LEN(options)};
    struct command_line line = {0};
    int code = command_parse(ctx, &usage, &line);
    if (code != COMMAND_GO_ON) return code;
    if (wants_example) return print_example();

    struct config *config = NULL;
    code = command_config(ctx, &line, CONFIG_EVERYTHING, &config);
    if (code != COMMAND_GO_ON) return code;
    AUTO(str_done) struct str text = {0}, names = {0}, recipe_names = {0};
    if (wants_print) config_print(config, &text);
    fputs(str_text(&text), stdout);
    fprintf(stderr, "The configuration is complete: connectors %s; recipes %s; model %s.\n",
            offered(config, &names), recipes(config, &recipe_names), config->model);
    config_free(config);
    return COMMAND_OK;
}
