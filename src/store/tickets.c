#include "store/tickets.h"

#include "base/clock.h"
#include "base/json.h"
#include "store/internal.h"
#include "store/session_rows.h"
#include "store/users.h"

#include <string.h>

#define OPEN_TICKETS_MAX 100 /* of a user */

void ticket_row_done(struct ticket_row *row)
{
    xfree(row->user_id);
    xfree(row->display_name);
    xfree(row->connectors);
    xfree(row->return_to);
    *row = (struct ticket_row){0};
}

/* ---- make ---- */

struct create {
    const struct ticket_row *row;
    const unsigned char *hash;
};

static enum err check_room(struct db *db, const char *user_id, int64_t now_ms)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT count(*) FROM connect_tickets"
                                     " WHERE user_id = ? AND redeemed_ms = 0 AND expires_ms > ?");
    query_bind_text(&q, user_id);
    query_bind_i64(&q, now_ms);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (has_row && query_i64(&q, 0) >= OPEN_TICKETS_MAX)
        return fail(E_LIMIT, "the user has %d open tickets already", OPEN_TICKETS_MAX);
    return E_OK;
}

static enum err create_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    const struct create *create = job->ctx;
    const struct ticket_row *row = create->row;
    int64_t now_ms = clock_unix_ms();
    enum err e = user_row_add(db, row->user_id, now_ms);
    if (!e) e = check_room(db, row->user_id, now_ms);
    if (e) return e;
    AUTO(query_done)
    struct query q =
        query_begin(db, "INSERT INTO connect_tickets (hash, user_id, display_name, connectors,"
                        " return_to, needs_confirm, created_ms, expires_ms)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    query_bind_blob(&q, create->hash, SHA256_LEN);
    query_bind_text(&q, row->user_id);
    query_bind_text(&q, row->display_name);
    query_bind_text(&q, row->connectors);
    query_bind_text(&q, row->return_to);
    query_bind_i64(&q, row->needs_confirm);
    query_bind_i64(&q, now_ms);
    query_bind_i64(&q, row->expires_ms);
    return query_run(&q);
}

enum err store_ticket_create(struct store *store, const struct ticket_row *row,
                             const unsigned char hash[SHA256_LEN], struct store_once *once)
{
    struct create create = {.row = row, .hash = hash};
    return store_write_once(store, once, create_run, &create, row);
}

/* ---- find ---- */

static enum err find(struct db *db, const unsigned char hash[SHA256_LEN],
                     struct ticket_row *out_row)
{
    AUTO(query_done)
    struct query q = query_begin(db, "SELECT user_id, display_name, connectors, return_to,"
                                     " needs_confirm, created_ms, expires_ms, redeemed_ms"
                                     " FROM connect_tickets WHERE hash = ?");
    query_bind_blob(&q, hash, SHA256_LEN);
    bool has_row = false;
    enum err e = query_next(&q, &has_row);
    if (e) return e;
    if (!has_row) return fail(E_NOT_FOUND, "there is no such ticket");
    *out_row = (struct ticket_row){.user_id = query_text_copy(&q, 0),
                                   .display_name = query_text_copy(&q, 1),
                                   .connectors = query_text_copy(&q, 2),
                                   .return_to = query_text_copy(&q, 3),
                                   .needs_confirm = query_i64(&q, 4) != 0,
                                   .created_ms = query_i64(&q, 5),
                                   .expires_ms = query_i64(&q, 6),
                                   .redeemed_ms = query_i64(&q, 7)};
    return E_OK;
}

enum err store_ticket_find(struct store *store, const unsigned char hash[SHA256_LEN],
                           struct ticket_row *out_row)
{
    AUTO(reader_give_back) struct reader reader = reader_take(store);
    return find(reader.db, hash, out_row);
}

/* ---- redeem ---- */

struct redeeming {
    const struct ticket_redeem *redeem;
    struct session_row *out;
};

/* A list of names as a row keeps it; NULL is an empty one. */
static struct json_span name_list(const char *names)
{
    return names ? json_root(names, strlen(names)) : (struct json_span){0};
}

