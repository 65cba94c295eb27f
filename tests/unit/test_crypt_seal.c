/* Sealed values: what was changed, cut, moved or made with another key does not open. */
#include "base/crypt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#define CONTEXT  "steps/br_1/model/1"
#define OVERHEAD 45

static struct seal_keys keys_from(unsigned char current, int previous)
{
    struct seal_keys keys = {0};
    unsigned char bytes[SEAL_KEY_LEN];
    memset(bytes, current, sizeof bytes);
    seal_key_set(&keys.current, bytes);
    if (previous >= 0) {
        memset(bytes, previous, sizeof bytes);
        seal_key_set(&keys.previous, bytes);
    }
    return keys;
}

/* Made with node's crypto module. */
static const unsigned char foreign[] = "\x01\x36\x33\x30\x64\x63\x64\x32\x39\x36\x36\x63\x34\x33"
                                       "\x33\x36\x36\x00\x01\x02\x03\x04\x05\x06"
                                       "\x07\x08\x09\x0a\x0b\x20\x6d\xb9\x7f\xe5\x88\xad\x69\xe3"
                                       "\x28\xf9\xec\xff\x9d\x48\xd2\x35\x49\xff"
                                       "\xe1\x5f\x45\xb5\x03\x97\x0e\x27\xb4";

static void a_value_sealed_by_another_implementation_opens(void **state)
{
    (void)state;
    struct seal_keys keys = {0};
    unsigned char bytes[SEAL_KEY_LEN];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    seal_key_set(&keys.current, bytes);
    assert_string_equal(keys.current.id, "630dcd2966c43366");
    AUTO(str_done) struct str plain = {0};
    assert_int_equal(seal_open(&keys, CONTEXT, foreign, sizeof foreign - 1, &plain), E_OK);
    assert_string_equal(str_text(&plain), "good morning");
}

static void what_was_sealed_opens_again(void **state)
{
    (void)state;
    struct seal_keys keys = keys_from(7, -1);
    static const size_t lens[] = {0, 1, 15, 16, 17, 4096, 300000};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        AUTO(xfree_ptr) char *bytes = xmalloc(lens[i]);
        random_bytes(bytes, lens[i]);
        AUTO(str_done) struct str sealed = {0};
        AUTO(str_done) struct str plain = {0};
        str_append_text(&sealed, "before:");
        str_append_text(&plain, "kept:");
        seal(&keys, CONTEXT, bytes, lens[i], &sealed);
        assert_int_equal(sealed.len, 7 + lens[i] + OVERHEAD);
        assert_int_equal(seal_open(&keys, CONTEXT, sealed.data + 7, sealed.len - 7, &plain), E_OK);
        assert_int_equal(plain.len, 5 + lens[i]);
        assert_memory_equal(plain.data, "kept:", 5);
        assert_memory_equal(plain.data + 5, bytes, lens[i]);
    }
}

static void the_same_value_never_looks_the_same(void **state)
{
    (void)state;
    struct seal_keys keys = keys_from(7, -1);
    AUTO(str_done) struct str a = {0};
    AUTO(str_done) struct str b = {0};
    seal(&keys, CONTEXT, "hunter2", 7, &a);
    seal(&keys, CONTEXT, "hunter2", 7, &b);
    assert_memory_equal(a.data, b.data, 17);
    assert_memory_not_equal(a.data + 17, b.data + 17, 12);
    assert_memory_not_equal(a.data + 29, b.data + 29, 7);
    assert_null(memmem(a.data, a.len, "hunter2", 7));
}

static void a_changed_byte_anywhere_is_noticed(void **state)
{
    (void)state;
    struct seal_keys keys = keys_from(7, -1);
    AUTO(str_done) struct str sealed = {0};
    seal(&keys, CONTEXT, "hunter2", 7, &sealed);
    AUTO(str_done) struct str plain = {0};
    for (size_t at = 0; at < sealed.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            sealed.data[at] = (char)(sealed.data[at] ^ 1 << bit);
            assert_int_equal(seal_open(&keys, CONTEXT, sealed.data, sealed.len, &plain), E_CORRUPT);
            sealed.data[at] = (char)(sealed.data[at] ^ 1 << bit);
        }
    }
    assert_string_equal(str_text(&plain), "");
    assert_int_equal(seal_open(&keys, CONTEXT, sealed.data, sealed.len, &plain), E_OK);
}

