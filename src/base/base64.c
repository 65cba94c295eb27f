#include "base/crypt.h"

#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Encodes 1 to 3 bytes as 2 to 4 digits; returns how many. */
static size_t encode_group(const char *alphabet, const unsigned char *bytes, size_t n, char out[4])
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; i++)
        bits = bits << 8 | (i < n ? bytes[i] : 0);
    for (size_t i = 0; i < 4; i++)
        out[i] = alphabet[bits >> (18 - 6 * i) & 63];
    return n + 1;
}

static void encode(struct str *out, const char *alphabet, bool is_padded, const void *bytes,
                   size_t len)
{
    const unsigned char *at = bytes;
    for (size_t left = len; left > 0;) {
        size_t n = left < 3 ? left : 3;
        char digits[4];
        size_t n_digits = encode_group(alphabet, at, n, digits);
        for (; is_padded && n_digits < 4; n_digits++)
            digits[n_digits] = '=';
        str_append(out, digits, n_digits);
        at += n;
        left -= n;
    }
}

static int digit_value(char c, char digit_62, char digit_63)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == digit_62) return 62;
    return c == digit_63 ? 63 : -1;
}

/* Decodes 2 to 4 digits. The bits that are left over must be zero, so that one value has one text.
 */
static bool decode_group(const char *alphabet, const char *digits, size_t n, struct str *out)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < n ? digit_value(digits[i], alphabet[62], alphabet[63]) : 0;
        if (value < 0) return false;
        bits = bits << 6 | (uint32_t)value;
    }
    const unsigned char bytes[3] = {
        (unsigned char)(bits >> 16),
        (unsigned char)(bits >> 8),
        (unsigned char)bits,
    };
    for (size_t i = n - 1; i < sizeof bytes; i++)
        if (bytes[i] != 0) return false;
    str_append(out, bytes, n - 1);
    return true;
}

static enum err decode(struct str *out, const char *alphabet, const char *text, size_t len)
{
    size_t len_before = out->len;
    for (size_t at = 0; at < len; at += 4) {
        size_t n = len - at < 4 ? len - at : 4;
        if (n == 1 || !decode_group(alphabet, text + at, n, out)) {
            str_truncate(out, len_before);
            return fail(E_INVALID, "broken base64 at byte %zu", at);
        }
    }
    return E_OK;
}

void base64url_encode(struct str *out, const void *bytes, size_t len)
{
    encode(out, url_safe, false, bytes, len);
}

enum err base64url_decode(struct str *out, const char *text, size_t len)
{
    return decode(out, url_safe, text, len);
}

void base64_encode(struct str *out, const void *bytes, size_t len)
{
    encode(out, standard, true, bytes, len);
}

/* Without the "=" at the end, of which there are at most two. */
static size_t unpadded(const char *text, size_t len)
{
    for (int i = 0; i < 2 && len > 0 && text[len - 1] == '='; i++)
        len--;
    return len;
}

enum err base64_decode(struct str *out, const char *text, size_t len)
{
    if (len % 4 != 0)
        return fail(E_INVALID, "broken base64: %zu bytes are no whole number of groups", len);
    return decode(out, standard, text, unpadded(text, len));
}

enum err webhook_secret_key(const char *secret, struct str *out_key)
{
    const char *underscore = strchr(secret, '_');
    const char *text = underscore ? underscore + 1 : secret;
    size_t len = unpadded(text, strlen(text));
    if (len == 0) return fail(E_INVALID, "the webhook secret is empty");
    return decode(out_key, standard, text, len);
}
