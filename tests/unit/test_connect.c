/* Links, return addresses, tickets, states, addresses of proxies, webhooks' signatures, HTML. */
#include "base/address.h"
#include "base/crypt.h"
#include "connect/flow.h"
#include "connect/hook.h"
#include "connect/ticket.h"
#include "web/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define ENV "https://env.scalekit.com"

static void a_link_leads_to_scalekit_or_a_named_host(void **state)
{
    (void)state;
    assert_true(flow_link_is_allowed(ENV "/magicLink/x?y=1#z", ENV, NULL));
    assert_true(flow_link_is_allowed("https://ENV.scalekit.com/x", ENV, NULL));
    assert_true(flow_link_is_allowed("https://env.scalekit.com:443/x", ENV, NULL));
    assert_true(flow_link_is_allowed("https://auth.example/x", ENV, "a.example, AUTH.example"));
    assert_true(flow_link_is_allowed("http://localhost:9/x", "http://localhost:9", NULL));
}

static void a_link_that_leads_elsewhere_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"https://evil.example/x",
                                        "https://env.scalekit.com.evil.example/",
                                        "https://evil.example/https://env.scalekit.com/",
                                        "https://env.scalekit.com@evil.example/",
                                        "https://evil.example\\@env.scalekit.com/",
                                        "https://evil.example#@env.scalekit.com/",
                                        "https://evil.example?@env.scalekit.com/",
                                        "https://env.scalekit.com:8443/",
                                        "http://env.scalekit.com/",
                                        "javascript://env.scalekit.com/%0aalert(1)",
                                        "//env.scalekit.com/",
                                        "https://env.scalekit.com/\r\nX: y",
                                        "https://env.scalekit.com/ x",
                                        "https:env.scalekit.com",
                                        "http://localhost:10/x",
                                        ""};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (flow_link_is_allowed(wrong[i], ENV, "auth.example")) fail_msg("allowed: %s", wrong[i]);
}

static void a_path_of_ours_stays_on_this_host(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "//evil.example", "/\\evil.example", "\\evil",   "evil", "", "/a\tb", "/a b",
        "/\"x",           "https://x",       "/<script>"};
    assert_true(is_own_path("/"));
    assert_true(is_own_path("/b/br_1?x=y#z"));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (is_own_path(wrong[i])) fail_msg("allowed: %s", wrong[i]);
}

static void a_host_may_lead_back_to_its_own_origins_alone(void **state)
{
    (void)state;
    static const char origins[] = "https://app.example, http://localhost:3000";
    assert_true(is_return_address(origins, "https://app.example/done?x=1"));
    assert_true(is_return_address(origins, "https://app.example"));
    assert_true(is_return_address(origins, "http://localhost:3000/x"));
    assert_true(is_return_address(NULL, "/done"));
    assert_false(is_return_address(NULL, "https://app.example/"));
    assert_false(is_return_address(origins, "https://app.example.evil.example/"));
    assert_false(is_return_address(origins, "https://app.example@evil.example/"));
    assert_false(is_return_address(origins, "http://app.example/"));
    assert_false(is_return_address(origins, "https://app.example:8443/"));
    assert_false(is_return_address(origins, "//app.example/"));
    assert_false(is_return_address(origins, "javascript:alert(1)//https://app.example"));
}

static void a_state_begins_with_the_id_of_its_flow(void **state)
{
    (void)state;
    char id[ID_MAX];
    char made[ID_MAX];
    char text[600];
    id_new("of", made);
    snprintf(text, sizeof(text), "%s.abc", made);
    assert_true(flow_state_id(text, id));
    assert_string_equal(id, made);
    snprintf(text, sizeof(text), "%s.%0550d", made, 0);
    assert_false(flow_state_id(text, id));
    assert_false(flow_state_id(made, id));
    assert_false(flow_state_id(".abc", id));
    assert_false(flow_state_id("br_01ARZ3NDEKTSV4RRFFQ69G5FAV.abc", id));
}

static void a_ticket_has_forty_three_plain_characters(void **state)
{
    (void)state;
    unsigned char hash[SHA256_LEN];
    AUTO(xfree_ptr) char *made = token_new(SHA256_LEN);
    assert_true(ticket_hash(made, hash));
    made[0] = '/';
    assert_false(ticket_hash(made, hash));
    made[0] = '\0';
    assert_false(ticket_hash(made, hash));
    assert_false(ticket_hash(made + 2, hash));
}

static bool is_among(const char *list, const char *address)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
        return address_is_among(list, (struct sockaddr *)(void *)&v4);
    assert_int_equal(inet_pton(AF_INET6, address, &v6.sin6_addr), 1);
    return address_is_among(list, (struct sockaddr *)(void *)&v6);
}

static void an_address_is_found_in_a_list_of_networks(void **state)
{
    (void)state;
    static const char list[] = "127.0.0.1, 10.1.0.0/16,fd00::/8";
    assert_true(is_among(list, "127.0.0.1"));
    assert_true(is_among(list, "::ffff:127.0.0.1"));
    assert_true(is_among(list, "10.1.255.3"));
    assert_true(is_among(list, "fd12::1"));
    assert_false(is_among(list, "127.0.0.2"));
    assert_false(is_among(list, "10.2.0.1"));
    assert_false(is_among(list, "fe80::1"));
    assert_false(is_among(list, "::1"));
    assert_false(is_among(NULL, "127.0.0.1"));
}

