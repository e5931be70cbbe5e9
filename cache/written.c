/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/written.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache/local.h"
#include "cache/node.h"
#include "cache/private.h"
#include "cache/scratch.h"
#include "ews/error.h"

/* A message's length has 31 bits on its way to a server; each has a lower limit of its own. */
#define SIZE_MAX_BYTES INT64_C(0x7fffffff)

/* What one node's open files share. */
typedef struct Opened {
	/* set at start, then const */
	int64_t node;
	int fd;
	bool is_scratch;

	/* guarded by CacheWritten.lock */
	unsigned count; /* CacheFiles */
	unsigned held;  /* by functions of this file, for a moment */
	bool is_dirty;  /* the row says so too */
	bool has_time;  /* a write or utimens came since it was opened */
	int64_t mtime;  /* of the later one; microseconds */
	int64_t end;    /* where the last write should have ended: less is there after one failed */
	int64_t granted;  /* of scratch: bytes that are in the sum */
	struct stat safe; /* at the last flush */
	GError *failure;  /* own; what a write ran into; NULL */
} Opened;

struct CacheFile {
	Cache *cache;   /* borrowed: outlives it */
	Opened *opened; /* borrowed: from the registry, counted */
};

struct CacheWritten {
	/* set at start, then const */
	uint64_t scratch_max;

	atomic_uint open_count;
	pthread_mutex_t lock; /* a leaf: nothing else is locked below it */
	GHashTable *opened;   /* guarded by lock; own; node → Opened */
	uint64_t scratch_sum; /* guarded by lock; never less than what there is; bytes */
	bool is_counted;      /* guarded by lock; scratch_sum was ever right */
};

static void opened_free(void *data)
{
	Opened *self = data;
	close(self->fd);
	g_clear_error(&self->failure);
	g_free(self);
}

CacheWritten *cache_written_new(uint64_t scratch_max)
{
	CacheWritten *self = g_new0(CacheWritten, 1);
	self->scratch_max = scratch_max;
	self->opened = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, opened_free);
	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void cache_written_free(CacheWritten *self)
{
	g_hash_table_unref(self->opened);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

static CacheWritten *written_of(const CacheFile *self)
{
	return self->cache->locals->written;
}

/* --- opening ------------------------------------------------------------------------------- */

static Opened *make_opened(Cache *cache, CacheConn *conn, int64_t id, GError **error)
{
	g_autoptr(CacheLocalRow) row = NULL;
	g_autoptr(CacheNode) node = cache_node_get(conn, id, error);
	g_autofree char *path = cache_local_path(cache->locals, id);
	if (node == NULL || !cache_local_get(conn, id, &row, error))
		return NULL;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "%s", path));
		return NULL;
	}
	Opened *self = g_new0(Opened, 1);
	self->node = id;
	self->fd = fd;
	self->is_scratch = node->is_scratch;
	self->is_dirty = row == NULL || row->is_dirty;
	(void)!fstat(fd, &self->safe);
	self->granted = self->safe.st_size;
	return self;
}

CacheFile *cache_file_new(Cache *cache, CacheConn *conn, int64_t node, GError **error)
{
	CacheWritten *written = cache->locals->written;
	pthread_mutex_lock(&written->lock);
	Opened *opened = g_hash_table_lookup(written->opened, &node);
	if (opened != NULL)
		opened->count++;
	pthread_mutex_unlock(&written->lock);
	if (opened == NULL) {
		/* The transaction keeps anybody else from making it meanwhile. */
		opened = make_opened(cache, conn, node, error);
		if (opened == NULL)
			return NULL;
		opened->count = 1;
		pthread_mutex_lock(&written->lock);
		g_hash_table_insert(written->opened, &opened->node, opened);
		pthread_mutex_unlock(&written->lock);
		atomic_fetch_add(&written->open_count, 1);
	}
	CacheFile *self = g_new0(CacheFile, 1);
	self->cache = cache;
	self->opened = opened;
	return self;
}

int cache_file_fd(const CacheFile *self)
{
	return self->opened->fd;
}

