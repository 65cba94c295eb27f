/*
 * Settings: where values come from, what is refused and in which words, and what is printed.
 *
 * Long: most of it are tables.
 */
#include "config/config.h"

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

#define ENV_MAX 64

static char folder[64];

/* An environment that is complete; each test adds to it or takes away. */
struct env {
    char *entries[ENV_MAX];
    size_t n;
};

static void env_done(struct env *env)
{
    for (size_t i = 0; i < env->n; i++)
        free(env->entries[i]);
}

static void env_set(struct env *env, const char *name, const char *value)
{
    char *entry = NULL;
    assert_true(asprintf(&entry, "%s=%s", name, value) > 0);
    for (size_t i = 0; i < env->n; i++) {
        if (strncmp(env->entries[i], entry, strlen(name) + 1) != 0) continue;
        free(env->entries[i]);
        env->entries[i] = entry;
        return;
    }
    assert_true(env->n + 1 < ENV_MAX);
    env->entries[env->n++] = entry;
}

static struct env env_complete(void)
{
    struct env env = {0};
    env_set(&env, "PATH", "/bin");
    env_set(&env, "SCALEKIT_ENV_URL", "https://acme.scalekit.dev");
    env_set(&env, "SCALEKIT_CLIENT_ID", "skc_123");
    env_set(&env, "SCALEKIT_CLIENT_SECRET", "test_secret_1");
    env_set(&env, "ANTHROPIC_API_KEY", "sk-ant-api03-abc");
    env_set(&env, "SLACK_CONNECTION", "slack-7Hd2");
    return env;
}

static enum err load_need(struct env *env, enum config_need need, struct config **out,
                          struct str *problems, struct str *warnings)
{
    struct config_source source = {.environ = env->entries};
    return config_load(&source, need, out, problems, warnings);
}

