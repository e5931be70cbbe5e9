/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/auth.h"

#include <glib.h>
#include <string.h>

struct EwsAuth {
	char *user;     /* own */
	char *password; /* own */
};

EwsAuth *ews_auth_new(const char *user, const char *password)
{
	EwsAuth *self = g_new0(EwsAuth, 1);

	self->user = g_strdup(user ? user : "");
	self->password = g_strdup(password ? password : "");
	return self;
}

void ews_auth_free(EwsAuth *self)
{
	if (!self)
		return;
	explicit_bzero(self->password, strlen(self->password));
	g_free(self->password);
	g_free(self->user);
	g_free(self);
}

void ews_auth_apply(const EwsAuth *self, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_USERNAME, self->user);
	curl_easy_setopt(easy, CURLOPT_PASSWORD, self->password);
}
