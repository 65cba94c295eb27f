/*
 * Connected accounts and scoped tools: pages, spellings, guards, fallbacks.
 */
#include "component/test_scalekit_fixture.h"

#define ACCOUNT(identifier, connector, status)                                                     \
    "{\"id\":\"ca_" connector "\",\"identifier\":\"" identifier "\",\"provider\":\"P\","           \
    "\"connector\":\"" connector "\",\"status\":\"" status                                         \
    "\",\"updated_at\":\"2024-03-20T15:04:05Z\"}"
#define ENTRY(owner, name)                                                                         \
    "{\"tool\":{\"id\":\"tol_1\",\"definition\":{\"name\":\"" name "\",\"description\":\"d\","     \
    "\"input_schema\":{\"type\":\"object\",\"properties\":{\"a\":{}}}}},\"identifier\":\"" owner   \
    "\",\"connected_account_id\":\"ca_1\"}"

static const char *const both[] = {"slack", "sanity mcp"};

static enum err list(struct rig *rig, struct scalekit_accounts *out_accounts,
                     struct scalekit_error *out_error)
{
    return scalekit_accounts_list(rig->scalekit, &plain_call, "user_1", both, ARRAY_LEN(both),
                                  out_accounts, out_error);
}

static void all_accounts_come_in_one_call(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub,
                {.match = ACCOUNTS,
                 .status = 200,
                 .body = "{\"connected_accounts\":[" ACCOUNT(
                     "user_1", "slack",
                     "ACTIVE") ",{\"identifier\":\"user_1\",\"connector\":\"sanity mcp\","
                               "\"status\":\"NEW_WORD\",\"updatedAt\":\"2024-03-20T15:04:05Z\"}],"
                               "\"next_page_token\":\"\"}"});
    struct scalekit_accounts accounts = {0};
    struct scalekit_error error;
    assert_int_equal(list(rig, &accounts, &error), E_OK);
    assert_int_equal(accounts.n, 2);
    assert_string_equal(accounts.items[0].connector, "slack");
    assert_string_equal(accounts.items[0].id, "ca_slack");
    assert_string_equal(accounts.items[0].status, "ACTIVE");
    assert_int_equal(accounts.items[0].updated_ms, 1710947045000);
    assert_string_equal(accounts.items[1].status, "NEW_WORD");
    assert_string_equal(accounts.items[1].id, "");
    assert_int_equal(accounts.items[1].updated_ms, 1710947045000);
    scalekit_accounts_done(&accounts);

    assert_int_equal(count(rig, ACCOUNTS), 1);
    assert_line_has(nth(rig, ACCOUNTS, 0), "identifier=user_1&connection_names=slack&"
                                           "connection_names=sanity%20mcp ");
    assert_line_has(nth(rig, ACCOUNTS, 0), "page_size=99");
}

static void accounts_of_others_never_pass(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(
        rig->stub,
        {.match = ACCOUNTS,
         .status = 200,
         .body = "{\"connected_accounts\":[" ACCOUNT("user_12", "slack", "ACTIVE") "," ACCOUNT(
             "USER_1", "slack", "ACTIVE") "," ACCOUNT("user_1", "github",
                                                      "ACTIVE") ",{\"connector\":"
                                                                "\"slack\",\"status\":"
                                                                "\"ACTIVE\"},7,null]}"});
    struct scalekit_accounts accounts = {0};
    struct scalekit_error error;
    assert_int_equal(list(rig, &accounts, &error), E_OK);
    assert_int_equal(accounts.n, 0);
    scalekit_accounts_done(&accounts);
}

static void of_two_accounts_on_a_connection_the_usable_one_counts(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(
        rig->stub,
        {.match = ACCOUNTS,
         .status = 200,
         .body = "{\"connectedAccounts\":[" ACCOUNT("user_1", "slack", "EXPIRED") "," ACCOUNT(
             "user_1", "slack", "ACTIVE") "," ACCOUNT("user_1", "slack", "DISCONNECTED") "]}"});
    struct scalekit_accounts accounts = {0};
    struct scalekit_error error;
    assert_int_equal(list(rig, &accounts, &error), E_OK);
    assert_int_equal(accounts.n, 1);
    assert_string_equal(accounts.items[0].status, "ACTIVE");
    scalekit_accounts_done(&accounts);
}

static void a_status_that_is_left_out_is_the_unspecified_one(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    static const char *const members[] = {"", ",\"status\":null", ",\"status\":\"\"",
                                          ",\"status\":7"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        char body[200];
        snprintf(body, sizeof body,
                 "{\"connected_accounts\":[{\"identifier\":\"user_1\",\"connector\":\"slack\"%s}]}",
                 members[i]);
        STUB_SCRIPT(rig->stub, {.match = ACCOUNTS, .status = 200, .body = body});
        struct scalekit_accounts accounts = {0};
        struct scalekit_error error;
        assert_int_equal(list(rig, &accounts, &error), E_OK);
        assert_int_equal(accounts.n, 1);
        assert_string_equal(accounts.items[0].status, "CONNECTION_STATUS_UNSPECIFIED");
        scalekit_accounts_done(&accounts);
    }
}

