/* The order in which queued runs start: oldest of a user first, users in turn, so many of one at
 * once. */
#include "runs/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void setup(struct run_queue *q, int running_max)
{
    *q = (struct run_queue){.running_max = running_max};
}

/* "run user" of the next one, "-" when there is none. */
static const char *pop(struct run_queue *q, int64_t now_ms)
{
    static char text[ID_MAX + USER_ID_MAX + 2];
    struct queue_taken taken;
    int64_t next_wake_ms = 0;
    if (!queue_pop(q, now_ms, &taken, &next_wake_ms)) return "-";
    snprintf(text, sizeof text, "%s %s", taken.id, taken.user_id);
    return text;
}

static void users_take_turns_and_the_oldest_of_each_comes_first(void **state)
{
    (void)state;
    struct run_queue q;
    setup(&q, 0);
    queue_push(&q, "r3", "ann", 0);
    queue_push(&q, "r1", "ann", 0);
    queue_push(&q, "r2", "ann", 0);
    queue_push(&q, "r5", "bob", 0);
    queue_push(&q, "r4", "bob", 0);
    assert_string_equal(pop(&q, 1), "r1 ann");
    assert_string_equal(pop(&q, 1), "r4 bob");
    assert_string_equal(pop(&q, 1), "r2 ann");
    assert_string_equal(pop(&q, 1), "r5 bob");
    assert_string_equal(pop(&q, 1), "r3 ann");
    assert_string_equal(pop(&q, 1), "-");
    assert_int_equal(q.n, 0);
    queue_done(&q);
}

static void a_user_at_the_limit_is_passed_over_until_one_has_left(void **state)
{
    (void)state;
    struct run_queue q;
    setup(&q, 2);
    for (int i = 1; i <= 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        queue_push(&q, id, "ann", 0);
    }
    queue_push(&q, "r9", "bob", 0);
    assert_string_equal(pop(&q, 1), "r1 ann");
    assert_string_equal(pop(&q, 1), "r9 bob");
    assert_string_equal(pop(&q, 1), "r2 ann");
    assert_string_equal(pop(&q, 1), "-");
    queue_left(&q, "bob");
    assert_string_equal(pop(&q, 1), "-");
    queue_left(&q, "ann");
    assert_string_equal(pop(&q, 1), "r3 ann");
    assert_string_equal(pop(&q, 1), "-");
    queue_left(&q, "ann");
    queue_left(&q, "ann");
    assert_string_equal(pop(&q, 1), "r4 ann");
    queue_left(&q, "ann");
    assert_int_equal(q.n_users, 0);
    queue_done(&q);
}

static void a_user_comes_back_while_one_of_theirs_runs(void **state)
{
    (void)state;
    struct run_queue q;
    setup(&q, 1);
    queue_push(&q, "r1", "ann", 0);
    assert_string_equal(pop(&q, 1), "r1 ann");
    queue_push(&q, "r2", "ann", 0);
    queue_push(&q, "r1", "ann",
               0); /* the same run once more: parked, and its thread not gone yet */
    assert_string_equal(pop(&q, 1), "-");
    queue_left(&q, "ann");
    assert_string_equal(pop(&q, 1), "r1 ann");
    queue_done(&q);
}

static void a_run_that_is_not_due_yet_tells_when_it_will_be(void **state)
{
    (void)state;
    struct run_queue q;
    setup(&q, 1);
    queue_push(&q, "r1", "ann", 50);
    queue_push(&q, "r2", "bob", 40);
    struct queue_taken taken;
    int64_t next_wake_ms = 0;
    assert_false(queue_pop(&q, 10, &taken, &next_wake_ms));
    assert_int_equal(next_wake_ms, 40);
    assert_string_equal(pop(&q, 50), "r1 ann");
    assert_string_equal(pop(&q, 50), "r2 bob");
    queue_done(&q);
}

static void thousands_of_users_are_served_one_each_before_anybody_is_served_twice(void **state)
{
    (void)state;
    struct run_queue q;
    setup(&q, 4);
    for (int i = 0; i < 9000; i++) {
        char id[ID_MAX], user[16];
        snprintf(id, sizeof id, "r%06d", i);
        snprintf(user, sizeof user, "u%d", i % 3000);
        queue_push(&q, id, user, 0);
    }
    for (int i = 0; i < 9000; i++) {
        struct queue_taken taken;
        int64_t next_wake_ms = 0;
        assert_true(queue_pop(&q, 1, &taken, &next_wake_ms));
        char id[ID_MAX], user[16];
        snprintf(id, sizeof id, "r%06d", i);
        snprintf(user, sizeof user, "u%d", i % 3000);
        assert_string_equal(taken.id, id);
        assert_string_equal(taken.user_id, user);
    }
    for (int i = 0; i < 9000; i++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", i % 3000);
        queue_left(&q, user);
    }
    assert_int_equal(q.n_users, 0);
    queue_done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_take_turns_and_the_oldest_of_each_comes_first),
        cmocka_unit_test(a_user_at_the_limit_is_passed_over_until_one_has_left),
        cmocka_unit_test(a_user_comes_back_while_one_of_theirs_runs),
        cmocka_unit_test(a_run_that_is_not_due_yet_tells_when_it_will_be),
        cmocka_unit_test(thousands_of_users_are_served_one_each_before_anybody_is_served_twice),
    };
    return cmocka_run_group_tests_name("runs/queue", tests, NULL, NULL);
}
