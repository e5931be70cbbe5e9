/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ews/error.h"
#include "tests/unit/fake-cache-private.h"

/* The second half of the fake: what changes the mailbox, and what waits to be sent. */

#define FIRST_ID 1000 /* of nodes that are made here */

struct CacheFile {
	Cache *cache;
	Local *local; /* borrowed: from the cache */
};

/* --- for the test ------------------------------------------------------------------------ */

char *fake_cache_changes(Cache *self)
{
	char *text = g_string_free(self->log, FALSE);

	self->log = g_string_new(NULL);
	return text;
}

void fake_cache_refuse(Cache *self, int code)
{
	self->failure = code + 1;
}

void fake_cache_break_flush(Cache *self, const GError *error)
{
	g_clear_error(&self->flush_error);
	self->flush_error = error != NULL ? g_error_copy(error) : NULL;
}

void fake_cache_limit(Cache *self, int64_t size_max)
{
	self->size_max = size_max;
}

void fake_cache_hide_quota(Cache *self)
{
	self->has_no_quota = true;
}

void fake_cache_confirm(Cache *self, int64_t id)
{
	fake_cache_local(self, id)->is_new = false;
	fake_cache_node(self, id)->is_local = false;
}

unsigned fake_cache_files_open(Cache *self)
{
	unsigned opens = 0;

	for (guint i = 0; i < self->locals->len; i++)
		opens += ((Local *)g_ptr_array_index(self->locals, i))->opens;
	return opens;
}

char *fake_cache_written(Cache *self, int64_t id)
{
	const Local *local = fake_cache_local(self, id);
	size_t size = (size_t)fake_file_size(local->fd);
	char *text = g_malloc0(size + 1);

	g_assert_cmpint(pread(local->fd, text, size, 0), ==, (ssize_t)size);
	return text;
}

G_GNUC_PRINTF(2, 3)
static void note(Cache *self, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(self->log, format, args);
	va_end(args);
}

/* TRUE when the test wants this change to succeed. */
static bool may(Cache *self, GError **error)
{
	int failure = self->failure;

	self->failure = 0;
	if (failure != 0)
		g_set_error(error, EWS_ERROR, failure - 1, "refused");
	return failure == 0;
}

static CacheNode *find(Cache *self, int64_t dir, const char *name)
{
	g_autoptr(CacheNode) found = cache_lookup(self, dir, name, NULL);

	return found != NULL ? fake_cache_node(self, found->id) : NULL;
}

static int64_t next_id(Cache *self)
{
	int64_t id = FIRST_ID;

	for (guint i = 0; i < self->nodes->len; i++)
		id = MAX(id, ((CacheNode *)g_ptr_array_index(self->nodes, i))->id + 1);
	return id;
}

/* --- files ------------------------------------------------------------------------------- */

static Local *add_local(Cache *self, CacheNode *node)
{
	Local *local = g_new0(Local, 1);

	local->id = node->id;
	local->fd = memfd_create("local", MFD_CLOEXEC);
	g_ptr_array_add(self->locals, local);
	node->is_local = node->is_here = true;
	return local;
}

static CacheFile *open_local(Cache *self, Local *local)
{
	CacheFile *file = g_new0(CacheFile, 1);

	file->cache = self;
	file->local = local;
	local->opens++;
	return file;
}

CacheFile *cache_create(Cache *self, int64_t dir, const char *name, CacheNode **ret_node,
	GError **error)
{
	if (!may(self, error))
		return NULL;
	if (find(self, dir, name) != NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_EXISTS, "taken");
		return NULL;
	}
	CacheNode *node = fake_cache_add(self, next_id(self), dir, CACHE_KIND_FILE, name);
	Local *local = add_local(self, node);
	local->is_new = true;
	node->is_scratch = !g_str_has_suffix(name, ".eml");
	note(self, "create %d %s\n", (int)dir, name);
	*ret_node = fake_cache_snapshot(self, node);
	return open_local(self, local);
}

CacheFile *cache_file_open(Cache *self, int64_t id, uint32_t content, bool is_truncated,
	GError **error)
{
	CacheNode *node = fake_cache_node(self, id);
	const Bytes *bytes = fake_cache_bytes(self, id, content);
	Local *local = fake_cache_local(self, id);

	if (!may(self, error))
		return NULL;
	if (node == NULL || (local == NULL && bytes == NULL && !is_truncated)) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "not here");
		return NULL;
	}
	if (node->content != content) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_STALE, "other bytes");
		return NULL;
	}
	note(self, "open %d%s\n", (int)id, is_truncated ? " truncated" : "");
	if (local == NULL) {
		local = add_local(self, node);
		if (!is_truncated) {
			ssize_t len = (ssize_t)strlen(bytes->data);
			g_assert_cmpint(write(local->fd, bytes->data, (size_t)len), ==, len);
		}
	}
	return open_local(self, local);
}