static struct config *load_fine(struct env *env)
{
    struct config *config = NULL;
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    if (load_need(env, CONFIG_EVERYTHING, &config, &problems, &warnings))
        fail_msg("%s", str_text(&problems));
    assert_string_equal(str_text(&warnings), "");
    return config;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* Each test works in an empty folder, so that no .env is found by accident. */
static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/briefd-settings-XXXXXX");
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {".env", "other.env", "secret", "creds/ANTHROPIC_API_KEY",
                                        "creds"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        remove(names[i]);
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void defaults_fill_what_is_not_set(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    struct config *config = load_fine(&env);
    assert_string_equal(config->anthropic_base_url, "https://api.anthropic.com");
    assert_false(config->anthropic_use_x_api_key);
    assert_string_equal(config->listen_host, "127.0.0.1");
    assert_int_equal(config->listen_port, 8080);
    assert_string_equal(config->public_url, "http://127.0.0.1:8080");
    assert_null(config->user_id);
    assert_null(config->seal_key);
    assert_string_equal(config->db_path, "briefd.db");
    assert_string_equal(config->model, "claude-sonnet-5-5");
    assert_int_equal(config->log_format, LOG_JSON);
    assert_int_equal(config->log_level, LOG_INFO);
    assert_int_equal(config->runs_max, 256);
    assert_int_equal(config->body_bytes_max, 65536);
    assert_int_equal(config->tool_timeout_ms, 65000);
    assert_int_equal(config->blocked_ttl_ms, 24 * 3600 * 1000);
    assert_true(config->budget_max_nano_usd == INT64_C(5000000000));
    assert_string_equal(catalogue_connector(config->catalogue, "slack")->connection_name,
                        "slack-7Hd2");
    assert_null(catalogue_connector(config->catalogue, "sanity")->connection_name);
    config_set_port(config, 4711);
    assert_string_equal(config->public_url, "http://127.0.0.1:4711");
    config_free(config);
}

static void values_are_taken_in_their_own_units(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    env_set(&env, "SCALEKIT_ENV_URL", "");
    env_set(&env, "SCALEKIT_ENVIRONMENT_URL", "http://localhost:9000/api//");
    env_set(&env, "BRIEFD_LISTEN", "[::1]:0");
    env_set(&env, "BRIEFD_STOP_GRACE", "90");
    env_set(&env, "BRIEFD_DELIVERY_SETTLE", "250ms");
    env_set(&env, "BRIEFD_START_BY", "7d");
    env_set(&env, "BRIEFD_MAX_BODY", "1MiB");
    env_set(&env, "BRIEFD_MAX_BUDGET", "12.5");
    env_set(&env, "BRIEFD_LOG", "human");
    env_set(&env, "BRIEFD_LOG_LEVEL", "error");
    env_set(&env, "BRIEFD_ANTHROPIC_AUTH", "x-api-key");
    env_set(&env, "BRIEFD_TIMEZONE", "Europe/Oslo");
    env_set(&env, "USER_ID", "ann@example.org");
    struct config *config = load_fine(&env);
    assert_string_equal(config->scalekit_env_url, "http://localhost:9000/api");
    assert_string_equal(config->listen_host, "::1");
    assert_string_equal(config->public_url, "http://[::1]:0");
    assert_int_equal(config->stop_grace_ms, 90000);
    assert_int_equal(config->delivery_settle_ms, 250);
    assert_int_equal(config->start_by_default_ms, 7 * 24 * 3600 * 1000);
    assert_int_equal(config->body_bytes_max, 1048576);
    assert_true(config->budget_max_nano_usd == INT64_C(12500000000));
    assert_int_equal(config->log_format, LOG_HUMAN);
    assert_int_equal(config->log_level, LOG_ERROR);
    assert_true(config->anthropic_use_x_api_key);
    assert_string_equal(config->user_id, "ann@example.org");
    config_free(config);
}

static void expect_problem(struct env *env, const char *wanted)
{
    struct config *config = NULL;
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    if (!load_need(env, CONFIG_EVERYTHING, &config, &problems, &warnings))
        fail_msg("accepted, instead of: %s", wanted);
    assert_null(config);
    if (!strstr(str_text(&problems), wanted))
        fail_msg("\"%s\" is not told, but: %s", wanted, str_text(&problems));
}

/* Each alone added to a complete environment. */
static const struct {
    const char *name, *value, *wanted;
} wrong_values[] = {
    {"ANTHROPIC_API_KEY",        "",
     "ANTHROPIC_API_KEY is not set. Create a key at console.anthropic.com and put it in the "
     "environment or in .env.\n"                                                                                                           },
    {"SCALEKIT_ENV_URL",         "",                                    "SCALEKIT_ENV_URL is not set. "                                    },
    {"SCALEKIT_ENV_URL",         "http://acme.scalekit.dev",            "it must begin with https://"                                      },
    {"SCALEKIT_ENV_URL",         "acme.scalekit.dev",                   "it is no URL: "                                                   },
    {"SCALEKIT_ENV_URL",         "https://your-env.scalekit.dev",       "is still a placeholder"                                           },
    {"SCALEKIT_ENVIRONMENT_URL", "https://other.scalekit.dev",
     "SCALEKIT_ENV_URL and SCALEKIT_ENVIRONMENT_URL are both set and differ"                                                               },
    {"ANTHROPIC_API_KEY",        "sk-\xE2\x80\xA6",
     "ANTHROPIC_API_KEY (from the environment) is still a placeholder"                                                                     },
    {"ANTHROPIC_API_KEY",        "sk-ant-...",                          "is still a placeholder"                                           },
    {"ANTHROPIC_API_KEY",        "your-key",                            "is still a placeholder"                                           },
    {"ANTHROPIC_API_KEY",        "CHANGEME",                            "is still a placeholder"                                           },
    {"ANTHROPIC_API_KEY",        "sk ant",                              "contains a space"                                                 },
    {"ANTHROPIC_API_KEY",        "sk-ant\nX: y",                        "a line break"                                                     },
    {"ANTHROPIC_API_KEY",        "sk-ant-\xFF",                         "not printable"                                                    },
    {"SCALEKIT_CLIENT_ID",       "<client id>",                         "is still a placeholder"                                           },
    {"SLACK_CONNECTION",         "your-slack",
     "SLACK_CONNECTION is \"your-slack\" (from the environment), which is still a placeholder"                                             },
    {"SLACK_CONNECTION",         "my.slack",
     "SLACK_CONNECTION is \"my.slack\", which is no connection name"                                                                       },
    {"SLACK_CONNECTION",         "",                                    "No connection is named"                                           },
    {"SLACK_CHANNEL",            "#general",
     "SLACK_CHANNEL is \"#general\", but the recipe editorial-briefing says that it must match "
     "^[CGD][A-Z0-9]+$"                                                                                                                    },
    {"BRIEFD_LISTEN",            "8080",                                "must be an address and a port"                                    },
    {"BRIEFD_LISTEN",            "127.0.0.1:99999",                     "must be an address and a port"                                    },
    {"BRIEFD_LISTEN",            "example.com:80",                      "must be an address and a port"                                    },
    {"BRIEFD_LISTEN",            "::1:80",                              "must be an address and a port"                                    },
    {"BRIEFD_LISTEN",            "0.0.0.0:80",
     "BRIEFD_PUBLIC_URL is not set. BRIEFD_LISTEN is no loopback address"                                                                  },
    {"BRIEFD_PUBLIC_URL",        "http://briefd.example.com",           "it must begin with https://"                                      },
    {"BRIEFD_PUBLIC_URL",        "https://example.com/briefd",          "it must have no path"                                             },
    {"USER_ID",                  "a\tb",                                "not printable"                                                    },
    {"BRIEFD_DB",                "/nonexistent/briefd.db",              "is in a folder that does not exist"                               },
    {"BRIEFD_DB",                "/tmp/",                               "must name a file, not a folder"                                   },
    {"BRIEFD_DB",                "/tmp",                                "must name a file, not a folder"                                   },
    {"BRIEFD_CA_FILE",           "/nonexistent.pem",                    "names a file that cannot be read"                                 },
    {"BRIEFD_CA_FILE",           "/etc",                                "names a file that cannot be read"                                 },
    {"BRIEFD_CA_FILE",           "/etc/passwd",                         "names a file without a certificate in PEM"                        },
    {"BRIEFD_METRICS_LISTEN",    "127.0.0.1:8080",
     "BRIEFD_METRICS_LISTEN is the same address as BRIEFD_LISTEN"                                                                          },
    {"SCALEKIT_WEBHOOK_SECRET",  "whsec_!!",                            "SCALEKIT_WEBHOOK_SECRET is no signing secret"                     },
    {"ANTHROPIC_BASE_URL",       "https://ada:hunter22@claude.example", "ada:[redacted]@claude.example"                                    },
    {"SLACK_CONNECTION",         "<sk-ant-api03-0123456789>",           "sk-ant-[redacted]"                                                },
    {"BRIEFD_CONFIG_DIR",        "/nonexistent",                        "connectors.json: /nonexistent/connectors.json"                    },
    {"BRIEFD_MODEL",             "claude-sonnet-4-20250514",
     "BRIEFD_MODEL is \"claude-sonnet-4-20250514\", which has no prices"                                                                   },
    {"BRIEFD_TIMEZONE",          "PST",                                 "is no IANA time zone"                                             },
    {"BRIEFD_TIMEZONE",          "Europe/Olso",                         "is no IANA time zone"                                             },
    {"BRIEFD_SEAL_KEY",
     "c2hvcnQ=",                                                        "BRIEFD_SEAL_KEY (from the environment) must be 32 bytes in base64"},
    {"BRIEFD_LOG",               "text",                                "must be json or human"                                            },
    {"BRIEFD_LOG_LEVEL",         "trace",                               "must be debug or info or warn or error"                           },
    {"BRIEFD_MAX_RUNS",          "many",
     "BRIEFD_MAX_RUNS is \"many\" (from the environment), but it must be a whole number, from "
     "1 to 10000"                                                                                                                          },
    {"BRIEFD_MAX_RUNS",          "0",                                   "must be a whole number"                                           },
    {"BRIEFD_MAX_RUNS",          "10001",                               "must be a whole number"                                           },
    {"BRIEFD_MAX_RUNS",          "12 ",                                 "must be a whole number"                                           },
    {"BRIEFD_MAX_BODY",          "64kb",                                "must be a size in bytes, or like 64KiB"                           },
    {"BRIEFD_MAX_BODY",          "1GiB",                                "must be a size in bytes"                                          },
    {"BRIEFD_STOP_GRACE",        "1 minute",
     "must be a time like 90s, 5m or 24h (a plain number means seconds), from 0s to 1h"                                                    },
    {"BRIEFD_STOP_GRACE",        "-1s",                                 "must be a time"                                                   },
    {"BRIEFD_STOP_GRACE",        "2h",                                  "must be a time"                                                   },
    {"BRIEFD_STOP_GRACE",        "9999999999999999d",                   "must be a time"                                                   },
    {"BRIEFD_MAX_BUDGET",        "$5",                                  "must be an amount in dollars like 0.50"                           },
    {"BRIEFD_MAX_BUDGET",        "0.10",                                "limits.budget_usd is above BRIEFD_MAX_BUDGET"                     },
    {"BRIEFD_MAX_DEADLINE",      "5m",                                  "limits.deadline_seconds is above BRIEFD_MAX_DEADLINE"             },
    {"BRIEFD_MAX_RUN",           "5",
     "BRIEFD_MAX_RUN (in the environment) is no setting. Did you mean BRIEFD_MAX_RUNS?"                                                    },
    {"BRIEFD_NONSENSE_AT_ALL",   "5",                                   "is no setting. `briefd check-config --example` lists them"        },
    {"BRIEFD_MAX_RUNS_FILE",     "/nonexistent",
     "BRIEFD_MAX_RUNS cannot be read from its file: /nonexistent"                                                                          },
};

static void every_kind_of_wrong_value_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong_values); i++) {
        AUTO(env_done) struct env env = env_complete();
        env_set(&env, wrong_values[i].name, wrong_values[i].value);
        expect_problem(&env, wrong_values[i].wanted);
    }
}

