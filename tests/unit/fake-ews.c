/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fake-ews.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/fake-ews-private.h"
#include "tests/unit/test-cache-kit.h"

/* --- the mailbox ------------------------------------------------------------------------ */

static void fake_folder_free(void *data)
{
	FakeFolder *folder = data;
	ews_folder_free(folder->folder);
	g_ptr_array_unref(folder->items);
	g_ptr_array_unref(folder->log);
	g_free(folder);
}

static void trouble_free(void *data)
{
	Trouble *trouble = data;
	g_free(trouble->prefix);
	g_free(trouble->words);
	g_free(trouble);
}

FakeFolder *fake_find_folder(EwsSession *self, const char *id)
{
	for (guint i = 0; i < self->folders->len; i++) {
		FakeFolder *folder = self->folders->pdata[i];
		if (strcmp(folder->folder->id, id) == 0)
			return folder;
	}
	return NULL;
}

guint fake_find_item(const FakeFolder *folder, const char *id)
{
	for (guint i = 0; i < folder->items->len; i++) {
		const EwsItem *item = folder->items->pdata[i];
		if (strcmp(item->id, id) == 0)
			return i;
	}
	return G_MAXUINT;
}

void fake_touch(EwsSession *self, FakeFolder *folder)
{
	folder->folder->commit_time = KIT_TIME + ++self->commits;
	folder->folder->total_count = (int64_t)folder->items->len + folder->surplus;
}

void fake_put_folder(EwsSession *self, const char *id, const char *parent, const char *name)
{
	FakeFolder *folder = fake_find_folder(self, id);
	if (folder == NULL) {
		folder = g_new0(FakeFolder, 1);
		folder->items = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_free);
		folder->log = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
		g_ptr_array_add(self->folders, folder);
	} else {
		ews_folder_free(folder->folder);
	}
	folder->folder = kit_make_folder(id, parent, name);
	folder->folder->deleted_count = 0;
	self->version++;
	fake_touch(self, folder);
}

void fake_folder(EwsSession *self, const char *id, const char *parent, const char *name)
{
	pthread_mutex_lock(&self->lock);
	fake_put_folder(self, id, parent, name);
	pthread_mutex_unlock(&self->lock);
}

void fake_folder_gone(EwsSession *self, const char *id)
{
	pthread_mutex_lock(&self->lock);
	fake_find_folder(self, id)->is_gone = true;
	self->version++;
	pthread_mutex_unlock(&self->lock);
}

void fake_put_item(EwsSession *self, FakeFolder *folder, EwsItem *item, const char *mime)
{
	guint index = fake_find_item(folder, item->id);
	bool is_new = index == G_MAXUINT;
	g_ptr_array_add(folder->log,
		kit_change(is_new ? EWS_CHANGE_CREATE : EWS_CHANGE_UPDATE, item));
	g_hash_table_replace(self->mimes, g_strdup(item->id), g_strdup(mime));
	if (is_new)
		g_ptr_array_add(folder->items, NULL);
	else
		ews_item_free(folder->items->pdata[index]);
	folder->items->pdata[is_new ? folder->items->len - 1 : index] = item;
	fake_touch(self, folder);
}

void fake_item(EwsSession *self, const char *folder_id, const EwsItem *item, const char *mime)
{
	pthread_mutex_lock(&self->lock);
	fake_put_item(self, fake_find_folder(self, folder_id), kit_copy_item(item), mime);
	pthread_mutex_unlock(&self->lock);
}

void fake_drop_item(EwsSession *self, FakeFolder *folder, const char *item_id, bool is_told)
{
	g_autoptr(EwsItem) gone = ews_item_new();
	gone->id = g_strdup(item_id);
	g_ptr_array_remove_index(folder->items, fake_find_item(folder, item_id));
	if (is_told)
		g_ptr_array_add(folder->log, kit_change(EWS_CHANGE_DELETE, gone));
	folder->folder->deleted_count++;
	fake_touch(self, folder);
}

