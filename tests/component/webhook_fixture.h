/*
 * What the tests of webhooks in the store share.
 */
#ifndef COMPONENT_WEBHOOK_FIXTURE_H
#define COMPONENT_WEBHOOK_FIXTURE_H

#include "base/clock.h"
#include "store/webhooks.h"

#include "component/test_store_fixture.h"

static UNUSED void render_secret(void *ctx, const struct webhook_endpoint *endpoint,
                                 const char *secret, struct run_answer *out)
{
    char *id = ctx;
    snprintf(id, ID_MAX, "%s", endpoint->id);
    out->http_status = 201;
    str_append_text(&out->body, secret);
}

/* The secret through `out_secret`, which may be NULL. */
static UNUSED void make_endpoint(struct fixture *f, const char *events, char out_id[ID_MAX],
                                 struct str *out_secret)
{
    struct webhook_create create = {.url = "https://example.com/hooks",
                                    .events = events,
                                    .actor = "host",
                                    .render = render_secret,
                                    .ctx = out_id};
    struct run_answer answer = {0};
    bool is_replayed = true;
    assert_ok(store_webhook_endpoint_create(f->store, &create, &answer, &is_replayed));
    assert_false(is_replayed);
    if (out_secret) str_append_str(out_secret, &answer.body);
    str_done(&answer.body);
}

static UNUSED void due(struct fixture *f, const char *id, int limit,
                       struct webhook_delivery_list *out)
{
    int64_t next_ms = 0;
    assert_ok(store_webhook_due(f->store, id, clock_unix_ms() + 1000, limit, out, &next_ms));
}

/* The one of this type; what happened in the same millisecond has no order. */
static UNUSED const struct webhook_delivery *of_type(const struct webhook_delivery_list *list,
                                                     const char *type)
{
    const struct webhook_delivery *found = NULL;
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->rows[i].type, type) == 0) found = &list->rows[i];
    if (!found) fail_msg("%s was not told", type);
    return found;
}

static UNUSED int64_t n_deliveries(struct fixture *f)
{
    return ask_file(f, "SELECT count(*) FROM webhook_deliveries");
}

#endif
