#include "agent/delivery_outcome.h"

#define TS_BYTES_MAX 64 /* Slack's have 17 */

static const char *const outcome_names[] = {
    [DELIVERED] = "delivered",
    [DELIVERY_NOT_ACCOUNT] = "not_executed_account",
    [DELIVERY_NOT_NOW] = "not_executed_passing",
    [DELIVERY_NOT_OURS] = "not_executed_credentials",
    [DELIVERY_NOT_ACCEPTED] = "not_executed_refused",
    [DELIVERY_SURELY_ABSENT] = "surely_absent",
    [DELIVERY_NOBODY_KNOWS] = "unknown",
};
_Static_assert(ARRAY_LEN(outcome_names) == DELIVERY_OUTCOME_COUNT, "one name each");

bool delivery_is_out(enum delivery_state state)
{
    return state == DELIVERY_CONFIRMED || state == DELIVERY_RECONCILED;
}

const char *delivery_outcome_name(enum delivery_outcome outcome)
{
    return outcome_names[outcome];
}

enum err delivery_outcome_parse(const char *name, enum delivery_outcome *out)
{
    for (int i = 0; i < DELIVERY_OUTCOME_COUNT; i++) {
        if (text_equal(name, outcome_names[i])) {
            *out = (enum delivery_outcome)i;
            return E_OK;
        }
    }
    return fail(E_NOT_FOUND, "\"%s\" is no outcome of a delivery", name);
}

static enum delivery_outcome of_class(enum scalekit_class class)
{
    switch (class) {
    case SCALEKIT_OUR_CREDENTIALS:
        return DELIVERY_NOT_OURS;
    case SCALEKIT_USER_CONNECT:
    case SCALEKIT_USER_RECONNECT:
    case SCALEKIT_SCOPE_MISSING:
        return DELIVERY_NOT_ACCOUNT;
    case SCALEKIT_RATE_LIMITED:
    case SCALEKIT_NOT_SENT:
        return DELIVERY_NOT_NOW;
    case SCALEKIT_BAD_CALL:
        return DELIVERY_NOT_ACCEPTED;
    case SCALEKIT_FINE:
    case SCALEKIT_UNKNOWN:
    case SCALEKIT_CANCELLED:
    case SCALEKIT_CLASS_COUNT:
        break;
    }
    return DELIVERY_NOBODY_KNOWS;
}

static enum delivery_outcome of_answer(const struct scalekit_result *result, struct str *out_ts)
{
    if (result->is_provider_failure)
        return of_class(scalekit_provider_class(result->provider_error));
    struct json_span data = json_root(str_text(&result->data), result->data.len);
    struct json_span ts = json_get(data, "ts");
    if (json_type(ts) != JSON_STRING) ts = json_at(data, "message", "ts", NULL);
    AUTO(xfree_ptr) char *word = json_strdup(ts, TS_BYTES_MAX);
    if (!word || !word[0]) return DELIVERY_NOBODY_KNOWS;
    str_clear(out_ts);
    str_append_text(out_ts, word);
    return DELIVERED;
}

enum delivery_outcome delivery_classify(enum err e, const struct scalekit_result *result,
                                        const struct scalekit_error *error, struct str *out_ts)
{
    return e ? of_class(error->class) : of_answer(result, out_ts);
}
