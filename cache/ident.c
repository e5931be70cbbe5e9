/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/ident.h"

#include <glib.h>
#include <string.h>

#define DIGEST_LEN 32
#define POSITIVE (UINT64_MAX >> 1)

static uint64_t read_64(const uint8_t *bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < 8; i++)
		value = value << 8 | bytes[i];
	return value;
}

void cache_ident_make(CacheIdent *ret_ident, CacheIdentKind kind, const void *id, size_t len)
{
	/* No i, l, o, u: letters that are easily taken for others. */
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
	uint8_t bytes[DIGEST_LEN];
	const guchar prefix = (guchar)kind;
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	g_checksum_update(sum, &prefix, 1);
	g_checksum_update(sum, id, (gssize)len);
	gsize digest_len = DIGEST_LEN;
	g_checksum_get_digest(sum, bytes, &digest_len);

	uint64_t hash = read_64(bytes) & POSITIVE;
	ret_ident->hash = (int64_t)MAX(hash, 1);
	uint64_t bits = read_64(bytes + 8);
	for (int i = 0; i < CACHE_KEY_LETTERS; i++)
		ret_ident->letters[i] = alphabet[bits >> (59 - 5 * i) & 31];
	ret_ident->letters[CACHE_KEY_LETTERS] = '\0';
}

int64_t cache_ident_mailbox(const char *mailbox)
{
	CacheIdent ident;
	cache_ident_make(&ident, CACHE_IDENT_MAILBOX, mailbox, strlen(mailbox));
	return ident.hash;
}

uint64_t cache_ident_ino(int64_t hash, int64_t mailbox)
{
	uint64_t ino = (uint64_t)(hash ^ mailbox) & POSITIVE;
	/* 0 is no inode, 1 the root's in many a program's mind. */
	return ino < 2 ? ino + 2 : ino;
}

int64_t cache_ident_of_ino(uint64_t ino, int64_t mailbox)
{
	return (int64_t)ino ^ mailbox;
}

/* FNV-1a: nothing depends on it being hard to forge. */
uint64_t cache_ident_print(uint64_t print, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		print = (print ^ bytes[i]) * UINT64_C(0x100000001b3);
	return print;
}
