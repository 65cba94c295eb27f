/* A recipe.json. Its members are described in static/docs/recipes.md. */
#include "agent/catalogue_read.h"

#include <string.h>

#define READ_TOOLS_MAX          100
#define TOOL_NAME_MAX           128
#define FIRST_MESSAGE_LINES_MAX 100

static void check_tool(const struct catalogue *c, const struct recipe *recipe, struct doc *doc,
                       const char *path, const char *tool)
{
    for (size_t i = 0; i < recipe->n_connectors; i++) {
        const struct connector *connector = catalogue_connector(c, recipe->connectors[i]);
        for (size_t k = 0; connector && k < connector->n_tool_prefixes; k++)
            if (text_starts(tool, connector->tool_prefixes[k])) return;
    }
    doc_problem(doc, path, "%s belongs to none of the recipe's connectors", tool);
}

static void read_connectors(const struct catalogue *c, struct recipe *recipe,
                            const struct node *root)
{
    recipe->connectors = node_text_list(root, "connectors", 16, true, &recipe->n_connectors);
    for (size_t i = 0; i < recipe->n_connectors; i++)
        if (!catalogue_connector(c, recipe->connectors[i]))
            doc_problem(root->doc, "connectors", "there is no connector \"%s\" in connectors.json",
                        recipe->connectors[i]);
}

static void read_tools(const struct catalogue *c, struct recipe *recipe, const struct node *root)
{
    static const char *const members[] = {"read", NULL};
    struct node tools = node_need(root, "tools");
    if (!tools.json) return;
    node_object(&tools, members);
    if (!cJSON_IsObject(tools.json)) return;
    recipe->read_tools =
        node_text_list(&tools, "read", READ_TOOLS_MAX, true, &recipe->n_read_tools);
    for (size_t i = 0; i < recipe->n_read_tools; i++)
        check_tool(c, recipe, root->doc, "tools.read", recipe->read_tools[i]);
}

static void read_after_delivery(struct recipe_delivery *delivery, const struct node *node)
{
    AUTO(xfree_ptr) char *after = node_text(node, "after_delivery", 20, false);
    if (!after) return;
    delivery->continues = text_equal(after, "continue");
    if (!delivery->continues && !text_equal(after, "end"))
        doc_problem(node->doc, node->path, "after_delivery must be end or continue");
}

static void read_fixed_arguments(struct recipe_delivery *delivery, const struct node *node)
{
    struct node fixed = node_member(node, "fixed_arguments");
    if (!fixed.json) {
        delivery->fixed_arguments = xstrdup("{}");
        return;
    }
    node_object(&fixed, NULL);
    if (!cJSON_IsObject(fixed.json)) return;
    const char *ours[] = {delivery->text_argument, delivery->channel_argument};
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (ours[i] && cJSON_GetObjectItemCaseSensitive(fixed.json, ours[i]))
            doc_problem(fixed.doc, fixed.path, "must not set %s", ours[i]);
    char *printed = cJSON_PrintUnformatted(fixed.json);
    delivery->fixed_arguments = xstrdup(printed);
    cJSON_free(printed);
}

/* The destination: a required string parameter whose pattern is the delivery's. */
static void check_channel(struct recipe *recipe, const struct node *node)
{
    struct recipe_delivery *delivery = &recipe->delivery;
    if (!delivery->channel_param || !delivery->channel_pattern) return;
    struct recipe_param *param = NULL;
    for (size_t i = 0; i < recipe->n_params; i++)
        if (text_equal(recipe->params[i].name, delivery->channel_param)) param = &recipe->params[i];
    if (!param || param->type != PARAM_STRING || !param->is_required) {
        doc_problem(node->doc, node->path,
                    "channel_param must name a parameter of type string with required: true");
        return;
    }
    if (param->pattern) {
        doc_problem(node->doc, node->path,
                    "channel_pattern is the pattern of %s: leave its own out", param->name);
        return;
    }
    struct node at = node_member(node, "channel_pattern");
    param->has_pattern = pattern_compile(&at, delivery->channel_pattern, &param->pattern_compiled);
    if (param->has_pattern) param->pattern = xstrdup(delivery->channel_pattern);
}

