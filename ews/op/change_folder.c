/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/op/change.h"
#include "ews/op/shape.h"

/* CreateFolder, UpdateFolder (the name, nothing else), MoveFolder, DeleteFolder. */

static void write_create(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_change_write_target(writer, "m:ParentFolderId", ops[0]);
	ews_writer_start(writer, "m:Folders");
	for (unsigned i = 0; i < count; i++) {
		ews_writer_start(writer, "t:Folder");
		ews_writer_text(writer, "t:FolderClass", "IPF.Note");
		ews_writer_text(writer, "t:DisplayName", ((const ChangeOp *)ops[i])->name);
		ews_writer_end(writer);
	}
	ews_writer_end(writer);
}

static void write_name(EwsWriter *writer, const char *name)
{
	ews_writer_start(writer, "t:Updates");
	ews_writer_start(writer, "t:SetFolderField");
	ews_writer_empty(writer, "t:FieldURI", "FieldURI", "folder:DisplayName");
	ews_writer_start(writer, "t:Folder");
	ews_writer_text(writer, "t:DisplayName", name);
	ews_writer_end(writer);
	ews_writer_end(writer);
	ews_writer_end(writer);
}

static void write_update(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_start(writer, "m:FolderChanges");
	for (unsigned i = 0; i < count; i++) {
		const ChangeOp *self = (const ChangeOp *)ops[i];

		ews_writer_start(writer, "t:FolderChange");
		ews_change_write_id(writer, "t:FolderId", self);
		write_name(writer, self->name);
		ews_writer_end(writer);
	}
	ews_writer_end(writer);
}

static void write_move(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_change_write_target(writer, "m:ToFolderId", ops[0]);
	ews_change_write_ids(writer, "m:FolderIds", "t:FolderId", ops, count);
}

static void write_delete(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_attribute(writer, "DeleteType", ews_change_disposal(ops[0]));
	ews_change_write_ids(writer, "m:FolderIds", "t:FolderId", ops, count);
}

#define FOLDER_KIND(variable, operation, writer, about)                                            \
	static const EwsOpKind variable = {                                                        \
		.id = EWS_KIND_CHANGE_FOLDER,                                                      \
		.to = EWS_TO_HIERARCHY,                                                            \
		.name = operation,                                                                 \
		.batch_max = 500,                                                                  \
		.elements = ews_shape_new_id,                                                      \
		.write = writer,                                                                   \
		.reset = ews_change_reset,                                                         \
		.finish = ews_change_finish,                                                       \
		.is_about = about,                                                                 \
		.clear = ews_change_clear,                                                         \
	}

FOLDER_KIND(create_kind, "CreateFolder", write_create, NULL);
FOLDER_KIND(update_kind, "UpdateFolder", write_update, ews_change_is_about);
FOLDER_KIND(move_kind, "MoveFolder", write_move, ews_change_is_about);
FOLDER_KIND(delete_kind, "DeleteFolder", write_delete, NULL);

EwsOp *ews_create_folder_new(const char *parent_id, const char *name)
{
	ChangeOp *self = ews_change_new(&create_kind, NULL);

	self->target = g_strdup(parent_id);
	self->name = g_strdup(name);
	return &self->op;
}

EwsOp *ews_update_folder_new(const char *folder_id, const char *change_key, const char *name)
{
	ChangeOp *self = ews_change_new(&update_kind, folder_id);

	self->change_key = g_strdup(change_key);
	self->name = g_strdup(name);
	return &self->op;
}

EwsOp *ews_move_folder_new(const char *folder_id, const char *to_folder_id)
{
	ChangeOp *self = ews_change_new(&move_kind, folder_id);

	self->target = g_strdup(to_folder_id);
	return &self->op;
}

EwsOp *ews_delete_folder_new(const char *folder_id, EwsDisposal disposal)
{
	ChangeOp *self = ews_change_new(&delete_kind, folder_id);

	self->disposal = disposal;
	return &self->op;
}
