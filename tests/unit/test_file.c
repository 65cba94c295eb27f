/* Small files and the lock. Uses a directory of its own below /tmp. */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[32];

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int make_directory(void **state)
{
    (void)state;
    memcpy(directory, "/tmp/briefd-file-XXXXXX", 24);
    return mkdtemp(directory) ? 0 : -1;
}

static size_t count_files(void)
{
    size_t n = 0;
    DIR *dir = opendir(directory);
    assert_non_null(dir);
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

static int remove_directory(void **state)
{
    (void)state;
    DIR *dir = opendir(directory);
    if (!dir) return -1;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove(path_of(entry->d_name));
    closedir(dir);
    return rmdir(directory);
}

static void a_created_file_is_read_back(void **state)
{
    (void)state;
    assert_false(file_exists(path_of("key")));
    assert_int_equal(file_create(path_of("key"), "a\0b\n", 4, 0600), E_OK);
    assert_true(file_exists(path_of("key")));
    AUTO(str_done) struct str text = {0};
    str_append_text(&text, "before:");
    assert_int_equal(file_read(path_of("key"), 4, &text), E_OK);
    assert_int_equal(text.len, 11);
    assert_memory_equal(text.data, "before:a\0b\n", 11);
    struct stat status;
    assert_int_equal(stat(path_of("key"), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(count_files(), 1);
}

static void a_file_is_never_replaced(void **state)
{
    (void)state;
    assert_int_equal(file_create(path_of("key"), "first", 5, 0600), E_OK);
    assert_int_equal(file_create(path_of("key"), "second", 6, 0600), E_CONFLICT);
    assert_non_null(strstr(err_detail(), path_of("key")));
    AUTO(str_done) struct str text = {0};
    assert_int_equal(file_read(path_of("key"), 100, &text), E_OK);
    assert_string_equal(str_text(&text), "first");
    assert_int_equal(symlink("nowhere", path_of("link")), 0);
    assert_int_equal(file_create(path_of("link"), "x", 1, 0600), E_CONFLICT);
    assert_int_equal(count_files(), 2);
}

static void creating_in_a_missing_directory_leaves_nothing(void **state)
{
    (void)state;
    assert_int_equal(file_create(path_of("no/such/key"), "x", 1, 0600), E_STORAGE);
    assert_non_null(strstr(err_detail(), "no/such/key"));
    assert_int_equal(count_files(), 0);
}

static void a_file_above_the_limit_is_refused(void **state)
{
    (void)state;
    char big[10000];
    memset(big, 'x', sizeof big);
    assert_int_equal(file_create(path_of("big"), big, sizeof big, 0644), E_OK);
    AUTO(str_done) struct str text = {0};
    assert_int_equal(file_read(path_of("big"), sizeof big - 1, &text), E_LIMIT);
    assert_int_equal(text.len, 0);
    assert_int_equal(file_read(path_of("big"), sizeof big, &text), E_OK);
    assert_int_equal(text.len, sizeof big);
    AUTO(str_done) struct str small = STR_LIMIT(100);
    assert_int_equal(file_read(path_of("big"), sizeof big, &small), E_LIMIT);
    /* The kernel says that these have no size. */
    str_clear(&text);
    assert_int_equal(file_read("/proc/self/status", 100, &text), E_LIMIT);
    assert_int_equal(file_read("/proc/self/status", 100000, &text), E_OK);
    assert_true(text.len > 100);
}

static void only_plain_files_are_read(void **state)
{
    (void)state;
    AUTO(str_done) struct str text = {0};
    assert_int_equal(file_read(path_of("none"), 100, &text), E_NOT_FOUND);
    assert_non_null(strstr(err_detail(), path_of("none")));
    assert_int_equal(file_create(path_of("plain"), "", 0, 0600), E_OK);
    assert_int_equal(file_read(path_of("plain/below"), 100, &text), E_NOT_FOUND);
    assert_int_equal(file_read(directory, 100, &text), E_INVALID);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_int_equal(file_read(path_of("fifo"), 100, &text), E_INVALID);
    assert_int_equal(file_read("/dev/zero", 100, &text), E_INVALID);
    assert_int_equal(file_read(path_of("plain"), 0, &text), E_OK);
    assert_int_equal(text.len, 0);
}

/* ---- lock ---- */

/* A process that holds the lock from before this returns until `*out_release` is closed. */
static pid_t start_holder(const char *path, int *out_release)
{
    int ready[2];
    int release[2];
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    assert_int_equal(pipe2(release, O_CLOEXEC), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_NAME, "hol\x1B"
                           "der");
        struct file_lock lock = {.fd = -1};
        char byte = file_lock(path, &lock) == E_OK ? 'y' : 'n';
        close(release[1]);
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        while (read(release[0], &byte, 1) > 0)
            ;
        _exit(0);
    }
    char byte = 0;
    close(ready[1]);
    close(release[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    assert_int_equal(byte, 'y');
    *out_release = release[1];
    return child;
}

static void the_lock_file_names_its_holder(void **state)
{
    (void)state;
    struct file_lock lock = {.fd = -1};
    assert_int_equal(file_create(path_of("lock"), "99999999999\nrest", 16, 0600), E_OK);
    assert_int_equal(file_lock(path_of("lock"), &lock), E_OK);
    AUTO(str_done) struct str text = {0};
    assert_int_equal(file_read(path_of("lock"), 100, &text), E_OK);
    int64_t pid;
    assert_int_equal(text.data[text.len - 1], '\n');
    assert_true(text_is_i64(text.data, text.len - 1, &pid));
    assert_int_equal(pid, getpid());
    assert_int_equal(fcntl(lock.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    file_unlock(&lock);
    assert_int_equal(lock.fd, -1);
    file_unlock(&lock);
}

static void a_second_process_is_refused_and_told_by_whom(void **state)
{
    (void)state;
    char path[128];
    memcpy(path, path_of("briefd.db.lock"), sizeof path);
    int release;
    pid_t child = start_holder(path, &release);
    struct file_lock lock = {.fd = -1};
    assert_int_equal(file_lock(path, &lock), E_BUSY);
    char wanted[300];
    snprintf(wanted, sizeof wanted, "%s is held by process %d (holder)", path, (int)child);
    assert_string_equal(err_detail(), wanted);
    assert_int_equal(lock.fd, -1);

    close(release);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(file_lock(path, &lock), E_OK);
    file_unlock(&lock);
}

static void assert_leads_to(const char *path, const char *wanted)
{
    AUTO(str_done) struct str led = {0};
    assert_int_equal(file_follow(path, &led), E_OK);
    assert_string_equal(str_text(&led), wanted);
}

static void links_are_followed_to_their_end(void **state)
{
    (void)state;
    char file[128];
    memcpy(file, path_of("file"), sizeof file);
    assert_int_equal(symlink(file, path_of("absolute")), 0);
    assert_int_equal(symlink("absolute", path_of("relative")), 0);
    assert_int_equal(symlink("circle", path_of("circle")), 0);
    assert_leads_to(path_of("relative"), file); /* which need not exist */
    assert_int_equal(file_create(file, "x", 1, 0600), E_OK);
    assert_leads_to(path_of("relative"), file);
    assert_leads_to(path_of("absolute"), file);
    assert_leads_to(file, file);
    assert_leads_to("briefd.db", "briefd.db");
    AUTO(str_done) struct str led = {0};
    assert_int_equal(file_follow(path_of("circle"), &led), E_INVALID);
}

static void a_second_lock_in_the_same_process_is_refused_too(void **state)
{
    (void)state;
    struct file_lock first = {.fd = -1};
    struct file_lock second = {.fd = -1};
    assert_int_equal(file_lock(path_of("lock"), &first), E_OK);
    assert_int_equal(file_lock(path_of("lock"), &second), E_BUSY);
    file_unlock(&first);
    assert_int_equal(file_lock(path_of("lock"), &second), E_OK);
    file_unlock(&second);
}

static void a_lock_that_cannot_be_opened_is_told(void **state)
{
    (void)state;
    struct file_lock lock = {.fd = -1};
    assert_int_equal(file_lock(path_of("no/such/lock"), &lock), E_NOT_FOUND);
    assert_int_equal(symlink("target", path_of("link")), 0);
    assert_int_equal(file_lock(path_of("link"), &lock), E_INVALID);
    assert_false(file_exists(path_of("target")));
    assert_int_equal(lock.fd, -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_created_file_is_read_back),
        TEST(a_file_is_never_replaced),
        TEST(creating_in_a_missing_directory_leaves_nothing),
        TEST(a_file_above_the_limit_is_refused),
        TEST(only_plain_files_are_read),
        TEST(the_lock_file_names_its_holder),
        TEST(a_second_process_is_refused_and_told_by_whom),
        TEST(links_are_followed_to_their_end),
        TEST(a_second_lock_in_the_same_process_is_refused_too),
        TEST(a_lock_that_cannot_be_opened_is_told),
    };
    return cmocka_run_group_tests_name("base/file", tests, NULL, NULL);
}
