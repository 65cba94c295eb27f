/* The clock of an unknown delivery, across restarts. */
#include "agent/settling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UNIX_MS INT64_C(1763877600000)
#define MONO_MS INT64_C(5000000)

static const struct settling known = {
    .unix_ms = UNIX_MS, .mono_ms = MONO_MS, .looked_ms = 7, .clock_ahead_ms = 9, .n_reads = 1};

static void without_a_stored_moment_counting_begins_now(void **state)
{
    (void)state;
    static const char *const metas[] = {
        NULL, "", "{}", "[]", "{\"quiet_unix_ms\":-5}", "{\"quiet_unix_ms\":99999999999999999999}"};
    for (size_t i = 0; i < ARRAY_LEN(metas); i++) {
        struct settling settling = settling_read(metas[i]);
        assert_int_equal(settling_quiet_ms(&settling, UNIX_MS, MONO_MS), 0);
        assert_int_equal(settling.unix_ms, UNIX_MS);
        assert_int_equal(settling.mono_ms, MONO_MS);
        assert_int_equal(settling.looked_ms, 0);
    }
}

static void what_was_written_is_read_and_counts_on(void **state)
{
    (void)state;
    AUTO(str_done) struct str meta = {0};
    settling_write(&known, &meta);
    struct settling settling = settling_read(str_text(&meta));
    assert_int_equal(settling.looked_ms, 7);
    assert_int_equal(settling.n_reads, 1);
    assert_int_equal(settling.clock_ahead_ms, 9);
    assert_int_equal(settling_quiet_ms(&settling, UNIX_MS + 60000, MONO_MS + 59000), 59000);
    assert_int_equal(settling.unix_ms, UNIX_MS);
    assert_int_equal(settling.mono_ms, MONO_MS);
}

static void a_moment_that_cannot_be_believed_is_replaced(void **state)
{
    (void)state;
    static const struct {
        int64_t unix_ms, mono_ms;
    } now[] = {
        {UNIX_MS + 3600000, MONO_MS + 1000   }, /* the clock was set, or the machine slept */
        {UNIX_MS - 3600000, MONO_MS + 1000   }, /* set back */
        {UNIX_MS + 180000,  90000            }, /* another boot */
        {UNIX_MS + 180000,  MONO_MS + 3600000}, /* another machine */
    };
    for (size_t i = 0; i < ARRAY_LEN(now); i++) {
        struct settling settling = known;
        assert_int_equal(settling_quiet_ms(&settling, now[i].unix_ms, now[i].mono_ms), 0);
        assert_int_equal(settling.unix_ms, now[i].unix_ms);
        assert_int_equal(settling.mono_ms, now[i].mono_ms);
        assert_int_equal(settling.n_reads, 0);
        assert_int_equal(settling.clock_ahead_ms, 9);
        assert_int_equal(settling.looked_ms, 7); /* patience is used up all the same */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_stored_moment_counting_begins_now),
        cmocka_unit_test(what_was_written_is_read_and_counts_on),
        cmocka_unit_test(a_moment_that_cannot_be_believed_is_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
