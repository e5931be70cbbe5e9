/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/safe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

/* A file as it was before it was looked at: whatever is written later moves its time, and a copy
 * that takes its place is another file. */
typedef struct Stamp {
	int64_t node;
	struct stat st;
	char *sha256; /* own */
} Stamp;

struct CacheSafe {
	CacheLocals *locals; /* borrowed: outlives it */
	GHashTable *stamps;  /* own; node → Stamp */
};

static void stamp_free(void *data)
{
	Stamp *self = data;
	g_free(self->sha256);
	g_free(self);
}

static bool look(const CacheLocals *locals, int64_t node, struct stat *ret_st)
{
	char name[32];
	snprintf(name, sizeof name, "%" PRId64, node);
	return fstatat(locals->dir_fd, name, ret_st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void check(CacheSafe *self, CacheConn *conn, int64_t node)
{
	struct stat st;
	g_autoptr(CacheLocalRow) row = NULL;
	if (!cache_local_get(conn, node, &row, NULL) || row == NULL || !row->is_finished ||
		!look(self->locals, node, &st) ||
		!cache_local_check(self->locals, node, row, NULL))
		return;
	Stamp *stamp = g_new0(Stamp, 1);
	stamp->node = node;
	stamp->st = st;
	stamp->sha256 = g_strdup(row->sha256);
	g_hash_table_replace(self->stamps, &stamp->node, stamp);
}

CacheSafe *cache_safe_new(CacheLocals *locals, const int64_t *nodes, size_t count)
{
	CacheSafe *self = g_new0(CacheSafe, 1);
	self->locals = locals;
	self->stamps = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, stamp_free);
	CacheConn *conn = cache_db_take_reader(locals->db, NULL);
	if (conn == NULL)
		return self;
	for (size_t i = 0; i < count; i++)
		check(self, conn, nodes[i]);
	cache_db_put_reader(locals->db, conn);
	if (!cache_local_sync_all(locals, nodes, count, NULL))
		g_hash_table_remove_all(self->stamps);
	return self;
}

void cache_safe_free(CacheSafe *self)
{
	if (self == NULL)
		return;
	g_hash_table_unref(self->stamps);
	g_free(self);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool cache_safe_has(const CacheSafe *self, int64_t node, const CacheLocalRow *row)
{
	struct stat st;
	const Stamp *stamp = g_hash_table_lookup(self->stamps, &node);
	return stamp != NULL && row->is_finished && g_strcmp0(stamp->sha256, row->sha256) == 0 &&
	       look(self->locals, node, &st) && st.st_ino == stamp->st.st_ino &&
	       st.st_size == stamp->st.st_size && is_same_time(&st.st_mtim, &stamp->st.st_mtim) &&
	       is_same_time(&st.st_ctim, &stamp->st.st_ctim);
}