Cache *cache_file_cache(const CacheFile *self)
{
	return self->cache;
}

int64_t cache_file_node(const CacheFile *self)
{
	return self->opened->node;
}

/* --- how much scratch ---------------------------------------------------------------------- */

/* What is there now; the sum that is kept only grows. */
static bool count_scratch(Cache *cache, GError **error)
{
	CacheWritten *self = cache->locals->written;
	uint64_t sum = 0;
	bool has_row = true;
	GHashTableIter iter;
	void *value;
	struct stat st;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT local.node, local.size FROM local CROSS JOIN node ON node.id = local.node"
		" WHERE node.flags & ? != 0",
		"i", (int64_t)NODE_SCRATCH);
	pthread_mutex_lock(&self->lock);
	bool is_ok = stmt != NULL;
	while (is_ok && has_row) {
		is_ok = cache_conn_step(conn, stmt, &has_row, error);
		int64_t node = is_ok && has_row ? sqlite3_column_int64(stmt, 0) : 0;
		if (node != 0 && !g_hash_table_contains(self->opened, &node))
			sum += (uint64_t)sqlite3_column_int64(stmt, 1);
	}
	g_hash_table_iter_init(&iter, self->opened);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Opened *opened = value;
		if (!opened->is_scratch || fstat(opened->fd, &st) != 0)
			continue;
		opened->granted = st.st_size;
		sum += (uint64_t)st.st_size;
	}
	self->scratch_sum = sum;
	self->is_counted = is_ok;
	pthread_mutex_unlock(&self->lock);
	cache_db_put_reader(cache->db, conn);
	return is_ok;
}

static bool take(CacheWritten *self, Opened *opened, int64_t end)
{
	pthread_mutex_lock(&self->lock);
	uint64_t more = end > opened->granted ? (uint64_t)(end - opened->granted) : 0;
	bool is_taken = self->is_counted && self->scratch_sum + more <= self->scratch_max;
	if (is_taken) {
		self->scratch_sum += more;
		opened->granted = MAX(opened->granted, end);
	}
	pthread_mutex_unlock(&self->lock);
	return is_taken || more == 0;
}

static bool grant(const CacheFile *self, int64_t end, GError **error)
{
	CacheWritten *written = written_of(self);
	Opened *opened = self->opened;
	if (!opened->is_scratch || written->scratch_max == 0 || take(written, opened, end))
		return true;
	if (!count_scratch(self->cache, error))
		return false;
	if (take(written, opened, end))
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_NO_SPACE,
		"temporary files would take more than %" PRIu64 " bytes", written->scratch_max);
	return false;
}

/* --- writing ------------------------------------------------------------------------------- */

static bool set_dirty_row(const CacheFile *self, GError **error)
{
	CacheConn *conn = cache_db_begin(self->cache->db, error);
	if (conn == NULL)
		return false;
	if (!cache_conn_run(conn, error,
		    "UPDATE local SET is_dirty = 1, is_finished = 0, sha256 = NULL WHERE node = ?",
		    "i", self->opened->node)) {
		cache_db_rollback(self->cache->db);
		return false;
	}
	return cache_db_commit(self->cache->db, error);
}

/* A message's time has whole seconds on the server, and must be the same after all is lost here. */
static int64_t now_for(const Opened *opened)
{
	int64_t now = g_get_real_time();
	return opened->is_scratch ? now : now - now % G_USEC_PER_SEC;
}

/* The row says dirty before the first byte is other than it knew. */
static bool begin_write(const CacheFile *self, GError **error)
{
	CacheWritten *written = written_of(self);
	Opened *opened = self->opened;
	pthread_mutex_lock(&written->lock);
	bool was_dirty = opened->is_dirty;
	opened->mtime = now_for(opened);
	opened->has_time = true;
	pthread_mutex_unlock(&written->lock);
	if (was_dirty)
		return true;
	if (!set_dirty_row(self, error))
		return false;
	pthread_mutex_lock(&written->lock);
	opened->is_dirty = true;
	pthread_mutex_unlock(&written->lock);
	return true;
}

