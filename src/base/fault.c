#include "base/fault.h"

#ifdef BRIEFD_FAULTS

#include "base/str.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT_MAX 64

/* An armed point; `name` is "" when there is none. */
struct point {
    char name[POINT_MAX]; /* may end in "@subject" */
    long countdown;       /* passages left before it goes off; -1 afterwards */
    long n_passed;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
/* guarded by `mutex` */
static struct point failing;
static struct point crashing;

/* written once, before other threads start; "": none */
static char file_path[512];

/* of this thread; "" for nobody */
static _Thread_local char subject[POINT_MAX];

void fault_subject(const char *name)
{
    snprintf(subject, sizeof subject, "%s", name ? name : "");
}

/* Is `armed` ("name", or "name@subject") this point, on this thread? */
static bool is_meant(const char *armed, const char *name)
{
    size_t len = strlen(name);
    if (strncmp(armed, name, len) != 0) return false;
    if (armed[len] != '@') return armed[len] == '\0';
    const char *wanted = armed + len + 1;
    return strncmp(subject, wanted, strlen(wanted)) == 0;
}

static void arm(struct point *point, const char *name, long countdown)
{
    pthread_mutex_lock(&mutex);
    *point = (struct point){.countdown = countdown};
    if (name) memcpy(point->name, name, strnlen(name, POINT_MAX - 1));
    pthread_mutex_unlock(&mutex);
}

/* True for the one passage that the point was armed for. */
static bool goes_off(struct point *point, const char *name)
{
    bool is_due = false;
    pthread_mutex_lock(&mutex);
    if (point->name[0] && is_meant(point->name, name)) {
        point->n_passed++;
        is_due = point->countdown == 0;
        if (point->countdown >= 0) point->countdown--;
    }
    pthread_mutex_unlock(&mutex);
    return is_due;
}

/* Does the point stand in the file of those that fail now? */
static bool is_in_file(const char *name)
{
    char word[POINT_MAX];
    if (!file_path[0]) return false;
    FILE *file = fopen(file_path, "r");
    if (!file) return false;
    bool is_there = false;
    while (!is_there && fscanf(file, "%63s", word) == 1)
        is_there = strcmp(word, name) == 0;
    fclose(file);
    return is_there;
}

bool fault_fails(const char *point)
{
    return goes_off(&failing, point) || is_in_file(point);
}

void fault_crash(const char *point)
{
    if (!goes_off(&crashing, point)) return;
    fprintf(stderr, "briefd: crash at \"%s\", as asked for\n", point);
    abort();
}

void fault_arm(const char *point, long countdown)
{
    arm(&failing, point, countdown);
}

void fault_arm_crash(const char *point, long countdown)
{
    arm(&crashing, point, countdown);
}

long fault_passed(void)
{
    pthread_mutex_lock(&mutex);
    long n = failing.n_passed + crashing.n_passed;
    pthread_mutex_unlock(&mutex);
    return n;
}

/* "name:12"; a test that asks for something else has a mistake that must not pass unseen. */
static void arm_from_text(struct point *point, const char *text)
{
    if (!text || !text[0]) return;
    const char *colon = strrchr(text, ':');
    int64_t countdown;
    char name[POINT_MAX] = "";
    size_t len = colon ? (size_t)(colon - text) : 0;
    if (len == 0 || len >= sizeof name || !text_is_i64(colon + 1, strlen(colon + 1), &countdown) ||
        countdown < 0) {
        fprintf(stderr, "briefd: a fault is asked for as name:count, not as \"%s\"\n", text);
        abort();
    }
    memcpy(name, text, len);
    arm(point, name, (long)countdown);
}

void fault_report(void)
{
    if (!failing.name[0]) return;
    fprintf(stderr, "briefd: fault point %s was passed %ld times\n", failing.name,
            failing.n_passed);
}

void fault_setup_file(const char *path)
{
    snprintf(file_path, sizeof file_path, "%s", path ? path : "");
}

void fault_setup(const char *fault, const char *crash)
{
    arm_from_text(&failing, fault);
    arm_from_text(&crashing, crash);
}

#endif
