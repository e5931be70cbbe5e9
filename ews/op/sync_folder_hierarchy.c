/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op.h"
#include "ews/op/shape.h"

/*
 * SyncFolderHierarchy: one page of what changed among the folders below one. The server decides
 * how many come in a page. Counts are not part of what it watches (FindFolder is for
 * those).
 */

typedef struct SyncHierarchy {
	EwsOp op;
	char *root;  /* own; a distinguished folder */
	char *state; /* own; NULL: from the beginning */
	bool has_last;
	EwsFolderSync page;
} SyncHierarchy;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const SyncHierarchy *self = (const SyncHierarchy *)ops[0];

	ews_shape_write_folders(writer);
	ews_writer_start(writer, "m:SyncFolderId");
	ews_writer_distinguished(writer, self->root);
	ews_writer_end(writer);
	if (self->state)
		ews_writer_text(writer, "m:SyncState", self->state);
}

static void end_state(EwsReading *reading)
{
	SyncHierarchy *self = (SyncHierarchy *)reading->op;

	if (reading->is_cut)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
			"SyncFolderHierarchy: a sync state of more than %d bytes", EWS_CAP_STATE));
	g_free(self->page.state);
	self->page.state = g_strdup(reading->text->str);
}

static void end_last(EwsReading *reading)
{
	SyncHierarchy *self = (SyncHierarchy *)reading->op;

	self->has_last = true;
	self->page.is_last = ews_parse_bool(reading->text->str);
}

static void start_change(EwsReading *reading)
{
	SyncHierarchy *self = (SyncHierarchy *)reading->op;
	EwsFolderChange *change = g_new0(EwsFolderChange, 1);

	change->kind = reading->name == EWS_NAME_Create ? EWS_CHANGE_CREATE
		: reading->name == EWS_NAME_Update	 ? EWS_CHANGE_UPDATE
							 : EWS_CHANGE_DELETE;
	change->folder = ews_folder_new();
	g_ptr_array_add(self->page.changes, change);
	reading->record = change->folder;
	if (self->page.changes->len > EWS_CAP_FOLDERS)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
			"SyncFolderHierarchy: more than %d changes in a page", EWS_CAP_FOLDERS));
}

static void end_change(EwsReading *reading)
{
	const EwsFolder *folder = reading->record;

	if (!folder->id)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
			"SyncFolderHierarchy: a change without an id"));
}

static void reset(EwsOp *op)
{
	SyncHierarchy *self = (SyncHierarchy *)op;

	g_clear_pointer(&self->page.changes, g_ptr_array_unref);
	self->page.changes =
		g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_change_free);
	g_clear_pointer(&self->page.state, g_free);
	self->page.is_last = false;
	self->has_last = false;
}

static bool finish(EwsOp *op, GError **error)
{
	const SyncHierarchy *self = (const SyncHierarchy *)op;
	const EwsFolderSync *page = &self->page;

	if (!page->state || !self->has_last) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"SyncFolderHierarchy: an answer without a sync state");
		return false;
	}
	if (page->is_last || page->changes->len > 0 || g_strcmp0(page->state, self->state) != 0)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
		"SyncFolderHierarchy: an empty page that is not the last");
	return false;
}

static void clear(EwsOp *op)
{
	SyncHierarchy *self = (SyncHierarchy *)op;

	g_clear_pointer(&self->page.changes, g_ptr_array_unref);
	g_free(self->page.state);
	g_free(self->root);
	g_free(self->state);
}

/* clang-format off */
static const EwsElement changed[] = {
	{ .name = EWS_NAME_ANY, .children = ews_shape_folder,
	  .start = ews_shape_start_folder, .end = ews_shape_end_folder },
	{ 0 },
};

static const EwsElement deleted[] = {
	{ .name = EWS_NAME_FolderId, .start = ews_shape_folder_id },
	{ 0 },
};

static const EwsElement changes[] = {
	{ .name = EWS_NAME_Create, .children = changed, .start = start_change, .end = end_change },
	{ .name = EWS_NAME_Update, .children = changed, .start = start_change, .end = end_change },
	{ .name = EWS_NAME_Delete, .children = deleted, .start = start_change, .end = end_change },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_SyncState, .type = EWS_FIELD_TEXT, .text_max = EWS_CAP_STATE,
	  .end = end_state },
	{ .name = EWS_NAME_IncludesLastFolderInRange, .type = EWS_FIELD_TEXT, .end = end_last },
	{ .name = EWS_NAME_Changes, .children = changes },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_SYNC_FOLDER_HIERARCHY,
	.name = "SyncFolderHierarchy",
	.batch_max = 1,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

EwsOp *ews_sync_folder_hierarchy_new(const char *root, const char *state)
{
	SyncHierarchy *self = g_new0(SyncHierarchy, 1);

	ews_op_init(&self->op, &kind);
	self->root = g_strdup(root);
	self->state = g_strdup(state);
	return &self->op;
}

const EwsFolderSync *ews_sync_folder_hierarchy_page(const EwsOp *op)
{
	const SyncHierarchy *self = (const SyncHierarchy *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : &self->page;
}
