/* What commands that need settings or the database begin with. */
#include "base/log.h"
#include "command/command.h"

#include <stdio.h>
#include <string.h>

const char *command_environ(const struct command_context *ctx, const char *name)
{
    size_t len = strlen(name);
    for (char **entry = ctx->environ; entry && *entry; entry++)
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=') return *entry + len + 1;
    return NULL;
}

static void print_lines(const char *mark, const struct str *lines)
{
    for (const char *line = str_text(lines); *line;) {
        size_t len = strcspn(line, "\n");
        fprintf(stderr, "%s%.*s\n", mark, (int)len, line);
        line += len + (line[len] == '\n' ? 1 : 0);
    }
}

static size_t count_lines(const struct str *lines)
{
    size_t n = 0;
    for (const char *p = str_text(lines); *p; p++)
        n += *p == '\n';
    return n;
}

enum err command_config_read(const struct command_context *ctx, const struct command_line *line,
                             enum config_need need, struct config **out_config,
                             struct str *out_problems, struct str *out_warnings)
{
    AUTO(str_done) struct str db = {0};
    if (line->db) str_append_format(&db, "BRIEFD_DB=%s", line->db);
    const char *overrides[] = {line->db ? str_text(&db) : NULL, NULL};
    struct config_source source = {
        .env_file = line->env_file, .environ = ctx->environ, .overrides = overrides};
    return config_load(&source, need, out_config, out_problems, out_warnings);
}

int command_config(const struct command_context *ctx, const struct command_line *line,
                   enum config_need need, struct config **out_config)
{
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    enum err e = command_config_read(ctx, line, need, out_config, &problems, &warnings);
    print_lines("warning: ", &warnings);
    if (e) {
        size_t n = count_lines(&problems);
        fprintf(stderr, "briefd %s: the configuration has %zu problem%s:\n", ctx->name, n,
                n == 1 ? "" : "s");
        print_lines("  - ", &problems);
        return COMMAND_CONFIG;
    }
    log_setup((*out_config)->log_format, (*out_config)->log_level);
    return COMMAND_GO_ON;
}

enum err command_lock(const struct config *config, struct file_lock *out_lock)
{
    /* Beside the file itself, where SQLite has its own: two names of a database have one lock. */
    AUTO(str_done) struct str path = {0};
    enum err e = file_follow(config->db_path, &path);
    if (e) return e;
    str_append_text(&path, ".lock");
    return file_lock(str_text(&path), out_lock);
}

struct store_options command_store_options(const struct config *config)
{
    return (struct store_options){.path = config->db_path,
                                  .seal_key = config->seal_key,
                                  .seal_key_previous = config->seal_key_previous};
}

int command_store_failed(enum err e)
{
    command_failed("the database cannot be opened");
    return e == E_INVALID ? COMMAND_CONFIG : COMMAND_FAILED;
}