static void a_cut_or_longer_value_is_noticed(void **state)
{
    (void)state;
    struct seal_keys keys = keys_from(7, -1);
    AUTO(str_done) struct str sealed = {0};
    seal(&keys, CONTEXT, "hunter2", 7, &sealed);
    AUTO(str_done) struct str plain = {0};
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(seal_open(&keys, CONTEXT, sealed.data, len, &plain), E_CORRUPT);
    str_append_char(&sealed, '\0');
    assert_int_equal(seal_open(&keys, CONTEXT, sealed.data, sealed.len, &plain), E_CORRUPT);
    assert_int_equal(plain.len, 0);
}

static void a_value_opens_only_in_its_place(void **state)
{
    (void)state;
    struct seal_keys keys = keys_from(7, -1);
    AUTO(str_done) struct str sealed = {0};
    seal(&keys, CONTEXT, "hunter2", 7, &sealed);
    AUTO(str_done) struct str plain = {0};
    static const char *const others[] = {"", "steps/br_1/model/2", "steps/br_1/model/11", "steps"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_int_equal(seal_open(&keys, others[i], sealed.data, sealed.len, &plain), E_CORRUPT);
}

static void the_previous_key_opens_and_never_seals(void **state)
{
    (void)state;
    struct seal_keys old = keys_from(1, -1);
    struct seal_keys rotated = keys_from(2, 1);
    struct seal_keys done = keys_from(2, -1);
    AUTO(str_done) struct str sealed = {0};
    AUTO(str_done) struct str plain = {0};
    seal(&old, CONTEXT, "x", 1, &sealed);
    assert_int_equal(seal_open(&rotated, CONTEXT, sealed.data, sealed.len, &plain), E_OK);
    assert_int_equal(seal_open(&done, CONTEXT, sealed.data, sealed.len, &plain), E_CORRUPT);
    assert_non_null(strstr(err_detail(), old.current.id));

    str_clear(&sealed);
    seal(&rotated, CONTEXT, "y", 1, &sealed);
    assert_int_equal(seal_open(&done, CONTEXT, sealed.data, sealed.len, &plain), E_OK);
    assert_int_equal(seal_open(&old, CONTEXT, sealed.data, sealed.len, &plain), E_CORRUPT);
}

static void what_does_not_fit_is_an_overflow(void **state)
{
    (void)state;
    struct seal_keys keys = keys_from(7, -1);
    AUTO(str_done) struct str small = STR_LIMIT(OVERHEAD + 6);
    seal(&keys, CONTEXT, "hunter2", 7, &small);
    assert_false(str_ok(&small));
    assert_int_equal(small.len, 0);
    AUTO(str_done) struct str sealed = STR_LIMIT(OVERHEAD + 7);
    seal(&keys, CONTEXT, "hunter2", 7, &sealed);
    assert_true(str_ok(&sealed));
    AUTO(str_done) struct str plain = STR_LIMIT(6);
    assert_int_equal(seal_open(&keys, CONTEXT, sealed.data, sealed.len, &plain), E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_sealed_by_another_implementation_opens),
        cmocka_unit_test(what_was_sealed_opens_again),
        cmocka_unit_test(the_same_value_never_looks_the_same),
        cmocka_unit_test(a_changed_byte_anywhere_is_noticed),
        cmocka_unit_test(a_cut_or_longer_value_is_noticed),
        cmocka_unit_test(a_value_opens_only_in_its_place),
        cmocka_unit_test(the_previous_key_opens_and_never_seals),
        cmocka_unit_test(what_does_not_fit_is_an_overflow),
    };
    return cmocka_run_group_tests_name("base/crypt sealing", tests, NULL, NULL);
}
