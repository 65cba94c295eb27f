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

/* What Slack says inside an HTTP 200. Anything else with ok:false is unknown. */
static const struct {
    const char *error;
    enum delivery_outcome outcome;
} provider_words[] = {
    {"not_authed",              DELIVERY_NOT_ACCOUNT },
    {"invalid_auth",            DELIVERY_NOT_ACCOUNT },
    {"account_inactive",        DELIVERY_NOT_ACCOUNT },
    {"token_revoked",           DELIVERY_NOT_ACCOUNT },
    {"token_expired",           DELIVERY_NOT_ACCOUNT },
    {"no_permission",           DELIVERY_NOT_ACCOUNT },
    {"missing_scope",           DELIVERY_NOT_ACCOUNT },
    {"not_allowed_token_type",  DELIVERY_NOT_ACCOUNT },
    {"org_login_required",      DELIVERY_NOT_ACCOUNT },
    {"ratelimited",             DELIVERY_NOT_NOW     },
    {"rate_limited",            DELIVERY_NOT_NOW     },
    {"message_limit_exceeded",  DELIVERY_NOT_NOW     },
    {"channel_not_found",       DELIVERY_NOT_ACCEPTED},
    {"not_in_channel",          DELIVERY_NOT_ACCEPTED},
    {"is_archived",             DELIVERY_NOT_ACCEPTED},
    {"msg_too_long",            DELIVERY_NOT_ACCEPTED},
    {"no_text",                 DELIVERY_NOT_ACCEPTED},
    {"restricted_action",       DELIVERY_NOT_ACCEPTED},
    {"cannot_reply_to_message", DELIVERY_NOT_ACCEPTED},
    {"invalid_arguments",       DELIVERY_NOT_ACCEPTED},
    {"too_many_attachments",    DELIVERY_NOT_ACCEPTED},
};

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

static enum delivery_outcome of_answer(const struct scalekit_result *result, struct str *out_ts)
{
    if (result->is_provider_failure) {
        for (size_t i = 0; i < ARRAY_LEN(provider_words); i++) {
            if (text_equal(result->provider_error, provider_words[i].error))
                return provider_words[i].outcome;
        }
        return DELIVERY_NOBODY_KNOWS;
    }
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
    if (!e) return of_answer(result, out_ts);
    switch (error->class) {
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
