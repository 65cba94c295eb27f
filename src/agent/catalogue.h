/*
 * The catalogue: connectors, recipes and models as data, from the files under config/.
 *
 * Adding a provider or a kind of briefing is a change there and no line of C. The files are read
 * once at start (and again on SIGHUP) into one immutable object; what a run has frozen in its
 * `prepare` step never looks here again. Files that are wrong are refused with every problem
 * listed: unknown members, wrong types, a recipe that names a connector that does not exist, a tool
 * listed twice, a pattern that does not compile, ….
 */
#ifndef AGENT_CATALOGUE_H
#define AGENT_CATALOGUE_H

#include "base/json.h"

#include <regex.h>
#include <stdatomic.h>

/* config/connectors.json: one member a connector. */
struct connector {
    char *name;               /* "slack" */
    char *label;              /* "Slack" */
    char *connection_setting; /* the environment variable that holds its connection name:
                                 "SLACK_CONNECTION" */
    char *connection_name;    /* its value, unchecked (config_check() does); NULL when unset: the
                                 connector is not offered */
    char **tool_prefixes;     /* "slack_" */
    size_t n_tool_prefixes;
    char *probe_tool;        /* tells who is connected: "slack_auth_test"; NULL: none */
    char **identity_members; /* members of the probe's result that make up the identity, "team_id",
                                … */
    size_t n_identity_members;
    char **author_members; /* of those: what identifies our own messages ("bot_id", "user_id") */
    size_t n_author_members;
    char *history_tool; /* reads a channel back: "slack_fetch_conversation_history"; NULL: none */
};

enum param_type { PARAM_STRING, PARAM_INTEGER, PARAM_BOOLEAN };
struct recipe_param {
    char *name;
    enum param_type type;
    char *description;
    char *default_value;   /* as text; NULL none */
    char *default_setting; /* environment variable whose value is the default; NULL none */
    char *setting_value;   /* … and that value, unchecked; NULL when unset */
    char *pattern;         /* POSIX extended, anchored; NULL none */
    regex_t pattern_compiled;
    bool has_pattern;
    bool is_required;
    int64_t min, max; /* integers: range; strings: length in bytes (default 1 to 200) */
};

/* The one step that others see. */
struct recipe_delivery {
    char *connector;        /* "slack" */
    char *tool;             /* ScaleKit's tool: "slack_send_message" */
    char *description;      /* what the model is told of it */
    char *text_argument;    /* "text" */
    char *channel_argument; /* "channel" */
    char *channel_param;    /* the recipe's parameter that holds the destination: "slack_channel" */
    char *channel_pattern;  /* "^[CGD][A-Z0-9]+$" */
    char *fixed_arguments;  /* JSON object merged into the call: {"unfurl_links":false} */
    int text_chars_max;     /* text and marker together; 4,000 */
    bool continues;         /* after_delivery: "continue" */
};

struct recipe {
    char *name; /* the folder's name */
    char *title;
    char *description;
    char *hash;          /* "sha256:…" over recipe.json and prompt.md */
    char *prompt;        /* prompt.md: the system prompt, the same every day (prompt cache) */
    char *first_message; /* template of the first user message: {today} {now} {timezone}
                            {days_ago:7} {param:NAME} */
    char **connectors;
    size_t n_connectors;
    char **read_tools;
    size_t n_read_tools;
    struct recipe_delivery delivery;
    struct recipe_param *params;
    size_t n_params;
    int turns_max;                /* 20 */
    int64_t deadline_ms;          /* 10 min */
    int64_t budget_nano_usd;      /* 0.50 */
    size_t tool_output_bytes_max; /* what the model sees of one result; 64 KiB */
    int max_tokens;               /* per reply; 16,000 */
    char *effort;                 /* "medium"; NULL: not sent */
};

/* config/models.json: prices in nano dollars (1e-9 USD) a token, and what the API allows. */
struct model {
    char *name;
    int64_t input, output, cache_read, cache_write_5m, cache_write_1h;
    /* dearer prices for prompts longer than this many tokens; 0: none */
    int64_t long_prompt_tokens;
    int64_t long_input, long_output, long_cache_read, long_cache_write_5m, long_cache_write_1h;
    int max_output_tokens;
    bool takes_effort;
};

