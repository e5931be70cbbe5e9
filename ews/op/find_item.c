/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op.h"
#include "ews/op/shape.h"

/*
 * FindItem: one page of all that is in a folder, with the listing properties.
 *
 * Pages are counted off, so what goes or comes in front of a page moves all behind it, and an item
 * might be in none. Hence the order, the oldest first, in which what comes comes last; and each
 * page begins with the item that the one before ended with. Where that is another one, something
 * moved: STALE.
 *
 * A state is "OFFSET:ID": the next page begins at OFFSET, with the item ID.
 */

#define PAGE 512

typedef struct FindItem {
	EwsOp op;
	char *folder_id;    /* own */
	int64_t offset;     /* as asked for */
	char *first;        /* own; the item that must stand there; NULL: any */
	bool is_newest; /* one page in the other order */
	bool has_root;
	int64_t next_offset; /* as the server says; -1: not said */
	EwsItemList list;
} FindItem;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const FindItem *self = (const FindItem *)ops[0];
	char number[32];

	ews_writer_attribute(writer, "Traversal", "Shallow");
	ews_shape_write_items(writer);
	ews_writer_start(writer, "m:IndexedPageItemView");
	g_snprintf(number, sizeof(number), "%u", self->op.page);
	ews_writer_attribute(writer, "MaxEntriesReturned", number);
	g_snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, self->offset);
	ews_writer_attribute(writer, "Offset", number);
	ews_writer_attribute(writer, "BasePoint", "Beginning");
	ews_writer_end(writer);
	ews_writer_start(writer, "m:SortOrder");
	ews_writer_start(writer, "t:FieldOrder");
	ews_writer_attribute(writer, "Order", self->is_newest ? "Descending" : "Ascending");
	ews_writer_empty(writer, "t:FieldURI", "FieldURI",
		self->is_newest ? "item:LastModifiedTime" : "item:DateTimeCreated");
	ews_writer_end(writer);
	ews_writer_end(writer);
	ews_writer_start(writer, "m:ParentFolderIds");
	ews_writer_empty(writer, "t:FolderId", "Id", self->folder_id);
	ews_writer_end(writer);
}

static void start_root(EwsReading *reading)
{
	FindItem *self = (FindItem *)reading->op;
	g_autofree char *last = ews_reading_attribute(reading, EWS_NAME_IncludesLastItemInRange);

	self->has_root = last != NULL;
	self->list.page.is_last = last && ews_parse_bool(last);
	self->next_offset =
		ews_reading_attribute_number(reading, EWS_NAME_IndexedPagingOffset, -1);
	self->list.total = ews_reading_attribute_number(reading, EWS_NAME_TotalItemsInView, -1);
}

static void start_item(EwsReading *reading)
{
	FindItem *self = (FindItem *)reading->op;
	GPtrArray *changes = self->list.page.changes;
	EwsItemChange *change = g_new0(EwsItemChange, 1);

	change->kind = EWS_CHANGE_CREATE;
	change->item = ews_item_new();
	g_ptr_array_add(changes, change);
	reading->record = change->item;
	if (changes->len > EWS_CAP_ITEM_CHANGES)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
			"FindItem: more than %d items in a page", EWS_CAP_ITEM_CHANGES));
}

static void end_item(EwsReading *reading)
{
	const EwsItem *item = reading->record;

	ews_shape_end_item(reading);
	if (!item->id)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
			"FindItem: an item without an id"));
}

static void reset(EwsOp *op)
{
	FindItem *self = (FindItem *)op;
	EwsItemSync *page = &self->list.page;

	g_clear_pointer(&page->changes, g_ptr_array_unref);
	page->changes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	g_clear_pointer(&page->state, g_free);
	page->is_last = false;
	self->has_root = false;
	self->next_offset = self->list.total = -1;
}

/* The item that the page before ended with, which is told already. */
static bool take_first(FindItem *self, GError **error)
{
	GPtrArray *changes = self->list.page.changes;
	const EwsItemChange *change = changes->len > 0 ? changes->pdata[0] : NULL;

	if (!self->first)
		return true;
	if (!change || strcmp(change->item->id, self->first) != 0) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_STALE,
			"FindItem: the folder changed between two pages");
		return false;
	}
	g_ptr_array_remove_index(changes, 0);
	return true;
}

static bool finish(EwsOp *op, GError **error)
{
	FindItem *self = (FindItem *)op;
	EwsItemSync *page = &self->list.page;
	int64_t next = self->next_offset;
	const EwsItemChange *last;
	bool is_end = page->is_last || self->is_newest;

	if (next < 0)
		next = self->offset + page->changes->len;
	last = page->changes->len > 0 ? page->changes->pdata[page->changes->len - 1] : NULL;
	/* One item alone, where that is the one known before, leads nowhere either. */
	if (!self->has_root || (!is_end && (!last || next - 1 <= self->offset))) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"FindItem: a page that is not the last and leads nowhere");
		return false;
	}
	page->state = is_end ? g_strdup("")
		: g_strdup_printf("%" G_GINT64_FORMAT ":%s", next - 1, last->item->id);
	return take_first(self, error);
}

static void clear(EwsOp *op)
{
	FindItem *self = (FindItem *)op;

	g_clear_pointer(&self->list.page.changes, g_ptr_array_unref);
	g_free(self->list.page.state);
	g_free(self->folder_id);
	g_free(self->first);
}

/* clang-format off */
static const EwsElement items[] = {
	{ .name = EWS_NAME_ANY, .children = ews_shape_item, .start = start_item, .end = end_item },
	{ 0 },
};

static const EwsElement root[] = {
	{ .name = EWS_NAME_Items, .children = items },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_RootFolder, .children = root, .start = start_root },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_FIND_ITEM,
	.to = EWS_TO_CONTENT,
	.name = "FindItem",
	.batch_max = 1,
	.page_max = PAGE,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

EwsOp *ews_find_item_new(const char *folder_id, const char *state)
{
	FindItem *self = g_new0(FindItem, 1);
	const char *colon = state ? strchr(state, ':') : NULL;

	ews_op_init(&self->op, &kind);
	self->folder_id = g_strdup(folder_id);
	if (colon) {
		self->offset = g_ascii_strtoll(state, NULL, 10);
		self->first = g_strdup(colon + 1);
	}
	return &self->op;
}

EwsOp *ews_find_newest_new(const char *folder_id)
{
	EwsOp *op = ews_find_item_new(folder_id, NULL);

	((FindItem *)op)->is_newest = true;
	return op;
}

const EwsItemList *ews_find_item_list(const EwsOp *op)
{
	const FindItem *self = (const FindItem *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : &self->list;
}
