#include "base/file.h"

#include "base/fault.h"

#include "base/crypt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static void close_fd(const int *fd)
{
    if (*fd >= 0) close(*fd);
}

#define LINKS_MAX  40 /* as many as the kernel follows */
#define TARGET_MAX 1024

static enum err fail_open(const char *path, int os_error)
{
    const char *why = strerrordesc_np(os_error);
    if (os_error == ENOENT || os_error == ENOTDIR)
        return fail(E_NOT_FOUND, "%s: there is no such file", path);
    if (os_error == EACCES || os_error == EPERM)
        return fail(E_DENIED, "%s cannot be opened: %s", path, why);
    return fail(E_INVALID, "%s cannot be opened: %s", path, why);
}

/* Appends until the end of the file or until one byte more than allowed was seen. */
static enum err read_all(int fd, const char *path, size_t bytes_max, struct str *out)
{
    size_t n_read = 0;
    char piece[2048];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(E_INVALID, "%s cannot be read: %s", path, strerrordesc_np(errno));
        if (n == 0) break;
        n_read += (size_t)n;
        if (n_read > bytes_max) break;
        str_append(out, piece, (size_t)n);
    }
    mem_wipe(piece, sizeof piece);
    if (n_read > bytes_max || !str_ok(out))
        return fail(E_LIMIT, "%s is larger than %zu bytes", path, bytes_max);
    return E_OK;
}

enum err file_read(const char *path, size_t bytes_max, struct str *out)
{
    /* Without O_NONBLOCK, opening a named pipe would wait for a writer. */
    AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return fail_open(path, errno);
    struct stat status;
    if (fstat(fd, &status) != 0) return fail_open(path, errno);
    if (!S_ISREG(status.st_mode)) return fail(E_INVALID, "%s is no plain file", path);
    size_t len_before = out->len;
    if (status.st_size > 0 && (uint64_t)status.st_size <= bytes_max)
        str_reserve(out, (size_t)status.st_size);
    enum err e = read_all(fd, path, bytes_max, out);
    if (e) str_truncate(out, len_before);
    return e;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = fault_fails("write") ? -1 : write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
}

static bool sync_directory_of(const char *path)
{
    AUTO(xfree_ptr) char *directory = directory_of(path);
    AUTO(close_fd) int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && fsync(fd) == 0;
}

