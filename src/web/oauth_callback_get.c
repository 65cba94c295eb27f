/*
 * GET /oauth/{connector}/callback: the browser is back from the provider.
 *
 * Reads `state` and either `auth_request_id` or `error`, each of a limited length, and nothing
 * else: `error_description` is words of strangers. Every end has a page of its own; the good one
 * redirects to an address without secrets.
 */
#include "agent/accounts.h"
#include "base/log.h"
#include "connect/flow.h"
#include "web/pages.h"
#include "web/routes.h"
#include "web/server.h"
#include "web/session.h"

#include <stdio.h>
#include <string.h>

#define QUERY_PAIRS_MAX     20
#define AUTH_REQUEST_ID_MAX 1000
#define ERROR_MAX           200

static const struct {
    int status;
    const char *kind, *code, *title, *text;
} ends[] = {
    [FLOW_CONNECTED_UNSEEN] = {200, "wait",  "connected_unseen", "Almost there",
                               "The account was connected, but it cannot be shown yet. Look at the "
                               "start page in a minute."                                        },
    [FLOW_DECLINED] = {200, "warn",  "access_denied",    "Not connected",
                               "You said no at the provider, so nothing was connected."         },
    [FLOW_PROVIDER_FAILED] = {502, "error", "provider_failed",  "The provider did not connect you",
                               "It ended with an error, and nothing was connected. Try again; if it "
                              "happens again, tell those who run this service."                 },
    [FLOW_NOT_OURS] =
        {400, "error", "invalid_request",  "This address is not complete",
                               "It is not the way back from a connection that was started here. Start again "
         "from the page with your accounts."                                                    },
    [FLOW_OTHER_BROWSER] =
        {403, "error", "other_browser",    "This was started in another browser",
                               "Nothing was connected. Whoever started it has to finish it in the same "
         "browser. If somebody sent you this address, close the page."                          },
    [FLOW_OTHER_USER] = {403, "error", "user_mismatch",    "This was started by somebody else",
                               "You are signed in as another person than the one who started it, or were "
                         "signed out meanwhile. Nothing was connected. Start again."            },
    [FLOW_USED] = {409, "warn",  "flow_used",        "This step was done already",
                               "The start page shows what is connected."                        },
    [FLOW_EXPIRED] =
        {410, "warn",  "flow_expired",     "This took too long",
                               "There are ten minutes to agree at the provider. Nothing was connected. Start "
         "again."                                                                               },
    [FLOW_WRONG_PERSON] = {403, "error", "wrong_person",     "Another person was asked to agree",
                               "The provider was asked on behalf of somebody else. Nothing was "
                           "connected. Start again."                                            },
    [FLOW_GONE] = {410, "warn",  "request_gone",     "The request is not known any more",
                               "It took too long, or was finished elsewhere. Nothing was connected. Start "
                   "again."                                                                     },
    [FLOW_UNCLEAR] =
        {502, "error", "upstream_unclear", "It is not clear whether it worked",
                               "ScaleKit gave no clear answer, and the account does not show that it worked. "
         "Try again."                                                                           },
    [FLOW_NOT_ACTIVE] = {502, "error", "not_active",       "The account is not usable yet",
                               "You agreed, but the account did not become usable. Start again."},
    [FLOW_UNREACHABLE] = {502, "error", "upstream_failed",  "ScaleKit cannot be reached now",
                               "Nothing was connected. Try again in a moment."                  },
};

static void show_end(struct request *rq, enum flow_end end)
{
    page_note(rq, &(struct note){.status = ends[end].status,
                                 .kind = ends[end].kind,
                                 .code = ends[end].code,
                                 .title = ends[end].title,
                                 .text = ends[end].text,
                                 .href = "/",
                                 .link = "To my accounts"});
}

static void go_on(struct request *rq, const struct flow_result *result)
{
    AUTO(str_done) struct str location = {0};
    if (result->return_to)
        str_append_text(&location, result->return_to);
    else
        str_append_format(&location, "/?connected=%s", rq->args[0]);
    page_redirect(rq, str_text(&location));
}

/* The one value of that name, not longer than that; NULL when there is none, or an empty one. False:
 * not acceptable. */
static bool take(const struct url_pairs *query, const char *name, size_t max, const char **out)
{
    *out = url_pairs_find(query, name);
    for (size_t i = 0; i < query->n; i++)
        if (strcmp(query->items[i].name, name) == 0 && query->items[i].value != *out) return false;
    if (*out && !**out) *out = NULL;
    return !*out || strlen(*out) <= max;
}

static bool read_return(struct request *rq, const struct url_pairs *query, struct flow_return *out)
{
    if (!take(query, "state", FLOW_STATE_BYTES_MAX, &out->state) || !out->state) return false;
    if (!take(query, "auth_request_id", AUTH_REQUEST_ID_MAX, &out->auth_request_id)) return false;
    if (!take(query, "error", ERROR_MAX, &out->error)) return false;
    return (out->auth_request_id != NULL) != (out->error != NULL) && rq->args[0][0];
}

void oauth_callback_get(struct request *rq)
{
    AUTO(url_pairs_done) struct url_pairs query = {0};
    struct flow_return back = {.connector = rq->args[0],
                               .session = rq->session.id ? &rq->session : NULL};
    char id[ID_MAX] = "";
    bool is_readable = strcmp(rq->method, "GET") == 0 &&
                       form_parse(rq->query, strlen(rq->query), QUERY_PAIRS_MAX, &query) == E_OK &&
                       read_return(rq, &query, &back) && flow_state_id(back.state, id);
    page_hide_referrer(rq); /* the address of this page holds secrets */
    if (!is_readable) {
        show_end(rq, FLOW_NOT_OURS);
        return;
    }
    back.cookie = flow_cookie(rq, id);
    AUTO(flow_result_done) struct flow_result result = {0};
    enum err e = flow_finish(rq->web->options.connect, &back, &result);
    if (e) {
        page_error(rq, e, "connecting an account");
        return;
    }
    log_info("connect_ended", LOG_STR("flow", id), LOG_INT("end", result.end));
    bool is_over = result.end != FLOW_NOT_OURS && result.end != FLOW_OTHER_BROWSER &&
                   result.end != FLOW_OTHER_USER;
    if (is_over) flow_cookie_clear(rq, id);
    if (result.end == FLOW_CONNECTED || result.end == FLOW_PENDING_CONFIRMATION)
        go_on(rq, &result);
    else
        show_end(rq, result.end);
}
