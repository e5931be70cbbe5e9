/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CreateItem: saving, and the counting of what would have been sent. */
#include <string.h>

#include "tests/ewsd/change.h"
#include "tests/ewsd/clock.h"
#include "tests/ewsd/content.h"
#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"
#include "tests/ewsd/settle.h"

static const struct {
	const char *element;
	const char *class;
	const char *folder;
} KINDS[] = {
	{"CalendarItem", "IPM.Appointment", "calendar"},
	{"Contact", "IPM.Contact", "contacts"},
	{"DistributionList", "IPM.DistList", "contacts"},
	{"Task", "IPM.Task", "tasks"},
	{"PostItem", "IPM.Post", "inbox"},
};

static int kind_of(const xmlNode *node)
{
	for (size_t i = 0; i < G_N_ELEMENTS(KINDS); i++) {
		if (xml_is(node, KINDS[i].element))
			return (int)i;
	}
	return -1;
}

static const char *target_in(Request *request, const xmlNode *wrapper, Folder **ret_folder)
{
	const char *code = request_folder_in(request, wrapper, ret_folder);

	return code || !content_is_misled(request, (*ret_folder)->id) ? code
								      : "ErrorFolderNotFound";
}

static const char *target(Request *request, const xmlNode *node, Folder **ret_folder)
{
	xmlNode *wrapper = xml_child(request->op, "SavedItemFolderId");
	int kind = kind_of(node);
	bool is_sent = xml_attr_is(request->op, "MessageDisposition", "SendAndSaveCopy");

	if (wrapper)
		return target_in(request, wrapper, ret_folder);
	*ret_folder = folder_by_dist(request->store, kind >= 0 ? KINDS[kind].folder
		: is_sent ? "sentitems" : "drafts");
	return NULL;
}

static const char *check(Request *request, const xmlNode *node, const Folder *folder)
{
	g_autofree char *disposition = xml_attr(request->op, "MessageDisposition");
	g_autofree char *invitations = xml_attr(request->op, "SendMeetingInvitations");

	if (folder->read_only)
		return "ErrorCreateItemAccessDenied";
	if (folder->is_search)
		return "ErrorCannotCreateItemInFolder";
	if (xml_is(node, "Message") && !disposition)
		return "ErrorMessageDispositionRequired";
	if (xml_is(node, "CalendarItem") && !invitations)
		return "ErrorSendMeetingInvitationsRequired";
	if (xml_is(node, "CalendarItem") && strcmp(invitations, "SendToNone") != 0
		&& xml_child(node, "RequiredAttendees"))
		log_count_sent(request->world->log, 1);
	return NULL;
}

static void defaults(Item *item, const xmlNode *node)
{
	int kind = kind_of(node);

	item->received = item->created = item->modified = clock_now();
	item->is_draft = kind < 0;
	item->is_read = 1;
	if (kind >= 0)
		item->class = g_strdup(KINDS[kind].class);
}

static const char *read_properties(Change *change, const xmlNode *node)
{
	for (xmlNode *n = xml_first(node); n; n = xml_next(n)) {
		const char *code = change_set(change, n);

		if (code)
			return code;
	}
	return NULL;
}

/* Exchange takes iCalendar for an event, and no vCard. */
static const char *check_mime(const Request *request, const xmlNode *node, const Change *change)
{
	gsize length = 0;
	const char *data = change->mime ? g_bytes_get_data(change->mime, &length) : NULL;

	if (!data || request->world->like_grommunio)
		return NULL;
	if (xml_is(node, "Contact") || xml_is(node, "Task"))
		return "ErrorUnsupportedMimeConversion";
	if (xml_is(node, "CalendarItem")
		&& (length < 15 || g_ascii_strncasecmp(data, "BEGIN:VCALENDAR", 15) != 0))
		return "ErrorMimeContentInvalid";
	return NULL;
}

static void write_created(Request *request, const Item *item)
{
	const char *element = render_element(item);

	request_ok(request);
	out_printf(request->out, "<m:Items><t:%s>", element);
	render_item_id(request->out, store_key(request->store), item);
	out_printf(request->out, "</t:%s></m:Items>", element);
	request_ok_end(request);
}

static void save(Request *request, Change *change, const Folder *folder)
{
	Item *item = change->item;

	item->folder = folder->id;
	change_take_mime(change, request);
	if (!item->subject)
		item->subject = g_strdup("");
	if (!item->class)
		item->class = g_strdup("IPM.Note");
	if (!item->sent)
		item->sent = item->received;
	if (item->size == 0)
		item->size = 1500;
	item->author = g_strdup(request->world->owner);
	item_insert(request->store, item);
	change_store(change, request->store);
}

static const char *create_item(Request *request, xmlNode *node)
{
	g_autofree char *disposition = xml_attr(request->op, "MessageDisposition");
	bool sends = disposition && g_str_has_prefix(disposition, "Send");
	g_autoptr(Folder) folder = NULL;
	g_autoptr(Item) item = item_new();
	g_auto(Change) change;
	const char *code;

	defaults(item, node);
	change_init(&change, item, true);
	code = target(request, node, &folder);
	if (!code)
		code = check(request, node, folder);
	if (!code)
		code = read_properties(&change, node);
	if (!code)
		code = check_mime(request, node, &change);
	if (code)
		return code;
	if (sends && xml_is(node, "Message")) {
		log_count_sent(request->world->log, 1);
		item->is_draft = 0;
	}
	if (sends && strcmp(disposition, "SendOnly") == 0) {
		request_ok(request);
		out_raw(request->out, "<m:Items/>");
		request_ok_end(request);
		return NULL;
	}
	save(request, &change, folder);
	if (request->world->like_real)
		settle_later(request->store, item->id);
	write_created(request, item);
	return NULL;
}

void op_create_item(Request *request)
{
	request_each(request, xml_child(request->op, "Items"), create_item, REQUEST_WRITE);
}
