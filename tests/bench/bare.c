/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bare loop: what a server can do when nobody does anything with its answers. The baseline
 * that the benchmarks measure ewsfs against.
 *
 *     bare sync URL USER PASSWORD FOLDER               SyncFolderItems, page after page
 *     bare get  URL USER PASSWORD FOLDER BATCH CONNS   GetItem with MIME, all items of FOLDER
 *     bare one  URL USER PASSWORD ITEM-ID              GetItem with MIME, one item
 *     bare create URL USER PASSWORD FOLDER BATCH CONNS DIR  CreateItem, all files of DIR
 *
 * FOLDER is a DisplayName. On purpose it shares no code with ewsfs: plain libcurl, requests
 * pasted together, answers only looked through with strstr. It asks for the very properties that
 * ews/op/shape.c asks for, and its batches look like those of ews/op/get_item.c and create_item.c.
 * Finding the folder, the ids for `get`, and the names of the files for `create` is not timed. One
 * line of JSON: seconds, requests, items, bytes.
 */
#include <curl/curl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNS_MAX 64

static const char head[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\""
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
	" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Header>"
	"<t:RequestServerVersion Version=\"Exchange2013_SP1\"/></s:Header><s:Body>";
static const char tail[] = "</s:Body></s:Envelope>";

static const char *const fields[] = {
	"item:ItemClass",
	"item:Subject",
	"item:DateTimeReceived",
	"item:Size",
	"item:Categories",
	"item:Importance",
	"item:DateTimeSent",
	"item:DateTimeCreated",
	"item:DisplayTo",
	"item:HasAttachments",
	"item:LastModifiedTime",
	"item:Flag",
	"message:From",
	"message:InternetMessageId",
	"message:IsRead",
};

typedef struct Loop {
	const char *url, *user, *password;
	struct curl_slist *headers;
	uint64_t requests, items, bytes;
	bool has_failed;
} Loop;

/* One request in flight. */
typedef struct Call {
	Loop *loop;
	CURL *easy;
	GString *body;
	GString *answer; /* NULL: thrown away */
} Call;

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
	Call *call = user;

	call->loop->bytes += size * count;
	if (call->answer)
		g_string_append_len(call->answer, data, (gssize)(size * count));
	return size * count;
}

