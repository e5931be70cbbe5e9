/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"
#include "ews/op.h"
#include "ews/op/shape.h"

/* GetFolder: folders by id or by their distinguished names, one an op. */

typedef struct GetFolder {
	EwsOp op;
	char *id; /* own */
	bool is_distinguished;
	EwsFolder *folder; /* own */
} GetFolder;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_shape_write_folders(writer);
	ews_writer_start(writer, "m:FolderIds");
	for (unsigned i = 0; i < count; i++) {
		const GetFolder *self = (const GetFolder *)ops[i];

		if (self->is_distinguished)
			ews_writer_distinguished(writer, self->id);
		else
			ews_writer_empty(writer, "t:FolderId", "Id", self->id);
	}
	ews_writer_end(writer);
}

static void start_folder(EwsReading *reading)
{
	GetFolder *self = (GetFolder *)reading->op;

	ews_folder_free(self->folder);
	self->folder = ews_folder_new();
	reading->record = self->folder;
	ews_shape_start_folder(reading);
}

static void reset(EwsOp *op)
{
	GetFolder *self = (GetFolder *)op;

	g_clear_pointer(&self->folder, ews_folder_free);
}

static bool finish(EwsOp *op, GError **error)
{
	const GetFolder *self = (const GetFolder *)op;

	if (self->folder && self->folder->id)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL, "GetFolder: an answer without a folder");
	return false;
}

static bool is_about(const EwsOp *op, const EwsOp *asked)
{
	const GetFolder *self = (const GetFolder *)op;
	const GetFolder *other = (const GetFolder *)asked;

	return !other->is_distinguished && g_str_equal(self->folder->id, other->id);
}

static void clear(EwsOp *op)
{
	GetFolder *self = (GetFolder *)op;

	reset(op);
	g_free(self->id);
}

/* clang-format off */
static const EwsElement folders[] = {
	{ .name = EWS_NAME_ANY, .children = ews_shape_folder,
	  .start = start_folder, .end = ews_shape_end_folder },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_Folders, .children = folders },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_GET_FOLDER,
	.to = EWS_TO_CONTENT,
	.name = "GetFolder",
	.batch_max = 100,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.is_about = is_about,
	.clear = clear,
};

EwsOp *ews_get_folder_new(const char *id)
{
	GetFolder *self = g_new0(GetFolder, 1);

	ews_op_init(&self->op, &kind);
	self->id = g_strdup(id);
	return &self->op;
}

EwsOp *ews_get_distinguished_folder_new(const char *name)
{
	EwsOp *op = ews_get_folder_new(name);

	((GetFolder *)op)->is_distinguished = true;
	return op;
}

EwsFolder *ews_get_folder_take(EwsOp *op)
{
	GetFolder *self = (GetFolder *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : g_steal_pointer(&self->folder);
}