static void drop_item(EwsSession *self, const char *folder_id, const char *item_id, bool is_told)
{
	pthread_mutex_lock(&self->lock);
	fake_drop_item(self, fake_find_folder(self, folder_id), item_id, is_told);
	pthread_mutex_unlock(&self->lock);
}

void fake_item_gone(EwsSession *self, const char *folder_id, const char *item_id)
{
	drop_item(self, folder_id, item_id, true);
}

void fake_item_lost(EwsSession *self, const char *folder_id, const char *item_id)
{
	drop_item(self, folder_id, item_id, false);
}

void fake_miscount(EwsSession *self, const char *folder_id, int surplus)
{
	pthread_mutex_lock(&self->lock);
	FakeFolder *folder = fake_find_folder(self, folder_id);
	folder->surplus = surplus;
	fake_touch(self, folder);
	pthread_mutex_unlock(&self->lock);
}

void fake_page_size(EwsSession *self, unsigned changes)
{
	pthread_mutex_lock(&self->lock);
	self->page_size = changes == 0 ? EWS_SYNC_PAGE_MAX : changes;
	pthread_mutex_unlock(&self->lock);
}

void fake_ids_only(EwsSession *self, bool is_on)
{
	pthread_mutex_lock(&self->lock);
	self->is_ids_only = is_on;
	pthread_mutex_unlock(&self->lock);
}

void fake_spoil_states(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	self->spoiled++;
	pthread_mutex_unlock(&self->lock);
}

/* --- answers (lock held) ---------------------------------------------------------------- */

EwsFolder *fake_copy_folder(const EwsFolder *from)
{
	EwsFolder *folder = kit_make_folder(from->id, from->parent_id, from->display_name);
	folder->total_count = from->total_count;
	folder->commit_time = from->commit_time;
	folder->deleted_count = from->deleted_count;
	folder->size = 1000;
	folder->replica = g_strdup(from->replica);
	return folder;
}

void fake_refuse_op(EwsOp *op, EwsErrorCode code)
{
	op->error = g_error_new(EWS_ERROR, (gint)code, "the fake refuses %s", op->line);
}

static void answer_get_folder(EwsSession *self, EwsOp *op)
{
	const FakeFolder *folder = fake_find_folder(self, op->id);
	if (folder == NULL || folder->is_gone)
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
	else
		op->folder = fake_copy_folder(folder->folder);
}

static void answer_find_folder(EwsSession *self, EwsOp *op)
{
	if (fake_refuses_public(self, op))
		return;
	op->found.folders = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	op->found.is_last = true;
	for (guint i = 0; i < self->folders->len; i++) {
		const FakeFolder *folder = self->folders->pdata[i];
		if (!folder->is_gone && strcmp(folder->folder->id, FAKE_TOP) != 0)
			g_ptr_array_add(op->found.folders, fake_copy_folder(folder->folder));
	}
}

static void answer_hierarchy(EwsSession *self, EwsOp *op)
{
	op->hierarchy.changes =
		g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_change_free);
	op->hierarchy.is_last = true;
	if (fake_refuses_public(self, op))
		return;
	op->hierarchy.state = g_strdup_printf("%u/%u", self->spoiled, self->version);
	if (op->state != NULL && strtoul(op->state, NULL, 10) != self->spoiled) {
		fake_refuse_op(op, EWS_ERROR_STALE);
		return;
	}
	for (guint i = 0; i < self->folders->len; i++) {
		const FakeFolder *folder = self->folders->pdata[i];
		if (strcmp(folder->folder->id, FAKE_TOP) == 0 ||
			(folder->is_gone && op->state == NULL))
			continue;
		EwsFolderChange *change = g_new0(EwsFolderChange, 1);
		change->kind = folder->is_gone ? EWS_CHANGE_DELETE : EWS_CHANGE_CREATE;
		change->folder = fake_copy_folder(folder->folder);
		g_ptr_array_add(op->hierarchy.changes, change);
	}
}

static EwsItemChange *tell(const EwsSession *self, EwsChangeKind kind, const EwsItem *item)
{
	if (!self->is_ids_only || kind == EWS_CHANGE_DELETE)
		return kit_change(kind, item);
	g_autoptr(EwsItem) bare = ews_item_new();
	bare->id = g_strdup(item->id);
	return kit_change(kind, bare);
}