static bool write_new(const char *path, const void *bytes, size_t len, unsigned mode)
{
    AUTO(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    return fd >= 0 && write_all(fd, bytes, len) && fsync(fd) == 0;
}

enum err file_create(const char *path, const void *bytes, size_t len, unsigned mode)
{
    /* Written under another name and linked when it is complete: a crash leaves either nothing or
     * the whole file under `path`, and link() never replaces one. */
    char id[ID_MAX];
    id_new("new", id);
    AUTO(str_done) struct str draft = {0};
    str_append_format(&draft, "%s.%s", path, id);

    bool is_written = write_new(str_text(&draft), bytes, len, mode);
    bool is_linked = is_written && link(str_text(&draft), path) == 0;
    int os_error = errno;
    unlink(str_text(&draft));
    if (is_linked && sync_directory_of(path)) return E_OK;
    if (is_linked)
        return fail(E_STORAGE, "the directory of %s cannot be synced: %s", path,
                    strerrordesc_np(errno));
    if (is_written && os_error == EEXIST) return fail(E_CONFLICT, "%s exists already", path);
    if (os_error == EACCES || os_error == EPERM || os_error == EROFS)
        return fail(E_DENIED, "%s cannot be created: %s", path, strerrordesc_np(os_error));
    return fail(E_STORAGE, "%s cannot be written: %s", path, strerrordesc_np(os_error));
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool sync_file(const char *path)
{
    AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return fd >= 0 && fsync(fd) == 0;
}

enum err file_publish(const char *from, const char *to, bool may_replace)
{
    if (!sync_file(from))
        return fail(E_STORAGE, "%s cannot be synced: %s", from, strerrordesc_np(errno));
    int code = may_replace ? rename(from, to) : link(from, to); /* link() never replaces a file */
    if (code != 0 && errno == EEXIST) return fail(E_CONFLICT, "%s exists already", to);
    if (code != 0)
        return fail(E_STORAGE, "%s cannot become %s: %s", from, to, strerrordesc_np(errno));
    if (!may_replace) unlink(from);
    if (!sync_directory_of(to))
        return fail(E_STORAGE, "the directory of %s cannot be synced: %s", to,
                    strerrordesc_np(errno));
    return E_OK;
}

enum err file_take_owner(const char *path, const char *like)
{
    struct stat st;
    AUTO(xfree_ptr) char *directory = directory_of(like);
    if (geteuid() != 0 || (stat(like, &st) != 0 && stat(directory, &st) != 0)) return E_OK;
    if (chown(path, st.st_uid, st.st_gid) == 0) return E_OK;
    return fail(E_STORAGE, "%s cannot be given to the owner of %s: %s", path, like,
                strerrordesc_np(errno));
}

void file_remove(const char *path)
{
    (void)unlink(path);
}

bool file_is_same(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

enum err file_follow(const char *path, struct str *out_path)
{
    str_append_text(out_path, path);
    for (int i = 0; i < LINKS_MAX; i++) {
        char target[TARGET_MAX];
        ssize_t len = readlink(str_text(out_path), target, sizeof target);
        if (len < 0) return E_OK;
        if (len == (ssize_t)sizeof target) break;
        const char *slash = strrchr(str_text(out_path), '/');
        size_t folder_len = slash ? (size_t)(slash + 1 - str_text(out_path)) : 0;
        str_truncate(out_path, target[0] == '/' ? 0 : folder_len);
        str_append(out_path, target, (size_t)len);
    }
    return fail(E_INVALID, "%s is a symbolic link that leads nowhere", path);
}

/* ---- lock ---- */

/* "process 123 (briefd)", as far as it can be told. */
static void describe_holder(int fd, struct str *out)
{
    char digits[16] = "";
    ssize_t n = pread(fd, digits, sizeof digits - 1, 0);
    int64_t pid;
    size_t len = n > 0 ? strspn(digits, "0123456789") : 0;
    if (!text_is_i64(digits, len, &pid)) {
        str_append_text(out, "another process");
        return;
    }
    str_append_format(out, "process %lld", (long long)pid);
    char path[64];
    snprintf(path, sizeof path, "/proc/%lld/comm", (long long)pid);
    AUTO(str_done) struct str comm = {0};
    if (file_read(path, 64, &comm) != E_OK) return;
    /* A process names itself: only what is harmless to print. */
    str_append_text(out, " (");
    for (size_t i = 0; i < comm.len; i++)
        if (comm.data[i] >= ' ' && comm.data[i] <= '~') str_append_char(out, comm.data[i]);
    str_append_char(out, ')');
}

enum err file_lock(const char *path, struct file_lock *out_lock)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return fail_open(path, errno);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int os_error = errno;
        AUTO(str_done) struct str holder = {0};
        describe_holder(fd, &holder);
        close(fd);
        if (os_error == EWOULDBLOCK)
            return fail(E_BUSY, "%s is held by %s", path, str_text(&holder));
        return fail(E_STORAGE, "%s cannot be locked: %s", path, strerrordesc_np(os_error));
    }
    char pid[16];
    int len = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || !write_all(fd, pid, (size_t)len)) {
        int os_error = errno;
        close(fd);
        return fail(E_STORAGE, "%s cannot be written: %s", path, strerrordesc_np(os_error));
    }
    out_lock->fd = fd;
    return E_OK;
}

void file_unlock(struct file_lock *lock)
{
    /* The file stays: were it removed, a process that has it open already could lock a file that
     * nobody else can find. */
    if (lock->fd >= 0) close(lock->fd);
    lock->fd = -1;
}
