/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/signin.h"

#include "ews/error.h"
#include "ews/offer.h"
#include "fs/config.h"
#include "fs/memory.h"
#include "fs/password.h"
#include "fs/token.h"

#define MEMORY "signin"
#define GROUP "sign-in"
/* Who does not answer the first question will not answer the others. */
#define ASK_TIMEOUT_S 20u

EwsTls fs_signin_tls(const FsConfig *config)
{
	return (EwsTls){
		.cacert = config->cacert,
		.pinned_pubkey = config->pinned_pubkey,
		.client_cert = config->client_cert,
		.client_key = config->client_key,
	};
}

/* --- what was found the last time ---------------------------------------- */

static void remember(const FsConfig *config, EwsAuthKind kind)
{
	g_autoptr(GKeyFile) file = g_key_file_new();

	g_key_file_set_string(file, GROUP, "url", config->url);
	g_key_file_set_string(file, GROUP, "auth", ews_offer_name(kind));
	fs_memory_save(config, MEMORY, file, " How ewsfs signed in the last time; may be removed.");
}

static bool is_remembered(const FsConfig *config, EwsAuthKind kind)
{
	g_autoptr(GKeyFile) file = fs_memory_load(config, MEMORY);

	if (file == NULL)
		return false;
	g_autofree char *url = g_key_file_get_string(file, GROUP, "url", NULL);
	g_autofree char *auth = g_key_file_get_string(file, GROUP, "auth", NULL);
	return g_strcmp0(url, config->url) == 0 && g_strcmp0(auth, ews_offer_name(kind)) == 0;
}

void fs_signin_forget(const FsConfig *config)
{
	fs_memory_forget(config, MEMORY);
}

/* --- the ways ------------------------------------------------------------ */

static bool use_password(FsSignin *self, const FsConfig *config, EwsAuthKind kind, GError **error)
{
	self->kind = kind;
	/* The search for the server may have needed it. */
	if (self->password == NULL)
		self->password = fs_password_get(config, error);
	return self->password != NULL;
}

static bool use_token(FsSignin *self, const FsConfig *config, GError **error)
{
	self->kind = EWS_AUTH_BEARER;
	self->token = fs_token_new(config, error);
	return self->token != NULL;
}

static bool use_ticket(FsSignin *self)
{
	self->kind = EWS_AUTH_NEGOTIATE;
	return true;
}

static bool is_offered(const EwsOffer *offer, EwsAuthKind kind)
{
	return offer->kinds & EWS_OFFER(kind);
}

static bool refuse(const FsConfig *config, const EwsOffer *offer, GError **error)
{
	g_autofree char *words = ews_offer_words(offer->kinds);
	const char *hint = "none of these is a way for a password";

	if (is_offered(offer, EWS_AUTH_BEARER))
		hint = "sign in with OAuth2: \"ewsfsctl login\", or token_command=";
	else if (is_offered(offer, EWS_AUTH_NTLM))
		hint = "the libcurl of this machine was built without NTLM";
	else if (is_offered(offer, EWS_AUTH_NEGOTIATE))
		hint = "get a Kerberos ticket (kinit) that this server takes";
	g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "%s: the server offers %s: %s",
		config->url, words, hint);
	return false;
}

/* Servers that say nothing of what they want are given Basic, as it was always done. */
static bool choose_password(FsSignin *self, const FsConfig *config, const EwsOffer *offer,
	GError **error)
{
	EwsAuthKind kind = EWS_AUTH_BASIC;

	if (offer->kinds != 0 && !is_offered(offer, EWS_AUTH_BASIC)) {
		if (!is_offered(offer, EWS_AUTH_NTLM) || !ews_offer_can(EWS_AUTH_NTLM))
			return refuse(config, offer, error);
		kind = EWS_AUTH_NTLM;
	}
	remember(config, kind);
	return use_password(self, config, kind, error);
}

static EwsAsked asked_of(const FsConfig *config)
{
	return (EwsAsked){
		.url = config->url,
		.tls = fs_signin_tls(config),
		.is_http_fine = config->insecure_http,
		.timeout_ms = MIN(config->timeout_s, ASK_TIMEOUT_S) * 1000,
	};
}

static bool is_ticket_taken(const FsConfig *config, const EwsOffer *offer)
{
	const EwsAsked asked = asked_of(config);
	EwsCredentials ticket = {.kind = EWS_AUTH_NEGOTIATE};

	return is_offered(offer, EWS_AUTH_NEGOTIATE) && ews_offer_can(EWS_AUTH_NEGOTIATE) &&
		ews_offer_try(&asked, &ticket, NULL);
}

/* What is wrong with the server, the session will say. A password that is given is meant. */
static bool choose_blindly(FsSignin *self, const FsConfig *config, GError **error)
{
	if (self->password == NULL && is_remembered(config, EWS_AUTH_NEGOTIATE))
		return use_ticket(self);
	if (is_remembered(config, EWS_AUTH_NTLM))
		return use_password(self, config, EWS_AUTH_NTLM, error);
	return use_password(self, config, EWS_AUTH_BASIC, error);
}

static bool choose(FsSignin *self, const FsConfig *config, GError **error)
{
	bool has_password = self->password != NULL || config->password_file != NULL ||
		config->password_command != NULL;
	const EwsAsked asked = asked_of(config);
	g_autoptr(GError) problem = NULL;

	if (!has_password && fs_token_is_there(config))
		return use_token(self, config, error);
	/* What is wrong here is said before anybody is asked. */
	if (has_password && !use_password(self, config, EWS_AUTH_BASIC, error))
		return false;
	/* A start should not wait for a server that may be away. */
	if (is_remembered(config, EWS_AUTH_BASIC) || is_remembered(config, EWS_AUTH_NTLM))
		return choose_blindly(self, config, error);
	g_autoptr(EwsOffer) offer = ews_offer_ask(&asked, &problem);
	if (offer == NULL) {
		g_debug("what the server offers: %s", problem->message);
		return choose_blindly(self, config, error);
	}
	if (!has_password && is_ticket_taken(config, offer)) {
		remember(config, EWS_AUTH_NEGOTIATE);
		return use_ticket(self);
	}
	return choose_password(self, config, offer, error);
}

bool fs_signin(FsSignin *self, const FsConfig *config, GError **error)
{
	switch (config->auth) {
	case FS_AUTH_AUTO:
		return choose(self, config, error);
	case FS_AUTH_BASIC:
		return use_password(self, config, EWS_AUTH_BASIC, error);
	case FS_AUTH_NTLM:
		return use_password(self, config, EWS_AUTH_NTLM, error);
	case FS_AUTH_NEGOTIATE:
		return use_ticket(self);
	case FS_AUTH_OAUTH2:
		return use_token(self, config, error);
	}
	g_assert_not_reached();
}
