#include "web/limits.h"

#include "base/clock.h"
#include "web/reply.h"
#include "web/server.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define PRINCIPALS              4096
#define ADDRESSES               16384
#define UNKNOWN_KEYS_PER_S      20
#define UNKNOWN_KEYS_BURST      1000
#define FORWARDED_ADDRESS_BYTES 64

void limits_start(struct web *web, const struct web_options *o)
{
    web->key_rate = rate_limit_new("key", o->key_requests_per_s, o->key_requests_burst, PRINCIPALS);
    web->user_rate =
        rate_limit_new("user", o->address_requests_per_s, o->address_requests_burst, PRINCIPALS);
    web->address_rate =
        rate_limit_new("address", o->address_requests_per_s, o->address_requests_burst, ADDRESSES);
    if (web->address_rate)
        web->unknown_key_rate =
            rate_limit_new("unknown-key", UNKNOWN_KEYS_PER_S, UNKNOWN_KEYS_BURST, ADDRESSES);
}

void limits_stop(struct web *web)
{
    rate_limit_free(web->key_rate);
    rate_limit_free(web->user_rate);
    rate_limit_free(web->address_rate);
    rate_limit_free(web->unknown_key_rate);
}

/* ---- where it comes from ---- */

static enum MHD_Result keep_forwarded(void *cls, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    (void)kind;
    const char **last = cls;
    if (strcasecmp(name, "X-Forwarded-For") == 0) *last = value;
    return MHD_YES;
}

/* The last address of the last line: what stands before it, anybody can have written. */
static bool forwarded_address(const struct request *rq, unsigned char out[ADDRESS_LEN])
{
    const char *value = NULL;
    MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, keep_forwarded, &value);
    if (!value) return false;
    const char *comma = strrchr(value, ',');
    const char *last = comma ? comma + 1 : value;
    last += strspn(last, " \t");
    char text[FORWARDED_ADDRESS_BYTES];
    size_t len = strcspn(last, " \t");
    if (len >= sizeof(text)) return false;
    memcpy(text, last, len);
    text[len] = '\0';
    struct sockaddr_storage address;
    return address_parse(text, &address) && address_of((struct sockaddr *)&address, out);
}

static void find_address(struct request *rq)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(rq->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *peer = info ? info->client_addr : NULL;
    memset(rq->address, 0, sizeof(rq->address));
    if (!peer || !address_of(peer, rq->address)) return;
    const char *proxies = rq->web->options.trusted_proxy;
    unsigned char forwarded[ADDRESS_LEN];
    if (proxies && address_is_among(proxies, peer) && forwarded_address(rq, forwarded))
        memcpy(rq->address, forwarded, sizeof(rq->address));
    address_make_network(rq->address);
}

/* ---- taking ---- */

static bool take(struct request *rq, struct rate_limit *limit, const void *who, size_t len)
{
    rq->rate = rate_limit_take(limit, who, len, clock_mono_ms());
    if (!rq->rate.is_refused) return true;
    char seconds[24];
    snprintf(seconds, sizeof(seconds), "%lld", (long long)rq->rate.retry_after_s);
    reply_header(rq, "Retry-After", seconds);
    reply_problem(rq, PROBLEM_rate_limited,
                  "More requests than allowed came from this caller; nothing was done. Wait for "
                  "Retry-After, then go on more slowly.");
    return false;
}

static bool take_as_principal(struct request *rq)
{
    bool is_key = rq->principal.kind == PRINCIPAL_SERVICE;
    return take(rq, is_key ? rq->web->key_rate : rq->web->user_rate, rq->principal.name,
                strlen(rq->principal.name));
}

bool limits_let_in(struct request *rq, enum auth_result result)
{
    if (result == AUTH_OK) return take_as_principal(rq);
    find_address(rq);
    struct web *web = rq->web;
    if (!take(rq, web->address_rate, rq->address, sizeof(rq->address))) return false;
    if (result != AUTH_UNKNOWN) return true;
    struct rate_answer asked = rq->rate;
    if (!take(rq, web->unknown_key_rate, rq->address, sizeof(rq->address))) return false;
    rq->rate = asked;
    return true;
}

bool limits_let_principal_in(struct request *rq)
{
    rate_limit_give_back(rq->web->address_rate, rq->address, sizeof(rq->address));
    if (rq->principal.kind == PRINCIPAL_SERVICE)
        rate_limit_give_back(rq->web->unknown_key_rate, rq->address, sizeof(rq->address));
    return take_as_principal(rq);
}

void limits_add_headers(struct request *rq, struct MHD_Response *response)
{
    if (!rq->rate.limit) return;
    char text[RATE_TEXT_MAX];
    rate_answer_format(&rq->rate, text);
    MHD_add_response_header(response, "RateLimit-Policy", rate_limit_policy(rq->rate.limit));
    MHD_add_response_header(response, "RateLimit", text);
}
