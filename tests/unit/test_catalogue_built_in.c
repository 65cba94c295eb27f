/* The catalogue inside the program: what the editorial briefing promises about itself. */
#include "agent/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static const char *setting(void *ctx, const char *name)
{
    (void)ctx;
    return text_ends(name, "_CONNECTION") ? "some-connection" : NULL;
}

static struct catalogue *catalogue;

static int set_up(void **state)
{
    (void)state;
    AUTO(str_done) struct str problems = {0};
    return catalogue_load(NULL, setting, NULL, &catalogue, &problems) ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    catalogue_release(catalogue);
    return 0;
}

static void it_knows_the_five_connectors(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"sanity",  "SANITY_CONNECTION",  "sanitymcp_whoami"             },
        {"slack",   "SLACK_CONNECTION",   "slack_auth_test"              },
        {"github",  "GITHUB_CONNECTION",  "github_user_get_authenticated"},
        {"notion",  "NOTION_CONNECTION",  "notion_user_get_self"         },
        {"hubspot", "HUBSPOT_CONNECTION", "hubspot_account_details_get"  },
    };
    assert_int_equal(catalogue->n_connectors, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct connector *connector = catalogue_connector(catalogue, rows[i][0]);
        assert_non_null(connector);
        assert_string_equal(connector->connection_setting, rows[i][1]);
        assert_string_equal(connector->connection_name, "some-connection");
        assert_string_equal(connector->probe_tool, rows[i][2]);
    }
    assert_string_equal(catalogue_connector(catalogue, "slack")->history_tool,
                        "slack_fetch_conversation_history");
}

static void the_editorial_recipe_has_exactly_four_tools(void **state)
{
    (void)state;
    const struct recipe *recipe = catalogue_recipe(catalogue, "editorial-briefing");
    assert_non_null(recipe);
    assert_int_equal(recipe->n_read_tools, 3);
    assert_string_equal(recipe->read_tools[0], "sanitymcp_list_projects");
    assert_string_equal(recipe->read_tools[1], "sanitymcp_query_documents");
    assert_string_equal(recipe->read_tools[2], "sanitymcp_list_releases");
    assert_string_equal(recipe->delivery.tool, "slack_send_message");
    assert_string_equal(recipe->delivery.channel_pattern, "^[CGD][A-Z0-9]+$");
    assert_int_equal(recipe->delivery.text_chars_max, 4000);
    assert_false(recipe->delivery.continues);
}

/* The prompt is the same every day and for everybody, or the prompt cache would never be hit. */
static void the_prompt_names_tools_and_queries_and_fills_nothing_in(void **state)
{
    (void)state;
    const struct recipe *recipe = catalogue_recipe(catalogue, "editorial-briefing");
    static const char *const wanted[] = {"Query `drafts`:", "Query `published`:", "Query `stale`:",
                                         "$publishedSince", "$staleBefore",       "```groq\n"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        assert_non_null(strstr(recipe->prompt, wanted[i]));
    for (size_t i = 0; i < recipe->n_read_tools; i++)
        assert_non_null(strstr(recipe->prompt, recipe->read_tools[i]));
    static const char *const unwanted[] = {"{today}", "{now}",
                                           "{param:", "{days_ago:", "{timezone}"};
    for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
        assert_null(strstr(recipe->prompt, unwanted[i]));
}

static void every_model_has_plausible_prices(void **state)
{
    (void)state;
    assert_non_null(catalogue_model(catalogue, "claude-sonnet-5-5"));
    for (size_t i = 0; i < catalogue->n_models; i++) {
        const struct model *m = &catalogue->models[i];
        assert_true(m->input > 0 && m->output == 5 * m->input);
        assert_true(m->cache_write_5m * 4 == m->input * 5 && m->cache_write_1h == m->input * 2);
        assert_true(m->cache_read > 0 && m->cache_read * 10 <= m->input);
        if (m->long_prompt_tokens > 0)
            assert_true(m->long_input > m->input && m->long_output == 5 * m->long_input);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_knows_the_five_connectors),
        cmocka_unit_test(the_editorial_recipe_has_exactly_four_tools),
        cmocka_unit_test(the_prompt_names_tools_and_queries_and_fills_nothing_in),
        cmocka_unit_test(every_model_has_plausible_prices),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
