/*
 * The signature of a webhook. Pure.
 *
 * Standard Webhooks, "Signature scheme": "v1," and the base64 of HMAC-SHA256, keyed with the bytes
 * behind "whsec_", over "<webhook-id>.<webhook-timestamp>.<body>".
 */
#ifndef NOTIFY_SIGNATURE_H
#define NOTIFY_SIGNATURE_H

#include "base/str.h"

/* `at_s`: seconds since 1970, the time of this try. */
void webhook_sign(const struct str *key, const char *id, int64_t at_s, const char *body,
                  struct str *out);

#endif
