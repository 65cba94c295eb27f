/*
 * Bodies of ScaleKit's answers: as an error of any status, and as the answer of a tool. The first
 * byte picks the status. What comes out must be JSON that a strict parser takes, and texts in valid
 * UTF-8.
 */
#include "api/scalekit_internal.h"

#include "base/utf8.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(int status, const char *body, size_t len)
{
    struct http_reply reply = {.end = HTTP_ANSWERED, .status = status};
    str_append(&reply.body, body, len);
    struct scalekit_error error;
    scalekit_error_read(&reply, &error);
    http_reply_done(&reply);

    assert(error.class < SCALEKIT_CLASS_COUNT && error.class != SCALEKIT_FINE);
    assert(utf8_valid(error.message, strlen(error.message)));
    assert(utf8_valid(error.error_code, strlen(error.error_code)));
    /* Words of the other side never make an uncertain status a certain one. */
    if (status >= 500) assert(error.class == SCALEKIT_UNKNOWN);
}

static void check_result(const char *body, size_t len)
{
    struct scalekit_result result = {0};
    if (scalekit_result_read(body, len, &result)) {
        assert(!result.data.data);
        return;
    }
    assert(str_ok(&result.data));
    assert(json_check(result.data.data, result.data.len, (struct json_limits){0}) == E_OK);
    AUTO(str_done) struct str again = {0};
    json_repair(&again, result.data.data, result.data.len);
    assert(again.len == result.data.len);
    assert(memcmp(again.data, result.data.data, again.len) == 0);
    assert(result.is_provider_failure == (*result.provider_error != '\0'));
    assert(utf8_valid(result.provider_error, strlen(result.provider_error)));
    scalekit_result_done(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const short statuses[] = {400, 401, 403, 404, 409, 429, 500, 503};
    if (size < 1) return 0;
    check_error(statuses[data[0] % ARRAY_LEN(statuses)], (const char *)data + 1, size - 1);
    check_result((const char *)data + 1, size - 1);
    return 0;
}
