/* URLs, forms and cookies from strangers. */
#include "base/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static void urls_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct url url;
    } rows[] = {
        {"http://localhost",                    {false, "localhost", 80, ""}            },
        {"https://api.anthropic.com/",          {true, "api.anthropic.com", 443, ""}    },
        {"HTTPS://Env.ScaleKit.COM:8443/A/b//", {true, "env.scalekit.com", 8443, "/A/b"}},
        {"http://127.0.0.1:65535/x%2Fy",        {false, "127.0.0.1", 65535, "/x%2Fy"}   },
        {"http://[::1]:1",                      {false, "[::1]", 1, ""}                 },
        {"https://[2001:DB8::A]/p",             {true, "[2001:db8::a]", 443, "/p"}      },
        {"http://a_b-c.d/@:;=",                 {false, "a_b-c.d", 80, "/@:;="}         },
        {"http://1.example:080/",               {false, "1.example", 80, ""}            },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct url url;
        if (url_parse(rows[i].text, &url) != E_OK) fail_msg("%s: %s", rows[i].text, err_detail());
        assert_int_equal(url.is_https, rows[i].url.is_https);
        assert_string_equal(url.host, rows[i].url.host);
        assert_int_equal(url.port, rows[i].url.port);
        assert_string_equal(url.path, rows[i].url.path);
    }
}

static const char *const odd_urls[] = {
    "",
    "localhost",
    "ftp://localhost",
    "javascript:alert(1)",
    "//localhost",
    "http:/localhost",
    "http://",
    "http:///path",
    "http://:80",
    "http://user@localhost",
    "http://user:secret@localhost/",
    "http://good.example:80@evil.example/",
    "http://a b",
    "http://a\tb",
    "http://a\\b",
    "http://a\nb",
    "http://\xC3\xB8.example",
    "http://a%2Eb",
    "http://.a",
    "http://a.",
    "http://a..b",
    "http://localhost:",
    "http://localhost:0",
    "http://localhost:65536",
    "http://localhost:80a",
    "http://localhost:-1",
    "http://localhost:+80",
    "http://localhost:000000080",
    "http://localhost?x=1",
    "http://localhost/?x=1",
    "http://localhost/#x",
    "http://localhost#x",
    "http://localhost/a b",
    "http://localhost/a\"b",
    "http://localhost/%",
    "http://localhost/%2",
    "http://localhost/%GG",
    "http://localhost/..",
    "http://localhost/a/../b",
    "http://localhost/./a",
    "http://[::1",
    "http://[]",
    "http://[]]",
    "http://[::1]x",
    "http://[::1%25eth0]",
    "http://[1.2.3.4]",
    "http://127.1",
    "http://0x7f000001",
    "http://2130706433",
    "http://127.0.0.256",
    "http://0177.0.0.1",
    "http://1.2.3.4.5",
    " http://localhost",
};

static void odd_urls_are_refused_with_a_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd_urls); i++) {
        struct url url = {.port = 4711};
        if (url_parse(odd_urls[i], &url) != E_INVALID) fail_msg("accepted: %s", odd_urls[i]);
        assert_true(strlen(err_detail()) > 10);
        assert_null(strstr(err_detail(), "secret"));
        assert_int_equal(url.port, 4711);
    }
}

static void long_urls_are_refused(void **state)
{
    (void)state;
    struct url url;
    AUTO(str_done) struct str text = {0};
    str_append_text(&text, "http://");
    for (int i = 0; i < 255; i++)
        str_append_char(&text, 'a');
    assert_int_equal(url_parse(text.data, &url), E_OK);
    assert_int_equal(strlen(url.host), 255);
    str_append_char(&text, 'a');
    assert_int_equal(url_parse(text.data, &url), E_INVALID);

    str_clear(&text);
    str_append_text(&text, "http://a/");
    for (int i = 0; i < 1022; i++)
        str_append_char(&text, 'p');
    assert_int_equal(url_parse(text.data, &url), E_OK);
    assert_int_equal(strlen(url.path), 1023);
    str_append_char(&text, 'p');
    assert_int_equal(url_parse(text.data, &url), E_INVALID);
}

