/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CreateFolder, UpdateFolder, MoveFolder, DeleteFolder, EmptyFolder. */
#include <string.h>

#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"

static void write_folder(Request *request, const Folder *folder)
{
	const char *element = render_folder_element(folder);

	request_ok(request);
	out_printf(request->out, "<m:Folders><t:%s>", element);
	render_folder_id(request->out, store_key(request->store), "FolderId", folder->id,
		folder->seq);
	out_printf(request->out, "</t:%s></m:Folders>", element);
	request_ok_end(request);
}

static const char *default_class(const xmlNode *node)
{
	if (xml_is(node, "CalendarFolder"))
		return "IPF.Appointment";
	if (xml_is(node, "ContactsFolder"))
		return "IPF.Contact";
	return xml_is(node, "TasksFolder") ? "IPF.Task" : NULL;
}

static void replace(char **to, char *value)
{
	g_free(*to);
	*to = value;
}

static const char *set_property(Request *request, Folder *folder, const xmlNode *node)
{
	if (xml_is(node, "DisplayName")) {
		replace(&folder->name, xml_text(node));
	} else if (xml_is(node, "FolderClass")) {
		replace(&folder->class, xml_text(node));
	} else if (xml_is(node, "ExtendedProperty")) {
		g_autoptr(ExtField) ext = ext_field_parse(xml_child(node, "ExtendedFieldURI"));
		g_autofree char *value = ext_value_parse(node);

		if (ext->tag == 0x10f4)
			folder->hidden = value && strcmp(value, "true") == 0;
		else if (folder->id)
			folder_prop_set(request->store, folder->id, ext->key, value);
	}
	return folder->name && *folder->name ? NULL : "ErrorFolderSave";
}

static bool name_is_taken(Request *request, const Folder *folder)
{
	g_autoptr(Folder) other = folder_by_name(request->store, folder->parent, folder->name);

	return other && other->id != folder->id;
}

static const char *create_folder(Request *request, xmlNode *node)
{
	g_autoptr(Folder) parent = NULL;
	g_autoptr(Folder) folder = g_new0(Folder, 1);
	const char *code = request_folder_in(request, xml_child(request->op, "ParentFolderId"),
		&parent);

	if (code)
		return strcmp(code, "ErrorFolderNotFound") == 0 ? "ErrorParentFolderNotFound"
			: code;
	if (parent->read_only)
		return "ErrorCreateSubfolderAccessDenied";
	folder->parent = parent->id;
	folder->name = xml_child_text(node, "DisplayName");
	folder->class = g_strdup(default_class(node));
	if (!folder->name || !*folder->name)
		return "ErrorFolderSave";
	if (name_is_taken(request, folder))
		return "ErrorFolderExists";
	for (xmlNode *n = xml_first(node); n; n = xml_next(n))
		set_property(request, folder, n);
	folder_insert(request->store, folder);
	for (xmlNode *n = xml_first(node); n; n = xml_next(n)) {
		if (xml_is(n, "ExtendedProperty"))
			set_property(request, folder, n);
	}
	folder_touch(request->store, parent->id, 0);
	write_folder(request, folder);
	return NULL;
}

void op_create_folder(Request *request)
{
	request_each(request, xml_child(request->op, "Folders"), create_folder, REQUEST_WRITE);
}

static const char *apply_updates(Request *request, Folder *folder, const xmlNode *updates)
{
	const char *code = NULL;

	for (xmlNode *n = xml_first(updates); n && !code; n = xml_next(n)) {
		xmlNode *path = xml_first(n);
		xmlNode *holder = path ? xml_next(path) : NULL;

		if (xml_is(n, "DeleteFolderField")) {
			g_autoptr(ExtField) ext = xml_is(path, "ExtendedFieldURI")
				? ext_field_parse(path) : NULL;

			if (!ext)
				return "ErrorInvalidPropertyDelete";
			folder_prop_set(request->store, folder->id, ext->key, NULL);
		} else if (xml_count(holder) != 1) {
			return "ErrorIncorrectUpdatePropertyCount";
		} else {
			code = set_property(request, folder, xml_first(holder));
		}
	}
	return code;
}

