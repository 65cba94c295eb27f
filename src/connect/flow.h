/*
 * One connection being made, from our button to the provider and back.
 *
 *   flow_start   a row and ScaleKit's link; the browser gets a cookie that belongs to this flow
 *   flow_link    the page before the link asks for it
 *   flow_finish  the browser is back: state, cookie, session, user and connector must all agree,
 *                then the flow is used up, and only then anything else happens
 *
 * The state is the flow's id, a dot and 256 random bits; only hashes of it and of the cookie are
 * stored. Who may connect what is the session's; whom it is for is never taken from a request.
 */
#ifndef CONNECT_FLOW_H
#define CONNECT_FLOW_H

#include "connect/connect.h"
#include "store/sessions.h"

#define FLOW_LIFE_MS         (INT64_C(10) * 60 * 1000)
#define FLOW_STATE_BYTES_MAX 512

struct flow_begin {
    const struct session_row *session;
    const struct connector *connector; /* offered here */
    const char *return_to;             /* a path of ours, or NULL */
};
struct flow_begun {
    char id[ID_MAX];
    char *cookie; /* its value: a secret */
};
void flow_begun_done(struct flow_begun *begun);

/* E_NOT_FOUND: the session has ended. E_LIMIT: too many are open. E_PROTOCOL: ScaleKit's link leads
 * to a host that is not its own. E_UPSTREAM with `out_error`. */
enum err flow_start(struct connect *connect, const struct flow_begin *begin,
                    struct flow_begun *out_begun, struct scalekit_error *out_error) MUST_CHECK;

/* ScaleKit's link of an open flow of this session, connector and cookie. E_NOT_FOUND otherwise. */
enum err flow_link(struct connect *connect, const struct session_row *session,
                   const char *connector, const char *id, const char *cookie,
                   char **out_link) MUST_CHECK;

/* The id at the beginning of a state; false for a text that is none of ours. */
bool flow_state_id(const char *state, char out_id[ID_MAX]);
/* Is this an address that a browser may be sent to: https (http only on this machine), on
 * ScaleKit's host or one of `more_hosts`? Pure. */
bool flow_link_is_allowed(const char *link, const char *scalekit_url, const char *more_hosts);

/* How a flow ended, each with a page of its own. */
enum flow_end {
    FLOW_CONNECTED,            /* ACTIVE, and it is known who */
    FLOW_PENDING_CONFIRMATION, /* the same, and the host has to accept it */
    FLOW_CONNECTED_UNSEEN,     /* verified, but neither status nor identity could be read yet */
    FLOW_DECLINED,             /* the person said no */
    FLOW_PROVIDER_FAILED,      /* another error than that */
    FLOW_NOT_OURS,             /* no such state, or not as it should be */
    FLOW_OTHER_BROWSER,        /* no cookie of this flow, or no session */
    FLOW_OTHER_USER,           /* signed in as somebody else, or signed out meanwhile */
    FLOW_USED,
    FLOW_EXPIRED,
    FLOW_WRONG_PERSON, /* ScaleKit: the link was made for somebody else */
    FLOW_GONE,         /* ScaleKit does not know the request any more */
    FLOW_UNCLEAR,      /* no answer, and the account does not show that it worked */
    FLOW_NOT_ACTIVE,   /* verified, and still not usable */
    FLOW_UNREACHABLE   /* ScaleKit could not be asked; nothing was connected */
};
struct flow_return {
    const struct session_row *session; /* NULL: the browser has none */
    const char *connector;
    const char *state;           /* as it came */
    const char *cookie;          /* of that flow; NULL: the browser has none */
    const char *auth_request_id; /* NULL: there is an error instead */
    const char *error;
};
struct flow_result {
    enum flow_end end;
    struct connection_row row; /* as stored, when it was read */
    char *return_to;           /* a path of ours, or NULL */
};
void flow_result_done(struct flow_result *result);

/* Errors: storage only; everything else is an end. */
enum err flow_finish(struct connect *connect, const struct flow_return *back,
                     struct flow_result *out_result) MUST_CHECK;

#endif