static bool check_end(const CacheFile *self, int64_t end, GError **error)
{
	if (end > SIZE_MAX_BYTES) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_TOO_BIG,
			"no message may be larger than 2 GiB");
		return false;
	}
	return grant(self, end, error);
}

/* Half of what was to be written is no message: kept, and not sent. */
static void remember(const CacheFile *self, const GError *failure)
{
	CacheWritten *written = written_of(self);
	pthread_mutex_lock(&written->lock);
	if (self->opened->failure == NULL)
		self->opened->failure = g_error_copy(failure);
	pthread_mutex_unlock(&written->lock);
}

bool cache_file_prepare(CacheFile *self, int64_t end, GError **error)
{
	CacheWritten *written = written_of(self);
	g_autoptr(GError) failure = NULL;
	bool is_dirty = begin_write(self, &failure);
	if (is_dirty && check_end(self, end, &failure)) {
		pthread_mutex_lock(&written->lock);
		self->opened->end = MAX(self->opened->end, end);
		pthread_mutex_unlock(&written->lock);
		return true;
	}
	remember(self, failure);
	g_propagate_error(error, g_steal_pointer(&failure));
	return false;
}

bool cache_file_truncate(CacheFile *self, int64_t size, GError **error)
{
	CacheWritten *written = written_of(self);
	if (!check_end(self, size, error) || !begin_write(self, error))
		return false;
	if (ftruncate(self->opened->fd, size) != 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "truncate"));
		return false;
	}
	pthread_mutex_lock(&written->lock);
	self->opened->end = size;
	if (size == 0)
		g_clear_error(&self->opened->failure);
	pthread_mutex_unlock(&written->lock);
	return true;
}

bool cache_file_fill(CacheFile *self, int from_fd, GError **error)
{
	int64_t size = 0;
	struct stat st;
	if (fstat(from_fd, &st) != 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "copy"));
		return false;
	}
	if (!cache_file_prepare(self, st.st_size, error))
		return false;
	if (cache_local_copy(from_fd, self->opened->fd, &size) && size == st.st_size)
		return true;
	g_propagate_error(error, ews_error_from_errno(errno, "copy"));
	return false;
}

/* --- flushing ------------------------------------------------------------------------------ */

/* What stands in the row, as an error. */
static GError *error_of(const char *text)
{
	return g_error_new_literal(EWS_ERROR,
		cache_local_is_flaw(text) ? EWS_ERROR_INVALID : EWS_ERROR_LOCAL, text);
}

/* Of bytes under a message's name that are none; else NULL. What has no name any more may be
 * anything. */
static const char *flaw_of(const Opened *opened, const CacheNode *node, const struct stat *st)
{
	if (node->parent == 0 || node->is_scratch ||
		cache_name_kind(node->name) != CACHE_NAME_MESSAGE || st->st_size == 0)
		return NULL;
	return cache_local_flaw(opened->fd, node->name);
}

static bool write_rows(CacheConn *conn, const Opened *now, const struct stat *st, bool is_bad,
	const char *text, GError **error)
{
	return cache_conn_run(conn, error,
		       "UPDATE local SET size = ?, is_dirty = ?, is_finished = 0, sha256 = NULL,"
		       " error = ? WHERE node = ?",
		       "iiti", (int64_t)st->st_size, (int64_t)is_bad, text, now->node) &&
	       cache_conn_run(conn, error,
		       "UPDATE node SET size = ?1, mtime = iif(?2, ?3, mtime),"
		       " ctime = iif(?2, ?3, ctime) WHERE id = ?4",
		       "iiii", (int64_t)st->st_size, (int64_t)now->has_time, now->mtime, now->node);
}

