/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/auth.h"

#include <glib.h>

#include "ews/error.h"
#include "ews/offer.h"
#include "ews/secret.h"

struct EwsAuth {
	EwsAuthKind kind;
	char *user;   /* own */
	char *secret; /* own */
};

bool ews_auth_check(EwsAuthKind kind, GError **error)
{
	if (ews_offer_can(kind))
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
		"the libcurl of this machine (%s) was built without %s: choose another auth=, or "
		"install a libcurl that has it",
		curl_version_info(CURLVERSION_NOW)->version, ews_offer_name(kind));
	return false;
}

EwsAuth *ews_auth_new(const EwsCredentials *credentials)
{
	EwsAuth *self = g_new0(EwsAuth, 1);

	self->kind = credentials->kind;
	self->user = g_strdup(credentials->user ? credentials->user : "");
	self->secret = g_strdup(credentials->secret ? credentials->secret : "");
	return self;
}

void ews_auth_free(EwsAuth *self)
{
	if (!self)
		return;
	ews_secret_free(self->secret);
	g_free(self->user);
	g_free(self);
}

void ews_auth_replace(EwsAuth *self, const char *secret)
{
	ews_secret_free(self->secret);
	self->secret = g_strdup(secret);
}

EwsCredentials ews_auth_credentials(const EwsAuth *self)
{
	return (EwsCredentials){self->kind, self->user, self->secret};
}

static void apply_password(const EwsAuth *self, CURL *easy, unsigned long kind)
{
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)kind);
	curl_easy_setopt(easy, CURLOPT_USERNAME, self->user);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, self->secret);
}

void ews_auth_apply(const EwsAuth *self, CURL *easy)
{
	switch (self->kind) {
	case EWS_AUTH_BASIC:
		apply_password(self, easy, CURLAUTH_BASIC);
		break;
	case EWS_AUTH_NTLM:
		apply_password(self, easy, CURLAUTH_NTLM);
		break;
	case EWS_AUTH_NEGOTIATE:
		/* No name: curl takes whatever ticket there is. */
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_NEGOTIATE);
		curl_easy_setopt(easy, CURLOPT_USERNAME, "");
		curl_easy_setopt(easy, CURLOPT_PASSWORD, "");
		break;
	case EWS_AUTH_BEARER:
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, self->secret);
		break;
	}
}
