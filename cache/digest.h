/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A digest of a message that does not see its multipart boundaries, and of a calendar (what begins
 * with BEGIN:VCALENDAR) that does not see its DTSTAMPs: the time when it was rendered, on some
 * servers.
 *
 * Servers render MIME anew at each fetch and draw new boundaries each time (600 of 600 messages
 * tried), so that equal messages have unequal bytes. This is SHA-256 over the message with each
 * boundary, as its Content-Type declares it and wherever it delimits, replaced by the ordinal of
 * its declaration. Two fetches with the same digest are the same message.
 *
 * Streams: feed pieces of any size, line ends CRLF or LF. A boundary is looked for only in
 * headers (of the message, of parts, of nested messages), where RFC 2046 has it; what stands in
 * a body is taken as it is, unless it is a delimiter line of a declared boundary.
 *
 * One thread at a time.
 */
typedef struct CacheDigest CacheDigest;

#define CACHE_DIGEST_LEN 32

CacheDigest *cache_digest_new(void);
void cache_digest_free(CacheDigest *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CacheDigest, cache_digest_free)

void cache_digest_reset(CacheDigest *self);
void cache_digest_update(CacheDigest *self, const void *data, size_t len);

/* Ends the message; only reset may follow. */
void cache_digest_finish(CacheDigest *self, uint8_t ret_digest[CACHE_DIGEST_LEN]);
