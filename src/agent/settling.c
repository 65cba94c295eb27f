#include "agent/settling.h"

#include "base/json.h"

#include <string.h>

#define MS_MAX (INT64_C(1) << 52) /* more was not written by us */
/* A clock that is adjusted while it runs moves less in the time that counts. */
#define DRIFT_MS 2000

static int64_t number(struct json_span from, const char *key)
{
    int64_t value = 0;
    return json_int(json_get(from, key), &value) && value > 0 && value < MS_MAX ? value : 0;
}

struct settling settling_read(const char *meta)
{
    struct json_span root = meta ? json_root(meta, strlen(meta)) : (struct json_span){0};
    return (struct settling){.unix_ms = number(root, "quiet_unix_ms"),
                             .mono_ms = number(root, "quiet_mono_ms"),
                             .looked_ms = number(root, "looked_ms"),
                             .clock_ahead_ms = number(root, "clock_ahead_ms"),
                             .n_reads = number(root, "reads")};
}

void settling_write(const struct settling *settling, struct str *out_meta)
{
    struct json_writer w = json_writer(out_meta);
    json_begin_object(&w);
    json_put_int(&w, "quiet_unix_ms", settling->unix_ms);
    json_put_int(&w, "quiet_mono_ms", settling->mono_ms);
    json_put_int(&w, "looked_ms", settling->looked_ms);
    json_put_int(&w, "clock_ahead_ms", settling->clock_ahead_ms);
    json_put_int(&w, "reads", settling->n_reads);
    json_end_object(&w);
}

int64_t settling_quiet_ms(struct settling *settling, int64_t now_unix_ms, int64_t now_mono_ms)
{
    int64_t drift_ms = (now_unix_ms - settling->unix_ms) - (now_mono_ms - settling->mono_ms);
    bool went_on_together = drift_ms >= -DRIFT_MS && drift_ms <= DRIFT_MS;
    bool is_known = settling->unix_ms > 0 && settling->mono_ms > 0;
    if (is_known && went_on_together && now_mono_ms >= settling->mono_ms)
        return now_mono_ms - settling->mono_ms;
    settling->unix_ms = now_unix_ms;
    settling->mono_ms = now_mono_ms;
    settling->n_reads = 0;
    return 0;
}
