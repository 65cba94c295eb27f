/*
 * Connecting a user's account through ScaleKit: the link to the consent page, the verification that
 * the person who came back is the one who left, and the removal of the account.
 *
 * Needs any thread and the same client as scalekit.h; errors are the same, too. Source: wire
 * notes 2.6 to 2.8.
 */
#ifndef API_SCALEKIT_CONNECT_H
#define API_SCALEKIT_CONNECT_H

#include "api/scalekit.h"

#define SCALEKIT_STATE_MAX      512
#define SCALEKIT_VERIFY_URL_MAX 2048

struct scalekit_link {
    char *url;          /* opaque, and whoever has it can connect an account: a secret */
    int64_t expires_ms; /* unix; 0: not said */
};
/* Wipes the URL. */
void scalekit_link_done(struct scalekit_link *link);

/* A link that lets the user connect, or connect again, on this connection; creates the account when
 * there is none. After consent the browser comes back to `verify_url` with `state` and an
 * auth_request_id. OK or E_UPSTREAM (E_CANCELLED) with `out_error`: class BAD_CALL with status 404
 * is a connection name that does not exist. */
enum err scalekit_magic_link(struct scalekit *s, const struct scalekit_call *call,
                             const char *connection_name, const char *identifier,
                             const char *verify_url, const char *state,
                             struct scalekit_link *out_link,
                             struct scalekit_error *out_error) MUST_CHECK;

enum scalekit_verdict {
    SCALEKIT_VERIFIED,       /* the account is ACTIVE */
    SCALEKIT_WRONG_USER,     /* the link was made for somebody else: nothing was activated */
    SCALEKIT_VERIFY_GONE,    /* unknown, expired or already used */
    SCALEKIT_VERIFY_UNCLEAR, /* sent, and no clear answer */
    SCALEKIT_VERDICT_COUNT
};
/* Tells ScaleKit who came back with `auth_request_id`; `identifier` comes from the server's own
 * records, never from the URL. Sent once: the service uses a request up, so that a repeat could
 * turn a success into "not found". After GONE and UNCLEAR the status of the account decides.
 * E_UPSTREAM (E_CANCELLED) with `out_error` when nothing was verified and trying again is fine.
 * `out_redirect_url` is where ScaleKit wants the browser next, or NULL; the caller frees it. */
enum err scalekit_verify(struct scalekit *s, const struct scalekit_call *call,
                         const char *auth_request_id, const char *identifier,
                         enum scalekit_verdict *out_verdict, char **out_redirect_url,
                         struct scalekit_error *out_error) MUST_CHECK;

/* Removes the account with its tokens at ScaleKit. One that is not there is fine. */
enum err scalekit_account_delete(struct scalekit *s, const struct scalekit_call *call,
                                 const char *connection_name, const char *identifier,
                                 struct scalekit_error *out_error) MUST_CHECK;

#endif
