/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/pox.h"

#include <string.h>

#include "tests/ewsd/mailbox.h"
#include "tests/ewsd/soap.h"

#define PUBLIC_ADDRESS "publicfolders@example.org"

static bool has_public(const World *world)
{
	for (guint i = 0; i < world->mailboxes->len; i++) {
		if (((const Mailbox *)world->mailboxes->pdata[i])->kind == STORE_PUBLIC)
			return true;
	}
	return false;
}

/* Own; whom it is asked about. NULL: it is none of that. */
static char *asked_about(SoupServerMessage *message)
{
	g_autoptr(GBytes) body =
		soup_message_body_flatten(soup_server_message_get_request_body(message));
	gsize length;
	const char *data = g_bytes_get_data(body, &length);
	g_autoptr(xmlDoc) doc = soap_parse(data ? data : "", length);
	const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;

	return root ? xml_text(xml_path(root, "Request/EMailAddress")) : NULL;
}

static char *account(const char *address)
{
	if (g_ascii_strcasecmp(address, PUBLIC_ADDRESS) == 0)
		return g_strdup("<Protocol><Type>EXCH</Type><Server>" STORE_PUBLIC_GUID
				"@example.org</Server></Protocol>");
	return g_strdup("<Protocol><Type>EXCH</Type><Server>"
			"00000000-0000-0000-0000-000000000001@example.org</Server></Protocol>"
			"<PublicFolderInformation><SmtpAddress>" PUBLIC_ADDRESS
			"</SmtpAddress></PublicFolderInformation>");
}

bool pox_answer(const World *world, SoupServerMessage *message)
{
	g_autofree char *address = has_public(world) ? asked_about(message) : NULL;
	g_autofree char *inside = address ? account(address) : NULL;
	g_autofree char *text = NULL;

	if (!inside)
		return false;
	text = g_strdup_printf("<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns="
		"\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">"
		"<Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
		"responseschema/2006a\"><Account><AccountType>email</AccountType>"
		"<Action>settings</Action>%s</Account></Response></Autodiscover>", inside);
	soup_server_message_set_response(message, "text/xml", SOUP_MEMORY_COPY, text,
		strlen(text));
	return true;
}
