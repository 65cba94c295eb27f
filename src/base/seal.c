/*
 * A sealed value:
 *
 *     1 byte    format, 1
 *     16 bytes  key id, hex digits
 *     12 bytes  nonce
 *     n bytes   ciphertext, as long as the plain text
 *     16 bytes  tag of GCM
 *
 * Authenticated with it: format and key id, then the context.
 */
#include "base/crypt.h"

#include <assert.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>

#define FORMAT    1
#define ID_LEN    16
#define NONCE_LEN 12
#define TAG_LEN   16
#define HEAD_LEN  (1 + ID_LEN)
#define OVERHEAD  (HEAD_LEN + NONCE_LEN + TAG_LEN)

static void must(bool worked)
{
    assert(worked);
    (void)worked;
}

static void free_cipher(EVP_CIPHER_CTX **ctx)
{
    EVP_CIPHER_CTX_free(*ctx);
}

void seal_key_set(struct seal_key *key, const unsigned char bytes[SEAL_KEY_LEN])
{
    char hex[SHA256_HEX_LEN + 1];
    sha256_hex(bytes, SEAL_KEY_LEN, hex);
    memcpy(key->id, hex, ID_LEN);
    key->id[ID_LEN] = '\0';
    memcpy(key->bytes, bytes, SEAL_KEY_LEN);
}

void seal(const struct seal_keys *keys, const char *context, const void *bytes, size_t len,
          struct str *out)
{
    const struct seal_key *key = &keys->current;
    assert(strlen(key->id) == ID_LEN);
    assert(len <= INT_MAX && strlen(context) <= INT_MAX);
    unsigned char nonce[NONCE_LEN];
    random_bytes(nonce, sizeof nonce);
    unsigned char head[HEAD_LEN] = {FORMAT};
    memcpy(head + 1, key->id, ID_LEN);

    size_t at = out->len;
    str_reserve(out, len + OVERHEAD);
    str_append(out, head, sizeof head);
    str_append(out, nonce, sizeof nonce);
    if (!str_ok(out)) {
        str_truncate(out, at);
        return;
    }
    AUTO(free_cipher) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    must(ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1);
    must(EVP_EncryptUpdate(ctx, NULL, &n, head, sizeof head) == 1);
    must(EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)context, (int)strlen(context)) ==
         1);
    unsigned char *cipher = (unsigned char *)out->data + out->len;
    if (len > 0) must(EVP_EncryptUpdate(ctx, cipher, &n, bytes, (int)len) == 1);
    must(EVP_EncryptFinal_ex(ctx, cipher + len, &n) == 1);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, cipher + len) == 1);
    out->len += len + TAG_LEN;
    out->data[out->len] = '\0';
}

/* The key that a sealed value names. */
static enum err find_key(const struct seal_keys *keys, const unsigned char *head,
                         const struct seal_key **out_key)
{
    char id[ID_LEN + 1] = "";
    memcpy(id, head + 1, ID_LEN);
    if (strspn(id, "0123456789abcdef") != ID_LEN)
        return fail(E_CORRUPT, "a sealed value names no key");
    if (text_equal(id, keys->current.id))
        *out_key = &keys->current;
    else if (text_equal(id, keys->previous.id))
        *out_key = &keys->previous;
    else
        return fail(E_CORRUPT, "a value was sealed with key %s, which is not here", id);
    return E_OK;
}

enum err seal_open(const struct seal_keys *keys, const char *context, const void *sealed,
                   size_t len, struct str *out)
{
    const unsigned char *head = sealed;
    if (len < OVERHEAD || len - OVERHEAD > INT_MAX || head[0] != FORMAT)
        return fail(E_CORRUPT, "a sealed value of %zu bytes has no known format", len);
    const struct seal_key *key = NULL;
    enum err e = find_key(keys, head, &key);
    if (e) return e;

    size_t plain_len = len - OVERHEAD;
    str_reserve(out, plain_len);
    if (!str_ok(out)) return fail(E_LIMIT, "a sealed value of %zu bytes does not fit", len);
    const unsigned char *nonce = head + HEAD_LEN;
    const unsigned char *cipher = nonce + NONCE_LEN;
    unsigned char tag[TAG_LEN];
    memcpy(tag, cipher + plain_len, sizeof tag);
    AUTO(free_cipher) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;
    must(ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, nonce) == 1);
    must(EVP_DecryptUpdate(ctx, NULL, &n, head, HEAD_LEN) == 1);
    must(EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)context, (int)strlen(context)) ==
         1);
    unsigned char *plain = (unsigned char *)out->data + out->len;
    if (plain_len > 0) must(EVP_DecryptUpdate(ctx, plain, &n, cipher, (int)plain_len) == 1);
    must(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) == 1);
    if (EVP_DecryptFinal_ex(ctx, plain + plain_len, &n) != 1) {
        /* What was decrypted so far is not proven to be ours. */
        mem_wipe(plain, plain_len);
        plain[0] = '\0';
        return fail(E_CORRUPT, "a sealed value was changed or belongs to another place");
    }
    out->len += plain_len;
    out->data[out->len] = '\0';
    return E_OK;
}