static void single_user_mode_needs_loopback_on_both_sides(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    env_set(&env, "USER_ID", "ann");
    env_set(&env, "BRIEFD_PUBLIC_URL", "https://briefd.example.com");
    expect_problem(&env, "USER_ID is set, but single-user mode");
    env_set(&env, "BRIEFD_PUBLIC_URL", "http://localhost:8080");
    env_set(&env, "BRIEFD_LISTEN", "0.0.0.0:8080");
    expect_problem(&env, "USER_ID is set, but single-user mode");
    env_set(&env, "BRIEFD_LISTEN", "127.0.0.1:8080");
    config_free(load_fine(&env));
}

static void all_problems_are_told_at_once_and_no_secret_with_them(void **state)
{
    (void)state;
    struct config *config = NULL;
    AUTO(env_done) struct env env = {0};
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    env_set(&env, "SCALEKIT_CLIENT_SECRET", "hunter2 hunter3");
    env_set(&env, "BRIEFD_MAX_RUNS", "x");
    env_set(&env, "BRIEFD_NOPE", "hunter4");
    assert_int_equal(load_need(&env, CONFIG_EVERYTHING, &config, &problems, &warnings), E_INVALID);
    static const char *const wanted[] = {
        "SCALEKIT_ENV_URL is not set",  "SCALEKIT_CLIENT_ID is not set",
        "SCALEKIT_CLIENT_SECRET (from", "ANTHROPIC_API_KEY is not set",
        "BRIEFD_MAX_RUNS is",           "BRIEFD_NOPE (in",
        "No connection is named"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!strstr(str_text(&problems), wanted[i])) fail_msg("not told: %s", wanted[i]);
    assert_null(strstr(str_text(&problems), "hunter"));
}