static void loopback_is_only_this_machine(void **state)
{
    (void)state;
    static const char *const yes[] = {"localhost",       "LOCALHOST", "127.0.0.1",
                                      "127.255.255.254", "[::1]",     "[0:0:0:0:0:0:0:1]"};
    static const char *const no[] = {"",
                                     "localhost.evil.example",
                                     "127.0.0.1.evil.example",
                                     "128.0.0.1",
                                     "0.0.0.0",
                                     "127.1",
                                     "[::2]",
                                     "[::]",
                                     "::1",
                                     "[::1",
                                     "10.127.0.0",
                                     "[::ffff:127.0.0.1]"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        assert_true(host_is_loopback(yes[i]));
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        if (host_is_loopback(no[i])) fail_msg("taken for loopback: %s", no[i]);
}

/* ---- percent-encoding ---- */

static void everything_but_unreserved_is_encoded(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    percent_encode(&out, "Az09-._~", 8);
    assert_string_equal(str_text(&out), "Az09-._~");
    str_clear(&out);
    percent_encode(&out, "a b+c/d?e=f&g%h@\xC3\xB8\0", 19);
    assert_string_equal(str_text(&out), "a%20b%2Bc%2Fd%3Fe%3Df%26g%25h%40%C3%B8%00");
}

static void any_text_survives_both_directions(void **state)
{
    (void)state;
    for (uint32_t byte = 1; byte < 0x80; byte++) {
        char text[3] = {'a', (char)byte, 'z'};
        AUTO(str_done) struct str encoded = {0};
        AUTO(str_done) struct str back = {0};
        percent_encode(&encoded, text, sizeof text);
        assert_int_equal(percent_decode(&back, encoded.data, encoded.len, byte % 2), E_OK);
        assert_int_equal(back.len, 3);
        assert_memory_equal(back.data, text, 3);
    }
}

static void escapes_are_read_strictly(void **state)
{
    (void)state;
    AUTO(str_done) struct str out = {0};
    str_append_text(&out, "kept ");
    static const char *const bad[] = {"%",   "%2",  "%2G",  "%G2",    "a%",  "%00",
                                      "%FF", "%C3", "\xFF", "%C3%28", "% 2", "%-1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (percent_decode(&out, bad[i], strlen(bad[i]), false) != E_INVALID)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(percent_decode(&out, "a\0b", 3, false), E_INVALID);
    assert_int_equal(percent_decode(&out, "%41", 2, false), E_INVALID);
    assert_string_equal(str_text(&out), "kept ");
    assert_int_equal(percent_decode(&out, "a+b%2B%c3%B8", 12, true), E_OK);
    assert_string_equal(str_text(&out), "kept a b+\xC3\xB8");
    str_clear(&out);
    assert_int_equal(percent_decode(&out, "a+b", 3, false), E_OK);
    assert_string_equal(str_text(&out), "a+b");
}

/* ---- forms and cookies ---- */

/* "name=value;" for each pair. */
static void assert_pairs(const struct url_pairs *pairs, const char *wanted)
{
    AUTO(str_done) struct str text = {0};
    for (size_t i = 0; i < pairs->n; i++)
        str_append_format(&text, "%s=%s;", pairs->items[i].name, pairs->items[i].value);
    assert_string_equal(str_text(&text), wanted);
}

static void forms_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pairs;
    } rows[] = {
        {"",                     ""                           },
        {"a=1",                  "a=1;"                       },
        {"a=1&b=2&a=3",          "a=1;b=2;a=3;"               },
        {"a",                    "a=;"                        },
        {"a=",                   "a=;"                        },
        {"=1",                   "=1;"                        },
        {"=",                    "=;"                         },
        {"&&a=1&&",              "a=1;"                       },
        {"a=b=c",                "a=b=c;"                     },
        {"a+b=c%26d%3D+e",       "a b=c&d= e;"                },
        {"n%C3%A9=%F0%9F%98%80", "n\xC3\xA9=\xF0\x9F\x98\x80;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(url_pairs_done) struct url_pairs pairs = {0};
        assert_int_equal(form_parse(rows[i].text, strlen(rows[i].text), 10, &pairs), E_OK);
        assert_pairs(&pairs, rows[i].pairs);
    }
}

static void broken_and_long_forms_are_refused(void **state)
{
    (void)state;
    struct url_pairs pairs = {0};
    static const char *const bad[] = {"a=%", "%=a", "a=1&b=%zz", "a=%00", "a=\xFF", "%FF=1"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(form_parse(bad[i], strlen(bad[i]), 10, &pairs), E_INVALID);
    assert_int_equal(form_parse("a=\0&b=1", 7, 10, &pairs), E_INVALID);
    assert_int_equal(form_parse("a&b&c&d", 7, 3, &pairs), E_LIMIT);
    assert_null(pairs.items);
    assert_int_equal(form_parse("a&b&c&", 6, 3, &pairs), E_OK);
    assert_int_equal(pairs.n, 3);
    url_pairs_done(&pairs);
    url_pairs_done(&pairs);
    url_pairs_done(NULL);
}

static void cookies_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *pairs;
    } rows[] = {
        {"",                               ""                      },
        {"sid=abc",                        "sid=abc;"              },
        {"a=1; b=2;c=3 ;d = 4",            "a=1;b=2;c=3;d=4;"      },
        {"a=\"quoted\"; b=\"",             "a=quoted;"             },
        {"a=b=c; d=",                      "a=b=c;d=;"             },
        {"novalue; =x; a b=1; a=1",        "a=1;"                  },
        {"a=%41+%zz",                      "a=%41+%zz;"            },
        {"a=\x01; b=\xC3\xB8; c=\\; d=ok", "d=ok;"                 },
        {";;; ;a=1;",                      "a=1;"                  },
        {"__Host-s=x; __Host-s=y",         "__Host-s=x;__Host-s=y;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(url_pairs_done) struct url_pairs pairs = {0};
        assert_int_equal(cookie_parse(rows[i].text, 10, &pairs), E_OK);
        assert_pairs(&pairs, rows[i].pairs);
    }
    struct url_pairs pairs = {0};
    assert_int_equal(cookie_parse("a=1;b=2;c=3", 2, &pairs), E_LIMIT);
    assert_null(pairs.items);
}

static void the_first_of_a_name_is_found(void **state)
{
    (void)state;
    AUTO(url_pairs_done) struct url_pairs pairs = {0};
    assert_null(url_pairs_find(&pairs, "a"));
    assert_int_equal(form_parse("a=1&b=2&a=3", 11, 10, &pairs), E_OK);
    assert_string_equal(url_pairs_find(&pairs, "a"), "1");
    assert_string_equal(url_pairs_find(&pairs, "b"), "2");
    assert_null(url_pairs_find(&pairs, "A"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(odd_urls_are_refused_with_a_reason),
        cmocka_unit_test(long_urls_are_refused),
        cmocka_unit_test(loopback_is_only_this_machine),
        cmocka_unit_test(everything_but_unreserved_is_encoded),
        cmocka_unit_test(any_text_survives_both_directions),
        cmocka_unit_test(escapes_are_read_strictly),
        cmocka_unit_test(forms_are_taken_apart),
        cmocka_unit_test(broken_and_long_forms_are_refused),
        cmocka_unit_test(cookies_are_taken_apart),
        cmocka_unit_test(the_first_of_a_name_is_found),
    };
    return cmocka_run_group_tests_name("base/url", tests, NULL, NULL);
}
