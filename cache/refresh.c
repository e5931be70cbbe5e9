/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/refresh.h"

#include <string.h>

#include "cache/apply.h"
#include "cache/foldersync.h"
#include "cache/hints.h"
#include "cache/prefetch.h"
#include "cache/sync.h"
#include "cache/tree.h"
#include "cache/wait.h"
#include "ews/error.h"

/* Folders synced at once: servers allow some five Sync* calls an account. */
#define SYNCS_MAX 3

/* The first repetition after a failure; doubled each time, up to refresh_s. */
#define RETRY_US ((int64_t)G_USEC_PER_SEC)

/* Where the server tells of changes, all is looked at so often all the same. */
#define NET_US (15 * 60 * (int64_t)G_USEC_PER_SEC)

/* Gone deaf: time to listen again before it is looked; then at least so often, since the session
 * listens again only when the server has answered something else. */
#define DEAF_US ((int64_t)G_USEC_PER_SEC)
#define DEAF_MAX_US (60 * (int64_t)G_USEC_PER_SEC)

/* Folders that one mailbox may have; more is no mailbox. */
#define FOLDERS_MAX 100000

struct CacheRefresh {
	int64_t round;
	bool is_on;
	bool is_at_items; /* the folders are known, their items are being synced */
	bool is_asked;    /* once more after this one */
	bool is_stopped;
	int64_t started_us; /* monotonic */
	int64_t next_us;    /* when the next one begins by itself */
	unsigned failures;  /* in a row */
	GError *error;      /* own; the first of this round */
	char *mailbox;      /* own; the owner's address, from meta */
	char *top_id;       /* own; msgfolderroot's, from meta */
	GPtrArray *found;   /* own; of EwsFolder */
	EwsFolder *top;     /* own; msgfolderroot's counts, which FindFolder does not tell */
	unsigned asked;     /* of find and top, not answered yet */
	GPtrArray *changes; /* own; of EwsFolderChange, borrowed from pages */
	GPtrArray *pages;   /* own; ops that hold the pages */
	char *hierarchy;    /* own; the state that the next page is asked with */
	char *odd_print;    /* own; of what was found and not the same when all was told anew */
	bool is_full;       /* hierarchy from the beginning */
	bool wants_hierarchy;
	GQueue waiting;     /* of Due */
	GHashTable *syncs;  /* own; folder.id → CacheFolderSync (freed by itself) */
};

/* A folder that is to be synced. */
typedef struct Due {
	int64_t folder;
	int64_t node;
} Due;

CacheRefresh *cache_refresh_new(void)
{
	CacheRefresh *self = g_new0(CacheRefresh, 1);
	self->syncs = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	g_queue_init(&self->waiting);
	return self;
}

static void forget_round(CacheRefresh *self)
{
	g_clear_error(&self->error);
	g_clear_pointer(&self->found, g_ptr_array_unref);
	g_clear_pointer(&self->top, ews_folder_free);
	g_clear_pointer(&self->changes, g_ptr_array_unref);
	g_clear_pointer(&self->pages, g_ptr_array_unref);
	g_clear_pointer(&self->hierarchy, g_free);
	g_queue_clear_full(&self->waiting, g_free);
}

void cache_refresh_free(CacheRefresh *self)
{
	if (self == NULL)
		return;
	GHashTableIter iter;
	gpointer value;
	g_hash_table_iter_init(&iter, self->syncs);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		cache_foldersync_abandon(value);
	g_hash_table_unref(self->syncs);
	forget_round(self);
	g_free(self->odd_print);
	g_free(self->mailbox);
	g_free(self->top_id);
	g_free(self);
}

void cache_refresh_take_top(Cache *cache, EwsFolder *top)
{
	g_clear_pointer(&cache->refresh->top, ews_folder_free);
	cache->refresh->top = top;
}

int64_t cache_refresh_round(Cache *cache)
{
	return cache->refresh->round;
}

/* --- the end of a round ------------------------------------------------------------------ */