/* With the row dirty. Stays dirty when a write failed: nobody knows what is missing. */
static bool flush_dirty(CacheWritten *written, CacheConn *conn, Opened *opened, GError **ret_error,
	GError **error)
{
	struct stat st;
	g_autoptr(CacheNode) node = cache_node_get(conn, opened->node, error);
	if (node == NULL)
		return false;
	pthread_mutex_lock(&written->lock);
	Opened now = *opened;
	g_autoptr(GError) due = opened->failure != NULL ? g_error_copy(opened->failure) : NULL;
	pthread_mutex_unlock(&written->lock);
	if (fstat(opened->fd, &st) != 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "flush"));
		return false;
	}
	/* Another's write may be under way: no error for this one then, but not safe either. */
	bool is_bad = due != NULL || st.st_size < now.end;
	const char *text = st.st_size < now.end ? "a write did not reach the disk" : NULL;
	const char *flaw = due == NULL ? flaw_of(opened, node, &st) : NULL;
	if (flaw != NULL)
		due = error_of(flaw);
	if (!write_rows(conn, &now, &st, is_bad, due != NULL ? due->message : text, error))
		return false;
	pthread_mutex_lock(&written->lock);
	opened->is_dirty = is_bad;
	opened->safe = st;
	pthread_mutex_unlock(&written->lock);
	*ret_error = g_steal_pointer(&due);
	return true;
}

static bool is_dirty(CacheWritten *written, const Opened *opened)
{
	pthread_mutex_lock(&written->lock);
	bool is_dirty = opened->is_dirty;
	pthread_mutex_unlock(&written->lock);
	return is_dirty;
}

/* The row is as the bytes are; what it says of them. */
static bool check_clean(CacheConn *conn, const Opened *opened, GError **ret_error, GError **error)
{
	g_autoptr(CacheLocalRow) row = NULL;
	if (!cache_local_get(conn, opened->node, &row, error))
		return false;
	if (row != NULL && row->error != NULL)
		*ret_error = error_of(row->error);
	return true;
}

static bool flush_in(CacheWritten *written, CacheConn *conn, Opened *opened, GError **ret_error,
	GError **error)
{
	if (is_dirty(written, opened))
		return flush_dirty(written, conn, opened, ret_error, error);
	return check_clean(conn, opened, ret_error, error);
}

static void set_dirty(CacheWritten *written, Opened *opened)
{
	pthread_mutex_lock(&written->lock);
	opened->is_dirty = true;
	pthread_mutex_unlock(&written->lock);
}

static bool flush_alone(const CacheFile *self, GError **ret_error, GError **error)
{
	CacheWritten *written = written_of(self);
	CacheDb *db = self->cache->db;
	CacheConn *conn = cache_db_begin(db, error);
	if (conn == NULL)
		return false;
	if (!flush_in(written, conn, self->opened, ret_error, error)) {
		cache_db_rollback(db);
		return false;
	}
	if (cache_db_commit(db, error))
		return true;
	set_dirty(written, self->opened);
	return false;
}

bool cache_file_flush(CacheFile *self, GError **error)
{
	g_autoptr(GError) due = NULL;
	bool is_ok;
	if (is_dirty(written_of(self), self->opened)) {
		is_ok = flush_alone(self, &due, error);
	} else {
		CacheConn *conn = cache_db_take_reader(self->cache->db, error);
		if (conn == NULL)
			return false;
		is_ok = check_clean(conn, self->opened, &due, error);
		cache_db_put_reader(self->cache->db, conn);
	}
	if (!is_ok || due == NULL)
		return is_ok;
	g_propagate_error(error, g_steal_pointer(&due));
	return false;
}

/* Keeps it from going away meanwhile. */
static Opened *hold(CacheWritten *self, int64_t node)
{
	if (atomic_load(&self->open_count) == 0)
		return NULL;
	pthread_mutex_lock(&self->lock);
	Opened *opened = g_hash_table_lookup(self->opened, &node);
	if (opened != NULL)
		opened->held++;
	pthread_mutex_unlock(&self->lock);
	return opened;
}

