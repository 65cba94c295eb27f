/*
 * Feeds: whoever follows, from wherever and whenever, gets every event once and in order.
 */
#include "base/clock.h"
#include "component/test_store_fixture.h"
#include "runs/feeds.h"

#include <stdatomic.h>

struct world {
    struct fixture *f;
    struct feeds *feeds;
    char id[ID_MAX];
};

static void changed(void *ctx, const struct run_row *row)
{
    feeds_changed(ctx, row);
}

static int make_with(void **state, int64_t heartbeat_ms)
{
    struct world *w = xcalloc(1, sizeof *w);
    void *f = NULL;
    if (fixture_make_open(&f) != 0) return -1;
    w->f = f;
    struct feeds_options options = {
        .store = w->f->store, .readers_max = 40, .heartbeat_ms = heartbeat_ms};
    if (feeds_start(&options, &w->feeds)) return -1;
    store_observe_runs(w->f->store, changed, w->feeds);
    create_run(w->f, "u", w->id);
    *state = w;
    return 0;
}

static int make(void **state)
{
    return make_with(state, 3600 * 1000);
}

static int make_beating(void **state)
{
    return make_with(state, 20);
}

static int drop(void **state)
{
    struct world *w = *state;
    feeds_stop(w->feeds);
    fixture_close(w->f);
    feeds_free(w->feeds);
    void *f = w->f;
    xfree(w);
    return fixture_remove(&f);
}

/* In commits of at most `each`. */
static void add_events(struct world *w, size_t n, size_t each)
{
    struct event_new events[100];
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        events[i] = (struct event_new){.type = "tick", .data = "{\"a\":\n[1,\r\n2]}"};
    for (size_t done = 0; done < n; done += each) {
        size_t left = n - done;
        struct run_update update = {.events = events, .n_events = left < each ? left : each};
        assert_ok(store_run_update(w->f->store, w->id, (struct run_fence){0}, &update, NULL));
    }
}

/* ---- a client ---- */

struct client {
    struct feed_reader *reader;
    struct str text;
    size_t buffer;

    struct mutex mutex; /* guards what follows */
    struct cond called;
    int n_called;
};

static void wake(void *ctx)
{
    struct client *c = ctx;
    mutex_lock(&c->mutex);
    c->n_called++;
    cond_signal(&c->called);
    mutex_unlock(&c->mutex);
}

static struct client *client_begin(struct world *w, int64_t after)
{
    struct client *c = xcalloc(1, sizeof *c);
    c->buffer = 100;
    mutex_init(&c->mutex);
    cond_init(&c->called);
    assert_ok(feed_open(w->feeds, w->id, wake, c, &c->reader));
    AUTO(run_row_done) struct run_row row = {0};
    assert_ok(store_run_get(w->f->store, w->id, &row));
    feed_begin(c->reader, &row, after);
    return c;
}

static void client_end(struct client *c)
{
    feed_close(c->reader);
    str_done(&c->text);
    cond_done(&c->called);
    mutex_done(&c->mutex);
    xfree(c);
}

static void client_wait(struct client *c)
{
    if (!feed_wait(c->reader)) return;
    int64_t until = clock_mono_ms() + 30000;
    mutex_lock(&c->mutex);
    while (c->n_called == 0 && cond_wait_until(&c->called, &c->mutex, until)) {
    }
    assert_int_equal(c->n_called, 1);
    c->n_called = 0;
    mutex_unlock(&c->mutex);
}

/* Reads until the text has these words; NULL: to the end of the stream. */
static void client_read(struct client *c, const char *words)
{
    char buf[100];
    while (!words || !strstr(str_text(&c->text), words)) {
        size_t n = 0;
        enum feed_state state = feed_copy(c->reader, buf, c->buffer, &n);
        if (state == FEED_END) {
            assert_null(words);
            return;
        }
        if (state == FEED_BYTES)
            str_append(&c->text, buf, n);
        else
            client_wait(c);
    }
}

/* The numbers of the stream are first, first + 1 … last, and nothing else. */
static void assert_numbers(const struct client *c, int64_t first, int64_t last)
{
    int64_t wanted = first;
    for (const char *at = str_text(&c->text); (at = strstr(at, "\nid: ")); at++) {
        assert_int_equal(strtoll(at + 5, NULL, 10), wanted);
        wanted++;
    }
    assert_int_equal(wanted, last + 1);
}

