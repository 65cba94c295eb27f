/* What `prepare` froze, read back; and what identifies our own message in a channel. */
#include "agent/frozen.h"
#include "agent/history.h"
#include "unit/frozen_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static enum err load(const char *text, size_t len, struct frozen *frozen)
{
    AUTO(str_done) struct str json = {0};
    str_append(&json, text, len);
    enum err e = frozen_load(frozen, &json);
    assert_int_equal(json.len, 0); /* taken over, also when it was not good */
    return e;
}

static void everything_that_was_frozen_comes_back(void **state)
{
    (void)state;
    AUTO(frozen_done) struct frozen f = {0};
    assert_int_equal(load(FROZEN, strlen(FROZEN), &f), E_OK);
    assert_string_equal(f.first_message, "Today: Monday");
    assert_string_equal(f.model, "claude-x");
    assert_string_equal(f.effort, "medium");
    assert_int_equal(f.max_tokens, 100);
    assert_int_equal(f.turns_max, 5);
    assert_int_equal(f.prices.output, 15);
    assert_int_equal(f.prices.max_output_tokens, 300);
    assert_int_equal(f.n_tools, 2);
    assert_string_equal(frozen_tool_find(&f, "find")->name, "sanity_find");
    assert_true(frozen_tool_find(&f, "send")->is_delivery);
    assert_null(frozen_tool_find(&f, "sanity_find")); /* the model does not know that name */
    assert_string_equal(frozen_account_find(&f, "slack")->account_id, "ca_1");
    assert_null(frozen_account_find(&f, "sanity"));
    assert_string_equal(f.channel, "C01");
    assert_string_equal(f.fixed_arguments, "{\"unfurl_links\":false}");
    assert_int_equal(f.n_authors, 2); /* what is no text identifies nobody */
    assert_string_equal(f.authors[1], "U1");
    assert_false(f.delivery_continues);
    assert_int_equal(f.system.len, strlen("\"Be \\u0062rief.\"")); /* byte by byte */
}

/* Each member in turn is missing or of another type. */
static void a_document_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    static const char *const needed[] = {
        "\"system\"",
        "\"tools\"",
        "\"tool_list\"",
        "\"first_message\"",
        "\"model\"",
        "\"user_hash\"",
        "\"date\"",
        "\"max_tokens\"",
        "\"turns_max\"",
        "\"delivery\"",
        "\"channel\"",
        "\"channel_argument\"",
        "\"text_argument\"",
        "\"account_id\"",
        "\"model_name\"",
        "\"connection_name\"",
        "\"fixed_arguments\"",
        "\"text_chars_max\"",
        "\"tool_output_bytes_max\"",
        "\"noun\"",
    };
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        if (strcmp(needed[i], "\"tool_list\"") == 0) continue; /* a run without tools is no fault */
        AUTO(str_done) struct str text = {0};
        str_append_text(&text, FROZEN);
        char *at = strstr(text.data, needed[i]);
        assert_non_null(at);
        at[1] = '#';
        AUTO(frozen_done) struct frozen f = {0};
        enum err e = load(text.data, text.len, &f);
        if (e != E_CORRUPT) fail_msg("without %s: %s", needed[i], err_name(e));
    }
}

static void a_document_that_was_cut_is_refused_everywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(FROZEN); len += 7) {
        AUTO(frozen_done) struct frozen f = {0};
        assert_int_equal(load(FROZEN, len, &f), E_CORRUPT);
    }
}

/* ---- the channel's history ---- */

static char *authors[] = {(char[]){"B1"}, (char[]){"U1"}};

static bool find(const char *messages, struct str *out_ts)
{
    struct json_span span = json_root(messages, strlen(messages));
    return history_find(span, "br_01K8", authors, ARRAY_LEN(authors), out_ts);
}

