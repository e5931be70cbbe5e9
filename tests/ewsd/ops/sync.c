/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SyncFolderHierarchy and SyncFolderItems. The first list of a folder goes from the newest
 * item to the oldest by a key, never by an offset, and knows the change number at which it
 * began; what changed since is told when the list is through. One page is a few index steps,
 * however long the folder.
 */
#include <string.h>

#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"

enum { SYNC_MAX = 512 };

typedef struct Page {
	Request *request;
	Shape *shape;
	SyncPoint point;
	int max;
	int told;
	bool is_last;
} Page;

static const char *read_state(Request *request, int kind, int64_t folder, SyncPoint *point)
{
	g_autofree char *state = xml_child_text(request->op, "SyncState");
	SyncPoint read;

	*point = (SyncPoint){.kind = kind, .folder = folder, .listing = 1, .at_received = INT64_MAX,
		.at_id = INT64_MAX, .since = store_seq(request->store)};
	point->base = point->since;
	if (!state || !*state)
		return NULL;
	if (request->plan->bad_state)
		return "ErrorInvalidSyncStateData";
	if (request->plan->silent_state)
		return NULL;
	if (!ids_sync_decode(store_key(request->store), state, &read) || read.kind != kind
		|| read.folder != folder || read.since > store_seq(request->store)
		|| read.since < store_oldest_state(request->store))
		return "ErrorInvalidSyncStateData";
	*point = read;
	return NULL;
}

static void write_state(Request *request, const SyncPoint *point, bool is_last,
	const char *range)
{
	g_autofree char *state = ids_sync_encode(store_key(request->store), point);

	out_elem(request->out, "m:SyncState", state);
	out_bool(request->out, range, is_last);
	out_raw(request->out, "<m:Changes>");
}

static void change_item(Page *page, const char *change, const Item *item)
{
	Request *request = page->request;

	render_prepare(request->store, item, page->shape);
	out_printf(request->out, "<t:%s>", change);
	render_item(request->out, store_key(request->store), item, page->shape, NULL, false);
	out_printf(request->out, "</t:%s>", change);
	page->told++;
}

static void change_read(Page *page, const Item *item)
{
	Out *out = page->request->out;

	if (page->request->plan->lose_read)
		return;
	out_raw(out, "<t:ReadFlagChange>");
	render_item_id(out, store_key(page->request->store), item);
	out_bool(out, "t:IsRead", item->is_read != 0);
	out_raw(out, "</t:ReadFlagChange>");
	page->told++;
}

static void change_gone(Page *page, int64_t id, int64_t seq)
{
	const Item item = {.id = id, .seq = seq};

	out_raw(page->request->out, "<t:Delete>");
	render_item_id(page->request->out, store_key(page->request->store), &item);
	out_raw(page->request->out, "</t:Delete>");
	page->told++;
}

/* True when more of the list is left. */
static bool list_newest_first(Page *page)
{
	Store *store = page->request->store;
	SyncPoint *at = &page->point;
	g_autofree char *sql = g_strdup_printf("SELECT %s FROM items WHERE folder = ?1"
		" AND state = 0 AND (received, id) < (?2, ?3) AND cseq <= ?4 AND assoc = 0"
		" ORDER BY received DESC, id DESC", ITEM_COLUMNS);
	sqlite3_stmt *stmt = store_sql(store, sql);
	bool more = false;

	sqlite3_bind_int64(stmt, 1, at->folder);
	sqlite3_bind_int64(stmt, 2, at->at_received);
	sqlite3_bind_int64(stmt, 3, at->at_id);
	sqlite3_bind_int64(stmt, 4, at->base);
	while (store_step(store, stmt)) {
		g_autoptr(Item) item = NULL;

		if (page->told >= page->max) {
			more = true;
			break;
		}
		item = item_from_row(stmt);
		change_item(page, "Create", item);
		at->at_received = item->received;
		at->at_id = item->id;
	}
	sqlite3_reset(stmt);
	return more;
}

