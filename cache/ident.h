/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Identity: what makes a message the same message after a move, on another machine, or after the
 * cache was lost. Pure functions, any thread.
 *
 * An item is itself by its PidTagSearchKey, which stays over moves, where its ItemId is new at
 * each. Copies share the search key: all but the oldest in a folder, and items without one, are
 * themselves by their ItemId. A folder is itself by its FolderId, which stays.
 *
 * From the identity come two numbers that must not depend on this machine: the inode number
 * (63 bits of a hash with the mailbox's name, so that two mailboxes do not share numbers) and the
 * ten letters in the file name (50 bits of a hash without it).
 */

#define CACHE_KEY_LETTERS 10

typedef struct CacheIdent {
	uint64_t ino;                     /* 2 … 2⁶³-1 */
	char letters[CACHE_KEY_LETTERS + 1]; /* lower-case base32 */
} CacheIdent;

typedef enum CacheIdentKind {
	CACHE_IDENT_SEARCH_KEY = 'k',
	CACHE_IDENT_ITEM_ID = 'i',
	CACHE_IDENT_FOLDER_ID = 'f',
} CacheIdentKind;

void cache_ident_make(CacheIdent *ret_ident, const char *mailbox, CacheIdentKind kind,
	const void *id, size_t len);

/* 63 bits to find an id or search key by in the index (what is found is compared in full), or to
 * notice a change by. Never a name or a number that leaves this machine. */
int64_t cache_ident_hash(const void *id, size_t len);
