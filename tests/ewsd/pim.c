/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/pim.h"

#include <string.h>

#include "tests/ewsd/xml.h"

/* In the order of the schema's types; what an IndexedFieldURI names is in one element of many. */
static const struct {
	const char *uri;
	const char *element;
} PROPERTIES[] = {
	{"item:Body", "Body"},
	{"calendar:UID", "UID"},
	{"calendar:DateTimeStamp", "DateTimeStamp"},
	{"calendar:Start", "Start"},
	{"calendar:End", "End"},
	{"calendar:IsAllDayEvent", "IsAllDayEvent"},
	{"calendar:LegacyFreeBusyStatus", "LegacyFreeBusyStatus"},
	{"calendar:Location", "Location"},
	{"calendar:Organizer", "Organizer"},
	{"calendar:RequiredAttendees", "RequiredAttendees"},
	{"calendar:OptionalAttendees", "OptionalAttendees"},
	{"calendar:Resources", "Resources"},
	{"calendar:Recurrence", "Recurrence"},
	{"calendar:ModifiedOccurrences", "ModifiedOccurrences"},
	{"calendar:DeletedOccurrences", "DeletedOccurrences"},
	{"calendar:StartWallClock", "StartWallClock"},
	{"calendar:EndWallClock", "EndWallClock"},
	{"contacts:FileAs", "FileAs"},
	{"contacts:DisplayName", "DisplayName"},
	{"contacts:GivenName", "GivenName"},
	{"contacts:MiddleName", "MiddleName"},
	{"contacts:Nickname", "Nickname"},
	{"contacts:CompleteName", "CompleteName"},
	{"contacts:CompanyName", "CompanyName"},
	{"contacts:EmailAddress", "EmailAddresses"},
	{"contacts:PhysicalAddress:Street", "PhysicalAddresses"},
	{"contacts:PhoneNumber", "PhoneNumbers"},
	{"contacts:Birthday", "Birthday"},
	{"contacts:BusinessHomePage", "BusinessHomePage"},
	{"contacts:Department", "Department"},
	{"contacts:Generation", "Generation"},
	{"contacts:ImAddress", "ImAddresses"},
	{"contacts:JobTitle", "JobTitle"},
	{"contacts:Surname", "Surname"},
	{"task:CompleteDate", "CompleteDate"},
	{"task:DueDate", "DueDate"},
	{"task:PercentComplete", "PercentComplete"},
	{"task:StartDate", "StartDate"},
	{"task:Status", "Status"},
};

bool pim_is(const Item *item)
{
	static const char *const classes[] = {"IPM.Appointment", "IPM.Contact", "IPM.Task"};

	for (size_t i = 0; item->class && i < G_N_ELEMENTS(classes); i++) {
		if (g_ascii_strncasecmp(item->class, classes[i], strlen(classes[i])) == 0)
			return true;
	}
	return false;
}

/* --- properties --------------------------------------------------------------------------- */

static char *key_of(const char *element)
{
	return g_strconcat("x:", element, NULL);
}

/* An element as it stands in an answer, whatever prefix it came with. */
static void serialise(GString *to, const xmlNode *node)
{
	xmlNode *child = xml_first(node);

	g_string_append_printf(to, "<t:%s", (const char *)node->name);
	for (const xmlAttr *attr = node->properties; attr; attr = attr->next) {
		g_autofree char *value = xml_attr(node, (const char *)attr->name);
		g_autofree char *safe = g_markup_escape_text(value ? value : "", -1);

		g_string_append_printf(to, " %s=\"%s\"", (const char *)attr->name, safe);
	}
	g_string_append_c(to, '>');
	if (child) {
		for (; child; child = xml_next(child))
			serialise(to, child);
	} else {
		g_autofree char *text = xml_text(node);
		g_autofree char *safe = g_markup_escape_text(text, -1);

		g_string_append(to, safe);
	}
	g_string_append_printf(to, "</t:%s>", (const char *)node->name);
}

