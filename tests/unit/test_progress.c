/* What `briefd run` shows, and what it tells cron. */
#include "command/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void each_event_that_people_follow_has_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *type, *data, *line;
    } rows[] = {
        {"prepared",              "{\"connectors\":1,\"tools\":1}",                                  "✓ 1 connector checked\n✓ 1 tool ready\n"  },
        {"prepared",              "{\"connectors\":2,\"tools\":4}",                                  "✓ 2 connectors checked\n✓ 4 tools ready\n"},
        {"tool_result",           "{\"tool\":\"q\",\"ok\":true,\"count\":7,\"noun\":\"drafts\"}",
         "  ✓ 7 drafts  (q)\n"                                                                                                                    },
        {"tool_result",           "{\"tool\":\"q\",\"ok\":true,\"bytes\":12}",                       "  ✓ q, 12 bytes\n"                          },
        {"tool_result",           "{\"tool\":\"q\",\"ok\":false}",                                   "  ✗ q failed; the model was told\n"         },
        {"delivered",             "{\"channel\":\"C1\",\"ts\":\"1.5\"}",                             "✓ posted to C1, ts 1.5\n"                   },
        {"delivery_not_executed", "{\"outcome\":\"not_executed_passing\"}",
         "  ✗ not posted: the provider says \"not now\"; it is sent again\n"                                                                      },
        {"model_retry",           "{\"status\":529,\"type\":\"overloaded_error\",\"wait_ms\":1500}",
         "… the model is not available (HTTP 529 overloaded_error), next try in 2 s\n"                                                            },
        {"model_retry",           "{\"status\":502,\"type\":\"\",\"wait_ms\":1}",
         "… the model is not available (HTTP 502), next try in 1 s\n"                                                                             },
        {"model_retry",           "{\"status\":200,\"type\":\"\",\"wait_ms\":1}",
         "… the model is not available (its answer broke off), next try in 1 s\n"                                                                 },
        {"model_retry",           "{\"status\":0,\"type\":\"\",\"wait_ms\":1}",
         "… the model is not available (no answer), next try in 1 s\n"                                                                            },
        {"started_over",          "{\"why\":\"it is another day\"}",                                 "↻ starting over: it is another day\n"       },
        {"claimed",               NULL,                                                              ""                                             },
        {"delivered",             NULL,                                                              "✓ posted to , ts \n"                        },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(xfree_ptr) char *type = xstrdup(rows[i].type);
        AUTO(xfree_ptr) char *data = xstrdup(rows[i].data);
        struct event_row event = {.n = 1, .type = type, .data = data};
        AUTO(str_done) struct str out = {0};
        progress_event(&event, &out);
        assert_string_equal(str_text(&out), rows[i].line);
    }
}

static void the_exit_code_tells_whether_the_briefing_went_out(void **state)
{
    (void)state;
    static const struct {
        enum run_status status;
        enum delivery_state delivery;
        const char *code;
        int exit_code;
    } rows[] = {
        {RUN_SUCCEEDED, DELIVERY_CONFIRMED, NULL,                   0},
        {RUN_SUCCEEDED, DELIVERY_PREVIEWED, NULL,                   0},
        {RUN_FAILED,    DELIVERY_UNKNOWN,   "delivery_unknown",     3},
        {RUN_FAILED,    DELIVERY_NONE,      "connector_not_ready",  2},
        {RUN_FAILED,    DELIVERY_NONE,      "connector_revoked",    2},
        {RUN_FAILED,    DELIVERY_REJECTED,  "delivery_rejected",    1},
        {RUN_FAILED,    DELIVERY_NONE,      "credentials_rejected", 1},
        {RUN_CANCELLED, DELIVERY_NONE,      NULL,                   1},
        {RUN_EXPIRED,   DELIVERY_NONE,      NULL,                   1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(run_row_done)
        struct run_row row = {.status = rows[i].status, .delivery = rows[i].delivery};
        run_row_set(&row.error_code, rows[i].code);
        assert_int_equal(progress_exit_code(&row), rows[i].exit_code);
    }
}

static void the_end_names_the_connection_to_mend_and_its_link(void **state)
{
    (void)state;
    AUTO(run_row_done) struct run_row row = {.status = RUN_FAILED};
    run_row_set(&row.error_code, "connector_not_ready");
    run_row_set(&row.blocked_on, "[{\"connector\":\"slack\",\"status\":\"EXPIRED\"}]");
    AUTO(str_done) struct str out = {0};
    progress_end(&row, "http://h", &out);
    assert_non_null(
        strstr(str_text(&out), "slack is EXPIRED. Connect it: http://h/?connect=slack"));
}

static void the_end_has_the_totals_and_the_ts(void **state)
{
    (void)state;
    AUTO(run_row_done)
    struct run_row row = {
        .status = RUN_SUCCEEDED,
        .turn = 3,
        .tool_calls = 4,
        .created_ms = 1000,
        .finished_ms = 3500,
        .usage = {.input_tokens = 10,
                  .cache_read_tokens = 5,
                  .output_tokens = 7,
                  .cost_nano_usd = 500000000}
    };
    run_row_set(&row.summary, "Posted.");
    run_row_set(&row.delivery_ts, "1.5");
    AUTO(str_done) struct str out = {0};
    progress_end(&row, "http://h", &out);
    assert_string_equal(str_text(&out),
                        "✓ succeeded: Posted.\nTotals: 3 replies, 4 tool calls, 15 + 7 tokens, "
                        "$0.50, 2500 ms\nSlack ts: 1.5\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_that_people_follow_has_its_line),
        cmocka_unit_test(the_exit_code_tells_whether_the_briefing_went_out),
        cmocka_unit_test(the_end_names_the_connection_to_mend_and_its_link),
        cmocka_unit_test(the_end_has_the_totals_and_the_ts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
