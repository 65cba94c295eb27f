#include "web/connection_document.h"

#include "agent/accounts.h"

#include <string.h>

void connection_document(struct json_writer *w, const struct connector *connector,
                         const struct connection_row *row, const char *public_url)
{
    AUTO(str_done) struct str url = {0};
    str_append_format(&url, "%s/?connect=%s", public_url, connector->name);
    const char *status = row ? row->status : "UNKNOWN";
    json_begin_object(w);
    json_put_string(w, "connector", connector->name);
    json_put_string(w, "label", connector->label);
    json_put_string(w, "status", status);
    json_put_bool(w, "usable", row && connection_is_usable(row));
    json_put_bool(w, "pending_confirmation", row && row->is_pending_confirmation);
    if (row && row->identity)
        json_put_raw(w, "account", row->identity, strlen(row->identity));
    else
        json_put_null(w, "account");
    json_put_string(w, "connect_url", str_text(&url));
    json_put_time(w, "checked_at", row ? row->checked_ms : 0);
    json_put_time(w, "changed_at", row ? row->changed_ms : 0);
    json_end_object(w);
}
