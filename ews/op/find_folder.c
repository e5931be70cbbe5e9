/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"
#include "ews/op.h"
#include "ews/op/shape.h"

/*
 * FindFolder: one page of all folders below a root, or of those that stand in it. Of the latter,
 * first pages travel together: what is said once a call, page and offset, is the same.
 *
 * PAGE is what we ask for, less where that is too much; a server may give fewer, and says with
 * IndexedPagingOffset where the next page begins. One that says neither "last" nor moves on would
 * be asked for ever: PROTOCOL.
 */

#define PAGE 5000
#define SUBFOLDERS_PAGE 1000
#define SUBFOLDERS_BATCH 50

typedef struct FindFolder {
	EwsOp op;
	char *root_id; /* own */
	uint32_t offset;
	bool has_page;
	int64_t next_offset; /* as the server says; -1: not said */
	EwsFolderPage page;
} FindFolder;

static void write_call(EwsWriter *writer, EwsOp *const *ops, unsigned count, const char *traversal)
{
	const FindFolder *self = (const FindFolder *)ops[0];
	char number[16];

	ews_writer_attribute(writer, "Traversal", traversal);
	if (self->op.kind->id == EWS_KIND_FIND_SUBFOLDERS)
		ews_shape_write_public_folders(writer);
	else
		ews_shape_write_folders(writer);
	ews_writer_start(writer, "m:IndexedPageFolderView");
	g_snprintf(number, sizeof(number), "%u", self->op.page);
	ews_writer_attribute(writer, "MaxEntriesReturned", number);
	g_snprintf(number, sizeof(number), "%u", self->offset);
	ews_writer_attribute(writer, "Offset", number);
	ews_writer_attribute(writer, "BasePoint", "Beginning");
	ews_writer_end(writer);
	ews_writer_start(writer, "m:ParentFolderIds");
	for (unsigned i = 0; i < count; i++)
		ews_writer_empty(writer, "t:FolderId", "Id",
			((const FindFolder *)ops[i])->root_id);
	ews_writer_end(writer);
}

static void write_deep(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	write_call(writer, ops, count, "Deep");
}

static void write_shallow(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	write_call(writer, ops, count, "Shallow");
}

static void start_root(EwsReading *reading)
{
	FindFolder *self = (FindFolder *)reading->op;
	g_autofree char *last = ews_reading_attribute(reading, EWS_NAME_IncludesLastItemInRange);

	self->has_page = last != NULL;
	self->page.is_last = last && ews_parse_bool(last);
	self->next_offset =
		ews_reading_attribute_number(reading, EWS_NAME_IndexedPagingOffset, -1);
}

static void start_folder(EwsReading *reading)
{
	FindFolder *self = (FindFolder *)reading->op;
	EwsFolder *folder = ews_folder_new();

	g_ptr_array_add(self->page.folders, folder);
	reading->record = folder;
	ews_shape_start_folder(reading);
	if (self->page.folders->len > EWS_CAP_FOLDERS)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
			"FindFolder: more than %d folders in a page", EWS_CAP_FOLDERS));
}

static void end_folder(EwsReading *reading)
{
	const EwsFolder *folder = reading->record;

	ews_shape_end_folder(reading);
	if (!folder->id)
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
			"FindFolder: a folder without an id"));
}

static void reset(EwsOp *op)
{
	FindFolder *self = (FindFolder *)op;

	g_clear_pointer(&self->page.folders, g_ptr_array_unref);
	self->page.folders = g_ptr_array_new_with_free_func((GDestroyNotify)ews_folder_free);
	self->page.is_last = false;
	self->has_page = false;
	self->next_offset = -1;
}

static bool finish(EwsOp *op, GError **error)
{
	FindFolder *self = (FindFolder *)op;
	int64_t next = self->next_offset;

	if (next < 0)
		next = (int64_t)self->offset + self->page.folders->len;
	if (self->has_page && (self->page.is_last || (next > self->offset && next <= G_MAXINT))) {
		self->page.next_offset = (uint32_t)CLAMP(next, 0, G_MAXINT);
		return true;
	}
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
		"FindFolder: a page that is not the last and leads nowhere");
	return false;
}

static void clear(EwsOp *op)
{
	FindFolder *self = (FindFolder *)op;

	g_clear_pointer(&self->page.folders, g_ptr_array_unref);
	g_free(self->root_id);
}

/* clang-format off */
static const EwsElement folders[] = {
	{ .name = EWS_NAME_ANY, .children = ews_shape_folder,
	  .start = start_folder, .end = end_folder },
	{ 0 },
};

static const EwsElement root[] = {
	{ .name = EWS_NAME_Folders, .children = folders },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_RootFolder, .children = root, .start = start_root },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind deep = {
	.id = EWS_KIND_FIND_FOLDER,
	.to = EWS_TO_HIERARCHY,
	.name = "FindFolder",
	.batch_max = 1,
	.page_max = PAGE,
	.elements = message,
	.write = write_deep,
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

static const EwsOpKind shallow = {
	.id = EWS_KIND_FIND_SUBFOLDERS,
	.to = EWS_TO_HIERARCHY,
	.name = "FindFolder",
	.batch_max = SUBFOLDERS_BATCH,
	.page_max = SUBFOLDERS_PAGE,
	.elements = message,
	.write = write_shallow,
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

static EwsOp *new_op(const EwsOpKind *kind, const char *root_id, uint32_t offset)
{
	FindFolder *self = g_new0(FindFolder, 1);

	ews_op_init(&self->op, kind);
	self->root_id = g_strdup(root_id);
	self->offset = offset;
	return &self->op;
}

EwsOp *ews_find_folder_new(const char *root_id, uint32_t offset)
{
	return new_op(&deep, root_id, offset);
}

EwsOp *ews_find_subfolders_new(const char *root_id, uint32_t offset)
{
	EwsOp *op = new_op(&shallow, root_id, offset);

	if (offset > 0)
		op->batch_max = 1;
	return op;
}

const EwsFolderPage *ews_find_folder_page(const EwsOp *op)
{
	const FindFolder *self = (const FindFolder *)op;

	g_assert(op->kind == &deep || op->kind == &shallow);
	return op->error ? NULL : &self->page;
}
