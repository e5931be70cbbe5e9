/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inorder.h"

typedef struct Child {
	uint64_t ino;
	int64_t id;
} Child;

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

GArray *fs_inorder_new(Cache *cache, int64_t dir)
{
	g_autoptr(GArray) children = g_array_new(FALSE, FALSE, sizeof(Child));

	if (!cache_list(cache, dir, 0, add, children, NULL) || children->len < FS_INORDER_MIN ||
		children->len > FS_INORDER_MAX)
		return NULL;
	g_array_sort(children, compare);
	return g_steal_pointer(&children);
}

/* The first one above @after. */
static guint find_above(const GArray *self, uint64_t after)
{
	guint low = 0;
	guint high = self->len;

	while (low < high) {
		guint middle = low + (high - low) / 2;
		if (g_array_index(self, Child, middle).ino <= after)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void fs_inorder_list(const GArray *self, Cache *cache, const CacheNode *after, CacheEach each,
	void *user)
{
	for (guint i = find_above(self, after->ino); i < self->len; i++) {
		int64_t id = g_array_index(self, Child, i).id;
		g_autoptr(CacheNode) node = cache_get(cache, id, NULL);
		if (node != NULL && node->parent == after->parent && !each(node, user))
			return;
	}
}
