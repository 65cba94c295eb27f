#include "runs/suspects.h"

#include "runs/queue.h"

#include <stdio.h>
#include <string.h>

#define SUSPECT_FROM 2                  /* unclean ends that may have been another run's fault */
#define CONVICT_FROM (SUSPECT_FROM + 3) /* three more, alone */

void suspects_done(struct suspects *s)
{
    while (s->first) {
        struct suspect *next = s->first->next;
        xfree(s->first);
        s->first = next;
    }
    *s = (struct suspects){0};
}

static bool goes_before(const struct suspect *a, const struct suspect *b)
{
    if (a->unclean_ends != b->unclean_ends) return a->unclean_ends < b->unclean_ends;
    return strcmp(a->id, b->id) < 0;
}

void suspects_push(struct suspects *s, const char *run_id, int unclean_ends, int64_t wake_ms)
{
    struct suspect *fresh = xcalloc(1, sizeof(*fresh));
    snprintf(fresh->id, sizeof(fresh->id), "%s", run_id);
    fresh->unclean_ends = unclean_ends;
    fresh->wake_ms = wake_ms;
    struct suspect **at = &s->first;
    while (*at && goes_before(*at, fresh))
        at = &(*at)->next;
    fresh->next = *at;
    *at = fresh;
    s->n++;
}

bool suspects_have_due(const struct suspects *s, int64_t now_ms)
{
    const struct suspect *suspect = s->first;
    while (suspect && !queue_is_due(suspect->wake_ms, now_ms))
        suspect = suspect->next;
    return suspect != NULL;
}

bool suspects_take(struct suspects *s, int64_t now_ms, char out_id[ID_MAX])
{
    struct suspect **at = &s->first;
    while (*at && !queue_is_due((*at)->wake_ms, now_ms))
        at = &(*at)->next;
    struct suspect *taken = *at;
    if (!taken) return false;
    *at = taken->next;
    s->n--;
    memcpy(out_id, taken->id, ID_MAX);
    memcpy(s->alone_id, taken->id, ID_MAX);
    xfree(taken);
    return true;
}

bool suspects_include(int unclean_ends)
{
    return unclean_ends >= SUSPECT_FROM;
}

bool suspects_convict(int unclean_ends)
{
    return unclean_ends >= CONVICT_FROM;
}