static void call_init(Call *self, Loop *loop, bool keeps_answer)
{
	*self = (Call){.loop = loop, .easy = curl_easy_init()};
	self->body = g_string_new(NULL);
	self->answer = keeps_answer ? g_string_new(NULL) : NULL;
	curl_easy_setopt(self->easy, CURLOPT_URL, loop->url);
	curl_easy_setopt(self->easy, CURLOPT_USERNAME, loop->user);
	curl_easy_setopt(self->easy, CURLOPT_PASSWORD, loop->password);
	curl_easy_setopt(self->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(self->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(self->easy, CURLOPT_HTTPHEADER, loop->headers);
	curl_easy_setopt(self->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(self->easy, CURLOPT_BUFFERSIZE, 128L * 1024);
	curl_easy_setopt(self->easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(self->easy, CURLOPT_WRITEDATA, self);
	curl_easy_setopt(self->easy, CURLOPT_PRIVATE, self);
}

static void call_clear(Call *self)
{
	curl_easy_cleanup(self->easy);
	g_string_free(self->body, TRUE);
	if (self->answer)
		g_string_free(self->answer, TRUE);
}

static void call_load(Call *self)
{
	if (self->answer)
		g_string_truncate(self->answer, 0);
	curl_easy_setopt(self->easy, CURLOPT_POSTFIELDS, self->body->str);
	curl_easy_setopt(self->easy, CURLOPT_POSTFIELDSIZE, (long)self->body->len);
	self->loop->requests++;
}

static void call_check(Call *self, CURLcode code)
{
	long status = 0;

	curl_easy_getinfo(self->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_OK && status == 200)
		return;
	fprintf(stderr, "bare: %s, HTTP %ld\n", curl_easy_strerror(code), status);
	self->loop->has_failed = true;
}

static void call_perform(Call *self)
{
	call_load(self);
	call_check(self, curl_easy_perform(self->easy));
}

/* What stands between @before, at or after @from, and the next @end. Owned; NULL: not there. */
static char *between(const char *from, const char *before, char end)
{
	const char *at = from ? strstr(from, before) : NULL;
	const char *to;

	if (!at)
		return NULL;
	at += strlen(before);
	to = strchr(at, end);
	return to ? g_strndup(at, (gsize)(to - at)) : NULL;
}

static char *find_folder(Loop *loop, const char *name)
{
	g_autofree char *label = g_strdup_printf("DisplayName>%s<", name);
	const char *found;
	char *id = NULL;
	Call call;

	call_init(&call, loop, true);
	g_string_printf(call.body,
		"%s<m:FindFolder Traversal=\"Deep\"><m:FolderShape>"
		"<t:BaseShape>Default</t:BaseShape></m:FolderShape><m:ParentFolderIds>"
		"<t:DistinguishedFolderId Id=\"msgfolderroot\"/></m:ParentFolderIds>"
		"</m:FindFolder>%s",
		head, tail);
	call_perform(&call);
	found = strstr(call.answer->str, label);
	found = found ? g_strrstr_len(call.answer->str, found - call.answer->str, "FolderId Id=")
		      : NULL;
	id = between(found, "Id=\"", '"');
	call_clear(&call);
	if (!id)
		fprintf(stderr, "bare: no folder %s\n", name);
	return id;
}

static void write_sync(GString *body, const char *folder, const char *state)
{
	g_string_assign(body, head);
	g_string_append(body, "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
			      "<t:AdditionalProperties>");
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		g_string_append_printf(body, "<t:FieldURI FieldURI=\"%s\"/>", fields[i]);
	g_string_append(body,
		"<t:ExtendedFieldURI PropertyTag=\"0x300B\" PropertyType=\"Binary\"/>"
		"<t:ExtendedFieldURI PropertyTag=\"0x0E07\" PropertyType=\"Integer\"/>"
		"<t:ExtendedFieldURI PropertySetId=\"c11ff724-aa03-4555-9952-8fa248a11c3e\""
		" PropertyName=\"ewsfs-name\" PropertyType=\"String\"/>"
		"</t:AdditionalProperties></m:ItemShape><m:SyncFolderId>");
	g_string_append_printf(body, "<t:FolderId Id=\"%s\"/></m:SyncFolderId>", folder);
	if (state)
		g_string_append_printf(body, "<m:SyncState>%s</m:SyncState>", state);
	g_string_append(body, "<m:MaxChangesReturned>512</m:MaxChangesReturned>"
			      "<m:SyncScope>NormalItems</m:SyncScope></m:SyncFolderItems>");
	g_string_append(body, tail);
}

/* Counts the items of a page; their ids go into @ids where there is one. */
static void count_items(Loop *loop, const char *page, GPtrArray *ids)
{
	static const char label[] = "ItemId Id=\"";

	for (const char *at = page; (at = strstr(at, label)); at += strlen(label)) {
		loop->items++;
		if (ids)
			g_ptr_array_add(ids, between(at, label, '"'));
	}
}

static void sync_folder(Loop *loop, const char *folder, GPtrArray *ids)
{
	g_autofree char *state = NULL;
	bool is_last = false;
	Call call;

	call_init(&call, loop, true);
	while (!is_last && !loop->has_failed) {
		write_sync(call.body, folder, state);
		call_perform(&call);
		g_free(state);
		state = between(call.answer->str, "SyncState>", '<');
		is_last =
			!state || strstr(call.answer->str, "IncludesLastItemInRange>true") != NULL;
		count_items(loop, call.answer->str, ids);
	}
	call_clear(&call);
}

static void write_get(GString *body, const GPtrArray *ids, guint from, guint count)
{
	g_string_assign(body, head);
	g_string_append(body, "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape>"
			      "<t:IncludeMimeContent>true</t:IncludeMimeContent>"
			      "<t:AdditionalProperties><t:FieldURI FieldURI=\"item:ItemClass\"/>"
			      "</t:AdditionalProperties></m:ItemShape><m:ItemIds>");
	for (guint i = from; i < from + count; i++)
		g_string_append_printf(body, "<t:ItemId Id=\"%s\"/>", (char *)ids->pdata[i]);
	g_string_append(body, "</m:ItemIds></m:GetItem>");
	g_string_append(body, tail);
}

/* What ewsfs says of a new message; one GUID an item, in the order of the files. */
static void write_new(GString *body, const char *mime, gsize len, guint number)
{
	static const char named[] =
		"<t:ExtendedProperty><t:ExtendedFieldURI"
		" PropertySetId=\"c11ff724-aa03-4555-9952-8fa248a11c3e\" PropertyName=\"%s\""
		" PropertyType=\"String\"/><t:Value>%s%u</t:Value></t:ExtendedProperty>";
	g_autofree char *text = g_base64_encode((const guchar *)mime, len);

	g_string_append_printf(body,
		"<t:Message><t:MimeContent>%s</t:MimeContent>"
		"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x0E07\""
		" PropertyType=\"Integer\"/><t:Value>1</t:Value></t:ExtendedProperty>"
		"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag=\"0x0E06\""
		" PropertyType=\"SystemTime\"/><t:Value>2026-01-02T03:04:05Z</t:Value>"
		"</t:ExtendedProperty>",
		text);
	g_string_append_printf(body, named, "ewsfs-name", "a-file-of-some-name.eml", number);
	g_string_append_printf(body, named, "Guid", "01234567-89ab-cdef-0123-456789abcdef/",
		number);
	g_string_append_printf(body, named, "Upload",
		"1000 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", number);
	g_string_append(body, "<t:IsRead>true</t:IsRead></t:Message>");
}

static void write_create(GString *body, const char *folder, const GPtrArray *paths, guint from,
	guint count)
{
	g_string_assign(body, head);
	g_string_append_printf(body,
		"<m:CreateItem MessageDisposition=\"SaveOnly\""
		" SendMeetingInvitations=\"SendToNone\"><m:SavedItemFolderId>"
		"<t:FolderId Id=\"%s\"/></m:SavedItemFolderId><m:Items>",
		folder);
	for (guint i = from; i < from + count; i++) {
		g_autofree char *mime = NULL;
		gsize len = 0;

		if (g_file_get_contents(paths->pdata[i], &mime, &len, NULL))
			write_new(body, mime, len, i);
	}
	g_string_append(body, "</m:Items></m:CreateItem>");
	g_string_append(body, tail);
}

typedef struct Fetch {
	Loop *loop;
	const GPtrArray *ids; /* of `create`: paths */
	guint batch;
	guint next;
	guint in_flight;
	const char *folder; /* of `create`; else NULL */
	CURLM *multi;
} Fetch;

static void send_next(Fetch *self, Call *call)
{
	guint count = MIN(self->batch, self->ids->len - self->next);

	if (count == 0 || self->loop->has_failed)
		return;
	if (self->folder)
		write_create(call->body, self->folder, self->ids, self->next, count);
	else
		write_get(call->body, self->ids, self->next, count);
	self->next += count;
	self->loop->items += count;
	call_load(call);
	self->in_flight++;
	curl_multi_add_handle(self->multi, call->easy);
}

static void reap(Fetch *self)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(self->multi, &left))) {
		Call *call = NULL;
		CURLcode code = message->data.result;

		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		curl_multi_remove_handle(self->multi, message->easy_handle);
		self->in_flight--;
		call_check(call, code);
		send_next(self, call);
	}
}

/* @folder: what @ids name is created there. NULL: it is fetched. */
static void post_all(Loop *loop, const GPtrArray *ids, const char *folder, guint batch,
	unsigned conns)
{
	Fetch self = {loop, ids, MAX(batch, 1), 0, 0, folder, curl_multi_init()};
	Call calls[CONNS_MAX];
	int running = 0;

	conns = CLAMP(conns, 1, CONNS_MAX);
	for (unsigned i = 0; i < conns; i++) {
		call_init(&calls[i], loop, false);
		send_next(&self, &calls[i]);
	}
	do {
		curl_multi_poll(self.multi, NULL, 0, 1000, NULL);
		curl_multi_perform(self.multi, &running);
		reap(&self);
		curl_multi_perform(self.multi, &running);
	} while (self.in_flight > 0);
	for (unsigned i = 0; i < conns; i++)
		call_clear(&calls[i]);
	curl_multi_cleanup(self.multi);
}

static void report(const Loop *loop, const char *what, int64_t start)
{
	printf("{\"what\":\"%s\",\"seconds\":%.4f,\"requests\":%" G_GUINT64_FORMAT
	       ",\"items\":%" G_GUINT64_FORMAT ",\"bytes\":%" G_GUINT64_FORMAT "}\n",
		what, (double)(g_get_monotonic_time() - start) / 1e6, (guint64)loop->requests,
		(guint64)loop->items, (guint64)loop->bytes);
}

/* What was done so far is preparation. */
static int64_t begin(Loop *loop)
{
	loop->requests = loop->items = loop->bytes = 0;
	return g_get_monotonic_time();
}

static void run_sync(Loop *loop, const char *name)
{
	g_autofree char *folder = find_folder(loop, name);
	int64_t start = begin(loop);

	if (!folder)
		exit(1);
	sync_folder(loop, folder, NULL);
	report(loop, "sync", start);
}

static void run_get(Loop *loop, const char *name, guint batch, unsigned conns)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *folder = find_folder(loop, name);
	int64_t start;

	if (!folder)
		exit(1);
	sync_folder(loop, folder, ids);
	start = begin(loop);
	post_all(loop, ids, NULL, batch, conns);
	report(loop, "get", start);
}

