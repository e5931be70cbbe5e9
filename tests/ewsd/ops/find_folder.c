/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FindFolder: shallow or deep, in pages, with the simple restrictions that clients use. */
#include <string.h>

#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"

enum { FIND_FOLDER_MAX = 1000 };

static bool same_text(const xmlNode *test, const char *value)
{
	g_autofree char *constant = xml_attr(xml_path(test, "FieldURIOrConstant/Constant"),
		"Value");

	return value && constant && g_ascii_strcasecmp(constant, value) == 0;
}

static const char *field_value(const xmlNode *test, const Folder *folder)
{
	g_autofree char *uri = xml_attr(xml_child(test, "FieldURI"), "FieldURI");
	g_autofree char *tag = xml_attr(xml_child(test, "ExtendedFieldURI"), "PropertyTag");
	int number = tag ? (int)g_ascii_strtoull(tag, NULL, 0) : 0;

	if (number == 0x10f4)
		return folder->hidden ? "true" : "false";
	if (number == 0x3613 || (uri && strcmp(uri, "folder:FolderClass") == 0))
		return folder->class ? folder->class : "";
	if (number == 0x3001 || (uri && strcmp(uri, "folder:DisplayName") == 0))
		return folder->name;
	return NULL;
}

static bool matches(const xmlNode *test, const Folder *folder)
{
	if (!test)
		return true;
	if (xml_is(test, "Not"))
		return !matches(xml_first(test), folder);
	if (xml_is(test, "And") || xml_is(test, "Or")) {
		bool is_and = xml_is(test, "And");

		for (xmlNode *n = xml_first(test); n; n = xml_next(n)) {
			if (matches(n, folder) != is_and)
				return !is_and;
		}
		return is_and;
	}
	if (xml_is(test, "IsEqualTo"))
		return same_text(test, field_value(test, folder));
	if (xml_is(test, "IsNotEqualTo"))
		return !same_text(test, field_value(test, folder));
	if (xml_is(test, "Contains")) {
		g_autofree char *part = xml_attr(xml_child(test, "Constant"), "Value");
		const char *value = field_value(test, folder);

		return part && value && strcasestr(value, part);
	}
	return true;
}

static GPtrArray *found(Request *request, const Folder *parent)
{
	bool deep = xml_attr_is(request->op, "Traversal", "Deep");
	const xmlNode *test = xml_first(xml_child(request->op, "Restriction"));
	GPtrArray *all = folder_below(request->store, parent->id, deep);

	for (guint i = 0; i < all->len;) {
		const Folder *folder = all->pdata[i];

		if (!folder->is_closed && matches(test, folder))
			i++;
		else
			g_ptr_array_remove_index(all, i);
	}
	return all;
}

static const char *find_folder(Request *request, xmlNode *node)
{
	g_autoptr(Shape) shape = shape_parse(xml_child(request->op, "FolderShape"), true,
		request->with_ms);
	xmlNode *view = xml_child(request->op, "IndexedPageFolderView");
	guint offset = (guint)MAX(xml_attr_int(view, "Offset", 0), 0);
	guint max = (guint)CLAMP(xml_attr_int(view, "MaxEntriesReturned", FIND_FOLDER_MAX), 1,
		FIND_FOLDER_MAX);
	g_autoptr(Folder) parent = NULL;
	g_autoptr(GPtrArray) all = NULL;
	const char *code = request_folder(request, node, &parent);
	guint end;

	if (!code && request_is_public(request) && xml_attr_is(request->op, "Traversal", "Deep"))
		code = "ErrorInvalidOperation";
	if (code)
		return code;
	all = found(request, parent);
	offset = MIN(offset, all->len);
	end = MIN(offset + max, all->len);
	request_ok(request);
	out_printf(request->out, "<m:RootFolder IndexedPagingOffset=\"%u\" TotalItemsInView=\"%u\""
		" IncludesLastItemInRange=\"%s\"><t:Folders>", end, all->len,
		end == all->len ? "true" : "false");
	for (guint i = offset; i < end; i++)
		render_folder(request->out, request->store, all->pdata[i], shape);
	out_raw(request->out, "</t:Folders></m:RootFolder>");
	request_ok_end(request);
	return NULL;
}

static const char *locked(Request *request, xmlNode *node)
{
	const char *code;

	store_lock(request->store);
	code = find_folder(request, node);
	store_unlock(request->store);
	return code;
}

void op_find_folder(Request *request)
{
	request_each(request, xml_child(request->op, "ParentFolderIds"), locked, REQUEST_READ);
}
