#include "web/problem_page.h"

#include "web/pages.h"
#include "web/server.h"

#include <string.h>

static const struct {
    int status;
    const char *kind, *title, *text;
} words[] = {
    {401, "warn", "You are not signed in",
     "This address is for programs, or for people who are signed in."          },
    {403, "warn", "This is not for you",                    NULL               },
    {404, "warn", "There is nothing here",
     "The address may be mistyped, or what it led to is gone."                 },
    {405, "warn", "This address cannot be opened",
     "It is there for a form or a program. Start from the first page."         },
    {413, "warn", "That is too much",                       NULL               },
    {414, "warn", "This address is too long",               NULL               },
    {421, "warn", "This is another address of the service",
     "It is not served under the name in your address bar. Use the link below."},
    {429, "wait", "One moment, please",
     "More was asked from here than is allowed in so short a time. Nothing was done. Wait a moment "
     "and load the page again."                                                },
    {503, "wait", "Not at this moment",                     NULL               },
};

bool problem_page_is_wanted(const struct request *rq)
{
    const char *accept = request_header(rq, "Accept");
    return accept && strcasestr(accept, "text/html") && !strcasestr(accept, "json") &&
           !request_header(rq, "Authorization");
}

void problem_page(struct request *rq, int status, const char *code, const char *detail)
{
    AUTO(str_done) struct str text = {0};
    AUTO(str_done) struct str start = {0};
    struct note note = {.status = status,
                        .kind = "error",
                        .code = code,
                        .title = "This did not work",
                        .text = detail,
                        .link = "To the start page"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (words[i].status != status) continue;
        note.kind = words[i].kind;
        note.title = words[i].title;
        if (words[i].text) note.text = words[i].text;
    }
    if (status >= 500) {
        str_append_format(&text, "%s Request %s.", note.text, rq->id);
        note.text = str_text(&text);
    }
    str_append_format(&start, "%s/", rq->web->options.public_url);
    note.href = status == 421 ? str_text(&start) : "/";
    page_note(rq, &note);
}