static void set_status(Cache *cache, const GError *error)
{
	pthread_mutex_lock(&cache->status_lock);
	g_free(cache->status_error);
	cache->status_error = error != NULL ? g_strdup(error->message) : NULL;
	if (error == NULL)
		cache->refreshed_at = g_get_real_time();
	pthread_mutex_unlock(&cache->status_lock);
}

/* So that a later mount, perhaps without a server, can say how old its tree is. */
static bool save_time(CacheConn *conn, GError **error)
{
	g_autofree char *now = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time());
	return cache_conn_set_meta(conn, "refreshed_at", now, error);
}

static bool settle(Cache *cache, GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (!cache_apply_settle(cache, conn, cache->refresh->round, error) ||
		!save_time(conn, error)) {
		cache_sync_rollback(cache);
		return false;
	}
	cache_note(cache, CACHE_CHANGE_SETTLED, 0, 0);
	return cache_sync_commit(cache, error);
}

/* Trouble of the server, the account or this machine: the other folders would have it too. */
static bool is_everybodys(const GError *error)
{
	return ews_error_is_temporary(error) || ews_error_is(error, EWS_ERROR_AUTH) ||
	       ews_error_is(error, EWS_ERROR_TLS) || ews_error_is(error, EWS_ERROR_CANCELLED) ||
	       ews_error_is(error, EWS_ERROR_LOCAL) || ews_error_is(error, EWS_ERROR_NO_SPACE);
}

/* When to begin again. What kept one folder from being brought up to date may pass as well, and
 * nobody announces again what was announced. A server that is away or busy is asked when the
 * session would let a request through; asking earlier is refused here and proves nothing. */
static int64_t next_after(Cache *cache, bool is_done)
{
	const CacheRefresh *self = cache->refresh;
	int64_t now = g_get_monotonic_time();
	int64_t refresh_us = cache->refresh_s * (int64_t)G_USEC_PER_SEC;
	if (is_done && self->error == NULL && cache_hints_are_enough(cache))
		return now + MAX(refresh_us, NET_US);
	if (cache_hints_are_missing(cache))
		refresh_us = MIN(refresh_us, DEAF_MAX_US);
	if (is_done && self->error == NULL)
		return now + refresh_us;
	EwsStatus status;
	ews_session_status(cache->session, &status);
	if (ews_error_is_temporary(self->error) && status.resume_us > now)
		return MIN(status.resume_us, now + refresh_us);
	return now + MIN(refresh_us, RETRY_US << MIN(self->failures, 10));
}

/* Somebody deleted a folder between two of our questions: the next round knows. Not twice in a row,
 * since a server that lists what it has not got would be asked for ever. */
static bool is_overtaken(const CacheRefresh *self)
{
	return self->is_at_items && self->failures == 0 &&
	       ews_error_is(self->error, EWS_ERROR_NOT_FOUND);
}

static void finish(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	bool is_again = is_overtaken(self);
	/* All but single folders was synced: what waits for that need not wait for ever. */
	bool is_done = self->error == NULL || (self->is_at_items && !is_everybodys(self->error));
	g_autoptr(GError) unsettled = NULL;
	if (is_done && !settle(cache, &unsettled) && self->error == NULL)
		self->error = g_steal_pointer(&unsettled);
	self->is_on = false;
	self->next_us = next_after(cache, is_done);
	self->failures = self->error == NULL ? 0 : self->failures + 1;
	set_status(cache, self->error);
	if (is_done)
		cache_prefetch_begin(cache);
	g_autoptr(GError) error = g_steal_pointer(&self->error);
	forget_round(self);
	self->is_asked = self->is_asked || is_again;
	atomic_store(&cache->is_round_on, self->is_asked);
	if (is_again) {
		g_debug("refresh: %s; once more", error->message);
		return;
	}
	if (error != NULL) {
		g_log(G_LOG_DOMAIN, self->failures > 1 ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_WARNING,
			"refresh: %s", error->message);
		/* Where only a folder failed, what was asked for meanwhile can be done. */
		self->is_asked = self->is_asked && is_done;
		atomic_store(&cache->is_round_on, self->is_asked);
		cache_wait_failed(cache, error);
		return;
	}
	atomic_store(&cache->fresh_us, self->started_us);
	cache_wait_round_done(cache, self->round);
}

