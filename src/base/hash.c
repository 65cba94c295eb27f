#include "base/crypt.h"

#include <assert.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <string.h>

/* libcrypto fails here only when it cannot allocate. */
static void must(bool worked)
{
    assert(worked);
    (void)worked;
}

static void to_hex(const unsigned char *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

void sha256(const void *bytes, size_t len, unsigned char out[SHA256_LEN])
{
    SHA256(bytes, len, out);
}

void sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_LEN + 1])
{
    unsigned char digest[SHA256_LEN];
    sha256(bytes, len, digest);
    to_hex(digest, sizeof digest, out);
}

void sha256_init(struct sha256_state *state)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);
    state->ctx = ctx;
}

void sha256_add(struct sha256_state *state, const void *bytes, size_t len)
{
    unsigned char prefix[8];
    for (size_t i = 0; i < sizeof prefix; i++)
        prefix[i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
    must(EVP_DigestUpdate(state->ctx, prefix, sizeof prefix) == 1);
    if (len > 0) must(EVP_DigestUpdate(state->ctx, bytes, len) == 1);
}

void sha256_add_text(struct sha256_state *state, const char *text)
{
    sha256_add(state, text, strlen(text));
}

void sha256_final_hex(struct sha256_state *state, char out[SHA256_HEX_LEN + 1])
{
    unsigned char digest[SHA256_LEN];
    must(EVP_DigestFinal_ex(state->ctx, digest, NULL) == 1);
    EVP_MD_CTX_free(state->ctx);
    state->ctx = NULL;
    to_hex(digest, sizeof digest, out);
}

void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                 unsigned char out[SHA256_LEN])
{
    assert(key_len <= INT_MAX);
    must(HMAC(EVP_sha256(), key, (int)key_len, bytes, len, out, NULL) != NULL);
}

bool equal_constant_time(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
