/*
 * Strict reading of the catalogue's JSON files: every member is asked for by name, and whatever was
 * not asked for is a problem, so that a typo in a configuration never passes as "not set".
 *
 * All functions add their problems as lines "file: member.path: text" and go on, so that one look
 * shows everything that is wrong. Used by one thread, while a catalogue is being loaded.
 */
#ifndef AGENT_CATALOGUE_READ_H
#define AGENT_CATALOGUE_READ_H

#include "agent/catalogue.h"

struct doc {
    const char *file; /* as problems name it: "recipes/daily/recipe.json" */
    struct str *problems;
    size_t n_problems;
};
void doc_problem(struct doc *doc, const char *path, const char *format, ...) PRINTF_LIKE(3, 4);

/* A value and where it stands. `json` NULL: absent. */
struct node {
    struct doc *doc;
    const cJSON *json;
    char path[120]; /* "delivery.text_argument"; "" for the root */
};

/* True when it is an object whose members are all in `allowed` (NULL-terminated; NULL: any) and
 * stand there once; each other finding is a problem. */
bool node_object(const struct node *node, const char *const *allowed);
/* The member of that name; its `json` is NULL when it is absent. */
struct node node_member(const struct node *object, const char *name);
/* The same, and a problem when it is absent. */
struct node node_need(const struct node *object, const char *name);

/* A member that is a text of 1 to `bytes_max` bytes without control characters, NULL when absent (a
 * problem if it `is_required`) or wrong. The caller frees. */
char *node_text(const struct node *object, const char *name, size_t bytes_max, bool is_required);
/* Keeps `otherwise` when absent or wrong. */
int64_t node_int(const struct node *object, const char *name, int64_t min, int64_t max,
                 int64_t otherwise);
bool node_bool(const struct node *object, const char *name, bool otherwise);
/* A decimal amount as text, in billionths. */
int64_t node_money(const struct node *object, const char *name, int64_t otherwise);
/* A list of different texts; absent gives none (a problem if it `is_required`, as is an empty one).
 */
char **node_text_list(const struct node *object, const char *name, size_t n_max, bool is_required,
                      size_t *out_n);

void text_list_free(char **list, size_t n);
bool text_list_has(char *const *list, size_t n, const char *text);
/* Is it 1 to `bytes_max` characters of a-z 0-9 and those in `more`, the first one a letter or
 * digit? */
bool name_valid(const char *text, size_t bytes_max, const char *more);
/* An environment variable: capital letters, digits, "_". */
bool setting_name_valid(const char *text);

/* Pattern of a parameter: POSIX extended, from ^ to $, without what makes a matcher run away. */
bool pattern_compile(const struct node *at, const char *pattern, regex_t *out_compiled);
bool pattern_matches(const regex_t *compiled, const char *text);

/* The loaders of one file each. They fill as far as they get. */
void catalogue_read_connectors(struct catalogue *c, struct doc *doc, const cJSON *tree,
                               const char *(*setting)(void *ctx, const char *name), void *ctx);
void catalogue_read_models(struct catalogue *c, struct doc *doc, const cJSON *tree);
/* `recipe->name` is set; all else comes from the two files. */
void catalogue_read_recipe(const struct catalogue *c, struct recipe *recipe, struct doc *doc,
                           const cJSON *tree, const char *(*setting)(void *ctx, const char *name),
                           void *ctx);
void catalogue_read_params(struct recipe *recipe, const struct node *params,
                           const char *(*setting)(void *ctx, const char *name), void *ctx);
/* Defaults against the parameters' own rules, once the patterns are known. */
void catalogue_check_params(const struct recipe *recipe, struct doc *doc);

void connector_done(struct connector *connector);
void recipe_done(struct recipe *recipe);

#endif
