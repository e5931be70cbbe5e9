/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/discover_read.h"

#include <string.h>

#include "ews/discover_xml.h"
#include "ews/error.h"
#include "ews/json.h"

#define POX_REQUEST_NS                                                                             \
	"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
#define POX_RESPONSE_NS                                                                            \
	"http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
#define SOAP_NS "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define PROBLEM_MAX 200 /* characters of the server's words */

void ews_discover_said_clear(EwsDiscoverSaid *self)
{
	g_free(self->url);
	g_free(self->redirect_url);
	g_free(self->redirect_address);
	g_free(self->problem);
	*self = (EwsDiscoverSaid){0};
}

/* --- requests ---------------------------------------------------------------------------- */

char *ews_discover_write_pox(const char *address)
{
	return g_markup_printf_escaped("<?xml version=\"1.0\" encoding=\"utf-8\"?>"
				       "<Autodiscover xmlns=\"" POX_REQUEST_NS "\"><Request>"
				       "<EMailAddress>%s</EMailAddress>"
				       "<AcceptableResponseSchema>" POX_RESPONSE_NS
				       "</AcceptableResponseSchema>"
				       "</Request></Autodiscover>",
		address);
}

char *ews_discover_write_soap(const char *address)
{
	return g_markup_printf_escaped(
		"<?xml version=\"1.0\" encoding=\"utf-8\"?>"
		"<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" "
		"xmlns:a=\"" SOAP_NS "\" xmlns:wsa=\"http://www.w3.org/2005/08/addressing\">"
		"<soap:Header><a:RequestedServerVersion>Exchange2013</a:RequestedServerVersion>"
		"<wsa:Action>" SOAP_NS "/Autodiscover/GetUserSettings</wsa:Action></soap:Header>"
		"<soap:Body><a:GetUserSettingsRequestMessage><a:Request>"
		"<a:Users><a:User><a:Mailbox>%s</a:Mailbox></a:User></a:Users>"
		"<a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting>"
		"<a:Setting>InternalEwsUrl</a:Setting></a:RequestedSettings>"
		"</a:Request></a:GetUserSettingsRequestMessage></soap:Body></soap:Envelope>",
		address);
}

char *ews_discover_write_json_path(const char *address)
{
	g_autofree char *escaped = g_uri_escape_string(address, "@", FALSE);

	return g_strdup_printf("/autodiscover/autodiscover.json/v1.0/%s?Protocol=EWS", escaped);
}

/* --- answers ----------------------------------------------------------------------------- */

/* The last one counts; nothing is "". */
static void keep(char **member, const char *text)
{
	g_free(*member);
	*member = *text ? g_strdup(text) : NULL;
}

/* One line that a terminal may be shown. */
static void keep_words(char **member, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autofree char *words =
		g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), PROBLEM_MAX));
	g_autoptr(GString) line = g_string_new(NULL);

	for (const char *c = words; *c; c = g_utf8_next_char(c)) {
		gunichar character = g_utf8_get_char(c);

		g_string_append_unichar(line, g_unichar_isprint(character) ? character : ' ');
	}
	keep(member, g_strstrip(line->str));
}

/* One of the three says where to go on, if any; the one that was meant. */
static void settle(EwsDiscoverSaid *said, EwsDiscoverSaid *ret_said)
{
	if (said->url)
		g_clear_pointer(&said->redirect_url, g_free);
	if (said->url || said->redirect_url)
		g_clear_pointer(&said->redirect_address, g_free);
	*ret_said = *said;
	*said = (EwsDiscoverSaid){0};
}

/* --- POX --------------------------------------------------------------------------------- */

/*
 * An account has several protocols: how to reach the server from outside (EXPR), by HTTP (EXHTTP),
 * from inside (EXCH). The name of our service is EwsUrl; old servers only say ASUrl.
 */
typedef struct Pox {
	EwsDiscoverSaid said;
	char *type;    /* own; of the protocol that is being read */
	char *ews;     /* own; likewise */
	char *as;      /* own; likewise */
	unsigned rank; /* of said.url; 0: none yet */
	bool is_pox;
} Pox;

#define ACCOUNT "/Autodiscover/Response/Account"
#define FAILURE "/Autodiscover/Response/Error"

static unsigned rank_of(const char *type)
{
	static const char *const types[] = {"EXCH", "EXHTTP", "EXPR"};

	for (unsigned i = 0; type && i < G_N_ELEMENTS(types); i++)
		if (strcmp(type, types[i]) == 0)
			return i + 1;
	return 0;
}

static void end_protocol(Pox *self)
{
	unsigned rank = rank_of(self->type);
	const char *url = self->ews ? self->ews : self->as;

	if (url && rank > self->rank) {
		keep(&self->said.url, url);
		self->rank = rank;
	}
	g_clear_pointer(&self->type, g_free);
	g_clear_pointer(&self->ews, g_free);
	g_clear_pointer(&self->as, g_free);
}

