/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/foldersync.h"

#include <string.h>

#include "cache/apply.h"
#include "cache/content.h"
#include "cache/glance.h"
#include "cache/ident.h"
#include "cache/item.h"
#include "cache/node.h"
#include "cache/sweep.h"
#include "cache/sync.h"
#include "ews/error.h"

/* Pages are written when so many changes or so much time has gathered. */
#define GATHER_CHANGES 4096
#define GATHER_US (G_USEC_PER_SEC / 2)

/* Pages that may be asked for ahead of their writing: some 10 MB of properties. */
#define PAGES_AHEAD 16

/* Items completed by GetItem under way at once. */
#define COMPLETE_UNDER_WAY 200

/* Looks at what came while a sweep was decided. */
#define CATCHES_MAX 3

struct CacheFolderSync {
	/* set at start, then const */
	Cache *cache; /* borrowed */
	CacheFolderSyncDone done;
	char *folder_id; /* own */
	char *content;   /* own; the mailbox that has it (cache/content.h); NULL: not told */

	/* sync and ews thread: the chain of pages, each asked for when the one before arrived */
	atomic_int pages;    /* asked for, and not written yet */
	atomic_int priority; /* EwsPriority */
	atomic_bool is_over; /* ends when nothing is under way any more */

	/* sync thread only */
	CacheApply apply;        /* where changes go; conn set only inside a transaction */
	char *mailbox;           /* own */
	char *state;             /* own; NULL: from the beginning */
	GPtrArray *gathered;     /* own; of EwsItemChange, not written yet */
	int64_t gathered_us;     /* since when; monotonic */
	int64_t began_at;        /* microseconds since 1970 */
	bool is_at_end;          /* the last page is among the gathered */
	bool is_full;            /* began without a state */
	bool was_refused;        /* the state was refused once in this sync */
	int64_t listed;          /* items in the folder, as a listing says; -1: not said */
	bool is_root;            /* of all public folders: a folder that can have no items */
	GError *error;           /* own; what it ends with */
	unsigned under_way;      /* ops that we wait for */
	GPtrArray *completing;   /* own; ids of pending items, asked for by GetItem */
	int64_t youngest_before; /* apply.youngest at the last commit */
	int64_t total, commit_time, deleted; /* as FindFolder said before this sync */
	CacheSweep *sweep;                   /* own */
	unsigned catches;                    /* up to CATCHES_MAX */
};

static void sync_free(CacheFolderSync *self)
{
	cache_sweep_free(self->sweep);
	g_ptr_array_unref(self->gathered);
	g_clear_pointer(&self->completing, g_ptr_array_unref);
	g_clear_error(&self->error);
	g_free(self->mailbox);
	g_free(self->folder_id);
	g_free(self->content);
	g_free(self->state);
	g_free(self);
}

/* Every way out of a sync ends here: at once, or when the last answer under way has come. */
static void end(CacheFolderSync *self, const GError *error)
{
	atomic_store(&self->is_over, true);
	if (error != NULL && self->error == NULL)
		self->error = g_error_copy(error);
	if (self->under_way > 0 || atomic_load(&self->pages) > 0)
		return;
	self->done(self->cache, self->apply.folder, self->error);
	sync_free(self);
}

static void submit(CacheFolderSync *self, EwsOp *op, CacheAnswered answered)
{
	self->under_way++;
	ews_op_set_content(op, self->content);
	cache_sync_submit(self->cache, op, (EwsPriority)atomic_load(&self->priority), answered,
		self);
}

/* TRUE when the sync is over, and an answer that came is nobody's. */
static bool is_late(CacheFolderSync *self)
{
	if (!atomic_load(&self->is_over))
		return false;
	end(self, NULL);
	return true;
}

static bool take_answer(CacheFolderSync *self)
{
	self->under_way--;
	return !is_late(self);
}

/* --- transactions ------------------------------------------------------------------------ */

static bool begin(CacheFolderSync *self, GError **error)
{
	self->apply.conn = cache_sync_begin(self->cache, error);
	self->apply.is_moved = self->apply.is_removed = false;
	return self->apply.conn != NULL;
}

