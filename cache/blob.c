/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cache/fetch.h"
#include "cache/local.h"
#include "cache/private.h"
#include "ews/error.h"

#define FANOUT 256

/* CacheBlob.size of a file that may still be written. */
#define SIZE_IS_THE_FILES (-1)

struct CacheBlobs {
	/* set at start, then const */
	char *dir;   /* own */
	char *epoch; /* own */

	/* The directory may be deleted while we run; then it is made again, and this is the new
	 * one. The old descriptor stays open: somebody may be looking through it. */
	atomic_int dir_fd;
	GArray *old_fds; /* guarded by lock; own */

	pthread_mutex_t lock; /* a leaf: nothing else is locked below it */
	GHashTable *pins;     /* guarded by lock; own; of Pin */
	GHashTable *used;     /* guarded by lock; own; set of ids */
	uint64_t next_temp;   /* guarded by lock */
};

typedef struct Pin {
	int64_t id;
	uint32_t content;
	unsigned count;
	int64_t size;
} Pin;

struct CacheBlob {
	CacheBlobs *store; /* borrowed: outlives every blob */
	int64_t id;
	uint32_t content;
	int64_t size;
	int fd;
};

static guint pin_hash(gconstpointer key)
{
	const Pin *pin = key;
	return (guint)((uint64_t)pin->id * 31 + pin->content);
}

static gboolean pin_equal(gconstpointer a, gconstpointer b)
{
	const Pin *x = a;
	const Pin *y = b;
	return x->id == y->id && x->content == y->content;
}

static void name_of(char *ret_name, size_t size, int64_t id, uint32_t content)
{
	snprintf(ret_name, size, "blobs/%02x/%" PRIx64 ".%" PRIx32, (unsigned)(id % FANOUT),
		(uint64_t)id, content);
}

/* Unlinks every file in the directory; what cannot be unlinked is left alone. */
static void empty_dir(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
}

static bool make_dir(int parent_fd, const char *name, GError **error)
{
	if (mkdirat(parent_fd, name, 0700) == 0 || errno == EEXIST)
		return true;
	g_propagate_error(error, ews_error_from_errno(errno, "cache directory: make %s", name));
	return false;
}

static bool make_dirs(int dir_fd, bool is_void, GError **error)
{
	if (!make_dir(dir_fd, "tmp", error) || !make_dir(dir_fd, "blobs", error))
		return false;
	empty_dir(dir_fd, "tmp");
	for (unsigned i = 0; i < FANOUT; i++) {
		char name[16];
		snprintf(name, sizeof name, "blobs/%02x", i);
		if (!make_dir(dir_fd, name, error))
			return false;
		if (is_void)
			empty_dir(dir_fd, name);
	}
	return true;
}

/* Makes the directory what it should be, and opens it. *ret_is_void: it was another's, or new. */
static int open_dir(CacheBlobs *self, bool *ret_is_void, GError **error)
{
	g_autofree char *stamp = g_build_filename(self->dir, "epoch", NULL);
	g_autofree char *found = NULL;
	int fd = -1;
	if (g_mkdir_with_parents(self->dir, 0700) == 0)
		fd = open(self->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		g_propagate_error(error,
			ews_error_from_errno(errno, "cache directory %s", self->dir));
		return -1;
	}
	bool is_same =
		g_file_get_contents(stamp, &found, NULL, NULL) && g_str_equal(found, self->epoch);
	*ret_is_void = !is_same;
	if (make_dirs(fd, !is_same, error) &&
		(is_same || g_file_set_contents(stamp, self->epoch, -1, error)))
		return fd;
	close(fd);
	return -1;
}

CacheBlobs *cache_blobs_new(const char *cache_dir, const char *epoch, bool *ret_is_void,
	GError **error)
{
	CacheBlobs *self = g_new0(CacheBlobs, 1);
	self->dir = g_strdup(cache_dir);
	self->epoch = g_strdup(epoch);
	self->pins = g_hash_table_new_full(pin_hash, pin_equal, g_free, NULL);
	self->used = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	self->old_fds = g_array_new(FALSE, FALSE, sizeof(int));
	pthread_mutex_init(&self->lock, NULL);
	atomic_init(&self->dir_fd, open_dir(self, ret_is_void, error));
	if (self->dir_fd >= 0)
		return self;
	cache_blobs_free(self);
	return NULL;
}

/* After something was not found that we know to be there: makes the directory again if it was
 * deleted. FALSE when it was not, and trying again is no use. */
