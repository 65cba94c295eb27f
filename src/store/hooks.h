/*
 * Table `hook_receipts`: webhooks that were taken, and what they do to `connections`: the row is to
 * be read anew.
 */
#ifndef STORE_HOOKS_H
#define STORE_HOOKS_H

#include "store/store.h"

#define HOOK_ID_MAX 200

/* What a webhook is about; any of these may be NULL. */
struct hook_subject {
    const char *user_id;
    const char *connection_name;
    const char *account_id;
};

/* Takes the webhook `id` once: connections that it is about become due now; when it names none and
 * its account is not known, those of its user that are not usable. E_CONFLICT: it was taken before,
 * nothing is changed. */
enum err store_hook_take(struct store *store, const char *id, const struct hook_subject *subject,
                         int64_t *out_n_due) MUST_CHECK;

#endif
