/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/cause.h"

#include <string.h>

#include "ews/error.h"
#include "ews/offer.h"
#include "ews/redact.h"

#define SAID_MAX 300

#define BASIC     EWS_OFFER(EWS_AUTH_BASIC)
#define NTLM      EWS_OFFER(EWS_AUTH_NTLM)
#define NEGOTIATE EWS_OFFER(EWS_AUTH_NEGOTIATE)
#define BEARER    EWS_OFFER(EWS_AUTH_BEARER)
#define ANY       (BASIC | NTLM | NEGOTIATE | BEARER)

/* The first row that fits counts. */
typedef struct Cause {
	long status;
	unsigned tried;     /* we signed in in one of these ways */
	unsigned offered;   /* one of these is offered; 0: all the same */
	unsigned lacking;   /* and none of these */
	const char *needle; /* stands in the diagnostics, in any case; NULL: all the same */
	const char *words;
} Cause;

static const Cause causes[] = {
	{ 401, BEARER, 0, 0, "audience",
		"the access token is for another server: check scope= and the server's name" },
	{ 401, BEARER, 0, 0, "expired",
		"the access token has expired: is this machine's clock right?" },
	{ 401, BEARER, 0, 0, "lifetime",
		"the access token is too old or too new: is this machine's clock right?" },
	{ 401, BEARER, 0, 0, "scope",
		"the access token has no right to EWS: check scope= and what the application "
		"was granted" },
	{ 401, BEARER, 0, 0, "role",
		"the access token has no right to EWS: check what the application was granted "
		"(EWS.AccessAsUser.All or full_access_as_app)" },
	{ 401, BEARER, 0, 0, "mailbox",
		"the account of the access token has no mailbox here" },
	{ 401, BEARER, BASIC | NTLM | NEGOTIATE, BEARER, NULL,
		"the server takes no OAuth2 access tokens: choose another auth=" },
	{ 401, BEARER, 0, 0, NULL,
		"the server does not take the access token" },
	{ 401, BASIC, BEARER, BASIC | NTLM | NEGOTIATE, NULL,
		"the server takes no passwords: use auth=oauth2" },
	{ 401, BASIC, NTLM | NEGOTIATE | BEARER, BASIC, NULL,
		"the server takes no password in this way: choose another auth=" },
	{ 401, BASIC, 0, 0, NULL,
		"wrong user name or password" },
	{ 401, NTLM, BASIC | NEGOTIATE | BEARER, NTLM, NULL,
		"the server takes no NTLM: choose another auth=" },
	{ 401, NTLM, 0, BASIC | BEARER, NULL,
		"wrong user name or password (try DOMAIN\\user and user@domain); or the server "
		"demands Extended Protection, which NTLM cannot give here: then auth=negotiate "
		"is the way" },
	{ 401, NTLM, 0, 0, NULL,
		"wrong user name or password (try DOMAIN\\user and user@domain), or the server "
		"demands Extended Protection, which NTLM cannot give here" },
	{ 401, NEGOTIATE, BASIC | NTLM | BEARER, NEGOTIATE, NULL,
		"the server takes no Kerberos tickets: choose another auth=" },
	{ 401, NEGOTIATE, 0, 0, NULL,
		"no Kerberos ticket that the server takes: see klist, and kinit; the server's "
		"name must be the one that its tickets are for; it may demand Extended "
		"Protection (channel binding), which takes libcurl 8.10" },
	{ 403, ANY, 0, 0, "licen",
		"the licence of this account has no EWS" },
	{ 403, ANY, 0, 0, "conditional",
		"conditional access forbids it: the organisation's rules ask for another "
		"device, place or sign-in" },
	{ 403, ANY, 0, 0, "allow",
		"EWS is not allowed for this program: an administrator has to put it on the "
		"allow list (EwsAllowList, EwsAllowedAppIDs)" },
	{ 403, ANY, 0, 0, "block",
		"EWS is not allowed for this program: an administrator has to take it off the "
		"block list (EwsBlockList) or put it on the allow list" },
	{ 403, ANY, 0, 0, NULL,
		"this account may not use EWS: it is switched off for it or for the "
		"organisation (EwsEnabled), or for this program (allow list, "
		"EwsAllowedAppIDs), or the licence has none" },
};

static bool has_words(const char *text, const char *needle)
{
	g_autofree char *low = text ? g_ascii_strdown(text, -1) : NULL;

	return !needle || (low && strstr(low, needle));
}

static bool fits(const Cause *cause, const EwsRefusal *refusal)
{
	unsigned tried = refusal->is_signed ? EWS_OFFER(refusal->kind) : ANY;

	return cause->status == refusal->status && cause->tried & tried &&
		(cause->offered == 0 || cause->offered & refusal->offered) &&
		!(cause->lacking & refusal->offered) &&
		has_words(refusal->diagnostics, cause->needle);
}

static const char *words_for(const EwsRefusal *refusal)
{
	for (size_t i = 0; i < G_N_ELEMENTS(causes); i++)
		if (fits(&causes[i], refusal))
			return causes[i].words;
	return "not signed in";
}

GError *ews_cause_error(const EwsRefusal *refusal)
{
	bool is_401 = refusal->status == 401;
	g_autofree char *said =
		refusal->diagnostics ? ews_redact(refusal->diagnostics) : g_strdup("");
	g_autofree char *offered = ews_offer_words(refusal->offered);
	GString *text = g_string_new(NULL);
	GError *error;

	g_string_printf(text, "%s: %s%s (HTTP %ld", refusal->url,
		is_401 ? "sign-in refused: " : "", words_for(refusal), refusal->status);
	if (is_401 && refusal->offered)
		g_string_append_printf(text, "; it offers %s", offered);
	if (*said)
		g_string_append_printf(text, "; it says: %.*s", SAID_MAX, said);
	g_string_append_c(text, ')');
	error = g_error_new_literal(EWS_ERROR, is_401 ? EWS_ERROR_AUTH : EWS_ERROR_DENIED,
		text->str);
	g_string_free(text, TRUE);
	return error;
}

GError *ews_cause_redirect(const char *url, long status, const char *target)
{
	bool is_passing = target && strstr(target, "genericerrorpage");
	g_autofree char *said = ews_redact(target ? target : "nowhere");

	return g_error_new(EWS_ERROR, is_passing ? EWS_ERROR_BUSY : EWS_ERROR_PROTOCOL,
		"%s: the server points to %.200s instead (HTTP %ld), which is not followed", url,
		said, status);
}
