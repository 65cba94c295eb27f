/* The order of the scheduler. */
#include "runs/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_pops(struct run_queue *q, int64_t now_ms, const char *id)
{
    struct queue_taken taken = {0};
    int64_t wake_ms = -1;
    bool is_taken = queue_pop(q, now_ms, &taken, &wake_ms);
    if (!id) {
        if (is_taken) fail_msg("%s came out", taken.id);
        return;
    }
    if (!is_taken) fail_msg("%s did not come out", id);
    assert_string_equal(taken.id, id);
    queue_left(q, taken.user_id);
}

static void oldest_first_within_a_user_and_users_in_turn(void **state)
{
    (void)state;
    AUTO(queue_done) struct run_queue q = {0};
    queue_push(&q, "br_3", "ann", 0);
    queue_push(&q, "br_1", "ann", 0);
    queue_push(&q, "br_5", "bob", 0);
    queue_push(&q, "br_2", "ann", 0);
    queue_push(&q, "br_4", "eve", 0);
    assert_int_equal(q.n, 5);
    static const char *const order[] = {"br_1", "br_5", "br_4", "br_2", "br_3", NULL};
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        assert_pops(&q, 1, order[i]);
    assert_int_equal(q.n, 0);
}

static void a_clock_that_was_set_back_keeps_nobody_waiting(void **state)
{
    (void)state;
    AUTO(queue_done) struct run_queue q = {0};
    queue_push(&q, "br_1", "ann", 3600 * 1000);
    queue_push(&q, "br_2", "bob", 60 * 1000);
    assert_pops(&q, 1, "br_1");
    assert_pops(&q, 1, NULL);
    assert_pops(&q, 60 * 1000, "br_2");
}

static void a_run_that_is_not_due_waits_and_lets_others_pass(void **state)
{
    (void)state;
    AUTO(queue_done) struct run_queue q = {0};
    struct queue_taken taken;
    int64_t wake_ms = 0;
    queue_push(&q, "br_1", "ann", 500);
    queue_push(&q, "br_2", "ann", 0);
    queue_push(&q, "br_3", "bob", 300);
    assert_pops(&q, 100, "br_2");
    assert_false(queue_pop(&q, 100, &taken, &wake_ms));
    assert_int_equal(wake_ms, 300);
    assert_pops(&q, 300, "br_3");
    assert_false(queue_pop(&q, 499, &taken, &wake_ms));
    assert_int_equal(wake_ms, 500);
    assert_pops(&q, 500, "br_1");
    assert_false(queue_pop(&q, 500, &taken, &wake_ms));
    assert_int_equal(wake_ms, 0);
}

static void one_user_has_no_more_than_its_share_at_once(void **state)
{
    (void)state;
    AUTO(queue_done) struct run_queue q = {.running_max = 2};
    struct queue_taken taken;
    int64_t wake_ms = 0;
    for (int i = 1; i <= 4; i++) {
        char id[ID_MAX];
        snprintf(id, sizeof id, "br_%d", i);
        queue_push(&q, id, "ann", 0);
    }
    queue_push(&q, "br_9", "bob", 0);
    assert_true(queue_pop(&q, 1, &taken, &wake_ms));
    assert_true(queue_pop(&q, 1, &taken, &wake_ms));
    assert_true(queue_pop(&q, 1, &taken, &wake_ms)); /* br_1, br_9, br_2 */
    assert_false(queue_pop(&q, 1, &taken, &wake_ms));
    queue_left(&q, "ann");
    assert_true(queue_pop(&q, 1, &taken, &wake_ms));
    assert_string_equal(taken.id, "br_3");
    assert_string_equal(taken.user_id, "ann");
}

/* Against a plain list: nothing is lost, nothing comes twice, order within a user holds. */
static void nothing_is_lost_among_many_users(void **state)
{
    (void)state;
    AUTO(queue_done) struct run_queue q = {0};
    enum { USERS = 700, RUNS = 5000 };
    static char seen[RUNS];
    static int last_of_user[USERS];
    memset(seen, 0, sizeof seen);
    memset(last_of_user, -1, sizeof last_of_user);
    for (int i = 0; i < RUNS; i++) {
        char id[ID_MAX], user[20];
        int n = i % 2 ? RUNS - 1 - (i - 1) : i; /* out of order */
        snprintf(id, sizeof id, "br_%06d", n);
        snprintf(user, sizeof user, "u%d", n % USERS);
        queue_push(&q, id, user, 0);
    }
    struct queue_taken taken;
    int64_t wake_ms;
    for (int i = 0; i < RUNS; i++) {
        assert_true(queue_pop(&q, 1, &taken, &wake_ms));
        int n = (int)strtol(taken.id + 3, NULL, 10);
        assert_int_equal(seen[n], 0);
        seen[n] = 1;
        assert_true(last_of_user[n % USERS] < n);
        last_of_user[n % USERS] = n;
        queue_left(&q, taken.user_id);
    }
    assert_false(queue_pop(&q, 1, &taken, &wake_ms));
    assert_int_equal(q.n, 0);
    assert_int_equal(q.n_users, 0);
}

static void an_empty_queue_gives_its_memory_back(void **state)
{
    (void)state;
    struct run_queue q = {0};
    queue_done(&q);
    queue_push(&q, "br_1", "ann", 0);
    queue_push(&q, "br_2", "", 0);
    queue_done(&q);
    assert_int_equal(q.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(oldest_first_within_a_user_and_users_in_turn),
        cmocka_unit_test(a_clock_that_was_set_back_keeps_nobody_waiting),
        cmocka_unit_test(a_run_that_is_not_due_waits_and_lets_others_pass),
        cmocka_unit_test(one_user_has_no_more_than_its_share_at_once),
        cmocka_unit_test(nothing_is_lost_among_many_users),
        cmocka_unit_test(an_empty_queue_gives_its_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
