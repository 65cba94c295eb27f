/*
 * Hashes, random numbers, ids and sealing (OpenSSL's libcrypto). Any thread.
 */
#ifndef BASE_CRYPT_H
#define BASE_CRYPT_H

#include "base/str.h"

#define SHA256_LEN     32
#define SHA256_HEX_LEN 64

void sha256(const void *bytes, size_t len, unsigned char out[SHA256_LEN]);
/* Lower-case hex with NUL. */
void sha256_hex(const void *bytes, size_t len, char out[SHA256_HEX_LEN + 1]);
/* Hash of several pieces: sha256_init, sha256_add…, sha256_final_hex. Each piece is preceded by its
 * length, so that ("ab","c") and ("a","bc") differ. */
struct sha256_state {
    void *ctx;
};
void sha256_init(struct sha256_state *state);
void sha256_add(struct sha256_state *state, const void *bytes, size_t len);
void sha256_add_text(struct sha256_state *state, const char *text);
void sha256_final_hex(struct sha256_state *state, char out[SHA256_HEX_LEN + 1]);

void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                 unsigned char out[SHA256_LEN]);
/* Takes the same time wherever the first difference is. */
bool equal_constant_time(const void *a, const void *b, size_t len);

/* Cryptographically strong; aborts when the system has none. */
void random_bytes(void *out, size_t len);
/* Uniform in [0, bound). */
uint64_t random_below(uint64_t bound);

#define ID_MAX 40
/* "br_01K…": prefix, "_", 26 characters of Crockford base32 (48 bits of milliseconds, 80 random
 * bits): ids sort by time. */
void id_new(const char *prefix, char out[ID_MAX]);
/* The smallest id of that millisecond: every id made earlier is less, every other one is not. */
void id_at(const char *prefix, int64_t unix_ms, char out[ID_MAX]);
/* Is this `prefix` + "_" + 26 such characters? */
bool id_valid(const char *prefix, const char *text);
/* The host application's own id of a person, ScaleKit's identifier: 1 to 100 characters of UTF-8, no
 * control characters. (wire notes 2.0) */
#define USER_ID_CHARS_MAX 100
#define USER_ID_BYTES_MAX (4 * USER_ID_CHARS_MAX)
bool user_id_valid(const char *text);
/* `n_bytes` random bytes as base64url without padding. */
char *token_new(size_t n_bytes) MUST_CHECK;

void base64url_encode(struct str *out, const void *bytes, size_t len);
/* Strict, no padding, no white space. E_INVALID. */
enum err base64url_decode(struct str *out, const char *text, size_t len) MUST_CHECK;
void base64_encode(struct str *out, const void *bytes, size_t len);
enum err base64_decode(struct str *out, const char *text, size_t len) MUST_CHECK;
/* The key in a secret of Standard Webhooks: what follows the first "_" of "whsec_…", in base64, where
 * the padding may be missing. E_INVALID when that is none, or empty. */
enum err webhook_secret_key(const char *secret, struct str *out_key) MUST_CHECK;

/* Sealing: AES-256-GCM with a random 96-bit nonce; `context` (for example "steps/br_1/model/1") is
 * authenticated but not stored, so a sealed value cannot be moved to another row. */
#define SEAL_KEY_LEN 32
struct seal_key {
    char id[17]; /* first 16 hex digits of SHA-256 of the key */
    unsigned char bytes[SEAL_KEY_LEN];
};
struct seal_keys {
    struct seal_key current;
    struct seal_key previous; /* id "" when there is none: only opened with, never sealed with */
};
/* A key from 32 raw bytes. */
void seal_key_set(struct seal_key *key, const unsigned char bytes[SEAL_KEY_LEN]);
/* Appends format byte, key id, nonce, ciphertext and tag. */
void seal(const struct seal_keys *keys, const char *context, const void *bytes, size_t len,
          struct str *out);
/* E_CORRUPT when it was changed, cut, moved, or sealed with a key that is not here. */
enum err seal_open(const struct seal_keys *keys, const char *context, const void *sealed,
                   size_t len, struct str *out) MUST_CHECK;

#endif
