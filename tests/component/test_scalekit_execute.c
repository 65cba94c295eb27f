/*
 * Running tools: what goes out, what comes back, what is sent once and what again.
 */
#include "component/test_scalekit_fixture.h"

static void the_body_has_the_arguments_byte_for_byte(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE,
                            .status = 200,
                            .body = "{\"data\":{\"ok\":true},\"execution_id\":\"ex-5\"}"});
    static const char params[] = "{ \"n\": 12345678901234567890, \"a\\u0062\": 1.50 }";
    const struct scalekit_execute what = {
        .tool_name = "sanity_query",
        .connection_name = "sanity",
        .identifier = "user \"1\"",
        .params = params,
        .params_len = strlen(params),
        .agent_run_id = "br_1",
    };
    struct scalekit_result result = {0};
    struct scalekit_error error;
    assert_int_equal(scalekit_execute(rig->scalekit, &plain_call, &what, &result, &error), E_OK);
    assert_string_equal(str_text(&result.data), "{\"ok\":true}");
    assert_string_equal(result.execution_id, "ex-5");
    assert_false(result.is_provider_failure);
    assert_int_equal(error.class, SCALEKIT_FINE);
    scalekit_result_done(&result);

    const struct stub_request *rq = nth(rig, EXECUTE, 0);
    assert_string_equal(rq->body,
                        "{\"tool_name\":\"sanity_query\",\"connector\":\"sanity\",\"identifier\":"
                        "\"user \\\"1\\\"\",\"params\":{ \"n\": 12345678901234567890, "
                        "\"a\\u0062\": 1.50 },\"agent_run_id\":\"br_1\"}");
    assert_header(rq, "content-type", "application/json");
}

static void what_is_not_given_is_not_sent(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 200, .body = "{\"data\":{}}", .times = 2});
    char long_id[400];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    struct scalekit_execute what = {.tool_name = "t", .identifier = "u", .connection_name = ""};
    struct scalekit_result result = {0};
    struct scalekit_error error;
    assert_int_equal(scalekit_execute(rig->scalekit, &plain_call, &what, &result, &error), E_OK);
    scalekit_result_done(&result);
    assert_string_equal(nth(rig, EXECUTE, 0)->body,
                        "{\"tool_name\":\"t\",\"identifier\":\"u\",\"params\":{}}");
    what.agent_run_id = long_id;
    assert_int_equal(scalekit_execute(rig->scalekit, &plain_call, &what, &result, &error), E_OK);
    scalekit_result_done(&result);
    const char *sent = strstr(nth(rig, EXECUTE, 1)->body, "\"agent_run_id\":\"");
    assert_int_equal(strspn(sent + strlen("\"agent_run_id\":\""), "x"), 255);
}

static void arguments_that_are_no_object_are_not_sent(void **state)
{
    struct rig *rig = *state;
    static const char *const params[] = {"[]", "7", "{\"a\":", "{} {}", "{\"a\":\"\xff\"}"};
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        const struct scalekit_execute what = {
            .tool_name = "t", .params = params[i], .params_len = strlen(params[i])};
        struct scalekit_result result = {0};
        struct scalekit_error error;
        assert_int_equal(scalekit_execute(rig->scalekit, &plain_call, &what, &result, &error),
                         E_UPSTREAM);
        assert_int_equal(error.class, SCALEKIT_BAD_CALL);
    }
    assert_int_equal(stub_requests(rig->stub), 0);
}

static void a_providers_failure_inside_a_200_is_told(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE,
                            .status = 200,
                            .body = "{\"data\":{\"ok\":false,\"error\":\"ratelimited\"}}"});
    struct scalekit_result result = {0};
    struct scalekit_error error;
    assert_int_equal(execute(rig, &plain_call, true, &result, &error), E_OK);
    assert_true(result.is_provider_failure);
    assert_string_equal(result.provider_error, "ratelimited");
    scalekit_result_done(&result);
}

