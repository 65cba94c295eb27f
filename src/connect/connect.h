/*
 * Connect: how a user's account becomes usable, and whether it still is.
 *
 *   ticket ─▶ browser's session ─▶ flow ─▶ consent at the provider ─▶ back ─▶ verified ─▶ stored
 *   check, ScaleKit's webhook, slow reading anew ──────────────────────────────────────▶ stored
 *
 * Whatever changes a stored connection tells `changed`, so that what waits for it goes on. All
 * functions may be called from any thread; those with an `out_error` call ScaleKit and may take
 * half a minute. One thread of its own reads connections anew: at once what a webhook spoke of,
 * slowly what was not read for long.
 */
#ifndef CONNECT_CONNECT_H
#define CONNECT_CONNECT_H

#include "agent/agent.h"
#include "store/connections.h"
#include "store/idempotency.h"

struct connect;

struct connect_options {
    const struct agent *agent;  /* its store, catalogue and ScaleKit */
    const char *public_url;     /* where providers send browsers back to */
    const char *scalekit_url;   /* links lead there … */
    const char *link_hosts;     /* … or to one of these hosts, separated by commas; NULL: none */
    const char *webhook_secret; /* "whsec_…"; NULL: no webhook is taken */
    int64_t recheck_after_ms;   /* a connection not read for so long is read anew */
    /* Something was stored about this user's connections. Any thread. */
    void (*changed)(void *ctx, const char *user_id);
    void *ctx;
};

enum err connect_start(const struct connect_options *options,
                       struct connect **out_connect) MUST_CHECK;
/* What is being asked of ScaleKit is called off, and from now on nothing is asked. NULL is fine for
 * both. */
void connect_call_off(struct connect *connect);
/* The same, and joins the thread. */
void connect_stop(struct connect *connect);

/* Asks ScaleKit and the provider now. E_UPSTREAM (E_CANCELLED) with `out_error`: nothing changed.
 * E_INVALID: the connector is not offered here. */
enum err connect_check(struct connect *connect, const char *user_id, const char *connector,
                       struct connection_row *out_row, struct scalekit_error *out_error) MUST_CHECK;
/* Removes the account at ScaleKit, tokens included; one that is not there is fine. E_UPSTREAM with
 * `out_error`: nothing changed. */
enum err connect_remove(struct connect *connect, const char *user_id, const char *connector,
                        const char *actor, struct scalekit_error *out_error) MUST_CHECK;
/* The host accepts who is connected; see store_connection_confirm(). */
enum err connect_confirm(struct connect *connect, const char *user_id, const char *connector,
                         int64_t version, const char *actor, struct store_once *once,
                         struct connection_row *out_row) MUST_CHECK;

/* The secret was read anew; NULL: no webhook is taken from now on. */
void connect_set_webhook_secret(struct connect *connect, const char *secret);

/* There is something to be read anew. */
void connect_wake(struct connect *connect);

/* A name among a JSON array of names; NULL holds all. */
bool names_include(const char *names, const char *name);

#endif
