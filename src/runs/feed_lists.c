#include "runs/feed_lists.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

/* ---- feeds ---- */

static struct feed **bucket_of(struct feeds *feeds, const char *run_id)
{
    uint64_t hash = 1469598103934665603ULL;
    for (; *run_id; run_id++)
        hash = (hash ^ (unsigned char)*run_id) * 1099511628211ULL;
    return &feeds->buckets[hash % FEED_BUCKETS];
}

struct feed *feed_find_locked(struct feeds *feeds, const char *run_id)
{
    struct feed *feed = *bucket_of(feeds, run_id);
    while (feed && strcmp(feed->run_id, run_id) != 0)
        feed = feed->next;
    return feed;
}

struct feed *feed_need_locked(struct feeds *feeds, const char *run_id)
{
    struct feed *feed = feed_find_locked(feeds, run_id);
    if (feed) return feed;
    struct feed **bucket = bucket_of(feeds, run_id);
    feed = xcalloc(1, sizeof(*feed));
    feed->feeds = feeds;
    snprintf(feed->run_id, sizeof(feed->run_id), "%s", run_id);
    feed->next = *bucket;
    *bucket = feed;
    return feed;
}

void feed_mark_dirty_locked(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;
    if (feed->is_dirty) return;
    feed->is_dirty = true;
    feed->next_dirty = NULL;
    if (feeds->dirty_last)
        feeds->dirty_last->next_dirty = feed;
    else
        feeds->dirty_first = feed;
    feeds->dirty_last = feed;
    cond_signal(&feeds->changed);
}

void feed_leave_dirty_locked(struct feed *feed)
{
    struct feeds *feeds = feed->feeds;
    if (!feed->is_dirty) return;
    struct feed *before = NULL;
    struct feed **at = &feeds->dirty_first;
    while (*at != feed) {
        before = *at;
        at = &before->next_dirty;
    }
    *at = feed->next_dirty;
    if (feeds->dirty_last == feed) feeds->dirty_last = before;
    feed->is_dirty = false;
}

void feed_free_locked(struct feed *feed)
{
    feed_leave_dirty_locked(feed);
    struct feed **at = bucket_of(feed->feeds, feed->run_id);
    while (*at != feed)
        at = &(*at)->next;
    *at = feed->next;
    for (int i = 0; i < FEED_PIECES_KEPT; i++)
        piece_release(feed->pieces[i]);
    piece_release(feed->end);
    xfree(feed);
}

void feed_keep_locked(struct feed *feed, struct piece *piece)
{
    piece_release(feed->pieces[feed->next_piece]);
    feed->pieces[feed->next_piece] = piece;
    feed->next_piece = (feed->next_piece + 1) % FEED_PIECES_KEPT;
}

/* ---- what a reader gets ---- */

void reader_give_locked(struct feed_reader *reader, struct piece *piece, size_t offset)
{
    reader->piece = piece_hold(piece);
    reader->offset = offset;
}

/* Gives the reader what comes next for it, if that is in memory. */
bool reader_serve_locked(struct feed_reader *reader)
{
    struct feed *feed = reader->feed;
    if (feed->feeds->is_stopping) {
        reader->is_ending = true;
        reader_give_locked(reader, feed->feeds->goodbye, 0);
        return true;
    }
    if (reader->position >= feed->last) {
        if (!feed->end) return false;
        reader->is_ending = true;
        reader_give_locked(reader, feed->end, 0);
        return true;
    }
    for (int i = 0; i < FEED_PIECES_KEPT; i++) {
        struct piece *piece = feed->pieces[i];
        if (!piece || !piece_holds(piece, reader->position + 1)) continue;
        reader_give_locked(reader, piece, piece_offset(piece, reader->position + 1));
        reader->position = piece->last;
        return true;
    }
    return false;
}

/* ---- parking ---- */

static void stand_locked(struct feed_reader *reader, struct reader_list *list)
{
    reader->parked = list;
    reader->previous_parked = NULL;
    reader->next_parked = list->first;
    if (list->first) list->first->previous_parked = reader;
    list->first = reader;
}

static void step_out_locked(struct feed_reader *reader)
{
    if (reader->previous_parked)
        reader->previous_parked->next_parked = reader->next_parked;
    else
        reader->parked->first = reader->next_parked;
    if (reader->next_parked) reader->next_parked->previous_parked = reader->previous_parked;
    reader->parked = NULL;
}

void reader_park_locked(struct feed_reader *reader)
{
    struct feed *feed = reader->feed;
    struct feeds *feeds = feed->feeds;
    bool is_behind = reader->position < feed->last;
    stand_locked(reader, is_behind ? &feed->behind : &feed->waiting);
    reader->due_ms = clock_mono_ms() + feeds->heartbeat_ms;
    reader->next = NULL;
    reader->previous = feeds->last;
    if (feeds->last)
        feeds->last->next = reader;
    else
        feeds->first = reader;
    feeds->last = reader;
    if (is_behind)
        feed_mark_dirty_locked(feed);
    else if (feeds->first == reader)
        cond_signal(&feeds->changed);
}

/* It has got a piece and is to be called. */
void reader_tell_locked(struct feed_reader *reader)
{
    struct feeds *feeds = reader->feed->feeds;
    step_out_locked(reader);
    if (reader->previous)
        reader->previous->next = reader->next;
    else
        feeds->first = reader->next;
    if (reader->next)
        reader->next->previous = reader->previous;
    else
        feeds->last = reader->previous;
    reader->next = feeds->told;
    feeds->told = reader;
}

void reader_fall_behind_locked(struct feed_reader *reader)
{
    step_out_locked(reader);
    stand_locked(reader, &reader->feed->behind);
}
