#include "agent/briefing.h"

#include "agent/accounts.h"
#include "base/clock.h"
#include "http/retry.h"

#include <stdarg.h>
#include <stdio.h>

#define ROOM_AGAIN_MS 500 /* a database that could not be written is tried again */

enum err briefing_end(struct briefing *b, enum agent_end_kind kind, const char *code,
                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(b->end->detail, sizeof(b->end->detail), format, args);
    va_end(args);
    b->end->kind = kind;
    b->end->code = code;
    return fail(E_CANCELLED, "%s", b->end->detail);
}

enum err briefing_blocked(struct briefing *b, const char *connector, const char *status)
{
    AUTO(str_done) struct str blocked = {0};
    struct json_writer w = json_writer(&blocked);
    json_begin_array(&w);
    json_begin_object(&w);
    json_put_string(&w, "connector", connector);
    json_put_string(&w, "status", status);
    json_end_object(&w);
    json_end_array(&w);
    snprintf(b->end->blocked_on, sizeof(b->end->blocked_on), "%s", str_text(&blocked));
    /* What is shown of the connection must agree with what the run says; a failure to store it does
     * not change the end. */
    enum err e = accounts_mark(b->agent, b->row->user_id, connector, status);
    (void)e;
    return briefing_end(b, AGENT_BLOCKED, NULL, "the %s account of the user is not usable (%s)",
                        connector, status);
}

enum err briefing_check(struct briefing *b)
{
    switch ((enum agent_wish)atomic_load(&b->control->wish)) {
    case AGENT_STOP_CANCEL:
        return briefing_end(b, AGENT_CANCELLED, NULL, "cancelled on request");
    case AGENT_STOP_PARK:
        return briefing_end(b, AGENT_PARKED, NULL, "the service is stopping");
    case AGENT_GO:
        break;
    }
    if (b->row->is_cancel_wanted)
        return briefing_end(b, AGENT_CANCELLED, NULL, "cancelled on request");
    /* A message that may be out is looked for to the end. */
    bool has_deadline = b->row->status != RUN_DELIVERING;
    if (has_deadline && clock_mono_ms() >= b->deadline_mono_ms)
        return briefing_end(b, AGENT_FAILED, "deadline_exceeded",
                            "not finished within %lld s of running time",
                            (long long)(b->row->deadline_ms / 1000));
    return E_OK;
}

int64_t briefing_ran_ms(const struct briefing *b)
{
    return clock_mono_ms() - b->started_mono_ms - b->off_clock_ms;
}

void briefing_off_clock(struct briefing *b, int64_t since_mono_ms)
{
    int64_t passed_ms = clock_mono_ms() - since_mono_ms;
    b->off_clock_ms += passed_ms;
    b->deadline_mono_ms += passed_ms;
}

bool briefing_wait_for_room(void *ctx)
{
    struct briefing *b = ctx;
    return retry_sleep(b->agent->http, ROOM_AGAIN_MS, &b->control->reads, 0);
}

struct scalekit_call briefing_call(struct briefing *b)
{
    return (struct scalekit_call){.cancel = &b->control->reads,
                                  .deadline_mono_ms = b->deadline_mono_ms,
                                  .agent_run_id = b->row->id};
}

enum err briefing_scalekit_failed(struct briefing *b, const struct scalekit_error *error,
                                  const char *connector, const char *what)
{
    char story[SCALEKIT_STORY_MAX];
    switch (error->class) {
    case SCALEKIT_OUR_CREDENTIALS:
        scalekit_error_describe(error, story, sizeof(story));
        return briefing_end(b, AGENT_CREDENTIALS, "credentials_rejected",
                            "ScaleKit refuses our client credentials while %s (%s)", what, story);
    case SCALEKIT_USER_CONNECT:
    case SCALEKIT_USER_RECONNECT:
        if (!connector) return E_OK;
        return briefing_blocked(b, connector,
                                error->class == SCALEKIT_USER_CONNECT ? ACCOUNT_NOT_CONNECTED
                                                                      : "EXPIRED");
    case SCALEKIT_CANCELLED: {
        enum err e = briefing_check(b);
        return e ? e : briefing_end(b, AGENT_PARKED, NULL, "called off while %s", what);
    }
    case SCALEKIT_FINE:
    case SCALEKIT_SCOPE_MISSING:
    case SCALEKIT_RATE_LIMITED:
    case SCALEKIT_BAD_CALL:
    case SCALEKIT_NOT_SENT:
    case SCALEKIT_UNKNOWN:
    case SCALEKIT_CLASS_COUNT:
        break;
    }
    return briefing_check(b);
}
