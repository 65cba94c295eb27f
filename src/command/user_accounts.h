/*
 * A user's accounts at ScaleKit, from the command line: who has some, and removing them. Their
 * tokens are kept there and not here, so deleting what is here would leave them behind.
 */
#ifndef COMMAND_USER_ACCOUNTS_H
#define COMMAND_USER_ACCOUNTS_H

#include "config/config.h"
#include "store/store.h"

/* Names of the connectors behind which an account is known, separated by commas. */
enum err user_accounts_list(struct store *store, const char *user_id,
                            struct str *out_names) MUST_CHECK;
/* Removes each of them with its tokens. Needs the whole configuration. E_UPSTREAM: not all are
 * removed. */
enum err user_accounts_remove(const struct config *config, struct store *store,
                              const char *user_id) MUST_CHECK;

#endif
