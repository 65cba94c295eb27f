/*
 * One recipe on the app page: what it makes, the user's own defaults, and the buttons. A plain form
 * that needs no scripts; a random word in it makes a second press of the same button harmless.
 */
#include "agent/accounts.h"
#include "base/crypt.h"
#include "web/page_parts.h"
#include "web/server.h"
#include "web/words.h"

#include <stdio.h>
#include <string.h>

#define NONCE_BYTES 16

struct field {
    const char *name;  /* of the input */
    const char *label; /* in words */
    const char *hint;
    const char *fallback; /* what counts when it is left empty; NULL: nothing */
    const char *kept;     /* the user's own; NULL: none */
};

static void put_problem(struct str *h, const char *id, const char *problem)
{
    html_open(h, "p", "class", "field-error", "id", id, NULL);
    if (problem && text_starts(problem, "must match"))
        html_text(h, "This does not look right.");
    else if (problem)
        html_textf(h, "This %s.", problem);
    html_close(h, "p");
}

/* What the input says: as it was just sent, else as it was kept. */
static void put_field(struct str *h, const struct recipe *recipe, const struct recipe_form *form,
                      const struct field *field)
{
    AUTO(str_done) struct str id = {0};
    AUTO(str_done) struct str error_id = {0};
    AUTO(str_done) struct str about = {0};
    AUTO(str_done) struct str value = {0};
    const char *problem = form ? recipe_form_find(form, field->name) : NULL;
    str_append_format(&id, "%s-%s", recipe->name, field->name);
    str_append_format(&error_id, "%s-error", str_text(&id));
    str_append_format(&about, "%s %s-hint", str_text(&error_id), str_text(&id));
    if (form)
        recipe_form_value(form, field->name, &value);
    else if (field->kept)
        str_append_text(&value, field->kept);
    html_open(h, "div", "class", "field", NULL);
    html_open(h, "label", "for", str_text(&id), NULL);
    html_text(h, field->label);
    html_close(h, "label");
    html_open(h, "input", "id", str_text(&id), "name", field->name, "value", str_text(&value),
              "placeholder", field->fallback, "autocomplete", "off", "autocapitalize", "off",
              "spellcheck", "false", "aria-describedby", str_text(&about), "aria-invalid",
              problem ? "true" : NULL, "autofocus", problem ? HTML_FLAG : NULL, NULL);
    put_problem(h, str_text(&error_id), problem);
    str_append_text(&id, "-hint");
    html_open(h, "p", "class", "hint", "id", str_text(&id), NULL);
    html_text(h, field->hint);
    html_close(h, "p");
    html_close(h, "div");
}

static void put_fields(struct page *page, const struct recipe *recipe,
                       const struct user_params_row *own, const struct recipe_form *form)
{
    struct str *h = &page->html;
    struct json_span kept =
        own->params ? json_root(own->params, strlen(own->params)) : (struct json_span){0};
    for (size_t i = 0; i < recipe->n_params; i++) {
        const struct recipe_param *param = &recipe->params[i];
        AUTO(str_done) struct str name = {0};
        AUTO(str_done) struct str label = {0};
        AUTO(str_done) struct str value = {0};
        struct json_span span = json_get(kept, param->name);
        if (!json_string(span, &value) && span.text) str_append(&value, span.text, span.len);
        str_append_format(&name, "params.%s", param->name);
        words_of_member(param->name, &label);
        put_field(h, recipe, form,
                  &(struct field){.name = str_text(&name),
                                  .label = str_text(&label),
                                  .hint = param->description,
                                  .fallback = param->default_value ? param->default_value
                                                                   : param->setting_value,
                                  .kept = str_text(&value)});
    }
    put_field(h, recipe, form,
              &(struct field){.name = "timezone",
                              .label = "Time zone",
                              .hint = "Decides what \"today\" is. A name like Europe/Oslo.",
                              .fallback = page->rq->web->options.timezone,
                              .kept = own->timezone});
}

/* Is there a value for everything that is needed? */
static bool is_complete(const struct recipe *recipe, const struct user_params_row *own)
{
    struct json_span kept =
        own->params ? json_root(own->params, strlen(own->params)) : (struct json_span){0};
    for (size_t i = 0; i < recipe->n_params; i++) {
        const struct recipe_param *param = &recipe->params[i];
        bool has_value = param->default_value || param->setting_value ||
                         json_type(json_get(kept, param->name)) != JSON_NONE;
        if (param->is_required && !has_value) return false;
    }
    return true;
}

/* What a briefing will be made with, when nothing is changed. */
static void put_effective(struct page *page, const struct recipe *recipe,
                          const struct user_params_row *own)
{
    struct str *h = &page->html;
    struct json_span kept =
        own->params ? json_root(own->params, strlen(own->params)) : (struct json_span){0};
    html_open(h, "span", "class", "effective", NULL);
    for (size_t i = 0; i < recipe->n_params; i++) {
        const struct recipe_param *param = &recipe->params[i];
        struct json_span span = json_get(kept, param->name);
        AUTO(str_done) struct str value = {0};
        if (!json_string(span, &value) && span.text) str_append(&value, span.text, span.len);
        const char *fallback = param->default_value ? param->default_value : param->setting_value;
        if (value.len > 0 || fallback)
            html_textf(h, "%.200s · ", value.len > 0 ? str_text(&value) : fallback);
    }
    html_text(h, own->timezone ? own->timezone : page->rq->web->options.timezone);
    html_close(h, "span");
}