static void a_list_that_holds_everybody_or_nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const everybody[] = {"0.0.0.0/0", "10.0.0.1, ::/0", "::ffff:0.0.0.0/96"};
    static const char *const nonsense[] = {"",           ", ",     "localhost", "10.0.0.1/33",
                                           "::1/129",    "10.0.0", "10.0.0.1/", "10.0.0.1/x",
                                           "10.0.0.1/-1"};
    for (size_t i = 0; i < ARRAY_LEN(everybody); i++)
        assert_int_equal(address_list_check(everybody[i]), E_DENIED);
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++)
        assert_int_equal(address_list_check(nonsense[i]), E_INVALID);
    assert_int_equal(address_list_check("127.0.0.1 ::1"), E_OK);
}

/* ---- webhooks ---- */

#define SECRET "whsec_c2NhbGVraXQtdHJpZ2dlci10ZXN0LXNlY3JldC0zMmI="
#define NOW_MS INT64_C(1800000000000)

static void sign(const char *id, const char *timestamp, const char *body, struct str *out)
{
    static const char key[] = "scalekit-trigger-test-secret-32b";
    unsigned char mac[SHA256_LEN];
    AUTO(str_done) struct str text = {0};
    str_append_format(&text, "%s.%s.%s", id, timestamp, body);
    hmac_sha256(key, strlen(key), text.data, text.len, mac);
    str_append_text(out, "v1,");
    base64_encode(out, mac, sizeof(mac));
}

static enum err check(const char *id, const char *timestamp, const char *signature)
{
    struct hook hook = {
        .id = id, .timestamp = timestamp, .signature = signature, .body = "{}", .len = 2};
    return hook_check(SECRET, &hook, NOW_MS);
}

static void a_webhook_is_accepted_when_any_of_its_signatures_fits(void **state)
{
    (void)state;
    AUTO(str_done) struct str one = {0};
    AUTO(str_done) struct str several = {0};
    sign("msg_1", "1800000000", "{}", &one);
    str_append_format(&several, "v1,AAAA v2,%s  %s", str_text(&one) + 3, str_text(&one));
    assert_int_equal(check("msg_1", "1800000000", str_text(&one)), E_OK);
    assert_int_equal(check("msg_1", "1800000000", str_text(&several)), E_OK);
    assert_int_equal(check("msg_2", "1800000000", str_text(&one)), E_DENIED);
    assert_int_equal(check("msg_1", "1800000001", str_text(&one)), E_DENIED);
    assert_int_equal(check("msg_1", "1800000000", str_text(&one) + 3), E_DENIED);
    assert_int_equal(check("msg_1", "1800000000", ""), E_DENIED);
    assert_int_equal(check(NULL, "1800000000", str_text(&one)), E_DENIED);
}

static void a_webhook_counts_for_five_minutes(void **state)
{
    (void)state;
    static const struct {
        const char *timestamp;
        enum err expected;
    } cases[] = {
        {"1799999700",           E_OK    },
        {"1799999699",           E_DENIED},
        {"1800000300",           E_OK    },
        {"1800000301",           E_DENIED},
        {"-1800000000",          E_DENIED},
        {"1800000000x",          E_DENIED},
        {"",                     E_DENIED},
        {"99999999999999999999", E_DENIED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO(str_done) struct str signature = {0};
        sign("msg_1", cases[i].timestamp, "{}", &signature);
        assert_int_equal(check("msg_1", cases[i].timestamp, str_text(&signature)),
                         cases[i].expected);
    }
}

static void a_webhook_may_name_the_longest_connection(void **state)
{
    (void)state;
    char name[401];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    AUTO(str_done) struct str body = {0};
    str_append_format(&body, "{\"data\":{\"identifier\":\"u1\",\"connection_name\":\"%s\"}}", name);
    AUTO(hook_event_done) struct hook_event event = {0};
    assert_int_equal(hook_read(str_text(&body), body.len, &event), E_OK);
    assert_string_equal(event.connection_name, name);
}

/* ---- HTML ---- */

static void nothing_from_outside_becomes_markup(void **state)
{
    (void)state;
    AUTO(str_done) struct str html = {0};
    html_open(&html, "p", "title", "\"><b>'&", "class", NULL, "hidden", HTML_FLAG, NULL);
    html_text(&html, "<script>&amp;\xff");
    html_close(&html, "p");
    assert_string_equal(str_text(&html), "<p title=\"&quot;&gt;&lt;b&gt;&#39;&amp;\" hidden>"
                                         "&lt;script&gt;&amp;amp;\xef\xbf\xbd</p>\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_leads_to_scalekit_or_a_named_host),
        cmocka_unit_test(a_link_that_leads_elsewhere_is_refused),
        cmocka_unit_test(a_path_of_ours_stays_on_this_host),
        cmocka_unit_test(a_host_may_lead_back_to_its_own_origins_alone),
        cmocka_unit_test(a_state_begins_with_the_id_of_its_flow),
        cmocka_unit_test(a_ticket_has_forty_three_plain_characters),
        cmocka_unit_test(an_address_is_found_in_a_list_of_networks),
        cmocka_unit_test(a_list_that_holds_everybody_or_nonsense_is_refused),
        cmocka_unit_test(a_webhook_is_accepted_when_any_of_its_signatures_fits),
        cmocka_unit_test(a_webhook_counts_for_five_minutes),
        cmocka_unit_test(a_webhook_may_name_the_longest_connection),
        cmocka_unit_test(nothing_from_outside_becomes_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