bool pim_keep(Change *self, const xmlNode *property)
{
	for (size_t i = 0; pim_is(self->item) && i < G_N_ELEMENTS(PROPERTIES); i++) {
		GString *text;

		if (!xml_is(property, PROPERTIES[i].element))
			continue;
		text = g_string_new(NULL);
		serialise(text, property);
		g_ptr_array_add(self->keys, key_of(PROPERTIES[i].element));
		g_ptr_array_add(self->values, g_string_free(text, FALSE));
		return true;
	}
	return false;
}

static bool is_asked(const Shape *shape, const char *uri)
{
	for (guint i = 0; i < shape->folder_uris->len; i++) {
		if (strcmp(shape->folder_uris->pdata[i], uri) == 0)
			return true;
	}
	return false;
}

char *pim_prepare(Store *store, const Item *item, const Shape *shape)
{
	g_autoptr(GString) all = NULL;

	if (!pim_is(item) || shape->is_listing)
		return NULL;
	all = g_string_new(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(PROPERTIES); i++) {
		g_autofree char *key = key_of(PROPERTIES[i].element);
		g_autofree char *value = is_asked(shape, PROPERTIES[i].uri)
			? item_prop(store, item->id, key) : NULL;

		if (value)
			g_string_append(all, value);
	}
	return g_string_free(g_steal_pointer(&all), FALSE);
}

/* --- MIME, as grommunio has it ------------------------------------------------------------ */

static bool is_calendar(GBytes *mime)
{
	gsize length;
	const char *data = g_bytes_get_data(mime, &length);

	return length > 15 && g_ascii_strncasecmp(data, "BEGIN:VCALENDAR", 15) == 0;
}

GBytes *pim_mime_out(GBytes *mime, const Item *item)
{
	GString *to = g_string_new("MIME-Version: 1.0\r\nX-Mailer: gromox-oxcmail 3.10\r\n");
	const char *boundary = "----=_NextPart_000_0005_8F8F5CE8.EFE2F37";
	g_autofree char *base64 = NULL;
	gsize length;
	const void *data;

	if (mime && is_calendar(mime)) {
		data = g_bytes_get_data(mime, &length);
		base64 = g_base64_encode(data, length);
		g_string_append_printf(to, "Content-Type: multipart/alternative;\r\n"
			"\tboundary=\"%s\"\r\n\r\n--%s\r\n"
			"Content-Type: text/plain\r\n\r\n\r\n--%s\r\n"
			"Content-Transfer-Encoding: base64\r\nContent-Type: text/calendar;\r\n\t"
			"charset=\"utf-8\";\r\n\tmethod=PUBLISH\r\n\r\n%s\r\n--%s--\r\n", boundary,
			boundary, boundary, base64, boundary);
	} else {
		g_string_append_printf(to, "Subject: %s\r\nContent-Type: multipart/mixed;\r\n\t"
			"boundary=\"%s\"\r\n\r\n--%s\r\nContent-Transfer-Encoding: base64\r\n"
			"Content-Type: application/ms-tnef;\r\n\tname=\"winmail.dat\"\r\n\r\n"
			"eJ8+IgEAAQaQCAAEAAAAAAABAAEAAQeQBgAIAAAA5AQAAAAAAADo\r\n--%s--\r\n",
			item->subject ? item->subject : "", boundary, boundary, boundary);
	}
	return g_string_free_to_bytes(to);
}

GBytes *pim_mime_in(GBytes *mime)
{
	gsize length;
	const char *data = g_bytes_get_data(mime, &length);
	g_autofree char *text = g_strndup(data, length);
	char *begin = is_calendar(mime) ? NULL : strstr(text, "BEGIN:VCALENDAR");

	/* A calendar that stands there plainly is enough for a test. */
	return begin ? g_bytes_new(begin, strlen(begin)) : NULL;
}
