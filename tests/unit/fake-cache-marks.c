/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"
#include "tests/unit/fake-cache-private.h"

void fake_cache_mark(Cache *self, int64_t id, uint64_t marks)
{
	g_hash_table_insert(self->marks, g_memdup2(&id, sizeof(id)),
		g_memdup2(&marks, sizeof(marks)));
}

static uint64_t marks_of(Cache *self, int64_t id)
{
	const uint64_t *marks = g_hash_table_lookup(self->marks, &id);

	return marks != NULL ? *marks : 0;
}

bool cache_marks(Cache *self, int64_t id, uint64_t *ret_marks, GError **error)
{
	*ret_marks = marks_of(self, id);
	return true;
}

CacheNode *cache_lookup_marked(Cache *self, int64_t parent, const char *name, uint64_t *ret_marks,
	GError **error)
{
	CacheNode *node = cache_lookup(self, parent, name, error);

	if (node != NULL)
		*ret_marks = marks_of(self, node->id);
	return node;
}

typedef struct Each {
	Cache *cache;
	CacheEachMarked each;
	void *user;
} Each;

static bool each_marked(const CacheNode *node, void *user)
{
	const Each *self = user;

	return self->each(node, marks_of(self->cache, node->id), self->user);
}

bool cache_list_marked(Cache *self, int64_t dir, int64_t after, CacheEachMarked each, void *user,
	GError **error)
{
	Each all = {.cache = self, .each = each, .user = user};

	return cache_list(self, dir, after, each_marked, &all, error);
}

/* --- the tree where it is flat ----------------------------------------------------------- */

void fake_cache_set_inbox(Cache *self, int64_t id)
{
	self->inbox = id;
}

bool cache_inbox(Cache *self, int64_t *ret_node, GError **error)
{
	*ret_node = self->inbox != 0 ? self->inbox : CACHE_ROOT;
	return true;
}

bool cache_list_dirs(Cache *self, int64_t after, CacheEach each, void *user, GError **error)
{
	for (guint i = 0; i < self->nodes->len; i++) {
		g_autoptr(CacheNode) node =
			fake_cache_snapshot(self, g_ptr_array_index(self->nodes, i));
		bool is_folder = node->kind == CACHE_KIND_DIR && !node->is_scratch;
		if (is_folder && node->parent > 0 && node->id > after && !each(node, user))
			break;
	}
	return true;
}

/* --- changes ----------------------------------------------------------------------------- */

bool cache_set_marks(Cache *self, int64_t id, uint64_t marks, GError **error)
{
	g_string_append_printf(self->log, "mark %d %" G_GINT64_MODIFIER "x\n", (int)id, marks);
	fake_cache_mark(self, id, marks);
	return true;
}

bool cache_rename_marked(Cache *self, const CacheRename *what, GError **error)
{
	g_autoptr(CacheNode) node = cache_lookup(self, what->dir, what->name, error);
	bool is_same = what->dir == what->to_dir && g_str_equal(what->name, what->to_name);

	if (node == NULL || (!is_same && !cache_rename(self, what->dir, what->name, what->to_dir,
						 what->to_name, what->can_replace, error)))
		return false;
	return !what->has_marks || cache_set_marks(self, node->id, what->marks, error);
}
