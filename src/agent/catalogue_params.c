/* `params` of a recipe.json: what a caller may set, and where a value comes from when they do not.
 */
#include "agent/catalogue_read.h"

#include "base/utf8.h"

#include <string.h>

#define PARAMS_MAX          50
#define PARAM_BYTES_DEFAULT 200
#define PARAM_BYTES_MAX     2000
/* Integers are written as JSON numbers, which other programs read as doubles. */
#define PARAM_INTEGER_MAX INT64_C(9007199254740991)

static bool string_accepts(const struct recipe_param *param, const char *text, struct str *out_why)
{
    size_t len = strlen(text);
    if (!utf8_valid(text, len)) {
        str_append_text(out_why, "must be valid UTF-8");
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f) continue;
        str_append_text(out_why, "must not contain line breaks or other control characters");
        return false;
    }
    if ((int64_t)len < param->min || (int64_t)len > param->max) {
        str_append_format(out_why, "must have %lld to %lld bytes, not %zu", (long long)param->min,
                          (long long)param->max, len);
        return false;
    }
    if (param->has_pattern && !pattern_matches(&param->pattern_compiled, text)) {
        str_append_format(out_why, "must match %s", param->pattern);
        return false;
    }
    return true;
}

static bool integer_accepts(const struct recipe_param *param, const char *text, struct str *out_why)
{
    int64_t value = 0;
    if (text_is_i64(text, strlen(text), &value) && value >= param->min && value <= param->max)
        return true;
    str_append_format(out_why, "must be a whole number from %lld to %lld", (long long)param->min,
                      (long long)param->max);
    return false;
}

bool recipe_param_accepts(const struct recipe_param *param, const char *text, struct str *out_why)
{
    switch (param->type) {
    case PARAM_STRING:
        return string_accepts(param, text, out_why);
    case PARAM_INTEGER:
        return integer_accepts(param, text, out_why);
    case PARAM_BOOLEAN:
        if (text_equal(text, "true") || text_equal(text, "false")) return true;
        str_append_text(out_why, "must be true or false");
        return false;
    }
    return false;
}

static void read_type(struct recipe_param *param, const struct node *node)
{
    static const char *const names[] = {
        [PARAM_STRING] = "string", [PARAM_INTEGER] = "integer", [PARAM_BOOLEAN] = "boolean"};
    AUTO(xfree_ptr) char *type = node_text(node, "type", 20, true);
    if (!type) return;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (!text_equal(type, names[i])) continue;
        param->type = (enum param_type)i;
        return;
    }
    doc_problem(node->doc, node->path, "type must be string, integer or boolean");
}

static void read_range(struct recipe_param *param, const struct node *node)
{
    bool is_string = param->type == PARAM_STRING;
    int64_t least = is_string ? 0 : -PARAM_INTEGER_MAX;
    int64_t most = is_string ? PARAM_BYTES_MAX : PARAM_INTEGER_MAX;
    param->min = node_int(node, "min", least, most, is_string ? 1 : least);
    param->max = node_int(node, "max", least, most, is_string ? PARAM_BYTES_DEFAULT : most);
    if (param->min > param->max) doc_problem(node->doc, node->path, "min is above max");
    if (param->type == PARAM_BOOLEAN &&
        (node_member(node, "min").json || node_member(node, "max").json))
        doc_problem(node->doc, node->path, "a boolean has no min or max");
}

static void read_pattern(struct recipe_param *param, const struct node *node)
{
    struct node at = node_member(node, "pattern");
    AUTO(xfree_ptr) char *pattern = node_text(node, "pattern", 200, false);
    if (!pattern) return;
    if (param->type != PARAM_STRING) {
        doc_problem(at.doc, at.path, "only a string has a pattern");
        return;
    }
    param->has_pattern = pattern_compile(&at, pattern, &param->pattern_compiled);
    param->pattern = take_ptr(&pattern);
}

