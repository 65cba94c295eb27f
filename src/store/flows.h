/*
 * Table `oauth_flows`: browsers on their way to a provider and back. A flow is good for ten minutes
 * and one return; of its state and its cookie only hashes are kept, ScaleKit's link is sealed.
 */
#ifndef STORE_FLOWS_H
#define STORE_FLOWS_H

#include "store/store.h"

struct flow_row {
    char *id; /* "of_…" */
    unsigned char state_hash[SHA256_LEN];
    unsigned char cookie_hash[SHA256_LEN];
    char *session_id;
    char *user_id;
    char *connector;
    bool needs_confirm;
    char *return_to; /* a path of ours; NULL: the front page */
    char *link;      /* ScaleKit's, a secret; NULL once it was used */
    int64_t created_ms, expires_ms;
    int64_t consumed_ms; /* 0: not yet */
};
/* Wipes the link. */
void flow_row_done(struct flow_row *row);

/* E_LIMIT: too many are open in this session. E_NOT_FOUND: the session has ended. */
enum err store_flow_create(struct store *store, const struct flow_row *row) MUST_CHECK;
/* Also one that was used or has expired, for a while. E_NOT_FOUND. */
enum err store_flow_find(struct store *store, const char *id, struct flow_row *out_row) MUST_CHECK;
/* Uses the flow up, once, and forgets its link. E_CONFLICT: used, expired, or gone. */
enum err store_flow_consume(struct store *store, const char *id) MUST_CHECK;

#endif
