/*
 * The list of a user's briefings on the app page, a page of them at a time.
 */
#include "web/page_parts.h"
#include "web/server.h"
#include "web/words.h"

#include <stdio.h>

void page_recipe_title(const struct catalogue *catalogue, const char *name, struct str *out)
{
    const struct recipe *recipe = catalogue_recipe(catalogue, name);
    if (recipe)
        str_append_text(out, recipe->title);
    else
        words_of_member(name, out);
}

void page_put_state(struct str *h, const char *tag, struct run_words words)
{
    char class[32];
    snprintf(class, sizeof(class), "state tone-%s", words.tone);
    html_element(h, tag, class, words.state);
}

static void put_briefing(struct page *page, const struct run_row *run)
{
    struct str *h = &page->html;
    AUTO(str_done) struct str title = {0};
    char href[ID_MAX + 8];
    snprintf(href, sizeof(href), "/b/%s", run->id);
    page_recipe_title(request_catalogue(page->rq), run->recipe, &title);
    html_open(h, "li", NULL);
    html_open(h, "a", "class", "briefing", "href", href, "data-status",
              run_status_name(run->status), "data-terminal",
              run_status_is_terminal(run->status) ? HTML_FLAG : NULL, NULL);
    html_time(h, run->created_ms);
    html_text(h, " ");
    html_element(h, "span", "briefing-title", str_text(&title));
    html_text(h, " ");
    page_put_state(h, "span", words_of_run(run));
    html_close(h, "a");
    html_close(h, "li");
}

static void put_pages(struct str *h, const struct run_list *runs, bool is_first)
{
    if (is_first && runs->n <= BRIEFINGS_SHOWN) return;
    html_open(h, "nav", "class", "actions", "aria-label", "More briefings", NULL);
    if (!is_first) html_link(h, "button newest", "/#briefings", "Newest");
    if (runs->n > BRIEFINGS_SHOWN) {
        char href[ID_MAX + 32];
        snprintf(href, sizeof(href), "/?before=%s#briefings", runs->rows[BRIEFINGS_SHOWN - 1].id);
        html_link(h, "button older", href, "Older");
    }
    html_close(h, "nav");
}

void page_put_briefings(struct page *page, const struct run_list *runs, bool is_first)
{
    struct str *h = &page->html;
    html_open(h, "section", "id", "briefings", "data-user", page->rq->session.user_id, NULL);
    html_element(h, "h2", NULL, is_first ? "Your briefings" : "Older briefings");
    if (runs->n == 0) {
        html_element(h, "p", "empty",
                     is_first ? "None yet. The first one appears here."
                              : "There are no older ones.");
    } else {
        html_open(h, "ul", NULL);
        for (size_t i = 0; i < runs->n && i < BRIEFINGS_SHOWN; i++)
            put_briefing(page, &runs->rows[i]);
        html_close(h, "ul");
    }
    put_pages(h, runs, is_first);
    html_close(h, "section");
}