static void a_service_that_refuses_many_names_is_asked_one_by_one(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = "connection_names=", .status = 400},
                {.match = "connector=slack",
                 .status = 200,
                 .body = "{\"connected_accounts\":[" ACCOUNT("user_1", "slack", "ACTIVE") "]}"},
                {.match = "connector=sanity%20mcp", .status = 200, .body = "{}"});
    struct scalekit_accounts accounts = {0};
    struct scalekit_error error;
    assert_int_equal(list(rig, &accounts, &error), E_OK);
    assert_int_equal(accounts.n, 1);
    assert_int_equal(error.class, SCALEKIT_FINE);
    scalekit_accounts_done(&accounts);
}

static void an_unknown_connection_name_is_named(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = "connection_names=", .status = 404},
                {.match = "connector=slack", .status = 200, .body = "{}"},
                {.match = "connector=sanity%20mcp",
                 .status = 404,
                 .body = "{\"message\":\"connection not found\"}"});
    struct scalekit_accounts accounts = {0};
    struct scalekit_error error;
    assert_int_equal(list(rig, &accounts, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_BAD_CALL);
    assert_int_equal(error.status, 404);
    assert_non_null(strstr(error.message, "\"sanity mcp\""));
    assert_non_null(strstr(err_detail(), "\"sanity mcp\""));
}

/* A service that knows no filter by tool name. */
#define NO_FILTER                                                                                  \
    {                                                                                              \
        .match = "tool_names=", .times = -1, .status = 400                                         \
    }

static void pages_are_followed_to_the_end(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(
        rig->stub, NO_FILTER,
        {.match = "page_token=t%2F2",
         .status = 200,
         .body = "{\"tools\":[],\"nextPageToken\":\"t3\"}"},
        {.match = "page_token=t3",
         .status = 200,
         .body = "{\"tools\":[" ENTRY("user_1", "slack_b") "],\"next_page_token\":null}"},
        {.match = SCOPED,
         .status = 200,
         .body = "{\"tools\":[" ENTRY("user_1", "slack_c") "],\"next_page_token\":\"t/2\"}"});
    static const char *const names[] = {"slack_c", "slack_b", "slack_absent"};
    struct scalekit_tools tools = {0};
    struct scalekit_error error;
    assert_int_equal(scalekit_tools_scoped(rig->scalekit, &plain_call, "user_1", both, 2, names, 3,
                                           &tools, &error),
                     E_OK);
    assert_int_equal(tools.n, 2);
    assert_string_equal(tools.items[0].name, "slack_b");
    assert_string_equal(tools.items[0].model_name, "slack_b");
    assert_string_equal(tools.items[0].description, "d");
    assert_string_equal(tools.items[0].input_schema,
                        "{\"properties\":{\"a\":{}},\"type\":\"object\"}");
    assert_string_equal(tools.items[0].connected_account_id, "ca_1");
    assert_string_equal(tools.items[1].name, "slack_c");
    scalekit_tools_done(&tools);
    assert_line_has(nth(rig, SCOPED, 1), "identifier=user_1&filter.connection_names=slack&"
                                         "filter.connection_names=sanity%20mcp ");
}

static enum err scoped(struct rig *rig, struct scalekit_tools *out_tools,
                       struct scalekit_error *out_error)
{
    static const char *const names[] = {"slack_a", "slack_b"};
    return scalekit_tools_scoped(rig->scalekit, &plain_call, "user_1", both, 2, names, 2, out_tools,
                                 out_error);
}

static void tools_are_asked_for_by_name(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = SCOPED,
                            .status = 200,
                            .body = "{\"tools\":[" ENTRY("user_1", "slack_b") "," ENTRY(
                                "user_1", "slack_a") "]}"});
    struct scalekit_tools tools = {0};
    struct scalekit_error error;
    assert_int_equal(scoped(rig, &tools, &error), E_OK);
    assert_int_equal(tools.n, 2);
    assert_int_equal(count(rig, SCOPED), 1);
    assert_line_has(nth(rig, SCOPED, 0), "filter.connection_names=sanity%20mcp&"
                                         "filter.tool_names=slack_a&filter.tool_names=slack_b ");
    scalekit_tools_done(&tools);
}

static void a_tool_that_a_filter_hides_is_found_without_it(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(
        rig->stub,
        {.match = "tool_names=",
         .status = 200,
         .body = "{\"tools\":[" ENTRY("user_1", "slack_a") "]}"},
        {.match = SCOPED,
         .status = 200,
         .body = "{\"tools\":[" ENTRY("user_1", "slack_b") "," ENTRY("user_1", "slack_a") "]}"});
    struct scalekit_tools tools = {0};
    struct scalekit_error error;
    assert_int_equal(scoped(rig, &tools, &error), E_OK);
    assert_int_equal(tools.n, 2);
    assert_int_equal(count(rig, SCOPED), 2);
    scalekit_tools_done(&tools);
}

