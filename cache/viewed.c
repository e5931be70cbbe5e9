/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/viewed.h"

#include <pthread.h>

#include "cache/private.h"
#include "ews/error.h"

#define NOTES_MAX 256

typedef struct Note {
	int64_t id;
	int64_t stamp;
	int64_t size;
} Note;

struct CacheViewed {
	pthread_mutex_t lock;
	GHashTable *notes; /* own; guarded by lock; of Note, by its id */
};

static GHashTable *new_notes(void)
{
	return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
}

struct CacheViewed *cache_viewed_new(void)
{
	struct CacheViewed *self = g_new0(struct CacheViewed, 1);

	pthread_mutex_init(&self->lock, NULL);
	self->notes = new_notes();
	return self;
}

void cache_viewed_free(struct CacheViewed *self)
{
	if (self == NULL)
		return;
	g_hash_table_unref(self->notes);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

/* --- writing ----------------------------------------------------------------------------- */

static bool write_notes(CacheConn *conn, GHashTable *notes)
{
	GHashTableIter iter;
	void *value;
	bool is_ok = true;

	g_hash_table_iter_init(&iter, notes);
	while (is_ok && g_hash_table_iter_next(&iter, NULL, &value)) {
		const Note *note = value;
		is_ok = cache_conn_run(conn, NULL,
			"UPDATE node SET text_stamp = ?, text_size = ? WHERE id = ?", "iii",
			note->stamp, note->size, note->id);
	}
	return is_ok;
}

/* What cannot be written is forgotten: it is found out again. */
static void write_all(Cache *cache, GHashTable *notes)
{
	CacheConn *conn = g_hash_table_size(notes) > 0 ? cache_db_begin(cache->db, NULL) : NULL;

	if (conn == NULL)
		return;
	if (!write_notes(conn, notes))
		cache_db_rollback(cache->db);
	else if (!cache_db_commit(cache->db, NULL))
		g_debug("lengths of texts are not kept");
}

/* Who asks between the two finds the lengths of before, with their stamps. */
void cache_viewed_flush(Cache *cache)
{
	struct CacheViewed *self = cache->viewed;

	pthread_mutex_lock(&self->lock);
	g_autoptr(GHashTable) notes = g_steal_pointer(&self->notes);
	self->notes = new_notes();
	pthread_mutex_unlock(&self->lock);
	write_all(cache, notes);
}

void cache_view_note(Cache *cache, int64_t id, int64_t stamp, int64_t size)
{
	struct CacheViewed *self = cache->viewed;
	Note *note = g_new0(Note, 1);

	*note = (Note){.id = id, .stamp = stamp, .size = size};
	pthread_mutex_lock(&self->lock);
	g_hash_table_replace(self->notes, &note->id, note);
	bool is_full = g_hash_table_size(self->notes) >= NOTES_MAX;
	pthread_mutex_unlock(&self->lock);
	if (is_full)
		cache_viewed_flush(cache);
}

/* --- reading ----------------------------------------------------------------------------- */

static void read_view(sqlite3_stmt *stmt, CacheView *view)
{
	view->stamp = sqlite3_column_int64(stmt, 0);
	view->size = sqlite3_column_int64(stmt, 1);
	view->is_item = sqlite3_column_type(stmt, 2) != SQLITE_NULL;
	view->is_read = sqlite3_column_int(stmt, 2) != 0;
	view->flag = sqlite3_column_int(stmt, 3);
	view->importance = sqlite3_column_int(stmt, 4);
	view->categories = cache_column_dup(stmt, 5);
}

/* What was noted last and is not written yet. */
static void look_at_notes(struct CacheViewed *self, int64_t id, CacheView *view)
{
	pthread_mutex_lock(&self->lock);
	const Note *note = g_hash_table_lookup(self->notes, &id);
	if (note != NULL) {
		view->stamp = note->stamp;
		view->size = note->size;
	}
	pthread_mutex_unlock(&self->lock);
}

bool cache_view(Cache *cache, int64_t id, CacheView *ret_view, GError **error)
{
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	bool has_row = false;
	if (conn == NULL)
		return false;
	*ret_view = (CacheView){.size = -1};
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT text_stamp, text_size, is_read, flag, importance, categories FROM node"
		" LEFT JOIN item ON item.node = node.id WHERE id = ?",
		"i", id);
	bool is_ok = stmt != NULL && cache_conn_step(conn, stmt, &has_row, error);
	if (is_ok && has_row) {
		read_view(stmt, ret_view);
		sqlite3_reset(stmt);
	} else if (is_ok) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such file");
	}
	cache_db_put_reader(cache->db, conn);
	if (has_row)
		look_at_notes(cache->viewed, id, ret_view);
	return has_row;
}

void cache_view_clear(CacheView *self)
{
	g_clear_pointer(&self->categories, g_free);
}