/* Takes the error for the round's. */
static void fail(Cache *cache, const GError *error)
{
	if (cache->refresh->error == NULL)
		cache->refresh->error = g_error_copy(error);
	finish(cache);
}

/* --- items ------------------------------------------------------------------------------- */

static void sync_more(Cache *cache);

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

static void folder_done(Cache *cache, int64_t folder, const GError *error)
{
	CacheRefresh *self = cache->refresh;
	g_hash_table_remove(self->syncs, &folder);
	if (error != NULL) {
		/* One folder's trouble is that folder's; no server is everybody's. */
		cache_wait_dir_failed(cache, dir_of(cache, folder), error);
		if (self->error == NULL)
			self->error = g_error_copy(error);
		if (is_everybodys(error))
			g_queue_clear_full(&self->waiting, g_free);
	} else {
		cache_wait_check(cache);
	}
	sync_more(cache);
}

static void sync_more(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
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
	if (g_hash_table_size(self->syncs) == 0)
		finish(cache);
}

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

static bool find_due(Cache *cache, GError **error)
{
	CacheRefresh *self = cache->refresh;
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	sqlite3_stmt *stmt = NULL;
	bool is_ok = cache_conn_run(conn, error, miscount_sql, "") &&
		     cache_conn_run(conn, error, misread_sql, "") &&
		     cache_conn_run(conn, error,
			     "UPDATE folder SET is_unchecked = 0 WHERE is_unchecked = 1"
			     " AND commit_time = synced_commit",
			     "") &&
		     (stmt = cache_conn_query(conn, error, due_sql, "")) != NULL;
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
	if (!is_ok) {
		cache_sync_rollback(cache);
		return false;
	}
	return cache_sync_commit(cache, error);
}

static void begin_items(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	if (!find_due(cache, &error)) {
		fail(cache, error);
		return;
	}
	cache->refresh->is_at_items = true;
	/* A directory that somebody waits for may have just appeared or gone. */
	cache_wait_check(cache);
	sync_more(cache);
}

/* --- hierarchy --------------------------------------------------------------------------- */

/* What find said of the folders themselves, as one word: as long as it stays, so do they. */
static char *print_of(const GPtrArray *found)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	for (guint i = 0; i < found->len; i++) {
		const EwsFolder *folder = found->pdata[i];
		const char *parts[] = {folder->id, folder->parent_id, folder->display_name,
			folder->folder_class};
		for (size_t k = 0; k < G_N_ELEMENTS(parts); k++)
			g_checksum_update(sum, (const guchar *)(parts[k] != NULL ? parts[k] : ""),
				parts[k] != NULL ? (gssize)strlen(parts[k]) + 1 : 1);
		unsigned rest[] = {folder->rights, folder->is_hidden, folder->is_search};
		g_checksum_update(sum, (const guchar *)rest, sizeof rest);
	}
	return g_strdup(g_checksum_get_string(sum));
}

static bool take_counts(Cache *cache, CacheConn *conn, GError **error)
{
	const GPtrArray *found = cache->refresh->found;
	for (guint i = 0; i < found->len; i++) {
		if (!cache_tree_set_counts(conn, found->pdata[i], error))
			return false;
	}
	return cache->refresh->top == NULL ||
	       cache_tree_set_counts(conn, cache->refresh->top, error);
}

/* Whether each folder is called here as the server says, and is where it says. */
static bool is_as_found(const CacheRefresh *self, CacheConn *conn, bool *ret_same, GError **error)
{
	int64_t count = 0;
	*ret_same = true;
	if (!cache_conn_int(conn, 0, &count, error, "SELECT count(*) FROM intent", ""))
		return false;
	if (count > 0)
		return true;
	for (guint i = 0; i < self->found->len && *ret_same; i++) {
		const EwsFolder *folder = self->found->pdata[i];
		if (!cache_conn_int(conn, 0, &count, error,
			    "SELECT count(*) FROM folder WHERE folder_id = ?1"
			    " AND display_name = ?2 AND parent_id = ?3",
			    "ttt", folder->id,
			    folder->display_name != NULL ? folder->display_name : "",
			    folder->parent_id != NULL ? folder->parent_id : ""))
			return false;
		*ret_same = count == 1;
	}
	return true;
}

