/*
 * Answers to libmicrohttpd, and its own ones turned into ours. Internal to web/.
 *
 * What cannot be read as HTTP (a line without a colon, a length or a chunk that is none, a head
 * beyond its memory) it refuses before any callback, with a page of its own; with some of them it
 * writes the head twice. There is no option for that. But it hands these pages to its public
 * MHD_queue_response(), and the dynamic linker binds that call to the program's function of this
 * name: here the client gets a problem document first, and then the connection ends.
 *
 *     handler ─▶ mhd_answer() ──────────────────────────▶ the library's MHD_queue_response()
 *     library ─▶ MHD_queue_response() here ─▶ client_refuse() ─▶ the library's, which nobody hears
 *                                          └─ unknown client (metrics listener) ─▶ the library's
 */
#ifndef WEB_MHD_ANSWER_H
#define WEB_MHD_ANSWER_H

#include "base/error.h"

#include <microhttpd.h>

/* Before a daemon is started. */
enum err mhd_answer_start(void) MUST_CHECK;
/* What MHD_queue_response() does for its other callers. */
enum MHD_Result mhd_answer(struct MHD_Connection *connection, unsigned status,
                           struct MHD_Response *response);

#endif