static void our_message_is_found_by_marker_and_author_even_without_a_ts(void **state)
{
    (void)state;
    static const struct {
        const char *messages;
        const char *ts; /* NULL: not found */
    } rows[] = {
        {"[{\"user\":\"U1\",\"text\":\"x _Briefing br_01K8_\",\"ts\":\"1.5\"}]",               "1.5"},
        {"[{\"user\":\"U9\",\"bot_id\":\"B1\",\"text\":\"br_01K8\",\"ts\":\"2.5\"}]",          "2.5"},
        {"[{\"user\":\"U2\",\"text\":\"br_01K8\",\"ts\":\"1\"},"
         "{\"user\":\"U1\",\"text\":\"br_01K8\",\"ts\":\"3\"}]",                      "3"  },
        {"[{\"user\":\"U1\",\"text\":\"\",\"blocks\":[{\"text\":\"br_01K8\"}],\"ts\":\"4\"}]", "4"  },
        {"[]",                                                                                 NULL },
        {"[{\"user\":\"U1\",\"text\":\"br_01K7\",\"ts\":\"1\"}]",                              NULL },
        {"[{\"user\":\"U2\",\"text\":\"br_01K8\",\"ts\":\"1\"}]",                              NULL },
        {"[{\"user\":\"U1\",\"text\":\"br_01K8\"}]",                                           ""   },
        {"[{\"user\":\"U1\",\"text\":\"br_01K8\",\"ts\":\"\"}]",                               ""   },
        {"[{\"text\":\"br_01K8\",\"ts\":\"1\"}]",                                              ""   },
        {"[{\"user\":null,\"text\":\"br_01K8\",\"ts\":\"1\"},{\"bot_id\":\"B1\",\"text\":\"br_"
         "01K8\",\"ts\":\"2\"}]",                                                     "2"  },
        {"[{\"bot_id\":\"B9\",\"text\":\"br_01K8\",\"ts\":\"1\"}]",                            NULL },
        {"[\"br_01K8 U1\", 7, null]",                                                          NULL },
        {"{\"a\":\"br_01K8\"}",                                                                NULL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str ts = {0};
        bool is_found = find(rows[i].messages, &ts);
        if (is_found != (rows[i].ts != NULL)) fail_msg("%s", rows[i].messages);
        if (is_found) assert_string_equal(str_text(&ts), rows[i].ts);
    }
}

static void an_author_of_another_kind_is_no_proof_of_another_author(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *us;
        bool is_found;
    } rows[] = {
        {"[{\"bot_id\":\"B9\",\"text\":\"br_01K8\",\"ts\":\"1\"}]",                 "U1", true },
        {"[{\"user\":\"U9\",\"text\":\"br_01K8\",\"ts\":\"1\"}]",                   "B1", true },
        {"[{\"bot_id\":\"B9\",\"user\":\"U9\",\"text\":\"br_01K8\",\"ts\":\"1\"}]", "U1", false},
        {"[{\"bot_id\":\"B9\",\"user\":\"U9\",\"text\":\"br_01K8\",\"ts\":\"1\"}]", "B1", false},
        {"[{\"user\":\"W9\",\"text\":\"br_01K8\",\"ts\":\"1\"}]",                   "U1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO(str_done) struct str ts = {0};
        char us[3];
        snprintf(us, sizeof us, "%s", rows[i].us);
        struct json_span span = json_root(rows[i].message, strlen(rows[i].message));
        bool is_found = history_find(span, "br_01K8", (char *[]){us}, 1, &ts);
        if (is_found != rows[i].is_found) fail_msg("%s", rows[i].message);
        assert_string_equal(str_text(&ts), "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_was_frozen_comes_back),
        cmocka_unit_test(a_document_that_is_not_whole_is_refused),
        cmocka_unit_test(a_document_that_was_cut_is_refused_everywhere),
        cmocka_unit_test(our_message_is_found_by_marker_and_author_even_without_a_ts),
        cmocka_unit_test(an_author_of_another_kind_is_no_proof_of_another_author),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