/* A server may also differ with itself, for ever: what is still otherwise when it has told all is
 * not asked for again. */
static bool learn_oddity(CacheRefresh *self, CacheConn *conn, const char *print, GError **error)
{
	bool is_same = true;
	if (!is_as_found(self, conn, &is_same, error))
		return false;
	g_free(self->odd_print);
	self->odd_print = is_same ? NULL : g_strdup(print);
	return true;
}

static bool take_hierarchy(Cache *cache, CacheConn *conn, GError **error)
{
	CacheRefresh *self = cache->refresh;
	g_autofree char *print = print_of(self->found);
	for (guint i = 0; i < self->changes->len; i++) {
		if (!cache_tree_apply(cache, conn, self->changes->pdata[i], self->round, error))
			return false;
	}
	return (!self->is_full || (cache_tree_sweep(conn, self->round, error) &&
					   learn_oddity(self, conn, print, error))) &&
	       cache_tree_lay_out(cache, conn, self->top_id, self->mailbox, error) &&
	       cache_conn_set_meta(conn, "hierarchy_state", self->hierarchy, error) &&
	       cache_conn_set_meta(conn, "hierarchy_print", print, error) &&
	       take_counts(cache, conn, error);
}

static bool in_transaction(Cache *cache, bool (*step)(Cache *, CacheConn *, GError **),
	GError **error)
{
	CacheConn *conn = cache_sync_begin(cache, error);
	if (conn == NULL)
		return false;
	if (!step(cache, conn, error)) {
		cache_sync_rollback(cache);
		return false;
	}
	return cache_sync_commit(cache, error);
}

static void hierarchy_answered(Cache *cache, EwsOp *op, void *user);

static void ask_hierarchy(Cache *cache)
{
	cache_sync_submit(cache, ews_sync_folder_hierarchy_new(cache->refresh->hierarchy),
		EWS_PRIORITY_SCAN, hierarchy_answered, NULL);
}

static void begin_hierarchy(Cache *cache, bool is_full)
{
	CacheRefresh *self = cache->refresh;
	self->is_full = is_full;
	g_clear_pointer(&self->changes, g_ptr_array_unref);
	self->changes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_change_free);
	if (is_full)
		g_clear_pointer(&self->hierarchy, g_free);
	ask_hierarchy(cache);
}

static void hierarchy_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheRefresh *self = cache->refresh;
	const GError *failed = ews_op_error(op);
	g_autoptr(GError) error = NULL;
	if (failed != NULL && ews_error_is(failed, EWS_ERROR_STALE) && !self->is_full) {
		begin_hierarchy(cache, true);
		return;
	}
	if (failed != NULL) {
		fail(cache, failed);
		return;
	}
	const EwsFolderSync *page = ews_sync_folder_hierarchy_page(op);
	for (guint i = 0; i < page->changes->len; i++) {
		EwsFolderChange *change = page->changes->pdata[i];
		EwsFolderChange *copy = g_new0(EwsFolderChange, 1);
		copy->kind = change->kind;
		copy->folder = g_steal_pointer(&change->folder);
		g_ptr_array_add(self->changes, copy);
	}
	g_free(self->hierarchy);
	self->hierarchy = g_strdup(page->state);
	if (self->changes->len > FOLDERS_MAX) {
		error = g_error_new_literal(EWS_ERROR, EWS_ERROR_TOO_BIG, "too many folders");
		fail(cache, error);
		return;
	}
	if (!page->is_last) {
		ask_hierarchy(cache);
		return;
	}
	if (!in_transaction(cache, take_hierarchy, &error)) {
		fail(cache, error);
		return;
	}
	atomic_store(&cache->has_tree, true);
	begin_items(cache);
}

/* --- find -------------------------------------------------------------------------------- */

static void find_answered(Cache *cache, EwsOp *op, void *user);

