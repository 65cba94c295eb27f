/*
 * The files of the catalogue: the built-in ones are right, and every kind of mistake in others is
 * named with its file and member. Each case is a good folder with one piece of one file replaced.
 *
 * Long: most of it are tables of mistakes.
 */
#include "agent/catalogue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTORS "connectors.json"
#define MODELS     "models.json"
#define RECIPE     "recipes/daily/recipe.json"
#define PROMPT     "recipes/daily/prompt.md"

static const char *const paths[] = {CONNECTORS, MODELS, RECIPE, PROMPT};

static const char *const good[] = {
    "{\"wiki\":{\"label\":\"Wiki\",\"connection_setting\":\"WIKI_CONNECTION\",\"tool_prefixes\":["
    "\"wiki_\"],"
    "\"probe\":{\"tool\":\"wiki_me\",\"identity\":[\"id\"]}},"
    "\"chat\":{\"label\":\"Chat\",\"connection_setting\":\"CHAT_CONNECTION\",\"tool_prefixes\":["
    "\"chat_\"],"
    "\"probe\":{\"tool\":\"chat_me\",\"identity\":[\"team\",\"bot\"],\"author\":[\"bot\"]},"
    "\"history_tool\":\"chat_history\"}}",

    "{\"prices_checked\":\"2026-10-08\",\"models\":{\"m-1\":{\"usd_per_million_tokens\":{\"input\":"
    "\"0.10\","
    "\"output\":\"0.50\",\"cache_read\":\"0.01\",\"cache_write_5m\":\"0.125\",\"cache_write_1h\":"
    "\"0.20\"},"
    "\"long_prompt\":{\"above_tokens\":1000,\"usd_per_million_tokens\":{\"input\":\"1\",\"output\":"
    "\"5\","
    "\"cache_read\":\"0.1\",\"cache_write_5m\":\"1.25\",\"cache_write_1h\":\"2\"}},"
    "\"max_output_tokens\":64000,\"takes_effort\":true}}}",

    "{\"title\":\"Daily\",\"description\":\"What is new.\",\"connectors\":[\"wiki\",\"chat\"],"
    "\"params\":{\"space\":{\"type\":\"string\",\"description\":\"A space.\",\"default\":\"main\","
    "\"pattern\":\"^[a-z]+$\",\"max\":9},"
    "\"days\":{\"type\":\"integer\",\"description\":\"How far "
    "back.\",\"default\":7,\"min\":1,\"max\":31},"
    "\"quiet\":{\"type\":\"boolean\",\"description\":\"No names.\",\"default\":true},"
    "\"room\":{\"type\":\"string\",\"description\":\"Where.\",\"default_setting\":\"CHAT_ROOM\","
    "\"required\":true}},"
    "\"tools\":{\"read\":[\"wiki_search\",\"wiki_get\"]},"
    "\"delivery\":{\"connector\":\"chat\",\"tool\":\"chat_post\",\"description\":\"Posts.\","
    "\"text_argument\":\"text\",\"channel_argument\":\"room\",\"channel_param\":\"room\","
    "\"channel_pattern\":\"^R[0-9]+$\",\"fixed_arguments\":{\"loud\":false},\"text_chars_max\":"
    "3000,"
    "\"after_delivery\":\"continue\"},"
    "\"first_message\":[\"Today: {today}\",\"Since: {days_ago:7} {param:space}\",\"\",\"Go.\"],"
    "\"limits\":{\"turns\":5,\"deadline_seconds\":60,\"budget_usd\":\"0.25\",\"tool_output_bytes\":"
    "2048,"
    "\"max_tokens\":2000},\"effort\":\"low\"}",

    "You write the news of the day.\n",
};

static const char *setting(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "CHAT_CONNECTION") == 0) return "chat-7Hd2";
    return strcmp(name, "CHAT_ROOM") == 0 ? "R12" : NULL;
}

static char folder[64];

static void write_file(const char *path, const char *text, size_t len)
{
    char full[256];
    snprintf(full, sizeof full, "%s/%s", folder, path);
    FILE *file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void write_good(void)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++)
        write_file(paths[i], good[i], strlen(good[i]));
}