struct catalogue {
    struct connector *connectors;
    size_t n_connectors;
    struct recipe *recipes;
    size_t n_recipes;
    struct model *models;
    size_t n_models;
    char *prices_checked; /* the date of the prices: "2026-10-08" */
    atomic_int references;
};

/* `config_dir` NULL: the files built into the binary. `setting` gives the value of an environment
 * variable (or NULL), so that connection names and defaults come from the same place as all
 * settings. Every problem is one line in `out_problems`; E_INVALID when there is any. */
enum err catalogue_load(const char *config_dir, const char *(*setting)(void *ctx, const char *name),
                        void *ctx, struct catalogue **out_catalogue,
                        struct str *out_problems) MUST_CHECK;
/* Gives a reference back, the first one included; the last one frees. NULL is fine. */
void catalogue_release(struct catalogue *catalogue);
/* One reference more. */
struct catalogue *catalogue_hold(struct catalogue *catalogue);

/* Where the catalogue in force stands, so that another can take its place while the old one is
 * still in use. Any thread. */
struct catalogue_shelf;
/* Holds `first`; the caller keeps its own reference. */
struct catalogue_shelf *catalogue_shelf_new(struct catalogue *first);
void catalogue_shelf_free(struct catalogue_shelf *shelf);
/* The one in force, with a reference for the caller. */
struct catalogue *catalogue_shelf_take(struct catalogue_shelf *shelf);
/* From now on `fresh` is in force; the caller keeps its own reference. */
void catalogue_shelf_put(struct catalogue_shelf *shelf, struct catalogue *fresh);

/* NULL when there is none of that name. */
const struct connector *catalogue_connector(const struct catalogue *c, const char *name);
const struct recipe *catalogue_recipe(const struct catalogue *c, const char *name);
const struct model *catalogue_model(const struct catalogue *c, const char *name);

/* Can a connection at ScaleKit be called this? 1 to 400 of A-Z a-z 0-9 _ : - and inner spaces. */
bool connection_name_valid(const char *name);

/* Cost in nano dollars of one reply at these prices (rounded up). */
struct anthropic_usage;
int64_t model_cost(const struct model *model, const struct anthropic_usage *usage);
/* The most one attempt can cost: the prompt (bytes as an upper bound of tokens / 2) written to the
 * cache at the dearest rate, and max_tokens of output. */
int64_t model_worst_cost(const struct model *model, size_t prompt_bytes, int max_tokens);

/* Is this text a value that the parameter takes? False with the reason ("must be …") in `out_why`.
 */
bool recipe_param_accepts(const struct recipe_param *param, const char *text, struct str *out_why);
/* Resolves a run's parameters: the caller's object `given` (JSON_NONE: nothing), then defaults,
 * then settings. Writes the canonical JSON object. Each problem calls `problem(ctx, "/params/x",
 * text)`; E_INVALID when there was any. */
enum err recipe_resolve_params(const struct recipe *recipe, struct json_span given,
                               struct str *out_params,
                               void (*problem)(void *ctx, const char *pointer, const char *text),
                               void *ctx) MUST_CHECK;

/* Checks an object of some of the recipe's parameters, without defaults and with nothing required;
 * writes them as the canonical JSON object. Problems as above. */
enum err recipe_check_params(const struct recipe *recipe, struct json_span given,
                             struct str *out_params,
                             void (*problem)(void *ctx, const char *pointer, const char *text),
                             void *ctx) MUST_CHECK;
/* The object `given` with what it leaves out taken from `own`, as far as the recipe still takes
 * that. */
void recipe_merge_params(const struct recipe *recipe, struct json_span given, struct json_span own,
                         struct str *out_params);

/* "0.50" → 500000000; at most 9 decimals, no sign, no exponent. E_INVALID. */
enum err money_parse(const char *text, int64_t *out_nano_usd) MUST_CHECK;
/* 12300000 → "0.0123" (at least two decimals, no trailing zeros beyond). */
void money_format(int64_t nano_usd, char out[32]);

#endif
