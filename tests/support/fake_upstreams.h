/*
 * Claude and ScaleKit inside the test process: the functions of api/anthropic.h and api/scalekit.h
 * that a run calls, answering from a script. Everything that was asked is kept.
 *
 * Replies are taken in order, one a question. A tool call takes the first rule whose tool fits and
 * that is not used up; without one it gets `{}`. State is one for the process: fake_reset() before
 * each test. Any thread.
 */
#ifndef SUPPORT_FAKE_UPSTREAMS_H
#define SUPPORT_FAKE_UPSTREAMS_H

#include "api/anthropic.h"
#include "api/scalekit.h"

void fake_reset(void);

struct fake_reply {
    const char *content; /* JSON array */
    enum stop_reason stop;
    enum anthropic_fault fault; /* instead of a reply */
    int n_refused;              /* attempts before it that were turned away (529) */
    int n_uncertain;            /* attempts before it that may have been billed */
    void (*hook)(void *ctx);    /* called while the question is out */
    void *ctx;
    bool is_held; /* answered only after fake_release(); a cancel ends it */
};
void fake_claude(const struct fake_reply *replies, size_t n);
#define FAKE_CLAUDE(...)                                                                           \
    fake_claude((const struct fake_reply[]){__VA_ARGS__},                                          \
                sizeof((const struct fake_reply[]){__VA_ARGS__}) / sizeof(struct fake_reply))
size_t fake_questions(void);
/* The body of the i-th, from 0. Valid until fake_reset(). */
const char *fake_question(size_t i);
/* Waits until so many questions were asked; false after a minute. */
bool fake_wait_questions(size_t n);

struct fake_rule {
    const char *tool;
    int times;                 /* 0: one; -1: all */
    enum scalekit_class class; /* FINE: answered */
    int status;
    const char *data; /* NULL: "{}" */
    const char *provider_error;
    int64_t retry_after_ms;
    void (*hook)(void *ctx);
    void *ctx;
    bool is_held;
};
void fake_tools(const struct fake_rule *rules, size_t n);
#define FAKE_TOOLS(...)                                                                            \
    fake_tools((const struct fake_rule[]){__VA_ARGS__},                                            \
               sizeof((const struct fake_rule[]){__VA_ARGS__}) / sizeof(struct fake_rule))
size_t fake_calls(const char *tool);
/* "identifier connection params" of the i-th call of that tool. */
const char *fake_call(const char *tool, size_t i);
/* The most calls that were asked for at once. */
size_t fake_parallel_max(void);
/* Lets everything that is held go on. */
void fake_release(void);

/* What ScaleKit says of a connection from now on; "ACTIVE" unless set, NULL: no account. */
void fake_account(const char *connection_name, const char *account_id, const char *status);
/* The list of accounts is refused with this class. */
void fake_accounts_fail(enum scalekit_class class);
/* By how much our wall clock is ahead of theirs. */
extern _Atomic int64_t fake_clock_ahead_ms;
/* The user's accounts do not offer this tool. */
void fake_tool_missing(const char *tool);

#endif
