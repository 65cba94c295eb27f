/*
 * Table `user_params`: what a user chose as own defaults for a recipe.
 */
#ifndef STORE_USER_PARAMS_H
#define STORE_USER_PARAMS_H

#include "store/store.h"

struct user_params_row {
    char *params;   /* JSON object, only what was chosen */
    char *timezone; /* NULL: not chosen */
    int64_t updated_ms;
};
void user_params_row_done(struct user_params_row *row);

/* E_NOT_FOUND: nothing was chosen. */
enum err store_user_params_find(struct store *store, const char *user_id, const char *recipe,
                                struct user_params_row *out_row) MUST_CHECK;
/* Takes the place of what was chosen before. The user may be new. */
enum err store_user_params_put(struct store *store, const char *user_id, const char *recipe,
                               const struct user_params_row *row) MUST_CHECK;

#endif
