/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/find.h"

#include "cache/due.h"
#include "cache/sync.h"
#include "ews/error.h"
#include "ews/ews.h"

struct CacheFind {
	char *top_id;       /* own */
	GPtrArray *folders; /* own; of EwsFolder */
	EwsFolder *top;     /* own; NULL: not asked for, or not told yet */
	unsigned asked;     /* not answered yet */
	GError *error;      /* own; the first */
	CacheFindDone done;

	/* of public folders */
	GPtrArray *parents; /* own; of char *: folders that were asked for what stands in them */
	GHashTable *asking; /* borrowed: of parents */
	GHashTable *by_id;  /* borrowed: of folders, by their ids */
};

void cache_find_free(CacheFind *self)
{
	if (self == NULL)
		return;
	g_clear_pointer(&self->asking, g_hash_table_unref);
	g_clear_pointer(&self->by_id, g_hash_table_unref);
	g_clear_pointer(&self->parents, g_ptr_array_unref);
	g_ptr_array_unref(self->folders);
	ews_folder_free(self->top);
	g_clear_error(&self->error);
	g_free(self->top_id);
	g_free(self);
}

const GPtrArray *cache_find_folders(const CacheFind *self)
{
	return self->folders;
}

EwsFolder *cache_find_take_top(CacheFind *self)
{
	return g_steal_pointer(&self->top);
}

static void submit(Cache *cache, CacheFind *self, EwsOp *op, CacheAnswered answered)
{
	self->asked++;
	cache_sync_submit(cache, op, EWS_PRIORITY_SCAN, answered, self);
}

/* One of the questions is answered: FALSE when that failed. */
static bool take_answer(CacheFind *self, const EwsOp *op)
{
	self->asked--;
	if (ews_op_error(op) != NULL && self->error == NULL)
		self->error = g_error_copy(ews_op_error(op));
	return self->error == NULL;
}

/* The last answer leads on. */
static void go_on(Cache *cache, CacheFind *self)
{
	if (self->asked == 0)
		self->done(cache, self->error);
}

/* --- all at once -------------------------------------------------------------------------- */

static void find_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFind *self = user;
	if (take_answer(self, op)) {
		const EwsFolderPage *page = ews_find_folder_page(op);
		for (guint i = 0; i < page->folders->len; i++)
			g_ptr_array_add(self->folders, g_steal_pointer(&page->folders->pdata[i]));
		if (!page->is_last && self->folders->len < CACHE_FOLDERS_MAX)
			submit(cache, self, ews_find_folder_new(self->top_id, page->next_offset),
				find_answered);
	}
	go_on(cache, self);
}

static void top_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFind *self = user;
	if (take_answer(self, op))
		self->top = ews_get_folder_take(op);
	go_on(cache, self);
}

static void find_deep(Cache *cache, CacheFind *self, bool needs_top)
{
	submit(cache, self, ews_find_folder_new(self->top_id, 0), find_answered);
	if (needs_top)
		submit(cache, self, ews_get_folder_new(self->top_id), top_answered);
}

/* --- folder by folder --------------------------------------------------------------------- */

static void subfolders_answered(Cache *cache, EwsOp *op, void *user);

static void ask_subfolders(Cache *cache, CacheFind *self, guint parent, uint32_t offset)
{
	EwsOp *op = ews_find_subfolders_new(self->parents->pdata[parent], offset);
	ews_op_set_tag(op, parent);
	submit(cache, self, op, subfolders_answered);
}

static void look_into(Cache *cache, CacheFind *self, const char *id)
{
	if (g_hash_table_contains(self->asking, id))
		return;
	char *copy = g_strdup(id);
	g_ptr_array_add(self->parents, copy);
	g_hash_table_add(self->asking, copy);
	ask_subfolders(cache, self, self->parents->len - 1, 0);
}

/* One that was moved meanwhile may be found twice. */
static void take_subfolders(Cache *cache, CacheFind *self, const char *parent,
	const EwsFolderPage *page)
{
	for (guint i = 0; i < page->folders->len; i++) {
		EwsFolder *folder = page->folders->pdata[i];
		if (g_hash_table_contains(self->by_id, folder->id))
			continue;
		page->folders->pdata[i] = NULL;
		g_free(folder->parent_id);
		folder->parent_id = g_strdup(parent);
		g_ptr_array_add(self->folders, folder);
		g_hash_table_insert(self->by_id, folder->id, folder);
		if (folder->child_count != 0)
			look_into(cache, self, folder->id);
	}
}

/* Of one that may not be looked into, or is gone and was only asked for since it was known. */
static bool has_none(const EwsOp *op)
{
	const GError *error = ews_op_error(op);
	return ews_op_tag(op) > 0 && (ews_error_is(error, EWS_ERROR_NOT_FOUND) ||
					     ews_error_is(error, EWS_ERROR_DENIED));
}

/* Not so what is below a folder that was only known from before. */
static bool is_below_top(const CacheFind *self, const EwsFolder *folder)
{
	for (int i = 0; folder != NULL && i < CACHE_DEPTH_MAX; i++) {
		if (g_str_equal(folder->parent_id, self->top_id))
			return true;
		folder = g_hash_table_lookup(self->by_id, folder->parent_id);
	}
	return false;
}

