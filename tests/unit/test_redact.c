/* What looks like a credential does not get into a line. */
#include "base/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void assert_redacted(const char *text, const char *wanted)
{
    AUTO(str_done) struct str out = {0};
    redact(&out, text, strlen(text));
    assert_string_equal(str_text(&out), wanted);
}

static void credentials_lose_all_but_their_kind(void **state)
{
    (void)state;
    assert_redacted("bk_0123456789abcdefghij", "bk_[redacted]");
    assert_redacted("key sk-ant-api03-Ab_c-d.", "key sk-ant-[redacted]");
    assert_redacted("(whsec_MfKQ9r8GKYqrTwjU)", "(whsec_[redacted])");
    assert_redacted("authorization: bearer tok.en-12 x", "authorization: bearer [redacted] x");
    assert_redacted("\"eyJhbGciOiJSUzI1NiIsInR5cCI6.abc\"", "\"eyJ[redacted]\"");
    assert_redacted("client_id=a&client_secret=s%26cret&x=1",
                    "client_id=a&client_secret=[redacted]&x=1");
    assert_redacted("https://bob:pass@db.example/x", "https://bob:[redacted]@db.example/x");
}

static void everything_else_stays(void **state)
{
    (void)state;
    static const char *const plain[] = {
        "",
        "briefing br_01KAR8Q4 was accepted",
        "bk_short",
        "the bearer of news",
        "desk_ant task-anthem",
        "http://127.0.0.1:8080/b/x@y",
        "https://editor@example.com/ without a password",
        "a // b: c@d",
        "eyJ is how a token begins",
        "Oslo \xC3\xB8 \xE2\x82\xAC",
    };
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        assert_redacted(plain[i], plain[i]);
}

static void bytes_of_any_kind_do_no_harm(void **state)
{
    (void)state;
    static const char bytes[] = "Bearer \0\xFF//:@bk_";
    AUTO(str_done) struct str out = {0};
    for (size_t len = 0; len < sizeof bytes; len++) {
        str_clear(&out);
        redact(&out, bytes, len);
        assert_true(out.len >= len / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_lose_all_but_their_kind),
        cmocka_unit_test(everything_else_stays),
        cmocka_unit_test(bytes_of_any_kind_do_no_harm),
    };
    return cmocka_run_group_tests_name("base/redact", tests, NULL, NULL);
}
