/* The text that people will read. */
#include "agent/message_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#define RUN    "br_01K8ZZZZZZZZZZZZZZZZZZZZZZ"
#define OTHER  "br_01K7AAAAAAAAAAAAAAAAAAAAAA"
#define MARKER "\n_Briefing " RUN "_"
#define ZWSP   "\xE2\x80\x8B"

static void assert_becomes(const char *text, size_t len, const char *expected)
{
    AUTO(str_done) struct str out = {0};
    if (message_text_make(text, len, RUN, &out)) fail_msg("\"%s\": %s", text, err_detail());
    AUTO(str_done) struct str whole = {0};
    str_append_format(&whole, "%s" MARKER, expected);
    assert_string_equal(str_text(&out), str_text(&whole));
}

static void ordinary_text_stays_as_it_is_and_is_marked(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "*Editorial Briefing* Monday, 2026-11-23\n\xE2\x80\xA2 page: About us \xE2\x80\x93 _2 h "
        "ago_",
        "> quoted\n\tindented & kept",
        "<https://example.org/?a=1|a link> and <mailto:a@example.org> and <#C0123|general>",
        "write to anna@example.org, not to @heretic",
        "br_ and br_homepage and br_news2026 are the ids of documents",
        "\xD0\x91\xD1\x80\xD0\xB8\xD1\x84\xD0\xB8\xD0\xBD\xD0\xB3 \xF0\x9F\x93\xB0",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_becomes(texts[i], strlen(texts[i]), texts[i]);
}

static void nobody_is_called(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"<!channel> hi",          "&lt;!channel> hi"         },
        {"<!here|x>",              "&lt;!here|x>"             },
        {"<@U012ABC>",             "&lt;@U012ABC>"            },
        {"<!subteam^S1|@ed>",      "&lt;!subteam^S1|@ed>"     },
        {"< !channel>",            "&lt; !channel>"           },
        {"<" ZWSP "!channel>",     "&lt;" ZWSP "!channel>"    },
        {"1 < 2",                  "1 &lt; 2"                 },
        {"<",                      "&lt;"                     },
        {"@channel: news",         "@" ZWSP "channel: news"   },
        {"(@HERE)",                "(@" ZWSP "HERE)"          },
        {"@everyone",              "@" ZWSP "everyone"        },
        {"x@channel",              "x@" ZWSP "channel"        },
        {"<HTTPS://x>",            "&lt;HTTPS://x>"           },
        {"<https://x|<!channel>>", "<https://x|&lt;!channel>>"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_becomes(rows[i].text, strlen(rows[i].text), rows[i].expected);
}

static void what_is_taken_out_leaves_no_mention_behind(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"a <\x01!channel>",                                                        "a &lt;!channel>"                 },
        {"a <\x7f@U1>",                                                             "a &lt;@U1>"                      },
        {"a @\x02"
         "channel",                                                        "a @" ZWSP "channel"              },
        {"a @chan\rnel",                                                            "a @" ZWSP "channel"              },
        {"a <" OTHER "!channel>",                                                   "a &lt;!channel>"                 },
        {"a @" OTHER "\x03"
         " here",                                                          "a @ here"                        },
        {"a br_\x04"
         "01K7AAAAAAAAAAAAAAAAAAAAAA b",                                   "a  b"                            },
        {"a br_" OTHER "-01K7AAAAAAAAAAAAAAAAAAAAAA",                               "a br_-01K7AAAAAAAAAAAAAAAAAAAAAA"},
        {"a br" OTHER "_01K7BBBBBBBBBBBBBBBBBBBBBB b",                              "a  b"                            },
        {"a brBR" OTHER "_01K7BBBBBBBBBBBBBBBBBBBBBB_01K7CCCCCCCCCCCCCCCCCCCCCC b", "a  b"                            },
        {"a br" OTHER "_short b",                                                   "a br_short b"                    },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_becomes(rows[i].text, strlen(rows[i].text), rows[i].expected);
}

