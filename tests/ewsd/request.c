/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/request.h"

#include <string.h>

#include "tests/ewsd/clock.h"
#include "tests/ewsd/content.h"
#include "tests/ewsd/mailbox.h"
#include "tests/ewsd/mime.h"

static const char ENVELOPE[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>"
	"<h:ServerVersionInfo MajorVersion=\"15\" %s Version=\"V2017_07_11\""
	" xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/></s:Header>"
	"<s:Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\""
	" xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\">";

static const struct {
	const char *code;
	const char *text;
} TEXTS[] = {
	{"ErrorItemNotFound", "The specified object was not found in the store."},
	{"ErrorFolderNotFound", "The specified folder could not be found in the store."},
	{"ErrorSyncFolderNotFound", "The folder to be synchronized could not be found."},
	{"ErrorInvalidSyncStateData",
		"Synchronization state data is corrupt or otherwise invalid."},
	{"ErrorInvalidIdMalformed", "Id is malformed."},
	{"ErrorFolderExists", "A folder with the specified name already exists."},
	{"ErrorDeleteDistinguishedFolder", "Distinguished folders cannot be deleted."},
	{"ErrorMoveDistinguishedFolder", "Distinguished folders cannot be moved."},
	{"ErrorAccessDenied", "Access is denied. Check credentials and try again."},
	{"ErrorBatchProcessingStopped", "An internal server error stopped the batch."},
	{"ErrorServerBusy", "The server cannot service this request right now. Try again later."},
	{"ErrorIrresolvableConflict", "The send or update operation could not be performed because"
		" the change key passed in the request does not match the current change key"
		" for the item."},
	{"ErrorUnsupportedMimeConversion", "The MIME conversion is not supported for this item."},
	{"ErrorQuotaExceeded", "The mailbox has exceeded its quota."},
	{"ErrorNonExistentMailbox", "No mailbox with such guid."},
	{"ErrorNonPrimarySmtpAddress", "The primary SMTP address must be specified when"
		" referencing a mailbox."},
	{"ErrorCannotDeleteObject", "The item cannot be deleted by a delegate."},
	{"ErrorInvalidOperation", "This operation is not supported on public folder items."},
	{"ErrorCrossMailboxMoveCopy", "Items of two mailboxes in one request."},
};

static const char *text_of(const char *code)
{
	for (size_t i = 0; i < G_N_ELEMENTS(TEXTS); i++) {
		if (strcmp(TEXTS[i].code, code) == 0)
			return TEXTS[i].text;
	}
	return "The request failed.";
}

void request_note(Request *self, const char *code)
{
	g_string_append_printf(self->codes, "%s\"%s\"", self->codes->len ? "," : "", code);
}

void request_log(Request *self, const char *end)
{
	LogLine line = {
		.time = self->time, .op = self->name, .items = self->items, .in = self->in,
		.out = out_total(self->out), .status = self->status, .codes = self->codes->str,
		.end = end, .schema_error = self->schema_error, .anchor = self->anchor,
		.content = self->content,
		.took = clock_seconds() - self->time,
	};

	if (!self->is_logged)
		log_request(self->world->log, &line);
	self->is_logged = true;
}

void request_open(Request *self)
{
	out_printf(self->out, ENVELOPE, self->world->like_grommunio
		? "MinorVersion=\"0\" MajorBuildNumber=\"847\" MinorBuildNumber=\"4040\""
		: "MinorVersion=\"2\" MajorBuildNumber=\"2562\" MinorBuildNumber=\"17\"");
	out_printf(self->out, "<m:%sResponse xmlns:m="
		"\"http://schemas.microsoft.com/exchange/services/2006/messages\" xmlns:t="
		"\"http://schemas.microsoft.com/exchange/services/2006/types\">"
		"<m:ResponseMessages>", self->name);
	self->is_open = true;
}

void request_close(Request *self)
{
	out_printf(self->out, "</m:ResponseMessages></m:%sResponse></s:Body></s:Envelope>",
		self->name);
}

void request_ok(Request *self)
{
	out_printf(self->out, "<m:%sResponseMessage ResponseClass=\"Success\">"
		"<m:ResponseCode>NoError</m:ResponseCode>", self->name);
	request_note(self, "NoError");
}

void request_ok_end(Request *self)
{
	out_printf(self->out, "</m:%sResponseMessage>", self->name);
}

/* Some messages have a member that may not be left out, even when there is nothing. */
static const char *empty_member(const char *name)
{
	if (g_str_has_suffix(name, "Folder") && strcmp(name, "FindFolder") != 0
		&& strcmp(name, "DeleteFolder") != 0 && strcmp(name, "EmptyFolder") != 0)
		return "<m:Folders/>";
	if (g_str_has_suffix(name, "Item") && strcmp(name, "DeleteItem") != 0
		&& strcmp(name, "FindItem") != 0 && strcmp(name, "SendItem") != 0)
		return "<m:Items/>";
	return "";
}

void request_error(Request *self, const char *code)
{
	bool stopped = strcmp(code, "ErrorBatchProcessingStopped") == 0;

	out_printf(self->out, "<m:%sResponseMessage ResponseClass=\"%s\"><m:MessageText>%s"
		"</m:MessageText><m:ResponseCode>%s</m:ResponseCode>"
		"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>", self->name,
		stopped ? "Warning" : "Error", text_of(code), code);
	if (strcmp(code, "ErrorServerBusy") == 0 && self->plan->busy_ms >= 0)
		out_printf(self->out, "<m:MessageXml><t:Value Name=\"BackOffMilliseconds\">%d"
			"</t:Value></m:MessageXml>", self->plan->busy_ms);
	out_printf(self->out, "%s</m:%sResponseMessage>", empty_member(self->name), self->name);
	request_note(self, code);
}

void request_fault(Request *self, const char *code, const char *text)
{
	static const char types[] = "http://schemas.microsoft.com/exchange/services/2006/types";
	static const char errors[] = "http://schemas.microsoft.com/exchange/services/2006/errors";
	const char *words = text ? text : text_of(code);

	g_string_truncate(out_buf(self->out), 0);
	out_printf(self->out, "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope"
		" xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>"
		"<faultcode xmlns:a=\"%s\">a:%s</faultcode><faultstring xml:lang=\"en-US\">",
		types, code);
	out_text(self->out, words);
	out_printf(self->out, "</faultstring><detail><e:ResponseCode xmlns:e=\"%s\">%s"
		"</e:ResponseCode><e:Message xmlns:e=\"%s\">", errors, code, errors);
	out_text(self->out, words);
	out_raw(self->out, "</e:Message>");
	if (self->plan && self->plan->busy_ms >= 0)
		out_printf(self->out, "<t:MessageXml xmlns:t=\"%s\"><t:Value"
			" Name=\"BackOffMilliseconds\">%d</t:Value></t:MessageXml>", types,
			self->plan->busy_ms);
	out_raw(self->out, "</detail></s:Fault></s:Body></s:Envelope>");
	self->status = 500;
	self->is_faulted = true;
	request_note(self, code);
}

/* Of an item that is to be made: said, or in the header of its MIME. */
static char *subject_of_new(const xmlNode *node)
{
	g_autofree char *text = xml_child_text(node, "MimeContent");
	char *subject = xml_child_text(node, "Subject");
	g_autoptr(Item) item = item_new();
	size_t len = 0;

	if (subject || !text)
		return subject;
	guchar *data = g_base64_decode_inplace(text, &len);
	g_autoptr(GBytes) mime = g_bytes_new(data, len);
	mime_describe(mime, item);
	return g_strdup(item->subject);
}

/* What a fault may name an item by. */
static char *subject_of(Request *self, const xmlNode *node)
{
	g_autoptr(Item) item = NULL;
	const xmlNode *id = xml_is(node, "ItemId") ? node : xml_child(node, "ItemId");
	char *subject = NULL;

	if (!id)
		return subject_of_new(node);
	store_lock(self->store);
	if (!request_item(self, id, &item))
		subject = g_strdup(item->subject);
	store_unlock(self->store);
	return subject;
}

static const char *planned(Request *self, const xmlNode *node, int nth, bool *stopped)
{
	const FaultPlan *plan = self->plan;
	g_autofree char *subject = NULL;

	if (plan->is_busy_200)
		return "ErrorServerBusy";
	if (*stopped)
		return "ErrorBatchProcessingStopped";
	if (plan->stopped && nth > plan->stop_after) {
		*stopped = true;
		return plan->stop_code;
	}
	if (plan->items->len == 0)
		return NULL;
	subject = subject_of(self, node);
	return fault_plan_item(plan, nth, subject);
}

static const char *run(Request *self, xmlNode *node, RequestItem item, RequestMode mode)
{
	const char *code;

	if (mode == REQUEST_READ)
		return item(self, node);
	store_lock(self->store);
	store_begin(self->store);
	code = item(self, node);
	if (self->plan->pretend)
		store_rollback(self->store);
	else
		store_commit(self->store);
	store_unlock(self->store);
	return code;
}

void request_each(Request *self, xmlNode *list, RequestItem item, RequestMode mode)
{
	bool stopped = false;
	int nth = 0;

	for (xmlNode *node = xml_first(list); node; node = xml_next(node)) {
		const char *code;
		size_t begin = out_buf(self->out)->len;

		nth++;
		self->items++;
		if (self->plan->slow_ms > 0 && !out_sleep(self->out, (unsigned)self->plan->slow_ms)
			&& mode == REQUEST_READ)
			return;
		code = planned(self, node, nth, &stopped);
		if (!code)
			code = run(self, node, item, mode);
		if (code)
			request_error(self, code);
		if (self->is_faulted)
			return;
		if (nth == self->plan->skip)
			g_string_truncate(out_buf(self->out), begin);
		out_flush(self->out);
	}
}

/* "archiveinbox" is the inbox of the archive; where there is none, nothing is called so. */
static Folder *distinguished(Request *self, const char *id)
{
	bool is_archive = g_str_has_prefix(id, "archive");

	if (is_archive != (self->mailbox->kind == STORE_ARCHIVE))
		return NULL;
	return folder_by_dist(self->store, is_archive ? id + strlen("archive") : id);
}

bool request_is_public(const Request *self)
{
	return self->mailbox->kind == STORE_PUBLIC;
}

const char *request_folder(Request *self, const xmlNode *node, Folder **ret_folder)
{
	g_autofree char *id = xml_attr(node, "Id");
	int64_t number;

	if (!id)
		return "ErrorInvalidIdMalformed";
	if (self->refusal)
		return self->refusal;
	if (xml_is(node, "DistinguishedFolderId"))
		*ret_folder = distinguished(self, id);
	else if (ids_decode(store_key(self->store), IDS_FOLDER, id, &number))
		*ret_folder = folder_get(self->store, number);
	else
		return "ErrorInvalidIdMalformed";
	if (!*ret_folder)
		return "ErrorFolderNotFound";
	return (*ret_folder)->is_closed ? "ErrorAccessDenied" : NULL;
}

const char *request_folder_in(Request *self, const xmlNode *wrapper, Folder **ret_folder)
{
	const xmlNode *node = xml_first(wrapper);

	return node ? request_folder(self, node, ret_folder) : "ErrorFolderNotFound";
}

const char *request_item(Request *self, const xmlNode *node, Item **ret_item)
{
	g_autofree char *id = xml_attr(node, "Id");
	g_autoptr(Folder) folder = NULL;
	int64_t number;

	if (self->refusal)
		return self->refusal;
	if (!id || !ids_decode(store_key(self->store), IDS_ITEM, id, &number))
		return "ErrorInvalidIdMalformed";
	*ret_item = item_get(self->store, number);
	folder = *ret_item ? folder_get(self->store, (*ret_item)->folder) : NULL;
	return *ret_item && !(folder && folder->is_closed) &&
			!content_is_misled(self, (*ret_item)->folder)
		? NULL : "ErrorItemNotFound";
}
