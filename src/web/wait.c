#include "web/wait.h"

#include "web/reply.h"
#include "web/server.h"

#include <string.h>

#define WAIT_MAX_S 60

struct preference {
    bool is_found; /* the first one counts (RFC 7240, 2) */
    int64_t wait_s;
};

/* "respond-async, wait=30": 0 when it makes no sense. */
static void look_for_wait(const char *prefer, struct preference *out)
{
    for (const char *at = prefer; *at && !out->is_found; at += strcspn(at, ",")) {
        at += strspn(at, " \t,");
        if (strncasecmp(at, "wait=", 5) != 0) continue;
        out->is_found = true;
        const char *digits = at + 5;
        if (*digits == '"') digits++;
        int64_t seconds = 0;
        if (!text_is_i64(digits, strspn(digits, "0123456789"), &seconds)) return;
        out->wait_s = seconds < WAIT_MAX_S ? seconds : WAIT_MAX_S;
    }
}

/* The header may be there several times, which means the same as one list. */
static enum MHD_Result read_prefer(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    if (value && strcasecmp(name, "Prefer") == 0) look_for_wait(value, cls);
    return MHD_YES;
}

static int64_t preferred_wait_s(const struct request *rq)
{
    struct preference preference = {0};
    if (request_header(rq, "Prefer"))
        MHD_get_connection_values(rq->connection, MHD_HEADER_KIND, read_prefer, &preference);
    return preference.wait_s;
}

bool request_wait_s(struct request *rq, int64_t *out_s)
{
    static const char *const known[] = {"wait", NULL};
    *out_s = preferred_wait_s(rq);
    if (rq->query[0] == '\0') return true;
    AUTO(url_pairs_done) struct url_pairs query = {0};
    if (!request_query(rq, known, &query)) return false;
    const char *wait = url_pairs_find(&query, "wait");
    if (!wait || !text_to_i64(wait, 0, WAIT_MAX_S, out_s)) return true;
    AUTO(field_errors_done) struct field_errors errors = {0};
    field_error(&errors, "?wait", "must be a number of seconds from 0 to 60");
    reply_invalid(rq, &errors);
    return false;
}