static void add_names(struct json_writer *w, const char *names, const char *but_not)
{
    struct json_span known = name_list(but_not);
    for (struct json_iter it = json_iter(name_list(names)); json_next(&it);) {
        AUTO(str_done) struct str name = {0};
        bool is_known = !json_string(it.value, &name);
        for (struct json_iter k = json_iter(known); json_next(&k);)
            is_known = is_known || json_string_is(k.value, str_text(&name));
        if (!is_known) json_write_string(w, str_text(&name));
    }
}

/* The names of both arrays, each once; takes the place of the first. */
static void widen(char **names, const char *more)
{
    AUTO(str_done) struct str all = {0};
    struct json_writer w = json_writer(&all);
    json_begin_array(&w);
    add_names(&w, *names, NULL);
    add_names(&w, more, *names);
    json_end_array(&w);
    xfree(*names);
    *names = str_take(&all);
}

static enum err widen_session(struct db *db, const struct ticket_redeem *redeem,
                              const struct ticket_row *ticket, struct session_row *session)
{
    if (!text_equal(session->user_id, ticket->user_id))
        return fail(E_DENIED, "the ticket is another user's");
    if (session->connectors) widen(&session->connectors, ticket->connectors);
    if (ticket->needs_confirm) widen(&session->unconfirmed, ticket->connectors);
    xfree(session->return_to);
    session->return_to = xstrdup(ticket->return_to);
    if (ticket->display_name) {
        xfree(session->display_name);
        session->display_name = xstrdup(ticket->display_name);
    }
    return session_row_renew(db, session, redeem->keeps_cookie ? NULL : redeem->cookie);
}

static enum err begin_session(struct db *db, const struct ticket_redeem *redeem,
                              const struct ticket_row *ticket, struct session_row *out)
{
    char id[ID_MAX];
    struct session_row row = {.kind = SESSION_TICKET,
                              .user_id = ticket->user_id,
                              .display_name = ticket->display_name,
                              .connectors = ticket->connectors,
                              .unconfirmed = ticket->needs_confirm ? ticket->connectors : NULL,
                              .return_to = ticket->return_to};
    enum err e = session_row_add(db, &row, redeem->cookie, id);
    return e ? e : session_row_get(db, id, out);
}

static enum err use_up(struct db *db, const unsigned char hash[SHA256_LEN], int64_t now_ms)
{
    AUTO(query_done)
    struct query q = query_begin(db, "UPDATE connect_tickets SET redeemed_ms = ?"
                                     " WHERE hash = ? AND redeemed_ms = 0");
    query_bind_i64(&q, now_ms);
    query_bind_blob(&q, hash, SHA256_LEN);
    enum err e = query_run(&q);
    if (e) return e;
    return query_changes(&q) == 1 ? E_OK : fail(E_CONFLICT, "the ticket was used already");
}

static enum err redeem_run(struct store *store, struct db *db, struct write_job *job)
{
    (void)store;
    struct redeeming *r = job->ctx;
    int64_t now_ms = clock_unix_ms();
    AUTO(ticket_row_done) struct ticket_row ticket = {0};
    AUTO(session_row_done) struct session_row session = {0};
    enum err e = find(db, r->redeem->ticket, &ticket);
    if (e) return e;
    if (ticket.redeemed_ms > 0) return fail(E_CONFLICT, "the ticket was used already");
    if (ticket.expires_ms <= now_ms) return fail(E_TIMEOUT, "the ticket has expired");
    e = use_up(db, r->redeem->ticket, now_ms);
    if (e) return e;
    e = r->redeem->session_id ? session_row_get(db, r->redeem->session_id, &session) : E_NOT_FOUND;
    if (e == E_NOT_FOUND)
        e = begin_session(db, r->redeem, &ticket, &session);
    else if (!e)
        e = widen_session(db, r->redeem, &ticket, &session);
    if (e) return e;
    *r->out = session;
    session = (struct session_row){0};
    return E_OK;
}

enum err store_ticket_redeem(struct store *store, const struct ticket_redeem *redeem,
                             struct session_row *out_session)
{
    struct redeeming r = {.redeem = redeem, .out = out_session};
    return store_write(store, redeem_run, &r);
}
