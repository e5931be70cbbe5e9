/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

#include "cache/cache.h"

/*
 * What waits to be sent, for people and for programs: pure functions of what cache_queue gives.
 *
 * `.ewsfs/queue` has a line for each entry: state, since, tries, number, what, path, and, after a
 * tab, the server's words; all but the last two without blanks. `.ewsfs/queue.json` is the same
 * for programs, and what ewsfsctl reads.
 */

/* "waiting", "failed" … */
const char *fs_queue_word(CacheQueuedState state);

/* TRUE for what stays until a person decides, and whose bytes are shown in `.ewsfs/failed/`. */
bool fs_queue_has_failed(const CacheQueued *entry);

/* @queue: of CacheQueued. */
char *fs_queue_text(const GPtrArray *queue);
char *fs_queue_json(const GPtrArray *queue);

/* "3 scratch files stay here: /a~, /b~, /c~", the first few by name; NULL when there are none. */
char *fs_queue_scratch(const GPtrArray *queue);

/* What became of a failed one and what can be done about it. */
char *fs_queue_story(const CacheQueued *entry);

/* Files of `.ewsfs/failed/`: the bytes, where there are some, and the story. */
typedef struct FsQueueFile {
	char *name;               /* own; "12-a.eml" and "12-a.eml.txt" */
	const CacheQueued *entry; /* borrowed: from the queue */
	int64_t order;            /* grows, and is the same in every listing */
	bool is_story;
} FsQueueFile;

/* All of them, in order. Owned, of FsQueueFile. */
GPtrArray *fs_queue_files(const GPtrArray *queue);