static void drop_strays(CacheFind *self)
{
	g_autoptr(GPtrArray) all = g_steal_pointer(&self->folders);
	g_autoptr(GPtrArray) strays =
		g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	self->folders = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	for (guint i = 0; i < all->len; i++)
		g_ptr_array_add(is_below_top(self, all->pdata[i]) ? self->folders : strays,
			all->pdata[i]);
	g_ptr_array_set_free_func(all, NULL);
	g_clear_pointer(&self->by_id, g_hash_table_unref);
}

/* One that does not say has what nobody knows: it is looked at from time to time. */
static void take_counts(EwsFolder *folder, const EwsFolder *said)
{
	folder->total_count = said != NULL ? said->total_count : -1;
	folder->unread_count = said != NULL ? said->unread_count : -1;
	folder->size = said != NULL ? said->size : -1;
	folder->commit_time = said != NULL ? said->commit_time : -1;
	folder->deleted_count = said != NULL ? said->deleted_count : -1;
}

static void counts_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFind *self = user;
	EwsFolder *folder = self->folders->pdata[ews_op_tag(op)];
	bool is_told = ews_op_error(op) == NULL;
	self->asked--;
	if (!is_told && cache_due_is_everybodys(ews_op_error(op)) && self->error == NULL)
		self->error = g_error_copy(ews_op_error(op));
	g_autoptr(EwsFolder) said = is_told ? ews_get_folder_take(op) : NULL;
	take_counts(folder, said);
	go_on(cache, self);
}

/* The one mailbox that has what is in all of them; NULL: there are several, or nobody says. */
static const char *common_content(const CacheFind *self)
{
	const char *guid = NULL;
	for (guint i = 0; i < self->folders->len; i++) {
		const EwsFolder *folder = self->folders->pdata[i];
		if (i > 0 && g_strcmp0(folder->replica, guid) != 0)
			return NULL;
		guid = folder->replica;
	}
	return guid;
}

static void public_top_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFind *self = user;
	if (take_answer(self, op)) {
		self->top = ews_get_folder_take(op);
		g_free(self->top->replica);
		self->top->replica = g_strdup(common_content(self));
	}
	go_on(cache, self);
}

/* Nobody tells where that of the top one is, which has hardly any. */
static void ask_top(Cache *cache, CacheFind *self)
{
	EwsOp *op = ews_get_folder_new(self->top_id);
	ews_op_set_content(op, common_content(self));
	submit(cache, self, op, public_top_answered);
}

static void count(Cache *cache, CacheFind *self)
{
	drop_strays(self);
	ews_hold(cache->session);
	for (guint i = 0; i < self->folders->len; i++) {
		const EwsFolder *folder = self->folders->pdata[i];
		EwsOp *op = ews_get_folder_new(folder->id);
		ews_op_set_tag(op, i);
		ews_op_set_content(op, folder->replica);
		submit(cache, self, op, counts_answered);
	}
	ask_top(cache, self);
	ews_release(cache->session);
}

static void subfolders_answered(Cache *cache, EwsOp *op, void *user)
{
	CacheFind *self = user;
	guint parent = (guint)ews_op_tag(op);
	if (has_none(op)) {
		self->asked--;
	} else if (take_answer(self, op)) {
		const EwsFolderPage *page = ews_find_folder_page(op);
		take_subfolders(cache, self, self->parents->pdata[parent], page);
		if (!page->is_last && self->folders->len < CACHE_FOLDERS_MAX)
			ask_subfolders(cache, self, parent, page->next_offset);
	}
	if (self->asked == 0 && self->error == NULL)
		count(cache, self);
	else
		go_on(cache, self);
}

/* What cannot be read here is found all the same. */
static void look_into_known(Cache *cache, CacheFind *self)
{
	bool has_row = true;
	CacheConn *conn = cache_db_take_reader(cache->db, NULL);
	if (conn == NULL)
		return;
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	sqlite3_stmt *stmt = cache_conn_query(conn, NULL,
		"SELECT DISTINCT parent_id FROM folder WHERE is_shown = 1 AND parent_id NOT IN"
		" ('', '-')",
		"");
	while (stmt != NULL && cache_conn_step(conn, stmt, &has_row, NULL) && has_row)
		g_ptr_array_add(ids, cache_column_dup(stmt, 0));
	cache_db_put_reader(cache->db, conn);
	for (guint i = 0; i < ids->len; i++)
		look_into(cache, self, ids->pdata[i]);
}

static void find_by_folder(Cache *cache, CacheFind *self)
{
	self->parents = g_ptr_array_new_with_free_func(g_free);
	self->asking = g_hash_table_new(g_str_hash, g_str_equal);
	self->by_id = g_hash_table_new(g_str_hash, g_str_equal);
	ews_hold(cache->session);
	look_into(cache, self, self->top_id);
	look_into_known(cache, self);
	ews_release(cache->session);
}

/* ------------------------------------------------------------------------------------------ */

CacheFind *cache_find_begin(Cache *cache, const char *top_id, bool needs_top, CacheFindDone done)
{
	CacheFind *self = g_new0(CacheFind, 1);
	self->top_id = g_strdup(top_id);
	self->done = done;
	self->folders = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	if (cache->is_public)
		find_by_folder(cache, self);
	else
		find_deep(cache, self, needs_top);
	return self;
}