static void on_pox(void *user, const char *place, const char *text)
{
	Pox *self = user;
	const struct {
		const char *place;
		char **member;
	} rows[] = {
		{ACCOUNT "/Protocol/Type", &self->type},
		{ACCOUNT "/Protocol/EwsUrl", &self->ews},
		{ACCOUNT "/Protocol/ASUrl", &self->as},
		{ACCOUNT "/RedirectUrl", &self->said.redirect_url},
		{ACCOUNT "/RedirectAddr", &self->said.redirect_address},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strcmp(place, rows[i].place) == 0)
			keep(rows[i].member, text);
	if (strcmp(place, ACCOUNT "/Protocol") == 0)
		end_protocol(self);
	if (strcmp(place, FAILURE "/Message") == 0)
		keep_words(&self->said.problem, text);
	self->is_pox = self->is_pox || strcmp(place, ACCOUNT) == 0 || strcmp(place, FAILURE) == 0;
}

bool ews_discover_read_pox(const char *data, size_t len, EwsDiscoverSaid *ret_said, GError **error)
{
	Pox self = {0};
	bool is_good = ews_discover_xml_walk(data, len, on_pox, &self, error);

	if (is_good && !self.is_pox) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the answer is of no use: it tells of no account");
		is_good = false;
	}
	if (is_good)
		settle(&self.said, ret_said);
	g_free(self.type);
	g_free(self.ews);
	g_free(self.as);
	ews_discover_said_clear(&self.said);
	return is_good;
}

/* --- SOAP -------------------------------------------------------------------------------- */

typedef struct Soap {
	EwsDiscoverSaid said;
	char *internal; /* own; where EWS is for those inside */
	char *name;     /* own; of the setting that is being read */
	char *value;    /* own; likewise */
	char *code;     /* own; ErrorCode of the user */
	char *target;   /* own; of a redirect */
	bool is_soap;
} Soap;

#define RESPONSE "/Envelope/Body/GetUserSettingsResponseMessage/Response"
#define USER RESPONSE "/UserResponses/UserResponse"
#define SETTING USER "/UserSettings/UserSetting"

static void end_setting(Soap *self)
{
	if (self->name && self->value && strcmp(self->name, "ExternalEwsUrl") == 0)
		keep(&self->said.url, self->value);
	if (self->name && self->value && strcmp(self->name, "InternalEwsUrl") == 0)
		keep(&self->internal, self->value);
	g_clear_pointer(&self->name, g_free);
	g_clear_pointer(&self->value, g_free);
}

static void on_soap(void *user, const char *place, const char *text)
{
	Soap *self = user;
	const struct {
		const char *place;
		char **member;
	} rows[] = {
		{SETTING "/Name", &self->name},
		{SETTING "/Value", &self->value},
		{USER "/ErrorCode", &self->code},
		{USER "/RedirectTarget", &self->target},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strcmp(place, rows[i].place) == 0)
			keep(rows[i].member, text);
	if (strcmp(place, SETTING) == 0)
		end_setting(self);
	if (strcmp(place, USER "/ErrorMessage") == 0 ||
		(strcmp(place, RESPONSE "/ErrorMessage") == 0 && !self->said.problem) ||
		strcmp(place, "/Envelope/Body/Fault/faultstring") == 0)
		keep_words(&self->said.problem, text);
	self->is_soap = self->is_soap || strcmp(place, "/Envelope/Body") == 0;
}

static void end_soap(Soap *self)
{
	if (!self->said.url)
		self->said.url = g_steal_pointer(&self->internal);
	/* "No error" comes with its words, too. */
	if (self->said.url)
		g_clear_pointer(&self->said.problem, g_free);
	if (!self->code || !self->target)
		return;
	if (strcmp(self->code, "RedirectUrl") == 0)
		self->said.redirect_url = g_steal_pointer(&self->target);
	else if (strcmp(self->code, "RedirectAddress") == 0)
		self->said.redirect_address = g_steal_pointer(&self->target);
}

bool ews_discover_read_soap(const char *data, size_t len, EwsDiscoverSaid *ret_said, GError **error)
{
	Soap self = {0};
	bool is_good = ews_discover_xml_walk(data, len, on_soap, &self, error);

	if (is_good && !self.is_soap) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the answer is of no use: it is no SOAP");
		is_good = false;
	}
	if (is_good) {
		end_soap(&self);
		settle(&self.said, ret_said);
	}
	g_free(self.internal);
	g_free(self.name);
	g_free(self.value);
	g_free(self.code);
	g_free(self.target);
	ews_discover_said_clear(&self.said);
	return is_good;
}

/* --- JSON -------------------------------------------------------------------------------- */

bool ews_discover_read_json(const char *data, size_t len, EwsDiscoverSaid *ret_said, GError **error)
{
	g_autoptr(JsonObject) object = ews_json_parse(data, len, error);
	const char *protocol = object ? ews_json_text(object, "Protocol") : NULL;
	const char *url = object ? ews_json_text(object, "Url") : NULL;
	const char *words = object ? ews_json_text(object, "ErrorMessage") : NULL;
	EwsDiscoverSaid said = {0};

	if (!object)
		return false;
	if (!words && (!protocol || g_ascii_strcasecmp(protocol, "EWS") != 0)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the answer is of no use: it tells of no EWS");
		return false;
	}
	if (words)
		keep_words(&said.problem, words);
	else if (url && strlen(url) <= EWS_DISCOVER_TEXT_MAX)
		keep(&said.url, url);
	*ret_said = said;
	return true;
}