/* The good file with the first `from` replaced. */
static void write_changed(const char *path, const char *from, const char *to)
{
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        if (strcmp(paths[i], path) != 0) continue;
        const char *at = strstr(good[i], from);
        if (!at) fail_msg("%s does not contain %s", path, from);
        AUTO(str_done) struct str text = {0};
        str_append(&text, good[i], (size_t)(at - good[i]));
        str_append_text(&text, to);
        str_append_text(&text, at + strlen(from));
        write_file(path, str_text(&text), text.len);
    }
}

static enum err load(struct catalogue **out, struct str *problems)
{
    return catalogue_load(folder, setting, NULL, out, problems);
}

static void expect_problem(const char *path, const char *from, const char *to, const char *wanted)
{
    struct catalogue *c = NULL;
    AUTO(str_done) struct str problems = {0};
    write_good();
    write_changed(path, from, to);
    enum err e = load(&c, &problems);
    if (!e) fail_msg("accepted: %s instead of %s in %s", to, from, path);
    assert_int_equal(e, E_INVALID);
    assert_null(c);
    if (!strstr(str_text(&problems), wanted))
        fail_msg("\"%s\" is not told, but: %s", wanted, str_text(&problems));
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    snprintf(folder, sizeof folder, "/tmp/briefd-catalogue-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/recipes", folder);
    if (mkdir(path, 0700) != 0) return -1;
    snprintf(path, sizeof path, "%s/recipes/daily", folder);
    return mkdir(path, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const below[] = {CONNECTORS,      MODELS,    RECIPE, PROMPT,
                                        "recipes/daily", "recipes", ""};
    char path[256];
    for (size_t i = 0; i < ARRAY_LEN(below); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, below[i]);
        remove(path);
    }
    return 0;
}

static void check_recipe(const struct recipe *recipe)
{
    assert_string_equal(recipe->title, "Daily");
    assert_string_equal(recipe->prompt, good[3]);
    assert_string_equal(recipe->first_message,
                        "Today: {today}\nSince: {days_ago:7} {param:space}\n\nGo.");
    assert_true(text_starts(recipe->hash, "sha256:"));
    assert_int_equal(recipe->n_connectors, 2);
    assert_int_equal(recipe->n_read_tools, 2);
    assert_string_equal(recipe->read_tools[1], "wiki_get");
    assert_string_equal(recipe->delivery.tool, "chat_post");
    assert_string_equal(recipe->delivery.fixed_arguments, "{\"loud\":false}");
    assert_int_equal(recipe->delivery.text_chars_max, 3000);
    assert_true(recipe->delivery.continues);
    assert_int_equal(recipe->turns_max, 5);
    assert_int_equal(recipe->deadline_ms, 60000);
    assert_int_equal(recipe->budget_nano_usd, 250000000);
    assert_int_equal(recipe->tool_output_bytes_max, 2048);
    assert_int_equal(recipe->max_tokens, 2000);
    assert_string_equal(recipe->effort, "low");
    assert_int_equal(recipe->n_params, 4);
    assert_string_equal(recipe->params[1].default_value, "7");
    assert_string_equal(recipe->params[2].default_value, "true");
    assert_string_equal(recipe->params[3].setting_value, "R12");
    assert_string_equal(recipe->params[3].pattern, "^R[0-9]+$");
    assert_int_equal(recipe->params[3].max, 200);
}

static void a_folder_is_read_as_it_stands(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    AUTO(str_done) struct str problems = {0};
    write_good();
    if (load(&c, &problems)) fail_msg("%s", str_text(&problems));
    const struct connector *chat = catalogue_connector(c, "chat");
    assert_string_equal(chat->connection_name, "chat-7Hd2");
    assert_string_equal(chat->history_tool, "chat_history");
    assert_string_equal(chat->author_members[0], "bot");
    assert_null(catalogue_connector(c, "wiki")->connection_name);
    assert_null(catalogue_connector(c, "Chat"));
    const struct model *model = catalogue_model(c, "m-1");
    assert_int_equal(model->input, 100);
    assert_int_equal(model->cache_write_5m, 125);
    assert_int_equal(model->long_prompt_tokens, 1000);
    assert_int_equal(model->long_output, 5000);
    assert_int_equal(model->max_output_tokens, 64000);
    assert_true(model->takes_effort);
    assert_string_equal(c->prices_checked, "2026-10-08");
    check_recipe(catalogue_recipe(c, "daily"));
    catalogue_release(c);
}

