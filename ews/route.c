/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/route.h"

#include <string.h>

#include "ews/discover_read.h"
#include "ews/discover_xml.h"
#include "ews/error.h"
#include "ews/fetch.h"

#define ADDRESS_MAX 254
#define GUID_LEN 36

/* --- a route ----------------------------------------------------------------------------- */

bool ews_route_is_address(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	for (const char *at = text; at && *at; at++)
		if (!g_ascii_isgraph(*at))
			return false;
	return len > 2 && len <= ADDRESS_MAX && strchr(text + 1, '@') && text[len - 1] != '@';
}

static bool has_guid(const char *address)
{
	g_autofree char *guid = g_strndup(address, GUID_LEN);

	return address[strlen(guid)] == '@' && g_uuid_string_is_valid(guid);
}

EwsRoute *ews_route_new(const char *anchor, const char *mailbox)
{
	EwsRoute *self;

	if (!ews_route_is_address(anchor) || !ews_route_is_address(mailbox) || !has_guid(mailbox))
		return NULL;
	self = g_new0(EwsRoute, 1);
	self->anchor = g_strdup(anchor);
	self->mailbox = g_strdup(mailbox);
	return self;
}

EwsRoute *ews_route_copy(const EwsRoute *self)
{
	return self ? ews_route_new(self->anchor, self->mailbox) : NULL;
}

void ews_route_free(EwsRoute *self)
{
	if (!self)
		return;
	g_free(self->anchor);
	g_free(self->mailbox);
	g_free(self);
}

bool ews_route_leads_to(const EwsRoute *self, const char *guid)
{
	return self && guid && strlen(guid) == GUID_LEN &&
	       g_ascii_strncasecmp(self->mailbox, guid, GUID_LEN) == 0;
}

char *ews_route_content(const EwsRoute *self, const char *guid)
{
	return g_uuid_string_is_valid(guid) ? g_strconcat(guid, self->mailbox + GUID_LEN, NULL)
					    : NULL;
}

/* --- what is said ------------------------------------------------------------------------ */

#define RESPONSE "/Autodiscover/Response"
#define ACCOUNT RESPONSE "/Account"

typedef struct Reading {
	EwsRouteSaid said;
	char *type;   /* own; of the protocol that is being read */
	char *server; /* own; likewise */
	bool is_pox;
} Reading;

static void keep(char **member, const char *text)
{
	g_free(*member);
	*member = *text ? g_strdup(text) : NULL;
}

static void end_protocol(Reading *self)
{
	if (self->server && g_strcmp0(self->type, "EXCH") == 0)
		keep(&self->said.server, self->server);
	g_clear_pointer(&self->type, g_free);
	g_clear_pointer(&self->server, g_free);
}

static void on_element(void *user, const char *place, const char *text)
{
	Reading *self = user;

	if (strcmp(place, RESPONSE "/User/AutoDiscoverSMTPAddress") == 0)
		keep(&self->said.address, text);
	else if (strcmp(place, ACCOUNT "/PublicFolderInformation/SmtpAddress") == 0)
		keep(&self->said.hierarchy, text);
	else if (strcmp(place, ACCOUNT "/Protocol/Type") == 0)
		keep(&self->type, text);
	else if (strcmp(place, ACCOUNT "/Protocol/Server") == 0)
		keep(&self->server, text);
	else if (strcmp(place, ACCOUNT "/Protocol") == 0)
		end_protocol(self);
	self->is_pox = self->is_pox || strcmp(place, RESPONSE) == 0;
}

void ews_route_said_clear(EwsRouteSaid *self)
{
	g_clear_pointer(&self->address, g_free);
	g_clear_pointer(&self->hierarchy, g_free);
	g_clear_pointer(&self->server, g_free);
}

bool ews_route_read(const char *data, size_t len, EwsRouteSaid *ret_said, GError **error)
{
	Reading self = {0};
	bool is_good = ews_discover_xml_walk(data, len, on_element, &self, error);

	g_free(self.type);
	g_free(self.server);
	if (is_good && !self.is_pox) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the answer is of no use: it is none of autodiscover's");
		is_good = false;
	}
	if (is_good)
		*ret_said = self.said;
	else
		ews_route_said_clear(&self.said);
	return is_good;
}

/* --- asking ------------------------------------------------------------------------------ */

/* Beside EWS: the same scheme, host and port. */
static char *autodiscover_of(const char *url)
{
	const char *host = strstr(url, "://");
	size_t len = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;

	return g_strdup_printf("%.*s/autodiscover/autodiscover.xml", (int)len, url);
}

static bool ask(const EwsRouteQuestion *question, const char *address, EwsRouteSaid *ret_said,
	GError **error)
{
	g_autofree char *url = autodiscover_of(question->url);
	g_autofree char *body = ews_discover_write_pox(address);
	const EwsFetch fetch = {
		.url = url,
		.body = body,
		.content_type = "text/xml; charset=utf-8",
		.credentials = question->credentials,
		.tls = question->tls,
		.is_http_fine = question->is_http_fine,
		.timeout_ms = question->timeout_ms,
		.is_given_up = question->is_given_up,
	};
	g_autoptr(EwsFetched) got = ews_fetch(&fetch, error);
	g_autoptr(GError) refusal = NULL;

	if (!got)
		return false;
	if (got->status == 200)
		return ews_route_read(got->body, got->len, ret_said, error);
	refusal = ews_error_from_http(got->status, url);
	if (ews_error_is_temporary(refusal)) {
		g_propagate_error(error, g_steal_pointer(&refusal));
		return false;
	}
	g_set_error(error, EWS_ERROR, got->status == 401 ? EWS_ERROR_AUTH : EWS_ERROR_NOT_FOUND,
		"%s: HTTP status %d", url, got->status);
	return false;
}

static EwsRoute *missing(GError **error)
{
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
		"autodiscover tells of no public folder mailbox");
	return NULL;
}

EwsRoute *ews_route_find(const EwsRouteQuestion *question, GError **error)
{
	EwsRouteSaid own = {0}, public = {0};
	EwsRoute *self = NULL;

	if (!ask(question, question->address, &own, error))
		return NULL;
	if (!ews_route_is_address(own.hierarchy))
		missing(error);
	else if (ask(question, own.hierarchy, &public, error)) {
		self = ews_route_new(own.hierarchy, public.server);
		if (!self)
			missing(error);
	}
	ews_route_said_clear(&own);
	ews_route_said_clear(&public);
	return self;
}

char *ews_route_find_content(const EwsRouteQuestion *question, GError **error)
{
	EwsRouteSaid said = {0};
	char *address = NULL;

	if (!ask(question, question->address, &said, error))
		return NULL;
	if (ews_route_is_address(said.address))
		address = g_steal_pointer(&said.address);
	else
		missing(error);
	ews_route_said_clear(&said);
	return address;
}