static void end_run(struct world *w)
{
    move_run(w->f, w->id, RUN_CANCELLED);
}

/* ---- tests ---- */

static void a_reader_gets_what_was_what_comes_and_the_end(void **state)
{
    struct world *w = *state;
    add_events(w, 2, 1);
    struct client *c = client_begin(w, 0);
    client_read(c, "id: 3\nevent: tick\ndata: {\"n\":3,\"type\":\"tick\",\"at\":\"");
    client_read(c, "\"data\":{\"a\": [1,  2]}}\n\n");
    add_events(w, 1, 1);
    client_read(c, "id: 4\n");
    end_run(w);
    client_read(c, NULL);
    assert_numbers(c, 1, 5);
    assert_true(text_ends(str_text(&c->text),
                          "event: end\ndata: {\"last_event\":5,\"status\":\"cancelled\"}\n\n"));
    client_end(c);
}

static void a_reader_begins_behind_the_event_it_has(void **state)
{
    struct world *w = *state;
    add_events(w, 9, 4);
    end_run(w);
    for (int64_t after = 0; after <= 11; after++) {
        struct client *c = client_begin(w, after);
        client_read(c, NULL);
        assert_numbers(c, after + 1, 11);
        client_end(c);
    }
}

static void a_long_history_comes_in_pieces_whoever_reads_how_slowly(void **state)
{
    struct world *w = *state;
    add_events(w, 700, 100);
    struct client *slow = client_begin(w, 0);
    slow->buffer = 1;
    client_read(slow, "id: 2\n");
    struct client *other = client_begin(w, 200);
    client_read(other, "id: 701\n");
    add_events(w, 300, 7);
    end_run(w);
    client_read(other, NULL);
    client_read(slow, NULL);
    assert_numbers(slow, 1, 1002);
    assert_numbers(other, 201, 1002);
    client_end(slow);
    client_end(other);
}

static void the_number_of_readers_has_a_limit_that_is_given_back(void **state)
{
    struct world *w = *state;
    struct client *all[40];
    struct feed_reader *more = NULL;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        all[i] = client_begin(w, 1);
    assert_int_equal(feed_open(w->feeds, w->id, wake, NULL, &more), E_LIMIT);
    client_end(all[7]);
    assert_ok(feed_open(w->feeds, w->id, wake, NULL, &more));
    feed_close(more); /* before it began */
    all[7] = client_begin(w, 1);
    end_run(w);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        client_read(all[i], NULL);
        assert_numbers(all[i], 2, 2);
        client_end(all[i]);
    }
}

static void *stop_feeds(void *arg)
{
    struct world *w = arg;
    feeds_stop(w->feeds);
    return NULL;
}

static void who_follows_when_the_feeds_stop_is_told_to_come_back(void **state)
{
    struct world *w = *state;
    struct feed_reader *late = NULL;
    struct client *parked = client_begin(w, 1), *busy = client_begin(w, 0);
    struct thread stopping = {0};
    char byte;
    size_t n = 0;
    client_read(parked, "retry: ");
    assert_int_equal(feed_copy(busy->reader, &byte, 1, &n), FEED_BYTES);
    assert_ok(thread_start(&stopping, "stop", stop_feeds, w));
    client_read(parked, NULL); /* it parks, or finds the end at once */
    client_read(busy, NULL);
    assert_true(text_ends(str_text(&parked->text), "retry: 3000\n\n"));
    assert_true(text_ends(str_text(&busy->text), "retry: 3000\n\n"));
    assert_null(strstr(str_text(&parked->text), "event: end"));
    client_end(parked);
    client_end(busy);
    thread_join(&stopping);
    assert_int_equal(feed_open(w->feeds, w->id, wake, NULL, &late), E_BUSY);
}

static void who_follows_what_is_deleted_is_sent_away(void **state)
{
    struct world *w = *state;
    add_events(w, 3, 3);
    struct client *c = client_begin(w, 0);
    ask_file(w->f, "DELETE FROM events");
    client_read(c, NULL);
    assert_null(strstr(str_text(&c->text), "id: "));
    assert_true(text_ends(str_text(&c->text), "retry: 3000\n\n"));
    client_end(c);
}