static void markers_and_their_look_alikes_go(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } rows[] = {
        {"News\n_Briefing " OTHER "_",        "News"                   },
        {"News\n_Briefing " RUN "_\nmore",    "News\n\nmore"           },
        {"News\nbriefing: " OTHER "\n\n",     "News"                   },
        {"see " OTHER " for more",            "see  for more"          },
        {"BR_01k7aaaaaaaaaaaaaaaaaaaaaa yes", "yes"                    },
        {"zebr_01K7AAAAAAAAAAAAAAAAAAAAAA!",  "ze!"                    },
        {"\xC3\x89t\xC3\xA9 " OTHER,          "\xC3\x89t\xC3\xA9"      },
        {"a\n\xD0\xB4\xD0\xB0 " OTHER "\nb",  "a\n\xD0\xB4\xD0\xB0 \nb"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_becomes(rows[i].text, strlen(rows[i].text), rows[i].expected);
}

static void broken_bytes_are_repaired(void **state)
{
    (void)state;
    assert_becomes("a\0b", 3,
                   "a\xEF\xBF\xBD"
                   "b");
    assert_becomes("a\xFF<!here>", 9, "a\xEF\xBF\xBD&lt;!here>");
    assert_becomes("cut \xE2\x80", 6, "cut \xEF\xBF\xBD");
    assert_becomes("two\r\nlines", 10, "two\nlines");
}

static void a_text_without_anything_to_read_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " \n\t ", "_Briefing " OTHER "_", "\x01\x02", OTHER};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(str_done) struct str out = {0};
        assert_int_equal(message_text_make(texts[i], strlen(texts[i]), RUN, &out), E_INVALID);
    }
    AUTO(str_done) struct str small = STR_LIMIT(40);
    assert_int_equal(message_text_make("0123456789", 10, RUN, &small), E_INVALID);
}

static bool has_word(const char *text, const char *word)
{
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word)) {
        if (!isalnum((unsigned char)at[strlen(word)])) return true;
    }
    return false;
}

/* Whatever comes in: one marker, ours, at the end, and no command of the provider. */
static void no_mixture_of_pieces_gets_through(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "<",    "!",  "@", "channel",    "here", ">",           OTHER, "br_",
        "\x01", "\n", " ", "_Briefing ", "x",    "<https://a|", ZWSP,  "\xFF"};
    uint64_t seed = 88172645463325252ULL;
    for (int round = 0; round < 20000; round++) {
        AUTO(str_done) struct str text = {0};
        for (int i = 0; i < 9; i++) {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            str_append_text(&text, pieces[seed % ARRAY_LEN(pieces)]);
        }
        AUTO(str_done) struct str out = {0};
        if (message_text_make(str_text(&text), text.len, RUN, &out)) continue;
        const char *made = str_text(&out);
        bool is_safe = !strstr(made, "<!") && !strstr(made, "<@") && !has_word(made, "@channel") &&
                       !has_word(made, "@here") && !strstr(made, OTHER) &&
                       text_ends(made, MARKER) && strstr(made, RUN) == strstr(made, MARKER) + 11;
        if (!is_safe) fail_msg("\"%s\" became \"%s\"", str_text(&text), made);
    }
}

static void the_length_counts_as_slack_counts(void **state)
{
    (void)state;
    assert_int_equal(message_text_length("", 0), 0);
    assert_int_equal(message_text_length("abc", 3), 3);
    assert_int_equal(message_text_length("\xC3\xA9\xE2\x82\xAC", 5), 2);
    assert_int_equal(message_text_length("\xF0\x9F\x93\xB0!", 5), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_text_stays_as_it_is_and_is_marked),
        cmocka_unit_test(nobody_is_called),
        cmocka_unit_test(what_is_taken_out_leaves_no_mention_behind),
        cmocka_unit_test(markers_and_their_look_alikes_go),
        cmocka_unit_test(broken_bytes_are_repaired),
        cmocka_unit_test(a_text_without_anything_to_read_is_refused),
        cmocka_unit_test(no_mixture_of_pieces_gets_through),
        cmocka_unit_test(the_length_counts_as_slack_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
