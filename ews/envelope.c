/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/envelope.h"

#include <string.h>

#include "ews/error.h"

/*
 * Everything between the document and the insides of a response message. The tables stand at the
 * end, innermost first; read them from the bottom up.
 */

/* A ServerVersionInfo's Version, a Value's Name and the like. */
#define WORD_MAX 256

void ews_envelope_init(EwsEnvelope *self, const EwsSoapEvents *events)
{
	memset(self, 0, sizeof(*self));
	self->events = *events;
	self->backoff_ms = -1;
	self->fault.backoff_ms = -1;
}

/* Forgets what the last response message said of itself. */
static void clear_message(EwsEnvelope *self)
{
	g_clear_pointer(&self->class, g_free);
	g_clear_pointer(&self->code, g_free);
	g_clear_pointer(&self->text, g_free);
	g_clear_pointer(&self->value_name, g_free);
	self->is_busy = false;
	self->backoff_ms = -1;
}

void ews_envelope_clear(EwsEnvelope *self)
{
	clear_message(self);
	g_clear_pointer(&self->fault.code, g_free);
	g_clear_pointer(&self->fault.text, g_free);
	g_clear_pointer(&self->server, g_free);
}

static void start_envelope(EwsReading *reading)
{
	reading->envelope->is_soap = true;
}

static void end_envelope(EwsReading *reading)
{
	reading->envelope->is_whole = true;
}

static void start_version(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;
	g_autofree char *version = ews_reading_attribute(reading, EWS_NAME_Version);

	g_free(self->server);
	self->server = g_strdup_printf("%d.%d.%d (%.40s)",
		(int)ews_reading_attribute_number(reading, EWS_NAME_MajorVersion, 0),
		(int)ews_reading_attribute_number(reading, EWS_NAME_MinorVersion, 0),
		(int)ews_reading_attribute_number(reading, EWS_NAME_MajorBuildNumber, 0),
		version ? version : "?");
}

static char *take_text(EwsReading *reading)
{
	return g_strstrip(g_strdup(reading->text->str));
}

static void end_code(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;

	g_free(self->code);
	self->code = take_text(reading);
}

static void end_message_text(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;

	g_free(self->text);
	self->text = take_text(reading);
}

static void start_value(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;

	g_free(self->value_name);
	self->value_name = ews_reading_attribute(reading, EWS_NAME_Name);
}

static void end_value(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;
	const char *text = reading->text->str;

	if (g_strcmp0(self->value_name, "BackOffMilliseconds") == 0)
		self->backoff_ms = ews_parse_number(text, -1);
	else if (g_strcmp0(self->value_name, "InnerErrorResponseCode") == 0)
		self->is_busy = strstr(text, "ErrorServerBusy") != NULL;
}

/* Some say it in words only: "... Suggested backoff time 30000 ms". */
static int64_t backoff_in_words(const char *text)
{
	static const char words[] = "backoff time ";
	const char *at = text ? strstr(text, words) : NULL;
	guint64 ms = at ? g_ascii_strtoull(at + strlen(words), NULL, 10) : 0;

	return ms > 0 && ms < G_MAXINT ? (int64_t)ms : -1;
}

static void start_message(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;

	clear_message(self);
	self->class = ews_reading_attribute(reading, EWS_NAME_ResponseClass);
	g_clear_error(&reading->error);
	reading->record = NULL;
	reading->op = self->events.begin(self->events.user);
}

/* The code by which the message counts: what it says, or what its class allows. */
static const char *message_code(const EwsEnvelope *self)
{
	if (self->code && *self->code)
		return self->code;
	return g_strcmp0(self->class, "Success") == 0 ? "NoError" : NULL;
}

/* What is wrong with the answer to @op; NULL if nothing is. */
static GError *judge_message(EwsReading *reading, EwsOp *op, const char *code)
{
	GError *error = NULL;

	if (reading->error)
		return g_steal_pointer(&reading->error);
	if (!code)
		return g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "%s: no response code",
			op->kind->name);
	if (strcmp(code, "NoError") != 0 && g_strcmp0(code, op->kind->also_success) != 0)
		return ews_error_from_response(code, reading->envelope->text, TRUE);
	if (op->kind->finish && !op->kind->finish(op, &error))
		return error;
	return NULL;
}

static void end_message(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;
	EwsOp *op = reading->op;
	const char *code = message_code(self);
	EwsMessage message = { .code = code ? code : "", .backoff_ms = self->backoff_ms };

	reading->op = NULL;
	reading->record = NULL;
	if (op) {
		message.is_busy = self->is_busy || g_strcmp0(code, "ErrorServerBusy") == 0;
		if (message.backoff_ms < 0)
			message.backoff_ms = backoff_in_words(self->text);
		message.error = judge_message(reading, op, code);
		self->events.end(self->events.user, op, &message);
		g_clear_error(&message.error);
	}
	g_clear_error(&reading->error);
	clear_message(self);
}

