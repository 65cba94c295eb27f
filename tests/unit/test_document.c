/* The document that everybody polls. */
#include "base/json.h"
#include "runs/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define URL "https://b.example"

static struct run_row a_row(void)
{
    struct run_row row = {.status = RUN_RUNNING, .attempt = 1, .last_event = 14, .turn = 3};
    run_row_set(&row.id, "br_1");
    run_row_set(&row.user_id, "u \"7\"");
    run_row_set(&row.recipe, "editorial-briefing");
    run_row_set(&row.recipe_hash, "sha256:aa");
    run_row_set(&row.mode, "post");
    run_row_set(&row.params, "{\"n\":12345678901234567890}");
    run_row_set(&row.timezone, "Europe/Oslo");
    run_row_set(&row.model, "claude-x");
    row.created_ms = 1795420800123;
    row.usage.cost_nano_usd = 12300000;
    return row;
}

static struct json_span render(const struct run_row *row, struct str *out)
{
    run_document(row, URL, out);
    assert_int_equal(json_check(str_text(out), out->len, (struct json_limits){0}), E_OK);
    return json_root(out->data, out->len);
}

static void assert_raw(struct json_span value, const char *expected)
{
    AUTO(xfree_ptr) char *text = xstrndup(value.len ? value.text : "", value.len);
    assert_string_equal(text, expected);
}

static void a_running_briefing(void **state)
{
    (void)state;
    AUTO(run_row_done) struct run_row row = a_row();
    AUTO(str_done) struct str out = {0};
    struct json_span d = render(&row, &out);
    assert_raw(json_get(d, "status"), "\"running\"");
    assert_raw(json_get(d, "terminal"), "false");
    assert_raw(json_get(d, "phase"), "null");
    assert_raw(json_get(d, "user_id"), "\"u \\\"7\\\"\"");
    assert_raw(json_get(d, "params"), "{\"n\":12345678901234567890}");
    assert_raw(json_get(d, "created_at"), "\"2026-11-23T08:00:00.123Z\"");
    assert_raw(json_get(d, "started_at"), "null");
    assert_raw(json_get(d, "finished_at"), "null");
    assert_raw(json_at(d, "recipe", "hash", NULL), "\"sha256:aa\"");
    assert_raw(json_at(d, "progress", "last_event", NULL), "14");
    assert_raw(json_at(d, "usage", "cost_usd", NULL), "\"0.0123\"");
    assert_raw(json_at(d, "delivery", "state", NULL), "\"none\"");
    assert_raw(json_at(d, "delivery", "text", NULL), "null");
    assert_raw(json_get(d, "blocked_on"), "[]");
    assert_raw(json_get(d, "error"), "null");
    assert_raw(json_get(d, "metadata"), "null");
    assert_raw(json_at(d, "links", "self", NULL), "\"" URL "/briefings/br_1\"");
    assert_raw(json_at(d, "links", "cancel", NULL), "\"" URL "/briefings/br_1/cancel\"");
}

static void a_blocked_one_says_where_to_connect(void **state)
{
    (void)state;
    AUTO(run_row_done) struct run_row row = a_row();
    row.status = RUN_BLOCKED;
    run_row_set(&row.blocked_on, "[{\"connector\":\"slack\",\"status\":\"EXPIRED\"}]");
    AUTO(str_done) struct str out = {0};
    assert_raw(json_get(render(&row, &out), "blocked_on"),
               "[{\"connector\":\"slack\",\"status\":\"EXPIRED\",\"connect_url\":\"" URL
               "/?connect=slack\"}]");
}

static void an_ended_one_tells_its_whole_story(void **state)
{
    (void)state;
    AUTO(run_row_done) struct run_row row = a_row();
    row.status = RUN_FAILED;
    row.delivery = DELIVERY_UNKNOWN;
    row.needs_attention = true;
    row.finished_ms = 1795420800124;
    run_row_set(&row.error_code, "delivery_unknown");
    run_row_set(&row.error_detail, "nobody knows");
    run_row_set(&row.delivery_text, "Hi\n_Briefing br_1_");
    run_row_set(&row.metadata, "{\"ticket\":\"ED-1\"}");
    AUTO(str_done) struct str out = {0};
    struct json_span d = render(&row, &out);
    assert_raw(json_get(d, "terminal"), "true");
    assert_raw(json_get(d, "needs_attention"), "true");
    assert_raw(json_get(d, "error"), "{\"code\":\"delivery_unknown\",\"detail\":\"nobody knows\"}");
    assert_raw(json_at(d, "delivery", "state", NULL), "\"unknown\"");
    assert_raw(json_at(d, "delivery", "text", NULL), "\"Hi\\n_Briefing br_1_\"");
    assert_raw(json_get(d, "metadata"), "{\"ticket\":\"ED-1\"}");
}

static void the_pause_between_polls_grows_with_age(void **state)
{
    (void)state;
    int last = 0;
    for (int64_t age_s = 0; age_s < 3600; age_s += 5) {
        int pause = run_poll_after_s(1000, 1000 + age_s * 1000);
        assert_true(pause >= last && pause >= 1 && pause <= 30);
        last = pause;
    }
    assert_int_equal(run_poll_after_s(5000, 1000), 1); /* a clock that was set back */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_running_briefing),
        cmocka_unit_test(a_blocked_one_says_where_to_connect),
        cmocka_unit_test(an_ended_one_tells_its_whole_story),
        cmocka_unit_test(the_pause_between_polls_grows_with_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
