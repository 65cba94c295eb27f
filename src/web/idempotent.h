/*
 * Idempotency-Key on POSTs: the first answer is kept and given again. For those that are safe to
 * repeat by themselves it is written after the work, for the others with it, so that repetitions at
 * the same time do it once. (Creations: web/briefings_post.c, web/webhook_endpoints_post.c.)
 */
#ifndef WEB_IDEMPOTENT_H
#define WEB_IDEMPOTENT_H

#include "store/idempotency.h"
#include "web/reply.h"

#define IDEMPOTENCY_KEY_MAX   255
#define IDEMPOTENCY_ROUTE_MAX (PATH_BYTES_MAX + 16)

/* The header when it is 1 to 255 printable ASCII characters; *out_key NULL when there is none.
 * False: answered with 400. */
bool idempotency_key(struct request *rq, const char **out_key);
/* SHA-256 of the canonical body, hex; of "" for an empty one. False: answered. */
bool idempotency_fingerprint(struct request *rq, char out[SHA256_HEX_LEN + 1]);

struct idempotent {
    const char *key;                   /* NULL: the caller sent none */
    char route[IDEMPOTENCY_ROUTE_MAX]; /* scope: the method and the whole path */
    char fingerprint[SHA256_HEX_LEN + 1];
};
/* What the request says. False: answered with 400. */
bool idempotent_read(struct request *rq, struct idempotent *out);
/* The same, and looks it up. True: go on. False: the request is answered (replayed, or refused). */
bool idempotent_begin(struct request *rq, struct idempotent *out);
/* Keeps a 2xx answer under the key and sends it; when another request with the key was first, sends
 * that one's, or refuses. `body` is emptied. */
void idempotent_reply(struct request *rq, const struct idempotent *idempotent, int status,
                      struct str *body);

/* For work that must not be done twice, after idempotent_read(): goes to a function of the store … */
struct store_once
idempotent_once(const struct request *rq, const struct idempotent *idempotent,
                void (*render)(void *ctx, const void *row, struct run_answer *out), void *ctx);
/* … and its answer to the caller, when that succeeded or once->is_reused. */
void idempotent_answer(struct request *rq, struct store_once *once);

#endif
