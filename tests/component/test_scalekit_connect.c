/*
 * Magic link, verification and removal of accounts.
 */
#include "api/scalekit_connect.h"
#include "component/test_scalekit_fixture.h"

#define LINK   "POST /api/v1/connected_accounts/magic_link"
#define VERIFY "POST /api/v1/connected_accounts/user/verify"
#define DELETE "POST /api/v1/connected_accounts:delete"

static enum err link_make(struct rig *rig, const char *verify_url, const char *link_state,
                          struct scalekit_link *out_link, struct scalekit_error *out_error)
{
    return scalekit_magic_link(rig->scalekit, &plain_call, "slack", "user_1", verify_url,
                               link_state, out_link, out_error);
}

static void a_link_is_made_also_after_a_passing_failure(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = LINK, .status = 503},
                {.match = LINK,
                 .status = 200,
                 .body = "{\"link\":\"https://x.example/magicLink/abc\","
                         "\"expiry\":\"2026-03-21T12:00:00Z\"}"});
    struct scalekit_link link = {0};
    struct scalekit_error error;
    assert_int_equal(link_make(rig, "http://localhost/back", "st-1", &link, &error), E_OK);
    assert_string_equal(link.url, "https://x.example/magicLink/abc");
    assert_int_equal(link.expires_ms, 1774094400000);
    scalekit_link_done(&link);
    assert_string_equal(nth(rig, LINK, 1)->body,
                        "{\"connector\":\"slack\",\"identifier\":\"user_1\",\"user_verify_url\":"
                        "\"http://localhost/back\",\"state\":\"st-1\"}");
}

static void a_link_that_cannot_be_made_is_explained(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    static const struct {
        int status;
        const char *body;
        enum scalekit_class class;
    } rows[] = {
        {404, ERROR_BODY("RESOURCE_NOT_FOUND"),     SCALEKIT_BAD_CALL},
        {400, ERROR_BODY("INVALID_ARGUMENT"),       SCALEKIT_BAD_CALL},
        {200, "{}",                                 SCALEKIT_UNKNOWN },
        {200, "{\"link\":\"javascript:alert(1)\"}", SCALEKIT_UNKNOWN },
        {200, "<html>",                             SCALEKIT_UNKNOWN },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        STUB_SCRIPT(rig->stub, {.match = LINK, .status = rows[i].status, .body = rows[i].body});
        struct scalekit_link link = {0};
        struct scalekit_error error;
        assert_int_equal(link_make(rig, "https://b.example", "s", &link, &error), E_UPSTREAM);
        assert_int_equal(error.class, rows[i].class);
        assert_null(link.url);
    }
}

