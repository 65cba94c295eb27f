/*
 * Webhooks from ScaleKit: signed as Standard Webhooks say, and only a hint. What they claim is
 * never believed; the account they speak of is read anew.
 */
#ifndef CONNECT_HOOK_H
#define CONNECT_HOOK_H

#include "connect/connect.h"

#define HOOK_TOLERANCE_S 300

struct hook {
    const char *id;        /* webhook-id */
    const char *timestamp; /* webhook-timestamp */
    const char *signature; /* webhook-signature: "v1,<base64> v1,<base64>" */
    const char *body;
    size_t len;
};
/* Is it signed with `secret` ("whsec_<base64>"), at most five minutes ago or ahead? Any of the
 * headers may be NULL. E_DENIED with the reason. Pure. */
enum err hook_check(const char *secret, const struct hook *hook, int64_t now_ms) MUST_CHECK;

/* What a body says, as far as it matters. Each may be NULL. */
struct hook_event {
    char *type; /* "connected_account.status_updated" */
    char *user_id, *connection_name, *account_id;
};
void hook_event_done(struct hook_event *event);
/* E_INVALID: no JSON object. Pure. */
enum err hook_read(const char *body, size_t len, struct hook_event *out_event) MUST_CHECK;

/* Takes a webhook. E_DENIED: not signed by ScaleKit, or none is taken here. E_INVALID: no JSON
 * object. One that came before, or speaks of nothing that is known, is fine. */
enum err hook_take(struct connect *connect, const struct hook *hook) MUST_CHECK;

#endif
