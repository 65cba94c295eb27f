/* A run's parameters: what the caller gave, else the recipe's default, else the setting behind it.
 */
#include "agent/catalogue_read.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define NAME_SHOWN_MAX 64

struct resolver {
    const struct recipe *recipe;
    void (*problem)(void *ctx, const char *pointer, const char *text);
    void *ctx;
    size_t n_problems;
};

static void tell(struct resolver *r, const char *name, const char *text)
{
    /* RFC 6901: "~" and "/" inside a name are escaped. */
    char pointer[16 + 2 * NAME_SHOWN_MAX] = "/params";
    size_t at = strlen(pointer);
    size_t shown = name ? utf8_cut(name, strlen(name), NAME_SHOWN_MAX) : 0;
    if (name) pointer[at++] = '/';
    for (size_t i = 0; i < shown; i++) {
        if (name[i] == '~' || name[i] == '/') {
            pointer[at++] = '~';
            pointer[at++] = name[i] == '~' ? '0' : '1';
        } else {
            pointer[at++] = name[i];
        }
    }
    pointer[at] = '\0';
    r->problem(r->ctx, pointer, text);
    r->n_problems++;
}

static const struct recipe_param *find_param(const struct recipe *recipe, const char *name)
{
    for (size_t i = 0; i < recipe->n_params; i++)
        if (text_equal(recipe->params[i].name, name)) return &recipe->params[i];
    return NULL;
}

/* The text form that recipe_param_accepts() reads. False when the JSON type is another one. */
static bool value_text(const struct recipe_param *param, struct json_span value, struct str *out)
{
    enum json_type type = json_type(value);
    switch (param->type) {
    case PARAM_STRING:
        return type == JSON_STRING && json_string(value, out);
    case PARAM_INTEGER:
        if (type != JSON_NUMBER) return false;
        str_append(out, value.text, value.len);
        return true;
    case PARAM_BOOLEAN:
        if (type != JSON_TRUE && type != JSON_FALSE) return false;
        str_append_text(out, type == JSON_TRUE ? "true" : "false");
        return true;
    }
    return false;
}

static const char *type_wanted(const struct recipe_param *param)
{
    switch (param->type) {
    case PARAM_STRING:
        return "must be a text";
    case PARAM_INTEGER:
        return "must be a whole number";
    case PARAM_BOOLEAN:
        return "must be true or false";
    }
    return "";
}

/* `values` has one text for each of the recipe's parameters; empty data means none yet. */
static void take_given(struct resolver *r, struct json_span given, struct str *values)
{
    struct json_iter it = json_iter(given);
    while (json_next(&it)) {
        AUTO(str_done) struct str name = {0};
        json_string(it.key, &name);
        const struct recipe_param *param = find_param(r->recipe, str_text(&name));
        if (!param || strlen(str_text(&name)) != name.len) {
            tell(r, str_text(&name), "is no parameter of this recipe");
            continue;
        }
        struct str *value = &values[param - r->recipe->params];
        if (value->data) {
            tell(r, param->name, "is given more than once");
            continue;
        }
        AUTO(str_done) struct str why = {0};
        str_append_text(value, "");
        if (!value_text(param, it.value, value))
            tell(r, param->name, type_wanted(param));
        else if (strlen(str_text(value)) != value->len)
            tell(r, param->name, "must not contain a NUL character");
        else if (!recipe_param_accepts(param, str_text(value), &why))
            tell(r, param->name, str_text(&why));
    }
}

static void tell_missing(struct resolver *r, const struct recipe_param *param)
{
    char why[160];
    if (param->default_setting)
        snprintf(why, sizeof why, "is required: give it here or set %.64s", param->default_setting);
    else
        snprintf(why, sizeof why, "is required");
    tell(r, param->name, why);
}

static void take_default(struct resolver *r, const struct recipe_param *param, struct str *value)
{
    if (value->data) return;
    const char *text = param->default_value ? param->default_value : param->setting_value;
    if (!text) {
        if (param->is_required) tell_missing(r, param);
        return;
    }
    AUTO(str_done) struct str why = {0};
    if (!recipe_param_accepts(param, text, &why)) tell(r, param->name, str_text(&why));
    str_append_text(value, text);
}

