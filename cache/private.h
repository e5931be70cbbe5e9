/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <pthread.h>

#include "cache/blob.h"
#include "cache/cache.h"
#include "cache/db.h"
#include "ews/ews.h"
#include "ews/inbox.h"

/*
 * What the files of this room share: the struct behind Cache.
 *
 * The sync thread owns what fetch.c, prefetch.c, refresh.c and wait.c know; other threads
 * reach it by posting a task (sync.h). Everybody may read the index and open blobs.
 */

struct CacheDistinguished;
struct CacheDoubt;
struct CacheSentMail;
struct CacheDrain;
struct CacheDue;
struct CacheFetcher;
struct CacheFlushes;
struct CacheHints;
struct CacheLocals;
struct CachePrefetch;
struct CacheRefresh;
struct CacheViewed;
struct CacheSearches;
struct CacheWaits;

struct Cache {
	/* set at start, then const */
	char *state_dir; /* own */
	char *cache_dir; /* own */
	char *root_path; /* own */
	const char *below; /* borrowed: of root_path, what is below the entry */
	char *entry;     /* own */
	char *account;   /* own */
	char *mailbox;   /* own; NULL: the account's */
	uint64_t cache_size;
	unsigned refresh_s;
	unsigned timeout_s;
	bool prefetch;
	bool backup;
	bool is_writable;
	bool is_guest;
	bool is_archive;
	bool is_public;
	bool can_send;
	char *layout; /* own; NULL: of files. Else names tell marks, and move with them */
	bool is_flat;
	struct CacheTemplate *names; /* own */
	int64_t settle_us;
	unsigned delete_max;
	CacheDisposal disposal;
	CachePush push;
	int lock_fd;
	CacheDb *db;         /* own */
	CacheBlobs *blobs;   /* own */
	struct CacheLocals *locals; /* own */
	struct CacheViewed *viewed; /* own */
	EwsInbox *inbox;     /* own; of CacheTask */
	EwsSession *session; /* borrowed: from main, between start and stop */
	struct CacheHints *hints; /* own */
	CacheListener listener;
	void *listener_user;
	pthread_t thread;
	bool has_thread;

	/* sync thread only */
	struct CacheDistinguished *distinguished; /* own */
	GHashTable *departed; /* own; ItemId → folder.id that it left (cache_own_departed) */
	GHashTable *updated;  /* own; ItemId → ChangeKey since (cache_own_updated) */
	struct CacheDoubt *doubt;                 /* own */
	struct CacheSentMail *sent_mail;          /* own */
	struct CacheDrain *drain;                 /* own */
	struct CacheFlushes *flushes;             /* own */
	struct CacheFetcher *fetcher; /* own */
	struct CachePrefetch *ahead;  /* own */
	struct CacheRefresh *refresh; /* own */
	struct CacheDue *due;         /* own */
	struct CacheWaits *waits;     /* own */
	struct CacheSearches *searches; /* own */
	GPtrArray *changes;           /* own; of CacheChange, of the transaction under way */
	EwsOp **answering;            /* the answer that is being told; borrowed */
	GArray *gone;                 /* own; of int64_t, what was gone at the last look (gone.h) */
	int64_t gone_us;              /* monotonic; when that was */
	bool is_stopping;

	/* any thread */
	atomic_bool has_tree;
	atomic_llong bytes_here; /* in blobs */
	atomic_bool is_sum_doubtful; /* bytes_here: something was taken back (cache_evict_doubt) */
	atomic_uint hits;        /* blobs opened by programs */
	atomic_llong fresh_us;   /* monotonic start of the last refresh that succeeded; 0: never */
	atomic_bool is_round_on; /* a refresh is under way or asked for */
	atomic_bool is_prefetching;
	atomic_bool is_told;     /* the server tells of changes by itself */
	atomic_bool has_unqueued; /* what was closed could not be queued: cache_drain_late_tick */
	int64_t unqueued_us;     /* sync thread only: when that is tried again; monotonic */
	pthread_mutex_t status_lock;
	char *status_error;   /* guarded by status_lock; own */
	int64_t refreshed_at; /* guarded by status_lock; microseconds since 1970 */
	double items_per_s;   /* guarded by status_lock */
};

/* Folders that one mailbox may have; more is no mailbox. */
#define CACHE_FOLDERS_MAX 100000

/* A folder that claims to be nested deeper is left out: no path could name it. What is deeper in
 * the index is no path but a circle that a broken row made. */
#define CACHE_DEPTH_MAX 128

/* node.flags */
enum {
	NODE_LISTED = 1 << 0,  /* CacheNode.is_listed */
	NODE_HERE = 1 << 1,    /* CacheNode.is_here */
	NODE_SUSPECT = 1 << 2, /* CacheNode.is_suspect */
	NODE_ERROR = 1 << 3,   /* CacheNode.has_error */
	NODE_SERVED = 1 << 4,  /* bytes of this content number were here once: the kernel may hold
				  pages of them */
	NODE_LOCAL = 1 << 5,   /* CacheNode.is_local */
	NODE_SCRATCH = 1 << 6, /* CacheNode.is_scratch */
	NODE_OLD_INO = 1 << 7, /* its number is of the search key of an earlier content */
};

/* node.parent of what is in no listing but found by its name: .send */
#define NODE_NOWHERE (-1)

/* node.state */
enum {
	NODE_LIVE = 0,
	NODE_TOMB = 1, /* its folder reported it gone; may turn up elsewhere */
	NODE_GONE = 2, /* kept for the kernel a while (gone.h) */
};