static void tell_change(Page *page, const Item *item)
{
	if (item->cseq > page->point.base)
		change_item(page, "Create", item);
	else if (item->useq > page->point.since)
		change_item(page, "Update", item);
	else
		change_read(page, item);
}

/* Changed items and gone ones, merged in the order in which it happened. */
static bool list_changes(Page *page)
{
	Store *store = page->request->store;
	SyncPoint *at = &page->point;
	g_autofree char *sql = g_strdup_printf("SELECT %s FROM items WHERE folder = ?1"
		" AND seq > ?2 AND state = 0 AND assoc = 0 ORDER BY seq", ITEM_COLUMNS);
	sqlite3_stmt *live = store_sql(store, sql);
	sqlite3_stmt *gone = store_sql(store, "SELECT item, seq FROM gone WHERE folder = ?1"
		" AND seq > ?2 AND cseq <= ?2 ORDER BY seq");
	int64_t reached = at->since;
	bool has_live;
	bool has_gone;

	sqlite3_bind_int64(live, 1, at->folder);
	sqlite3_bind_int64(live, 2, at->since);
	sqlite3_bind_int64(gone, 1, at->folder);
	sqlite3_bind_int64(gone, 2, at->since);
	has_live = store_step(store, live);
	has_gone = store_step(store, gone);
	while ((has_live || has_gone) && page->told < page->max) {
		if (has_live && (!has_gone || sqlite3_column_int64(live, 2)
			< sqlite3_column_int64(gone, 1))) {
			g_autoptr(Item) item = item_from_row(live);

			tell_change(page, item);
			reached = item->seq;
			has_live = store_step(store, live);
		} else {
			reached = sqlite3_column_int64(gone, 1);
			change_gone(page, sqlite3_column_int64(gone, 0), reached);
			has_gone = store_step(store, gone);
		}
	}
	sqlite3_reset(live);
	sqlite3_reset(gone);
	at->since = reached;
	return has_live || has_gone;
}

static void list(Page *page)
{
	if (page->point.listing && list_newest_first(page))
		return;
	if (page->point.listing) {
		page->point.listing = 0;
		page->point.at_received = page->point.at_id = 0;
	}
	if (list_changes(page))
		return;
	page->is_last = true;
	page->point.since = page->point.base = store_seq(page->request->store);
}

/* A page that says nothing and hands back the state that it was given. */
static void say_nothing(Request *request, bool is_last)
{
	g_autofree char *state = xml_child_text(request->op, "SyncState");

	request_ok(request);
	out_elem(request->out, "m:SyncState", state ? state : "");
	out_bool(request->out, "m:IncludesLastItemInRange", is_last);
	out_raw(request->out, "<m:Changes/>");
	request_ok_end(request);
}

static const char *sync_items(Page *page)
{
	Request *request = page->request;
	g_autofree char *max = xml_child_text(request->op, "MaxChangesReturned");
	g_autoptr(Folder) folder = NULL;
	g_autoptr(GString) changes = g_string_new(NULL);
	GString *buf = out_buf(request->out);
	const char *code = request_folder_in(request, xml_child(request->op, "SyncFolderId"),
		&folder);
	size_t at;

	if (code && strcmp(code, "ErrorFolderNotFound") == 0 && request->plan->ghost) {
		say_nothing(request, true);
		return NULL;
	}
	if (code)
		return strcmp(code, "ErrorFolderNotFound") == 0 ? "ErrorSyncFolderNotFound" : code;
	if (request->plan->empty_page) {
		say_nothing(request, false);
		return NULL;
	}
	if (folder->is_search || request_is_public(request))
		return "ErrorInvalidOperation";
	code = read_state(request, 'I', folder->id, &page->point);
	if (code)
		return code;
	page->max = CLAMP(max ? atoi(max) : SYNC_MAX, 0, SYNC_MAX);
	request_ok(request);
	/* The state comes before the changes, but is known after them. */
	at = buf->len;
	list(page);
	g_string_append_len(changes, buf->str + at, (gssize)(buf->len - at));
	g_string_truncate(buf, at);
	write_state(request, &page->point, page->is_last, "m:IncludesLastItemInRange");
	g_string_append_len(buf, changes->str, (gssize)changes->len);
	if (request->plan->repeat)
		g_string_append_len(buf, changes->str, (gssize)changes->len);
	out_raw(request->out, "</m:Changes>");
	request_ok_end(request);
	request->items = (unsigned)page->told;
	return NULL;
}

