/*
 * Where webhooks may go. Whoever makes an endpoint chooses an address that this machine connects to,
 * which must not lead into the network behind it. Pure.
 */
#ifndef NOTIFY_TARGET_H
#define NOTIFY_TARGET_H

#include "base/url.h"

struct sockaddr;

#define TARGET_URL_BYTES_MAX 2000

/* Is this an acceptable address of a receiver? https with a host and, if need be, a port of its own
 * (80 and 443 are the only ones below 1024), path and query; no user info, no fragment. http only
 * where networks are allowed, because it only goes to those. E_INVALID with the rest of a sentence
 * that begins with the field. A name is not looked up. */
enum err target_check(const char *url, const char *allowed) MUST_CHECK;
/* May a webhook to this address go to this peer? Public ones by https, and allowed ones. */
bool target_may_connect(const char *url, const char *allowed, const struct sockaddr *peer);

#endif