/*
 * When entries came or went. If they only came, the youngest one's creation, which anyone who
 * lists the directory anew finds too; only a removal leaves no other trace than the folder's
 * commit time.
 */
static int64_t moved_at(const CacheFolderSync *self)
{
	const CacheApply *apply = &self->apply;
	if (!apply->is_removed && apply->youngest > self->youngest_before)
		return apply->youngest;
	return self->commit_time > 0 ? self->commit_time : g_get_real_time();
}

/* Commits, with the directory's time moved on if entries came or went. */
static bool commit(CacheFolderSync *self, GError **error)
{
	CacheApply *apply = &self->apply;
	if (apply->is_moved) {
		cache_note(self->cache, CACHE_CHANGE_MEMBERS, apply->dir, 0);
		if (apply->is_listed &&
			!cache_node_touch_dir(apply->conn, apply->dir, moved_at(self), error)) {
			cache_sync_rollback(self->cache);
			return false;
		}
	}
	self->youngest_before = apply->youngest;
	return cache_sync_commit(self->cache, error);
}

static bool roll_back(CacheFolderSync *self)
{
	cache_sync_rollback(self->cache);
	return false;
}

/* --- the end of the run ------------------------------------------------------------------ */

/* A directory seen for the first time is as old as its youngest entry, so that it has the same
 * time on every machine; later its time moves with its entries. */
static bool set_first_time(CacheFolderSync *self, GError **error)
{
	CacheApply *apply = &self->apply;
	int64_t time = apply->youngest > 0 ? apply->youngest : MAX(self->commit_time, 0);
	return cache_conn_run(apply->conn, error,
		"UPDATE node SET mtime = ?1, ctime = ?1 WHERE id = ?2", "ii", time, apply->dir);
}

static bool mark_listed(CacheFolderSync *self, GError **error)
{
	CacheApply *apply = &self->apply;
	if (!apply->is_listed) {
		cache_note(self->cache, CACHE_CHANGE_MEMBERS, apply->dir, 0);
		if (!set_first_time(self, error))
			return false;
	}
	int64_t surplus = 0;
	if (self->sweep != NULL)
		surplus = cache_sweep_surplus(self->sweep);
	return cache_node_flag(apply->conn, apply->dir, NODE_LISTED, 0, error) &&
	       cache_conn_run(apply->conn, error,
		       "UPDATE folder SET synced_total = ?1, synced_commit = ?2,"
		       " synced_deleted = ?3, as_of = ?4, is_full = 0, is_unchecked = ?5,"
		       " listed_at = CASE WHEN ?6 THEN ?4 ELSE listed_at END,"
		       " miscount = CASE WHEN ?6 THEN ?7 ELSE miscount END WHERE id = ?8",
		       "iiiiiiii", self->total, self->commit_time, self->deleted, g_get_real_time(),
		       (int64_t)!self->cache->is_public, (int64_t)self->is_full, surplus,
		       apply->folder);
}

static void finish(CacheFolderSync *self)
{
	g_autoptr(GError) error = NULL;
	if (begin(self, &error) && (mark_listed(self, &error) || roll_back(self)))
		(void)!commit(self, &error);
	end(self, error);
}

/* --- sweeping ---------------------------------------------------------------------------- */

static void sweep_answered(Cache *cache, EwsOp *op, void *user);
static void ask_page(CacheFolderSync *self, const char *state);

/* What has changed since the last page may be all that the count is off by: it is asked for, and
 * the sweep begins anew. (FindItem of public folders goes on from no state.) */
static bool catch_up(CacheFolderSync *self)
{
	if (!cache_sweep_is_open(self->sweep) || self->cache->is_public ||
		self->catches == CATCHES_MAX)
		return false;
	self->catches++;
	g_clear_pointer(&self->sweep, cache_sweep_free);
	ask_page(self, self->state);
	return true;
}

