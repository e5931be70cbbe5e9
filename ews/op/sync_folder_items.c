/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op.h"
#include "ews/op/shape.h"

/*
 * SyncFolderItems: one page of what changed in a folder since a state, with the listing
 * properties.
 *
 * 512 a page, and less only where that is too much for the server: smaller pages lose changes on
 * one server. A page that is neither the last
 * nor brings anything would be asked for ever: PROTOCOL (docs/wire.md, "SyncFolderItems").
 */

typedef struct SyncItems {
	EwsOp op;
	char *folder_id; /* own */
	char *state;     /* own; NULL: from the beginning */
	bool has_last;
	EwsItemSync page;
} SyncItems;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const SyncItems *self = (const SyncItems *)ops[0];

	ews_shape_write_items(writer);
	ews_writer_start(writer, "m:SyncFolderId");
	ews_writer_empty(writer, "t:FolderId", "Id", self->folder_id);
	ews_writer_end(writer);
	if (self->state)
		ews_writer_text(writer, "m:SyncState", self->state);
	ews_writer_number(writer, "m:MaxChangesReturned", self->op.page);
	ews_writer_text(writer, "m:SyncScope", "NormalItems");
}

/* State and "last" stand before the changes: what to ask for next is known before those come. */
static void foresee(SyncItems *self)
{
	const EwsItemSync *page = &self->page;

	if (self->op.follow || !self->has_last || page->is_last || !page->state ||
		g_strcmp0(page->state, self->state) == 0)
		return;
	self->op.follow = ews_sync_folder_items_new(self->folder_id, page->state);
}

static void end_state(EwsReading *reading)
{
	SyncItems *self = (SyncItems *)reading->op;

	if (reading->is_cut)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
			"SyncFolderItems: a sync state of more than %d bytes", EWS_CAP_STATE));
	g_free(self->page.state);
	self->page.state = g_strdup(reading->text->str);
	foresee(self);
}

static void end_last(EwsReading *reading)
{
	SyncItems *self = (SyncItems *)reading->op;

	self->has_last = true;
	self->page.is_last = ews_parse_bool(reading->text->str);
	foresee(self);
}

static EwsChangeKind kind_of(EwsName name)
{
	if (name == EWS_NAME_Create)
		return EWS_CHANGE_CREATE;
	if (name == EWS_NAME_Update)
		return EWS_CHANGE_UPDATE;
	return name == EWS_NAME_Delete ? EWS_CHANGE_DELETE : EWS_CHANGE_READ_FLAG;
}

static void start_change(EwsReading *reading)
{
	SyncItems *self = (SyncItems *)reading->op;
	EwsItemChange *change = g_new0(EwsItemChange, 1);

	change->kind = kind_of(reading->name);
	change->item = ews_item_new();
	g_ptr_array_add(self->page.changes, change);
	reading->record = change->item;
	if (self->page.changes->len > EWS_CAP_ITEM_CHANGES)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
			"SyncFolderItems: more than %d changes in a page", EWS_CAP_ITEM_CHANGES));
}

static void end_change(EwsReading *reading)
{
	const EwsItem *item = reading->record;

	if (!item->id)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
			"SyncFolderItems: a change without an id"));
}

static void reset(EwsOp *op)
{
	SyncItems *self = (SyncItems *)op;

	g_clear_pointer(&self->page.changes, g_ptr_array_unref);
	self->page.changes = g_ptr_array_new_with_free_func((GDestroyNotify)ews_item_change_free);
	g_clear_pointer(&self->page.state, g_free);
	self->page.is_last = false;
	self->has_last = false;
	g_clear_pointer(&op->follow, ews_op_free);
}

static bool is_same(const EwsOp *op, const EwsOp *other)
{
	const SyncItems *self = (const SyncItems *)op;
	const SyncItems *that = (const SyncItems *)other;

	return g_str_equal(self->folder_id, that->folder_id) &&
		g_strcmp0(self->state, that->state) == 0;
}

static void adopt(EwsOp *op, EwsOp *from)
{
	SyncItems *self = (SyncItems *)op;
	SyncItems *that = (SyncItems *)from;
	EwsItemSync page;

	reset(op);
	page = self->page;
	self->page = that->page;
	that->page = page;
	op->follow = g_steal_pointer(&from->follow);
}

static bool finish(EwsOp *op, GError **error)
{
	const SyncItems *self = (const SyncItems *)op;
	const EwsItemSync *page = &self->page;

	if (!page->state || !self->has_last) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"SyncFolderItems: an answer without a sync state");
		return false;
	}
	if (page->is_last || page->changes->len > 0 || g_strcmp0(page->state, self->state) != 0)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
		"SyncFolderItems: an empty page that is not the last");
	return false;
}

static void clear(EwsOp *op)
{
	SyncItems *self = (SyncItems *)op;

	g_clear_pointer(&self->page.changes, g_ptr_array_unref);
	g_free(self->page.state);
	g_free(self->folder_id);
	g_free(self->state);
}

/* clang-format off */
static const EwsElement changed[] = {
	{ .name = EWS_NAME_ANY, .children = ews_shape_item, .end = ews_shape_end_item },
	{ 0 },
};

static const EwsElement bare[] = {
	{ .name = EWS_NAME_ItemId, .start = ews_shape_item_id },
	{ .name = EWS_NAME_IsRead, .type = EWS_FIELD_BOOL, .offset = offsetof(EwsItem, is_read) },
	{ 0 },
};

static const EwsElement changes[] = {
	{ .name = EWS_NAME_Create, .children = changed, .start = start_change, .end = end_change },
	{ .name = EWS_NAME_Update, .children = changed, .start = start_change, .end = end_change },
	{ .name = EWS_NAME_Delete, .children = bare, .start = start_change, .end = end_change },
	{ .name = EWS_NAME_ReadFlagChange, .children = bare,
	  .start = start_change, .end = end_change },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_SyncState, .type = EWS_FIELD_TEXT, .text_max = EWS_CAP_STATE,
	  .end = end_state },
	{ .name = EWS_NAME_IncludesLastItemInRange, .type = EWS_FIELD_TEXT, .end = end_last },
	{ .name = EWS_NAME_Changes, .children = changes },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_SYNC_FOLDER_ITEMS,
	.name = "SyncFolderItems",
	.batch_max = 1,
	.page_max = EWS_SYNC_PAGE_MAX,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.is_same = is_same,
	.adopt = adopt,
	.clear = clear,
};

EwsOp *ews_sync_folder_items_new(const char *folder_id, const char *state)
{
	SyncItems *self = g_new0(SyncItems, 1);

	ews_op_init(&self->op, &kind);
	self->folder_id = g_strdup(folder_id);
	self->state = g_strdup(state);
	return &self->op;
}

const EwsItemSync *ews_sync_folder_items_page(const EwsOp *op)
{
	const SyncItems *self = (const SyncItems *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : &self->page;
}
