/*
 * Sealed values and base64: nothing opens but what was sealed here, whole and in its place; what is
 * decoded is encoded to something that decodes to the same.
 */
#include "base/crypt.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct seal_keys some_keys(void)
{
    struct seal_keys keys = {0};
    unsigned char bytes[SEAL_KEY_LEN];
    memset(bytes, 7, sizeof bytes);
    seal_key_set(&keys.current, bytes);
    memset(bytes, 8, sizeof bytes);
    seal_key_set(&keys.previous, bytes);
    return keys;
}

static void check_seal(const uint8_t *data, size_t size)
{
    struct seal_keys keys = some_keys();
    AUTO(str_done) struct str sealed = {0};
    AUTO(str_done) struct str opened = {0};
    /* A genuine one, of which the input says where it is damaged and how. */
    seal(&keys, "steps/br_1/model/1", data, size, &sealed);
    assert(seal_open(&keys, "steps/br_1/model/1", sealed.data, sealed.len, &opened) == E_OK);
    assert(opened.len == size && (size == 0 || memcmp(opened.data, data, size) == 0));
    str_clear(&opened);
    assert(seal_open(&keys, "steps/br_2/model/1", sealed.data, sealed.len, &opened) == E_CORRUPT);
    size_t at = size > 1 ? (size_t)(data[0] << 8 | data[1]) % sealed.len : 0;
    sealed.data[at] = (char)(sealed.data[at] ^ (size > 2 && data[2] ? data[2] : 1));
    assert(seal_open(&keys, "steps/br_1/model/1", sealed.data, sealed.len, &opened) == E_CORRUPT);
    assert(opened.len == 0);
    assert(seal_open(&keys, "steps/br_1/model/1", data, size, &opened) == E_CORRUPT);
}

static void check_base64(const char *text, size_t len)
{
    AUTO(str_done) struct str bytes = {0}, again = {0}, written = {0};
    if (base64url_decode(&bytes, text, len) == E_OK) {
        base64url_encode(&written, bytes.data, bytes.len);
        assert(base64url_decode(&again, str_text(&written), written.len) == E_OK);
        assert(again.len == bytes.len &&
               memcmp(str_text(&again), str_text(&bytes), bytes.len) == 0);
    }
    str_clear(&bytes);
    str_clear(&again);
    str_clear(&written);
    if (base64_decode(&bytes, text, len) == E_OK) {
        base64_encode(&written, bytes.data, bytes.len);
        assert(base64_decode(&again, str_text(&written), written.len) == E_OK);
        assert(again.len == bytes.len &&
               memcmp(str_text(&again), str_text(&bytes), bytes.len) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_seal(data, size);
    check_base64((const char *)data, size);
    AUTO(xfree_ptr) char *text = xstrndup(size ? (const char *)data : "", size);
    if (id_valid("br", text)) assert(strlen(text) == 29 && text_starts(text, "br_"));
    return 0;
}