static void ask_find(Cache *cache, uint32_t offset)
{
	cache->refresh->asked++;
	cache_sync_submit(cache, ews_find_folder_new(cache->refresh->top_id, offset),
		EWS_PRIORITY_SCAN, find_answered, NULL);
}

/* A server may say that it renamed a folder and not have done so; no hierarchy that goes on from a
 * state tells of that. So where nothing is new and yet something is otherwise here, all folders are
 * asked for. */
static bool has_lied(Cache *cache, CacheConn *conn, const char *print, bool *ret_lied,
	GError **error)
{
	CacheRefresh *self = cache->refresh;
	bool is_same = true;
	if (g_strcmp0(self->odd_print, print) != 0 && !is_as_found(self, conn, &is_same, error))
		return false;
	*ret_lied = !is_same;
	return true;
}

static bool has_new_hierarchy(Cache *cache, bool *ret_new, GError **error)
{
	CacheRefresh *self = cache->refresh;
	g_autofree char *print = print_of(self->found);
	g_autofree char *old = NULL;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	g_clear_pointer(&self->hierarchy, g_free);
	bool is_ok = cache_conn_get_meta(conn, "hierarchy_print", &old, error) &&
		     cache_conn_get_meta(conn, "hierarchy_state", &self->hierarchy, error);
	bool has_lie = false;
	*ret_new = self->hierarchy == NULL || self->wants_hierarchy || g_strcmp0(old, print) != 0;
	if (is_ok && !*ret_new)
		is_ok = has_lied(cache, conn, print, &has_lie, error);
	cache_db_put_reader(cache->db, conn);
	self->wants_hierarchy = false;
	*ret_new |= has_lie;
	if (has_lie)
		g_clear_pointer(&self->hierarchy, g_free);
	return is_ok;
}

/* All is known that the next steps want. */
static void end_find(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	g_autoptr(GError) error = NULL;
	bool is_new = false;
	if (self->error != NULL)
		finish(cache);
	else if (!has_new_hierarchy(cache, &is_new, &error))
		fail(cache, error);
	else if (is_new)
		begin_hierarchy(cache, self->hierarchy == NULL);
	else if (!in_transaction(cache, take_counts, &error))
		fail(cache, error);
	else
		begin_items(cache);
}

/* One of the questions is answered: FALSE when that failed. The last one leads on. */
static bool take_found(Cache *cache, const EwsOp *op)
{
	CacheRefresh *self = cache->refresh;
	self->asked--;
	if (ews_op_error(op) != NULL && self->error == NULL)
		self->error = g_error_copy(ews_op_error(op));
	return self->error == NULL;
}

static void find_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheRefresh *self = cache->refresh;
	if (take_found(cache, op)) {
		const EwsFolderPage *page = ews_find_folder_page(op);
		for (guint i = 0; i < page->folders->len; i++)
			g_ptr_array_add(self->found, g_steal_pointer(&page->folders->pdata[i]));
		if (!page->is_last && self->found->len < FOLDERS_MAX)
			ask_find(cache, page->next_offset);
	}
	if (self->asked == 0)
		end_find(cache);
}

static void counts_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheRefresh *self = cache->refresh;
	if (take_found(cache, op))
		self->top = ews_get_folder_take(op);
	if (self->asked == 0)
		end_find(cache);
}

static void begin_find(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	self->found = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	ask_find(cache, 0);
	/* Told already at the start; or another folder is mounted, which FindFolder tells of. */
	if (self->top != NULL || cache->root_path[0] != '\0')
		return;
	self->asked++;
	cache_sync_submit(cache, ews_get_folder_new(self->top_id), EWS_PRIORITY_SCAN,
		counts_answered, NULL);
}

/* --- mailbox ----------------------------------------------------------------------------- */

static bool save_mailbox(Cache *cache, CacheConn *conn, GError **error)
{
	const CacheRefresh *self = cache->refresh;
	return cache_conn_set_meta(conn, "mailbox", self->mailbox, error) &&
	       cache_conn_set_meta(conn, "top_id", self->top_id, error);
}

