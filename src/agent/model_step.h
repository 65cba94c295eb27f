/*
 * One durable question to Claude. Internal to agent/.
 */
#ifndef AGENT_MODEL_STEP_H
#define AGENT_MODEL_STEP_H

#include "agent/briefing.h"
#include "agent/transcript.h"

/* A finished reply, fresh or from the journal. `content` points into `json`. */
struct model_reply {
    struct str json;
    struct json_span content;
    enum stop_reason stop;
    char stop_word[48];
    char refusal_category[48];
    bool has_truncated_tool_use;
};
void model_reply_done(struct model_reply *reply);

/* Asks (or finds) reply number `n` of the run, on top of the transcript, with at most `max_tokens`
 * of output. The reply, its usage and cost are stored before it returns: it is never asked or paid
 * for again. Decides the run's end when the model is not available, refuses our key, or the budget
 * would be passed. */
enum err model_step(struct briefing *b, const struct transcript *t, int n, int max_tokens,
                    struct model_reply *out_reply) MUST_CHECK;

/* What the question of a begun step may have cost at worst, in nano-USD; `otherwise` when the step
 * does not say. */
int64_t model_step_open_cost(const struct step_row *step, int64_t otherwise);

#endif