static void a_bad_return_address_is_not_sent(void **state)
{
    struct rig *rig = *state;
    char long_state[600];
    memset(long_state, 's', sizeof long_state - 1);
    long_state[sizeof long_state - 1] = '\0';
    struct scalekit_link link = {0};
    struct scalekit_error error;
    assert_int_equal(link_make(rig, "ftp://x", "s", &link, &error), E_UPSTREAM);
    assert_int_equal(link_make(rig, "http://x", long_state, &link, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_BAD_CALL);
    assert_int_equal(stub_requests(rig->stub), 0);
}

static void a_verification_is_sent_once_and_every_answer_has_a_verdict(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    static const struct {
        struct stub_reply reply;
        enum scalekit_verdict verdict;
        const char *next;
    } rows[] = {
        {{.match = VERIFY,
          .status = 200,
          .body = "{\"post_user_verify_redirect_url\":\"https://e.example/ok\"}"},
         SCALEKIT_VERIFIED,                                                                                                "https://e.example/ok"},
        {{.match = VERIFY, .status = 200, .body = "{}"},                                          SCALEKIT_VERIFIED,       NULL                  },
        {{.match = VERIFY, .status = 200, .body = "{\"post_user_verify_redirect_url\":\"x:y\"}"},
         SCALEKIT_VERIFIED,                                                                                                NULL                  },
        {{.match = VERIFY, .status = 403, .body = ERROR_BODY("PERMISSION_DENIED")},
         SCALEKIT_WRONG_USER,                                                                                              NULL                  },
        {{.match = VERIFY, .status = 404, .body = ERROR_BODY("RESOURCE_NOT_FOUND")},
         SCALEKIT_VERIFY_GONE,                                                                                             NULL                  },
        {{.match = VERIFY, .status = 400, .body = ERROR_BODY("INVALID_ARGUMENT")},
         SCALEKIT_VERIFY_GONE,                                                                                             NULL                  },
        {{.match = VERIFY, .status = 401, .body = ERROR_BODY("REAUTHENTICATION_NEEDED")},
         SCALEKIT_VERIFY_UNCLEAR,                                                                                          NULL                  },
        {{.match = VERIFY, .status = 503},                                                        SCALEKIT_VERIFY_UNCLEAR, NULL                  },
        {{.match = VERIFY, .status = 0, .end = STUB_RESET},                                       SCALEKIT_VERIFY_UNCLEAR, NULL                  },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        stub_script(rig->stub, &rows[i].reply, 1);
        enum scalekit_verdict verdict = SCALEKIT_VERDICT_COUNT;
        char *next = NULL;
        struct scalekit_error error;
        assert_int_equal(
            scalekit_verify(rig->scalekit, &plain_call, "aid", "user_1", &verdict, &next, &error),
            E_OK);
        assert_int_equal(verdict, rows[i].verdict);
        assert_true(text_equal(next, rows[i].next));
        xfree(next);
        assert_int_equal(count(rig, VERIFY), i + 1);
    }
    assert_string_equal(nth(rig, VERIFY, 0)->body,
                        "{\"auth_request_id\":\"aid\",\"identifier\":\"user_1\"}");
}

static void a_verification_that_was_not_made_is_an_error(void **state)
{
    struct rig *rig = *state;
    STUB_SCRIPT(rig->stub,
                {.match = TOKEN, .status = 400, .body = "{\"error\":\"invalid_client\"}"});
    enum scalekit_verdict verdict = SCALEKIT_VERDICT_COUNT;
    char *next = NULL;
    struct scalekit_error error;
    assert_int_equal(
        scalekit_verify(rig->scalekit, &plain_call, "aid", "user_1", &verdict, &next, &error),
        E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_OUR_CREDENTIALS);
    assert_int_equal(verdict, SCALEKIT_VERDICT_COUNT);

    assert_int_equal(
        scalekit_verify(rig->scalekit, &plain_call, "", "user_1", &verdict, &next, &error), E_OK);
    assert_int_equal(verdict, SCALEKIT_VERIFY_GONE);
    assert_int_equal(count(rig, VERIFY), 0);
}

static void deleting_what_is_gone_is_fine(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = DELETE, .status = 503},
                {.match = DELETE, .status = 200, .body = "{}"},
                {.match = DELETE, .status = 404, .body = ERROR_BODY("RESOURCE_NOT_FOUND")},
                {.match = DELETE, .status = 404, .body = "{\"code\":5,\"message\":\"not found\"}"},
                {.match = DELETE, .status = 404, .body = "<html>"},
                {.match = DELETE, .status = 404, .body = "{\"message\":\"no Route matched\"}"},
                {.match = DELETE,
                 .status = 404,
                 .body = "{\"code\":5,\"message\":\"connection not found\"}"},
                {.match = DELETE,
                 .status = 400,
                 .body = ERROR_BODY("MCP_SERVER_EXISTS_FOR_CONNECTED_ACCOUNT")});
    struct scalekit_error error;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(
            scalekit_account_delete(rig->scalekit, &plain_call, "slack", "user_1", &error), E_OK);
        assert_int_equal(error.class, SCALEKIT_FINE);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            scalekit_account_delete(rig->scalekit, &plain_call, "slack", "user_1", &error),
            E_UPSTREAM);
        assert_int_equal(error.class, SCALEKIT_BAD_CALL);
    }
    assert_int_equal(count(rig, DELETE), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_link_is_made_also_after_a_passing_failure),
        RIG_TEST(a_link_that_cannot_be_made_is_explained),
        RIG_TEST(a_bad_return_address_is_not_sent),
        RIG_TEST(a_verification_is_sent_once_and_every_answer_has_a_verdict),
        RIG_TEST(a_verification_that_was_not_made_is_an_error),
        RIG_TEST(deleting_what_is_gone_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
