/* What settings look like: as they are, and as an example to start from. */
#include "base/utf8.h"
#include "config/config.h"
#include "config/settings.h"

#include <string.h>

void config_print(const struct config *config, struct str *out)
{
    for (size_t i = 0; i < config->n_values; i++) {
        const struct setting_value *value = &config->values[i];
        if (!value->text)
            str_append_format(out, "%s=  # not set\n", value->name);
        else if (value->is_secret)
            str_append_format(out, "%s=(set, %zu characters)  # %s\n", value->name,
                              utf8_count(value->text, strlen(value->text)), value->origin);
        else
            str_append_format(out, "%s=%s  # %s\n", value->name, value->text, value->origin);
    }
}

#define COMMENT_COLUMNS 96

/* Breaks a text at spaces into comment lines. */
static void print_comment(struct str *out, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column > 0 && column + 1 + len > COMMENT_COLUMNS) {
            str_append_char(out, '\n');
            column = 0;
        }
        str_append_text(out, column == 0 ? "# " : " ");
        str_append(out, text, len);
        column += len + (column == 0 ? 2 : 1);
        text += len;
        text += strspn(text, " ");
    }
    str_append_char(out, '\n');
}

static void print_setting(struct str *out, const struct setting *setting)
{
    if (setting->section) str_append_format(out, "\n# ---- %s ----\n", setting->section);
    str_append_char(out, '\n');
    print_comment(out, setting->help);
    if (setting->alias) str_append_format(out, "# Also read as %s.\n", setting->alias);
    if (setting->choices[0]) {
        str_append_text(out, "# One of:");
        for (size_t i = 0; setting->choices[i]; i++)
            str_append_format(out, "%s %s", i == 0 ? "" : ",", setting->choices[i]);
        str_append_text(out, ".\n");
    }
    if (setting->kind == SETTING_DURATION)
        str_append_text(out,
                        "# A time: 250ms, 90s, 5m, 24h or 7d; a plain number means seconds.\n");
    str_append_format(out, "%s%s=%s\n", setting->missing ? "" : "#", setting->name,
                      setting->default_text ? setting->default_text : "");
}

static const char *no_setting(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return NULL;
}

static void print_connectors(struct str *out, const struct catalogue *c)
{
    str_append_text(out, "\n# ---- Connectors ----\n\n");
    print_comment(
        out,
        "The connection names as ScaleKit's dashboard shows them, exact to the letter. A connector "
        "whose variable is not set is not offered; at least one is needed.");
    for (size_t i = 0; i < c->n_connectors; i++)
        str_append_format(out, "#%s=\n", c->connectors[i].connection_setting);
}

static void print_recipes(struct str *out, const struct catalogue *c)
{
    str_append_text(out, "\n# ---- Recipes ----\n\n");
    print_comment(out, "Values for parameters that a caller does not give.");
    for (size_t i = 0; i < c->n_recipes; i++) {
        for (size_t k = 0; k < c->recipes[i].n_params; k++) {
            const struct recipe_param *param = &c->recipes[i].params[k];
            if (!param->default_setting) continue;
            str_append_char(out, '\n');
            print_comment(out, param->description);
            str_append_format(out, "#%s=\n", param->default_setting);
        }
    }
}

void config_print_example(struct str *out)
{
    AUTO(str_done) struct str problems = {0};
    struct catalogue *catalogue = NULL;
    print_comment(
        out,
        "Settings of briefd. Copy this file to .env, or put the values in the environment, which "
        "comes first. A value can also stand in a file of its own, named by NAME_FILE.");
    print_comment(
        out,
        "`briefd check-config` tells what is missing or wrong. Lines with a # in front show the "
        "defaults.");
    for (size_t i = 0; i < settings_count; i++)
        print_setting(out, &settings[i]);
    /* What is inside the program has passed the tests. */
    if (catalogue_load(NULL, no_setting, NULL, &catalogue, &problems)) return;
    print_connectors(out, catalogue);
    print_recipes(out, catalogue);
    catalogue_release(catalogue);
}