static void a_delivery_is_sent_once_whatever_happens(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    static const struct {
        struct stub_reply reply;
        enum scalekit_class class;
    } rows[] = {
        {{.match = EXECUTE, .status = 503},                                    SCALEKIT_UNKNOWN},
        {{.match = EXECUTE, .status = 502, .body = "upstream request failed"}, SCALEKIT_UNKNOWN},
        {{.match = EXECUTE, .status = 504},                                    SCALEKIT_UNKNOWN},
        {{.match = EXECUTE, .status = 409},                                    SCALEKIT_UNKNOWN},
        {{.match = EXECUTE, .status = 0, .end = STUB_RESET},                   SCALEKIT_UNKNOWN},
        {{.match = EXECUTE, .status = 0, .end = STUB_CLOSE},                   SCALEKIT_UNKNOWN},
        {{.match = EXECUTE,
          .status = 200,
          .body = "{\"data\":{}}",
          .cut_after = 4,
          .end = STUB_CLOSE},
         SCALEKIT_UNKNOWN                                                                      },
        {{.match = EXECUTE, .status = 200, .body = "<html>"},                  SCALEKIT_UNKNOWN},
        {{.match = EXECUTE, .status = 200, .body = ""},                        SCALEKIT_UNKNOWN},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        stub_script(rig->stub, &rows[i].reply, 1);
        struct scalekit_result result = {0};
        struct scalekit_error error;
        assert_int_equal(execute(rig, &plain_call, true, &result, &error), E_UPSTREAM);
        if (error.class != rows[i].class)
            fail_msg("row %zu: %s", i, scalekit_class_name(error.class));
        assert_int_equal(count(rig, EXECUTE), i + 1);
        assert_null(result.data.data);
    }
}

static void a_limited_delivery_is_told_when_to_come_again(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 429, .headers = "Retry-After: 7\r\n"});
    struct scalekit_result result = {0};
    struct scalekit_error error;
    assert_int_equal(execute(rig, &plain_call, true, &result, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_RATE_LIMITED);
    assert_int_equal(error.retry_after_ms, 7000);
    assert_int_equal(count(rig, EXECUTE), 1);

    /* Others wait behind the brake; who has no time for that is told so without a request. */
    const struct scalekit_call call = {.deadline_mono_ms = clock_mono_ms() + 2000};
    assert_int_equal(execute(rig, &call, true, &result, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_NOT_SENT);
    assert_int_equal(count(rig, EXECUTE), 1);
}

static void a_delivery_has_a_connection_of_its_own(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 200, .body = "{\"data\":{}}", .times = -1});
    struct scalekit_error error;
    for (int i = 0; i < 4; i++) {
        struct scalekit_result result = {0};
        assert_int_equal(execute(rig, &plain_call, i == 2, &result, &error), E_OK);
        scalekit_result_done(&result);
    }
    int delivery = nth(rig, EXECUTE, 2)->connection;
    for (size_t k = 0; k < stub_requests(rig->stub); k++)
        assert_true(stub_request(rig->stub, k) == nth(rig, EXECUTE, 2) ||
                    stub_request(rig->stub, k)->connection != delivery);
    assert_int_equal(nth(rig, EXECUTE, 0)->connection, nth(rig, EXECUTE, 1)->connection);
}

static void a_closed_port_means_not_sent(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 200, .body = "{\"data\":{}}"});
    struct scalekit_result result = {0};
    struct scalekit_error error;
    assert_int_equal(execute(rig, &plain_call, false, &result, &error), E_OK);
    scalekit_result_done(&result);

    stub_stop(rig->stub);
    rig->stub = NULL;
    assert_int_equal(execute(rig, &plain_call, true, &result, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_NOT_SENT);
    assert_int_equal(error.status, 0);
}

static void an_answer_above_the_limit_is_an_error(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    AUTO(str_done) struct str body = {0};
    str_append_text(&body, "{\"data\":{\"a\":\"");
    while (body.len < 65 * KIB)
        str_append_text(&body, "0123456789abcdef");
    str_append_text(&body, "\"}}");
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 200, .body = str_text(&body)});
    struct scalekit_result result = {0};
    struct scalekit_error error;
    assert_int_equal(execute(rig, &plain_call, false, &result, &error), E_UPSTREAM);
    assert_int_equal(error.class, SCALEKIT_UNKNOWN);
    assert_int_equal(count(rig, EXECUTE), 1);
}

/* ---- several at once ---- */

#define N_READS 3

struct reads {
    struct rig *rig;
    struct scalekit_execute what[N_READS];
    struct scalekit_result results[N_READS];
    struct scalekit_error errors[N_READS];
    enum err errs[N_READS];
};

static void *reads_main(void *arg)
{
    struct reads *r = arg;
    scalekit_execute_all(r->rig->scalekit, &plain_call, r->what, N_READS, r->results, r->errors,
                         r->errs);
    return NULL;
}

static void reads_init(struct reads *r, struct rig *rig)
{
    static const char *const params[N_READS] = {"{\"n\":0}", "{\"n\":1}", "{\"n\":2}"};
    *r = (struct reads){.rig = rig};
    for (int i = 0; i < N_READS; i++)
        r->what[i] = (struct scalekit_execute){
            .tool_name = "t", .identifier = "u", .params = params[i], .params_len = 7};
}