static void a_missing_event_is_no_gap_but_an_end(void **state)
{
    struct world *w = *state;
    add_events(w, 9, 4);
    ask_file(w->f, "DELETE FROM events WHERE n = 5");
    struct client *c = client_begin(w, 0);
    client_read(c, NULL);
    assert_null(strstr(str_text(&c->text), "id: 6"));
    assert_null(strstr(str_text(&c->text), "event: end"));
    client_end(c);
}

/* ---- from all sides at once ---- */

#define CROWD  8
#define EVENTS 200

struct crowd {
    struct world *w;
    int64_t first;
    atomic_bool *is_over;
    int n_streams;
};

static void *write_them(void *arg)
{
    struct crowd *crowd = arg;
    add_events(crowd->w, EVENTS - 2, 1);
    end_run(crowd->w);
    atomic_store(crowd->is_over, true);
    return NULL;
}

/* Comes and goes while events are written; the last time it stays to the end. */
static void *follow_them(void *arg)
{
    struct crowd *crowd = arg;
    while (!atomic_load(crowd->is_over)) {
        AUTO(run_row_done) struct run_row row = {0};
        assert_ok(store_run_get(crowd->w->f->store, crowd->w->id, &row));
        int64_t after = row.last_event > crowd->first ? row.last_event - crowd->first : 0;
        struct client *c = client_begin(crowd->w, after);
        int64_t until = after + crowd->first + 5;
        char words[40];
        snprintf(words, sizeof words, "\nid: %lld\n", (long long)until);
        client_read(c, until < EVENTS ? words : NULL);
        assert_numbers(c, after + 1, until < EVENTS ? until : EVENTS);
        client_end(c);
        crowd->n_streams++;
    }
    return NULL;
}

static void *follow_all(void *arg)
{
    struct crowd *crowd = arg;
    struct client *c = client_begin(crowd->w, 0);
    client_read(c, NULL);
    assert_numbers(c, 1, EVENTS);
    client_end(c);
    crowd->n_streams++;
    return NULL;
}

static void no_gap_and_nothing_twice_in_a_crowd(void **state)
{
    struct world *w = *state;
    atomic_bool is_over = false;
    struct crowd crowd[CROWD];
    struct thread threads[CROWD];
    memset(threads, 0, sizeof threads);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct crowd){.w = w, .first = i * 3, .is_over = &is_over};
        void *(*part)(void *) = i == 0 ? write_them : i < 4 ? follow_all : follow_them;
        assert_ok(thread_start(&threads[i], "crowd", part, &crowd[i]));
    }
    for (int i = 0; i < CROWD; i++)
        thread_join(&threads[i]);
    for (int i = 1; i < 4; i++)
        assert_int_equal(crowd[i].n_streams, 1);
}

/* ---- heartbeats ---- */

static void who_waits_gets_a_comment_now_and_then(void **state)
{
    struct world *w = *state;
    struct client *a = client_begin(w, 1), *b = client_begin(w, 1);
    client_read(a, "\n\n:\n\n:\n\n:\n\n");
    client_read(b, "\n\n:\n\n");
    end_run(w);
    client_read(a, NULL);
    client_read(b, NULL);
    assert_numbers(a, 2, 2);
    assert_numbers(b, 2, 2);
    client_end(a);
    client_end(b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reader_gets_what_was_what_comes_and_the_end),
        TEST(a_reader_begins_behind_the_event_it_has),
        TEST(a_long_history_comes_in_pieces_whoever_reads_how_slowly),
        TEST(the_number_of_readers_has_a_limit_that_is_given_back),
        TEST(who_follows_when_the_feeds_stop_is_told_to_come_back),
        TEST(who_follows_what_is_deleted_is_sent_away),
        TEST(a_missing_event_is_no_gap_but_an_end),
        TEST(no_gap_and_nothing_twice_in_a_crowd),
        cmocka_unit_test_setup_teardown(who_waits_gets_a_comment_now_and_then, make_beating, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
