/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Subscribe, Unsubscribe, GetEvents, GetStreamingEvents. A stream is one answer that goes on:
 * envelope after envelope on the request's own thread, until its time is over or the client
 * has gone.
 */
#include "tests/ewsd/events.h"

#include <string.h>

#include "tests/ewsd/clock.h"
#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"

enum {
	EVENTS_PER_CALL = 50,
	STREAM_BEAT_MS = 4000,	/* sooner than real servers: tests have short timeouts */
	STREAM_LOOK_MS = 250,	/* how soon a client that went away is noticed */
};

static const struct {
	const char *name;
	unsigned bit;
} TYPES[] = {
	{"CreatedEvent", EVENT_CREATED}, {"DeletedEvent", EVENT_DELETED},
	{"ModifiedEvent", EVENT_MODIFIED}, {"MovedEvent", EVENT_MOVED},
	{"CopiedEvent", EVENT_COPIED}, {"NewMailEvent", EVENT_NEW_MAIL},
};

static const char *name_of(unsigned bit)
{
	for (size_t i = 0; i < G_N_ELEMENTS(TYPES); i++) {
		if (TYPES[i].bit == bit)
			return TYPES[i].name;
	}
	return "StatusEvent";
}

static unsigned bit_of(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(TYPES); i++) {
		if (strcmp(TYPES[i].name, name) == 0)
			return TYPES[i].bit;
	}
	return 0;
}

static char *watermark(int64_t number)
{
	g_autofree char *plain = g_strdup_printf("ewsd%016" G_GINT64_MODIFIER "x", number);

	return g_base64_encode((const guchar *)plain, strlen(plain));
}

static bool read_watermark(const char *text, int64_t *ret_number)
{
	gsize length;
	g_autofree guchar *plain = g_base64_decode(text, &length);

	if (length != 20 || memcmp(plain, "ewsd", 4) != 0)
		return false;
	*ret_number = (int64_t)g_ascii_strtoull((const char *)plain + 4, NULL, 16);
	return true;
}

static const char *read_wanted(Request *request, const xmlNode *what, EventWanted *wanted)
{
	g_autofree char *timeout = xml_child_text(what, "Timeout");

	wanted->is_streaming = xml_is(what, "StreamingSubscriptionRequest");
	wanted->all_folders = xml_attr_is(what, "SubscribeToAllFolders", "true");
	wanted->timeout_min = timeout ? atoi(timeout) : 30;
	for (xmlNode *n = xml_first(xml_child(what, "EventTypes")); n; n = xml_next(n)) {
		g_autofree char *name = xml_text(n);

		wanted->mask |= bit_of(name);
	}
	for (xmlNode *n = xml_first(xml_child(what, "FolderIds")); n; n = xml_next(n)) {
		g_autoptr(Folder) folder = NULL;
		const char *code = request_folder(request, n, &folder);

		if (code)
			return code;
		g_array_append_val(wanted->folders, folder->id);
	}
	return NULL;
}

void op_subscribe(Request *request)
{
	g_autoptr(GArray) folders = g_array_new(FALSE, FALSE, sizeof(int64_t));
	EventWanted wanted = {.folders = folders};
	g_autofree char *id = NULL;
	g_autofree char *mark = watermark(events_last(request->events));
	const char *code;

	request->items = 1;
	store_lock(request->store);
	code = request->plan->is_busy_200 ? "ErrorServerBusy"
		: read_wanted(request, xml_first(request->op), &wanted);
	if (!code && request_is_public(request))
		code = "ErrorInvalidOperation";
	store_unlock(request->store);
	if (code) {
		request_error(request, code);
		return;
	}
	id = events_subscribe(request->events, &wanted);
	request_ok(request);
	out_elem(request->out, "m:SubscriptionId", id);
	if (!wanted.is_streaming)
		out_elem(request->out, "m:Watermark", mark);
	request_ok_end(request);
}

void op_unsubscribe(Request *request)
{
	g_autofree char *id = xml_child_text(request->op, "SubscriptionId");

	request->items = 1;
	if (!id || !events_unsubscribe(request->events, id)) {
		request_error(request, "ErrorSubscriptionNotFound");
		return;
	}
	request_ok(request);
	request_ok_end(request);
}

