/*
 * Connected accounts of one user: GET /api/v1/connected_accounts. (wire notes 2.1, 2.2)
 *
 * One call for up to 20 connections; the service refuses `connection_names` beside `connector`, and
 * an older one may not know it, so a 400 is followed by one call for each name. A 404 means that a
 * connection name does not exist in the environment, a 401 REAUTHENTICATION_NEEDED that one of the
 * accounts has expired; asking one by one finds out which.
 *
 * Every item is compared with what was asked for: an account of another identifier or connection is
 * never passed on, whatever the service answers.
 */
#include "api/scalekit_internal.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAMES_A_CALL     20
#define ACCOUNT_TEXT_MAX 1024
#define ACCOUNTS_MAX     1000

void scalekit_accounts_done(struct scalekit_accounts *accounts)
{
    for (size_t i = 0; i < accounts->n; i++) {
        struct scalekit_account *a = &accounts->items[i];
        xfree(a->connector);
        xfree(a->id);
        xfree(a->provider);
        xfree(a->status);
    }
    xfree(accounts->items);
    *accounts = (struct scalekit_accounts){0};
}

struct wish {
    const char *identifier;
    const char *const *names;
    size_t n;
    struct scalekit_accounts *found;
    int64_t n_strange;
};

static struct scalekit_account *accounts_find(const struct scalekit_accounts *accounts,
                                              const char *connector)
{
    for (size_t i = 0; i < accounts->n; i++)
        if (strcmp(accounts->items[i].connector, connector) == 0) return &accounts->items[i];
    return NULL;
}

static bool wish_has(const struct wish *wish, struct json_span connector)
{
    for (size_t i = 0; i < wish->n; i++)
        if (json_string_is(connector, wish->names[i])) return true;
    return false;
}

static char *member_text(struct json_span item, const char *name)
{
    char *text = json_strdup(scalekit_member(item, name), ACCOUNT_TEXT_MAX);
    return text ? text : xstrdup("");
}

static void account_read(struct json_span item, struct scalekit_account *out)
{
    *out = (struct scalekit_account){
        .connector = member_text(item, "connector"),
        .id = member_text(item, "id"),
        .provider = member_text(item, "provider"),
        .status = member_text(item, "status"),
    };
    /* The zero value may be left out on the wire. (wire notes 2.0 and 3) */
    if (!*out->status) {
        xfree(out->status);
        out->status = xstrdup("CONNECTION_STATUS_UNSPECIFIED");
    }
    AUTO(xfree_ptr) char *updated = member_text(item, "updated_at");
    if (*updated && time_parse(updated, &out->updated_ms)) out->updated_ms = 0;
}

/* Two accounts on one connection: the usable one, else the one that changed last. */
static bool account_is_better(const struct scalekit_account *a, const struct scalekit_account *b)
{
    bool is_active_a = strcmp(a->status, "ACTIVE") == 0;
    bool is_active_b = strcmp(b->status, "ACTIVE") == 0;
    if (is_active_a != is_active_b) return is_active_a;
    return a->updated_ms > b->updated_ms;
}

static enum err account_take(void *ctx, struct json_span item)
{
    struct wish *wish = ctx;
    bool is_ours = json_string_is(scalekit_member(item, "identifier"), wish->identifier) &&
                   wish_has(wish, scalekit_member(item, "connector"));
    if (!is_ours) {
        wish->n_strange++;
        return E_OK;
    }
    struct scalekit_account fresh;
    account_read(item, &fresh);
    struct scalekit_accounts *found = wish->found;
    struct scalekit_account *known = accounts_find(found, fresh.connector);
    if (!known) {
        found->items = xrealloc(found->items, (found->n + 1) * sizeof *found->items);
        found->items[found->n++] = fresh;
        return E_OK;
    }
    struct scalekit_accounts spare = {.items = xcalloc(1, sizeof fresh), .n = 1};
    bool is_better = account_is_better(&fresh, known);
    spare.items[0] = is_better ? *known : fresh;
    if (is_better) *known = fresh;
    scalekit_accounts_done(&spare);
    return E_OK;
}

