/*
 * Where settings come from, in order: the command line, the environment (NAME, or NAME_FILE for a
 * file that holds the value), systemd's credentials, the `.env` file (NAME or NAME_FILE). The first
 * that has a value wins; an empty value counts as not set. Used by one thread, while a
 * configuration is being loaded.
 */
#ifndef CONFIG_SOURCES_H
#define CONFIG_SOURCES_H

#include "config/config.h"

struct sources {
    const struct config_source *from;
    struct url_pairs env_file;
    const char *env_file_name; /* NULL: there is none */
    bool env_file_is_open;     /* readable by others than its owner's group */
    bool env_file_is_warned;
    struct str *problems;
    struct str *warnings;
};

/* Reads the `.env` file. What is wrong with it goes to the problems. */
void sources_init(struct sources *s, const struct config_source *from, struct str *problems,
                  struct str *warnings);
void sources_done(struct sources *s);

struct found {
    char *text;   /* NULL: nowhere */
    char *origin; /* "environment", "file /run/secrets/key", … */
};
void found_done(struct found *found); /* wipes */
/* A value that is there but cannot be had (unreadable file, both NAME and NAME_FILE) is a problem
 * and found nowhere. A secret in a file that others can read is a warning. */
void sources_find(struct sources *s, const char *name, bool is_secret, struct found *out_found);

/* Calls `each` with every name that begins with `prefix`, and where it stands. */
void sources_each(const struct sources *s, const char *prefix,
                  void (*each)(void *ctx, const char *name, const char *origin), void *ctx);

#endif