static void name_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheRefresh *self = cache->refresh;
	const GError *failed = ews_op_error(op);
	g_autoptr(GError) error = NULL;
	if (failed != NULL &&
		(ews_error_is_temporary(failed) || ews_error_is(failed, EWS_ERROR_AUTH) ||
			ews_error_is(failed, EWS_ERROR_CANCELLED))) {
		fail(cache, failed);
		return;
	}
	const char *address = failed == NULL ? ews_resolve_names_address(op) : NULL;
	/* A server that does not know its own users: the sign-in name is as good as a name. */
	self->mailbox = g_ascii_strdown(address != NULL ? address : cache->account, -1);
	if (!in_transaction(cache, save_mailbox, &error)) {
		g_clear_pointer(&self->mailbox, g_free);
		fail(cache, error);
		return;
	}
	begin_find(cache);
}

static void ask_name(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	g_free(self->top_id);
	self->top_id = g_strdup(self->top->id);
	cache_sync_submit(cache, ews_resolve_names_new(cache->account), EWS_PRIORITY_SCAN,
		name_answered, NULL);
}

static void top_answered(Cache *cache, EwsOp *op, void *user)
{
	if (ews_op_error(op) != NULL) {
		fail(cache, ews_op_error(op));
		return;
	}
	cache->refresh->top = ews_get_folder_take(op);
	ask_name(cache);
}

static bool load_mailbox(Cache *cache, GError **error)
{
	CacheRefresh *self = cache->refresh;
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	if (conn == NULL)
		return false;
	g_clear_pointer(&self->mailbox, g_free);
	g_clear_pointer(&self->top_id, g_free);
	bool is_ok = cache_conn_get_meta(conn, "mailbox", &self->mailbox, error) &&
		     cache_conn_get_meta(conn, "top_id", &self->top_id, error);
	cache_db_put_reader(cache->db, conn);
	return is_ok;
}

/* --- beginning --------------------------------------------------------------------------- */

static void begin(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	g_autoptr(GError) error = NULL;
	self->is_on = true;
	self->is_at_items = false;
	self->is_asked = false;
	self->round++;
	self->started_us = g_get_monotonic_time();
	atomic_store(&cache->is_round_on, true);
	cache_hints_forget(cache);
	if (self->mailbox == NULL && !load_mailbox(cache, &error))
		fail(cache, error);
	else if (self->mailbox == NULL && self->top != NULL)
		ask_name(cache);
	else if (self->mailbox == NULL)
		cache_sync_submit(cache, ews_get_distinguished_folder_new("msgfolderroot"),
			EWS_PRIORITY_SCAN, top_answered, NULL);
	else
		begin_find(cache);
}

static void asked(Cache *cache, void *data)
{
	/* One that is under way will do: what asks so gently does not need to be first. */
	if (!cache->refresh->is_on)
		cache->refresh->next_us = 0;
}

void cache_refresh_ask_soon(Cache *cache)
{
	atomic_store(&cache->is_round_on, true);
	cache_sync_post(cache, asked, NULL, NULL);
}

void cache_refresh_deaf(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	self->next_us = MIN(self->next_us, g_get_monotonic_time() + DEAF_US);
}

bool cache_refresh_is_on(Cache *cache)
{
	return cache->refresh->is_on;
}

void cache_refresh_ask_hierarchy(Cache *cache)
{
	cache->refresh->wants_hierarchy = true;
	cache_refresh_ask(cache);
}

int64_t cache_refresh_ask(Cache *cache)
{
	CacheRefresh *self = cache->refresh;
	self->is_asked = true;
	return self->round + 1;
}

void cache_refresh_first(Cache *cache, int64_t dir)
{
	CacheRefresh *self = cache->refresh;
	if (!self->is_on) {
		self->next_us = 0;
		return;
	}
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

int64_t cache_refresh_tick(Cache *cache, int64_t now_us)
{
	CacheRefresh *self = cache->refresh;
	if (self->is_on || self->is_stopped)
		return INT64_MAX;
	if (!self->is_asked && now_us < self->next_us)
		return self->next_us;
	begin(cache);
	return self->is_on ? INT64_MAX : self->next_us;
}

void cache_refresh_stop(Cache *cache)
{
	cache->refresh->is_stopped = true;
}
