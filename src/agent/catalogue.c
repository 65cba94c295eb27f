/*
 * Loads the files in the order in which they need each other (connectors, models, recipes), so that
 * a recipe's problems can name the connector it lacks. Everything is read even when something is
 * wrong: the operator sees all problems at once.
 */
#include "agent/catalogue.h"

#include "agent/catalogue_files.h"
#include "agent/catalogue_read.h"
#include "base/crypt.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define JSON_BYTES_MAX   (256 * KIB)
#define PROMPT_BYTES_MAX (128 * KIB)
#define RECIPES_MAX      100
#define RECIPE_NAME_MAX  64

struct loader {
    struct catalogue *catalogue;
    const char *config_dir;
    const char *(*setting)(void *ctx, const char *name);
    void *ctx;
    struct str *problems;
    size_t n_problems;
};

/* The tree of a JSON file, NULL with a problem when there is none. */
static cJSON *read_tree(struct loader *loader, struct doc *doc, struct str *text)
{
    static const struct json_limits limits = {.nodes_max = 20000, .depth_max = 16};
    cJSON *tree = NULL;
    if (catalogue_file_read(loader->config_dir, doc->file, JSON_BYTES_MAX, text))
        doc_problem(doc, "", "%s", err_detail());
    else if (json_parse(str_text(text), text->len, limits, &tree))
        doc_problem(doc, "", "%s", err_detail());
    return tree;
}

static void load_connectors(struct loader *loader)
{
    struct doc doc = {.file = "connectors.json", .problems = loader->problems};
    AUTO(str_done) struct str text = {0};
    AUTO(json_tree_done) cJSON *tree = read_tree(loader, &doc, &text);
    if (tree)
        catalogue_read_connectors(loader->catalogue, &doc, tree, loader->setting, loader->ctx);
    loader->n_problems += doc.n_problems;
}

static void load_models(struct loader *loader)
{
    struct doc doc = {.file = "models.json", .problems = loader->problems};
    AUTO(str_done) struct str text = {0};
    AUTO(json_tree_done) cJSON *tree = read_tree(loader, &doc, &text);
    if (tree) catalogue_read_models(loader->catalogue, &doc, tree);
    loader->n_problems += doc.n_problems;
}

static void load_prompt(struct loader *loader, struct recipe *recipe, const char *path)
{
    struct doc doc = {.file = path, .problems = loader->problems};
    AUTO(str_done) struct str text = {0};
    if (catalogue_file_read(loader->config_dir, path, PROMPT_BYTES_MAX, &text))
        doc_problem(&doc, "", "%s", err_detail());
    else if (!utf8_valid(str_text(&text), text.len) || memchr(str_text(&text), '\0', text.len))
        doc_problem(&doc, "", "is no UTF-8 text");
    else if (strspn(str_text(&text), " \t\r\n") == text.len)
        doc_problem(&doc, "", "is empty");
    else
        recipe->prompt = str_take(&text);
    loader->n_problems += doc.n_problems;
}

static char *recipe_hash(const struct str *json, const char *prompt)
{
    char hex[SHA256_HEX_LEN + 1];
    struct sha256_state state;
    sha256_init(&state);
    sha256_add(&state, str_text(json), json->len);
    sha256_add_text(&state, prompt ? prompt : "");
    sha256_final_hex(&state, hex);
    AUTO(str_done) struct str hash = {0};
    str_append_format(&hash, "sha256:%s", hex);
    return str_take(&hash);
}

static void load_recipe(struct loader *loader, struct recipe *recipe)
{
    char path[128], prompt_path[128];
    snprintf(path, sizeof path, "recipes/%.64s/recipe.json", recipe->name);
    snprintf(prompt_path, sizeof prompt_path, "recipes/%.64s/prompt.md", recipe->name);
    struct doc doc = {.file = path, .problems = loader->problems};
    if (!name_valid(recipe->name, RECIPE_NAME_MAX, "-_"))
        doc_problem(&doc, "", "a recipe's folder is named with 1 to 64 of a-z 0-9 - _");
    AUTO(str_done) struct str text = {0};
    AUTO(json_tree_done) cJSON *tree = read_tree(loader, &doc, &text);
    if (tree)
        catalogue_read_recipe(loader->catalogue, recipe, &doc, tree, loader->setting, loader->ctx);
    loader->n_problems += doc.n_problems;
    load_prompt(loader, recipe, prompt_path);
    recipe->hash = recipe_hash(&text, recipe->prompt);
}

static void load_recipes(struct loader *loader)
{
    struct doc doc = {.file = "recipes", .problems = loader->problems};
    AUTO(recipe_names_done) struct recipe_names names = {0};
    if (catalogue_recipe_names(loader->config_dir, &names))
        doc_problem(&doc, "", "%s", err_detail());
    else if (names.n < 1 || names.n > RECIPES_MAX)
        doc_problem(&doc, "", "must hold 1 to %d folders, not %zu", RECIPES_MAX, names.n);
    else {
        loader->catalogue->recipes = xcalloc(names.n, sizeof *loader->catalogue->recipes);
        for (size_t i = 0; i < names.n; i++) {
            struct recipe *recipe = &loader->catalogue->recipes[loader->catalogue->n_recipes++];
            recipe->name = xstrdup(names.names[i]);
            load_recipe(loader, recipe);
        }
    }
    loader->n_problems += doc.n_problems;
}

static void catalogue_free(struct catalogue *catalogue)
{
    for (size_t i = 0; i < catalogue->n_connectors; i++)
        connector_done(&catalogue->connectors[i]);
    for (size_t i = 0; i < catalogue->n_recipes; i++)
        recipe_done(&catalogue->recipes[i]);
    for (size_t i = 0; i < catalogue->n_models; i++)
        xfree(catalogue->models[i].name);
    xfree(catalogue->connectors);
    xfree(catalogue->recipes);
    xfree(catalogue->models);
    xfree(catalogue->prices_checked);
    xfree(catalogue);
}

enum err catalogue_load(const char *config_dir, const char *(*setting)(void *ctx, const char *name),
                        void *ctx, struct catalogue **out_catalogue, struct str *out_problems)
{
    struct loader loader = {.catalogue = xcalloc(1, sizeof *loader.catalogue),
                            .config_dir = config_dir,
                            .setting = setting,
                            .ctx = ctx,
                            .problems = out_problems};
    load_connectors(&loader);
    load_models(&loader);
    load_recipes(&loader);
    if (loader.n_problems > 0) {
        catalogue_free(loader.catalogue);
        return fail(E_INVALID, "%s has %zu problems", config_dir ? config_dir : "the configuration",
                    loader.n_problems);
    }
    atomic_init(&loader.catalogue->references, 1);
    *out_catalogue = loader.catalogue;
    return E_OK;
}

void catalogue_release(struct catalogue *catalogue)
{
    if (!catalogue) return;
    if (atomic_fetch_sub_explicit(&catalogue->references, 1, memory_order_acq_rel) == 1)
        catalogue_free(catalogue);
}

const struct connector *catalogue_connector(const struct catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->n_connectors; i++)
        if (text_equal(c->connectors[i].name, name)) return &c->connectors[i];
    return NULL;
}

const struct recipe *catalogue_recipe(const struct catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->n_recipes; i++)
        if (text_equal(c->recipes[i].name, name)) return &c->recipes[i];
    return NULL;
}

const struct model *catalogue_model(const struct catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->n_models; i++)
        if (text_equal(c->models[i].name, name)) return &c->models[i];
    return NULL;
}