static void let_go(CacheWritten *self, Opened *opened)
{
	pthread_mutex_lock(&self->lock);
	bool is_over = --opened->held == 0 && opened->count == 0;
	if (is_over)
		g_hash_table_steal(self->opened, &opened->node);
	pthread_mutex_unlock(&self->lock);
	if (!is_over)
		return;
	atomic_fetch_sub(&self->open_count, 1);
	opened_free(opened);
}

bool cache_local_flush(CacheLocals *locals, CacheConn *conn, int64_t node, GError **ret_error,
	GError **error)
{
	Opened *opened = hold(locals->written, node);
	if (opened == NULL)
		return true;
	bool is_ok = flush_in(locals->written, conn, opened, ret_error, error);
	let_go(locals->written, opened);
	return is_ok;
}

/* --- closing ------------------------------------------------------------------------------- */

static bool is_as_flushed(CacheWritten *written, const Opened *opened)
{
	struct stat st;
	if (fstat(opened->fd, &st) != 0)
		return false;
	pthread_mutex_lock(&written->lock);
	const struct timespec *safe = &opened->safe.st_mtim;
	bool is_same = st.st_size == opened->safe.st_size && st.st_mtim.tv_sec == safe->tv_sec &&
		       st.st_mtim.tv_nsec == safe->tv_nsec;
	pthread_mutex_unlock(&written->lock);
	return is_same;
}

/* A mapping is written back after the FLUSH of its descriptor, and a write may have passed
 * another's flush. */
static void flush_rest(CacheFile *self)
{
	g_autoptr(GError) due = NULL;
	g_autoptr(GError) error = NULL;
	bool is_ok = true;
	if (!is_dirty(written_of(self), self->opened)) {
		if (is_as_flushed(written_of(self), self->opened))
			return;
		is_ok = begin_write(self, &error);
	}
	if (!is_ok || !flush_alone(self, &due, &error))
		g_warning("what was written last is not safe: %s", error->message);
}

static bool drop(CacheFile *self, bool is_closed)
{
	CacheWritten *written = written_of(self);
	Opened *opened = self->opened;
	pthread_mutex_lock(&written->lock);
	bool is_last = --opened->count == 0;
	opened->held++;
	pthread_mutex_unlock(&written->lock);
	if (is_last && is_closed)
		flush_rest(self);
	let_go(written, opened);
	g_free(self);
	return is_last;
}

bool cache_file_drop(CacheFile *self, int64_t *ret_node)
{
	*ret_node = self->opened->node;
	return drop(self, true);
}

bool cache_file_is_flushed(const CacheFile *self)
{
	return !is_dirty(written_of(self), self->opened) &&
	       is_as_flushed(written_of(self), self->opened);
}

void cache_file_leave(CacheFile *self)
{
	drop(self, false);
}

/* --- looking ------------------------------------------------------------------------------- */

void cache_local_look(CacheLocals *locals, CacheNode *node)
{
	struct stat st;
	CacheWritten *self = locals->written;
	if (atomic_load(&self->open_count) == 0)
		return;
	pthread_mutex_lock(&self->lock);
	Opened *opened = g_hash_table_lookup(self->opened, &node->id);
	if (opened != NULL && fstat(opened->fd, &st) == 0)
		node->size = st.st_size;
	if (opened != NULL && opened->has_time)
		node->mtime = node->ctime = opened->mtime;
	pthread_mutex_unlock(&self->lock);
}

void cache_local_set_time(CacheLocals *locals, int64_t node, int64_t mtime)
{
	CacheWritten *self = locals->written;
	pthread_mutex_lock(&self->lock);
	Opened *opened = g_hash_table_lookup(self->opened, &node);
	if (opened != NULL) {
		opened->mtime = mtime;
		opened->has_time = true;
	}
	pthread_mutex_unlock(&self->lock);
}

bool cache_local_is_open(CacheLocals *locals, int64_t node)
{
	CacheWritten *self = locals->written;
	pthread_mutex_lock(&self->lock);
	const Opened *opened = g_hash_table_lookup(self->opened, &node);
	bool is_open = opened != NULL && opened->count > 0;
	pthread_mutex_unlock(&self->lock);
	return is_open;
}