static void write_object(Request *request, const char *prefix, bool is_folder, int64_t id)
{
	const IdsKey *key = store_key(request->store);
	g_autofree char *name = g_strdup_printf("%s%s", prefix, is_folder ? "FolderId" : "ItemId");
	char text[IDS_TEXT];
	char change_key[IDS_CHANGE_KEY];

	ids_encode(key, is_folder ? IDS_FOLDER : IDS_ITEM, id, text);
	ids_change_key(key, id, change_key);
	out_printf(request->out, "<t:%s Id=\"%s\" ChangeKey=\"%s\"/>", name, text, change_key);
}

static void write_event(Request *request, const EventRecord *record, bool with_marks)
{
	const StoreNews *news = &record->news;
	const char *name = name_of(record->bit);
	g_autofree char *mark = watermark(record->number);

	out_printf(request->out, "<t:%s>", name);
	if (with_marks)
		out_elem(request->out, "t:Watermark", mark);
	out_date(request->out, "t:TimeStamp", record->time, true);
	write_object(request, "", news->is_folder, news->id);
	write_object(request, "Parent", true, news->parent);
	if (record->bit == EVENT_MOVED || record->bit == EVENT_COPIED) {
		write_object(request, "Old", news->is_folder, news->old_id);
		write_object(request, "OldParent", true, news->old_parent);
	}
	if (record->bit == EVENT_MODIFIED && news->is_folder)
		out_int(request->out, "t:UnreadCount", record->unread);
	out_printf(request->out, "</t:%s>", name);
}

static const char *get_events(Request *request)
{
	g_autofree char *id = xml_child_text(request->op, "SubscriptionId");
	g_autofree char *mark = xml_child_text(request->op, "Watermark");
	g_autofree char *status = NULL;
	g_autoptr(GArray) found = NULL;
	int64_t after;
	bool more;

	if (!id || !events_is_known(request->events, id, false))
		return "ErrorSubscriptionNotFound";
	if (!mark || !read_watermark(mark, &after))
		return "ErrorInvalidWatermark";
	found = events_since(request->events, id, after, EVENTS_PER_CALL, &more);
	request->items = found->len;
	request_ok(request);
	out_raw(request->out, "<m:Notification>");
	out_elem(request->out, "t:SubscriptionId", id);
	out_elem(request->out, "t:PreviousWatermark", mark);
	out_bool(request->out, "t:MoreEvents", more);
	for (guint i = 0; i < found->len; i++)
		write_event(request, &g_array_index(found, EventRecord, i), true);
	if (found->len == 0) {
		status = watermark(MAX(after, events_last(request->events)));
		out_raw(request->out, "<t:StatusEvent>");
		out_elem(request->out, "t:Watermark", status);
		out_raw(request->out, "</t:StatusEvent>");
	}
	out_raw(request->out, "</m:Notification>");
	request_ok_end(request);
	return NULL;
}

void op_get_events(Request *request)
{
	const char *code = request->plan->is_busy_200 ? "ErrorServerBusy" : get_events(request);

	if (code)
		request_error(request, code);
}

typedef struct Stream {
	Request *request;
	GPtrArray *ids;
	int64_t after;
} Stream;

/* False when nothing had to be said. */
static bool write_news(Stream *stream)
{
	Request *request = stream->request;
	bool any = false;
	bool more;

	for (guint i = 0; i < stream->ids->len; i++) {
		g_autoptr(GArray) found = events_since(request->events,
			stream->ids->pdata[i], stream->after, 1000, &more);

		if (found->len == 0)
			continue;
		if (!any)
			out_raw(request->out, "<m:Notifications>");
		any = true;
		out_raw(request->out, "<m:Notification>");
		out_elem(request->out, "t:SubscriptionId", stream->ids->pdata[i]);
		for (guint k = 0; k < found->len; k++)
			write_event(request, &g_array_index(found, EventRecord, k), false);
		out_raw(request->out, "</m:Notification>");
	}
	if (any)
		out_raw(request->out, "</m:Notifications>");
	return any;
}

