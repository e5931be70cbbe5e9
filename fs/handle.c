/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/handle.h"

#include <pthread.h>

#include "ews/error.h"

struct FsHandle {
	/* set at start, then const */
	FsHandles *handles; /* borrowed: outlives it */
	void *held;         /* own; of control files only */
	GDestroyNotify let_go;
	FsOpened opened; /* of messages only */

	/* guarded by the lock of the handles */
	GList link;
	CacheBlob *blob;   /* own */
	CacheFile *file;   /* own; from the first change on */
	GPtrArray *former; /* own, of CacheBlob; a READ may still be using them */
	bool is_outdated;  /* the blob is */
};

struct FsHandles {
	pthread_mutex_t lock;
	/* guarded by lock */
	GQueue open; /* of FsHandle */
};

FsHandles *fs_handles_new(void)
{
	FsHandles *self = g_new0(FsHandles, 1);

	pthread_mutex_init(&self->lock, NULL);
	g_queue_init(&self->open);
	return self;
}

static void free_blob(void *blob)
{
	cache_blob_close(blob);
}

/* Out of the list. */
static void let_go(FsHandle *self)
{
	if (self->let_go != NULL)
		self->let_go(self->held);
	cache_blob_close(self->blob);
	if (self->former != NULL)
		g_ptr_array_unref(self->former);
	g_free(self);
}

