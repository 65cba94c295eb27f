#include "notify/signature.h"

#include "base/crypt.h"

void webhook_sign(const struct str *key, const char *id, int64_t at_s, const char *body,
                  struct str *out)
{
    AUTO(str_done) struct str text = {0};
    str_append_format(&text, "%s.%lld.%s", id, (long long)at_s, body);
    unsigned char mac[SHA256_LEN];
    hmac_sha256(key->data, key->len, text.data, text.len, mac);
    str_append_text(out, "v1,");
    base64_encode(out, mac, sizeof mac);
}
