/* Hashes, random numbers, ids and base64. Sealing has a file of its own. */
#include "base/crypt.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static void hex_of(const unsigned char *bytes, size_t len, struct str *out)
{
    for (size_t i = 0; i < len; i++)
        str_append_format(out, "%02x", bytes[i]);
}

static void sha256_matches_known_answers(void **state)
{
    (void)state;
    char hex[SHA256_HEX_LEN + 1];
    sha256_hex("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    AUTO(xfree_ptr) char *million = xmalloc(1000000);
    memset(million, 'a', 1000000);
    sha256_hex(million, 1000000, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void hash_of_pieces(struct sha256_state *s, const char *a, const char *b,
                           char hex[SHA256_HEX_LEN + 1])
{
    sha256_init(s);
    sha256_add_text(s, a);
    sha256_add_text(s, b);
    sha256_add(s, NULL, 0);
    sha256_final_hex(s, hex);
}

static void pieces_are_hashed_with_their_borders(void **state)
{
    (void)state;
    struct sha256_state s;
    char first[SHA256_HEX_LEN + 1];
    char second[SHA256_HEX_LEN + 1];
    hash_of_pieces(&s, "ab", "c", first);
    hash_of_pieces(&s, "a", "bc", second);
    assert_string_equal(first, "528e931465bb50b57f335f8f47b78a4e3a2ee8b14454d7d3586105668d33c410");
    assert_string_not_equal(first, second);
}

/* RFC 4231, cases 2 and 6. */
static void hmac_matches_known_answers(void **state)
{
    (void)state;
    unsigned char mac[SHA256_LEN];
    AUTO(str_done) struct str hex = {0};
    hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac);
    hex_of(mac, sizeof mac, &hex);
    assert_string_equal(str_text(&hex),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    unsigned char key[131];
    memset(key, 0xAA, sizeof key);
    hmac_sha256(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
    str_clear(&hex);
    hex_of(mac, sizeof mac, &hex);
    assert_string_equal(str_text(&hex),
                        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void equal_means_every_byte(void **state)
{
    (void)state;
    assert_true(equal_constant_time("abc", "abc", 3));
    assert_false(equal_constant_time("abc", "abd", 3));
    assert_false(equal_constant_time("abc", "xbc", 3));
    assert_true(equal_constant_time("abc", "abd", 2));
    assert_true(equal_constant_time("a", "b", 0));
}

static void random_numbers_stay_below_and_reach_everything(void **state)
{
    (void)state;
    static const uint64_t bounds[] = {1, 2, 3, 7, 10};
    for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
        uint64_t seen = 0;
        /* Missing one of ten values in 2,000 draws happens once in 10^90. */
        for (int n = 0; n < 2000; n++) {
            uint64_t value = random_below(bounds[i]);
            assert_true(value < bounds[i]);
            seen |= UINT64_C(1) << value;
        }
        assert_int_equal(seen, (UINT64_C(1) << bounds[i]) - 1);
    }
    uint64_t high = 0;
    for (int n = 0; n < 200; n++)
        high |= random_below(UINT64_MAX);
    assert_true(high >> 63);
}

static int compare_ids(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ids_are_valid_and_differ(void **state)
{
    (void)state;
    enum { N = 5000 };
    char(*ids)[ID_MAX] = xcalloc(N, sizeof *ids);
    clock_freeze(1763877600123);
    for (int i = 0; i < N; i++) {
        id_new("br", ids[i]);
        assert_true(id_valid("br", ids[i]));
        assert_memory_equal(ids[i], "br_01KAQMREVV", 13);
    }
    clock_freeze(0);
    qsort(ids, N, sizeof *ids, compare_ids);
    for (int i = 1; i < N; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
    xfree(ids);
}

static void ids_sort_by_time(void **state)
{
    (void)state;
    char before[ID_MAX] = "br_";
    static const int64_t times[] = {
        1, 31, 32, 1000000, 1763877600123, 1763877600124, 253402300799999};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char id[ID_MAX];
        char first[ID_MAX];
        clock_freeze(times[i]);
        id_new("br", id);
        id_at("br", times[i], first);
        assert_true(id_valid("br", first));
        assert_true(strcmp(before, first) < 0);
        assert_true(strcmp(first, id) < 0);
        memcpy(before, id, sizeof id);
    }
    clock_freeze(0);
}

static void only_ids_are_valid(void **state)
{
    (void)state;
    assert_true(id_valid("br", "br_01KAR2NFYV0123456789ABCDEF"));
    assert_true(id_valid("br", "br_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"));
    static const char *const bad[] = {
        "",
        "br",
        "br_",
        "xx_01KAR2NFYV0123456789ABCDEF",
        "br-01KAR2NFYV0123456789ABCDEF",
        "br_01KAR2NFYV0123456789ABCDE",
        "br_01KAR2NFYV0123456789ABCDEFG",
        "br_01kar2nfyv0123456789abcdef",
        "br_01KAR2NFYV0123456789ABCDEI",
        "br_01KAR2NFYV0123456789ABCDEU",
        "br_81KAR2NFYV0123456789ABCDEF",
        "br_01KAR2NFYV0123456789ABCDE\n",
        "brx_01KAR2NFYV0123456789ABCDEF",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (id_valid("br", bad[i])) fail_msg("accepted: %s", bad[i]);
    assert_false(id_valid("br", NULL));
}

static void tokens_are_long_and_url_safe(void **state)
{
    (void)state;
    AUTO(xfree_secret_ptr) char *a = token_new(32);
    AUTO(xfree_secret_ptr) char *b = token_new(32);
    assert_int_equal(strlen(a), 43);
    assert_string_not_equal(a, b);
    AUTO(str_done) struct str bytes = {0};
    assert_int_equal(base64url_decode(&bytes, a, strlen(a)), E_OK);
    assert_int_equal(bytes.len, 32);
}

/* ---- base64 ---- */

static const struct {
    const char *plain, *standard, *url_safe;
} base64_rows[] = {
    {"",             "",         ""        },
    {"f",            "Zg==",     "Zg"      },
    {"fo",           "Zm8=",     "Zm8"     },
    {"foo",          "Zm9v",     "Zm9v"    },
    {"foobar",       "Zm9vYmFy", "Zm9vYmFy"},
    {"\xFB\xEF\xBE", "++++",     "----"    },
    {"\xFF\xFF\xFF", "////",     "____"    },
    {"a?>~\xFE",     "YT8+fv4=", "YT8-fv4" },
};

static void base64_matches_known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(base64_rows); i++) {
        const char *plain = base64_rows[i].plain;
        AUTO(str_done) struct str text = {0};
        base64_encode(&text, plain, strlen(plain));
        assert_string_equal(str_text(&text), base64_rows[i].standard);
        AUTO(str_done) struct str back = {0};
        assert_int_equal(base64_decode(&back, str_text(&text), text.len), E_OK);
        assert_string_equal(str_text(&back), plain);

        str_clear(&text);
        str_clear(&back);
        base64url_encode(&text, plain, strlen(plain));
        assert_string_equal(str_text(&text), base64_rows[i].url_safe);
        assert_int_equal(base64url_decode(&back, str_text(&text), text.len), E_OK);
        assert_string_equal(str_text(&back), plain);
    }
}

static void base64_is_read_strictly(void **state)
{
    (void)state;
    static const char *const bad_standard[] = {"Zg",   "Zg=",      "Zh==", "Zm9=",   "Z===",
                                               "====", "=Zg=",     "Zm 9", "Zm9v\n", "Zm9-",
                                               "Zm9_", "Zg==Zg==", "Z"};
    static const char *const bad_url[] = {
        "Z", "Zh", "Zm9", "Zg==", "Zm9v\n", "Zm+v", "Zm/v", "Zm9vZ"};
    AUTO(str_done) struct str out = {0};
    str_append_text(&out, "kept");
    for (size_t i = 0; i < ARRAY_LEN(bad_standard); i++)
        if (base64_decode(&out, bad_standard[i], strlen(bad_standard[i])) != E_INVALID)
            fail_msg("accepted: %s", bad_standard[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad_url); i++)
        if (base64url_decode(&out, bad_url[i], strlen(bad_url[i])) != E_INVALID)
            fail_msg("accepted: %s", bad_url[i]);
    assert_int_equal(base64url_decode(&out, "Zm9\0", 4), E_INVALID);
    assert_string_equal(str_text(&out), "kept");
}

static void a_user_id_counts_characters(void **state)
{
    (void)state;
    char text[USER_ID_BYTES_MAX + 2] = "";
    for (size_t i = 0; i < USER_ID_CHARS_MAX; i++)
        memcpy(text + 4 * i, "\xf0\x9f\x98\x80", 4);
    assert_true(user_id_valid(text));
    text[USER_ID_BYTES_MAX] = 'x';
    assert_false(user_id_valid(text));
    memset(text, 'x', USER_ID_CHARS_MAX);
    text[USER_ID_CHARS_MAX] = '\0';
    assert_true(user_id_valid(text));
    memcpy(text + USER_ID_CHARS_MAX, "x", 2);
    assert_false(user_id_valid(text));
    static const char *const bad[] = {"", "a\nb", "a\x7f", "\xc3", "\xed\xa0\x80"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(user_id_valid(bad[i]));
}

static void the_key_of_a_webhook_secret_is_what_follows_its_prefix(void **state)
{
    (void)state;
    static const char *const good[] = {"whsec_Zm9vYg==", "whsec_Zm9vYg", "Zm9vYg=="};
    static const char *const bad[] = {"", "whsec_", "whsec_==", "whsec_Zm9v Yg", "whsec_Z"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        AUTO(str_done_secret) struct str key = {0};
        assert_int_equal(webhook_secret_key(good[i], &key), E_OK);
        assert_string_equal(str_text(&key), "foob");
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        AUTO(str_done_secret) struct str key = {0};
        assert_int_equal(webhook_secret_key(bad[i], &key), E_INVALID);
        assert_int_equal(key.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_matches_known_answers),
        cmocka_unit_test(pieces_are_hashed_with_their_borders),
        cmocka_unit_test(hmac_matches_known_answers),
        cmocka_unit_test(equal_means_every_byte),
        cmocka_unit_test(random_numbers_stay_below_and_reach_everything),
        cmocka_unit_test(ids_are_valid_and_differ),
        cmocka_unit_test(ids_sort_by_time),
        cmocka_unit_test(only_ids_are_valid),
        cmocka_unit_test(tokens_are_long_and_url_safe),
        cmocka_unit_test(base64_matches_known_answers),
        cmocka_unit_test(base64_is_read_strictly),
        cmocka_unit_test(a_user_id_counts_characters),
        cmocka_unit_test(the_key_of_a_webhook_secret_is_what_follows_its_prefix),
    };
    return cmocka_run_group_tests_name("base/crypt", tests, NULL, NULL);
}