void fs_handles_free(FsHandles *self)
{
	FsHandle *handle;

	if (self == NULL)
		return;
	while ((handle = g_queue_peek_head(&self->open)) != NULL) {
		g_queue_unlink(&self->open, &handle->link);
		if (handle->file != NULL)
			cache_file_abandon(handle->file);
		let_go(handle);
	}
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

static void enter(FsHandle *self)
{
	FsHandles *handles = self->handles;

	self->link.data = self;
	pthread_mutex_lock(&handles->lock);
	g_queue_push_head_link(&handles->open, &self->link);
	pthread_mutex_unlock(&handles->lock);
}

FsHandle *fs_handle_new(FsHandles *handles, void *held, GDestroyNotify let_go_held)
{
	FsHandle *self = g_new0(FsHandle, 1);

	self->handles = handles;
	self->held = held;
	self->let_go = let_go_held;
	enter(self);
	return self;
}

void fs_handle_free(FsHandles *handles, FsHandle *self)
{
	pthread_mutex_lock(&handles->lock);
	g_queue_unlink(&handles->open, &self->link);
	pthread_mutex_unlock(&handles->lock);
	if (self->file != NULL)
		cache_file_close(self->file);
	let_go(self);
}

void *fs_handle_held(const FsHandle *self)
{
	return self->held;
}

/* --- messages ---------------------------------------------------------------------------- */

FsHandle *fs_handle_new_message(FsHandles *handles, const FsOpened *opened)
{
	FsHandle *self = g_new0(FsHandle, 1);

	self->handles = handles;
	self->opened = *opened;
	enter(self);
	return self;
}

bool fs_handle_load(FsHandle *self, const CacheNode *node, GError **error)
{
	const FsOpened *opened = &self->opened;
	CacheBlob *blob =
		node != NULL ? cache_blob_open_node(opened->cache, node, error)
			     : cache_blob_open(opened->cache, opened->node, opened->content, error);

	if (blob == NULL)
		return false;
	pthread_mutex_lock(&self->handles->lock);
	self->blob = blob;
	pthread_mutex_unlock(&self->handles->lock);
	return true;
}

FsHandle *fs_handle_new_file(FsHandles *handles, const FsOpened *opened, CacheFile *file)
{
	FsHandle *self = g_new0(FsHandle, 1);

	self->handles = handles;
	self->opened = *opened;
	self->file = file;
	enter(self);
	return self;
}

static bool is_of(const FsHandle *self, int64_t node, uint32_t content)
{
	return self->opened.node == node && self->opened.content == content;
}

/* Under the lock. */
static void outdate(FsHandles *self, int64_t node, uint32_t content)
{
	for (GList *link = self->open.head; link != NULL; link = link->next) {
		FsHandle *handle = link->data;
		if (is_of(handle, node, content))
			handle->is_outdated = true;
	}
}

void fs_handles_move(FsHandles *self, int64_t node, uint32_t content)
{
	pthread_mutex_lock(&self->lock);
	outdate(self, node, content);
	pthread_mutex_unlock(&self->lock);
}

/* --- reading ----------------------------------------------------------------------------- */

/* Under the lock. Two reads may come to the same conclusion; the second one's blob is as good. */
static void replace_blob(FsHandle *self, CacheBlob *blob)
{
	if (self->former == NULL)
		self->former = g_ptr_array_new_with_free_func(free_blob);
	if (self->blob != NULL)
		g_ptr_array_add(self->former, self->blob);
	self->blob = blob;
}

/* The mark is taken away first: who begins to write meanwhile sets it again. */
static int read_anew(FsHandle *self, GError **error)
{
	FsHandles *handles = self->handles;
	const FsOpened *opened = &self->opened;
	g_autoptr(GError) problem = NULL;
	CacheBlob *blob = cache_blob_open(opened->cache, opened->node, opened->content, &problem);

	pthread_mutex_lock(&handles->lock);
	if (blob != NULL)
		replace_blob(self, blob);
	else
		self->is_outdated = true;
	int fd = blob != NULL ? cache_blob_fd(blob) : -1;
	pthread_mutex_unlock(&handles->lock);
	if (fd < 0)
		g_propagate_error(error, g_steal_pointer(&problem));
	return fd;
}

int fs_handle_fd(FsHandle *self, GError **error)
{
	FsHandles *handles = self->handles;
	int fd = -1;

	pthread_mutex_lock(&handles->lock);
	if (self->file != NULL)
		fd = cache_file_fd(self->file);
	else if (!self->is_outdated && self->blob != NULL)
		fd = cache_blob_fd(self->blob);
	else
		self->is_outdated = false;
	pthread_mutex_unlock(&handles->lock);
	return fd >= 0 ? fd : read_anew(self, error);
}

/* --- writing ----------------------------------------------------------------------------- */

CacheFile *fs_handle_changed(FsHandle *self)
{
	pthread_mutex_lock(&self->handles->lock);
	CacheFile *file = self->file;
	pthread_mutex_unlock(&self->handles->lock);
	return file;
}

/* Two changes may come at once; the first file stays. */
static CacheFile *keep_file(FsHandle *self, CacheFile *file)
{
	FsHandles *handles = self->handles;

	pthread_mutex_lock(&handles->lock);
	CacheFile *spare = self->file != NULL ? file : NULL;
	if (spare == NULL)
		self->file = file;
	outdate(handles, self->opened.node, self->opened.content);
	file = self->file;
	pthread_mutex_unlock(&handles->lock);
	if (spare != NULL)
		cache_file_close(spare);
	return file;
}

CacheFile *fs_handle_file(FsHandle *self, bool is_truncated, GError **error)
{
	const FsOpened *opened = &self->opened;
	CacheFile *file = fs_handle_changed(self);

	if (file != NULL)
		return file;
	file = cache_file_open(opened->cache, opened->node, opened->content, is_truncated, error);
	return file != NULL ? keep_file(self, file) : NULL;
}

bool fs_handles_give(FsHandles *self, int64_t node, uint32_t content, CacheFile *file)
{
	bool is_taken = false;

	pthread_mutex_lock(&self->lock);
	outdate(self, node, content);
	for (GList *link = self->open.head; link != NULL && !is_taken; link = link->next) {
		FsHandle *handle = link->data;
		is_taken = is_of(handle, node, content) && handle->opened.is_writable &&
			   handle->file == NULL;
		if (is_taken)
			handle->file = file;
	}
	pthread_mutex_unlock(&self->lock);
	return is_taken;
}
