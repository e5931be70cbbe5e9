/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "fs/searches.h"

#define STEM_BYTES_MAX 200 /* of a name that gets a suffix */

struct FsFound {
	atomic_int refs;
	GArray *nodes; /* own; of int64_t; const */

	pthread_mutex_t lock;
	/* guarded by lock until they are made, then const */
	GPtrArray *names;    /* own; of char *, as many as nodes; NULL: not made yet */
	GHashTable *by_name; /* own; borrowed names → index + 1 */
};

FsFound *fs_found_new(const GArray *nodes)
{
	FsFound *self = g_new0(FsFound, 1);

	atomic_init(&self->refs, 1);
	self->nodes = g_array_copy((GArray *)nodes);
	pthread_mutex_init(&self->lock, NULL);
	return self;
}

FsFound *fs_found_ref(FsFound *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

void fs_found_unref(FsFound *self)
{
	if (self == NULL || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	g_clear_pointer(&self->by_name, g_hash_table_unref);
	g_clear_pointer(&self->names, g_ptr_array_unref);
	g_array_unref(self->nodes);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

guint fs_found_count(const FsFound *self)
{
	return self->nodes->len;
}

int64_t fs_found_node(const FsFound *self, guint index)
{
	return g_array_index(self->nodes, int64_t, index);
}

/* --- names --------------------------------------------------------------------------------- */

/* "a.eml" as "a.0123456789abcdef.eml". The number is the message's own, and stays. */
static char *with_suffix(const char *name, uint64_t ino)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
	const char *ext = name + len;

	if (len > STEM_BYTES_MAX) {
		const char *end = g_utf8_find_prev_char(name, name + STEM_BYTES_MAX + 1);
		len = end != NULL ? (size_t)(end - name) : STEM_BYTES_MAX;
	}
	if (strlen(ext) > FS_NAME_MAX - STEM_BYTES_MAX - 17)
		ext = "";
	return g_strdup_printf("%.*s.%016" PRIx64 "%s", (int)len, name, ino, ext);
}

/* Of those that have one name the one with the lowest number keeps it, so that it does not depend
 * on the order in which they are found. */
static GHashTable *choose_keepers(const GPtrArray *nodes)
{
	GHashTable *keepers = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < nodes->len; i++) {
		CacheNode *node = nodes->pdata[i];
		if (node == NULL)
			continue;
		const CacheNode *keeper = g_hash_table_lookup(keepers, node->name);
		if (keeper == NULL || node->ino < keeper->ino)
			g_hash_table_insert(keepers, node->name, node);
	}
	return keepers;
}

static void unref_node(void *node)
{
	cache_node_unref(node);
}

static GPtrArray *load_nodes(const FsFound *self, const Fs *fs)
{
	GPtrArray *nodes = g_ptr_array_new_with_free_func(unref_node);

	for (guint i = 0; i < self->nodes->len; i++) {
		CacheNode *node = cache_get(fs->cache, fs_found_node(self, i), NULL);
		if (node != NULL && (node->parent <= 0 || node->kind != CACHE_KIND_FILE))
			g_clear_pointer(&node, cache_node_unref);
		g_ptr_array_add(nodes, node);
	}
	return nodes;
}

/* Under the lock. */
static void make_names(FsFound *self, const Fs *fs)
{
	g_autoptr(GPtrArray) nodes = load_nodes(self, fs);
	g_autoptr(GHashTable) keepers = choose_keepers(nodes);

	self->names = g_ptr_array_new_with_free_func(g_free);
	self->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	for (guint i = 0; i < nodes->len; i++) {
		const CacheNode *node = nodes->pdata[i];
		char *name = NULL;
		if (node != NULL)
			name = g_hash_table_lookup(keepers, node->name) == node
				       ? g_strdup(node->name)
				       : with_suffix(node->name, node->ino);
		g_ptr_array_add(self->names, name);
		if (name != NULL)
			g_hash_table_insert(self->by_name, name, GUINT_TO_POINTER(i + 1));
	}
}

static void need_names(FsFound *self, const Fs *fs)
{
	pthread_mutex_lock(&self->lock);
	if (self->names == NULL)
		make_names(self, fs);
	pthread_mutex_unlock(&self->lock);
}

const char *fs_found_name(FsFound *self, const Fs *fs, guint index)
{
	need_names(self, fs);
	return self->names->pdata[index];
}

int64_t fs_found_find(FsFound *self, const Fs *fs, const char *name)
{
	need_names(self, fs);
	guint at = GPOINTER_TO_UINT(g_hash_table_lookup(self->by_name, name));
	return at > 0 ? fs_found_node(self, at - 1) : 0;
}