static const char *update_folder(Request *request, xmlNode *node)
{
	g_autoptr(Folder) folder = NULL;
	g_autofree char *old_name = NULL;
	const char *code = request_folder(request, xml_first(node), &folder);

	if (code)
		return code;
	if (folder->read_only)
		return "ErrorAccessDenied";
	old_name = g_strdup(folder->name);
	code = apply_updates(request, folder, xml_child(node, "Updates"));
	if (code)
		return code;
	if (strcmp(old_name, folder->name) != 0 && folder->dist)
		return "ErrorAccessDenied";
	if (name_is_taken(request, folder))
		return "ErrorFolderExists";
	folder_save(request->store, folder, STORE_MODIFIED, folder->parent);
	write_folder(request, folder);
	return NULL;
}

void op_update_folder(Request *request)
{
	request_each(request, xml_child(request->op, "FolderChanges"), update_folder,
		REQUEST_WRITE);
}

static void put_below(Request *request, Folder *folder, int64_t parent)
{
	int64_t old = folder->parent;

	folder->parent = parent;
	folder_save(request->store, folder, STORE_MOVED, old);
	folder_touch(request->store, old, 0);
	folder_touch(request->store, parent, 0);
}

static const char *move_folder(Request *request, xmlNode *node)
{
	g_autoptr(Folder) folder = NULL;
	g_autoptr(Folder) to = NULL;
	const char *code = request_folder_in(request, xml_child(request->op, "ToFolderId"), &to);

	if (code)
		return strcmp(code, "ErrorFolderNotFound") == 0 ? "ErrorToFolderNotFound" : code;
	code = request_folder(request, node, &folder);
	if (code)
		return code;
	if (folder->dist)
		return "ErrorMoveDistinguishedFolder";
	if (folder->read_only || to->read_only)
		return "ErrorAccessDenied";
	if (folder_is_below(request->store, to->id, folder->id))
		return "ErrorMoveCopyFailed";
	if (to->id != folder->parent) {
		g_autoptr(Folder) other = folder_by_name(request->store, to->id, folder->name);

		if (other)
			return "ErrorFolderExists";
		put_below(request, folder, to->id);
	}
	write_folder(request, folder);
	return NULL;
}

void op_move_folder(Request *request)
{
	request_each(request, xml_child(request->op, "FolderIds"), move_folder, REQUEST_WRITE);
}

/* Exchange finds a free name by itself when one is taken in Deleted Items. */
static void move_to_trash(Request *request, Folder *folder)
{
	g_autoptr(Folder) trash = folder_by_dist(request->store, "deleteditems");
	g_autofree char *name = g_strdup(folder->name);

	for (int i = 1;; i++) {
		g_autoptr(Folder) other = folder_by_name(request->store, trash->id, folder->name);

		if (!other || other->id == folder->id)
			break;
		replace(&folder->name, g_strdup_printf("%s%d", name, i));
	}
	put_below(request, folder, trash->id);
}

static const char *delete_folder(Request *request, xmlNode *node)
{
	g_autoptr(Folder) folder = NULL;
	const char *code = request_folder(request, node, &folder);

	if (code)
		return code;
	if (folder->dist)
		return "ErrorDeleteDistinguishedFolder";
	if (folder->read_only)
		return "ErrorAccessDenied";
	if (request_is_public(request)
		&& xml_attr_is(request->op, "DeleteType", "MoveToDeletedItems"))
		return "ErrorInvalidOperation";
	if (xml_attr_is(request->op, "DeleteType", "MoveToDeletedItems"))
		move_to_trash(request, folder);
	else
		folder_remove(request->store, folder->id);
	folder_touch(request->store, folder->parent, 0);
	request_ok(request);
	request_ok_end(request);
	return NULL;
}

void op_delete_folder(Request *request)
{
	request_each(request, xml_child(request->op, "FolderIds"), delete_folder, REQUEST_WRITE);
}

static const char *empty_folder(Request *request, xmlNode *node)
{
	g_autoptr(Folder) folder = NULL;
	const char *code = request_folder(request, node, &folder);

	if (code)
		return code;
	folder_empty(request->store, folder->id);
	if (xml_attr_is(request->op, "DeleteSubFolders", "true")) {
		g_autoptr(GPtrArray) below = folder_below(request->store, folder->id, false);

		for (guint i = 0; i < below->len; i++)
			folder_remove(request->store, ((Folder *)below->pdata[i])->id);
	}
	request_ok(request);
	request_ok_end(request);
	return NULL;
}

void op_empty_folder(Request *request)
{
	request_each(request, xml_child(request->op, "FolderIds"), empty_folder, REQUEST_WRITE);
}
