/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op/events.h"
#include "ews/stream.h"

/* clang-format off */
#define NS " xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\"" \
	" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\""
#define SOAP "http://schemas.xmlsoap.org/soap/envelope/"
#define ENVELOPE(prefix, inner) \
	"<" prefix ":Envelope xmlns:" prefix "=\"" SOAP "\"><" prefix ":Body>" inner \
	"</" prefix ":Body></" prefix ":Envelope>"
#define MESSAGE(prefix, inner) \
	ENVELOPE(prefix, "<m:GetStreamingEventsResponse" NS "><m:ResponseMessages>" \
		"<m:x ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>" \
		inner "</m:x></m:ResponseMessages></m:GetStreamingEventsResponse>")
#define EVENT(inner) \
	"<m:Notifications><m:Notification><t:SubscriptionId>s</t:SubscriptionId>" inner \
	"</m:Notification></m:Notifications>"
#define STATUS(word) "<m:ConnectionStatus>" word "</m:ConnectionStatus>"

/* Everything that may stand between and inside. */
static const char stream_text[] =
	"\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n"
	MESSAGE("s", STATUS("OK"))
	MESSAGE("SOAP", EVENT("<t:CreatedEvent><t:ItemId Id=\"i>\"/><t:ParentFolderId Id='a'/>"
		"</t:CreatedEvent>"))
	"\r\n \t\n<?xml version='1.0'?><!-- </s:Envelope> -> - -->"
	MESSAGE("e", "<!-- <a> --><![CDATA[ </e:Envelope> ]] ]]>"
		EVENT("<t:MovedEvent><t:FolderId Id=\"b\"/><t:ParentFolderId Id=\"c\"/>"
		"<t:OldParentFolderId Id=\"c\"/></t:MovedEvent><t:StatusEvent/>"))
	"\xef\xbb\xbf"
	ENVELOPE("f", "<f:Fault><faultcode>f:Client</faultcode><faultstring>no</faultstring>"
		"</f:Fault>")
	MESSAGE("s", "<m:Notifications/><m:ErrorSubscriptionIds><SubscriptionId>s"
		"</SubscriptionId></m:ErrorSubscriptionIds>" STATUS("Closed"));
/* clang-format on */

static const char told_text[] = "told;told a;told b c;fault no;told lost closed;";

typedef struct World {
	EwsOp *op;
	EwsStream *stream;
	GString *told;
} World;

static void on_told(void *user, EwsOp *op, EwsMessage *message)
{
	World *self = user;
	const EwsEvents *events = ews_get_streaming_events_told(op);
	GList *ids = g_list_sort(g_hash_table_get_keys(events->folder_ids), (GCompareFunc)strcmp);

	g_assert_no_error(message->error);
	g_string_append(self->told, "told");
	for (GList *at = ids; at; at = at->next)
		g_string_append_printf(self->told, " %s", (char *)at->data);
	g_list_free(ids);
	g_string_append(self->told, events->is_anywhere ? " anywhere" : "");
	g_string_append(self->told, events->is_lost ? " lost" : "");
	g_string_append(self->told, events->is_closed ? " closed" : "");
	g_string_append(self->told, ";");
}

static void on_fault(void *user, const EwsFault *fault)
{
	World *self = user;

	g_string_append_printf(self->told, "fault %s;", fault->text);
}

static void world_init(World *self)
{
	self->op = ews_get_streaming_events_new("s", 30);
	self->told = g_string_new(NULL);
	self->stream = ews_stream_new(&(EwsStreamEvents){self->op, on_told, on_fault, self});
}

static void world_clear(World *self)
{
	ews_stream_free(self->stream);
	ews_op_free(self->op);
	g_string_free(self->told, TRUE);
}