/* "a:ErrorServerBusy" and the bare code of other servers; not "SOAP:Client". */
static void end_faultcode(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;
	g_autofree char *text = take_text(reading);
	const char *colon = strrchr(text, ':');
	const char *code = colon ? colon + 1 : text;

	self->fault.is_client = strcmp(code, "Client") == 0;
	if (!self->code && g_str_has_prefix(code, "Error"))
		self->code = g_strdup(code);
}

static void end_faultstring(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;

	if (!self->text)
		self->text = take_text(reading);
}

static void start_fault(EwsReading *reading)
{
	clear_message(reading->envelope);
}

static void end_fault(EwsReading *reading)
{
	EwsEnvelope *self = reading->envelope;
	EwsFault *fault = &self->fault;

	if (self->has_fault)
		return;
	self->has_fault = true;
	fault->code = g_steal_pointer(&self->code);
	fault->text = g_steal_pointer(&self->text);
	fault->is_busy = self->is_busy || g_strcmp0(fault->code, "ErrorServerBusy") == 0;
	fault->backoff_ms = self->backoff_ms >= 0 ? self->backoff_ms
						  : backoff_in_words(fault->text);
	clear_message(self);
}

/* clang-format off */
static const EwsElement message_xml[] = {
	{ .name = EWS_NAME_Value, .type = EWS_FIELD_TEXT, .text_max = WORD_MAX,
	  .start = start_value, .end = end_value },
	{ 0 },
};

static const EwsElement message_elements[] = {
	{ .name = EWS_NAME_ResponseCode, .type = EWS_FIELD_TEXT, .text_max = WORD_MAX,
	  .end = end_code },
	{ .name = EWS_NAME_MessageText, .type = EWS_FIELD_TEXT, .text_max = 4096,
	  .end = end_message_text },
	{ .name = EWS_NAME_MessageXml, .children = message_xml },
	{ 0 },
};

/* What a response message is called says nothing: one server names some of them "m:x". */
static const EwsElement messages[] = {
	{ .name = EWS_NAME_ANY, .children = message_elements, .is_message = true,
	  .start = start_message, .end = end_message },
	{ 0 },
};

/* One server says "Responses" after SendItem. */
static const EwsElement response[] = {
	{ .name = EWS_NAME_ResponseMessages, .children = messages },
	{ .name = EWS_NAME_Responses, .children = messages },
	{ 0 },
};

static const EwsElement fault_detail[] = {
	{ .name = EWS_NAME_ResponseCode, .ns = EWS_NS_ANY, .type = EWS_FIELD_TEXT,
	  .text_max = WORD_MAX, .end = end_code },
	{ .name = EWS_NAME_Message, .ns = EWS_NS_ANY, .type = EWS_FIELD_TEXT, .text_max = 4096,
	  .end = end_message_text },
	{ .name = EWS_NAME_MessageXml, .ns = EWS_NS_ANY, .children = message_xml },
	{ 0 },
};

static const EwsElement fault[] = {
	{ .name = EWS_NAME_faultcode, .ns = EWS_NS_ANY, .type = EWS_FIELD_TEXT,
	  .text_max = WORD_MAX, .end = end_faultcode },
	{ .name = EWS_NAME_faultstring, .ns = EWS_NS_ANY, .type = EWS_FIELD_TEXT,
	  .text_max = 4096, .end = end_faultstring },
	{ .name = EWS_NAME_detail, .ns = EWS_NS_ANY, .children = fault_detail },
	{ 0 },
};

static const EwsElement body[] = {
	{ .name = EWS_NAME_Fault, .ns = EWS_NS_SOAP, .children = fault,
	  .start = start_fault, .end = end_fault },
	{ .name = EWS_NAME_ANY, .children = response },
	{ 0 },
};

static const EwsElement header[] = {
	{ .name = EWS_NAME_ServerVersionInfo, .start = start_version },
	{ 0 },
};

static const EwsElement envelope[] = {
	{ .name = EWS_NAME_Header, .ns = EWS_NS_SOAP, .children = header },
	{ .name = EWS_NAME_Body, .ns = EWS_NS_SOAP, .children = body },
	{ 0 },
};

const EwsElement ews_envelope_document[] = {
	{ .name = EWS_NAME_Envelope, .ns = EWS_NS_SOAP, .children = envelope,
	  .start = start_envelope, .end = end_envelope },
	{ 0 },
};
/* clang-format on */
