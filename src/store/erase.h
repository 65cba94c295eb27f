/*
 * Everything that is kept about one user: told, and deleted. For the command line, beside a running
 * service.
 */
#ifndef STORE_ERASE_H
#define STORE_ERASE_H

#include "store/runs.h"

/* Writes a JSON object of all that is kept about the user, sealed texts opened, piece by piece.
 * Left out are hashes of tickets, sessions and cookies, and links that were sealed because whoever
 * has them could act for the user. E_NOT_FOUND: nothing is kept. An error of `write` ends it. */
typedef enum err export_write(void *ctx, const char *text, size_t len);
enum err store_user_export(struct store *store, const char *user_id, export_write *write,
                           void *ctx) MUST_CHECK;

/* E_CONFLICT: briefings of the user have not ended; the story says how many. */
enum err store_user_is_quiet(struct store *store, const char *user_id) MUST_CHECK;
struct user_erased {
    int64_t n_runs;
    bool was_known;
};
/* Deletes all of it, in small transactions; done again it goes on where it was interrupted. The
 * audit keeps that a user was erased, with the SHA-256 of the id. E_CONFLICT as
 * above. */
enum err store_user_erase(struct store *store, const char *user_id,
                          struct user_erased *out_erased) MUST_CHECK;
/* How often that was done: grows beside a running service. */
enum err store_erasures(struct store *store, int64_t *out_n) MUST_CHECK;

/* Writes the whole file anew, so that nothing deleted is left in unused parts of it, and empties
 * the WAL. Others may read meanwhile, and wait with writing. E_STORAGE: somebody was reading or
 * writing all the time; done again it may succeed. */
enum err store_compact(const char *path) MUST_CHECK;

#endif
