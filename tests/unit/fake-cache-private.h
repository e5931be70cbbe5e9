/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/fake-cache.h"

/* What fake-cache.c and fake-cache-write.c share. */

typedef struct Wait {
	int64_t id;
	CacheReason reason;
	CacheDone done;
	CacheFoundDone found; /* a search */
	char *query;          /* own; of it */
	void *user;
} Wait;

typedef struct Bytes {
	int64_t id;
	uint32_t content;
	char *data; /* own */
	atomic_uint pins;
} Bytes;

/* A file that is written here. */
typedef struct Local {
	int64_t id;
	int fd;         /* own */
	unsigned opens; /* CacheFiles */
	bool is_new;    /* made by cache_create */
} Local;

struct Cache {
	GPtrArray *nodes;  /* own, of CacheNode, by id */
	GPtrArray *bytes;  /* own, of Bytes */
	GPtrArray *locals; /* own, of Local */
	GPtrArray *queue;  /* own, of CacheQueued, or NULL */
	GQueue waits;      /* of Wait, oldest first */
	CacheDetails details;
	pthread_mutex_t view_lock; /* several threads make texts */
	CacheView view;            /* guarded by view_lock, and the test where no thread is */
	int64_t viewed;            /* the same; whose stamp and size those of view are */
	GError *list_error;  /* own */
	GError *flush_error; /* own */
	GHashTable *marks;   /* own; node id → own uint64_t */
	int64_t inbox;       /* 0: none */
	GString *log;        /* own; what was changed, one a line */
	bool is_refreshing;
	CacheListener listener;
	void *listener_user;
	int64_t size_max; /* of a file; 0: no limit */
	int failure;      /* EwsErrorCode of the next change, + 1; 0: it succeeds */
	bool has_no_quota;
};

Local *fake_cache_local(Cache *self, int64_t id);
Bytes *fake_cache_bytes(Cache *self, int64_t id, uint32_t content);
CacheNode *fake_cache_snapshot(Cache *self, const CacheNode *node);
void fake_cache_wait(Cache *self, Wait wait);
int64_t fake_file_size(int fd);
