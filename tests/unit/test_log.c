/* The log: one event, one line, one write. */
#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/thread.h"
#include "base/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each write arrives as a message of its own. */
static int ends[2];

static int open_log(void **state)
{
    (void)state;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends) != 0) return -1;
    log_to(ends[1]);
    log_setup(LOG_JSON, LOG_DEBUG);
    clock_freeze(1763877600123);
    return 0;
}

static int close_log(void **state)
{
    (void)state;
    log_to(STDERR_FILENO);
    log_set_run(NULL, NULL);
    log_set_request(NULL);
    trace_set(NULL);
    clock_freeze(0);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* The next line without its end; fails the test when there is none. */
static void read_line(struct str *out)
{
    static char line[20000];
    ssize_t n = recv(ends[0], line, sizeof line, 0);
    assert_true(n > 0);
    assert_int_equal(line[n - 1], '\n');
    assert_null(memchr(line, '\n', (size_t)n - 1));
    str_clear(out);
    str_append(out, line, (size_t)n - 1);
}

static void assert_line(const char *wanted)
{
    AUTO(str_done) struct str line = {0};
    read_line(&line);
    assert_string_equal(str_text(&line), wanted);
}

static void assert_no_line(void)
{
    char byte;
    assert_int_equal(recv(ends[0], &byte, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

static void an_event_is_one_line_of_json(void **state)
{
    (void)state;
    log_info("run_started", LOG_STR("recipe", "morning"), LOG_INT("attempt", 2));
    assert_line(
        "{\"time\":\"2025-11-23T06:00:00.123Z\",\"level\":\"info\",\"event\":\"run_started\","
        "\"recipe\":\"morning\",\"attempt\":2}");
    log_warn("alone");
    assert_line("{\"time\":\"2025-11-23T06:00:00.123Z\",\"level\":\"warn\",\"event\":\"alone\"}");
    assert_no_line();
}

static void people_get_text(void **state)
{
    (void)state;
    log_setup(LOG_HUMAN, LOG_DEBUG);
    log_info("run_started", LOG_STR("recipe", "morning"), LOG_INT("n", -2));
    assert_line("06:00:00.123 info  run_started recipe=morning n=-2");
    log_error("stopped", LOG_STR("why", "no more time"), LOG_STR("empty", ""),
              LOG_STR("none", NULL));
    assert_line("06:00:00.123 error stopped why=\"no more time\" empty=\"\" none=-");
}

static void the_context_of_the_thread_is_in_every_line(void **state)
{
    (void)state;
    log_set_run("br_1", "alice@example.com");
    log_set_request("req_1");
    trace_set("00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");
    log_debug("x");
    assert_line("{\"time\":\"2025-11-23T06:00:00.123Z\",\"level\":\"debug\",\"event\":\"x\","
                "\"run\":\"br_1\",\"user\":\"ff8d9819fc0e\",\"request_id\":\"req_1\","
                "\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\"}");
    log_setup(LOG_HUMAN, LOG_DEBUG);
    trace_set(NULL);
    log_debug("x");
    assert_line("06:00:00.123 debug x run=br_1 user=ff8d9819fc0e request_id=req_1");
    log_set_run(NULL, NULL);
    log_set_request(NULL);
    log_debug("x");
    assert_line("06:00:00.123 debug x");
}

static void no_key_stands_twice(void **state)
{
    (void)state;
    log_set_run("br_1", NULL);
    log_set_request("req_1");
    log_info("x", LOG_STR("run", "br_2"));
    assert_line("{\"time\":\"2025-11-23T06:00:00.123Z\",\"level\":\"info\",\"event\":\"x\","
                "\"request_id\":\"req_1\",\"run\":\"br_2\"}");
}

static void what_looks_like_a_credential_is_redacted(void **state)
{
    (void)state;
    log_setup(LOG_HUMAN, LOG_DEBUG);
    log_info("x", LOG_STR("detail", "sent Authorization: Bearer abcdefgh.ijkl, got 401"));
    assert_line("06:00:00.123 info  x detail=\"sent Authorization: Bearer [redacted], got 401\"");
    log_setup(LOG_JSON, LOG_DEBUG);
    log_set_request("sk-ant-api03-AAAABBBB");
    log_info("x");
    assert_line("{\"time\":\"2025-11-23T06:00:00.123Z\",\"level\":\"info\",\"event\":\"x\","
                "\"request_id\":\"sk-ant-[redacted]\"}");
}

static void *log_alone(void *arg)
{
    log_info("other");
    return arg;
}

static void contexts_of_threads_do_not_mix(void **state)
{
    (void)state;
    log_setup(LOG_HUMAN, LOG_DEBUG);
    log_set_run("br_1", "alice");
    struct thread thread = {0};
    assert_int_equal(thread_start(&thread, "other", log_alone, NULL), E_OK);
    thread_join(&thread);
    assert_line("06:00:00.123 info  other");
}

static void a_long_context_is_cut_between_characters(void **state)
{
    (void)state;
    char id[200] = "";
    for (size_t i = 0; i < 60; i++)
        memcpy(id + 2 * i, "\xC3\xB8", 3);
    log_set_run(id, NULL);
    log_info("x");
    AUTO(str_done) struct str line = {0};
    read_line(&line);
    struct json_span run = json_get(json_root(line.data, line.len), "run");
    assert_int_equal(run.len, 2 + 62);
    assert_int_equal(json_check(line.data, line.len, (struct json_limits){0}), E_OK);
}

static void lesser_levels_are_left_out(void **state)
{
    (void)state;
    log_setup(LOG_HUMAN, LOG_WARN);
    log_debug("x");
    log_info("x");
    assert_no_line();
    log_warn("y");
    assert_line("06:00:00.123 warn  y");
    log_error("z");
    assert_line("06:00:00.123 error z");
}

static void hostile_values_stay_inside_their_field(void **state)
{
    (void)state;
    static const char evil[] = "a\n{\"level\":\"error\"} run=br_2 \x1B[2J\xC2\x9B"
                               "31m \"\\\r\x7F \xFF";
    log_info("x", LOG_STR("v", evil));
    AUTO(str_done) struct str line = {0};
    read_line(&line);
    assert_int_equal(json_check(line.data, line.len, (struct json_limits){0}), E_OK);
    AUTO(str_done) struct str value = {0};
    assert_true(json_string(json_get(json_root(line.data, line.len), "v"), &value));
    assert_memory_equal(value.data, evil, sizeof evil - 2);

    log_setup(LOG_HUMAN, LOG_DEBUG);
    log_info("an event", LOG_STR("v", evil));
    read_line(&line);
    for (size_t i = 0; i < line.len; i++)
        assert_true((unsigned char)line.data[i] >= ' ' && line.data[i] != '\x7F');
    assert_null(memmem(line.data, line.len, "\xC2\x9B", 2));
    assert_non_null(strstr(line.data, "\"an event\" v=\"a\\n{\\\"level"));
}

static void long_lines_are_cut_and_say_so(void **state)
{
    (void)state;
    char big[9000];
    memset(big, '\x01', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    enum log_format formats[] = {LOG_JSON, LOG_HUMAN};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        log_setup(formats[i], LOG_DEBUG);
        log_info("x", LOG_STR("a", "first"), LOG_STR("b", big), LOG_INT("c", 3), LOG_STR("d", big));
        AUTO(str_done) struct str line = {0};
        read_line(&line);
        assert_in_range(line.len, 20, 8192);
        assert_non_null(strstr(line.data, "cut"));
        assert_non_null(strstr(line.data, "first"));
        if (formats[i] == LOG_JSON) {
            assert_int_equal(json_check(line.data, line.len, (struct json_limits){0}), E_OK);
            struct json_span root = json_root(line.data, line.len);
            assert_true(json_is_true(json_get(root, "cut")));
            assert_int_equal(json_type(json_get(root, "c")), JSON_NUMBER);
        }
    }
}

static void a_long_value_that_fits_is_cut_alone(void **state)
{
    (void)state;
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    log_info("x", LOG_STR("a", big), LOG_INT("b", 1));
    AUTO(str_done) struct str line = {0};
    read_line(&line);
    struct json_span root = json_root(line.data, line.len);
    assert_int_equal(json_get(root, "a").len, 2 + 2048);
    assert_int_equal(json_type(json_get(root, "b")), JSON_NUMBER);
}

static void failures_tell_their_story(void **state)
{
    (void)state;
    log_setup(LOG_HUMAN, LOG_DEBUG);
    enum err e = fail_at("call.c", 7, E_UPSTREAM, "ScaleKit answered %d", 503);
    log_failure("tool_failed", e);
    assert_line("06:00:00.123 error tool_failed error=E_UPSTREAM detail=\"ScaleKit answered 503\" "
                "at=call.c:7");
    log_failure("tool_failed", e, LOG_INT("attempt", 2));
    assert_line("06:00:00.123 error tool_failed error=E_UPSTREAM detail=\"ScaleKit answered 503\" "
                "at=call.c:7 attempt=2");
}

static void errno_and_a_dead_log_do_no_harm(void **state)
{
    (void)state;
    log_to(-1);
    errno = ENOSPC;
    log_info("nobody hears this");
    assert_int_equal(errno, ENOSPC);
    log_to(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_log, close_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_one_line_of_json),
        TEST(people_get_text),
        TEST(the_context_of_the_thread_is_in_every_line),
        TEST(no_key_stands_twice),
        TEST(what_looks_like_a_credential_is_redacted),
        TEST(contexts_of_threads_do_not_mix),
        TEST(a_long_context_is_cut_between_characters),
        TEST(lesser_levels_are_left_out),
        TEST(hostile_values_stay_inside_their_field),
        TEST(long_lines_are_cut_and_say_so),
        TEST(a_long_value_that_fits_is_cut_alone),
        TEST(failures_tell_their_story),
        TEST(errno_and_a_dead_log_do_no_harm),
    };
    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
