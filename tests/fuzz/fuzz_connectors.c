/*
 * connectors.json and models.json, told apart by the first byte: refused with a problem, or as
 * promised.
 */
#include "agent/catalogue_read.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *setting(void *ctx, const char *name)
{
    (void)ctx;
    return name;
}

static void check_connectors(const struct catalogue *c)
{
    assert(c->n_connectors > 0);
    for (size_t i = 0; i < c->n_connectors; i++) {
        const struct connector *connector = &c->connectors[i];
        assert(catalogue_connector(c, connector->name) == connector);
        assert(connector->label && connector->connection_setting && connector->n_tool_prefixes > 0);
        assert(connector->connection_name);
        assert(!connector->history_tool || connector->n_author_members > 0);
        assert(connector->probe_tool ? connector->n_identity_members > 0
                                     : connector->n_identity_members == 0);
    }
}

static void check_models(const struct catalogue *c)
{
    assert(c->n_models > 0 && c->prices_checked);
    for (size_t i = 0; i < c->n_models; i++) {
        const struct model *model = &c->models[i];
        assert(model->input >= 0 && model->output >= 0 && model->cache_read >= 0);
        assert(model->max_output_tokens > 0);
        assert(model_worst_cost(model, SIZE_MAX, model->max_output_tokens) >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct json_limits limits = {.nodes_max = 20000, .depth_max = 16};
    cJSON *tree = NULL;
    if (size == 0 || json_parse((const char *)data + 1, size - 1, limits, &tree)) return 0;

    AUTO(str_done) struct str problems = {0};
    struct catalogue *c = xcalloc(1, sizeof *c);
    atomic_init(&c->references, 1);
    struct doc doc = {.file = "x.json", .problems = &problems};
    bool is_connectors = data[0] == 'c';
    if (is_connectors)
        catalogue_read_connectors(c, &doc, tree, setting, NULL);
    else
        catalogue_read_models(c, &doc, tree);
    assert((doc.n_problems > 0) == (problems.len > 0));
    if (doc.n_problems == 0 && is_connectors) check_connectors(c);
    if (doc.n_problems == 0 && !is_connectors) check_models(c);
    catalogue_release(c);
    cJSON_Delete(tree);
    return 0;
}
