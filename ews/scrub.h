/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>

/*
 * Makes the bytes of an answer XML where servers are known to be careless, before the parser
 * sees them: references to characters that XML 1.0 forbids ("&#x0;" in a subject) and raw control
 * characters are dropped, bytes that are not UTF-8 and the two non-characters U+FFFE and U+FFFF
 * become U+FFFD. Everything else passes unchanged.
 *
 * Done here and not by the parser's recovery mode, because that one loses more: after its first
 * error libxml2 drops every "&amp;" and "&lt;" of the rest, and it no longer tells a careless
 * document from a broken one. So for us any error that the parser finds is the end of the answer.
 *
 * EWS is UTF-8; what a document says of its encoding is ignored. Works on pieces of any size; no
 * memory is allocated.
 */
typedef void (*EwsScrubOut)(void *user, const char *data, size_t len);

#define EWS_SCRUB_HELD 16

typedef struct EwsScrub {
	char held[EWS_SCRUB_HELD]; /* the beginning of something whose end has not come yet */
	size_t held_len;
} EwsScrub;

void ews_scrub_feed(EwsScrub *self, const char *data, size_t len, EwsScrubOut out, void *user);

/* The document is over: what is held goes out as it is. */
void ews_scrub_end(EwsScrub *self, EwsScrubOut out, void *user);
