/*
 * What became of a delivery: one answer, one class. Pure.
 *
 * The classes of failures, also of those inside an HTTP 200, are the ScaleKit client's
 * (scalekit_provider_class() has the provider's words).
 */
#ifndef AGENT_DELIVERY_OUTCOME_H
#define AGENT_DELIVERY_OUTCOME_H

#include "api/scalekit.h"
#include "store/run_status.h"

enum delivery_outcome {
    DELIVERED,              /* the provider named the message (ts) */
    DELIVERY_NOT_ACCOUNT,   /* not executed: the account needs its user */
    DELIVERY_NOT_NOW,       /* not executed: passes by itself, wait and send again */
    DELIVERY_NOT_OURS,      /* not executed: our own credentials are refused */
    DELIVERY_NOT_ACCEPTED,  /* not executed: the provider says no to this message or channel */
    DELIVERY_SURELY_ABSENT, /* unknown at first, and surely not in the channel */
    DELIVERY_NOBODY_KNOWS,  /* it may have been executed */
    DELIVERY_OUTCOME_COUNT
};
/* Others can see the message. */
bool delivery_is_out(enum delivery_state state);

const char *delivery_outcome_name(enum delivery_outcome outcome);
/* E_NOT_FOUND. */
enum err delivery_outcome_parse(const char *name, enum delivery_outcome *out) MUST_CHECK;

/* `e` as scalekit_execute() returned it; `out_ts` gets the message's ts when delivered. */
enum delivery_outcome delivery_classify(enum err e, const struct scalekit_result *result,
                                        const struct scalekit_error *error, struct str *out_ts);

#endif
