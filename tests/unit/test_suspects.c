/*
 * Who runs alone, in which order, and who is convicted.
 */
#include "runs/suspects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_taken(struct suspects *s, int64_t now_ms, const char *wanted)
{
    char id[ID_MAX] = "";
    assert_true(suspects_take(s, now_ms, id));
    assert_string_equal(id, wanted);
    assert_string_equal(s->alone_id, wanted);
}

static void two_unclean_ends_make_a_suspect_and_three_more_convict(void **state)
{
    (void)state;
    for (int n = 0; n < 10; n++) {
        assert_int_equal(suspects_include(n), n >= 2);
        assert_int_equal(suspects_convict(n), n >= 5);
    }
}

static void the_one_with_the_fewest_ends_goes_first_then_the_oldest(void **state)
{
    (void)state;
    struct suspects s = {0};
    suspects_push(&s, "br_4", 4, 0);
    suspects_push(&s, "br_3", 2, 0);
    suspects_push(&s, "br_1", 3, 0);
    suspects_push(&s, "br_2", 2, 0);
    assert_int_equal(s.n, 4);
    assert_taken(&s, 1, "br_2");
    assert_taken(&s, 1, "br_3");
    suspects_push(&s, "br_2", 3, 0);
    assert_taken(&s, 1, "br_1");
    assert_taken(&s, 1, "br_2");
    assert_taken(&s, 1, "br_4");
    assert_int_equal(s.n, 0);
    assert_false(suspects_have_due(&s, 1));
    suspects_done(&s);
}

static void whose_time_has_not_come_holds_nobody_up(void **state)
{
    (void)state;
    struct suspects s = {0};
    suspects_push(&s, "br_0", 2, 3600 * 1000); /* written before the clock was set back */
    assert_taken(&s, 499, "br_0");
    s.alone_id[0] = '\0';
    suspects_push(&s, "br_1", 2, 500);
    assert_false(suspects_have_due(&s, 499));
    char id[ID_MAX];
    assert_false(suspects_take(&s, 499, id));
    assert_string_equal(s.alone_id, "");
    suspects_push(&s, "br_2", 3, 0);
    assert_true(suspects_have_due(&s, 499));
    assert_taken(&s, 499, "br_2");
    assert_taken(&s, 500, "br_1");
    suspects_push(&s, "br_3", 2, 0);
    suspects_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_unclean_ends_make_a_suspect_and_three_more_convict),
        cmocka_unit_test(the_one_with_the_fewest_ends_goes_first_then_the_oldest),
        cmocka_unit_test(whose_time_has_not_come_holds_nobody_up),
    };
    return cmocka_run_group_tests_name("runs/suspects", tests, NULL, NULL);
}
