/*
 * The sections of the app page, each in a file of its own. They append to page->html.
 */
#ifndef WEB_PAGE_PARTS_H
#define WEB_PAGE_PARTS_H

#include "store/connections.h"
#include "store/user_params.h"
#include "web/pages.h"
#include "web/recipe_form.h"
#include "web/words.h"

/* What the app page shows beside what is stored. All-zero: nothing. */
struct app_view {
    const char *connected;          /* a connector: how connecting it ended is told */
    const char *wanted;             /* a connector that is pointed at */
    const char *saved;              /* a recipe whose defaults were just kept */
    const char *before;             /* only briefings older than this one */
    const struct recipe_form *form; /* what was sent and cannot be taken; NULL: nothing */
    int status;                     /* 0: 200 */
};
/* The whole app page for whoever is asking; the reply. */
void app_show(struct request *rq, const struct app_view *view);

/* NULL: never looked at. */
const struct connection_row *page_connection_find(const struct connection_list *list,
                                                  const char *name);
/* The connectors that this session may see, each with its buttons. */
void page_put_connections(struct page *page, const struct connection_list *list,
                          const char *wanted);
/* A recipe: the user's own defaults, and the buttons that make a briefing. */
void page_put_recipe(struct page *page, const struct recipe *recipe,
                     const struct connection_list *connections, const struct user_params_row *own,
                     const struct app_view *view);
/* The user's briefings, newest first; `runs` may hold one more than is shown. */
void page_put_briefings(struct page *page, const struct run_list *runs, bool is_first);
#define BRIEFINGS_SHOWN 20

/* "Editorial briefing", also when the recipe is gone. */
void page_recipe_title(const struct catalogue *catalogue, const char *name, struct str *out);
/* <TAG class="state tone-TONE">WORDS</TAG> */
void page_put_state(struct str *h, const char *tag, struct run_words words);

#endif
