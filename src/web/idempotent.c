#include "web/idempotent.h"

#include "web/server.h"

#include <stdio.h>
#include <string.h>

bool idempotency_key(struct request *rq, const char **out_key)
{
    *out_key = request_header(rq, "Idempotency-Key");
    if (!*out_key) return true;
    size_t len = strlen(*out_key);
    bool is_plain = len >= 1 && len <= IDEMPOTENCY_KEY_MAX;
    for (size_t i = 0; i < len; i++)
        is_plain = is_plain && (*out_key)[i] >= 0x20 && (*out_key)[i] < 0x7f;
    if (is_plain) return true;
    AUTO(field_errors_done) struct field_errors errors = {0};
    field_error(&errors, "Idempotency-Key", "must have 1 to 255 printable ASCII characters");
    reply_invalid(rq, &errors);
    return false;
}

bool idempotency_fingerprint(struct request *rq, char out[SHA256_HEX_LEN + 1])
{
    AUTO(str_done) struct str canonical = {0};
    if (rq->body.len > 0) {
        enum err e = json_canonical(&canonical, rq->body.data, rq->body.len);
        if (e) {
            reply_problem(rq, PROBLEM_invalid_json, "The body is not acceptable JSON: %s.",
                          err_detail());
            return false;
        }
    }
    sha256_hex(str_text(&canonical), canonical.len, out);
    return true;
}

static struct run_idempotency scope_of(const struct request *rq,
                                       const struct idempotent *idempotent)
{
    return (struct run_idempotency){.principal = rq->principal.name,
                                    .route = idempotent->route,
                                    .key = idempotent->key,
                                    .fingerprint = idempotent->fingerprint};
}

static void key_reused(struct request *rq)
{
    reply_problem(rq, PROBLEM_idempotency_key_reused,
                  "This key was used for another body; choose a new one.");
}

bool idempotent_read(struct request *rq, struct idempotent *out)
{
    *out = (struct idempotent){0};
    if (!idempotency_key(rq, &out->key)) return false;
    if (!out->key) return true;
    snprintf(out->route, sizeof(out->route), "POST %s", rq->uri);
    return idempotency_fingerprint(rq, out->fingerprint);
}

bool idempotent_begin(struct request *rq, struct idempotent *out)
{
    if (!idempotent_read(rq, out)) return false;
    if (!out->key) return true;
    struct run_idempotency what = scope_of(rq, out);
    struct run_answer answer = {0};
    enum err e = store_idempotency_find(rq->web->options.store, &what, &answer);
    if (e == E_NOT_FOUND) return true;
    if (e == E_CONFLICT) {
        key_reused(rq);
    } else if (e) {
        reply_error(rq, e, "looking up an idempotency key");
    } else {
        reply_header(rq, "Idempotent-Replayed", "true");
        reply_json(rq, answer.http_status, &answer.body);
    }
    str_done(&answer.body);
    return false;
}

void idempotent_reply(struct request *rq, const struct idempotent *idempotent, int status,
                      struct str *body)
{
    if (!idempotent->key) {
        reply_json(rq, status, body);
        return;
    }
    struct run_idempotency what = scope_of(rq, idempotent);
    struct run_answer answer = {.http_status = status};
    str_move(&answer.body, body);
    bool is_replay = false;
    enum err e = store_idempotency_put(rq->web->options.store, &what, &answer, &is_replay);
    if (is_replay) reply_header(rq, "Idempotent-Replayed", "true");
    if (e == E_CONFLICT)
        key_reused(rq);
    else if (e)
        reply_error(rq, e, "keeping the answer under its idempotency key");
    else
        reply_json(rq, answer.http_status, &answer.body);
    str_done(&answer.body);
}

struct store_once
idempotent_once(const struct request *rq, const struct idempotent *idempotent,
                void (*render)(void *ctx, const void *row, struct run_answer *out), void *ctx)
{
    return (struct store_once){.what = scope_of(rq, idempotent), .render = render, .ctx = ctx};
}

void idempotent_answer(struct request *rq, struct store_once *once)
{
    if (once->is_reused) {
        key_reused(rq);
        return;
    }
    if (once->is_replayed) reply_header(rq, "Idempotent-Replayed", "true");
    reply_json(rq, once->answer.http_status, &once->answer.body);
}
