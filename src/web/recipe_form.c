#include "web/recipe_form.h"

#include "base/json.h"

#include <stdio.h>
#include <string.h>

void recipe_form_done(struct recipe_form *form)
{
    for (size_t i = 0; i < form->n_problems; i++) {
        xfree(form->problems[i].pointer);
        xfree(form->problems[i].detail);
    }
    form->n_problems = 0;
}

void recipe_form_value(const struct recipe_form *form, const char *name, struct str *out)
{
    const char *value = url_pairs_find(form->values, name);
    if (!value) return;
    value += strspn(value, " \t\r\n");
    size_t len = strlen(value);
    while (len > 0 && strchr(" \t\r\n", value[len - 1]))
        len--;
    str_append(out, value, len);
}

/* As the API takes it: numbers and truth values are no strings there. What is neither is given as
 * it came, to be refused with the parameter's own words. */
static void put_value(struct json_writer *w, const struct recipe_param *param, const char *text)
{
    int64_t number = 0;
    json_key(w, param->name);
    if (param->type == PARAM_INTEGER && text_is_i64(text, strlen(text), &number))
        json_write_int(w, number);
    else if (param->type == PARAM_BOOLEAN &&
             (text_equal(text, "true") || text_equal(text, "false")))
        json_write_bool(w, text_equal(text, "true"));
    else
        json_write_string(w, text);
}

void recipe_form_params(const struct recipe_form *form, bool with_defaults, struct str *out)
{
    struct json_writer w = json_writer(out);
    json_begin_object(&w);
    for (size_t i = 0; i < form->recipe->n_params; i++) {
        const struct recipe_param *param = &form->recipe->params[i];
        AUTO(str_done) struct str name = {0};
        AUTO(str_done) struct str value = {0};
        str_append_format(&name, "params.%s", param->name);
        recipe_form_value(form, str_text(&name), &value);
        if (value.len == 0 && with_defaults) {
            if (param->default_value)
                str_append_text(&value, param->default_value);
            else if (param->setting_value)
                str_append_text(&value, param->setting_value);
        }
        if (value.len > 0) put_value(&w, param, str_text(&value));
    }
    json_end_object(&w);
}

void recipe_form_problem(void *ctx, const char *pointer, const char *detail)
{
    struct recipe_form *form = ctx;
    if (form->n_problems == FORM_PROBLEMS_MAX) return;
    for (size_t i = 0; i < form->n_problems; i++)
        if (text_equal(form->problems[i].pointer, pointer)) return;
    form->problems[form->n_problems++] =
        (struct form_problem){.pointer = xstrdup(pointer), .detail = xstrdup(detail)};
}

const char *recipe_form_find(const struct recipe_form *form, const char *name)
{
    AUTO(str_done) struct str pointer = {0};
    bool is_param = text_starts(name, "params.");
    str_append_format(&pointer, is_param ? "/params/%s" : "/%s",
                      is_param ? name + strlen("params.") : name);
    for (size_t i = 0; i < form->n_problems; i++)
        if (str_equals(&pointer, form->problems[i].pointer)) return form->problems[i].detail;
    return NULL;
}