static void a_wrong_connection_name_hides_no_other_problem(void **state)
{
    (void)state;
    struct config *config = NULL;
    AUTO(env_done) struct env env = {0};
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    env_set(&env, "SANITY_CONNECTION", "my.sanity");
    env_set(&env, "BRIEFD_MODEL", "claude-1");
    env_set(&env, "SLACK_CHANNEL", "#general");
    assert_int_equal(load_need(&env, CONFIG_EVERYTHING, &config, &problems, &warnings), E_INVALID);
    static const char *const wanted[] = {"SANITY_CONNECTION is \"my.sanity\"", "BRIEFD_MODEL is",
                                         "SLACK_CHANNEL is"};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
        if (!strstr(str_text(&problems), wanted[i])) fail_msg("not told: %s", wanted[i]);
}

static void a_command_for_the_database_needs_nothing_else(void **state)
{
    (void)state;
    struct config *config = NULL;
    AUTO(env_done) struct env env = {0};
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    env_set(&env, "BRIEFD_MODEL", "no such model");
    env_set(&env, "BRIEFD_DB", "keys.db");
    assert_int_equal(load_need(&env, CONFIG_DATABASE, &config, &problems, &warnings), E_OK);
    assert_string_equal(config->db_path, "keys.db");
    assert_null(config->catalogue);
    config_free(config);
}

