/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/ident.h"

#include <glib.h>
#include <string.h>

#define DIGEST_LEN 32
#define POSITIVE (UINT64_MAX >> 1)

static uint64_t first_64(const uint8_t *bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* A digest over (mailbox NUL) kind id; @mailbox NULL leaves the first part out. */
static void digest(
	uint8_t *ret_digest, const char *mailbox, char kind, const void *id, size_t len)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	if (mailbox != NULL)
		g_checksum_update(sum, (const guchar *)mailbox, (gssize)strlen(mailbox) + 1);
	g_checksum_update(sum, (const guchar *)&kind, 1);
	g_checksum_update(sum, id, (gssize)len);
	gsize digest_len = DIGEST_LEN;
	g_checksum_get_digest(sum, ret_digest, &digest_len);
}

void cache_ident_make(CacheIdent *ret_ident, const char *mailbox, CacheIdentKind kind,
	const void *id, size_t len)
{
	/* No i, l, o, u: letters that are easily taken for others. */
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t bytes[DIGEST_LEN];

	digest(bytes, mailbox, (char)kind, id, len);
	ret_ident->ino = first_64(bytes) & POSITIVE;
	if (ret_ident->ino < 2)
		ret_ident->ino += 2; /* 0 is none, 1 the root's */

	digest(bytes, NULL, (char)kind, id, len);
	uint64_t bits = first_64(bytes);
	for (int i = 0; i < CACHE_KEY_LETTERS; i++)
		ret_ident->letters[i] = alphabet[bits >> (59 - 5 * i) & 31];
	ret_ident->letters[CACHE_KEY_LETTERS] = '\0';
}

/* FNV-1a: quick, and nothing depends on it being hard to forge. */
int64_t cache_ident_hash(const void *id, size_t len)
{
	const uint8_t *bytes = id;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return (int64_t)(hash & POSITIVE);
}
