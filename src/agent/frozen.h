/*
 * What a run has frozen: the result of its `prepare` step.
 *
 * Everything that a replay could otherwise find changed: prompt, first message with its date,
 * tools, model and prices, accounts and who they are, the destination. Stored as one JSON document
 * in the journal; later code reads only this, never the clock or config/. Immutable once loaded;
 * belongs to one run thread.
 */
#ifndef AGENT_FROZEN_H
#define AGENT_FROZEN_H

#include "agent/catalogue.h"

struct frozen_tool {
    char *model_name; /* what the model calls it */
    char *name;       /* what ScaleKit calls it */
    char *connector;
    char *connection_name;
    char *noun; /* "documents": what a result counts, for progress lines */
    bool is_delivery;
};

struct frozen_account {
    char *connector;
    char *connection_name;
    char *account_id;
    char *identity; /* canonical JSON; NULL: no probe */
};

struct frozen {
    struct str json;         /* the document; the spans point into it */
    struct json_span system; /* JSON string */
    struct json_span tools;  /* array as sent to the API */
    char *first_message;
    char *model;
    char *effort;    /* NULL: not sent */
    char *user_hash; /* metadata.user_id: opaque */
    char *date;      /* local date "2026-11-23" */
    struct model prices;
    int max_tokens;
    int turns_max;
    size_t tool_output_bytes_max;
    struct frozen_tool *tool_list;
    size_t n_tools;
    struct frozen_account *accounts;
    size_t n_accounts;
    /* delivery */
    char *delivery_connector;
    char *channel;
    char *channel_argument;
    char *text_argument;
    char *fixed_arguments; /* JSON object */
    int text_chars_max;
    char
        *history_tool; /* reads the channel back; NULL: there is none, reconciliation cannot know */
    char **authors;    /* what identifies our own messages */
    size_t n_authors;
    bool delivery_continues;
};

/* Takes the document over (moves `json`). E_CORRUPT when it is not what this version writes. */
enum err frozen_load(struct frozen *f, struct str *json) MUST_CHECK;
void frozen_done(struct frozen *f);

/* NULL when the recipe has no such tool. `name` is what the model called. */
const struct frozen_tool *frozen_tool_find(const struct frozen *f, const char *model_name);
const struct frozen_account *frozen_account_find(const struct frozen *f, const char *connector);

#endif
