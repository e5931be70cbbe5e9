/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * What programs do to the tree, in short words: the doors of cache.h for writing. What is not to
 * fail aborts the test; the words that end in _fails give the code of the failure.
 */

/* "Subject: WHAT", and a body that says it too. */
#define PEN_MAIL(what) "Subject: " what "\r\n\r\nBody of " what "\r\n"

#define PEN_TRASH "TRASH"

/* A writable tree without a sync thread: folders F1 "One", F2 "Two", PEN_TRASH "Deleted Items", all
 * listed. The end checks what must hold. */
void pen_open(Kit *kit);
void pen_end(Kit *kit);

/* A message that the server has, under this name; and one in F1 whose bytes were fetched. */
int64_t pen_item(Kit *kit, const char *folder, const char *id, const char *name);
int64_t pen_fetched(Kit *kit, const char *id, const char *name, const char *bytes);

/* --- what programs do ----------------------------------------------------------------------- */

/* Creates @name and writes @bytes; still open. */
CacheFile *pen_create(Kit *kit, int64_t dir, const char *name, const char *bytes);
/* After what is there already. */
void pen_append(CacheFile *file, const char *bytes);
/* FLUSH and RELEASE, as close(2). */
void pen_close(CacheFile *file);

/* Creates, writes, closes; the node. */
int64_t pen_write(Kit *kit, int64_t dir, const char *name, const char *bytes);
/* Opens with O_TRUNC, writes, closes. */
CacheFile *pen_truncate(Kit *kit, int64_t node);
void pen_rewrite(Kit *kit, int64_t node, const char *bytes);
EwsErrorCode pen_create_fails(Kit *kit, int64_t dir, const char *name);

void pen_rename(Kit *kit, int64_t dir, const char *name, int64_t to_dir, const char *to_name);
EwsErrorCode pen_rename_fails(Kit *kit, int64_t dir, const char *name, int64_t to_dir,
	const char *to_name);
void pen_unlink(Kit *kit, int64_t dir, const char *name);
EwsErrorCode pen_unlink_fails(Kit *kit, int64_t dir, const char *name);
int64_t pen_mkdir(Kit *kit, int64_t dir, const char *name);
EwsErrorCode pen_mkdir_fails(Kit *kit, int64_t dir, const char *name);
void pen_rmdir(Kit *kit, int64_t dir, const char *name);
EwsErrorCode pen_rmdir_fails(Kit *kit, int64_t dir, const char *name);
void pen_set(Kit *kit, int64_t node, const CacheFields *fields);
void pen_flag(Kit *kit, int64_t node);

/* --- looking -------------------------------------------------------------------------------- */

/* The node of an entry; 0: there is none. */
int64_t pen_find(Kit *kit, int64_t dir, const char *name);

/* The bytes of what is only here; owned, NULL: it has none. */
char *pen_bytes(Kit *kit, int64_t node);

/* cache_queue as a line: "waiting /One/a.eml create; failed /One/b.eml move (why)". Owned. */
char *pen_queue(Kit *kit);
void pen_assert_queue(Kit *kit, const char *expected);

/* The files of bytes that are only here. */
unsigned pen_count_files(Kit *kit);
void pen_assert_ls(Kit *kit, int64_t dir, const char *expected);