static void run_one(Loop *loop, const char *id)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new();
	int64_t start = begin(loop);

	g_ptr_array_add(ids, (void *)id);
	post_all(loop, ids, NULL, 1, 1);
	report(loop, "one", start);
}

static void run_create(Loop *loop, const char *name, guint batch, unsigned conns, const char *path)
{
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *folder = find_folder(loop, name);
	GDir *dir = g_dir_open(path, 0, NULL);
	const char *file;
	int64_t start;

	if (!folder || !dir)
		exit(1);
	while ((file = g_dir_read_name(dir)))
		g_ptr_array_add(paths, g_build_filename(path, file, NULL));
	g_dir_close(dir);
	start = begin(loop);
	post_all(loop, paths, folder, batch, conns);
	report(loop, "create", start);
}

int main(int argc, char **argv)
{
	Loop loop = {0};

	if (argc < 6) {
		fprintf(stderr, "bare sync|get|one|create URL USER PASSWORD FOLDER|ITEM"
				" [BATCH CONNS [DIR]]\n");
		return 2;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	loop.url = argv[2];
	loop.user = argv[3];
	loop.password = argv[4];
	loop.headers = curl_slist_append(NULL, "Content-Type: text/xml; charset=utf-8");
	loop.headers = curl_slist_append(loop.headers, "Expect:");
	if (strcmp(argv[1], "sync") == 0)
		run_sync(&loop, argv[5]);
	else if (strcmp(argv[1], "one") == 0)
		run_one(&loop, argv[5]);
	else if (strcmp(argv[1], "create") == 0 && argc > 8)
		run_create(&loop, argv[5], (guint)atoi(argv[6]), (unsigned)atoi(argv[7]), argv[8]);
	else
		run_get(&loop, argv[5], argc > 6 ? (guint)atoi(argv[6]) : 100,
			argc > 7 ? (unsigned)atoi(argv[7]) : 4);
	curl_slist_free_all(loop.headers);
	return loop.has_failed;
}
