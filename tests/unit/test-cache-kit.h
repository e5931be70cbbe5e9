/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <sqlite3.h>

#include "cache/apply.h"
#include "cache/cache.h"
#include "cache/private.h"
#include "ews/types.h"

/*
 * A cache in a temporary directory without its sync thread, and short words for what a server
 * says: the tests of cache/ play the sync thread themselves, step by step.
 *
 * What fails aborts the test. A second connection of the kit's own (sql) looks into the index,
 * so that a test sees what was committed and not what the cache believes.
 */
typedef struct Kit {
	char *dir;          /* own */
	Cache *cache;       /* own */
	sqlite3 *sql;       /* own */
	GPtrArray *changes; /* own; of CacheChange, as the listener got them */
	int64_t round;      /* as the refresh would count */

	/* given to cache_open; set before kit_open, 0: as a mount has it */
	const char *root_path; /* borrowed */
	const char *mailbox;   /* borrowed */
	bool is_guest;
	bool is_archive;
	bool is_public;
	uint64_t cache_size;
	uint64_t scratch_size;
	unsigned refresh_s;
	unsigned timeout_s;
	bool is_without_prefetch;
	bool is_backup;
	bool is_writable;
	bool can_send;
	unsigned settle_s;
	unsigned delete_max;
	CacheDisposal disposal;
	CachePush push;
	const char *layout; /* borrowed */
	bool is_flat;
	const char *names;  /* borrowed */
} Kit;

#define KIT_TOP "top"
#define KIT_MAILBOX "owner@example.org"

/* 2026-11-20T10:15:00Z */
#define KIT_TIME (INT64_C(1795169700) * G_USEC_PER_SEC)

void kit_open(Kit *kit);

/* Ends the cache as a proper unmount does and opens it again on the same directories. */
void kit_reopen(Kit *kit);

/* Removes the directories too. */
void kit_close(Kit *kit);

/* A directory and all below it. */
void kit_remove(const char *path);

/* The first column of the first row; sqlite3_mprintf formats (%Q, %lld). 0 or NULL: no row. */
int64_t kit_int(Kit *kit, const char *format, ...);
char *kit_text(Kit *kit, const char *format, ...);
void kit_run(Kit *kit, const char *format, ...);

/* --- folders ---------------------------------------------------------------------------- */

/* Says of a folder (KIT_TOP: of the top), and lays the tree out. */
void kit_folder(Kit *kit, const char *id, const char *parent, const char *name);
void kit_folder_gone(Kit *kit, const char *id);

/* Several at once: @folders are taken, NULL-terminated. */
EwsFolder *kit_make_folder(const char *id, const char *parent, const char *name);
void kit_say_folder(Kit *kit, EwsChangeKind kind, EwsFolder *folder);
void kit_lay_out(Kit *kit);

/* The node of a folder, 0 when it has none. */
int64_t kit_dir(Kit *kit, const char *folder_id);

/* The folder was listed once: its names were seen. */
void kit_list(Kit *kit, const char *folder_id);

/* --- items ------------------------------------------------------------------------------ */

/* @key NULL: without a search key. Subject, party, times are made of @id and of nothing else. */
EwsItem *kit_make_item(const char *id, const char *key);
EwsItem *kit_copy_item(const EwsItem *item);

/* One change as a page of its own. @item is borrowed. */
void kit_say(Kit *kit, const char *folder_id, EwsChangeKind kind, const EwsItem *item);
void kit_say_gone(Kit *kit, const char *folder_id, const char *item_id);

/* A page of EwsItemChange with this run; borrowed. */
void kit_page(Kit *kit, const char *folder_id, const GPtrArray *changes, int64_t run);
EwsItemChange *kit_change(EwsChangeKind kind, const EwsItem *item);

/* The end of a refresh in which every folder was synced. */
void kit_settle(Kit *kit);

/* The live node of an item, 0 when it has none; its row. */
int64_t kit_node(Kit *kit, const char *item_id);
CacheNode *kit_get(Kit *kit, int64_t id);

/* The item's bytes were fetched: these. */
void kit_store(Kit *kit, int64_t node, const char *bytes);
void kit_store_error(Kit *kit, int64_t node, GError *error);

/* What node says on reading; owned, NULL when the bytes are not here. */
char *kit_read(Kit *kit, int64_t node);

/* The names in a directory, in order of id, joined by blanks. */
char *kit_ls(Kit *kit, int64_t dir);

/* Whether a change of @kind for @node was announced since the last kit_forget_changes. */
bool kit_was_told(Kit *kit, CacheChangeKind kind, int64_t node);
void kit_forget_changes(Kit *kit);

/* What must hold at any time: names, numbers, sums and rows agree. */
void kit_check(Kit *kit);