static void sweep_on(CacheFolderSync *self)
{
	EwsOp *op;
	while ((op = cache_sweep_next(self->sweep)) != NULL)
		submit(self, op, sweep_answered);
	if (!cache_sweep_is_done(self->sweep) || catch_up(self))
		return;
	g_autoptr(GError) error = NULL;
	if (cache_sweep_error(self->sweep) != NULL)
		error = g_error_copy(cache_sweep_error(self->sweep));
	if (error == NULL && begin(self, &error) &&
		(cache_sweep_apply(self->sweep, &self->apply, &error) || roll_back(self)))
		(void)!commit(self, &error);
	if (error != NULL)
		end(self, error);
	else
		finish(self);
}

static void sweep_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFolderSync *self = user;
	if (!take_answer(self))
		return;
	cache_sweep_answer(self->sweep, op);
	sweep_on(self);
}

static void begin_sweep(CacheFolderSync *self)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_db_take_reader(self->cache->db, &error);
	if (conn != NULL) {
		const CacheSweepOf of = {
			.folder_id = self->folder_id,
			.dir = self->apply.dir,
			.run = self->apply.run,
			.began_at = self->began_at,
			.total = self->listed,
		};
		self->sweep = cache_sweep_new(conn, &of, &error);
		cache_db_put_reader(self->cache->db, conn);
	}
	if (self->sweep == NULL)
		end(self, error);
	else
		sweep_on(self);
}

/* --- completing -------------------------------------------------------------------------- */

static void complete(CacheFolderSync *self);

/* *ret_known: it is in this folder already; then it counts as named by this run. */
static bool keep_known(CacheFolderSync *self, const char *id, bool *ret_known, GError **error)
{
	CacheApply *apply = &self->apply;
	CacheIdent ident;
	g_autoptr(CacheItemRow) row = NULL;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, id, strlen(id));
	if (!cache_item_find(apply->conn, &ident, id, &row, error))
		return false;
	*ret_known = row != NULL && row->state == NODE_LIVE && row->folder == apply->folder;
	return !*ret_known ||
	       cache_conn_run(apply->conn, error, "UPDATE item SET run = ? WHERE node = ?", "ii",
		       apply->run, row->node);
}

/* Gone before it could be described; and from here, if it was known. */
static bool drop_known(CacheFolderSync *self, const char *id, GError **error)
{
	CacheIdent ident;
	g_autoptr(CacheItemRow) row = NULL;
	cache_ident_make(&ident, CACHE_IDENT_ITEM_ID, id, strlen(id));
	if (!cache_item_find(self->apply.conn, &ident, id, &row, error))
		return false;
	return row == NULL || row->folder != self->apply.folder ||
	       cache_apply_vanished(&self->apply, row->node, error);
}

/* The answer's item into the tree. One that the server cannot describe is listed all the same:
 * a listing without it would not be whole; and what is known of it from before stays. */
static bool apply_completed(CacheFolderSync *self, EwsOp *op, const char *id, GError **error)
{
	const GError *failed = ews_op_error(op);
	if (failed != NULL && ews_error_is(failed, EWS_ERROR_NOT_FOUND))
		return drop_known(self, id, error);
	g_autoptr(EwsItem) item = failed == NULL ? ews_get_item_take(op) : NULL;
	if (item == NULL) {
		bool is_known = false;
		if (!keep_known(self, id, &is_known, error))
			return false;
		if (is_known)
			return true;
		item = ews_item_new();
		item->id = g_strdup(id);
		item->received = item->sent = item->created = item->modified = EWS_TIME_NONE;
		g_warning("an item has no properties: %s", failed != NULL ? failed->message : "");
	}
	return cache_apply_item(&self->apply, item, error);
}

static void completed(Cache *cache, EwsOp *op, void *user)
{
	CacheFolderSync *self = user;
	g_autoptr(GError) error = NULL;
	const char *id = self->completing->pdata[ews_op_tag(op)];
	if (!take_answer(self))
		return;
	const GError *failed = ews_op_error(op);
	if (failed != NULL && cache_sync_is_passing(failed)) {
		end(self, failed);
		return;
	}
	if (begin(self, &error) &&
		((apply_completed(self, op, id, &error) &&
			 cache_conn_run(self->apply.conn, &error,
				 "DELETE FROM pending WHERE item_id = ?", "t", id)) ||
			roll_back(self)))
		(void)!commit(self, &error);
	if (error != NULL)
		end(self, error);
	else if (self->under_way == 0)
		complete(self);
}

