/*
 * The form of a recipe on the app page, on its way from the browser: fields "params.NAME" and
 * "timezone" become what the API takes as `params` and `timezone`.
 */
#ifndef WEB_RECIPE_FORM_H
#define WEB_RECIPE_FORM_H

#include "agent/catalogue.h"
#include "base/url.h"

#define FORM_PROBLEMS_MAX 40

struct form_problem {
    char *pointer; /* "/params/slack_channel" */
    char *detail;
};
struct recipe_form {
    const struct recipe *recipe;
    const struct url_pairs *values; /* borrowed */
    struct form_problem problems[FORM_PROBLEMS_MAX];
    size_t n_problems;
};
void recipe_form_done(struct recipe_form *form);

/* A field's value without surrounding blanks; "" when it is absent. */
void recipe_form_value(const struct recipe_form *form, const char *name, struct str *out);
/* The parameters that were filled in, as a JSON object. `with_defaults`: a field that was left
 * empty counts as the recipe's default, and not as what was kept earlier. */
void recipe_form_params(const struct recipe_form *form, bool with_defaults, struct str *out);

/* Notes a wrong field; `form` is a struct recipe_form. The first thing said of a field counts. */
void recipe_form_problem(void *form, const char *pointer, const char *detail);
/* What was said of "params.NAME" or "timezone"; NULL: nothing. */
const char *recipe_form_find(const struct recipe_form *form, const char *name);

#endif