static void a_page_token_that_comes_twice_ends_the_list(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, NO_FILTER,
                {.match = "page_token=a", .status = 200, .body = "{\"next_page_token\":\"b\"}"},
                {.match = "page_token=b", .status = 200, .body = "{\"next_page_token\":\"a\"}"},
                {.match = SCOPED, .status = 200, .body = "{\"next_page_token\":\"a\"}"});
    struct scalekit_tools tools = {0};
    struct scalekit_error error;
    assert_int_equal(scoped(rig, &tools, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_UNKNOWN);
    assert_non_null(strstr(error.message, "twice"));
    assert_int_equal(count(rig, SCOPED), 4);
    assert_int_equal(stub_unscripted(rig->stub), 0);
}

static void odd_entries_and_other_peoples_tools_are_skipped(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, NO_FILTER,
                {.match = SCOPED,
                 .status = 200,
                 .body =
                     "{\"tools\":[{\"identifier\":\"user_1\"},7,null,{\"tool\":{}},"
                     "{\"tool\":{\"definition\":{}}}," ENTRY("user_2", "slack_a") "," ENTRY(
                         "user_1", "slack_b") "," ENTRY("user_1", "slack_b") "," ENTRY("user_1",
                                                                                       "slack_"
                                                                                       "z") "]}"});
    struct scalekit_tools tools = {0};
    struct scalekit_error error;
    assert_int_equal(scoped(rig, &tools, &error), E_OK);
    assert_int_equal(tools.n, 1);
    assert_string_equal(tools.items[0].name, "slack_b");
    scalekit_tools_done(&tools);
}

static void connections_refused_together_are_asked_one_by_one(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub,
                {.match = "names=slack&filter.connection_names=sanity", .times = 2, .status = 400},
                {.match = "names=slack",
                 .status = 200,
                 .body = "{\"tools\":[" ENTRY("user_1", "slack_a") "]}"},
                {.match = "names=sanity",
                 .status = 200,
                 .body = "{\"tools\":[" ENTRY("user_1", "slack_b") "]}"});
    struct scalekit_tools tools = {0};
    struct scalekit_error error;
    assert_int_equal(scoped(rig, &tools, &error), E_OK);
    assert_int_equal(tools.n, 2);
    scalekit_tools_done(&tools);
}

static void a_user_without_account_must_connect(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(
        rig->stub,
        {.match = SCOPED, .times = 2, .status = 404, .body = ERROR_BODY("RESOURCE_NOT_FOUND")},
        {.match = SCOPED, .times = 2, .status = 404, .body = "{\"code\":5,\"message\":\"no\"}"},
        {.match = SCOPED, .times = 2, .status = 200, .body = "{\"tools\":[]}"});
    struct scalekit_tools tools = {0};
    struct scalekit_error error;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(scoped(rig, &tools, &error), E_UPSTREAM);
        assert_int_equal(error.class, SCALEKIT_USER_CONNECT);
    }
    assert_int_equal(scoped(rig, &tools, &error), E_OK);
    assert_int_equal(tools.n, 0);
    scalekit_tools_done(&tools);
}

static void a_list_that_is_no_list_is_an_error(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    static const char *const bodies[] = {"", "<html>", "[]", "{\"tools\":{}}", "{\"tools\":[}"};
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        STUB_SCRIPT(rig->stub, {.match = SCOPED, .status = 200, .body = bodies[i]});
        struct scalekit_tools tools = {0};
        struct scalekit_error error;
        assert_int_equal(scoped(rig, &tools, &error), E_UPSTREAM);
        assert_int_equal(error.class, SCALEKIT_UNKNOWN);
        assert_null(tools.items);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(all_accounts_come_in_one_call),
        RIG_TEST(accounts_of_others_never_pass),
        RIG_TEST(of_two_accounts_on_a_connection_the_usable_one_counts),
        RIG_TEST(a_status_that_is_left_out_is_the_unspecified_one),
        RIG_TEST(a_service_that_refuses_many_names_is_asked_one_by_one),
        RIG_TEST(an_unknown_connection_name_is_named),
        RIG_TEST(pages_are_followed_to_the_end),
        RIG_TEST(tools_are_asked_for_by_name),
        RIG_TEST(a_tool_that_a_filter_hides_is_found_without_it),
        RIG_TEST(a_page_token_that_comes_twice_ends_the_list),
        RIG_TEST(odd_entries_and_other_peoples_tools_are_skipped),
        RIG_TEST(connections_refused_together_are_asked_one_by_one),
        RIG_TEST(a_user_without_account_must_connect),
        RIG_TEST(a_list_that_is_no_list_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