static void check_delivery_tool(const struct catalogue *c, const struct recipe *recipe,
                                const struct node *node)
{
    const struct recipe_delivery *delivery = &recipe->delivery;
    if (delivery->connector &&
        !text_list_has(recipe->connectors, recipe->n_connectors, delivery->connector))
        doc_problem(node->doc, node->path, "connector must be one of the recipe's connectors");
    if (!delivery->tool) return;
    if (text_list_has(recipe->read_tools, recipe->n_read_tools, delivery->tool))
        doc_problem(node->doc, node->path, "%s is also in tools.read: a tool is one or the other",
                    delivery->tool);
    const struct connector *connector =
        delivery->connector ? catalogue_connector(c, delivery->connector) : NULL;
    if (!connector) return;
    for (size_t i = 0; i < connector->n_tool_prefixes; i++)
        if (text_starts(delivery->tool, connector->tool_prefixes[i])) return;
    doc_problem(node->doc, node->path, "%s is no tool of %s", delivery->tool, connector->name);
}

static void read_delivery(const struct catalogue *c, struct recipe *recipe, const struct node *root)
{
    static const char *const members[] = {"connector",
                                          "tool",
                                          "description",
                                          "text_argument",
                                          "channel_argument",
                                          "channel_param",
                                          "channel_pattern",
                                          "fixed_arguments",
                                          "text_chars_max",
                                          "after_delivery",
                                          NULL};
    struct node node = node_need(root, "delivery");
    if (!node.json) return;
    node_object(&node, members);
    if (!cJSON_IsObject(node.json)) return;
    struct recipe_delivery *delivery = &recipe->delivery;
    delivery->connector = node_text(&node, "connector", 32, true);
    delivery->tool = node_text(&node, "tool", TOOL_NAME_MAX, true);
    delivery->description = node_text(&node, "description", 2000, true);
    delivery->text_argument = node_text(&node, "text_argument", 64, true);
    delivery->channel_argument = node_text(&node, "channel_argument", 64, true);
    delivery->channel_param = node_text(&node, "channel_param", 64, true);
    delivery->channel_pattern = node_text(&node, "channel_pattern", 200, true);
    delivery->text_chars_max = (int)node_int(&node, "text_chars_max", 200, 40000, 4000);
    if (delivery->text_argument && text_equal(delivery->text_argument, delivery->channel_argument))
        doc_problem(node.doc, node.path, "text_argument and channel_argument are the same");
    read_fixed_arguments(delivery, &node);
    read_after_delivery(delivery, &node);
    check_delivery_tool(c, recipe, &node);
    check_channel(recipe, &node);
}

/* Length of the placeholder at `text`, which is a '{'; 0 when it is none that can be filled. */
static size_t placeholder_length(const struct recipe *recipe, const char *text)
{
    static const char *const plain[] = {"{today}", "{now}", "{timezone}"};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (text_starts(text, plain[i])) return strlen(plain[i]);
    if (text_starts(text, "{days_ago:")) {
        size_t n_digits = strspn(text + strlen("{days_ago:"), "0123456789");
        size_t len = strlen("{days_ago:") + n_digits;
        return n_digits >= 1 && n_digits <= 4 && text[len] == '}' ? len + 1 : 0;
    }
    if (!text_starts(text, "{param:")) return 0;
    const char *name = text + strlen("{param:");
    for (size_t i = 0; i < recipe->n_params; i++) {
        size_t len = strlen(recipe->params[i].name);
        if (strncmp(name, recipe->params[i].name, len) == 0 && name[len] == '}')
            return strlen("{param:") + len + 1;
    }
    return 0;
}

static void check_placeholders(const struct recipe *recipe, const struct node *node,
                               const char *line)
{
    for (const char *p = strchr(line, '{'); p; p = strchr(p, '{')) {
        size_t len = placeholder_length(recipe, p);
        if (len == 0) {
            doc_problem(
                node->doc, node->path,
                "\"%.40s\": a placeholder is {today}, {now}, {timezone}, {days_ago:DAYS} or "
                "{param:NAME} of a parameter of this recipe",
                p);
            return;
        }
        p += len;
    }
}

