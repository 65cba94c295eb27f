/* config/models.json: what a model's tokens cost, and what it accepts. */
#include "agent/catalogue_read.h"

#define MODELS_MAX 200
/* Prices are given for a million tokens and kept for one. */
#define TOKENS_PRICED      1000000
#define PRICE_NANO_USD_MAX INT64_C(1000000000000) /* 1,000 USD a million tokens */

struct prices {
    int64_t input, output, cache_read, cache_write_5m, cache_write_1h;
};

static int64_t read_price(const struct node *prices, const char *name)
{
    struct node m = node_need(prices, name);
    if (!m.json) return 0;
    int64_t amount = node_money(prices, name, 0);
    if (amount > PRICE_NANO_USD_MAX || amount % TOKENS_PRICED != 0) {
        doc_problem(m.doc, m.path, "must be at most 1000 and a multiple of 0.001");
        return 0;
    }
    return amount / TOKENS_PRICED;
}

static struct prices read_prices(const struct node *object)
{
    static const char *const members[] = {"input",          "output",         "cache_read",
                                          "cache_write_5m", "cache_write_1h", NULL};
    struct node prices = node_need(object, "usd_per_million_tokens");
    if (!prices.json) return (struct prices){0};
    node_object(&prices, members);
    if (!cJSON_IsObject(prices.json)) return (struct prices){0};
    return (struct prices){
        .input = read_price(&prices, "input"),
        .output = read_price(&prices, "output"),
        .cache_read = read_price(&prices, "cache_read"),
        .cache_write_5m = read_price(&prices, "cache_write_5m"),
        .cache_write_1h = read_price(&prices, "cache_write_1h"),
    };
}

static void read_long_prompt(struct model *model, const struct node *object)
{
    static const char *const members[] = {"above_tokens", "usd_per_million_tokens", NULL};
    struct node node = node_member(object, "long_prompt");
    if (!node.json) return;
    node_object(&node, members);
    node_need(&node, "above_tokens");
    struct prices prices = read_prices(&node);
    model->long_prompt_tokens = node_int(&node, "above_tokens", 1, 1000000000, 0);
    model->long_input = prices.input;
    model->long_output = prices.output;
    model->long_cache_read = prices.cache_read;
    model->long_cache_write_5m = prices.cache_write_5m;
    model->long_cache_write_1h = prices.cache_write_1h;
}

static void read_model(struct model *model, const struct node *node)
{
    static const char *const members[] = {"usd_per_million_tokens", "long_prompt",
                                          "max_output_tokens", "takes_effort", NULL};
    if (!name_valid(model->name, 100, "-._"))
        doc_problem(node->doc, node->path, "a model's name has 1 to 100 of a-z 0-9 - . _");
    node_object(node, members);
    if (!cJSON_IsObject(node->json)) return;
    struct prices prices = read_prices(node);
    model->input = prices.input;
    model->output = prices.output;
    model->cache_read = prices.cache_read;
    model->cache_write_5m = prices.cache_write_5m;
    model->cache_write_1h = prices.cache_write_1h;
    read_long_prompt(model, node);
    node_need(node, "max_output_tokens");
    model->max_output_tokens = (int)node_int(node, "max_output_tokens", 1, 10000000, 0);
    node_need(node, "takes_effort");
    model->takes_effort = node_bool(node, "takes_effort", false);
}

static bool is_date(const char *text)
{
    static const char shape[] = "dddd-dd-dd";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !is_digit : text[i] != '-') return false;
    }
    return text[sizeof shape - 1] == '\0';
}

void catalogue_read_models(struct catalogue *c, struct doc *doc, const cJSON *tree)
{
    static const char *const members[] = {"prices_checked", "models", NULL};
    struct node root = {.doc = doc, .json = tree};
    node_object(&root, members);
    if (!cJSON_IsObject(tree)) return;
    c->prices_checked = node_text(&root, "prices_checked", 10, true);
    if (c->prices_checked && !is_date(c->prices_checked))
        doc_problem(doc, "prices_checked", "must be a date like 2026-10-08");

    struct node models = node_need(&root, "models");
    if (!models.json) return;
    node_object(&models, NULL);
    if (!cJSON_IsObject(models.json)) return;
    int n = cJSON_GetArraySize(models.json);
    if (n < 1 || n > MODELS_MAX) {
        doc_problem(doc, models.path, "must name 1 to %d models, not %d", MODELS_MAX, n);
        return;
    }
    c->models = xcalloc((size_t)n, sizeof *c->models);
    for (const cJSON *m = models.json->child; m; m = m->next) {
        struct model *model = &c->models[c->n_models++];
        model->name = xstrdup(m->string);
        struct node node = node_member(&models, m->string);
        node.json = m;
        read_model(model, &node);
    }
}
