/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/authority.h"

#include "ews/error.h"
#include "ews/secret.h"
#include "fs/config.h"
#include "fs/secret.h"
#include "fs/source.h"

#define MICROSOFT "https://login.microsoftonline.com"
#define TENANT_DEFAULT "common"
/* Where mailboxes of tenants are, when nobody says where this one is. */
#define SERVER_DEFAULT "outlook.office365.com"

char *fs_authority_server(const FsConfig *config)
{
	return config->url != NULL ? fs_source_host(config->url) : g_strdup(SERVER_DEFAULT);
}

/* What Exchange is called at the authority: the host alone. */
static char *scope_of(const FsConfig *config, gboolean is_app)
{
	g_autoptr(GUri) uri =
		config->url != NULL ? g_uri_parse(config->url, G_URI_FLAGS_NONE, NULL) : NULL;
	const char *host = uri != NULL ? g_uri_get_host(uri) : SERVER_DEFAULT;

	if (config->scope != NULL)
		return g_strdup(config->scope);
	if (is_app)
		return g_strdup_printf("https://%s/.default", host);
	return g_strdup_printf("https://%s/EWS.AccessAsUser.All offline_access", host);
}

static char *authority_of(const FsConfig *config)
{
	const char *name = config->tenant != NULL ? config->tenant : TENANT_DEFAULT;
	g_autofree char *tenant = g_uri_escape_string(name, NULL, FALSE);

	if (config->authority != NULL)
		return g_strdup(config->authority);
	return g_strdup_printf("%s/%s/oauth2/v2.0", MICROSOFT, tenant);
}

char *fs_authority_secret(const FsConfig *config, GError **error)
{
	if (config->client_secret_file != NULL)
		return fs_secret_from_file("client_secret_file", config->client_secret_file, error);
	return fs_secret_from_systemd("client_secret", config->account, error);
}

gboolean fs_authority_has_secret(const FsConfig *config)
{
	g_autoptr(GError) problem = NULL;
	char *secret = fs_authority_secret(config, &problem);
	gboolean has_secret = secret != NULL || problem != NULL;

	ews_secret_free(secret);
	return has_secret;
}

const char *fs_authority_cacert(const FsConfig *config)
{
	/* The server's own certificate says nothing about Microsoft's. */
	return config->authority != NULL ? config->cacert : NULL;
}

FsAuthority *fs_authority_new(const FsConfig *config, gboolean is_app, GError **error)
{
	g_autoptr(FsAuthority) self = g_new0(FsAuthority, 1);
	g_autoptr(GError) problem = NULL;

	if (config->client_id == NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"client_id= is missing: an organisation's sign-in wants to know which "
			"program asks, and ewsfs has no number of its own there; ewsfs(1) says "
			"under \"OAuth2\" how to get one");
		return NULL;
	}
	self->server = fs_authority_server(config);
	self->authority = authority_of(config);
	self->client_id = g_strdup(config->client_id);
	self->scope = scope_of(config, is_app);
	self->client_secret = fs_authority_secret(config, &problem);
	if (problem != NULL) {
		g_propagate_error(error, g_steal_pointer(&problem));
		return NULL;
	}
	self->oauth = (EwsOauth){
		.authority = self->authority,
		.client_id = self->client_id,
		.client_secret = self->client_secret,
		.scope = self->scope,
		.cacert = fs_authority_cacert(config),
		.timeout_s = config->timeout_s,
	};
	if (!ews_oauth_check(&self->oauth, error))
		return NULL;
	return g_steal_pointer(&self);
}

void fs_authority_free(FsAuthority *self)
{
	if (self == NULL)
		return;
	g_free(self->server);
	g_free(self->authority);
	g_free(self->client_id);
	ews_secret_free(self->client_secret);
	g_free(self->scope);
	g_free(self);
}
