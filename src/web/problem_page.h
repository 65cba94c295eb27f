/*
 * What went wrong, as a page: for a browser that was led to an address where it is refused.
 * Internal to web/.
 */
#ifndef WEB_PROBLEM_PAGE_H
#define WEB_PROBLEM_PAGE_H

#include "web/request.h"

/* Does a person look at the reply? Browsers ask for text/html when they open an address; callers that
 * bring a key, or also take JSON, do not get a page. */
bool problem_page_is_wanted(const struct request *rq);
/* The reply. `detail` is shown where there are no better words for the status. */
void problem_page(struct request *rq, int status, const char *code, const char *detail);

#endif