/* Servers tell what is different from before, not what happened meanwhile. */
static bool is_past(const FakeFolder *folder, const EwsItemChange *change)
{
	return change->kind != EWS_CHANGE_DELETE &&
	       fake_find_item(folder, change->item->id) == G_MAXUINT;
}

/* A state: ERA/'f' or 'l'/told/length of the log when a full run began. */
static void answer_items(EwsSession *self, EwsOp *op)
{
	const FakeFolder *folder = fake_find_folder(self, op->id);
	unsigned era = self->spoiled;
	unsigned told = 0;
	unsigned log = folder != NULL ? folder->log->len : 0;
	char kind = 'f';
	if (fake_refuses_public(self, op))
		return;
	if (folder == NULL || folder->is_gone) {
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
		return;
	}
	if (op->state != NULL)
		g_assert_cmpint(sscanf(op->state, "%u/%c/%u/%u", &era, &kind, &told, &log), ==, 4);
	if (era != self->spoiled) {
		fake_refuse_op(op, EWS_ERROR_STALE);
		return;
	}
	guint all = kind == 'f' ? folder->items->len : folder->log->len;
	guint end = MIN(all, told + self->page_size);
	op->list.page.changes =
		g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	for (guint i = told; i < end; i++) {
		const EwsItemChange *change = folder->log->pdata[MIN(i, folder->log->len - 1)];
		if (kind != 'f' && is_past(folder, change))
			continue;
		g_ptr_array_add(op->list.page.changes,
			kind == 'f' ? tell(self, EWS_CHANGE_CREATE, folder->items->pdata[i])
				    : tell(self, change->kind, change->item));
	}
	op->list.page.is_last = end == all;
	if (kind == 'f' && end == all)
		op->list.page.state = g_strdup_printf("%u/l/%u/0", era, log);
	else
		op->list.page.state = g_strdup_printf("%u/%c/%u/%u", era, kind, end, log);
}

static void answer_item(EwsSession *self, EwsOp *op)
{
	for (guint i = 0; i < self->folders->len && op->item == NULL; i++) {
		const FakeFolder *folder = self->folders->pdata[i];
		guint index = fake_find_item(folder, op->id);
		if (index != G_MAXUINT)
			op->item = kit_copy_item(folder->items->pdata[index]);
	}
	if (op->item == NULL)
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
}

/* In two pieces, after a false start, as the wire may do it. */
static void answer_mime(EwsSession *self, EwsOp *op)
{
	answer_item(self, op);
	const char *mime = g_hash_table_lookup(self->mimes, op->id);
	if (op->error != NULL)
		return;
	if (mime == NULL) {
		fake_refuse_op(op, EWS_ERROR_CORRUPT);
		return;
	}
	size_t half = strlen(mime) / 2;
	const EwsSink *sink = &op->sink;
	(void)(sink->begin(sink->user, &op->error) &&
		sink->write(sink->user, "half of", 7, &op->error) &&
		sink->begin(sink->user, &op->error) &&
		sink->write(sink->user, mime, half, &op->error) &&
		sink->write(sink->user, mime + half, strlen(mime) - half, &op->error));
}

/* The same of every item, but for its subject. */
static void answer_details(EwsSession *self, EwsOp *op)
{
	answer_item(self, op);
	if (op->error != NULL)
		return;
	const char *const pairs[] = {"Subject", op->item->subject, "DisplayName", "Ada Lovelace",
		"Start", "2026-12-01T10:00:00Z", "DateTimeCreated", "2026-11-01T00:00:00Z", NULL};
	op->details = g_strdupv((char **)pairs);
}

static void answer_names(EwsSession *self, EwsOp *op)
{
}

/* --- the thread ------------------------------------------------------------------------- */

static Trouble *find_trouble(EwsSession *self, const EwsOp *op)
{
	for (guint i = 0; i < self->troubles->len; i++) {
		Trouble *trouble = self->troubles->pdata[i];
		if (trouble->times != 0 && g_str_has_prefix(op->line, trouble->prefix))
			return trouble;
	}
	return NULL;
}

