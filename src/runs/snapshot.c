#include "runs/snapshot.h"

#include "runs/document.h"

#include <stdatomic.h>
#include <stdio.h>

struct counted_snapshot {
    struct snapshot public;
    atomic_int references;
};

struct snapshot *snapshot_new(const struct run_row *row, const char *public_url)
{
    struct counted_snapshot *s = xcalloc(1, sizeof(*s));
    AUTO(str_done) struct str document = {0};
    run_document(row, public_url, &document);
    str_fit(&document);
    snprintf(s->public.id, sizeof(s->public.id), "%s", row->id);
    snprintf(s->public.user_id, sizeof(s->public.user_id), "%s", row->user_id);
    s->public.etag = row->last_event;
    s->public.is_terminal = run_status_is_terminal(row->status);
    s->public.created_ms = row->created_ms;
    s->public.len = document.len;
    s->public.document = str_take(&document);
    atomic_init(&s->references, 1);
    return &s->public;
}

struct snapshot *snapshot_hold(struct snapshot *snapshot)
{
    atomic_fetch_add_explicit(&((struct counted_snapshot *)snapshot)->references, 1,
                              memory_order_relaxed);
    return snapshot;
}

void snapshot_release(struct snapshot *snapshot)
{
    if (!snapshot) return;
    struct counted_snapshot *s = (struct counted_snapshot *)snapshot;
    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1) return;
    xfree(s->public.document);
    xfree(s);
}
