/*
 * Rows of `webhook_deliveries` inside the transaction of what happened, and what the files about
 * webhooks share.
 */
#ifndef STORE_WEBHOOK_ROWS_H
#define STORE_WEBHOOK_ROWS_H

#include "base/json.h"
#include "store/connections.h"
#include "store/db.h"
#include "store/webhooks.h"

/* A briefing became what it is now, or a person settled it ("settled"). */
enum err webhook_run_changed(struct store *store, struct db *db, const struct run_row *row,
                             const char *what, int64_t now_ms) MUST_CHECK;
/* What others are told of a connection: whether it can be used, and whose account it is. Of an empty
 * row: not connected. */
struct connection_before {
    char *status;
    char *account_id;
    bool is_pending_confirmation;
};
struct connection_before connection_before(const struct connection_row *row);
void connection_before_done(struct connection_before *before);
/* Tells of it when one of these is another now. */
enum err webhook_connection_changed(struct store *store, struct db *db,
                                    const struct connection_before *before,
                                    const struct connection_row *row, int64_t now_ms) MUST_CHECK;
/* An endpoint was disabled: tells the others, and the audit. */
enum err webhook_endpoint_disable(struct store *store, struct db *db, const char *id,
                                  const char *reason, int64_t now_ms) MUST_CHECK;
/* An event for one endpoint alone, NULL type: any; `out_id` gets the delivery's id. */
enum err webhook_test_add(struct store *store, struct db *db, const char *endpoint_id,
                          int64_t now_ms, char out_id[ID_MAX]) MUST_CHECK;

/* E_NOT_FOUND, also for a deleted one. */
enum err webhook_endpoint_row_get(struct db *db, const char *id,
                                  struct webhook_endpoint *out) MUST_CHECK;
enum err webhook_delivery_row_get(struct db *db, const char *id,
                                  struct webhook_delivery *out) MUST_CHECK;

#endif
