/*
 * Idempotency-Key on POSTs that are safe to repeat by themselves: the first answer is kept and
 * given again. (Creations keep theirs in the transaction of the run: web/briefings_post.c.)
 */
#ifndef WEB_IDEMPOTENT_H
#define WEB_IDEMPOTENT_H

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
/* True: go on. False: the request is answered (replayed, or refused). */
bool idempotent_begin(struct request *rq, struct idempotent *out);
/* Keeps a 2xx answer under the key and sends it; when another request with the key was first, sends
 * that one's, or refuses. `body` is emptied. */
void idempotent_reply(struct request *rq, const struct idempotent *idempotent, int status,
                      struct str *body);

#endif
