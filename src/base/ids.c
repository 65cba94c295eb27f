/*
 * Random numbers, ids and tokens. The kernel's generator is used directly: libcrypto keeps one of
 * its own for every thread, and there may be thousands of threads.
 */
#include "base/clock.h"
#include "base/crypt.h"
#include "base/utf8.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ID_CHARS        26
#define TOKEN_BYTES_MAX 1024

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void random_bytes(void *out, size_t len)
{
    unsigned char *at = out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            fprintf(stderr, "briefd: the system has no random numbers: %s\n",
                    strerrordesc_np(errno));
            abort();
        }
        at += n;
        len -= (size_t)n;
    }
}

uint64_t random_below(uint64_t bound)
{
    assert(bound > 0);
    /* The lowest 2^64 mod bound values would make some remainders likelier than others. */
    uint64_t too_low = (0 - bound) % bound;
    uint64_t value;
    do
        random_bytes(&value, sizeof value);
    while (value < too_low);
    return value % bound;
}

#define ID_BYTES      16
#define ID_TIME_BYTES 6

/* The time goes over the first bytes. */
static void id_write(const char *prefix, int64_t unix_ms, unsigned char bytes[ID_BYTES],
                     char out[ID_MAX])
{
    uint64_t ms = (uint64_t)unix_ms;
    for (size_t i = 0; i < ID_TIME_BYTES; i++)
        bytes[i] = (unsigned char)(ms >> (40 - 8 * i));

    size_t prefix_len = strlen(prefix);
    assert(prefix_len + 1 + ID_CHARS < ID_MAX);
    memcpy(out, prefix, prefix_len);
    out[prefix_len] = '_';
    char *digits = out + prefix_len + 1;
    /* 130 bits of text for 128 bits of value: two zero bits come first. */
    uint32_t bits = 0;
    size_t n_bits = 2;
    size_t n_digits = 0;
    for (size_t i = 0; i < ID_BYTES; i++) {
        bits = bits << 8 | bytes[i];
        n_bits += 8;
        while (n_bits >= 5) {
            n_bits -= 5;
            digits[n_digits++] = crockford[bits >> n_bits & 31];
        }
    }
    assert(n_digits == ID_CHARS && n_bits == 0);
    digits[n_digits] = '\0';
}

void id_new(const char *prefix, char out[ID_MAX])
{
    unsigned char bytes[ID_BYTES];
    random_bytes(bytes, sizeof bytes);
    id_write(prefix, clock_unix_ms(), bytes, out);
}

void id_at(const char *prefix, int64_t unix_ms, char out[ID_MAX])
{
    unsigned char bytes[ID_BYTES] = {0};
    id_write(prefix, unix_ms > 0 ? unix_ms : 0, bytes, out);
}

bool id_valid(const char *prefix, const char *text)
{
    if (!text || !text_starts(text, prefix) || text[strlen(prefix)] != '_') return false;
    const char *digits = text + strlen(prefix) + 1;
    /* The first digit holds three bits. */
    return strlen(digits) == ID_CHARS && strspn(digits, crockford) == ID_CHARS && digits[0] <= '7';
}

bool user_id_valid(const char *text)
{
    size_t len = strlen(text);
    if (len < 1 || len > USER_ID_BYTES_MAX || !utf8_valid(text, len)) return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
    return utf8_count(text, len) <= USER_ID_CHARS_MAX;
}

char *token_new(size_t n_bytes)
{
    assert(n_bytes > 0 && n_bytes <= TOKEN_BYTES_MAX);
    unsigned char bytes[TOKEN_BYTES_MAX];
    random_bytes(bytes, n_bytes);
    struct str text = {0};
    /* In one piece, so that growing leaves no copy behind. */
    str_reserve(&text, n_bytes / 3 * 4 + 4);
    base64url_encode(&text, bytes, n_bytes);
    mem_wipe(bytes, n_bytes);
    return str_take(&text);
}
