/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/due.h"

#include "cache/foldersync.h"
#include "cache/sync.h"
#include "cache/wait.h"
#include "ews/error.h"

/* Folders synced at once: servers allow some five Sync* calls an account. */
#define SYNCS_MAX 3

/* A public folder is listed anew after so long though it does not seem to have changed; and after
 * so long where it does not say whether it has. */
#define PUBLIC_US (3600 * (int64_t)G_USEC_PER_SEC)
#define BLIND_US (15 * 60 * (int64_t)G_USEC_PER_SEC)

/* A folder that is to be synced. */
typedef struct Due {
	int64_t folder;
	int64_t node;
} Due;

struct CacheDue {
	GQueue waiting;    /* of Due */
	GHashTable *syncs; /* own; folder.id → CacheFolderSync (freed by itself) */
	GError *error;     /* own; the first of this round */

	/* of this round */
	int64_t round;
	const char *mailbox; /* borrowed: from the refresh */
	CacheDueDone done;
};

CacheDue *cache_due_new(void)
{
	CacheDue *self = g_new0(CacheDue, 1);
	self->syncs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_queue_init(&self->waiting);
	return self;
}

void cache_due_free(CacheDue *self)
{
	if (self == NULL)
		return;
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, self->syncs);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		cache_foldersync_abandon(value);
	g_hash_table_unref(self->syncs);
	g_queue_clear_full(&self->waiting, g_free);
	g_clear_error(&self->error);
	g_free(self);
}

bool cache_due_is_everybodys(const GError *error)
{
	return cache_sync_is_passing(error) || ews_error_is(error, EWS_ERROR_LOCAL) ||
	       ews_error_is(error, EWS_ERROR_NO_SPACE);
}

/* --- which ------------------------------------------------------------------------------- */

/*
 * Folders that moved since their last sync, or were never synced whole. One whose count is not
 * ours although nothing moved has lost changes (a state that the server restarted in silence):
 * it starts over, once for each such difference, since some servers count otherwise. While the
 * journal holds changes, the tree and the server's counts are not the same thing (64: scratch).
 */
static const char due_sql[] =
	"SELECT folder.id, folder.node FROM folder JOIN node ON node.id = folder.node"
	" WHERE folder.sync_state IS NULL OR folder.is_full = 1 OR node.flags & 1 = 0"
	" OR folder.commit_time < 0 OR folder.commit_time != folder.synced_commit"
	" OR folder.deleted_count != folder.synced_deleted"
	" OR folder.total_count != folder.synced_total"
	" OR EXISTS (SELECT 1 FROM pending WHERE pending.folder = folder.id)"
	" ORDER BY (node.flags & 1), (folder.node != 1), folder.node";

/*
 * Of public folders, which are not synced but listed: those that moved, and that may be read. A
 * folder whose commit time is not told is listed again when its count is another one; and any now
 * and then (the second and third time), since what tells of it may be another server than the one
 * that has it, and what is read or unread there is each person's own.
 */
static const char public_sql[] =
	"SELECT folder.id, folder.node FROM folder JOIN node ON node.id = folder.node"
	" WHERE folder.rights & 1 != 0 AND (folder.is_full = 1 OR node.flags & 1 = 0"
	" OR folder.listed_at > ?1"
	" OR folder.listed_at < CASE WHEN folder.commit_time < 0 THEN ?2 ELSE ?3 END"
	" OR folder.commit_time != folder.synced_commit"
	" OR folder.deleted_count != folder.synced_deleted"
	" OR folder.total_count != folder.synced_total"
	" OR EXISTS (SELECT 1 FROM pending WHERE pending.folder = folder.id))"
	" ORDER BY (node.flags & 1), (folder.node != 1), folder.node";

static const char miscount_sql[] =
	"UPDATE folder SET sync_state = NULL WHERE is_unchecked = 1 AND total_count >= 0"
	" AND node IS NOT NULL AND commit_time >= 0 AND commit_time = synced_commit"
	" AND deleted_count = synced_deleted AND total_count = synced_total"
	" AND total_count - (SELECT count(*) FROM node WHERE node.parent = folder.node"
	" AND node.state = 0 AND node.parent > 0 AND node.kind = 1 AND node.flags & 64 = 0)"
	" != miscount AND NOT EXISTS (SELECT 1 FROM intent)";

/* The same for what is unread: a server may lose changes of that when a page is full. */
static const char misread_sql[] =
	"UPDATE folder SET unread_miss = unread_count - ours.unread, sync_state ="
	" CASE WHEN unread_count - ours.unread IN (0, unread_miss) THEN sync_state END"
	" FROM (SELECT at.id, (SELECT count(*) FROM item JOIN node ON node.id = item.node"
	" WHERE item.folder = at.id AND item.is_read = 0 AND node.state = 0"
	" AND node.parent = at.node) AS unread FROM folder AS at WHERE at.is_unchecked = 1) AS ours"
	" WHERE folder.id = ours.id AND unread_count >= 0 AND node IS NOT NULL"
	" AND commit_time >= 0 AND commit_time = synced_commit"
	" AND deleted_count = synced_deleted AND total_count = synced_total"
	" AND NOT EXISTS (SELECT 1 FROM intent)";