static void limits_have_defaults(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    AUTO(str_done) struct str problems = {0};
    write_good();
    write_changed(RECIPE,
                  ",\"limits\":{\"turns\":5,\"deadline_seconds\":60,\"budget_usd\":\"0.25\","
                  "\"tool_output_bytes\":2048,\"max_tokens\":2000},\"effort\":\"low\"",
                  "");
    if (load(&c, &problems)) fail_msg("%s", str_text(&problems));
    const struct recipe *recipe = catalogue_recipe(c, "daily");
    assert_int_equal(recipe->turns_max, 20);
    assert_int_equal(recipe->deadline_ms, 600000);
    assert_int_equal(recipe->budget_nano_usd, 500000000);
    assert_int_equal(recipe->tool_output_bytes_max, 65536);
    assert_int_equal(recipe->max_tokens, 16000);
    assert_null(recipe->effort);
    catalogue_release(c);
}

static void the_hash_changes_with_either_file(void **state)
{
    (void)state;
    char hashes[3][80];
    for (int i = 0; i < 3; i++) {
        struct catalogue *c = NULL;
        AUTO(str_done) struct str problems = {0};
        write_good();
        if (i == 1) write_changed(RECIPE, "What is new.", "What is old.");
        if (i == 2) write_changed(PROMPT, "news", "olds");
        assert_int_equal(load(&c, &problems), E_OK);
        snprintf(hashes[i], sizeof hashes[i], "%s", c->recipes[0].hash);
        catalogue_release(c);
    }
    assert_string_not_equal(hashes[0], hashes[1]);
    assert_string_not_equal(hashes[0], hashes[2]);
    assert_string_not_equal(hashes[1], hashes[2]);
}

static void mistakes_in_connectors_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *wanted;
    } rows[] = {
        {"\"label\":\"Wiki\"",    "\"lable\":\"Wiki\"",
         "connectors.json: wiki: has an unknown member \"lable\""                                                          },
        {"\"label\":\"Wiki\",",   "",                      "connectors.json: wiki.label: is missing"                       },
        {"\"Wiki\"",              "5",                     "connectors.json: wiki.label: must be a text, not a number"     },
        {"\"wiki\":{",            "\"Wi ki\":{",           "a connector's name has"                                        },
        {"\"WIKI_CONNECTION\"",   "\"wiki-connection\"",
         "wiki: connection_setting must be a variable's name"                                                              },
        {"\"WIKI_CONNECTION\"",   "\"CHAT_CONNECTION\"",   "chat: shares CHAT_CONNECTION with wiki"                        },
        {"[\"wiki_\"]",           "[]",                    "connectors.json: wiki.tool_prefixes: must have 1 to 16 entries"},
        {"[\"wiki_\"]",           "\"wiki_\"",             "wiki.tool_prefixes: must be a list of texts, not a text"       },
        {"\"wiki_me\"",           "\"me\"",                "wiki: me begins with none of tool_prefixes"                    },
        {"\"author\":[\"bot\"]",  "\"author\":[\"user\"]", "chat.probe: author names \"user\""                             },
        {",\"author\":[\"bot\"]", "",                      "chat: has a history_tool but no probe.author"                  },
        {"\"team\",\"bot\"",      "\"bot\",\"bot\"",       "chat.probe.identity: has \"bot\" more than once"               },
        {"\"chat\":{",            "\"wiki\":{",            "has \"wiki\" more than once"                                   },
        {"{\"wiki\"",             "[{\"wiki\"",            "connectors.json: "                                             },
        {"}}",                    "}},",                   "connectors.json: "                                             },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_problem(CONNECTORS, rows[i].from, rows[i].to, rows[i].wanted);
}