static void test_cut_anywhere(void)
{
	for (size_t cut = 0; cut < strlen(stream_text); cut++) {
		World world;

		world_init(&world);
		g_assert_true(ews_stream_feed(world.stream, stream_text, cut));
		g_assert_true(g_str_has_prefix(told_text, world.told->str));
		g_assert_true(ews_stream_feed(world.stream, stream_text + cut,
			strlen(stream_text) - cut));
		g_assert_true(ews_stream_finish(world.stream, NULL));
		g_assert_cmpstr(world.told->str, ==, told_text);
		g_assert_cmpuint(ews_stream_count(world.stream), ==, 5);
		world_clear(&world);
	}
}

/* Told when its last byte is there, not when the next one comes. */
static void test_as_it_comes(void)
{
	World world;
	size_t at = 0;

	world_init(&world);
	for (const char *end; (end = strstr(stream_text + at, "</m:x>"));) {
		size_t next = (size_t)(end - stream_text) + strlen("</m:x>");
		size_t before = world.told->len;

		for (; at < next - 1; at++)
			ews_stream_feed(world.stream, stream_text + at, 1);
		g_assert_true(world.told->len == before ||
			      g_str_has_suffix(world.told->str, "fault no;"));
		before = world.told->len;
		ews_stream_feed(world.stream, stream_text + at++, 1);
		g_assert_cmpuint(world.told->len, >, before);
	}
	world_clear(&world);
}

static void test_broken_off(void)
{
	size_t len = strlen(MESSAGE("s", STATUS("OK")));

	for (size_t cut = 1; cut < len; cut++) {
		g_autoptr(GError) error = NULL;
		World world;

		world_init(&world);
		ews_stream_feed(world.stream, MESSAGE("s", STATUS("OK")), cut);
		g_assert_false(ews_stream_finish(world.stream, &error));
		g_assert_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL);
		g_assert_cmpuint(ews_stream_count(world.stream), ==, 0);
		world_clear(&world);
	}
}

static void test_no_stream(void)
{
	static const char *const bad[] = {
		"no XML",
		"<html><body>Hello</body></html>",
		"<!DOCTYPE html><html/>",
		"</a>",
		"<>",
		"<a></a>",
		MESSAGE("s", "") "junk",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		World world;
		bool is_good;

		world_init(&world);
		is_good = ews_stream_feed(world.stream, bad[i], strlen(bad[i]));
		is_good = ews_stream_finish(world.stream, NULL) && is_good;
		g_assert_false(is_good);
		g_assert_false(ews_stream_feed(world.stream, stream_text, strlen(stream_text)));
		world_clear(&world);
	}
}

/* What cannot be named is somewhere. */
static void test_too_many(void)
{
	g_autoptr(GString) text = g_string_new(NULL);
	World world;

	world_init(&world);
	for (int i = 0; i < EWS_CAP_EVENT_FOLDERS + 10; i++)
		g_string_append_printf(text,
			"<t:DeletedEvent><t:ParentFolderId Id=\"%d\"/>"
			"</t:DeletedEvent>",
			i);
	g_string_prepend(text,
		"<s:Envelope xmlns:s=\"" SOAP "\"><s:Body><m:y" NS ">"
		"<m:ResponseMessages><m:x ResponseClass=\"Success\"><m:Notifications>"
		"<m:Notification>");
	g_string_append(text, "</m:Notification></m:Notifications></m:x></m:ResponseMessages>"
			      "</m:y></s:Body></s:Envelope>");
	g_assert_true(ews_stream_feed(world.stream, text->str, text->len));
	g_assert_true(g_str_has_suffix(world.told->str, " anywhere;"));
	g_assert_cmpuint(g_hash_table_size(ews_get_streaming_events_told(world.op)->folder_ids), ==,
		EWS_CAP_EVENT_FOLDERS);
	world_clear(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/stream/cut-anywhere", test_cut_anywhere);
	g_test_add_func("/ews/stream/as-it-comes", test_as_it_comes);
	g_test_add_func("/ews/stream/broken-off", test_broken_off);
	g_test_add_func("/ews/stream/no-stream", test_no_stream);
	g_test_add_func("/ews/stream/too-many-folders", test_too_many);
	return g_test_run();
}
