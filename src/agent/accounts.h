/*
 * The truth about a user's accounts: ask ScaleKit, ask the provider who it is, keep what they said.
 *
 * Used by `prepare`, by the check endpoint and wherever the status of a connection is in doubt.
 * Blocks for calls to ScaleKit; any thread.
 */
#ifndef AGENT_ACCOUNTS_H
#define AGENT_ACCOUNTS_H

#include "agent/agent.h"
#include "store/connections.h"

/* Only this word of ScaleKit's is usable; unknown ones are not. */
bool account_is_usable(const char *status);
/* The same of what is stored: neither is a connection that waits for the host's confirmation. */
bool connection_is_usable(const struct connection_row *row);
/* What a row is to be called towards people and callers: ScaleKit's word, or ours. */
const char *connection_status(const struct connection_row *row);
#define ACCOUNT_PENDING_CONFIRMATION "PENDING_CONFIRMATION"
#define ACCOUNT_NOT_CONNECTED        "NOT_CONNECTED" /* our word for "ScaleKit has no account" */

/* Fetches the accounts of these connectors in one call, stores them and returns them in the order
 * asked for, also the missing ones. `with_probe`: for ACTIVE ones the connector's probe tool says
 * who is connected; a probe that says the account is not authorised any more makes its status
 * "EXPIRED" here. A connector without a connection name in this deployment: E_INVALID. OK, or
 * E_UPSTREAM (E_CANCELLED) with `out_error`. */
enum err accounts_refresh(const struct agent *agent, const struct scalekit_call *call,
                          const char *user_id, const char *const *connectors, size_t n,
                          bool with_probe, struct connection_list *out_list,
                          struct scalekit_error *out_error) MUST_CHECK;

/* Asks only the probe of one connector: the identity as canonical JSON of the connector's identity
 * members. */
enum err accounts_probe(const struct agent *agent, const struct scalekit_call *call,
                        const char *user_id, const struct connector *connector,
                        struct str *out_identity, struct scalekit_error *out_error) MUST_CHECK;

/* A call showed that the account is not usable any more: the stored status becomes `status`. */
enum err accounts_mark(const struct agent *agent, const char *user_id, const char *connector,
                       const char *status) MUST_CHECK;

#endif
