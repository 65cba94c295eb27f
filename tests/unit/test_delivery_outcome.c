/* What became of a delivery: the only judge of whether a message may be sent again. */
#include "agent/delivery_outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static enum delivery_outcome of_data(const char *data, struct str *out_ts)
{
    AUTO(scalekit_result_done) struct scalekit_result result = {0};
    str_append_text(&result.data, data);
    struct scalekit_error error = {0};
    return delivery_classify(E_OK, &result, &error, out_ts);
}

static void only_an_answer_with_a_ts_is_a_delivery(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        const char *ts; /* NULL: nobody knows */
    } rows[] = {
        {"{\"ok\":true,\"ts\":\"1700000000.000100\"}",                                     "1700000000.000100"},
        {"{\"ok\":true,\"message\":{\"ts\":\"17.1\"}}",                                    "17.1"             },
        {"{\"ts\":7,\"message\":{\"ts\":\"17.2\"}}",                                       "17.2"             },
        {"{\"ok\":true}",                                                                  NULL               },
        {"{\"ok\":true,\"ts\":\"\"}",                                                      NULL               },
        {"{\"ok\":true,\"ts\":1700000000.1}",                                              NULL               },
        {"{\"ts\":\"1\\u0000\"}",                                                          NULL               },
        {"\"posted\"",                                                                     NULL               },
        {"[]",                                                                             NULL               },
        {"",                                                                               NULL               },
        {"{\"ts\":\"00000000001111111111222222222233333333334444444444555555555566666\"}", NULL               },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str ts = {0};
        str_append_text(&ts, "old");
        enum delivery_outcome outcome = of_data(rows[i].data, &ts);
        if (outcome != (rows[i].ts ? DELIVERED : DELIVERY_NOBODY_KNOWS))
            fail_msg("%s", rows[i].data);
        if (rows[i].ts) assert_string_equal(str_text(&ts), rows[i].ts);
    }
}

static void a_providers_word_decides_and_an_unknown_one_proves_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum delivery_outcome outcome;
    } rows[] = {
        {"invalid_auth",        DELIVERY_NOT_ACCOUNT },
        {"token_revoked",       DELIVERY_NOT_ACCOUNT },
        {"missing_scope",       DELIVERY_NOT_ACCOUNT },
        {"ratelimited",         DELIVERY_NOT_NOW     },
        {"channel_not_found",   DELIVERY_NOT_ACCEPTED},
        {"is_archived",         DELIVERY_NOT_ACCEPTED},
        {"msg_too_long",        DELIVERY_NOT_ACCEPTED},
        {"internal_error",      DELIVERY_NOBODY_KNOWS},
        {"fatal_error",         DELIVERY_NOBODY_KNOWS},
        {"service_unavailable", DELIVERY_NOBODY_KNOWS},
        {"request_timeout",     DELIVERY_NOBODY_KNOWS},
        {"",                    DELIVERY_NOBODY_KNOWS},
        {"msg_too_longer",      DELIVERY_NOBODY_KNOWS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(scalekit_result_done) struct scalekit_result result = {.is_provider_failure = true};
        snprintf(result.provider_error, sizeof result.provider_error, "%s", rows[i].word);
        str_append_text(&result.data, "{\"ok\":false,\"ts\":\"1.2\"}");
        struct scalekit_error error = {0};
        AUTO(str_done) struct str ts = {0};
        if (delivery_classify(E_OK, &result, &error, &ts) != rows[i].outcome)
            fail_msg("%s", rows[i].word);
        assert_int_equal(ts.len, 0);
    }
}

static void every_class_of_failure_has_its_outcome(void **state)
{
    (void)state;
    static const enum delivery_outcome expected[SCALEKIT_CLASS_COUNT] = {
        [SCALEKIT_FINE] = DELIVERY_NOBODY_KNOWS,
        [SCALEKIT_OUR_CREDENTIALS] = DELIVERY_NOT_OURS,
        [SCALEKIT_USER_CONNECT] = DELIVERY_NOT_ACCOUNT,
        [SCALEKIT_USER_RECONNECT] = DELIVERY_NOT_ACCOUNT,
        [SCALEKIT_SCOPE_MISSING] = DELIVERY_NOT_ACCOUNT,
        [SCALEKIT_RATE_LIMITED] = DELIVERY_NOT_NOW,
        [SCALEKIT_BAD_CALL] = DELIVERY_NOT_ACCEPTED,
        [SCALEKIT_NOT_SENT] = DELIVERY_NOT_NOW,
        [SCALEKIT_UNKNOWN] = DELIVERY_NOBODY_KNOWS,
        [SCALEKIT_CANCELLED] = DELIVERY_NOBODY_KNOWS,
    };
    for (int i = 0; i < SCALEKIT_CLASS_COUNT; i++) {
        struct scalekit_result result = {0};
        struct scalekit_error error = {.class = (enum scalekit_class)i};
        struct str ts = {0};
        if (delivery_classify(E_UPSTREAM, &result, &error, &ts) != expected[i])
            fail_msg("%s", scalekit_class_name((enum scalekit_class)i));
    }
}

static void names_are_read_back(void **state)
{
    (void)state;
    for (int i = 0; i < DELIVERY_OUTCOME_COUNT; i++) {
        enum delivery_outcome outcome = DELIVERY_OUTCOME_COUNT;
        const char *name = delivery_outcome_name((enum delivery_outcome)i);
        assert_int_equal(delivery_outcome_parse(name, &outcome), E_OK);
        assert_int_equal(outcome, i);
    }
    enum delivery_outcome none;
    assert_int_equal(delivery_outcome_parse("posted", &none), E_NOT_FOUND);
}

static void others_can_see_confirmed_and_reconciled_messages(void **state)
{
    (void)state;
    for (int i = 0; i < DELIVERY_STATE_COUNT; i++)
        assert_int_equal(delivery_is_out((enum delivery_state)i),
                         i == DELIVERY_CONFIRMED || i == DELIVERY_RECONCILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_an_answer_with_a_ts_is_a_delivery),
        cmocka_unit_test(a_providers_word_decides_and_an_unknown_one_proves_nothing),
        cmocka_unit_test(every_class_of_failure_has_its_outcome),
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(others_can_see_confirmed_and_reconciled_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
