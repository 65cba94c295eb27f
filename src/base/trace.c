#include "base/trace.h"

#include "base/crypt.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define VERSION_AT 0
#define ID_AT      3
#define PARENT_AT  36
#define FLAGS_AT   53
#define LEN        55

static const char shape[] = "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
_Static_assert(sizeof(shape) == LEN + 1 && LEN + 1 == TRACEPARENT_MAX, "one character each");

/* Part of the log context: what every line and every call of this thread belongs to. */
static _Thread_local struct {
    char id[TRACE_ID_MAX];
    char flags[3];
} current;

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool trace_is_valid(const char *text)
{
    if (!text || strnlen(text, LEN) < LEN) return false;
    for (size_t i = 0; i < LEN; i++)
        if (shape[i] == 'h' ? !is_hex(text[i]) : text[i] != shape[i]) return false;
    if (strncmp(text + VERSION_AT, "ff", 2) == 0) return false;
    bool is_first_version = strncmp(text + VERSION_AT, "00", 2) == 0;
    if (text[LEN] != '\0' && (is_first_version || text[LEN] != '-')) return false;
    return strspn(text + ID_AT, "0") < 32 && strspn(text + PARENT_AT, "0") < 16;
}

/* `len` random hex digits, not all of them zero. */
static void random_hex(char *out, size_t len)
{
    unsigned char bytes[16];
    do {
        random_bytes(bytes, len / 2);
        for (size_t i = 0; i < len / 2; i++)
            snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    } while (strspn(out, "0") == len);
}

void trace_new(char out[TRACEPARENT_MAX])
{
    char id[TRACE_ID_MAX];
    char span[SPAN_ID_MAX];
    random_hex(id, sizeof(id) - 1);
    random_hex(span, sizeof(span) - 1);
    snprintf(out, TRACEPARENT_MAX, "00-%s-%s-00", id, span);
}

/* Of the flags only "sampled" is known to mean what it says. */
static const char *flags_of(const char *traceparent)
{
    return strchr("13579bdf", traceparent[FLAGS_AT + 1]) ? "01" : "00";
}

void trace_copy(const char *traceparent, char out[TRACEPARENT_MAX])
{
    assert(trace_is_valid(traceparent));
    snprintf(out, TRACEPARENT_MAX, "00%.*s%s", FLAGS_AT - 2, traceparent + 2,
             flags_of(traceparent));
}

void trace_set(const char *traceparent)
{
    current.id[0] = '\0';
    if (!trace_is_valid(traceparent)) return;
    memcpy(current.id, traceparent + ID_AT, TRACE_ID_MAX - 1);
    current.id[TRACE_ID_MAX - 1] = '\0';
    memcpy(current.flags, flags_of(traceparent), sizeof(current.flags));
}

const char *trace_id(void)
{
    return current.id;
}

bool trace_child(char out[TRACEPARENT_MAX])
{
    if (!current.id[0]) return false;
    char span[SPAN_ID_MAX];
    random_hex(span, sizeof(span) - 1);
    snprintf(out, TRACEPARENT_MAX, "00-%s-%s-%s", current.id, span, current.flags);
    return true;
}