bool cache_file_prepare(CacheFile *self, int64_t end, GError **error)
{
	int64_t size_max = self->cache->size_max;

	if (!may(self->cache, error))
		return false;
	if (size_max == 0 || end <= size_max)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_TOO_BIG, "too long");
	return false;
}

int cache_file_fd(const CacheFile *self)
{
	return self->local->fd;
}

bool cache_file_truncate(CacheFile *self, int64_t size, GError **error)
{
	if (!cache_file_prepare(self, size, error))
		return false;
	note(self->cache, "truncate %d %d\n", (int)self->local->id, (int)size);
	g_assert_cmpint(ftruncate(self->local->fd, size), ==, 0);
	return true;
}

bool cache_file_flush(CacheFile *self, GError **error)
{
	const GError *failure = self->cache->flush_error;

	note(self->cache, "flush %d\n", (int)self->local->id);
	if (failure != NULL)
		g_propagate_error(error, g_error_copy(failure));
	return failure == NULL;
}

static void let_go(CacheFile *self, const char *how)
{
	note(self->cache, "%s %d\n", how, (int)self->local->id);
	self->local->opens--;
	g_free(self);
}

void cache_file_close(CacheFile *self)
{
	let_go(self, "close");
}

void cache_file_abandon(CacheFile *self)
{
	let_go(self, "abandon");
}

bool cache_file_copy(CacheFile *to, int64_t from, GError **error)
{
	Cache *self = to->cache;
	const CacheNode *node = fake_cache_node(self, from);
	const Bytes *bytes = fake_cache_bytes(self, from, node->content);

	if (!may(self, error))
		return false;
	note(self, "copy %d %d\n", (int)from, (int)to->local->id);
	ssize_t len = (ssize_t)strlen(bytes->data);
	g_assert_cmpint(pwrite(to->local->fd, bytes->data, (size_t)len, 0), ==, len);
	return true;
}

/* --- names ------------------------------------------------------------------------------- */

bool cache_rename(Cache *self, int64_t dir, const char *name, int64_t to_dir, const char *to_name,
	bool can_replace, GError **error)
{
	CacheNode *node = find(self, dir, name);
	CacheNode *there = find(self, to_dir, to_name);

	if (!may(self, error))
		return false;
	if (node == NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such name");
		return false;
	}
	if (there != NULL && !can_replace) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_EXISTS, "taken");
		return false;
	}
	if (there != NULL)
		there->parent = 0;
	note(self, "rename %d %s %d %s\n", (int)dir, name, (int)to_dir, to_name);
	node->parent = to_dir;
	g_free(node->name);
	node->name = g_strdup(to_name);
	node->is_scratch = node->is_scratch && !g_str_has_suffix(to_name, ".eml");
	return true;
}

static bool take_away(Cache *self, int64_t dir, const char *name, const char *how, GError **error)
{
	CacheNode *node = find(self, dir, name);

	if (!may(self, error))
		return false;
	if (node == NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such name");
		return false;
	}
	note(self, "%s %d %s\n", how, (int)dir, name);
	node->parent = 0;
	return true;
}

bool cache_unlink(Cache *self, int64_t dir, const char *name, GError **error)
{
	return take_away(self, dir, name, "unlink", error);
}

bool cache_rmdir(Cache *self, int64_t dir, const char *name, GError **error)
{
	return take_away(self, dir, name, "rmdir", error);
}

CacheNode *cache_mkdir(Cache *self, int64_t dir, const char *name, GError **error)
{
	if (!may(self, error))
		return NULL;
	CacheNode *node = fake_cache_add(self, next_id(self), dir, CACHE_KIND_DIR, name);
	node->is_listed = true;
	note(self, "mkdir %d %s\n", (int)dir, name);
	return fake_cache_snapshot(self, node);
}

/* --- fields ------------------------------------------------------------------------------ */

