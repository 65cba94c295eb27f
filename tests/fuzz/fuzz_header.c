/*
 * Lines of headers: what an upstream says about trying again is a time that can be waited for, and a
 * traceparent that is obeyed goes on as one of version 00 with the same trace.
 */
#include "base/trace.h"
#include "http/retry.h"

#include <assert.h>
#include <string.h>

#define NOW_MS INT64_C(1795413600000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_trace(const char *text)
{
    char copy[TRACEPARENT_MAX] = "";
    char child[TRACEPARENT_MAX] = "";
    bool is_valid = trace_is_valid(text);
    trace_set(text);
    assert(trace_child(child) == is_valid);
    assert(strlen(trace_id()) == (is_valid ? TRACE_ID_MAX - 1 : 0));
    if (!is_valid) return;
    trace_copy(text, copy);
    assert(trace_is_valid(copy) && trace_is_valid(child));
    assert(strlen(copy) == TRACEPARENT_MAX - 1 && strncmp(copy, "00-", 3) == 0);
    assert(strncmp(copy + 3, text + 3, TRACE_ID_MAX - 1) == 0);
    assert(strncmp(child + 3, trace_id(), TRACE_ID_MAX - 1) == 0);
    trace_set(NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_reply reply = {.end = HTTP_ANSWERED, .status = 429};
    str_append(&reply.headers, data, size);

    int64_t ms = -1;
    bool has_asked = retry_after_ms(&reply, NOW_MS, &ms);
    assert(!has_asked || ms >= 0);
    if (has_asked) assert(retry_delay_ms(1, true, ms, 1000, 30000) >= ms);
    int should = retry_should(&reply);
    assert(should >= -1 && should <= 1);

    char text[200];
    if (http_reply_header(&reply, "traceparent", text, sizeof text)) {
        assert(!strpbrk(text, "\n") && strlen(text) < sizeof text);
        check_trace(text);
    }
    http_reply_done(&reply);
    return 0;
}