static sqlite3_stmt *find_public(CacheConn *conn, GError **error)
{
	int64_t now = g_get_real_time();
	return cache_conn_query(conn, error, public_sql, "iii", now, now - BLIND_US,
		now - PUBLIC_US);
}

static sqlite3_stmt *find_synced(CacheConn *conn, GError **error)
{
	bool is_ok = cache_conn_run(conn, error, miscount_sql, "") &&
		     cache_conn_run(conn, error, misread_sql, "") &&
		     cache_conn_run(conn, error,
			     "UPDATE folder SET is_unchecked = 0 WHERE is_unchecked = 1"
			     " AND commit_time = synced_commit",
			     "");
	return is_ok ? cache_conn_query(conn, error, due_sql, "") : NULL;
}

bool cache_due_find(Cache *cache, GError **error)
{
	CacheDue *self = cache->due;
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt =
		cache->is_public ? find_public(conn, error) : find_synced(conn, error);
	bool is_ok = stmt != NULL;
	bool has_row = is_ok;
	while (has_row) {
		is_ok = cache_conn_step(conn, stmt, &has_row, error);
		if (!is_ok || !has_row)
			break;
		Due *due = g_new0(Due, 1);
		due->folder = sqlite3_column_int64(stmt, 0);
		due->node = sqlite3_column_int64(stmt, 1);
		if (cache_wait_has(cache, due->node))
			g_queue_push_head(&self->waiting, due);
		else
			g_queue_push_tail(&self->waiting, due);
	}
	if (is_ok && cache_sync_commit(cache, error))
		return true;
	if (!is_ok)
		cache_sync_rollback(cache);
	g_queue_clear_full(&self->waiting, g_free);
	return false;
}

/* --- their syncs ------------------------------------------------------------------------- */

static EwsPriority priority_for(Cache *cache, int64_t dir)
{
	if (cache_wait_has(cache, dir))
		return EWS_PRIORITY_WAITING;
	return cache_wait_has_sync(cache) ? EWS_PRIORITY_SCAN : EWS_PRIORITY_BACKGROUND;
}

static int64_t dir_of(Cache *cache, int64_t folder)
{
	int64_t dir = 0;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return 0;
	if (!cache_conn_int(conn, 0, &dir, NULL, "SELECT node FROM folder WHERE id = ?", "i",
		    folder))
		dir = 0;
	cache_db_put_reader(cache->db, conn);
	return dir;
}

static void sync_more(Cache *cache);

static void folder_done(Cache *cache, int64_t folder, const GError *error)
{
	CacheDue *self = cache->due;
	g_hash_table_remove(self->syncs, &folder);
	if (error != NULL) {
		/* One folder's trouble is that folder's; no server is everybody's. */
		cache_wait_dir_failed(cache, dir_of(cache, folder), error);
		if (self->error == NULL)
			self->error = g_error_copy(error);
		if (cache_due_is_everybodys(error))
			g_queue_clear_full(&self->waiting, g_free);
	} else {
		cache_wait_check(cache);
	}
	sync_more(cache);
}

static void sync_more(Cache *cache)
{
	CacheDue *self = cache->due;
	while (g_hash_table_size(self->syncs) < SYNCS_MAX && !g_queue_is_empty(&self->waiting)) {
		g_autofree Due *due = g_queue_pop_head(&self->waiting);
		g_autoptr(GError) error = NULL;
		CacheFolderSync *sync = cache_foldersync_start(cache, due->folder, self->round,
			self->mailbox, priority_for(cache, due->node), folder_done, &error);
		if (sync != NULL)
			g_hash_table_insert(self->syncs,
				g_memdup2(&due->folder, sizeof due->folder), sync);
		else if (self->error == NULL)
			self->error = g_steal_pointer(&error);
	}
	if (g_hash_table_size(self->syncs) > 0)
		return;
	g_autoptr(GError) error = g_steal_pointer(&self->error);
	self->done(cache, error);
}

void cache_due_sync(Cache *cache, int64_t round, const char *mailbox, CacheDueDone done)
{
	CacheDue *self = cache->due;
	self->round = round;
	self->mailbox = mailbox;
	self->done = done;
	sync_more(cache);
}

void cache_due_first(Cache *cache, int64_t dir)
{
	CacheDue *self = cache->due;
	for (GList *link = self->waiting.head; link != NULL; link = link->next) {
		const Due *due = link->data;
		if (due->node != dir)
			continue;
		g_queue_unlink(&self->waiting, link);
		g_queue_push_head_link(&self->waiting, link);
		return;
	}
	GHashTableIter iter;
	gpointer key, value;
	g_hash_table_iter_init(&iter, self->syncs);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		if (dir_of(cache, *(int64_t *)key) == dir)
			cache_foldersync_raise(value, EWS_PRIORITY_WAITING);
	}
}
