/*
 * The catalogue's files: from a directory, or from the copies inside the binary. One thread, at
 * start.
 */
#ifndef AGENT_CATALOGUE_FILES_H
#define AGENT_CATALOGUE_FILES_H

#include "base/str.h"

/* Appends the file at `path` ("models.json", "recipes/daily/prompt.md"). `config_dir` NULL: the
 * built-in one. Errors as file_read(): E_NOT_FOUND, E_LIMIT, E_INVALID, E_DENIED. */
enum err catalogue_file_read(const char *config_dir, const char *path, size_t bytes_max,
                             struct str *out) MUST_CHECK;

/* Names of the folders in recipes/, sorted; xfree() each and the list. E_NOT_FOUND: there is no
 * recipes/. */
struct recipe_names {
    char **names;
    size_t n;
};
void recipe_names_done(struct recipe_names *names);
enum err catalogue_recipe_names(const char *config_dir, struct recipe_names *out_names) MUST_CHECK;

#endif
