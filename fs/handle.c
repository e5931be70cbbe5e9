/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/handle.h"

#include <pthread.h>

struct FsHandle {
	/* set at start, then const */
	void *held; /* own */
	GDestroyNotify let_go;

	GList link; /* guarded by the lock of the handles */
};

struct FsHandles {
	pthread_mutex_t lock;
	GQueue open; /* guarded by lock */
};

FsHandles *fs_handles_new(void)
{
	FsHandles *self = g_new0(FsHandles, 1);

	pthread_mutex_init(&self->lock, NULL);
	g_queue_init(&self->open);
	return self;
}

void fs_handles_free(FsHandles *self)
{
	if (self == NULL)
		return;
	while (self->open.head != NULL)
		fs_handle_free(self, self->open.head->data);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

FsHandle *fs_handle_new(FsHandles *handles, void *held, GDestroyNotify let_go)
{
	FsHandle *self = g_new0(FsHandle, 1);

	self->held = held;
	self->let_go = let_go;
	self->link.data = self;
	pthread_mutex_lock(&handles->lock);
	g_queue_push_head_link(&handles->open, &self->link);
	pthread_mutex_unlock(&handles->lock);
	return self;
}

void fs_handle_free(FsHandles *handles, FsHandle *self)
{
	pthread_mutex_lock(&handles->lock);
	g_queue_unlink(&handles->open, &self->link);
	pthread_mutex_unlock(&handles->lock);
	self->let_go(self->held);
	g_free(self);
}

void *fs_handle_held(const FsHandle *self)
{
	return self->held;
}
