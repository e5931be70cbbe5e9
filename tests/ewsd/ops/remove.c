/* SPDX-License-Identifier: GPL-3.0-or-later */
/* DeleteItem, MoveItem, CopyItem, SendItem: items that change their place. */
#include <string.h>

#include "tests/ewsd/content.h"
#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"

enum { DELETE_MAX = 1000 };

static const char *item_of(Request *request, const xmlNode *node, Item **ret_item)
{
	const char *code = request_item(request, node, ret_item);
	g_autoptr(Folder) folder = code ? NULL : folder_get(request->store, (*ret_item)->folder);

	return folder && folder->read_only ? "ErrorAccessDenied" : code;
}

static const char *check_delete(Request *request, const Item *item)
{
	g_autofree char *meetings = xml_attr(request->op, "SendMeetingCancellations");
	g_autofree char *tasks = xml_attr(request->op, "AffectedTaskOccurrences");
	const char *element = render_element(item);

	if (strcmp(element, "Task") == 0 && !tasks)
		return "ErrorAffectedTaskOccurrencesRequired";
	if (strcmp(element, "CalendarItem") != 0)
		return NULL;
	if (!meetings)
		return "ErrorSendMeetingCancellationsRequired";
	if (strcmp(meetings, "SendToNone") != 0)
		log_count_sent(request->world->log, 1);
	return NULL;
}

static const char *delete_item(Request *request, xmlNode *node)
{
	g_autoptr(Item) item = NULL;
	const char *code = item_of(request, node, &item);

	if (!code)
		code = check_delete(request, item);
	/* To the Deleted Items of the mailbox: a guest moves it there himself. */
	if (!code && request->is_guest
		&& xml_attr_is(request->op, "DeleteType", "MoveToDeletedItems"))
		code = "ErrorCannotDeleteObject";
	if (!code && request_is_public(request)
		&& xml_attr_is(request->op, "DeleteType", "MoveToDeletedItems"))
		code = "ErrorInvalidOperation";
	if (code)
		return code;
	if (xml_attr_is(request->op, "DeleteType", "HardDelete")) {
		item_remove(request->store, item);
	} else if (xml_attr_is(request->op, "DeleteType", "SoftDelete")) {
		item_move(request->store, item, item->folder, ITEM_SOFT_DELETED);
	} else {
		g_autoptr(Folder) trash = folder_by_dist(request->store, "deleteditems");

		item_move(request->store, item, trash->id, ITEM_NORMAL);
	}
	request_ok(request);
	request_ok_end(request);
	return NULL;
}

void op_delete_item(Request *request)
{
	xmlNode *ids = xml_child(request->op, "ItemIds");

	if (xml_count(ids) > DELETE_MAX) {
		request_fault(request, "ErrorInvalidRequest", "Too many items in one request.");
		return;
	}
	request_each(request, ids, delete_item, REQUEST_WRITE);
}

/* Ids are new where it stays in its mailbox; where it does not, nobody is told of them. */
static bool crosses(Request *request, int64_t from, int64_t to)
{
	g_autofree char *here = NULL;
	g_autofree char *there = NULL;

	if (!request_is_public(request))
		return false;
	here = content_name(request->store, from);
	there = content_name(request->store, to);
	return strcmp(here, there) != 0;
}

static void write_placed(Request *request, const Item *item, bool has_crossed)
{
	const char *element = render_element(item);
	xmlNode *wants = xml_child(request->op, "ReturnNewItemIds");

	request_ok(request);
	if (has_crossed || (wants && !xml_is_true(wants))) {
		out_raw(request->out, "<m:Items/>");
	} else {
		out_printf(request->out, "<m:Items><t:%s>", element);
		render_item_id(request->out, store_key(request->store), item);
		out_printf(request->out, "</t:%s></m:Items>", element);
	}
	request_ok_end(request);
}

static const char *place(Request *request, Folder **ret_folder)
{
	const char *code = request_folder_in(request, xml_child(request->op, "ToFolderId"),
		ret_folder);

	if (code)
		return strcmp(code, "ErrorFolderNotFound") == 0 ? "ErrorToFolderNotFound" : code;
	return (*ret_folder)->read_only ? "ErrorAccessDenied"
		: (*ret_folder)->is_search ? "ErrorMoveCopyFailed" : NULL;
}

static const char *move_item(Request *request, xmlNode *node)
{
	g_autoptr(Item) item = NULL;
	g_autoptr(Folder) folder = NULL;
	const char *code = place(request, &folder);
	bool has_crossed;

	if (!code)
		code = item_of(request, node, &item);
	if (code)
		return code;
	has_crossed = crosses(request, item->folder, folder->id);
	item_move(request->store, item, folder->id, ITEM_NORMAL);
	write_placed(request, item, has_crossed);
	return NULL;
}

void op_move_item(Request *request)
{
	request_each(request, xml_child(request->op, "ItemIds"), move_item, REQUEST_WRITE);
}

static const char *copy_item(Request *request, xmlNode *node)
{
	g_autoptr(Item) item = NULL;
	g_autoptr(Folder) folder = NULL;
	const char *code = place(request, &folder);
	bool has_crossed;

	if (!code)
		code = request_item(request, node, &item);
	if (code)
		return code;
	has_crossed = crosses(request, item->folder, folder->id);
	item->id = item->seq = item_copy(request->store, item, folder->id);
	write_placed(request, item, has_crossed);
	return NULL;
}

void op_copy_item(Request *request)
{
	request_each(request, xml_child(request->op, "ItemIds"), copy_item, REQUEST_WRITE);
}

static const char *sent_folder(Request *request, Folder **ret_folder)
{
	xmlNode *wrapper = xml_child(request->op, "SavedItemFolderId");

	if (wrapper)
		return request_folder_in(request, wrapper, ret_folder);
	*ret_folder = folder_by_dist(request->store, "sentitems");
	return NULL;
}

static const char *send_item(Request *request, xmlNode *node)
{
	g_autoptr(Item) item = NULL;
	g_autoptr(Folder) folder = NULL;
	const char *code = item_of(request, node, &item);

	if (!code)
		code = sent_folder(request, &folder);
	if (code)
		return code;
	if (!item->to && !item->cc && !item->bcc)
		return "ErrorInvalidRecipients";
	log_count_sent(request->world->log, 1);
	if (request->plan->leave) {
		request_ok(request);
		request_ok_end(request);
		return NULL;
	}
	item->is_draft = 0;
	if (xml_attr_is(request->op, "SaveItemToFolder", "true"))
		item_move(request->store, item, folder->id, ITEM_NORMAL);
	else
		item_remove(request->store, item);
	request_ok(request);
	request_ok_end(request);
	return NULL;
}

void op_send_item(Request *request)
{
	request_each(request, xml_child(request->op, "ItemIds"), send_item, REQUEST_WRITE);
}
