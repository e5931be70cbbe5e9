/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The part of the fake that is asked what stands in a folder: how public folders are told of.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-ews-private.h"
#include "tests/unit/test-cache-kit.h"

void fake_be_public(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	self->is_public = true;
	pthread_mutex_unlock(&self->lock);
}

bool fake_refuses_public(EwsSession *self, EwsOp *op)
{
	if (self->is_public)
		fake_refuse_op(op, EWS_ERROR_UNSUPPORTED);
	return self->is_public;
}

static bool is_in(const FakeFolder *folder, const char *parent)
{
	return !folder->is_gone && strcmp(folder->folder->parent_id, parent) == 0 &&
	       strcmp(folder->folder->id, parent) != 0;
}

static int64_t count_in(EwsSession *self, const char *parent)
{
	int64_t count = 0;
	for (guint i = 0; i < self->folders->len; i++)
		count += is_in(self->folders->pdata[i], parent);
	return count;
}

/* What the hierarchy's server tells: of another parent where it is the top one, and of counts that
 * are nobody's. */
static EwsFolder *tell(EwsSession *self, const FakeFolder *folder)
{
	EwsFolder *copy = fake_copy_folder(folder->folder);
	copy->child_count = count_in(self, copy->id);
	copy->total_count = copy->commit_time = copy->deleted_count = 0;
	if (strcmp(copy->parent_id, FAKE_TOP) == 0) {
		g_free(copy->parent_id);
		copy->parent_id = g_strdup("another");
	}
	return copy;
}

static void answer_subfolders(EwsSession *self, EwsOp *op)
{
	const FakeFolder *parent = fake_find_folder(self, op->id);
	uint32_t offset = (uint32_t)strtoul(op->state, NULL, 10);
	uint32_t at = 0;
	op->found.folders = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	if (parent == NULL || parent->is_gone) {
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
		return;
	}
	for (guint i = 0; i < self->folders->len; i++) {
		const FakeFolder *folder = self->folders->pdata[i];
		if (!is_in(folder, op->id) || at++ < offset ||
			op->found.folders->len >= self->page_size)
			continue;
		g_ptr_array_add(op->found.folders, tell(self, folder));
	}
	op->found.next_offset = offset + op->found.folders->len;
	op->found.is_last = op->found.next_offset >= at;
}

/* As the real one: "OFFSET:ID" is where the next page begins, with that item. */
static void answer_list(EwsSession *self, EwsOp *op)
{
	const FakeFolder *folder = fake_find_folder(self, op->id);
	const char *first = op->state != NULL ? strchr(op->state, ':') : NULL;
	guint at = first != NULL ? (guint)strtoul(op->state, NULL, 10) : 0;
	if (folder == NULL || folder->is_gone) {
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
		return;
	}
	const GPtrArray *items = folder->items;
	EwsItemSync *page = &op->list.page;
	page->changes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	if (first != NULL && (at >= items->len || !g_str_equal(first + 1,
			((const EwsItem *)items->pdata[at])->id))) {
		fake_refuse_op(op, EWS_ERROR_STALE);
		return;
	}
	at += first != NULL;
	for (; at < items->len && page->changes->len < self->page_size; at++)
		g_ptr_array_add(page->changes, kit_change(EWS_CHANGE_CREATE, items->pdata[at]));
	op->list.total = items->len;
	page->is_last = at == items->len;
	page->state = page->is_last ? g_strdup("") : g_strdup_printf("%u:%s", at - 1,
		((const EwsItem *)items->pdata[at - 1])->id);
}

void ews_op_set_content(EwsOp *op, const char *guid)
{
	g_free(op->content);
	op->content = g_strdup(guid);
}

/* The folder that has what the op is about; NULL: none, or it is about the hierarchy. */
static const FakeFolder *home_of(EwsSession *self, const EwsOp *op)
{
	bool is_hierarchy = g_str_has_prefix(op->line, "FindSubfolders ") ||
			    strstr(op->line, "eFolder ") != NULL;
	const FakeFolder *folder = is_hierarchy ? NULL : fake_find_folder(self, op->id);
	for (guint i = 0; !is_hierarchy && folder == NULL && i < self->folders->len; i++)
		if (fake_find_item(self->folders->pdata[i], op->id) != G_MAXUINT)
			folder = self->folders->pdata[i];
	return folder;
}