static void the_environment_comes_before_credentials_and_these_before_the_env_file(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    env_set(&env, "ANTHROPIC_API_KEY", "");
    env_set(&env, "CREDENTIALS_DIRECTORY", path_of("creds"));
    write_file(".env", "ANTHROPIC_API_KEY=sk-from-env-file\nBRIEFD_MAX_RUNS=7\nSLACK_CHANNEL=C01\n",
               0600);
    struct config *config = load_fine(&env);
    assert_string_equal(config->anthropic_api_key, "sk-from-env-file");
    assert_int_equal(config->runs_max, 7);
    assert_string_equal(config->catalogue->recipes[0].params[2].setting_value, "C01");
    config_free(config);

    assert_int_equal(mkdir("creds", 0700), 0);
    write_file("creds/ANTHROPIC_API_KEY", "sk-from-credentials\r\n", 0600);
    config = load_fine(&env);
    assert_string_equal(config->anthropic_api_key, "sk-from-credentials");
    config_free(config);

    env_set(&env, "ANTHROPIC_API_KEY", "sk-from-environment");
    config = load_fine(&env);
    assert_string_equal(config->anthropic_api_key, "sk-from-environment");
    config_free(config);
}

static void a_secret_comes_from_a_file_of_its_own(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    write_file("secret", "sk-from-file\n", 0600);
    env_set(&env, "ANTHROPIC_API_KEY_FILE", path_of("secret"));
    expect_problem(&env,
                   "ANTHROPIC_API_KEY and ANTHROPIC_API_KEY_FILE are both set in the environment");
    env_set(&env, "ANTHROPIC_API_KEY", "");
    struct config *config = load_fine(&env);
    assert_string_equal(config->anthropic_api_key, "sk-from-file");
    config_free(config);

    write_file("secret", "\n", 0600);
    expect_problem(&env, "is empty");
    write_file("secret", "sk-one\nsk-two\n", 0600);
    expect_problem(&env, "contains a line break");
}

static void secrets_that_everybody_can_read_are_a_warning(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    struct config *config = NULL;
    env_set(&env, "ANTHROPIC_API_KEY", "");
    env_set(&env, "SCALEKIT_CLIENT_SECRET", "");
    write_file("secret", "sk-from-file", 0644);
    env_set(&env, "ANTHROPIC_API_KEY_FILE", path_of("secret"));
    write_file(".env", "SCALEKIT_CLIENT_SECRET=abc123\n", 0644);
    assert_int_equal(load_need(&env, CONFIG_EVERYTHING, &config, &problems, &warnings), E_OK);
    assert_non_null(
        strstr(str_text(&warnings), "ANTHROPIC_API_KEY: every user of this machine can read"));
    assert_non_null(strstr(str_text(&warnings), ".env holds secrets (SCALEKIT_CLIENT_SECRET)"));
    config_free(config);
}