static void mistakes_in_models_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *wanted;
    } rows[] = {
        {"\"2026-10-08\"",                     "\"October\"", "models.json: prices_checked: must be a date"                   },
        {"\"prices_checked\":\"2026-10-08\",", "",            "models.json: prices_checked: is missing"                       },
        {"\"m-1\":",                           "\"M 1\":",    "a model's name has"                                            },
        {"\"0.10\"",                           "0.10",
         "models.m-1.usd_per_million_tokens.input: must be a decimal amount as text"                                          },
        {"\"0.10\"",                           "\"-1\"",      "usd_per_million_tokens.input: must be a decimal amount"        },
        {"\"0.10\"",                           "\"0.0001\"",
         "usd_per_million_tokens.input: must be at most 1000 and a multiple of 0.001"                                         },
        {"\"output\":\"0.50\",",               "",            "models.m-1.usd_per_million_tokens.output: is missing"          },
        {"\"above_tokens\":1000,",             "",            "models.m-1.long_prompt.above_tokens: is missing"               },
        {"64000",                              "0",           "models.m-1.max_output_tokens: must be a whole number from 1 to"},
        {"64000",                              "6.5",         "models.m-1.max_output_tokens: must be a whole number"          },
        {"true",                               "\"yes\"",     "models.m-1.takes_effort: must be true or false"                },
        {",\"takes_effort\":true",             "",            "models.m-1.takes_effort: is missing"                           },
        {"\"models\"",                         "\"model\"",   "models.json: has an unknown member \"model\""                  },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_problem(MODELS, rows[i].from, rows[i].to, rows[i].wanted);
}

struct recipe_row {
    const char *from, *to, *wanted;
};

static void expect_recipe_problems(const struct recipe_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect_problem(RECIPE, rows[i].from, rows[i].to, rows[i].wanted);
}

static void mistakes_in_recipes_are_named(void **state)
{
    (void)state;
    static const struct recipe_row rows[] = {
        {"\"title\"",            "\"titel\"",              "recipes/daily/recipe.json: has an unknown member \"titel\"" },
        {"\"title\":\"Daily\",", "",                       "recipe.json: title: is missing"                             },
        {"\"wiki\",\"chat\"",    "\"wiki\",\"mail\"",      "connectors: there is no connector \"mail\""                 },
        {"[\"wiki\",\"chat\"]",  "[]",                     "connectors: must have 1 to 16 entries, not 0"               },
        {"\"wiki_search\"",      "\"mail_search\"",        "tools.read: mail_search belongs to none"                    },
        {"\"wiki_search\"",      "\"wiki_get\"",           "tools.read: has \"wiki_get\" more than once"                },
        {"\"wiki_search\"",      "\"chat_post\"",          "delivery: chat_post is also in tools.read"                  },
        {"{\"read\"",            "{\"write\":[],\"read\"", "tools: has an unknown member \"write\""                     },
        {"\"turns\":5",          "\"turns\":0",            "limits.turns: must be a whole number from 1 to 100"         },
        {"\"turns\":5",          "\"turns\":\"5\"",        "limits.turns: must be a whole number"                       },
        {"\"turns\":5",          "\"turn\":5",             "limits: has an unknown member \"turn\""                     },
        {"\"0.25\"",             "\"a lot\"",              "limits.budget_usd: must be a decimal amount"                },
        {"\"low\"",              "\"lots\"",               "effort: must be low, medium"                                },
        {"{days_ago:7}",         "{days_ago:x}",           "first_message: \"{days_ago:x}"                              },
        {"{param:space}",        "{param:spaces}",         "first_message: \"{param:spaces}"                            },
        {"{today}",              "{tomorrow}",             "first_message: \"{tomorrow}\": a placeholder is"            },
        {"\"Go.\"",              "\"a\\nb\"",              "first_message: each line must be a text without line breaks"},
        {"\"Go.\"]",             "7]",                     "first_message: each line must be a text"                    },
    };
    expect_recipe_problems(rows, ARRAY_LEN(rows));
}

