/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/shelf.h"

#include <pthread.h>

typedef struct Item {
	uint64_t number;
	uint64_t bytes;
	void *thing; /* own */
} Item;

struct FsShelf {
	const FsShelfKind *kind; /* borrowed */

	pthread_mutex_t lock;
	/* guarded by lock */
	GQueue items; /* of Item, newest first */
	uint64_t bytes;
};

FsShelf *fs_shelf_new(const FsShelfKind *kind)
{
	FsShelf *self = g_new0(FsShelf, 1);

	self->kind = kind;
	pthread_mutex_init(&self->lock, NULL);
	g_queue_init(&self->items);
	return self;
}

/* Under the lock. */
static void drop_oldest(FsShelf *self)
{
	Item *oldest = g_queue_pop_tail(&self->items);

	self->bytes -= oldest->bytes;
	self->kind->unref(oldest->thing);
	g_free(oldest);
}

void fs_shelf_free(FsShelf *self)
{
	if (self == NULL)
		return;
	while (self->items.length > 0)
		drop_oldest(self);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

void fs_shelf_put(FsShelf *self, uint64_t number, void *thing, uint64_t bytes)
{
	Item *item = g_new0(Item, 1);

	*item = (Item){.number = number, .bytes = bytes, .thing = self->kind->ref(thing)};
	pthread_mutex_lock(&self->lock);
	g_queue_push_head(&self->items, item);
	self->bytes += bytes;
	while (self->items.length > self->kind->count_max ||
		(self->items.length > 1 && self->bytes > self->kind->bytes_max))
		drop_oldest(self);
	pthread_mutex_unlock(&self->lock);
}

void *fs_shelf_find(FsShelf *self, uint64_t number)
{
	void *found = NULL;

	pthread_mutex_lock(&self->lock);
	for (GList *link = self->items.head; link != NULL && found == NULL; link = link->next) {
		const Item *item = link->data;
		if (item->number == number)
			found = self->kind->ref(item->thing);
	}
	pthread_mutex_unlock(&self->lock);
	return found;
}
