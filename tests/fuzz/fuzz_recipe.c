/*
 * recipe.json: whatever is in it, it is either refused with a problem, or it keeps every promise of
 * struct recipe, and its parameters can be resolved.
 */
#include "agent/catalogue_read.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *setting(void *ctx, const char *name)
{
    (void)ctx;
    return text_ends(name, "_CONNECTION") ? "some-connection" : text_ends(name, "L") ? "C01" : NULL;
}

static struct catalogue *built_in(void)
{
    static struct catalogue *catalogue;
    AUTO(str_done) struct str problems = {0};
    if (!catalogue && catalogue_load(NULL, setting, NULL, &catalogue, &problems)) assert(false);
    return catalogue;
}

static void ignore_problem(void *ctx, const char *pointer, const char *text)
{
    (void)ctx;
    assert(text_starts(pointer, "/params") && *text);
}

static void check_recipe(const struct recipe *recipe)
{
    const struct recipe_delivery *delivery = &recipe->delivery;
    assert(recipe->title && recipe->description && recipe->first_message);
    assert(recipe->n_connectors > 0 && recipe->n_read_tools > 0);
    assert(delivery->tool && delivery->channel_param && delivery->channel_pattern);
    assert(json_check(delivery->fixed_arguments, strlen(delivery->fixed_arguments),
                      (struct json_limits){0}) == E_OK);
    assert(!text_list_has(recipe->read_tools, recipe->n_read_tools, delivery->tool));
    assert(recipe->turns_max > 0 && recipe->deadline_ms > 0 && recipe->max_tokens > 0);

    static const char given[] =
        "{\"slack_channel\":\"C01\",\"sanity_dataset\":\"aaaaaaaaaaaaaaaaaaaaaa!\"}";
    struct json_span spans[] = {{0}, json_root(given, sizeof given - 1)};
    for (size_t i = 0; i < ARRAY_LEN(spans); i++) {
        AUTO(str_done) struct str params = {0};
        if (recipe_resolve_params(recipe, spans[i], &params, ignore_problem, NULL) == E_OK)
            assert(json_check(str_text(&params), params.len, (struct json_limits){0}) == E_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.nodes_max = 20000, .depth_max = 16};
    cJSON *tree = NULL;
    if (json_parse((const char *)data, size, limits, &tree)) return 0;

    AUTO(str_done) struct str problems = {0};
    struct doc doc = {.file = "recipe.json", .problems = &problems};
    struct recipe recipe = {0};
    catalogue_read_recipe(built_in(), &recipe, &doc, tree, setting, NULL);
    assert((doc.n_problems > 0) == (problems.len > 0));
    if (doc.n_problems == 0) check_recipe(&recipe);
    recipe_done(&recipe);
    cJSON_Delete(tree);
    return 0;
}
