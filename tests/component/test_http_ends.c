/* How a call can end: what was sent, what came back, and which timer ran out. */
#include "component/http_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- nothing was sent ---- */

/* A loopback port that nobody listens on, reserved as long as the descriptor is open. */
static int reserve_port(int *out_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    *out_port = ntohs(address.sin_port);
    return fd;
}

static void a_refused_connection_was_not_sent(void **state)
{
    struct fixture *f = *state;
    int port;
    int fd = reserve_port(&port);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/?secret=1", port);
    struct http_request request = {.method = "POST", .url = url, .body = "x", .body_len = 1};
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_NOT_SENT);
    assert_int_equal(reply.status, 0);
    assert_int_equal(reply.sent_unix_ms, 0);
    assert_int_equal(reply.first_byte_ms, -1);
    assert_null(strstr(reply.error, "secret"));
    char words[200];
    http_reply_describe(&reply, words, sizeof words);
    assert_non_null(strstr(words, "no connection"));
    http_reply_done(&reply);
    close(fd);
}

static void a_name_that_does_not_resolve_was_not_sent(void **state)
{
    struct fixture *f = *state;
    /* A label this long fails in the resolver's own code, without a packet. */
    struct http_request request = {
        .method = "GET",
        .url = "http://aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggg/"};
    assert_int_equal(end_of(f, &request), HTTP_NOT_SENT);
}

static void a_name_that_does_not_resolve_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++)
        a_name_that_does_not_resolve_was_not_sent(state);
    STUB_SCRIPT(f->server, {.status = 200, .body = "well"});
    struct http_request request = post_to(f, "/", "1");
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
}

static void a_failed_tls_handshake_was_not_sent(void **state)
{
    struct fixture *f = *state;
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", stub_port(f->server));
    struct http_request request = {.method = "POST", .url = url, .body = "x", .body_len = 1};
    /* The server takes the first bytes of TLS for a request line that never ends; it is the timer
     * or the server's end that breaks it off. */
    request.timeouts.connect_ms = 200;
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_true(reply.end == HTTP_TIMED_OUT || reply.end == HTTP_NOT_SENT);
    if (reply.end == HTTP_TIMED_OUT) assert_string_equal(reply.timer, "connect");
    assert_int_equal(reply.sent_unix_ms, 0);
    assert_int_equal(stub_requests(f->server), 0);
    http_reply_done(&reply);
}

/* Takes one connection and answers the ClientHello with something that is not TLS. */
static void *answer_plainly(void *arg)
{
    int listener = *(int *)arg;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char hello[512];
    ssize_t n = recv(fd, hello, sizeof hello, 0);
    if (n > 0) n = send(fd, "HTTP/1.1 400 No\r\n\r\n", 19, MSG_NOSIGNAL);
    close(fd);
    return NULL;
}

static void a_server_without_tls_was_not_sent_anything(void **state)
{
    struct fixture *f = *state;
    int port;
    int fd = reserve_port(&port);
    assert_int_equal(listen(fd, 1), 0);
    struct thread server = {0};
    assert_int_equal(thread_start(&server, "plain", answer_plainly, &fd), E_OK);
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", port);
    struct http_request request = {.method = "POST", .url = url, .body = "x", .body_len = 1};
    assert_int_equal(end_of(f, &request), HTTP_NOT_SENT);
    thread_join(&server);
    close(fd);
}

static void a_connection_that_does_not_open_times_out_unsent(void **state)
{
    struct fixture *f = *state;
    int port;
    int fd = reserve_port(&port);
    /* A queue of one that is full: the kernel leaves further callers without an answer. */
    assert_int_equal(listen(fd, 0), 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fillers[4];
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    struct http_request request = {.method = "GET", .url = url, .timeouts.connect_ms = 150};
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_TIMED_OUT);
    assert_string_equal(reply.timer, "connect");
    assert_int_equal(reply.sent_unix_ms, 0);
    assert_true(reply.took_ms >= 150 && reply.took_ms < 50000);
    http_reply_done(&reply);

    /* The total may run out first, and the name still says that nothing was sent. */
    request.timeouts.connect_ms = 5000;
    request.timeouts.total_ms = 100;
    http_call(f->http, &request, &reply);
    assert_string_equal(reply.timer, "connect");
    http_reply_done(&reply);
    for (size_t i = 0; i < ARRAY_LEN(fillers); i++)
        close(fillers[i]);
    close(fd);
}

