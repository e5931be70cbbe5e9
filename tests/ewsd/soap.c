/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/soap.h"

#include <libxml/parser.h>
#include <libxml/xmlschemas.h>
#include <pthread.h>
#include <string.h>

#include "tests/ewsd/ops/ops.h"

struct Schema {
	pthread_mutex_t lock;
	xmlSchema *schema;	/* own, used under lock */
};

static void collect(void *data, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void collect(void *data, const char *format, ...)
{
	GString *text = data;
	va_list args;

	va_start(args, format);
	g_string_append_vprintf(text, format, args);
	va_end(args);
}

Schema *soap_schema_load(const char *dir, GError **error)
{
	g_autofree char *path = g_build_filename(dir, "soap-envelope.xsd", NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	xmlSchemaParserCtxt *parser = xmlSchemaNewParserCtxt(path);
	Schema *self = g_new0(Schema, 1);

	pthread_mutex_init(&self->lock, NULL);
	xmlSchemaSetParserErrors(parser, collect, collect, text);
	self->schema = xmlSchemaParse(parser);
	xmlSchemaFreeParserCtxt(parser);
	if (!self->schema) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s: no schema: %s", path,
			text->str);
		soap_schema_free(self);
		return NULL;
	}
	return self;
}

void soap_schema_free(Schema *self)
{
	if (!self)
		return;
	if (self->schema)
		xmlSchemaFree(self->schema);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

char *soap_schema_check(Schema *self, xmlDoc *doc)
{
	g_autoptr(GString) text = g_string_new(NULL);
	xmlSchemaValidCtxt *context;
	int rc;

	pthread_mutex_lock(&self->lock);
	context = xmlSchemaNewValidCtxt(self->schema);
	xmlSchemaSetValidErrors(context, collect, collect, text);
	rc = xmlSchemaValidateDoc(context, doc);
	xmlSchemaFreeValidCtxt(context);
	pthread_mutex_unlock(&self->lock);
	if (rc == 0)
		return NULL;
	return g_strchomp(g_string_free(g_steal_pointer(&text), FALSE));
}

xmlDoc *soap_parse(const char *data, size_t length)
{
	return xmlReadMemory(data, (int)length, NULL, NULL, XML_PARSE_HUGE | XML_PARSE_NONET
		| XML_PARSE_NOCDATA | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

xmlNode *soap_operation(xmlDoc *doc)
{
	xmlNode *root = xmlDocGetRootElement(doc);

	return xml_is(root, "Envelope") ? xml_first(xml_child(root, "Body")) : NULL;
}

bool soap_wants_ms(xmlDoc *doc)
{
	xmlNode *header = xml_child(xmlDocGetRootElement(doc), "Header");
	g_autofree char *precision = xml_child_text(header, "DateTimePrecision");

	return precision && strcmp(precision, "Milliseconds") == 0;
}

char *soap_impersonated(xmlDoc *doc)
{
	xmlNode *header = xml_child(xmlDocGetRootElement(doc), "Header");
	xmlNode *impersonation = header ? xml_child(header, "ExchangeImpersonation") : NULL;
	xmlNode *who = impersonation ? xml_child(impersonation, "ConnectingSID") : NULL;

	return who ? xml_child_text(who, "PrimarySmtpAddress") : NULL;
}

static const struct {
	const char *name;
	void (*run)(Request *request);
	bool is_bare;	/* writes its whole answer by itself */
} OPS[] = {
	{"GetFolder", op_get_folder, false},
	{"FindFolder", op_find_folder, false},
	{"CreateFolder", op_create_folder, false},
	{"UpdateFolder", op_update_folder, false},
	{"MoveFolder", op_move_folder, false},
	{"DeleteFolder", op_delete_folder, false},
	{"EmptyFolder", op_empty_folder, false},
	{"SyncFolderHierarchy", op_sync_folder_hierarchy, false},
	{"SyncFolderItems", op_sync_folder_items, false},
	{"GetItem", op_get_item, false},
	{"FindItem", op_find_item, false},
	{"CreateItem", op_create_item, false},
	{"UpdateItem", op_update_item, false},
	{"DeleteItem", op_delete_item, false},
	{"MoveItem", op_move_item, false},
	{"CopyItem", op_copy_item, false},
	{"SendItem", op_send_item, false},
	{"Subscribe", op_subscribe, false},
	{"Unsubscribe", op_unsubscribe, false},
	{"GetEvents", op_get_events, false},
	{"GetStreamingEvents", op_get_streaming_events, true},
	{"ResolveNames", op_resolve_names, false},
	{"ConvertId", op_convert_id, false},
	{"GetUserConfiguration", op_get_user_configuration, false},
	{"GetServerTimeZones", op_get_server_time_zones, false},
};

static int find(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(OPS); i++) {
		if (strcmp(OPS[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

bool soap_is_known(const char *name)
{
	return find(name) >= 0;
}

void soap_run(Request *request)
{
	int i = find(request->name);

	if (OPS[i].is_bare) {
		OPS[i].run(request);
		return;
	}
	request_open(request);
	OPS[i].run(request);
	if (!request->is_faulted)
		request_close(request);
}
