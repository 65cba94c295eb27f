/*
 * The transcript: the conversation with Claude as JSON text, append-only.
 *
 * Assistant content is spliced in as the bytes that came; nothing earlier ever changes, because
 * current models bind their thinking blocks to an unchanged history and because the prompt cache
 * works on equal prefixes. Belongs to one run thread.
 */
#ifndef AGENT_TRANSCRIPT_H
#define AGENT_TRANSCRIPT_H

#include "agent/frozen.h"

struct transcript {
    struct str messages; /* the array's elements, without its brackets */
};

/* One answer to a tool_use block. */
struct tool_outcome {
    char *tool_use_id;
    struct str text; /* never empty when it is sent: "(no output)" stands in */
    bool is_error;
};
void tool_outcome_done(struct tool_outcome *outcome);

void transcript_done(struct transcript *t);
void transcript_add_user_text(struct transcript *t, const char *text);
/* `content` is the reply's content array; an empty one adds nothing. */
void transcript_add_assistant(struct transcript *t, struct json_span content);
/* All results of one reply in one user message, in the model's order. */
void transcript_add_results(struct transcript *t, const struct tool_outcome *outcomes, size_t n);

/* The rules that the API would answer with 400, checked before each send: every tool_use is
 * answered in the next message, results first; ids are unique; no empty text. E_INTERNAL with what
 * is wrong: sending it would poison the run. E_PROTOCOL: the model's own ids are wrong. */
enum err transcript_check(const struct transcript *t) MUST_CHECK;

/* The request body. E_LIMIT: more than the API takes (32 MB). */
enum err transcript_body(const struct transcript *t, const struct frozen *frozen, int max_tokens,
                         struct str *out) MUST_CHECK;

#endif