static void mistakes_in_deliveries_are_named(void **state)
{
    (void)state;
    static const struct recipe_row rows[] = {
        {"\"connector\":\"chat\"",        "\"connector\":\"wiki\"",
         "delivery: chat_post is no tool of wiki"                                                                                   },
        {"\"tool\":\"chat_post\"",        "\"tool\":\"wiki_post\"",
         "delivery: wiki_post is no tool of chat"                                                                                   },
        {"\"connector\":\"chat\"",        "\"connector\":\"mail\"",        "delivery: connector must be one of"                     },
        {"\"channel_param\":\"room\"",    "\"channel_param\":\"place\"",
         "delivery: channel_param must name"                                                                                        },
        {"\"channel_param\":\"room\"",    "\"channel_param\":\"days\"",
         "delivery: channel_param must name"                                                                                        },
        {"\"^R[0-9]+$\"",                 "\"R[0-9]+\"",
         "delivery.channel_pattern: must begin with ^ and end with $"                                                               },
        {"\"^R[0-9]+$\"",                 "\"^R[0-9+$\"",                  "delivery.channel_pattern: is no POSIX extended"         },
        {"\"channel_param\":\"room\"",    "\"channel_param\":\"space\"",
         "delivery: channel_param must name"                                                                                        },
        {"\"channel_argument\":\"room\"", "\"channel_argument\":\"text\"", "are the same"                                           },
        {"{\"loud\":false}",              "{\"text\":\"hi\"}",             "delivery.fixed_arguments: must not set text"            },
        {"{\"loud\":false}",              "[]",                            "delivery.fixed_arguments: must be an object, not a list"},
        {"\"text_chars_max\":3000",       "\"text_chars_max\":1",
         "delivery.text_chars_max: must be a whole"                                                                                 },
        {"\"continue\"",                  "\"stop\"",                      "delivery: after_delivery must be end or continue"       },
        {"\"description\":\"Posts.\",",   "",                              "delivery.description: is missing"                       },
    };
    expect_recipe_problems(rows, ARRAY_LEN(rows));
}

static void mistakes_in_parameters_are_named(void **state)
{
    (void)state;
    static const struct recipe_row rows[] = {
        {"\"type\":\"integer\"", "\"type\":\"number\"",
         "params.days: type must be string, integer or boolean"                                                        },
        {"\"default\":7",        "\"default\":\"7\"",
         "params.days.default: must be of the parameter's type"                                                        },
        {"\"default\":7",        "\"default\":32",
         "params: days: the default must be a whole number from 1 to 31"                                               },
        {"\"default\":\"main\"", "\"default\":\"Main\"",
         "params: space: the default must match ^[a-z]+$"                                                              },
        {"\"default\":\"main\"", "\"default\":\"a\\u0001\"",
         "params: space: the default must not contain"                                                                 },
        {"\"max\":31",           "\"max\":0",                             "params.days: min is above max"              },
        {"\"default\":true",     "\"default\":true,\"min\":0",
         "params.quiet: a boolean has no min or max"                                                                   },
        {"\"^[a-z]+$\"",         "\"^(a+)\\\\1$\"",                       "params.space.pattern: must not refer back"  },
        {"\"^[a-z]+$\"",         "\"^((a{99}){99}){99}$\"",               "params.space.pattern: repeats too often"    },
        {"\"min\":1",            "\"pattern\":\"^1$\",\"min\":1",
         "params.days.pattern: only a string has a pattern"                                                            },
        {"\"CHAT_ROOM\"",        "\"chat room\"",
         "params.room: default_setting must be a variable's name"                                                      },
        {"\"CHAT_ROOM\"",        "\"CHAT_ROOM\",\"default\":\"R1\"",
         "params.room: has both default and default_setting"                                                           },
        {"\"required\":true",    "\"required\":1",                        "params.room.required: must be true or false"},
        {"\"required\":true",    "\"pattern\":\"^R$\",\"required\":true",
         "channel_pattern is the pattern of room"                                                                      },
        {"\"days\":{",           "\"Days\":{",                            "a parameter's name has"                     },
        {"\"days\":{",           "\"space\":{",                           "params: has \"space\" more than once"       },
    };
    expect_recipe_problems(rows, ARRAY_LEN(rows));
}

