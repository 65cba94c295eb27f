/*
 * Commands of the program: what each file of this folder has in common.
 *
 * A command is a row of the table in src/main.c and a function that reads its arguments, does its
 * work and returns the exit code. What it was asked for goes to stdout, everything else to stderr.
 * One thread, until a command starts others itself.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include "base/file.h"
#include "config/config.h"
#include "store/store.h"

/* 64 and 78 are those of sysexits.h. */
enum exit_code {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1,
    COMMAND_NEEDS_USER = 2,       /* run: a connection needs its user */
    COMMAND_DELIVERY_UNKNOWN = 3, /* run: the message may have been posted */
    COMMAND_USAGE = 64,
    COMMAND_CONFIG = 78,
};

struct command_context {
    const char *name; /* "keys" */
    int argc;         /* what stands behind the command's name */
    char **argv;
    char **environ;
    const struct command *commands; /* the table, closed by a row without a name */
};

struct command {
    const char *name;
    const char *summary; /* one line for --help */
    int (*run)(struct command_context *ctx);
};

/* An option with a value (--db FILE, --db=FILE) or without one. */
struct command_option {
    const char *name;       /* "--scope" */
    const char *value_name; /* "WORDS"; NULL: it has no value */
    const char *help;
    const char **value; /* gets the text */
    bool *is_given;     /* of an option without value */
};

/* What --help shows, and what the arguments may be. */
struct command_usage {
    const char *synopsis; /* "briefd keys create NAME --scope WORDS", one line each */
    const char *text;     /* a few sentences */
    const char *example;
    const struct command_option
        *options; /* may be NULL; --env-file, --db and --help are known anyway */
    size_t n_options;
    size_t positional_max;
    bool has_no_settings; /* takes neither --env-file nor --db */
};

#define COMMAND_POSITIONAL_MAX 4
/* What the command line said. Texts are borrowed from argv. */
struct command_line {
    const char *env_file;
    const char *db;
    const char *positional[COMMAND_POSITIONAL_MAX];
    size_t n_positional;
};

#define COMMAND_GO_ON (-1)
/* Reads the arguments. COMMAND_GO_ON, or the exit code to return: 0 after --help, 64 after a
 * mistake that was told on stderr with a hint. */
int command_parse(const struct command_context *ctx, const struct command_usage *usage,
                  struct command_line *out_line);
/* Tells that something on the command line is wrong; returns COMMAND_USAGE. */
int command_misused(const struct command_context *ctx, const char *format, ...) PRINTF_LIKE(2, 3);
/* Tells the story of err_detail(); returns COMMAND_FAILED. */
int command_failed(const char *what);

/* The configuration for this command line, and the log set up by it. Warnings and problems go to
 * stderr. COMMAND_GO_ON, or COMMAND_CONFIG. The caller frees with config_free(). */
int command_config(const struct command_context *ctx, const struct command_line *line,
                   enum config_need need, struct config **out_config);

/* The same without telling anybody: problems and warnings are lines. */
enum err command_config_read(const struct command_context *ctx, const struct command_line *line,
                             enum config_need need, struct config **out_config,
                             struct str *out_problems, struct str *out_warnings) MUST_CHECK;

/* Locks the database for this process: <db>.lock. Told on stderr when another has it. */
enum err command_lock(const struct config *config, struct file_lock *out_lock) MUST_CHECK;
/* Options of store_open() as the configuration says. */
struct store_options command_store_options(const struct config *config);

/* Tells why store_open() failed; a seal key that does not fit is a matter of settings:
 * COMMAND_CONFIG, else COMMAND_FAILED. */
int command_store_failed(enum err e);

/* The value of a variable given to main; NULL when it is not there. */
const char *command_environ(const struct command_context *ctx, const char *name);

int command_backup(struct command_context *ctx);
int command_check_config(struct command_context *ctx);
int command_connect(struct command_context *ctx);
int command_help(struct command_context *ctx);
int command_keys(struct command_context *ctx);
int command_migrate(struct command_context *ctx);
int command_restore(struct command_context *ctx);
int command_run(struct command_context *ctx);
int command_send(struct command_context *ctx);
int command_serve(struct command_context *ctx);
int command_user(struct command_context *ctx);
int command_version(struct command_context *ctx);

#endif