static bool load_pending(CacheFolderSync *self, GError **error)
{
	CacheConn *conn = cache_db_take_reader(self->cache->db, error);
	if (conn == NULL)
		return false;
	g_clear_pointer(&self->completing, g_ptr_array_unref);
	self->completing = g_ptr_array_new_with_free_func(g_free);
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT item_id FROM pending WHERE folder = ? LIMIT ?", "ii", self->apply.folder,
		(int64_t)COMPLETE_UNDER_WAY);
	bool is_ok = stmt != NULL;
	bool has_row = is_ok;
	while (has_row) {
		is_ok = cache_conn_step(conn, stmt, &has_row, error);
		if (!is_ok || !has_row)
			break;
		g_ptr_array_add(self->completing, cache_column_dup(stmt, 0));
	}
	cache_db_put_reader(self->cache->db, conn);
	return is_ok;
}

/* The next items that came without properties; after the last, what the run did not name. */
static void complete(CacheFolderSync *self)
{
	g_autoptr(GError) error = NULL;
	if (!load_pending(self, &error)) {
		end(self, error);
		return;
	}
	for (guint i = 0; i < self->completing->len; i++) {
		EwsOp *op = ews_get_item_new(self->completing->pdata[i]);
		ews_op_set_tag(op, i);
		submit(self, op, completed);
	}
	if (self->completing->len > 0)
		return;
	if (self->is_full && self->apply.run > 1)
		begin_sweep(self);
	else
		finish(self);
}

/* --- pages ------------------------------------------------------------------------------- */

static void page_answered(Cache *cache, EwsOp *op, void *user);
static void page_arrived(EwsOp *op, void *user);

/* Sync thread, or ews thread as the end of page_arrived. */
static void ask_page(CacheFolderSync *self, const char *state)
{
	EwsOp *op = self->cache->is_public ? ews_find_item_new(self->folder_id, state)
					   : ews_sync_folder_items_new(self->folder_id, state);
	ews_op_set_content(op, self->content);
	atomic_fetch_add(&self->pages, 1);
	cache_sync_submit_chained(self->cache, op, (EwsPriority)atomic_load(&self->priority),
		page_arrived, page_answered, self);
}

static const EwsItemSync *page_of(const CacheFolderSync *self, const EwsOp *op)
{
	return self->cache->is_public ? &ews_find_item_list(op)->page
				      : ews_sync_folder_items_page(op);
}

/* Ews thread. The next page is on its way before this one is written; how far ahead is limited,
 * and the sync thread then goes on by itself. This page still counts, so the sync lives. */
static void page_arrived(EwsOp *op, void *user)
{
	CacheFolderSync *self = user;
	const EwsItemSync *page = ews_op_error(op) == NULL ? page_of(self, op) : NULL;
	if (page != NULL && !page->is_last && atomic_load(&self->pages) < PAGES_AHEAD &&
		!atomic_load(&self->is_over))
		ask_page(self, page->state);
}

/* What we made or wrote to before this sync began, and it did not name: it may have been taken
 * elsewhere between two looks, and will never be named: it is asked for. (0: not said.) */
static bool ask_for_unnamed(CacheFolderSync *self, GError **error)
{
	return cache_conn_run(self->apply.conn, error,
		"INSERT OR IGNORE INTO pending (item_id, folder) SELECT item_id, folder FROM item"
		" WHERE folder = ? AND print = 0 AND written_at > 0 AND written_at < ?"
		" AND EXISTS (SELECT 1 FROM node WHERE node.id = item.node AND node.state = 0)"
		" AND NOT EXISTS (SELECT 1 FROM intent WHERE intent.node = item.node)",
		"ii", self->apply.folder, self->began_at);
}