/* ---- sent, and then lost ---- */

static void expect_lost(struct fixture *f, struct stub_reply scripted)
{
    scripted.times = -1;
    stub_script(f->server, &scripted, 1);
    struct http_request request = post_to(f, "/", "x");
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_LOST);
    assert_true(reply.sent_unix_ms > 0);
    assert_true(*reply.error);
    http_reply_done(&reply);
}

static void a_connection_closed_without_an_answer_is_lost(void **state)
{
    expect_lost(*state, (struct stub_reply){.end = STUB_CLOSE});
}

static void a_connection_reset_without_an_answer_is_lost(void **state)
{
    expect_lost(*state, (struct stub_reply){.end = STUB_RESET});
}

static void a_body_that_is_cut_off_is_lost(void **state)
{
    expect_lost(*state,
                (struct stub_reply){
                    .status = 200, .body = "0123456789", .cut_after = 5, .end = STUB_CLOSE});
}

static void a_chunked_body_that_is_cut_off_is_lost(void **state)
{
    expect_lost(*state, (struct stub_reply){.status = 200,
                                            .body = "0123456789",
                                            .is_chunked = true,
                                            .cut_after = 5,
                                            .end = STUB_CLOSE});
}

static void a_head_that_is_cut_off_is_lost(void **state)
{
    expect_lost(*state,
                (struct stub_reply){.body = "HTTP/1.1 200 OK\r\nContent-Le", .end = STUB_CLOSE});
}

static void an_answer_that_is_not_http_is_lost(void **state)
{
    expect_lost(*state, (struct stub_reply){.body = "SSH-2.0-OpenSSH_9.2\r\n", .end = STUB_CLOSE});
}

/* ---- libcurl's own resend ---- */

/* The server takes a second request on the kept connection and closes it without a byte: it may
 * well have carried it out. */
static void script_a_connection_that_dies(struct fixture *f)
{
    STUB_SCRIPT(f->server, {.status = 200, .body = "first"}, {.end = STUB_CLOSE},
                {.status = 200, .body = "again", .times = -1});
    struct http_request first = post_to(f, "/", "1");
    assert_int_equal(end_of(f, &first), HTTP_ANSWERED);
}

static void a_kept_connection_that_dies_hides_a_second_sending(void **state)
{
    struct fixture *f = *state;
    script_a_connection_that_dies(f);
    struct http_request request = post_to(f, "/", "2");
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_ANSWERED);
    assert_string_equal(str_text(&reply.body), "again");
    assert_int_equal(stub_requests(f->server), 3);
    assert_string_equal(stub_request(f->server, 1)->body, "2");
    assert_string_equal(stub_request(f->server, 2)->body, "2");
    http_reply_done(&reply);
}

static void a_fresh_connection_that_dies_sends_once(void **state)
{
    struct fixture *f = *state;
    script_a_connection_that_dies(f);
    struct http_request request = post_to(f, "/", "2");
    request.is_fresh = true;
    assert_int_equal(end_of(f, &request), HTTP_LOST);
    assert_int_equal(stub_requests(f->server), 2);
    assert_int_equal(stub_request(f->server, 1)->connection, 2);
}

static void a_request_for_once_ends_where_it_would_be_sent_again(void **state)
{
    struct fixture *f = *state;
    script_a_connection_that_dies(f);
    struct http_request request = post_to(f, "/", "2");
    request.is_sent_once = true;
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_LOST);
    assert_non_null(strstr(reply.error, "kept connection"));
    assert_int_equal(stub_requests(f->server), 2);
    http_reply_done(&reply);
}

