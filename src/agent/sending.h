/*
 * One send of a delivery: the call checked, its text and arguments made, sent, its outcome.
 * Internal to agent/.
 */
#ifndef AGENT_SENDING_H
#define AGENT_SENDING_H

#include "agent/delivery_outcome.h"
#include "agent/tools.h"
#include "base/crypt.h"

/* One send, from its key to its outcome. */
struct sending {
    struct briefing *b;
    struct tool_call *call;
    struct str text;   /* what people will read */
    struct str params; /* the tool's arguments */
    char key[STEP_KEY_MAX];
    char hash[SHA256_HEX_LEN + 1];
    enum delivery_outcome outcome;
    struct str ts;
    struct str permalink;
    char why[400];  /* what went wrong, without words that may quote content */
    char said[400]; /* the same in the provider's words, for the model alone */
    int64_t asked_wait_ms;
    int64_t intended_unix_ms; /* when the intent was written */
    int64_t intended_mono_ms; /* the same by the other clock, or when this attempt took it up */
    int64_t clock_ahead_ms;   /* then: of ScaleKit's clock */
    bool is_reconciled;       /* found in the channel, not told by an answer */
};

void sending_done(struct sending *s);

/* Checks the call and makes text and arguments of it. False: the call is answered with what is
 * wrong. */
bool sending_make(struct sending *s);
/* Sends once, on a fresh connection; nothing calls it off. Fills the outcome, ts and why. */
void sending_send(struct sending *s);

#endif