static bool revive(CacheBlobs *self)
{
	struct stat ours, theirs;
	bool is_void = false;
	g_autoptr(GError) error = NULL;
	pthread_mutex_lock(&self->lock);
	bool is_there = fstat(self->dir_fd, &ours) == 0 && stat(self->dir, &theirs) == 0 &&
			ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev &&
			faccessat(self->dir_fd, "blobs/ff", F_OK, 0) == 0 &&
			faccessat(self->dir_fd, "tmp", F_OK, 0) == 0;
	int fd = is_there ? -1 : open_dir(self, &is_void, &error);
	if (fd >= 0) {
		int old = atomic_exchange(&self->dir_fd, fd);
		g_array_append_val(self->old_fds, old);
	}
	pthread_mutex_unlock(&self->lock);
	if (fd >= 0)
		g_message("the cache directory was deleted; it is there again");
	else if (error != NULL)
		g_warning("%s", error->message);
	return fd >= 0;
}

void cache_blobs_free(CacheBlobs *self)
{
	if (self == NULL)
		return;
	for (guint i = 0; i < self->old_fds->len; i++)
		close(g_array_index(self->old_fds, int, i));
	g_array_unref(self->old_fds);
	if (self->dir_fd >= 0)
		close(self->dir_fd);
	g_hash_table_unref(self->pins);
	g_hash_table_unref(self->used);
	pthread_mutex_destroy(&self->lock);
	g_free(self->epoch);
	g_free(self->dir);
	g_free(self);
}

/* A new, empty file below the directory; errno tells why not. */
static int create(CacheBlobs *self, const char *name)
{
	/* What a crash left under this name may have another name too: it is not written into. */
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
	int fd = openat(self->dir_fd, name, flags, 0600);
	if (fd < 0 && errno == EEXIST && unlinkat(self->dir_fd, name, 0) == 0)
		fd = openat(self->dir_fd, name, flags, 0600);
	if (fd < 0 && errno == ENOENT && revive(self))
		fd = openat(self->dir_fd, name, flags, 0600);
	return fd;
}

int cache_blobs_make_temp(CacheBlobs *self, char **ret_path, GError **error)
{
	pthread_mutex_lock(&self->lock);
	uint64_t number = self->next_temp++;
	pthread_mutex_unlock(&self->lock);
	g_autofree char *name = g_strdup_printf("tmp/%" PRIu64, number);
	int fd = create(self, name);
	if (fd < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "cache directory: %s", name));
		return -1;
	}
	*ret_path = g_build_filename(self->dir, name, NULL);
	return fd;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		len -= (size_t)done;
	}
	return true;
}

bool cache_blobs_store_bytes(CacheBlobs *self, int64_t id, uint32_t content, const void *data,
	size_t len, GError **error)
{
	char name[64];
	name_of(name, sizeof name, id, content);
	int fd = create(self, name);
	if (fd < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "store message"));
		return false;
	}
	bool is_written = write_all(fd, data, len);
	int errnum = errno;
	close(fd);
	if (is_written)
		return true;
	unlinkat(self->dir_fd, name, 0);
	g_propagate_error(error, ews_error_from_errno(errnum, "store message"));
	return false;
}

bool cache_blobs_store_file(CacheBlobs *self, int64_t id, uint32_t content, const char *path,
	GError **error)
{
	char name[64];
	name_of(name, sizeof name, id, content);
	if (renameat(AT_FDCWD, path, self->dir_fd, name) == 0)
		return true;
	g_propagate_error(error, ews_error_from_errno(errno, "store message"));
	return false;
}

bool cache_blobs_store_link(CacheBlobs *self, int64_t id, uint32_t content, const char *path)
{
	char name[64];
	name_of(name, sizeof name, id, content);
	if (linkat(AT_FDCWD, path, self->dir_fd, name, 0) == 0)
		return true;
	if (errno == ENOENT && revive(self))
		return linkat(AT_FDCWD, path, self->dir_fd, name, 0) == 0;
	return errno == EEXIST && unlinkat(self->dir_fd, name, 0) == 0 &&
	       linkat(AT_FDCWD, path, self->dir_fd, name, 0) == 0;
}

void cache_blobs_remove(CacheBlobs *self, int64_t id, uint32_t content)
{
	char name[64];
	name_of(name, sizeof name, id, content);
	unlinkat(self->dir_fd, name, 0);
}

bool cache_blobs_is_pinned(CacheBlobs *self, int64_t id, uint32_t content)
{
	Pin key = {.id = id, .content = content};
	pthread_mutex_lock(&self->lock);
	bool is_pinned = g_hash_table_contains(self->pins, &key);
	pthread_mutex_unlock(&self->lock);
	return is_pinned;
}

bool cache_blobs_is_open(CacheBlobs *self, int64_t id)
{
	GHashTableIter iter;
	gpointer key;
	bool is_open = false;
	pthread_mutex_lock(&self->lock);
	g_hash_table_iter_init(&iter, self->pins);
	while (!is_open && g_hash_table_iter_next(&iter, &key, NULL))
		is_open = ((const Pin *)key)->id == id;
	pthread_mutex_unlock(&self->lock);
	return is_open;
}