static bool apply_gathered(CacheFolderSync *self, GError **error)
{
	for (guint i = 0; i < self->gathered->len; i++) {
		if (!cache_apply_change(&self->apply, self->gathered->pdata[i], error))
			return false;
	}
	if (self->is_at_end && !ask_for_unnamed(self, error))
		return false;
	return cache_conn_run(self->apply.conn, error,
		"UPDATE folder SET sync_state = ?, run = ?, is_full = ?, youngest = ? WHERE id = ?",
		"tiiii", self->state, self->apply.run, (int64_t)self->is_full, self->apply.youngest,
		self->apply.folder);
}

static bool write_gathered(CacheFolderSync *self, GError **error)
{
	if (!begin(self, error))
		return false;
	if (!apply_gathered(self, error))
		return roll_back(self);
	g_ptr_array_set_size(self->gathered, 0);
	return commit(self, error);
}

/* Moves the page's changes over; their state becomes ours. */
static void gather(CacheFolderSync *self, const EwsItemSync *page)
{
	if (self->gathered->len == 0)
		self->gathered_us = g_get_monotonic_time();
	for (guint i = 0; i < page->changes->len; i++) {
		EwsItemChange *change = page->changes->pdata[i];
		EwsItemChange *moved = g_new0(EwsItemChange, 1);
		moved->kind = change->kind;
		moved->item = g_steal_pointer(&change->item);
		g_ptr_array_add(self->gathered, moved);
	}
	g_free(self->state);
	self->state = g_strdup(page->state);
}

static bool is_enough(const CacheFolderSync *self)
{
	return self->gathered->len >= GATHER_CHANGES ||
	       g_get_monotonic_time() - self->gathered_us > GATHER_US;
}

/* The state is void: all over again, without it, and what is not named then is swept. */
static void start_over(CacheFolderSync *self)
{
	self->was_refused = true;
	self->is_full = true;
	self->apply.run++;
	g_clear_pointer(&self->state, g_free);
	g_ptr_array_set_size(self->gathered, 0);
	ask_page(self, NULL);
}

static void page_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFolderSync *self = user;
	g_autoptr(GError) error = NULL;
	int ahead = atomic_fetch_sub(&self->pages, 1) - 1;
	if (is_late(self))
		return;
	const GError *failed = ews_op_error(op);
	if (failed != NULL && ews_error_is(failed, EWS_ERROR_STALE) && self->state != NULL &&
		!self->was_refused) {
		start_over(self);
		return;
	}
	if (failed != NULL && self->is_root && !cache_sync_is_passing(failed)) {
		self->listed = 0;
		complete(self);
		return;
	}
	if (failed != NULL) {
		end(self, failed);
		return;
	}
	const EwsItemSync *page = page_of(self, op);
	bool is_last = page->is_last;
	if (cache->is_public)
		self->listed = ews_find_item_list(op)->total;
	self->is_at_end = is_last;
	gather(self, page);
	/* The chain stopped at its limit: it goes on from what was written last. */
	if (!is_last && ahead == 0)
		ask_page(self, self->state);
	if ((is_last || is_enough(self)) && !write_gathered(self, &error))
		end(self, error);
	else if (is_last)
		complete(self);
}

/* --- a glance ---------------------------------------------------------------------------- */

/* All of the folder, from the beginning. */
static void list_all(CacheFolderSync *self)
{
	self->is_full = true;
	self->apply.run++;
	ask_page(self, NULL);
}

static bool take_glance(CacheFolderSync *self, const EwsItemList *list, bool *ret_is_all,
	GError **error)
{
	CacheConn *conn = self->apply.conn;
	bool is_news = false;
	*ret_is_all = false;
	if (!cache_glance_is_news(conn, self->apply.folder, &list->page, &is_news, error))
		return false;
	if (!is_news)
		return true;
	self->is_at_end = true;
	gather(self, &list->page);
	if (!apply_gathered(self, error))
		return false;
	g_ptr_array_set_size(self->gathered, 0);
	return cache_glance_is_all(conn, self->apply.folder, list->total, ret_is_all, error);
}

