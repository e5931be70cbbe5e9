/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/find.h"

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
};

void cache_find_free(CacheFind *self)
{
	if (self == NULL)
		return;
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

CacheFind *cache_find_begin(Cache *cache, const char *top_id, bool needs_top, CacheFindDone done)
{
	CacheFind *self = g_new0(CacheFind, 1);
	self->top_id = g_strdup(top_id);
	self->done = done;
	self->folders = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	submit(cache, self, ews_find_folder_new(top_id, 0), find_answered);
	if (needs_top)
		submit(cache, self, ews_get_folder_new(top_id), top_answered);
	return self;
}
