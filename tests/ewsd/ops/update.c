/* SPDX-License-Identifier: GPL-3.0-or-later */
/* UpdateItem, with conflict resolution by ChangeKey and read receipts counted. */
#include <string.h>

#include "tests/ewsd/change.h"
#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"

static const char *conflict(Request *request, const xmlNode *id, const Item *item)
{
	g_autofree char *change_key = xml_attr(id, "ChangeKey");

	if (xml_attr_is(request->op, "ConflictResolution", "AlwaysOverwrite"))
		return NULL;
	if (!change_key)
		return xml_attr_is(request->op, "ConflictResolution", "AutoResolve")
			? "ErrorChangeKeyRequired" : NULL;
	if (xml_attr_is(request->op, "ConflictResolution", "NeverOverwrite")
		&& !ids_change_key_is(store_key(request->store), item->seq, change_key))
		return "ErrorIrresolvableConflict";
	return NULL;
}

static const char *apply_one(Change *change, xmlNode *update)
{
	xmlNode *path = xml_first(update);
	xmlNode *holder = path ? xml_next(path) : NULL;

	if (xml_is(update, "DeleteItemField"))
		return change_delete(change, path);
	if (xml_count(holder) != 1)
		return "ErrorIncorrectUpdatePropertyCount";
	return xml_is(update, "AppendToItemField") ? change_append(change, xml_first(holder))
		: change_set(change, xml_first(holder));
}

static void write_updated(Request *request, const Item *item)
{
	const char *element = render_element(item);

	request_ok(request);
	out_printf(request->out, "<m:Items><t:%s>", element);
	render_item_id(request->out, store_key(request->store), item);
	out_printf(request->out, "</t:%s></m:Items>"
		"<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>", element);
	request_ok_end(request);
}

static void count_receipt(Request *request, const Item *item, bool was_read)
{
	if (item->wants_receipt && item->is_read && !was_read
		&& !xml_attr_is(request->op, "SuppressReadReceipts", "true"))
		log_count_receipt(request->world->log);
}

static void save(Request *request, Change *change, bool was_read)
{
	Item *item = change->item;

	if (change->mime || change->body)
		change_take_mime(change, request);
	if (!change->only_read || (item->is_read != 0) != was_read)
		item_save(request->store, item, change->only_read ? ITEM_CHANGE_READ
			: ITEM_CHANGE_ANY);
	change_store(change, request->store);
	count_receipt(request, item, was_read);
}

static const char *may_change(Request *request, const Item *item)
{
	g_autoptr(Folder) folder = folder_get(request->store, item->folder);

	if (folder && folder->read_only)
		return "ErrorAccessDenied";
	if (g_str_has_prefix(render_element(item), "Message")
		&& !xmlHasProp(request->op, (const xmlChar *)"MessageDisposition"))
		return "ErrorMessageDispositionRequired";
	return NULL;
}

static const char *update_item(Request *request, xmlNode *node)
{
	xmlNode *id = xml_first(node);
	g_autoptr(Item) item = NULL;
	const char *code = request_item(request, id, &item);
	g_auto(Change) change;
	bool was_read;

	change_init(&change, item, false);
	if (!code)
		code = conflict(request, id, item);
	if (!code)
		code = may_change(request, item);
	if (code)
		return code;
	was_read = item->is_read != 0;
	for (xmlNode *n = xml_first(xml_child(node, "Updates")); n && !code; n = xml_next(n))
		code = apply_one(&change, n);
	if (code)
		return code;
	save(request, &change, was_read);
	write_updated(request, item);
	return NULL;
}

void op_update_item(Request *request)
{
	request_each(request, xml_child(request->op, "ItemChanges"), update_item, REQUEST_WRITE);
}
