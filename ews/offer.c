/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/offer.h"

#include <curl/curl.h>
#include <string.h>

#include "ews/cause.h"
#include "ews/easy.h"
#include "ews/error.h"
#include "ews/fetch.h"

static const char *const names[] = {
	[EWS_AUTH_BASIC] = "Basic",
	[EWS_AUTH_NTLM] = "NTLM",
	[EWS_AUTH_NEGOTIATE] = "Negotiate",
	[EWS_AUTH_BEARER] = "Bearer",
};

/* What no server minds being asked; nobody reads the answer. */
static const char question[] =
	"<?xml version=\"1.0\" encoding=\"utf-8\"?>"
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\""
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
	" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><s:Header>"
	"<t:RequestServerVersion Version=\"Exchange2013_SP1\"/></s:Header><s:Body><m:GetFolder>"
	"<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>"
	"<t:DistinguishedFolderId Id=\"msgfolderroot\"/></m:FolderIds></m:GetFolder></s:Body>"
	"</s:Envelope>";

EwsOffer *ews_offer_new(void)
{
	return g_new0(EwsOffer, 1);
}

void ews_offer_free(EwsOffer *self)
{
	if (!self)
		return;
	g_free(self->authorization_uri);
	g_free(self);
}

const char *ews_offer_name(EwsAuthKind kind)
{
	return names[kind];
}

char *ews_offer_words(unsigned kinds)
{
	GString *words = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (kinds & EWS_OFFER(i))
			g_string_append_printf(words, "%s%s", words->len > 0 ? ", " : "", names[i]);
	if (words->len == 0)
		g_string_append(words, "nothing that is known here");
	return g_string_free(words, FALSE);
}

bool ews_offer_can(EwsAuthKind kind)
{
	int features = curl_version_info(CURLVERSION_NOW)->features;

	if (kind == EWS_AUTH_NTLM)
		return features & CURL_VERSION_NTLM;
	if (kind == EWS_AUTH_NEGOTIATE)
		return features & CURL_VERSION_SPNEGO;
	return true;
}

/* --- what a header says ------------------------------------------------------------------ */

/*
 * "Negotiate, Basic realm="a, b", Bearer x="1", y="2"": commas part challenges as well as what is
 * said of one, so what begins with a word that no "=" follows begins a challenge.
 */

/* Cuts the text up to the next comma that is in no quotes off @rest; NULL: there is none left. */
static char *cut_piece(const char **rest)
{
	const char *begin = *rest;
	const char *at = begin;
	bool is_quoted = false;

	if (!*begin)
		return NULL;
	for (; *at && (is_quoted || *at != ','); at++) {
		if (*at == '\\' && is_quoted && at[1])
			at++;
		else if (*at == '"')
			is_quoted = !is_quoted;
	}
	*rest = *at ? at + 1 : at;
	return g_strstrip(g_strndup(begin, (gsize)(at - begin)));
}

static void note_parameter(EwsOffer *self, const char *text)
{
	static const char name[] = "authorization_uri=";
	g_autofree char *uri = NULL;
	size_t len;

	if (g_ascii_strncasecmp(text, name, strlen(name)) != 0)
		return;
	text += strlen(name);
	len = strlen(text);
	uri = len >= 2 && text[0] == '"' && text[len - 1] == '"' ? g_strndup(text + 1, len - 2)
								 : g_strdup(text);
	if (!self->authorization_uri && ews_easy_check(uri, false, NULL))
		self->authorization_uri = g_steal_pointer(&uri);
}

/* The scheme that @piece begins with, or -1; @ret_rest is what follows the word. */
static int find_scheme(const char *piece, const char **ret_rest)
{
	size_t len = strcspn(piece, " \t");

	*ret_rest = piece + len + strspn(piece + len, " \t");
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strlen(names[i]) == len && g_ascii_strncasecmp(piece, names[i], len) == 0)
			return (int)i;
	return -1;
}

static bool is_parameter(const char *piece)
{
	size_t len = strcspn(piece, "= \t");

	return piece[len + strspn(piece + len, " \t")] == '=';
}

void ews_offer_add(EwsOffer *self, const char *challenges)
{
	int scheme = -1;
	char *piece;

	while ((piece = cut_piece(&challenges))) {
		const char *rest = piece;

		if (!is_parameter(piece))
			scheme = find_scheme(piece, &rest);
		if (scheme >= 0)
			self->kinds |= EWS_OFFER(scheme);
		if (scheme == EWS_AUTH_BEARER)
			note_parameter(self, rest);
		g_free(piece);
	}
}

/* --- asking ------------------------------------------------------------------------------ */

static GError *error_of(const EwsFetched *got, const EwsOffer *offer, const EwsFetch *fetch)
{
	const EwsCredentials *credentials = fetch->credentials;
	const char *url = fetch->url;
	EwsRefusal refusal = {
		.url = url,
		.status = got->status,
		.is_signed = credentials != NULL,
		.kind = credentials ? credentials->kind : EWS_AUTH_BASIC,
		.offered = offer->kinds,
		.diagnostics = ews_fetched_header(got, "X-MS-DIAGNOSTICS", 0),
	};

	if (got->location)
		return ews_cause_redirect(url, got->status, got->location);
	return got->status == 403 || got->status == 401
		? ews_cause_error(&refusal)
		: ews_error_from_http(got->status, url);
}

/* Adds what the answer to one request offers. */
static bool ask(EwsOffer *self, EwsFetch *fetch, GError **error)
{
	g_autoptr(EwsFetched) got = ews_fetch(fetch, error);
	const char *value;

	if (!got)
		return false;
	for (unsigned i = 0; (value = ews_fetched_header(got, "WWW-Authenticate", i)); i++)
		ews_offer_add(self, value);
	/* 500: a SOAP fault, from behind the door. */
	self->is_open = got->status == 200 || got->status == 500;
	if (self->is_open || (got->status == 401 && !fetch->credentials))
		return true;
	g_propagate_error(error, error_of(got, self, fetch));
	return false;
}

static EwsFetch fetch_of(const EwsAsked *asked)
{
	return (EwsFetch){
		.url = asked->url,
		.body = question,
		.content_type = "text/xml; charset=utf-8",
		.tls = asked->tls,
		.is_http_fine = asked->is_http_fine,
		.timeout_ms = asked->timeout_ms,
	};
}

bool ews_offer_try(const EwsAsked *asked, const EwsCredentials *credentials, GError **error)
{
	g_autoptr(EwsOffer) offer = ews_offer_new();
	EwsFetch fetch = fetch_of(asked);

	fetch.credentials = credentials;
	return ask(offer, &fetch, error);
}

EwsOffer *ews_offer_ask(const EwsAsked *asked, GError **error)
{
	static const char *const empty_bearer[] = { "Authorization: Bearer", NULL };
	g_autoptr(EwsOffer) self = ews_offer_new();
	EwsFetch fetch = fetch_of(asked);

	if (!ask(self, &fetch, error))
		return NULL;
	if (self->is_open || self->kinds & (EWS_OFFER(EWS_AUTH_BEARER) | EWS_OFFER(EWS_AUTH_BASIC)))
		return g_steal_pointer(&self);
	/* Whatever comes of this is no reason to doubt the first answer. */
	fetch.headers = empty_bearer;
	ask(self, &fetch, NULL);
	self->is_open = false;
	return g_steal_pointer(&self);
}
