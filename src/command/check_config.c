/* `briefd check-config`: is everything there that `serve` and `run` need? Nothing is changed,
 * nobody is asked. */
#include "base/embedded.h"
#include "base/file.h"
#include "command/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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

/* Makes the folders of `path` below its first `from` characters. */
static enum err make_folders(struct str *path, size_t from)
{
    for (char *slash = strchr(path->data + from, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int result = mkdir(path->data, 0755);
        *slash = '/';
        if (result && errno != EEXIST)
            return fail(E_DENIED, "a folder for %s: %s", path->data, strerrordesc_np(errno));
    }
    return E_OK;
}

static enum err unpack(const char *folder)
{
    if (mkdir(folder, 0755))
        return fail(E_DENIED, "a new folder \"%s\": %s", folder, strerrordesc_np(errno));
    for (size_t i = 0; i < embedded_config_count; i++) {
        const struct embedded_file *file = &embedded_config[i];
        AUTO(str_done) struct str path = {0};
        str_append_format(&path, "%s/%s", folder, file->path);
        enum err e = make_folders(&path, strlen(folder) + 1);
        if (!e) e = file_create(str_text(&path), file->data, file->len, 0644);
        if (e) return e;
    }
    return E_OK;
}

static int print_unpacked(const char *folder)
{
    if (unpack(folder)) {
        fprintf(stderr, "briefd: not written: %s\n", err_detail());
        return COMMAND_FAILED;
    }
    fprintf(stderr, "Written. Set BRIEFD_CONFIG_DIR=%s to use it instead of the built-in files.\n",
            folder);
    return COMMAND_OK;
}

int command_check_config(struct command_context *ctx)
{
    bool wants_print = false, wants_example = false;
    const char *folder = NULL;
    const struct command_option options[] = {
        {"--print",        NULL,  "Print every setting and where it comes from, secrets masked.",         NULL,
         &wants_print                                                                                                         },
        {"--print-config", NULL,  "The same.",                                                            NULL, &wants_print  },
        {"--example",      NULL,  "Print an example .env file with every setting, and check nothing.",
         NULL,                                                                                                  &wants_example},
        {"--unpack",       "DIR", "Write the built-in connectors, models and recipes into a new folder.",
         &folder,                                                                                               NULL          },
    };
    const struct command_usage usage = {
        .synopsis = "briefd check-config [--print] [--env-file FILE]\n"
                    "briefd check-config --example\n"
                    "briefd check-config --unpack DIR",
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
    if (folder) return print_unpacked(folder);

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