static const char *planned(Request *request)
{
	if (request->plan->is_busy_200)
		return "ErrorServerBusy";
	return request->plan->items->len ? fault_plan_item(request->plan, 1, NULL) : NULL;
}

void op_sync_folder_items(Request *request)
{
	g_autoptr(Shape) shape = shape_parse(xml_child(request->op, "ItemShape"), true,
		request->with_ms);
	Page page = {.request = request, .shape = shape};
	const char *code = planned(request);

	if (!code) {
		store_lock(request->store);
		code = sync_items(&page);
		store_unlock(request->store);
	}
	if (code)
		request_error(request, code);
}

static void hierarchy_changes(Request *request, const Folder *top, const SyncPoint *point,
	const Shape *shape)
{
	int64_t since = point->listing ? 0 : point->since;
	g_autoptr(GPtrArray) folders = folder_changed(request->store, since);
	g_autoptr(GArray) gone = folder_gone(request->store, since);

	for (guint i = 0; i < folders->len; i++) {
		const Folder *folder = folders->pdata[i];
		const char *change = folder->cseq > since ? "Create" : "Update";

		if (folder->is_closed || folder->id == top->id ||
			!folder_is_below(request->store, folder->id, top->id))
			continue;
		out_printf(request->out, "<t:%s>", change);
		render_folder(request->out, request->store, folder, shape);
		out_printf(request->out, "</t:%s>", change);
		request->items++;
	}
	for (guint i = 0; !point->listing && i < gone->len; i++) {
		out_raw(request->out, "<t:Delete>");
		render_folder_id(request->out, store_key(request->store), "FolderId",
			g_array_index(gone, int64_t, i), 1);
		out_raw(request->out, "</t:Delete>");
		request->items++;
	}
}

static const char *sync_hierarchy(Request *request, const Shape *shape)
{
	xmlNode *wrapper = xml_child(request->op, "SyncFolderId");
	g_autoptr(Folder) top = NULL;
	SyncPoint point;
	SyncPoint next;
	const char *code = NULL;

	if (wrapper)
		code = request_folder_in(request, wrapper, &top);
	else
		top = folder_by_dist(request->store, "msgfolderroot");
	if (code)
		return strcmp(code, "ErrorFolderNotFound") == 0 ? "ErrorSyncFolderNotFound" : code;
	if (request_is_public(request))
		return "ErrorInvalidOperation";
	code = read_state(request, 'H', top->id, &point);
	if (code)
		return code;
	next = point;
	next.listing = 0;
	next.since = next.base = store_seq(request->store);
	request_ok(request);
	write_state(request, &next, true, "m:IncludesLastFolderInRange");
	hierarchy_changes(request, top, &point, shape);
	out_raw(request->out, "</m:Changes>");
	request_ok_end(request);
	return NULL;
}

void op_sync_folder_hierarchy(Request *request)
{
	g_autoptr(Shape) shape = shape_parse(xml_child(request->op, "FolderShape"), true,
		request->with_ms);
	const char *code = planned(request);

	if (!code) {
		store_lock(request->store);
		code = sync_hierarchy(request, shape);
		store_unlock(request->store);
	}
	if (code)
		request_error(request, code);
}
