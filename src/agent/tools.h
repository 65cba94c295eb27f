/*
 * The tool calls of one reply: checked against the recipe, run, answered. Internal to agent/.
 */
#ifndef AGENT_TOOLS_H
#define AGENT_TOOLS_H

#include "agent/briefing.h"
#include "agent/transcript.h"

/* One tool_use block of a reply. */
struct tool_call {
    char *id;
    char *name;                     /* as the model wrote it */
    struct json_span input;         /* raw: numbers keep every digit */
    const struct frozen_tool *tool; /* NULL: not one of the recipe's */
    int index;                      /* among the reply's calls */
    bool is_answered;               /* the outcome is filled in */
    struct tool_outcome outcome;
};
struct tool_calls {
    struct tool_call *items;
    size_t n;
    size_t n_deliveries;
};
void tool_calls_done(struct tool_calls *calls);

/* The tool_use blocks of a content array; each must have an id and a name. E_PROTOCOL. */
enum err tool_calls_collect(const struct frozen *frozen, struct json_span content,
                            struct tool_calls *out_calls) MUST_CHECK;

/* Answers a call with an error that the model reads. */
void tool_call_refuse(struct tool_call *call, const char *format, ...) PRINTF_LIKE(2, 3);

/* Runs the read tools of reply `n` in parallel, as durable steps; calls that are answered already
 * are left alone. Decides the run's end when a connection needs its user, or when tools keep
 * failing. */
enum err tools_read(struct briefing *b, int n, struct tool_calls *calls) MUST_CHECK;

#endif