static void read_first_message(struct recipe *recipe, const struct node *root)
{
    struct node node = node_need(root, "first_message");
    if (!node.json) return;
    int n = cJSON_IsArray(node.json) ? cJSON_GetArraySize(node.json) : 0;
    if (n < 1 || n > FIRST_MESSAGE_LINES_MAX) {
        doc_problem(node.doc, node.path, "must be a list of 1 to %d lines",
                    FIRST_MESSAGE_LINES_MAX);
        return;
    }
    AUTO(str_done) struct str text = {0};
    for (const cJSON *line = node.json->child; line; line = line->next) {
        if (!cJSON_IsString(line) || strpbrk(line->valuestring, "\r\n")) {
            doc_problem(node.doc, node.path, "each line must be a text without line breaks");
            return;
        }
        check_placeholders(recipe, &node, line->valuestring);
        if (line != node.json->child) str_append_char(&text, '\n');
        str_append_text(&text, line->valuestring);
    }
    if (strspn(str_text(&text), " \n\t") == text.len) {
        doc_problem(node.doc, node.path, "is empty");
        return;
    }
    recipe->first_message = str_take(&text);
}

static void read_limits(struct recipe *recipe, const struct node *root)
{
    static const char *const members[] = {
        "turns", "deadline_seconds", "budget_usd", "tool_output_bytes", "max_tokens", NULL};
    struct node limits = node_member(root, "limits");
    if (limits.json) node_object(&limits, members);
    recipe->turns_max = (int)node_int(&limits, "turns", 1, 100, 20);
    recipe->deadline_ms = node_int(&limits, "deadline_seconds", 10, 86400, 600) * 1000;
    recipe->budget_nano_usd = node_money(&limits, "budget_usd", INT64_C(500000000));
    recipe->tool_output_bytes_max =
        (size_t)node_int(&limits, "tool_output_bytes", 1024, (int64_t)MIB, 64 * (int64_t)KIB);
    recipe->max_tokens = (int)node_int(&limits, "max_tokens", 1024, 128000, 16000);
}

static void read_effort(struct recipe *recipe, const struct node *root)
{
    static const char *const words[] = {"low", "medium", "high", "xhigh", "max"};
    recipe->effort = node_text(root, "effort", 20, false);
    if (!recipe->effort) return;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], recipe->effort) == 0) return;
    doc_problem(root->doc, "effort", "must be low, medium, high, xhigh or max");
}

void catalogue_read_recipe(const struct catalogue *c, struct recipe *recipe, struct doc *doc,
                           const cJSON *tree, const char *(*setting)(void *ctx, const char *name),
                           void *ctx)
{
    static const char *const members[] = {"title",  "description", "connectors",    "params",
                                          "tools",  "delivery",    "first_message", "limits",
                                          "effort", NULL};
    struct node root = {.doc = doc, .json = tree};
    node_object(&root, members);
    if (!cJSON_IsObject(tree)) return;
    recipe->title = node_text(&root, "title", 100, true);
    recipe->description = node_text(&root, "description", 500, true);
    read_connectors(c, recipe, &root);
    struct node params = node_member(&root, "params");
    catalogue_read_params(recipe, &params, setting, ctx);
    read_tools(c, recipe, &root);
    read_delivery(c, recipe, &root);
    catalogue_check_params(recipe, doc);
    read_first_message(recipe, &root);
    read_limits(recipe, &root);
    read_effort(recipe, &root);
}

static void param_done(struct recipe_param *param)
{
    xfree(param->name);
    xfree(param->description);
    xfree(param->default_value);
    xfree(param->default_setting);
    xfree(param->setting_value);
    xfree(param->pattern);
    if (param->has_pattern) regfree(&param->pattern_compiled);
}

void recipe_done(struct recipe *recipe)
{
    struct recipe_delivery *delivery = &recipe->delivery;
    char *texts[] = {recipe->name,
                     recipe->title,
                     recipe->description,
                     recipe->hash,
                     recipe->prompt,
                     recipe->first_message,
                     recipe->effort,
                     delivery->connector,
                     delivery->tool,
                     delivery->description,
                     delivery->text_argument,
                     delivery->channel_argument,
                     delivery->channel_param,
                     delivery->channel_pattern,
                     delivery->fixed_arguments};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        xfree(texts[i]);
    text_list_free(recipe->connectors, recipe->n_connectors);
    text_list_free(recipe->read_tools, recipe->n_read_tools);
    for (size_t i = 0; i < recipe->n_params; i++)
        param_done(&recipe->params[i]);
    xfree(recipe->params);
    *recipe = (struct recipe){0};
}