static void answer_misled(EwsSession *self, EwsOp *op)
{
	fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
}

void fake_look_where_it_goes(EwsSession *self, EwsOp *op)
{
	const FakeFolder *folder = home_of(self, op);
	if (folder == NULL || g_strcmp0(folder->folder->replica, op->content) == 0)
		return;
	g_ptr_array_add(self->lines, g_strconcat("Misled ", op->line, NULL));
	op->answer = answer_misled;
}

void fake_replica(EwsSession *self, const char *folder_id, const char *guid)
{
	pthread_mutex_lock(&self->lock);
	FakeFolder *folder = fake_find_folder(self, folder_id);
	g_free(folder->folder->replica);
	folder->folder->replica = g_strdup(guid);
	pthread_mutex_unlock(&self->lock);
}

EwsOp *ews_find_subfolders_new(const char *root_id, uint32_t offset)
{
	g_autofree char *state = g_strdup_printf("%u", offset);
	return fake_op_new("FindSubfolders", root_id, state, answer_subfolders);
}

/* The log's order is that of the modifications. */
static void answer_newest(EwsSession *self, EwsOp *op)
{
	const FakeFolder *folder = fake_find_folder(self, op->id);
	g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);
	EwsItemSync *page = &op->list.page;
	page->changes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	if (folder == NULL || folder->is_gone) {
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
		return;
	}
	for (guint i = folder->log->len; i > 0 && page->changes->len < self->page_size; i--) {
		const EwsItemChange *change = folder->log->pdata[i - 1];
		guint at = fake_find_item(folder, change->item->id);
		if (at != G_MAXUINT && g_hash_table_add(told, change->item->id))
			g_ptr_array_add(page->changes,
				kit_change(EWS_CHANGE_CREATE, folder->items->pdata[at]));
	}
	op->list.total = folder->items->len;
	page->state = g_strdup("");
}

EwsOp *ews_find_newest_new(const char *folder_id)
{
	return fake_op_new("FindNewest", folder_id, NULL, answer_newest);
}

EwsOp *ews_find_item_new(const char *folder_id, const char *state)
{
	return fake_op_new("FindItem", folder_id, state, answer_list);
}

const EwsItemList *ews_find_item_list(const EwsOp *op)
{
	return &op->list;
}

/* --- searching ---------------------------------------------------------------------------- */

/* Finds items by the beginnings of their ids, and all where AQS is ignored. */
static void answer_search(EwsSession *self, EwsOp *op)
{
	const FakeFolder *folder = fake_find_folder(self, op->id);
	guint skipped = 0;
	op->search.ids = g_ptr_array_new_with_free_func(g_free);
	if (folder == NULL || folder->is_gone) {
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
		return;
	}
	op->search.total = 0;
	op->search.is_last = true;
	for (guint i = 0; i < folder->items->len; i++) {
		const EwsItem *item = folder->items->pdata[i];
		if (!g_str_has_prefix(item->id, op->name) && !(op->is_aqs && self->ignores_aqs))
			continue;
		op->search.total++;
		if (skipped++ < op->search.next_offset)
			continue;
		if (op->search.ids->len == self->page_size)
			op->search.is_last = false;
		else
			g_ptr_array_add(op->search.ids, g_strdup(item->id));
	}
	op->search.next_offset += op->search.ids->len;
}

/* "Search FOLDER aqs|restriction OFFSET QUERY" */
EwsOp *ews_search_new(const EwsSearch *asked)
{
	g_autofree char *text = ews_query_aqs(asked->query);
	g_autofree char *state = g_strdup_printf("%s %" G_GINT64_FORMAT " %s",
		asked->is_aqs ? "aqs" : "restriction", asked->offset, text);
	EwsOp *op = fake_op_new("Search", asked->folder_id, state, answer_search);
	op->is_aqs = asked->is_aqs;
	op->search.next_offset = asked->offset;
	op->name = g_steal_pointer(&text);
	return op;
}

const EwsFound *ews_search_found(const EwsOp *op)
{
	return &op->search;
}

void fake_ignore_aqs(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	self->ignores_aqs = true;
	pthread_mutex_unlock(&self->lock);
}
