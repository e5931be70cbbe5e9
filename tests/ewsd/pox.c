/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/pox.h"

#include <string.h>

#include "tests/ewsd/content.h"
#include "tests/ewsd/mailbox.h"
#include "tests/ewsd/soap.h"

#define PUBLIC_ADDRESS "publicfolders" CONTENT_DOMAIN
#define PROTOCOL(guid) \
	"<Protocol><Type>EXCH</Type><Server>" guid CONTENT_DOMAIN "</Server></Protocol>"

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

/* The address of the public folder mailbox with this GUID; owned, NULL: nobody is told of it. */
static char *address_of(const World *world, const char *guid)
{
	if (g_ascii_strcasecmp(guid, STORE_PUBLIC_GUID) == 0)
		return g_strdup(PUBLIC_ADDRESS);
	for (guint i = 0; i < world->contents->len; i++) {
		g_autofree char *other = content_guid(world->contents->pdata[i]);

		if (g_ascii_strcasecmp(guid, other) == 0)
			return content_address(world->contents->pdata[i]);
	}
	return NULL;
}

static char *settings(const char *address, const char *account)
{
	return g_strdup_printf("<User><DisplayName>Somebody</DisplayName>"
		"<AutoDiscoverSMTPAddress>%s</AutoDiscoverSMTPAddress></User><Account>"
		"<AccountType>email</AccountType><Action>settings</Action>%s</Account>",
		address, account);
}

/* What stands in the answer about this address, which may be GUID@domain. */
static char *response(const World *world, const char *asked)
{
	g_autofree char *guid = g_strndup(asked, strcspn(asked, "@"));
	bool is_guid = g_uuid_string_is_valid(guid);
	g_autofree char *address = is_guid ? address_of(world, guid) : g_strdup(asked);

	if (!address)
		return g_strdup("<Error Time=\"00:00:00.0000000\" Id=\"1\">"
				"<ErrorCode>500</ErrorCode>"
				"<Message>The email address can't be found.</Message>"
				"<DebugData/></Error>");
	if (g_ascii_strcasecmp(address, PUBLIC_ADDRESS) == 0)
		return settings(address, PROTOCOL(STORE_PUBLIC_GUID));
	return settings(address, PROTOCOL("00000000-0000-0000-0000-000000000001")
		"<PublicFolderInformation><SmtpAddress>" PUBLIC_ADDRESS
		"</SmtpAddress></PublicFolderInformation>");
}

bool pox_answer(const World *world, SoupServerMessage *message)
{
	g_autofree char *address = has_public(world) ? asked_about(message) : NULL;
	g_autofree char *inside = address ? response(world, address) : NULL;
	g_autofree char *text = NULL;

	if (!inside)
		return false;
	text = g_strdup_printf("<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns="
		"\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006\">"
		"<Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"
		"responseschema/2006a\">%s</Response></Autodiscover>", inside);
	soup_server_message_set_response(message, "text/xml", SOUP_MEMORY_COPY, text,
		strlen(text));
	return true;
}
