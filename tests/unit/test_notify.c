/* Webhooks out: signatures, distances between tries, and where they may go. */
#include "base/address.h"
#include "base/crypt.h"
#include "connect/hook.h"
#include "notify/schedule.h"
#include "notify/signature.h"
#include "notify/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>

#define HOUR INT64_C(3600000)
#define DAY  (24 * HOUR)

/* ---- signatures ---- */

static const char body[] = "{\"type\":\"briefing.succeeded\",\"timestamp\":"
                           "\"2026-11-23T06:00:00.000Z\",\"data\":{\"id\":\"br_1\"}}";

static void the_signature_is_that_of_the_standard(void **state)
{
    (void)state;
    /* Made with Python: base64(hmac.new(bytes(range(32)), b"msg_2026.1795413600." + body, sha256)) */
    AUTO(str_done) struct str key = {0};
    AUTO(str_done) struct str signature = {0};
    for (char c = 0; c < 32; c++)
        str_append_char(&key, c);
    webhook_sign(&key, "msg_2026", 1795413600, body, &signature);
    assert_string_equal(str_text(&signature), "v1,qxYdZfJ3JSkrgFvzhLTUQQT9vrwE4/e8XOW9d+x69Gg=");
}

static void what_we_sign_our_own_check_accepts(void **state)
{
    (void)state;
    AUTO(str_done) struct str key = {0};
    AUTO(str_done) struct str secret = {0};
    AUTO(str_done) struct str signature = {0};
    unsigned char bytes[32];
    random_bytes(bytes, sizeof bytes);
    str_append(&key, bytes, sizeof bytes);
    str_append_text(&secret, "whsec_");
    base64_encode(&secret, bytes, sizeof bytes);
    webhook_sign(&key, "msg_1", 1795413600, body, &signature);
    struct hook hook = {.id = "msg_1",
                        .timestamp = "1795413600",
                        .signature = str_text(&signature),
                        .body = body,
                        .len = strlen(body)};
    assert_int_equal(hook_check(str_text(&secret), &hook, INT64_C(1795413600000)), E_OK);
    hook.id = "msg_2";
    assert_int_equal(hook_check(str_text(&secret), &hook, INT64_C(1795413600000)), E_DENIED);
}

/* ---- distances ---- */

static void the_tries_take_about_three_days(void **state)
{
    (void)state;
    int64_t least = schedule_length_ms(SCHEDULE_WHOLE_MS);
    assert_in_range(least, 2 * DAY + 20 * HOUR, 3 * DAY);
    int64_t sum = 0;
    for (int tries = 1; tries < SCHEDULE_TRIES_MAX; tries++) {
        int64_t delay = schedule_delay_ms(tries, SCHEDULE_WHOLE_MS, 0);
        assert_true(delay >= 5000 && delay <= 8 * HOUR * 6 / 5 + 1);
        sum += delay;
    }
    assert_in_range(sum, least, least * 6 / 5 + SCHEDULE_TRIES_MAX);
    assert_int_equal(schedule_delay_ms(SCHEDULE_TRIES_MAX, SCHEDULE_WHOLE_MS, 0), -1);
    assert_int_equal(schedule_delay_ms(SCHEDULE_TRIES_MAX + 1, SCHEDULE_WHOLE_MS, HOUR), -1);
    assert_int_equal(schedule_delay_ms(0, SCHEDULE_WHOLE_MS, 0), -1);
}

static void what_failed_together_does_not_come_back_together(void **state)
{
    (void)state;
    int64_t first = schedule_delay_ms(9, SCHEDULE_WHOLE_MS, 0);
    bool is_other = false;
    /* 5.7 million possible values: thirty equal ones do not happen. */
    for (int i = 0; i < 30; i++)
        is_other = is_other || schedule_delay_ms(9, SCHEDULE_WHOLE_MS, 0) != first;
    assert_true(is_other);
}

static void the_receiver_may_ask_for_more_time_but_not_for_less(void **state)
{
    (void)state;
    assert_true(schedule_delay_ms(1, SCHEDULE_WHOLE_MS, 10 * HOUR) >= 10 * HOUR);
    assert_true(schedule_delay_ms(9, SCHEDULE_WHOLE_MS, 1000) >= 8 * HOUR);
    assert_true(schedule_delay_ms(1, SCHEDULE_WHOLE_MS, 400 * DAY) <= DAY * 6 / 5 + 1);
    assert_true(schedule_delay_ms(1, SCHEDULE_WHOLE_MS, INT64_MAX) <= DAY * 6 / 5 + 1);
    assert_true(schedule_delay_ms(1, SCHEDULE_WHOLE_MS, -5) >= 5000);
}

static void another_whole_changes_every_step(void **state)
{
    (void)state;
    assert_in_range(schedule_length_ms(3000), 2800, 3000);
    assert_in_range(schedule_length_ms(30 * DAY), 28 * DAY, 30 * DAY);
    assert_in_range(schedule_delay_ms(16, 30 * DAY, 0), 80 * HOUR, 96 * HOUR + 1);
    assert_in_range(schedule_delay_ms(1, 1000, 0), 0, 1);
}

