/* Memory that cannot fail and cleanup that cannot be forgotten. */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void allocations_are_zeroed_and_never_null(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 7, 4096, 300000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        AUTO(xfree_ptr) unsigned char *a = xmalloc(sizes[i]);
        AUTO(xfree_ptr) unsigned char *b = xcalloc(sizes[i], 3);
        assert_non_null(a);
        assert_non_null(b);
        for (size_t at = 0; at < sizes[i]; at++)
            assert_int_equal(a[at] | b[3 * at] | b[3 * at + 2], 0);
    }
    AUTO(xfree_ptr) void *of_no_members = xcalloc(0, 8);
    assert_non_null(of_no_members);
}

static void growing_keeps_the_content(void **state)
{
    (void)state;
    char *text = xstrdup("morning");
    text = xrealloc(text, 100000);
    assert_string_equal(text, "morning");
    text = xrealloc(text, 0);
    assert_non_null(text);
    xfree(text);
}

static void copies_end_at_the_length_or_at_the_nul(void **state)
{
    (void)state;
    AUTO(xfree_ptr) char *cut = xstrndup("briefing", 5);
    AUTO(xfree_ptr) char *whole = xstrndup("ab", 50);
    AUTO(xfree_ptr) char *empty = xstrndup("ab", 0);
    assert_string_equal(cut, "brief");
    assert_string_equal(whole, "ab");
    assert_string_equal(empty, "");
    assert_null(xstrdup(NULL));
    assert_null(xstrndup(NULL, 3));
    xfree(NULL);
    xfree_secret(NULL);
}

static void a_taken_pointer_leaves_its_variable_empty(void **state)
{
    (void)state;
    AUTO(xfree_ptr) char *held = xstrdup("x");
    char *before = held;
    AUTO(xfree_ptr) char *taken = take_ptr(&held);
    assert_ptr_equal(taken, before);
    assert_null(held);
}

static void a_wiped_secret_is_gone(void **state)
{
    (void)state;
    char secret[32] = "hunter2 hunter2 hunter2";
    static const char zeros[sizeof secret];
    mem_wipe(secret, sizeof secret);
    assert_memory_equal(secret, zeros, sizeof secret);
    mem_wipe(NULL, 0);
    AUTO(xfree_secret_ptr) char *owned = xstrdup("hunter2");
    assert_string_equal(owned, "hunter2");
}

/* Only whole pages may go: what stands around them, on the same pages, is somebody else's. */
static void what_is_given_back_ends_at_its_pages(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE), len = 6 * page;
    for (size_t first = 0; first < page; first += 511) {
        char *memory = xmalloc(len);
        memset(memory, 'x', len);
        size_t end = len - first / 2;
        mem_give_back(memory + first, end - first);
        for (size_t i = 0; i < first; i++)
            assert_int_equal(memory[i], 'x');
        for (size_t i = end; i < len; i++)
            assert_int_equal(memory[i], 'x');
        size_t n_gone = 0;
        for (size_t i = first; i < end; i++)
            n_gone += memory[i] == 0;
        assert_true(n_gone >= 3 * page && n_gone % page == 0);
        memset(memory, 'y', len); /* it can be used as before */
        xfree(memory);
    }
    char small[100] = "kept";
    mem_give_back(small, sizeof small);
    assert_string_equal(small, "kept");
}

/* Constants of the program, far apart: on pages of their own, and not yet in anybody's cache line. */
static const char constants[64 * KIB] = "the first";

static void what_the_start_needed_is_given_back_and_comes_again(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *kept = xstrdup("kept");
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof constants; i += page)
        sum += (unsigned char)constants[i];
    mem_settle();
    assert_string_equal(kept, "kept");
    assert_string_equal(constants, "the first");
    for (size_t i = 0; i < sizeof constants; i += page)
        sum -= (unsigned char)constants[i];
    assert_int_equal(sum, 0);
    xfree(kept);
}

/* A sanitizer ends a process that is out of memory in its own way. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
static void out_of_memory_aborts_with_a_message(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL); /* cmocka would report the abort as its own */
        volatile size_t too_much = PTRDIFF_MAX;
        xfree(xmalloc(too_much));
        _exit(0);
    }
    close(ends[1]);
    char message[256] = "";
    assert_true(read(ends[0], message, sizeof message - 1) > 0);
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(message, "out of memory"));
}
#endif

int main(void)
{
    mem_tune();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_zeroed_and_never_null),
        cmocka_unit_test(growing_keeps_the_content),
        cmocka_unit_test(copies_end_at_the_length_or_at_the_nul),
        cmocka_unit_test(a_taken_pointer_leaves_its_variable_empty),
        cmocka_unit_test(a_wiped_secret_is_gone),
        cmocka_unit_test(what_is_given_back_ends_at_its_pages),
        cmocka_unit_test(what_the_start_needed_is_given_back_and_comes_again),
#ifndef SANITIZED
        cmocka_unit_test(out_of_memory_aborts_with_a_message),
#endif
    };
    return cmocka_run_group_tests_name("base/mem", tests, NULL, NULL);
}