bool cache_set_fields(Cache *self, int64_t id, const CacheFields *fields, GError **error)
{
	if (!may(self, error))
		return false;
	note(self, "set %d", (int)id);
	if (fields->set & CACHE_FIELD_SUBJECT)
		note(self, " subject=%s", fields->subject);
	if (fields->set & CACHE_FIELD_IS_READ)
		note(self, " is_read=%d", fields->is_read);
	if (fields->set & CACHE_FIELD_IMPORTANCE)
		note(self, " importance=%d", fields->importance);
	if (fields->set & CACHE_FIELD_CATEGORIES)
		note(self, " categories=%s", fields->categories != NULL ? fields->categories : "");
	if (fields->set & CACHE_FIELD_FLAG)
		note(self, " flag=%d", fields->flag);
	if (fields->set & CACHE_FIELD_RECEIVED) {
		note(self, " received=%" G_GINT64_FORMAT, fields->received);
		fake_cache_node(self, id)->mtime = fields->received;
	}
	if (fields->set & CACHE_FIELD_SENT)
		note(self, " sent=%" G_GINT64_FORMAT, fields->sent);
	note(self, "\n");
	return true;
}

bool cache_is_new(Cache *self, int64_t id)
{
	const Local *local = fake_cache_local(self, id);

	return local != NULL && local->is_new;
}

/* --- what waits to be sent ---------------------------------------------------------------- */

void cache_fsync(Cache *self, int64_t id, CacheDone done, void *user)
{
	fake_cache_wait(self, (Wait){.id = id, .done = done, .user = user});
}

bool cache_fsync_local(Cache *self, int64_t id, GError **error)
{
	return true;
}

void cache_drain(Cache *self, int64_t deadline_us, CacheDone done, void *user)
{
	fake_cache_wait(self, (Wait){.done = done, .user = user});
}

static CacheQueued *copy_queued(const CacheQueued *queued)
{
	CacheQueued *copy = g_memdup2(queued, sizeof(*queued));

	copy->path = g_strdup(queued->path);
	copy->what = g_strdup(queued->what);
	copy->error = g_strdup(queued->error);
	return copy;
}

void cache_queued_free(CacheQueued *self)
{
	if (self == NULL)
		return;
	g_free(self->path);
	g_free(self->what);
	g_free(self->error);
	g_free(self);
}

static void free_queued(void *queued)
{
	cache_queued_free(queued);
}

void fake_cache_enqueue(Cache *self, const CacheQueued *queued)
{
	if (self->queue == NULL)
		self->queue = g_ptr_array_new_with_free_func(free_queued);
	g_ptr_array_add(self->queue, copy_queued(queued));
}

GPtrArray *cache_queue(Cache *self, GError **error)
{
	GPtrArray *copy;

	if (!may(self, error))
		return NULL;
	copy = g_ptr_array_new_with_free_func(free_queued);
	for (guint i = 0; self->queue != NULL && i < self->queue->len; i++)
		g_ptr_array_add(copy, copy_queued(g_ptr_array_index(self->queue, i)));
	return copy;
}

static void count(CacheQueueCounts *counts, const CacheQueued *queued)
{
	switch (queued->state) {
	case CACHE_QUEUED_WAITING:
	case CACHE_QUEUED_SENDING:
	case CACHE_QUEUED_IN_DOUBT:
		counts->waiting++;
		break;
	case CACHE_QUEUED_HELD:
		counts->held++;
		break;
	case CACHE_QUEUED_FAILED:
	case CACHE_QUEUED_UNFINISHED:
	case CACHE_QUEUED_MAYBE_SENT:
		counts->failed++;
		break;
	case CACHE_QUEUED_OPEN:
		counts->open++;
		break;
	case CACHE_QUEUED_SCRATCH:
		counts->scratch++;
		counts->scratch_bytes += (uint64_t)queued->bytes;
		break;
	}
}

void cache_queue_counts(Cache *self, CacheQueueCounts *ret_counts)
{
	*ret_counts = (CacheQueueCounts){0};
	for (guint i = 0; self->queue != NULL && i < self->queue->len; i++)
		count(ret_counts, g_ptr_array_index(self->queue, i));
}

/* What fake_cache_put gave it, or what was written. */
int cache_queued_open(Cache *self, int64_t id, GError **error)
{
	const CacheNode *node = fake_cache_node(self, id);
	g_autoptr(CacheBlob) blob =
		cache_blob_open(self, id, node != NULL ? node->content : 0, error);

	return blob != NULL ? fcntl(cache_blob_fd(blob), F_DUPFD_CLOEXEC, 3) : -1;
}

bool cache_queue_retry(Cache *self, int64_t node, GError **error)
{
	note(self, "retry %d\n", (int)node);
	return may(self, error);
}

bool cache_queue_discard(Cache *self, int64_t node, GError **error)
{
	note(self, "discard %d\n", (int)node);
	return may(self, error);
}

bool cache_queue_confirm(Cache *self, GError **error)
{
	note(self, "confirm\n");
	return may(self, error);
}
