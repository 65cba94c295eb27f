/* The command line: long options with or without a value, and the help that describes them. */
#include "command/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 32

int command_misused(const struct command_context *ctx, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "briefd %s: ", ctx->name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, ". `briefd %s --help` tells more.\n", ctx->name);
    return COMMAND_USAGE;
}

int command_failed(const char *what)
{
    fprintf(stderr, "briefd: %s: %s.\n", what, err_detail());
    return COMMAND_FAILED;
}

static void print_option(const char *name, const char *value_name, const char *help)
{
    char left[64];
    snprintf(left, sizeof left, "%s%s%s", name, value_name ? " " : "",
             value_name ? value_name : "");
    printf("  %-24s %s\n", left, help);
}

/* Each line of the text behind the same number of spaces. */
static void print_indented(const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        printf("  %.*s\n", (int)len, text);
        text += len + (text[len] == '\n' ? 1 : 0);
    }
}

static void print_help(const struct command_usage *usage, const struct command_option *options,
                       size_t n)
{
    printf("Usage:\n");
    print_indented(usage->synopsis);
    printf("\n%s\n\nOptions:\n", usage->text);
    for (size_t i = 0; i < n; i++)
        print_option(options[i].name, options[i].value_name, options[i].help);
    print_option("--help", NULL, "Print this.");
    printf("\nExample:\n");
    print_indented(usage->example);
}

static const struct command_option *find_option(const struct command_option *options, size_t n,
                                                const char *text, size_t len)
{
    for (size_t i = 0; i < n; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, text, len) == 0)
            return &options[i];
    return NULL;
}

/* Takes the option at *at and its value, if it has one. */
static int take_option(const struct command_context *ctx, const struct command_option *options,
                       size_t n, int *at)
{
    const char *text = ctx->argv[*at];
    size_t len = strcspn(text, "=");
    const struct command_option *option = find_option(options, n, text, len);
    if (!option) return command_misused(ctx, "there is no option %.*s", (int)len, text);
    if (!option->value_name) {
        if (text[len] == '=') return command_misused(ctx, "%s takes no value", option->name);
        *option->is_given = true;
        return COMMAND_GO_ON;
    }
    if (*option->value) return command_misused(ctx, "%s is given twice", option->name);
    const char *value = text + len + 1;
    if (text[len] != '=') {
        if (*at + 1 >= ctx->argc) return command_misused(ctx, "%s needs a value", option->name);
        value = ctx->argv[++*at];
    }
    if (!*value) return command_misused(ctx, "%s needs a value", option->name);
    *option->value = value;
    return COMMAND_GO_ON;
}

static int take_positional(const struct command_context *ctx, const struct command_usage *usage,
                           const char *text, struct command_line *line)
{
    size_t max = usage->positional_max < COMMAND_POSITIONAL_MAX ? usage->positional_max
                                                                : COMMAND_POSITIONAL_MAX;
    if (line->n_positional >= max) return command_misused(ctx, "\"%s\" is one too many", text);
    line->positional[line->n_positional++] = text;
    return COMMAND_GO_ON;
}

static bool asks_for_help(const struct command_context *ctx)
{
    for (int i = 0; i < ctx->argc; i++) {
        if (strcmp(ctx->argv[i], "--") == 0) return false;
        if (strcmp(ctx->argv[i], "--help") == 0 || strcmp(ctx->argv[i], "-h") == 0) return true;
    }
    return false;
}

int command_parse(const struct command_context *ctx, const struct command_usage *usage,
                  struct command_line *out_line)
{
    struct command_line line = {0};
    struct command_option options[OPTIONS_MAX];
    size_t n = 0;
    for (; n < usage->n_options && n < OPTIONS_MAX - 2; n++)
        options[n] = usage->options[n];
    if (!usage->has_no_settings) {
        options[n++] = (struct command_option){"--env-file", "FILE", "Settings; default: .env.",
                                               &line.env_file, NULL};
        options[n++] = (struct command_option){"--db", "FILE", "The database; default: BRIEFD_DB.",
                                               &line.db, NULL};
    }
    if (asks_for_help(ctx)) {
        print_help(usage, options, n);
        return COMMAND_OK;
    }
    bool options_end = false;
    for (int at = 0; at < ctx->argc; at++) {
        const char *text = ctx->argv[at];
        int code = COMMAND_GO_ON;
        if (!options_end && strcmp(text, "--") == 0)
            options_end = true;
        else if (!options_end && text[0] == '-' && text[1])
            code = take_option(ctx, options, n, &at);
        else
            code = take_positional(ctx, usage, text, &line);
        if (code != COMMAND_GO_ON) return code;
    }
    *out_line = line;
    return COMMAND_GO_ON;
}