static enum err list_read(struct scalekit *s, const struct scalekit_call *call, struct wish *wish,
                          bool is_single, struct scalekit_error *out_error)
{
    AUTO(str_done) struct str path = {0};
    str_append_text(&path, "/api/v1/connected_accounts?page_size=99");
    scalekit_query(&path, "identifier", wish->identifier);
    for (size_t i = 0; i < wish->n; i++)
        scalekit_query(&path, is_single ? "connector" : "connection_names", wish->names[i]);

    struct scalekit_pages pages = {
        .what = "connected_accounts",
        .path = str_text(&path),
        .list = "connected_accounts",
        .take = account_take,
        .ctx = wish,
    };
    return scalekit_pages_read(s, call, &pages, out_error);
}

/* A 404 that speaks of the account, not of the connection: the user has none. */
static bool is_about_account(const struct scalekit_error *error)
{
    return strcasestr(error->message, "account") && !strcasestr(error->message, "connection") &&
           !strcasestr(error->message, "connector");
}

/* REAUTHENTICATION_NEEDED can be the answer instead of the account: that says its status, too. */
static void take_expired(const struct wish *wish, const char *name)
{
    struct scalekit_accounts *found = wish->found;
    if (accounts_find(found, name)) return;
    found->items = xrealloc(found->items, (found->n + 1) * sizeof *found->items);
    found->items[found->n++] = (struct scalekit_account){.connector = xstrdup(name),
                                                         .id = xstrdup(""),
                                                         .provider = xstrdup(""),
                                                         .status = xstrdup("EXPIRED")};
}

static enum err read_one(struct scalekit *s, const struct scalekit_call *call,
                         const struct wish *all, size_t i, struct scalekit_error *out_error)
{
    struct wish one = *all;
    one.names = &all->names[i];
    one.n = 1;
    enum err e = list_read(s, call, &one, true, out_error);
    if (e && out_error->class == SCALEKIT_USER_RECONNECT) {
        take_expired(all, all->names[i]);
        *out_error = (struct scalekit_error){0};
        return E_OK;
    }
    if (!e || out_error->status != 404 || !scalekit_error_is_answer(out_error)) return e;
    if (is_about_account(out_error)) {
        *out_error = (struct scalekit_error){0};
        return E_OK;
    }
    out_error->class = SCALEKIT_BAD_CALL;
    snprintf(out_error->message, sizeof out_error->message,
             "ScaleKit knows no connection \"%.200s\" in this environment; names are exact and "
             "case-sensitive",
             all->names[i]);
    return fail(E_UPSTREAM,
                "ScaleKit, connected_accounts: status 404, there is no connection \"%.200s\" in "
                "this environment (names are exact and case-sensitive); request %s",
                all->names[i], *out_error->request_id ? out_error->request_id : "without id");
}

static enum err read_some(struct scalekit *s, const struct scalekit_call *call, struct wish *wish,
                          struct scalekit_error *out_error)
{
    if (wish->n == 1) return read_one(s, call, wish, 0, out_error);
    enum err e = list_read(s, call, wish, false, out_error);
    bool is_refused = e && scalekit_error_is_answer(out_error) &&
                      (out_error->status == 400 || out_error->status == 404 ||
                       out_error->class == SCALEKIT_USER_RECONNECT);
    if (!is_refused) return e;

    for (size_t i = 0; i < wish->n; i++) {
        e = read_one(s, call, wish, i, out_error);
        if (e) return e;
    }
    return E_OK;
}

enum err scalekit_accounts_list(struct scalekit *s, const struct scalekit_call *call,
                                const char *identifier, const char *const *connection_names,
                                size_t n, struct scalekit_accounts *out_accounts,
                                struct scalekit_error *out_error)
{
    *out_error = (struct scalekit_error){0};
    struct scalekit_accounts found = {0};
    int64_t n_strange = 0;
    for (size_t done = 0; done < n; done += NAMES_A_CALL) {
        struct wish wish = {
            .identifier = identifier,
            .names = connection_names + done,
            .n = n - done < NAMES_A_CALL ? n - done : NAMES_A_CALL,
            .found = &found,
        };
        enum err e = read_some(s, call, &wish, out_error);
        n_strange += wish.n_strange;
        if (e) {
            scalekit_accounts_done(&found);
            return e;
        }
    }
    if (n_strange) log_debug("scalekit_accounts_strange", LOG_INT("ignored", n_strange));
    *out_error = (struct scalekit_error){0};
    *out_accounts = found;
    return E_OK;
}