static void another_env_file_must_exist(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    struct config *config = NULL;
    struct config_source source = {.environ = env.entries, .env_file = "other.env"};
    assert_int_equal(config_load(&source, CONFIG_EVERYTHING, &config, &problems, &warnings),
                     E_INVALID);
    assert_string_equal(str_text(&problems), "other.env: there is no such file.\n");

    write_file("other.env", "BRIEFD_MAX_RUNS=9\nnot a line\nBRIEFD_TYPO=1\n", 0600);
    str_clear(&problems);
    assert_int_equal(config_load(&source, CONFIG_EVERYTHING, &config, &problems, &warnings),
                     E_INVALID);
    assert_non_null(strstr(str_text(&problems), "other.env:2: "));
    assert_non_null(strstr(str_text(&problems), "BRIEFD_TYPO (in other.env) is no setting"));
}

static void the_command_line_comes_first(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    AUTO(str_done) struct str problems = {0}, warnings = {0};
    struct config *config = NULL;
    const char *const overrides[] = {"BRIEFD_DB=given.db", NULL};
    struct config_source source = {.environ = env.entries, .overrides = overrides};
    env_set(&env, "BRIEFD_DB", "environment.db");
    assert_int_equal(config_load(&source, CONFIG_EVERYTHING, &config, &problems, &warnings), E_OK);
    assert_string_equal(config->db_path, "given.db");
    config_free(config);
}

static void printing_masks_secrets_and_says_where_values_are_from(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    AUTO(str_done) struct str out = {0};
    struct config *config = load_fine(&env);
    config_print(config, &out);
    config_free(config);
    assert_non_null(
        strstr(str_text(&out), "ANTHROPIC_API_KEY=(set, 16 characters)  # the environment\n"));
    assert_non_null(strstr(str_text(&out), "SCALEKIT_CLIENT_ID=skc_123  # the environment\n"));
    assert_non_null(strstr(str_text(&out), "BRIEFD_MAX_RUNS=256  # default\n"));
    assert_non_null(strstr(str_text(&out), "SLACK_CONNECTION=slack-7Hd2  # the environment\n"));
    assert_non_null(strstr(str_text(&out), "SLACK_CHANNEL=  # not set\n"));
    assert_null(strstr(str_text(&out), "sk-ant"));
    assert_null(strstr(str_text(&out), "test_secret"));
}

static void the_example_file_is_what_the_table_prints(void **state)
{
    (void)state;
    AUTO(str_done) struct str path = {0}, committed = {0}, printed = {0};
    str_append_format(&path, "%s/config/briefd.env.example", getenv("BRIEFD_ROOT"));
    FILE *file = fopen(str_text(&path), "r");
    if (!file) fail_msg("BRIEFD_ROOT does not lead to %s", str_text(&path));
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0;)
        str_append(&committed, piece, n);
    fclose(file);
    config_print_example(&printed);
    assert_string_equal(str_text(&committed), str_text(&printed));
}

/* Whoever copies the example and fills in what is empty gets a configuration without surprises. */
static void the_example_file_is_read_back_without_a_problem(void **state)
{
    (void)state;
    AUTO(env_done) struct env env = env_complete();
    AUTO(str_done) struct str printed = {0}, open = {0};
    config_print_example(&printed);
    for (const char *p = str_text(&printed); *p; p++)
        if (!(*p == '#' && p[1] != ' ')) str_append_char(&open, *p);
    write_file(".env", str_text(&open), 0600);
    struct config *config = load_fine(&env);
    assert_int_equal(config->runs_max, 256);
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_fill_what_is_not_set, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_taken_in_their_own_units, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_kind_of_wrong_value_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(single_user_mode_needs_loopback_on_both_sides, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_problems_are_told_at_once_and_no_secret_with_them,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_connection_name_hides_no_other_problem, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_command_for_the_database_needs_nothing_else, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            the_environment_comes_before_credentials_and_these_before_the_env_file, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(a_secret_comes_from_a_file_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets_that_everybody_can_read_are_a_warning, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_env_file_must_exist, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_command_line_comes_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(printing_masks_secrets_and_says_where_values_are_from,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_example_file_is_what_the_table_prints, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_example_file_is_read_back_without_a_problem, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