static void all_problems_are_told_at_once(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    AUTO(str_done) struct str problems = {0};
    write_good();
    write_changed(CONNECTORS, "\"label\":\"Wiki\",", "");
    write_changed(MODELS, "64000", "-1");
    write_changed(RECIPE, "\"turns\":5", "\"turns\":-5,\"x\":1");
    write_file(PROMPT, " \n", 2);
    assert_int_equal(load(&c, &problems), E_INVALID);
    assert_non_null(strstr(str_text(&problems), "connectors.json: wiki.label: is missing\n"));
    assert_non_null(strstr(str_text(&problems), "models.json: models.m-1.max_output_tokens: "));
    assert_non_null(strstr(str_text(&problems), "limits.turns: "));
    assert_non_null(strstr(str_text(&problems), "limits: has an unknown member \"x\"\n"));
    assert_non_null(strstr(str_text(&problems), "recipes/daily/prompt.md: is empty\n"));
}

static void files_that_are_no_text_or_missing_are_named(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    AUTO(str_done) struct str problems = {0};
    write_good();
    write_file(PROMPT, "a\xFF", 2);
    write_file(MODELS, "", 0);
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, CONNECTORS);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(load(&c, &problems), E_INVALID);
    assert_non_null(strstr(str_text(&problems), "prompt.md: is no UTF-8 text\n"));
    assert_non_null(strstr(str_text(&problems), "models.json: "));
    assert_non_null(strstr(str_text(&problems), "connectors.json: there is no such file"));

    str_clear(&problems);
    assert_int_equal(catalogue_load("/nonexistent", setting, NULL, &c, &problems), E_INVALID);
    assert_non_null(strstr(str_text(&problems), "/nonexistent/recipes"));
}

static const char *odd_setting(void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "WIKI_CONNECTION") == 0 ? "my.wiki" : NULL;
}

static void a_connection_name_is_kept_as_it_is_and_can_be_told_from_none(void **state)
{
    (void)state;
    struct catalogue *c = NULL;
    AUTO(str_done) struct str problems = {0};
    write_good();
    assert_int_equal(catalogue_load(folder, odd_setting, NULL, &c, &problems), E_OK);
    assert_string_equal(catalogue_connector(c, "wiki")->connection_name, "my.wiki");
    static const char *const fine[] = {"sanitymcp-E1RsLhxV", "My Slack: main_2", "NAME:12345", "a"};
    static const char *const wrong[] = {"",     "my.wiki", " wiki",       "wiki ", "wi\tki",
                                        "a\nb", "wi\"ki",  "sm\xc3\xb8r", "a/b",   "<a>"};
    for (size_t i = 0; i < ARRAY_LEN(fine); i++)
        assert_true(connection_name_valid(fine[i]));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(connection_name_valid(wrong[i]));
    char longest[402];
    memset(longest, 'a', sizeof longest);
    longest[401] = '\0';
    assert_false(connection_name_valid(longest));
    longest[400] = '\0';
    assert_true(connection_name_valid(longest));
    catalogue_release(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_is_read_as_it_stands),
        cmocka_unit_test(limits_have_defaults),
        cmocka_unit_test(the_hash_changes_with_either_file),
        cmocka_unit_test(mistakes_in_connectors_are_named),
        cmocka_unit_test(mistakes_in_models_are_named),
        cmocka_unit_test(mistakes_in_recipes_are_named),
        cmocka_unit_test(mistakes_in_deliveries_are_named),
        cmocka_unit_test(mistakes_in_parameters_are_named),
        cmocka_unit_test(all_problems_are_told_at_once),
        cmocka_unit_test(files_that_are_no_text_or_missing_are_named),
        cmocka_unit_test(a_connection_name_is_kept_as_it_is_and_can_be_told_from_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