/* A default is written as the value that it is: "production", 14, true. */
static void read_default(struct recipe_param *param, const struct node *node)
{
    struct node at = node_member(node, "default");
    if (!at.json) return;
    bool type_fits = param->type == PARAM_STRING    ? cJSON_IsString(at.json)
                     : param->type == PARAM_INTEGER ? cJSON_IsNumber(at.json)
                                                    : cJSON_IsBool(at.json);
    if (!type_fits) {
        doc_problem(at.doc, at.path, "must be of the parameter's type");
        return;
    }
    if (param->type == PARAM_STRING) {
        param->default_value = xstrdup(at.json->valuestring);
    } else if (param->type == PARAM_INTEGER) {
        AUTO(str_done) struct str number = {0};
        int64_t value =
            node_int(node, "default", -PARAM_INTEGER_MAX, PARAM_INTEGER_MAX, param->min);
        str_append_format(&number, "%lld", (long long)value);
        param->default_value = str_take(&number);
    } else {
        param->default_value = xstrdup(cJSON_IsTrue(at.json) ? "true" : "false");
    }
}

/* After the pattern is known (the delivery may bring it). */
static void check_default(const struct recipe_param *param, struct doc *doc)
{
    AUTO(str_done) struct str why = {0};
    if (param->default_value && !recipe_param_accepts(param, param->default_value, &why))
        doc_problem(doc, "params", "%s: the default %s", param->name, str_text(&why));
}

static void read_setting(struct recipe_param *param, const struct node *node,
                         const char *(*setting)(void *ctx, const char *name), void *ctx)
{
    param->default_setting = node_text(node, "default_setting", 64, false);
    if (!param->default_setting) return;
    if (!setting_name_valid(param->default_setting)) {
        doc_problem(node->doc, node->path, "default_setting must be a variable's name: A-Z 0-9 _");
        return;
    }
    if (param->default_value) {
        doc_problem(node->doc, node->path, "has both default and default_setting: only one counts");
        return;
    }
    const char *value = setting(ctx, param->default_setting);
    if (value && *value) param->setting_value = xstrdup(value);
}

static void read_param(struct recipe_param *param, const struct node *node,
                       const char *(*setting)(void *ctx, const char *name), void *ctx)
{
    static const char *const members[] = {"type",    "description", "default", "default_setting",
                                          "pattern", "required",    "min",     "max",
                                          NULL};
    if (!name_valid(param->name, 64, "_"))
        doc_problem(
            node->doc, node->path,
            "a parameter's name has 1 to 64 of a-z 0-9 _ and begins with a letter or digit");
    node_object(node, members);
    if (!cJSON_IsObject(node->json)) return;
    read_type(param, node);
    param->description = node_text(node, "description", 500, true);
    param->is_required = node_bool(node, "required", false);
    read_range(param, node);
    read_pattern(param, node);
    read_default(param, node);
    read_setting(param, node, setting, ctx);
}

void catalogue_read_params(struct recipe *recipe, const struct node *params,
                           const char *(*setting)(void *ctx, const char *name), void *ctx)
{
    if (!params->json) return;
    node_object(params, NULL);
    if (!cJSON_IsObject(params->json)) return;
    int n = cJSON_GetArraySize(params->json);
    if (n > PARAMS_MAX) {
        doc_problem(params->doc, params->path, "must name at most %d parameters", PARAMS_MAX);
        return;
    }
    recipe->params = xcalloc((size_t)n, sizeof *recipe->params);
    for (const cJSON *m = params->json->child; m; m = m->next) {
        struct recipe_param *param = &recipe->params[recipe->n_params++];
        param->name = xstrdup(m->string);
        struct node node = node_member(params, m->string);
        node.json = m;
        read_param(param, &node, setting, ctx);
    }
}

void catalogue_check_params(const struct recipe *recipe, struct doc *doc)
{
    for (size_t i = 0; i < recipe->n_params; i++)
        check_default(&recipe->params[i], doc);
}