static void an_endpoint_that_takes_nothing_is_asked_less_and_less(void **state)
{
    (void)state;
    assert_int_equal(schedule_hold_ms(1, SCHEDULE_WHOLE_MS, 0), 1000);
    assert_int_equal(schedule_hold_ms(2, SCHEDULE_WHOLE_MS, 0), 2000);
    assert_int_equal(schedule_hold_ms(6, SCHEDULE_WHOLE_MS, 0), 32000);
    assert_int_equal(schedule_hold_ms(7, SCHEDULE_WHOLE_MS, 0), 60000);
    assert_int_equal(schedule_hold_ms(1000000, SCHEDULE_WHOLE_MS, 0), 60000);
    assert_int_equal(schedule_hold_ms(1, SCHEDULE_WHOLE_MS, 90000), 90000);
    assert_int_equal(schedule_hold_ms(1, SCHEDULE_WHOLE_MS, 2 * HOUR), HOUR);
    assert_true(schedule_hold_ms(50, 1700, 0) <= 100);
}

/* ---- targets ---- */

static void assert_refused(const char *url, const char *allowed, const char *words)
{
    if (!target_check(url, allowed)) fail_msg("%s is accepted", url);
    if (!strstr(err_detail(), words)) fail_msg("%s: %s", url, err_detail());
}

static void only_public_https_addresses_are_targets(void **state)
{
    (void)state;
    assert_int_equal(target_check("https://example.com", NULL), E_OK);
    assert_int_equal(target_check("https://example.com:8443/a/b?c=d&e=%20f", NULL), E_OK);
    assert_int_equal(target_check("https://93.184.216.34/", NULL), E_OK);
    assert_refused("http://example.com/", NULL, "https://");
    assert_refused("https://example.com/#top", NULL, "fragment");
    assert_refused("https://example.com/?a=b#top", NULL, "fragment");
    assert_refused("https://u:p@example.com/", NULL, "user name");
    assert_refused("https://example.com:22/", NULL, "port");
    assert_refused("https://example.com/?a=b c", NULL, "percent-encoded");
    assert_refused("https://example.com/?a=\xc3\xa9", NULL, "percent-encoded");
    assert_refused("https://localhost/", NULL, "this machine");
    assert_refused("https://127.0.0.1/", NULL, "not public");
    assert_refused("https://[::1]:8443/", NULL, "not public");
    assert_refused("https://[::ffff:192.168.0.1]/", NULL, "not public");
    assert_refused("https://0x7f000001/", NULL, "address");
    assert_refused("https://2130706433/", NULL, "address");
}

static void allowed_networks_are_targets_and_http_only_there(void **state)
{
    (void)state;
    static const char allowed[] = "10.1.0.0/16, ::1";
    assert_int_equal(target_check("http://10.1.2.3:8080/hook", allowed), E_OK);
    assert_int_equal(target_check("https://10.1.2.3/hook", allowed), E_OK);
    assert_int_equal(target_check("http://[::1]:9000/", allowed), E_OK);
    assert_int_equal(target_check("http://receiver.internal/", allowed), E_OK);
    assert_refused("https://10.2.0.1/", allowed, "not public");
    assert_refused("http://93.184.216.34/", allowed, "not public");
    struct sockaddr_storage inside, outside, other;
    assert_true(address_parse("10.1.2.3", &inside));
    assert_true(address_parse("93.184.216.34", &outside));
    assert_true(address_parse("10.2.0.1", &other));
    const struct sockaddr *peer = (const struct sockaddr *)&inside;
    assert_true(target_may_connect("http://receiver.internal/", allowed, peer));
    assert_false(target_may_connect("http://receiver.internal/", NULL, peer));
    assert_false(target_may_connect("https://receiver.internal/", NULL, peer));
    peer = (const struct sockaddr *)&outside;
    assert_true(target_may_connect("https://example.com/", allowed, peer));
    assert_true(target_may_connect("HTTPS://example.com/", NULL, peer));
    assert_false(target_may_connect("http://example.com/", allowed, peer));
    assert_false(
        target_may_connect("https://example.com/", allowed, (const struct sockaddr *)&other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signature_is_that_of_the_standard),
        cmocka_unit_test(what_we_sign_our_own_check_accepts),
        cmocka_unit_test(the_tries_take_about_three_days),
        cmocka_unit_test(what_failed_together_does_not_come_back_together),
        cmocka_unit_test(the_receiver_may_ask_for_more_time_but_not_for_less),
        cmocka_unit_test(another_whole_changes_every_step),
        cmocka_unit_test(an_endpoint_that_takes_nothing_is_asked_less_and_less),
        cmocka_unit_test(only_public_https_addresses_are_targets),
        cmocka_unit_test(allowed_networks_are_targets_and_http_only_there),
    };
    return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}
