/*
 * Small files: configuration, keys, secrets.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/str.h"

/* Appends the whole file to `out`. E_NOT_FOUND, E_LIMIT (larger than `bytes_max`), E_INVALID (no
 * plain file), E_DENIED (not readable); the story names the path. */
enum err file_read(const char *path, size_t bytes_max, struct str *out) MUST_CHECK;
/* Creates a new file with `mode` and syncs it and its directory; E_CONFLICT when it exists. */
enum err file_create(const char *path, const void *bytes, size_t len, unsigned mode) MUST_CHECK;
bool file_exists(const char *path);
/* Syncs the complete file `from` and gives it the name `to`, in one step, then syncs the directory
 * (both names are in the same one). E_CONFLICT when there is such a file and `may_replace` is not
 * set; on an error `from` is still there. */
enum err file_publish(const char *from, const char *to, bool may_replace) MUST_CHECK;
/* For root, who works on the files of a service that is somebody else: `path` then belongs to whom
 * `like` belongs to, a file or folder, or the folder of a file that is not there. */
enum err file_take_owner(const char *path, const char *like) MUST_CHECK;
/* No matter whether it exists. */
void file_remove(const char *path);
/* Do both paths name one existing file, whatever links lead to it? */
bool file_is_same(const char *a, const char *b);
/* Where the symbolic links at `path` lead, to a file or to nothing yet; without one the path itself.
 * E_INVALID: in a circle. */
enum err file_follow(const char *path, struct str *out_path) MUST_CHECK;

/* A lock on `path` for as long as the process lives or until file_unlock(): flock on a file of its
 * own that holds the process id in decimal. E_BUSY when another process has it: the story names the
 * file and that process. */
struct file_lock {
    int fd; /* -1: not held */
};
enum err file_lock(const char *path, struct file_lock *out_lock) MUST_CHECK;
void file_unlock(struct file_lock *lock);

#endif