static void reads_done(struct reads *r)
{
    for (int i = 0; i < N_READS; i++)
        scalekit_result_done(&r->results[i]);
}

static void several_reads_are_on_their_way_together(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE,
                            .status = 200,
                            .body = "{\"data\":{\"a\":1}}",
                            .times = N_READS,
                            .gate = 1});
    struct reads r;
    reads_init(&r, rig);
    struct thread thread = {0};
    assert_int_equal(thread_start(&thread, "reads", reads_main, &r), E_OK);
    /* All have arrived before any is answered. */
    assert_true(stub_wait_requests(rig->stub, 1 + N_READS));
    stub_open(rig->stub, 1);
    thread_join(&thread);
    for (int i = 0; i < N_READS; i++) {
        assert_int_equal(r.errs[i], E_OK);
        assert_string_equal(str_text(&r.results[i].data), "{\"a\":1}");
    }
    reads_done(&r);
}

static void each_read_has_its_own_end(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE, .status = 503},
                {.match = EXECUTE, .status = 400, .body = ERROR_BODY("INVALID_ARGUMENT")},
                {.match = EXECUTE, .status = 200, .body = "{\"data\":{\"a\":1}}", .times = -1});
    struct reads r;
    reads_init(&r, rig);
    r.what[1].params = "[]";
    r.what[1].params_len = 2;
    reads_main(&r);

    /* One is refused here, one by the server, and the 503 came again; which of the two is chance.
     */
    assert_int_equal(r.errs[1], E_UPSTREAM);
    assert_int_equal(r.errors[1].class, SCALEKIT_BAD_CALL);
    assert_int_equal(r.errors[1].status, 0);
    int refused = r.errs[0] ? 0 : 2;
    int answered = 2 - refused;
    assert_int_equal(r.errs[refused], E_UPSTREAM);
    assert_int_equal(r.errors[refused].status, 400);
    assert_int_equal(r.errs[answered], E_OK);
    assert_int_equal(count(rig, EXECUTE), 3);
    assert_string_equal(strstr(nth(rig, EXECUTE, 2)->body, "\"params\""),
                        answered ? "\"params\":{\"n\":2}}" : "\"params\":{\"n\":0}}");
    reads_done(&r);
}

static void none_at_all_is_fine(void **state)
{
    struct rig *rig = *state;
    scalekit_execute_all(rig->scalekit, &plain_call, NULL, 0, NULL, NULL, NULL);
    assert_int_equal(stub_requests(rig->stub), 0);
}

static void the_date_of_an_answer_tells_how_far_our_clock_is_ahead(void **state)
{
    struct rig *rig = *state;
    script_token(rig);
    STUB_SCRIPT(rig->stub, {.match = EXECUTE,
                            .status = 200,
                            .headers = "Date: Sun, 23 Nov 2025 06:00:00 GMT\r\n",
                            .body = "{\"data\":{}}"});
    AUTO(scalekit_result_done) struct scalekit_result result = {0};
    struct scalekit_error error = {0};
    struct scalekit_execute what = {.tool_name = "a_tool", .identifier = "u"};
    assert_int_equal(scalekit_clock_ahead_ms(rig->scalekit), 0);
    clock_freeze(INT64_C(1763877600000) + 7200000);
    enum err e = scalekit_execute(rig->scalekit, &plain_call, &what, &result, &error);
    clock_freeze(0);
    assert_int_equal(e, E_OK);
    assert_int_equal(scalekit_clock_ahead_ms(rig->scalekit), 7200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(the_body_has_the_arguments_byte_for_byte),
        RIG_TEST(what_is_not_given_is_not_sent),
        RIG_TEST(arguments_that_are_no_object_are_not_sent),
        RIG_TEST(a_providers_failure_inside_a_200_is_told),
        RIG_TEST(a_delivery_is_sent_once_whatever_happens),
        RIG_TEST(a_limited_delivery_is_told_when_to_come_again),
        RIG_TEST(a_delivery_has_a_connection_of_its_own),
        RIG_TEST(a_closed_port_means_not_sent),
        RIG_TEST(an_answer_above_the_limit_is_an_error),
        RIG_TEST(several_reads_are_on_their_way_together),
        RIG_TEST(each_read_has_its_own_end),
        RIG_TEST(none_at_all_is_fine),
        RIG_TEST(the_date_of_an_answer_tells_how_far_our_clock_is_ahead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
