/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inorder.h"

#include <stdatomic.h>

typedef struct Child {
	uint64_t ino;
	int64_t id;
} Child;

struct FsInorder {
	atomic_int refs;

	/* set while it is made, then const */
	int64_t dir;
	GArray *children; /* own; of Child */
};

static bool add(const CacheNode *node, void *user)
{
	GArray *children = user;
	const Child child = {.ino = node->ino, .id = node->id};

	g_array_append_val(children, child);
	return children->len <= FS_INORDER_MAX;
}

static int compare(const void *left, const void *right)
{
	const Child *x = left;
	const Child *y = right;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

FsInorder *fs_inorder_new(Cache *cache, int64_t dir)
{
	g_autoptr(GArray) children = g_array_new(FALSE, FALSE, sizeof(Child));

	if (!cache_list(cache, dir, 0, add, children, NULL) || children->len < FS_INORDER_MIN ||
		children->len > FS_INORDER_MAX)
		return NULL;
	g_array_sort(children, compare);
	FsInorder *self = g_new0(FsInorder, 1);
	atomic_init(&self->refs, 1);
	self->dir = dir;
	self->children = g_steal_pointer(&children);
	return self;
}

FsInorder *fs_inorder_ref(FsInorder *self)
{
	if (self != NULL)
		atomic_fetch_add(&self->refs, 1);
	return self;
}

void fs_inorder_unref(FsInorder *self)
{
	if (self == NULL || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	g_array_unref(self->children);
	g_free(self);
}

/* The first one above @after. */
static guint find_above(const FsInorder *self, uint64_t after)
{
	guint low = 0;
	guint high = self->children->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		if (g_array_index(self->children, Child, middle).ino <= after)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void fs_inorder_list(const FsInorder *self, Cache *cache, uint64_t after, CacheEach each,
	void *user)
{
	for (guint i = find_above(self, after); i < self->children->len; i++) {
		int64_t id = g_array_index(self->children, Child, i).id;
		g_autoptr(CacheNode) node = cache_get(cache, id, NULL);
		if (node != NULL && node->parent == self->dir && !each(node, user))
			return;
	}
}