static void put_defaults(struct page *page, const struct recipe *recipe,
                         const struct user_params_row *own, const struct recipe_form *form)
{
    struct str *h = &page->html;
    char action[120];
    /* Somebody new sees them once; afterwards they are out of the way. */
    bool is_open = form || own->updated_ms == 0 || !is_complete(recipe, own);
    snprintf(action, sizeof(action), "/defaults/%.100s", recipe->name);
    html_open(h, "details", "class", "defaults", "open", is_open ? HTML_FLAG : NULL, NULL);
    html_open(h, "summary", NULL);
    html_element(h, "span", NULL, "Your defaults");
    put_effective(page, recipe, own);
    html_close(h, "summary");
    html_open(h, "div", "class", "fields", NULL);
    put_fields(page, recipe, own, form);
    html_close(h, "div");
    html_open(h, "p", "class", "actions", NULL);
    /* The form's first button: what Enter in a field presses. It must not be one that sends. */
    html_open(h, "button", "type", "submit", "class", "button", "formaction", action, NULL);
    html_text(h, "Save defaults");
    html_close(h, "button");
    html_close(h, "p");
    html_close(h, "details");
}

static void put_buttons(struct str *h)
{
    html_open(h, "div", "class", "actions", NULL);
    html_open(h, "button", "type", "submit", "class", "button button-main", "name", "mode", "value",
              "post", NULL);
    html_text(h, "Send a briefing now");
    html_close(h, "button");
    html_open(h, "button", "type", "submit", "class", "button", "name", "mode", "value", "preview",
              NULL);
    html_text(h, "Preview");
    html_close(h, "button");
    html_close(h, "div");
    html_element(h, "p", "hint", "A preview shows the message and posts nothing.");
}

static void put_form(struct page *page, const struct recipe *recipe,
                     const struct user_params_row *own, const struct recipe_form *form)
{
    struct str *h = &page->html;
    AUTO(xfree_ptr) char *nonce = token_new(NONCE_BYTES);
    char action[120];
    snprintf(action, sizeof(action), "/brief/%.100s", recipe->name);
    html_open(h, "form", "class", "brief", "method", "post", "action", action, NULL);
    page_token_field(page);
    html_hidden(h, "idempotency_key", nonce);
    if (form) {
        html_open(h, "p", "class", "notice notice-error", "role", "alert", NULL);
        html_text(h, "Nothing was done. Please correct what is marked below.");
        html_close(h, "p");
    }
    put_defaults(page, recipe, own, form);
    put_buttons(h);
    html_close(h, "form");
}

/* What stands in the way of a briefing, with the way there. False: something that no user can
 * mend. */
static bool put_needs(struct page *page, const struct recipe *recipe,
                      const struct connection_list *connections)
{
    struct str *h = &page->html;
    const struct catalogue *catalogue = request_catalogue(page->rq);
    bool is_offered = true;
    html_open(h, "div", "class", "needs", NULL);
    for (size_t i = 0; i < recipe->n_connectors; i++) {
        const struct connector *connector = catalogue_connector(catalogue, recipe->connectors[i]);
        const struct connection_row *row = page_connection_find(connections, recipe->connectors[i]);
        char href[120];
        if (!connector || !connector->connection_name) {
            html_open(h, "p", "class", "notice notice-error", NULL);
            html_textf(h,
                       "This needs %s, which is not set up here. Tell those who run this service.",
                       connector ? connector->label : recipe->connectors[i]);
            html_close(h, "p");
            is_offered = false;
            continue;
        }
        if (row && connection_is_usable(row)) continue;
        snprintf(href, sizeof(href), "#connection-%.80s", connector->name);
        html_open(h, "p", "class", "need", NULL);
        html_link(h, NULL, href, connector->label);
        html_text(h, " is not ready: a briefing will wait for it.");
        html_close(h, "p");
    }
    html_close(h, "div");
    return is_offered;
}

void page_put_recipe(struct page *page, const struct recipe *recipe,
                     const struct connection_list *connections, const struct user_params_row *own,
                     const struct app_view *view)
{
    struct str *h = &page->html;
    bool is_wrong = view->form && view->form->recipe == recipe;
    char id[120];
    snprintf(id, sizeof(id), "recipe-%.100s", recipe->name);
    html_open(h, "article", "class", "recipe", "id", id, "data-recipe", recipe->name, NULL);
    html_element(h, "h3", NULL, recipe->title);
    html_element(h, "p", "soft", recipe->description);
    if (text_equal(view->saved, recipe->name)) {
        html_open(h, "p", "class", "notice notice-ok", "role", "status", NULL);
        html_text(h, "Saved.");
        html_close(h, "p");
    }
    if (put_needs(page, recipe, connections))
        put_form(page, recipe, own, is_wrong ? view->form : NULL);
    html_close(h, "article");
}