/* Listens, answers one request, then takes the second one and goes away altogether. */
static void *answer_once_and_vanish(void *arg)
{
    int listener = *(int *)arg;
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char buffer[2048];
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n > 0) n = send(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 38, MSG_NOSIGNAL);
    if (n > 0) n = recv(fd, buffer, sizeof buffer, 0);
    close(listener);
    close(fd);
    return NULL;
}

static void a_resend_that_finds_nobody_is_still_lost(void **state)
{
    struct fixture *f = *state;
    int port;
    int fd = reserve_port(&port);
    assert_int_equal(listen(fd, 1), 0);
    struct thread server = {0};
    assert_int_equal(thread_start(&server, "vanish", answer_once_and_vanish, &fd), E_OK);
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    struct http_request request = {.method = "POST", .url = url, .body = "x", .body_len = 1};
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    /* curl's last word is "could not connect", but the first sending was received. */
    assert_int_equal(end_of(f, &request), HTTP_LOST);
    thread_join(&server);
}

/* ---- sizes ---- */

static void an_answer_that_is_too_large_is_cut_off(void **state)
{
    struct fixture *f = *state;
    char body[2001];
    memset(body, 'x', 2000);
    body[2000] = '\0';
    STUB_SCRIPT(f->server, {.status = 200, .body = body, .times = 2},
                {.status = 200, .body = "xxxxxxxxxx", .is_chunked = true, .is_endless = true});
    struct http_request request = get_from(f, "/");
    request.reply_bytes_max = 2000;
    assert_int_equal(end_of(f, &request), HTTP_ANSWERED);
    request.reply_bytes_max = 1999;
    struct http_reply reply;
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_TOO_LARGE);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.error, "1999"));
    http_reply_done(&reply);

    request.reply_bytes_max = 0; /* a MiB */
    http_call(f->http, &request, &reply);
    assert_int_equal(reply.end, HTTP_TOO_LARGE);
    assert_true(reply.body.len <= MIB);
    http_reply_done(&reply);
}

static void endless_headers_are_cut_off(void **state)
{
    struct fixture *f = *state;
    AUTO(str_done) struct str head = {0};
    str_append_text(&head, "HTTP/1.1 200 OK\r\n");
    while (head.len < 80 * KIB)
        str_append_text(&head, "X-More: 0123456789012345678901234567890\r\n");
    STUB_SCRIPT(f->server, {.body = head.data, .body_len = head.len, .end = STUB_HANG});
    struct http_request request = get_from(f, "/");
    assert_int_equal(end_of(f, &request), HTTP_TOO_LARGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_WITH_SERVER(a_refused_connection_was_not_sent),
        TEST_WITH_SERVER(a_name_that_does_not_resolve_was_not_sent),
        TEST_WITH_SERVER(a_name_that_does_not_resolve_leaves_nothing_behind),
        TEST_WITH_SERVER(a_failed_tls_handshake_was_not_sent),
        TEST_WITH_SERVER(a_server_without_tls_was_not_sent_anything),
        TEST_WITH_SERVER(a_connection_that_does_not_open_times_out_unsent),
        TEST_WITH_SERVER(a_connection_closed_without_an_answer_is_lost),
        TEST_WITH_SERVER(a_connection_reset_without_an_answer_is_lost),
        TEST_WITH_SERVER(a_body_that_is_cut_off_is_lost),
        TEST_WITH_SERVER(a_chunked_body_that_is_cut_off_is_lost),
        TEST_WITH_SERVER(a_head_that_is_cut_off_is_lost),
        TEST_WITH_SERVER(an_answer_that_is_not_http_is_lost),
        TEST_WITH_SERVER(a_kept_connection_that_dies_hides_a_second_sending),
        TEST_WITH_SERVER(a_fresh_connection_that_dies_sends_once),
        TEST_WITH_SERVER(a_request_for_once_ends_where_it_would_be_sent_again),
        TEST_WITH_SERVER(a_resend_that_finds_nobody_is_still_lost),
        TEST_WITH_SERVER(an_answer_that_is_too_large_is_cut_off),
        TEST_WITH_SERVER(endless_headers_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
