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
 * From the identity come, by one SHA-256, two things that must not depend on this machine: 63
 * bits for the inode number, and the ten letters in the file name (50 other bits). The inode
 * number is those bits XOR the mailbox's, so that two mailboxes do not share numbers, and so that
 * the index can find an item by its ItemId, its search key or its inode number with the same two
 * lists of hashes.
 */

#define CACHE_KEY_LETTERS 10

typedef enum CacheIdentKind {
	CACHE_IDENT_SEARCH_KEY = 'k',
	CACHE_IDENT_ITEM_ID = 'i',
	CACHE_IDENT_FOLDER_ID = 'f',
	CACHE_IDENT_MAILBOX = 'm',
} CacheIdentKind;

typedef struct CacheIdent {
	int64_t hash;                        /* 1 … 2⁶³-1 */
	char letters[CACHE_KEY_LETTERS + 1]; /* lower-case base32 */
} CacheIdent;

void cache_ident_make(CacheIdent *ret_ident, CacheIdentKind kind, const void *id, size_t len);

/* The mailbox's part of inode numbers. */
int64_t cache_ident_mailbox(const char *mailbox);

/* The inode number of an identity: 2 … 2⁶³-1; and back. */
uint64_t cache_ident_ino(int64_t hash, int64_t mailbox);
int64_t cache_ident_of_ino(uint64_t ino, int64_t mailbox);

/* A quick number to notice a change by, which never leaves this machine: goes on from @print,
 * CACHE_PRINT_BEGIN first. */
#define CACHE_PRINT_BEGIN UINT64_C(0xcbf29ce484222325)
uint64_t cache_ident_print(uint64_t print, const void *data, size_t len);