static void give_trouble(EwsSession *self, EwsOp *op, Trouble *trouble)
{
	if (trouble->times > 0)
		trouble->times--;
	if (trouble->is_done)
		op->answer(self, op);
	if (op->error != NULL)
		return;
	fake_refuse_op(op, trouble->code);
	op->response_code = g_strdup(trouble->words);
	op->is_in_doubt = trouble->is_lost;
}

static void answer_op(EwsSession *self, EwsOp *op)
{
	Trouble *trouble = find_trouble(self, op);
	if (trouble != NULL)
		give_trouble(self, op, trouble);
	else
		op->answer(self, op);
}

static bool is_held(const EwsSession *self, const EwsOp *op)
{
	return self->hold_prefix != NULL && g_str_has_prefix(op->line, self->hold_prefix);
}

static void *run(void *data)
{
	EwsSession *self = data;
	pthread_mutex_lock(&self->lock);
	while (!self->is_stopping) {
		EwsOp *op = self->is_silent ? NULL : g_queue_pop_head(&self->ops);
		if (op == NULL) {
			pthread_cond_wait(&self->changed, &self->lock);
			continue;
		}
		if (is_held(self, op)) {
			if (self->holds_answers)
				answer_op(self, op);
			op->is_answered = self->holds_answers;
			g_ptr_array_add(self->held, op);
			pthread_cond_broadcast(&self->changed);
			continue;
		}
		if (!op->is_answered)
			answer_op(self, op);
		self->progress_us = g_get_monotonic_time();
		self->is_busy = true;
		pthread_mutex_unlock(&self->lock);
		op->done(op, op->user);
		pthread_mutex_lock(&self->lock);
		self->is_busy = false;
		pthread_cond_broadcast(&self->changed);
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

EwsSession *fake_start(void)
{
	EwsSession *self = g_new0(EwsSession, 1);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->changed, NULL);
	g_queue_init(&self->ops);
	self->held = g_ptr_array_new();
	self->troubles = g_ptr_array_new_with_free_func(trouble_free);
	self->lines = g_ptr_array_new_with_free_func(g_free);
	self->folders = g_ptr_array_new_with_free_func(fake_folder_free);
	self->mimes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	self->page_size = EWS_SYNC_PAGE_MAX;
	self->call_size = 10;
	self->server = "";
	fake_folder(self, FAKE_TOP, "", "");
	g_assert_cmpint(pthread_create(&self->thread, NULL, run, self), ==, 0);
	return self;
}

static void cancel(EwsOp *op)
{
	op->error = g_error_new_literal(EWS_ERROR, EWS_ERROR_CANCELLED, "the fake is stopping");
	op->done(op, op->user);
}

void fake_drain(EwsSession *self)
{
	EwsOp *op;
	pthread_mutex_lock(&self->lock);
	while ((op = g_queue_pop_head(&self->ops)) != NULL || self->held->len > 0) {
		if (op == NULL)
			op = g_ptr_array_steal_index(self->held, 0);
		pthread_mutex_unlock(&self->lock);
		cancel(op);
		pthread_mutex_lock(&self->lock);
	}
	while (self->is_busy)
		pthread_cond_wait(&self->changed, &self->lock);
	g_clear_pointer(&self->hold_prefix, g_free);
	self->news = NULL;
	pthread_mutex_unlock(&self->lock);
}

void fake_stop(EwsSession *self)
{
	fake_drain(self);
	pthread_mutex_lock(&self->lock);
	self->is_stopping = true;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
	g_ptr_array_unref(self->held);
	g_ptr_array_unref(self->troubles);
	g_ptr_array_unref(self->lines);
	g_ptr_array_unref(self->folders);
	g_hash_table_unref(self->mimes);
	g_free(self->hold_prefix);
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

/* --- news ------------------------------------------------------------------------------- */

void ews_session_on_wake(EwsSession *self, EwsWoke woke, void *user)
{
	self->woke = woke;
	self->woke_user = user;
}

void ews_watch(EwsSession *self, EwsPush first, unsigned pull_s, const EwsNews *news)
{
	pthread_mutex_lock(&self->lock);
	g_assert_null(self->news);
	self->news = news;
	self->first = first;
	pthread_mutex_unlock(&self->lock);
}

static const EwsNews *news_of(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	const EwsNews *news = self->news;
	pthread_mutex_unlock(&self->lock);
	g_assert_nonnull(news);
	return news;
}

bool fake_is_watched(EwsSession *self, EwsPush *ret_first)
{
	pthread_mutex_lock(&self->lock);
	bool is_watched = self->news != NULL;
	*ret_first = self->first;
	pthread_mutex_unlock(&self->lock);
	return is_watched;
}

void fake_say_found(EwsSession *self, EwsPush push)
{
	const EwsNews *news = news_of(self);
	news->found(news->user, push);
}

void fake_say_listening(EwsSession *self)
{
	const EwsNews *news = news_of(self);
	news->listening(news->user);
}

void fake_say_deaf(EwsSession *self)
{
	const EwsNews *news = news_of(self);
	news->deaf(news->user);
}

void fake_hint(EwsSession *self, const char *folder_id)
{
	const EwsNews *news = news_of(self);
	news->hint(news->user, folder_id);
}

void fake_wake(EwsSession *self)
{
	self->woke(self->woke_user);
}

void fake_version(EwsSession *self, const char *version)
{
	pthread_mutex_lock(&self->lock);
	self->server = version;
	pthread_mutex_unlock(&self->lock);
}

/* --- lines ------------------------------------------------------------------------------ */

unsigned fake_count(EwsSession *self, const char *prefix)
{
	unsigned count = 0;
	pthread_mutex_lock(&self->lock);
	for (guint i = 0; i < self->lines->len; i++)
		count += g_str_has_prefix(self->lines->pdata[i], prefix) ? 1 : 0;
	pthread_mutex_unlock(&self->lock);
	return count;
}

char *fake_line(EwsSession *self, const char *prefix, unsigned index)
{
	char *line = NULL;
	pthread_mutex_lock(&self->lock);
	for (guint i = 0; i < self->lines->len && line == NULL; i++) {
		if (g_str_has_prefix(self->lines->pdata[i], prefix) && index-- == 0)
			line = g_strdup(self->lines->pdata[i]);
	}
	pthread_mutex_unlock(&self->lock);
	return line;
}

void fake_forget_lines(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	g_ptr_array_set_size(self->lines, 0);
	pthread_mutex_unlock(&self->lock);
}

/* --- the part of ews.h that cache/ calls -------------------------------------------------- */

uint64_t ews_submit(EwsSession *self, EwsOp *op, EwsPriority priority, EwsOpDone done, void *user)
{
	op->priority = priority;
	op->done = done;
	op->user = user;
	pthread_mutex_lock(&self->lock);
	/* The op may be answered and gone as soon as the lock is. */
	uint64_t serial = op->serial = ++self->serial;
	g_ptr_array_add(self->lines, g_strdup(op->line));
	fake_look_where_it_goes(self, op);
	g_queue_push_tail(&self->ops, op);
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	return serial;
}

void ews_raise(EwsSession *self, uint64_t serial, EwsPriority priority)
{
	pthread_mutex_lock(&self->lock);
	for (guint i = 0; i < self->held->len; i++) {
		EwsOp *op = self->held->pdata[i];
		if (op->serial == serial)
			op->priority = MIN(op->priority, priority);
	}
	pthread_mutex_unlock(&self->lock);
}

void ews_hold(EwsSession *self)
{
}

void ews_release(EwsSession *self)
{
}

void ews_session_status(EwsSession *self, EwsStatus *ret_status)
{
	*ret_status = (EwsStatus){.state = EWS_STATE_ONLINE};
	pthread_mutex_lock(&self->lock);
	g_strlcpy(ret_status->server, self->server, sizeof ret_status->server);
	pthread_mutex_unlock(&self->lock);
}

int64_t ews_session_last_progress(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	int64_t progress = self->progress_us;
	pthread_mutex_unlock(&self->lock);
	return progress;
}

int64_t ews_session_last_change(EwsSession *self)
{
	return ews_session_last_progress(self);
}

EwsOp *fake_op_new(const char *name, const char *id, const char *state,
	void (*answer)(EwsSession *, EwsOp *))
{
	EwsOp *op = g_new0(EwsOp, 1);
	op->line = g_strdup_printf("%s %s%s%s", name, id, state != NULL ? " " : "",
		state != NULL ? state : "");
	op->id = g_strdup(id);
	op->state = g_strdup(state);
	op->answer = answer;
	return op;
}

void ews_op_free(EwsOp *op)
{
	if (op == NULL)
		return;
	g_clear_error(&op->error);
	ews_folder_free(op->folder);
	ews_item_free(op->item);
	g_strfreev(op->details);
	fake_op_clear_change(op);
	g_clear_pointer(&op->found.folders, g_ptr_array_unref);
	g_clear_pointer(&op->hierarchy.changes, g_ptr_array_unref);
	g_clear_pointer(&op->list.page.changes, g_ptr_array_unref);
	g_clear_pointer(&op->search.ids, g_ptr_array_unref);
	g_free(op->hierarchy.state);
	g_free(op->list.page.state);
	g_free(op->content);
	g_free(op->line);
	g_free(op->id);
	g_free(op->state);
	g_free(op);
}

const GError *ews_op_error(const EwsOp *op)
{
	return op->error;
}

void ews_op_set_tag(EwsOp *op, int64_t tag)
{
	op->tag = tag;
}

int64_t ews_op_tag(const EwsOp *op)
{
	return op->tag;
}

EwsOp *ews_get_folder_new(const char *id)
{
	return fake_op_new("GetFolder", id, NULL, answer_get_folder);
}

EwsOp *ews_get_distinguished_folder_new(const char *name)
{
	bool is_top = strcmp(name, "msgfolderroot") == 0 ||
		      strcmp(name, "publicfoldersroot") == 0;
	return fake_op_new("GetFolder", is_top ? FAKE_TOP : name, NULL, answer_get_folder);
}

EwsFolder *ews_get_folder_take(EwsOp *op)
{
	return g_steal_pointer(&op->folder);
}

EwsOp *ews_find_folder_new(const char *root_id, uint32_t offset)
{
	return fake_op_new("FindFolder", root_id, NULL, answer_find_folder);
}

const EwsFolderPage *ews_find_folder_page(const EwsOp *op)
{
	return &op->found;
}

EwsOp *ews_sync_folder_hierarchy_new(const char *root, const char *state)
{
	return fake_op_new("SyncFolderHierarchy", FAKE_TOP, state, answer_hierarchy);
}

const EwsFolderSync *ews_sync_folder_hierarchy_page(const EwsOp *op)
{
	return &op->hierarchy;
}

EwsOp *ews_sync_folder_items_new(const char *folder_id, const char *state)
{
	return fake_op_new("SyncFolderItems", folder_id, state, answer_items);
}

const EwsItemSync *ews_sync_folder_items_page(const EwsOp *op)
{
	return &op->list.page;
}

EwsOp *ews_get_item_mime_new(const char *item_id, int64_t size_hint, const EwsSink *sink)
{
	EwsOp *op = fake_op_new("GetItemMime", item_id, NULL, answer_mime);
	op->sink = *sink;
	return op;
}

EwsOp *ews_get_item_new(const char *item_id)
{
	return fake_op_new("GetItem", item_id, NULL, answer_item);
}

EwsItem *ews_get_item_take(EwsOp *op)
{
	return g_steal_pointer(&op->item);
}

EwsOp *ews_get_details_new(const char *item_id, EwsItemKind kind)
{
	return fake_op_new("GetDetails", item_id, NULL, answer_details);
}

char **ews_get_details_take(EwsOp *op)
{
	return op->error != NULL ? NULL : g_steal_pointer(&op->details);
}

EwsOp *ews_resolve_names_new(const char *entry)
{
	return fake_op_new("ResolveNames", entry, NULL, answer_names);
}

const char *ews_resolve_names_address(const EwsOp *op)
{
	return KIT_MAILBOX;
}