static void envelope(Stream *stream, const char *status, bool beats)
{
	Request *request = stream->request;
	GString *buf = out_buf(request->out);
	gsize start = buf->len;
	int64_t last = events_last(request->events);
	bool any;

	request_open(request);
	out_raw(request->out, "<m:GetStreamingEventsResponseMessage ResponseClass=\"Success\">"
		"<m:ResponseCode>NoError</m:ResponseCode>");
	any = write_news(stream);
	stream->after = MAX(stream->after, last);
	if (!any && beats) {
		out_raw(request->out, "<m:Notifications><m:Notification>");
		out_elem(request->out, "t:SubscriptionId", stream->ids->pdata[0]);
		out_raw(request->out, "<t:StatusEvent/></m:Notification></m:Notifications>");
	}
	if (!any && !beats && !status) {
		g_string_truncate(buf, start);
		return;
	}
	if (status)
		out_elem(request->out, "m:ConnectionStatus", status);
	out_raw(request->out, "</m:GetStreamingEventsResponseMessage>");
	request_close(request);
	out_flush(request->out);
}

static void bad_stream(Request *request, const GPtrArray *bad)
{
	request_open(request);
	out_raw(request->out, "<m:GetStreamingEventsResponseMessage ResponseClass=\"Error\">"
		"<m:MessageText>The subscription was not found.</m:MessageText>"
		"<m:ResponseCode>ErrorSubscriptionNotFound</m:ResponseCode>"
		"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:ErrorSubscriptionIds>");
	for (guint i = 0; i < bad->len; i++)
		out_elem(request->out, "t:SubscriptionId", bad->pdata[i]);
	out_raw(request->out, "</m:ErrorSubscriptionIds>"
		"<m:ConnectionStatus>Closed</m:ConnectionStatus>"
		"</m:GetStreamingEventsResponseMessage>");
	request_close(request);
	request_note(request, "ErrorSubscriptionNotFound");
}

static bool still_known(const Stream *stream)
{
	for (guint i = 0; i < stream->ids->len; i++) {
		if (!events_is_known(stream->request->events, stream->ids->pdata[i], true))
			return false;
	}
	return true;
}

static void stream_run(Stream *stream, int64_t until)
{
	Request *request = stream->request;
	Events *events = request->events;
	unsigned generation = events_generation(events);
	int64_t beat = clock_now() + STREAM_BEAT_MS;

	envelope(stream, "OK", false);
	while (clock_now() < until && !out_is_gone(request->out)) {
		bool beats = clock_now() >= beat;

		if (!events_wait(events, stream->after, generation, STREAM_LOOK_MS))
			return;
		if (events_is_silent(events)) {
			clock_sleep(STREAM_LOOK_MS);
			continue;
		}
		if (!still_known(stream)) {
			bad_stream(request, stream->ids);
			return;
		}
		envelope(stream, NULL, beats);
		if (beats)
			beat = clock_now() + STREAM_BEAT_MS;
	}
	envelope(stream, "Closed", false);
}

void op_get_streaming_events(Request *request)
{
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) bad = g_ptr_array_new();
	g_autofree char *minutes = xml_child_text(request->op, "ConnectionTimeout");
	int64_t until = clock_now() + CLAMP(minutes ? atoi(minutes) : 1, 1, 30) * INT64_C(60000);
	Stream stream = {request, ids, events_last(request->events)};
	xmlNode *list = xml_child(request->op, "SubscriptionIds");

	for (xmlNode *n = xml_first(list); n; n = xml_next(n)) {
		g_ptr_array_add(ids, xml_text(n));
		if (!events_is_known(request->events, ids->pdata[ids->len - 1], true))
			g_ptr_array_add(bad, ids->pdata[ids->len - 1]);
	}
	request->items = ids->len;
	if (bad->len || ids->len == 0) {
		bad_stream(request, bad);
		return;
	}
	request_note(request, "NoError");
	/* Logged now: it may be half an hour until it ends. */
	request_log(request, "stream");
	log_count_stream(request->world->log, 1);
	stream_run(&stream, until);
	log_count_stream(request->world->log, -1);
}