bool cache_blobs_disk(CacheBlobs *self, uint64_t *ret_free, uint64_t *ret_total)
{
	struct statvfs disk;
	if (fstatvfs(self->dir_fd, &disk) != 0)
		return false;
	*ret_free = (uint64_t)disk.f_bavail * disk.f_frsize;
	*ret_total = (uint64_t)disk.f_blocks * disk.f_frsize;
	return true;
}

GHashTable *cache_blobs_take_used(CacheBlobs *self)
{
	GHashTable *fresh = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	pthread_mutex_lock(&self->lock);
	GHashTable *used = self->used;
	self->used = fresh;
	pthread_mutex_unlock(&self->lock);
	return used;
}

/* --- opening ---------------------------------------------------------------------------- */

static void pin(CacheBlobs *self, const CacheBlob *blob)
{
	Pin key = {.id = blob->id, .content = blob->content, .count = 1, .size = blob->size};
	pthread_mutex_lock(&self->lock);
	Pin *found = g_hash_table_lookup(self->pins, &key);
	if (found != NULL)
		found->count++;
	else
		g_hash_table_add(self->pins, g_memdup2(&key, sizeof key));
	if (!g_hash_table_contains(self->used, &blob->id))
		g_hash_table_add(self->used, g_memdup2(&blob->id, sizeof blob->id));
	pthread_mutex_unlock(&self->lock);
}

static void unpin(CacheBlobs *self, const CacheBlob *blob)
{
	Pin key = {.id = blob->id, .content = blob->content};
	pthread_mutex_lock(&self->lock);
	Pin *found = g_hash_table_lookup(self->pins, &key);
	g_assert(found != NULL);
	if (--found->count == 0)
		g_hash_table_remove(self->pins, &key);
	pthread_mutex_unlock(&self->lock);
}

static void set_missing(GError **error)
{
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "the bytes are not here");
}

CacheBlob *cache_blob_open(Cache *cache, int64_t id, uint32_t content, GError **error)
{
	g_autoptr(CacheNode) node = cache_get(cache, id, error);
	if (node == NULL)
		return NULL;
	if (node->content == content)
		return cache_blob_open_node(cache, node, error);
	set_missing(error);
	return NULL;
}

static CacheBlob *wrap(Cache *cache, const CacheNode *node, int fd, int64_t size)
{
	CacheBlob *self = g_new0(CacheBlob, 1);
	self->store = cache->blobs;
	self->id = node->id;
	self->content = node->content;
	self->size = size;
	self->fd = fd;
	pin(cache->blobs, self);
	cache_fetch_hit(cache, node->parent);
	return self;
}

CacheBlob *cache_blob_open_fetched(Cache *cache, const CacheNode *node)
{
	char name[64];
	struct stat st;
	name_of(name, sizeof name, node->id, node->content);
	int fd = node->is_here ? openat(cache->blobs->dir_fd, name, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return NULL;
	/* The size of one that was written over is that of what was written. */
	if (fstat(fd, &st) != 0 || (!node->is_local && st.st_size != node->size)) {
		close(fd);
		return NULL;
	}
	return wrap(cache, node, fd, st.st_size);
}

CacheBlob *cache_blob_open_node(Cache *cache, const CacheNode *node, GError **error)
{
	if (node->is_local) {
		int fd = cache_local_open(cache->locals, node->id, error);
		return fd >= 0 ? wrap(cache, node, fd, SIZE_IS_THE_FILES) : NULL;
	}
	CacheBlob *self = cache_blob_open_fetched(cache, node);
	if (self == NULL)
		set_missing(error);
	return self;
}

int cache_blob_fd(const CacheBlob *self)
{
	return self->fd;
}

int64_t cache_blob_size(const CacheBlob *self)
{
	struct stat st;
	if (self->size != SIZE_IS_THE_FILES)
		return self->size;
	return fstat(self->fd, &st) == 0 ? st.st_size : 0;
}

void cache_blob_close(CacheBlob *self)
{
	if (self == NULL)
		return;
	unpin(self->store, self);
	close(self->fd);
	g_free(self);
}

int64_t cache_blob_pinned_size(Cache *cache, int64_t id, uint32_t content)
{
	CacheBlobs *self = cache->blobs;
	Pin key = {.id = id, .content = content};
	pthread_mutex_lock(&self->lock);
	const Pin *found = g_hash_table_lookup(self->pins, &key);
	int64_t size = found != NULL ? found->size : -1;
	pthread_mutex_unlock(&self->lock);
	return size;
}