static void glance_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFolderSync *self = user;
	const GError *failed = ews_op_error(op);
	g_autoptr(GError) error = NULL;
	bool is_all = false;
	if (!take_answer(self))
		return;
	if (failed == NULL && begin(self, &error) &&
		(take_glance(self, ews_find_item_list(op), &is_all, &error) || roll_back(self)))
		(void)!commit(self, &error);
	if (failed != NULL || error != NULL)
		end(self, failed != NULL ? failed : error);
	else if (is_all)
		complete(self);
	else
		list_all(self);
}

/* --- starting ---------------------------------------------------------------------------- */

static bool load(CacheFolderSync *self, CacheConn *conn, int64_t folder, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT folder.folder_id, folder.sync_state, folder.run, folder.is_full,"
		" folder.total_count, folder.commit_time, folder.deleted_count, folder.rights,"
		" folder.node, node.flags, folder.youngest, folder.parent_id = '-'"
		" FROM folder JOIN node ON node.id = folder.node WHERE folder.id = ?",
		"i", folder);
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (!has_row) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "the folder is gone");
		return false;
	}
	self->folder_id = cache_column_dup(stmt, 0);
	self->state = cache_column_dup(stmt, 1);
	self->apply.run = sqlite3_column_int64(stmt, 2);
	self->is_full = sqlite3_column_int(stmt, 3) != 0;
	self->total = sqlite3_column_int64(stmt, 4);
	self->commit_time = sqlite3_column_int64(stmt, 5);
	self->deleted = sqlite3_column_int64(stmt, 6);
	self->apply.rights = (unsigned)sqlite3_column_int(stmt, 7);
	self->apply.dir = sqlite3_column_int64(stmt, 8);
	self->apply.is_listed = (sqlite3_column_int(stmt, 9) & NODE_LISTED) != 0;
	self->apply.youngest = self->youngest_before = sqlite3_column_int64(stmt, 10);
	self->is_root = self->cache->is_public && sqlite3_column_int(stmt, 11) != 0;
	sqlite3_reset(stmt);
	return true;
}

CacheFolderSync *cache_foldersync_start(Cache *cache, int64_t folder, int64_t round,
	const char *mailbox, EwsPriority priority, CacheFolderSyncDone done, GError **error)
{
	CacheFolderSync *self = g_new0(CacheFolderSync, 1);
	self->cache = cache;
	self->done = done;
	self->listed = -1;
	atomic_init(&self->priority, (int)priority);
	self->mailbox = g_strdup(mailbox);
	self->began_at = g_get_real_time();
	self->gathered = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	self->apply.cache = cache;
	self->apply.mailbox = self->mailbox;
	self->apply.mailbox_hash = cache_ident_mailbox(mailbox);
	self->apply.folder = folder;
	self->apply.round = round;
	self->content = cache_content_of(cache, folder);
	CacheConn *conn = cache_db_take_reader(cache->db, error);
	bool may_glance = false;
	bool is_loaded = conn != NULL && load(self, conn, folder, error) &&
			 (!cache->is_public ||
				 cache_glance_may_do(conn, folder, &may_glance, error));
	if (conn != NULL)
		cache_db_put_reader(cache->db, conn);
	if (!is_loaded) {
		sync_free(self);
		return NULL;
	}
	/* A listing is of one moment: it does not go on from another. */
	if (cache->is_public)
		g_clear_pointer(&self->state, g_free);
	if (may_glance) {
		submit(self, ews_find_newest_new(self->folder_id), glance_answered);
		return self;
	}
	/* Without a state everything is told anew; a run that was cut short goes on. */
	if (self->state == NULL)
		list_all(self);
	else
		ask_page(self, self->state);
	return self;
}

void cache_foldersync_raise(CacheFolderSync *self, EwsPriority priority)
{
	atomic_store(&self->priority,
		(int)MIN((EwsPriority)atomic_load(&self->priority), priority));
}

void cache_foldersync_abandon(CacheFolderSync *self)
{
	sync_free(self);
}
