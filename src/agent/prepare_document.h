/*
 * The document that `prepare` freezes (read back by agent/frozen.h), built from the recipe, the
 * user's connections and tools, and the date in the user's time zone. Internal to agent/.
 */
#ifndef AGENT_PREPARE_DOCUMENT_H
#define AGENT_PREPARE_DOCUMENT_H

#include "agent/briefing.h"
#include "store/connections.h"

struct prepare_parts {
    const struct recipe *recipe;
    const struct model *model;
    const struct connection_list *connections;
    const struct scalekit_tools *tools;
    bool has_history_tool; /* the user's account offers the connector's history tool */
};

/* E_INVALID: the recipe's first message has an unknown placeholder, or the run has no destination.
 * E_LIMIT: too large. */
enum err prepare_document(struct briefing *b, const struct prepare_parts *parts,
                          struct str *out) MUST_CHECK;

#endif