static void write_params(const struct recipe *recipe, const struct str *values, struct str *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    for (size_t i = 0; i < recipe->n_params; i++) {
        const struct recipe_param *param = &recipe->params[i];
        if (!values[i].data) continue;
        int64_t number = 0;
        switch (param->type) {
        case PARAM_STRING:
            json_put_string(&w, param->name, str_text(&values[i]));
            break;
        case PARAM_INTEGER:
            /* Written anew, so that 7 and 007 are the same parameter. */
            if (text_is_i64(str_text(&values[i]), values[i].len, &number))
                json_put_int(&w, param->name, number);
            break;
        case PARAM_BOOLEAN:
            json_put_bool(&w, param->name, str_equals(&values[i], "true"));
            break;
        }
    }
    json_end_object(&w);
}

static enum err resolve(const struct recipe *recipe, struct json_span given, bool with_defaults,
                        struct resolver *r, struct str *out_params)
{
    struct str *values = xcalloc(recipe->n_params, sizeof *values);
    enum json_type type = json_type(given);
    if (type == JSON_OBJECT)
        take_given(r, given, values);
    else if (type != JSON_NONE)
        tell(r, NULL, "must be an object");
    for (size_t i = 0; with_defaults && i < recipe->n_params; i++)
        take_default(r, &recipe->params[i], &values[i]);

    AUTO(str_done) struct str params = {0};
    if (r->n_problems == 0) write_params(recipe, values, &params);
    for (size_t i = 0; i < recipe->n_params; i++)
        str_done(&values[i]);
    xfree(values);
    if (r->n_problems > 0) return fail(E_INVALID, "%zu parameters are wrong", r->n_problems);
    return json_canonical(out_params, str_text(&params), params.len);
}

enum err recipe_resolve_params(const struct recipe *recipe, struct json_span given,
                               struct str *out_params,
                               void (*problem)(void *ctx, const char *pointer, const char *text),
                               void *ctx)
{
    struct resolver r = {.recipe = recipe, .problem = problem, .ctx = ctx};
    return resolve(recipe, given, true, &r, out_params);
}

enum err recipe_check_params(const struct recipe *recipe, struct json_span given,
                             struct str *out_params,
                             void (*problem)(void *ctx, const char *pointer, const char *text),
                             void *ctx)
{
    struct resolver r = {.recipe = recipe, .problem = problem, .ctx = ctx};
    return resolve(recipe, given, false, &r, out_params);
}

/* Would the recipe take this one value? */
static bool is_taken(const struct recipe *recipe, struct json_span key, struct json_span value)
{
    AUTO(str_done) struct str name = {0};
    AUTO(str_done) struct str text = {0};
    AUTO(str_done) struct str why = {0};
    if (!json_string(key, &name)) return false;
    const struct recipe_param *param = find_param(recipe, str_text(&name));
    return param && value_text(param, value, &text) && strlen(str_text(&text)) == text.len &&
           recipe_param_accepts(param, str_text(&text), &why);
}

void recipe_merge_params(const struct recipe *recipe, struct json_span given, struct json_span own,
                         struct str *out_params)
{
    const char *between = "";
    str_append_char(out_params, '{');
    for (struct json_iter it = json_iter(given); json_next(&it); between = ",") {
        str_append_format(out_params, "%s%.*s:", between, (int)it.key.len, it.key.text);
        str_append(out_params, it.value.text, it.value.len);
    }
    for (struct json_iter it = json_iter(own); json_next(&it);) {
        AUTO(str_done) struct str name = {0};
        if (!is_taken(recipe, it.key, it.value) || !json_string(it.key, &name)) continue;
        if (json_type(json_get(given, str_text(&name))) != JSON_NONE) continue;
        str_append_format(out_params, "%s%.*s:", between, (int)it.key.len, it.key.text);
        str_append(out_params, it.value.text, it.value.len);
        between = ",";
    }
    str_append_char(out_params, '}');
}
