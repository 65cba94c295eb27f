#include "agent/agent.h"

#include "base/thread.h"

struct catalogue_shelf {
    struct mutex mutex; /* guards what follows */
    struct catalogue *current;
};

struct catalogue *catalogue_hold(struct catalogue *catalogue)
{
    atomic_fetch_add_explicit(&catalogue->references, 1, memory_order_relaxed);
    return catalogue;
}

struct catalogue_shelf *catalogue_shelf_new(struct catalogue *first)
{
    struct catalogue_shelf *shelf = xcalloc(1, sizeof *shelf);
    mutex_init(&shelf->mutex);
    shelf->current = catalogue_hold(first);
    return shelf;
}

void catalogue_shelf_free(struct catalogue_shelf *shelf)
{
    if (!shelf) return;
    catalogue_release(shelf->current);
    mutex_done(&shelf->mutex);
    xfree(shelf);
}

struct catalogue *catalogue_shelf_take(struct catalogue_shelf *shelf)
{
    AUTO(mutex_unlock_ptr) struct mutex *held = mutex_hold(&shelf->mutex);
    return catalogue_hold(shelf->current);
}

void catalogue_shelf_put(struct catalogue_shelf *shelf, struct catalogue *fresh)
{
    mutex_lock(&shelf->mutex);
    struct catalogue *old = shelf->current;
    shelf->current = catalogue_hold(fresh);
    mutex_unlock(&shelf->mutex);
    catalogue_release(old);
}

struct agent agent_hold(const struct agent *agent)
{
    struct agent copy = *agent;
    copy.catalogue =
        agent->shelf ? catalogue_shelf_take(agent->shelf) : catalogue_hold(agent->catalogue);
    return copy;
}

void agent_release(struct agent *copy)
{
    catalogue_release(copy->catalogue);
    copy->catalogue = NULL;
}
