/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/token.h"

#include <stdatomic.h>

#include "ews/error.h"
#include "ews/oauth.h"
#include "ews/secret.h"
#include "fs/authority.h"
#include "fs/config.h"
#include "fs/login.h"
#include "fs/secret.h"

/* A stored access token is handed out while it is good for this long, or half its life. More than
 * what a session (ews/bearer.c) leaves of one before it asks for the next. */
#define LEFT_MIN_US (INT64_C(600) * G_USEC_PER_SEC)

struct FsToken {
	const FsConfig *config; /* borrowed */
	FsAuthority *app;       /* own; NULL: no application's own secret */
	char *server;           /* own */
	char *given;            /* own; what was handed out last */
	FsLogin *unsaved;       /* own; a sign-in that could not be stored: the only copy */
	atomic_bool is_given_up;
};

static bool is_app(const FsConfig *config)
{
	return config->impersonate != NULL && fs_authority_has_secret(config);
}

bool fs_token_is_there(const FsConfig *config)
{
	g_autofree char *server = fs_authority_server(config);

	return config->token_command != NULL || is_app(config) ||
	       fs_login_is_there(config->user, server);
}

static void refuse_nothing(const FsConfig *config, GError **error)
{
	g_set_error(error, EWS_ERROR, EWS_ERROR_AUTH,
		"%s is not signed in: \"ewsfsctl login %s\" does it once%s", config->user,
		config->account != NULL ? config->account : config->source,
		fs_authority_has_secret(config)
			? "; or the application by itself, with impersonate="
			: "");
}

FsToken *fs_token_new(const FsConfig *config, GError **error)
{
	FsAuthority *app = NULL;

	if (!fs_token_is_there(config)) {
		refuse_nothing(config, error);
		return NULL;
	}
	if (config->token_command == NULL && is_app(config)) {
		app = fs_authority_new(config, true, error);
		if (app == NULL)
			return NULL;
	}
	FsToken *self = g_new0(FsToken, 1);
	self->config = config;
	self->app = app;
	self->server = fs_authority_server(config);
	return self;
}

void fs_token_free(FsToken *self)
{
	if (self == NULL)
		return;
	fs_authority_free(self->app);
	fs_login_free(self->unsaved);
	ews_secret_free(self->given);
	g_free(self->server);
	g_free(self);
}

/* --- a helper program ---------------------------------------------------- */

static EwsTokens *ask_command(const FsToken *self, GError **error)
{
	const FsSecretCommand command = {
		.option = "token_command",
		.command = self->config->token_command,
		.is_whole = true,
		/* It may be offline, as we may. */
		.failure = EWS_ERROR_OFFLINE,
		.is_given_up = &self->is_given_up,
	};
	char *text = fs_secret_from_command(&command, error);

	if (text == NULL)
		return NULL;
	EwsTokens *tokens = ews_grant_printed(text, g_get_real_time(), error);
	ews_secret_free(text);
	if (tokens == NULL)
		g_prefix_error(error, "token_command: ");
	return tokens;
}

/* --- a sign-in that was stored ------------------------------------------- */

static bool is_good(const FsToken *self, const FsLogin *login, bool is_refused)
{
	int64_t now_us = g_get_real_time();
	int64_t life_us = login->expires_us - login->issued_us;

	if (login->access == NULL || login->issued_us > now_us)
		return false;
	/* The one that was refused; if it is another, somebody else renewed it meanwhile. */
	if (is_refused && g_strcmp0(login->access, self->given) == 0)
		return false;
	return login->expires_us - now_us > MIN(LEFT_MIN_US, life_us / 2);
}

static void take_tokens(FsLogin *login, EwsTokens *tokens)
{
	ews_secret_free(login->access);
	login->access = g_steal_pointer(&tokens->access);
	login->issued_us = g_get_real_time();
	login->expires_us = tokens->expires_us;
	/* Without another the old one stays good. */
	if (tokens->refresh == NULL)
		return;
	ews_secret_free(login->refresh);
	login->refresh = g_steal_pointer(&tokens->refresh);
}

/* The old refresh token may be worth nothing from now on, so the new one is not let go whatever
 * happens to the disk. Takes @login. */
static void save(FsToken *self, FsLogin *login)
{
	g_autoptr(GError) error = NULL;

	if (fs_login_save(login, &error)) {
		fs_login_free(login);
		return;
	}
	g_warning("%s; it is tried again, and lost if ewsfs ends before", error->message);
	self->unsaved = login;
}

static EwsTokens *renew(const FsToken *self, const FsLogin *login, GError **error)
{
	const FsConfig *config = self->config;
	g_autoptr(GError) problem = NULL;
	char *secret = fs_authority_secret(config, &problem);
	const EwsOauth oauth = {
		.authority = login->authority,
		.client_id = login->client_id,
		.client_secret = secret,
		.scope = login->scope,
		.cacert = fs_authority_cacert(config),
		.timeout_s = config->timeout_s,
	};
	EwsTokens *tokens =
		problem == NULL ? ews_oauth_refresh(&oauth, login->refresh, &problem) : NULL;

	ews_secret_free(secret);
	if (problem != NULL)
		g_propagate_error(error, g_steal_pointer(&problem));
	return tokens;
}

static FsLogin *load(FsToken *self, GError **error)
{
	g_autoptr(GError) problem = NULL;
	FsLogin *login = fs_login_load(self->config->user, self->server, &problem);

	if (login != NULL)
		return login;
	if (problem != NULL)
		g_propagate_error(error, g_steal_pointer(&problem));
	else
		refuse_nothing(self->config, error);
	return NULL;
}

static EwsTokens *tokens_of(const FsLogin *login)
{
	EwsTokens *tokens = g_new0(EwsTokens, 1);

	tokens->access = g_strdup(login->access);
	tokens->expires_us = login->expires_us;
	return tokens;
}

/* FALSE: it is no good, and there is no other. */
static bool make_good(const FsToken *self, FsLogin *login, GError **error)
{
	if (login->refresh == NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_AUTH,
			"the sign-in has ended, and the authority gave nothing to renew it with: "
			"sign in again with \"ewsfsctl login\"");
		return false;
	}
	g_autoptr(EwsTokens) fresh = renew(self, login, error);
	if (fresh != NULL)
		take_tokens(login, fresh);
	return fresh != NULL;
}

/* With the lock held. */
static EwsTokens *use_login(FsToken *self, bool is_refused, GError **error)
{
	bool is_unsaved = self->unsaved != NULL;
	FsLogin *login = is_unsaved ? g_steal_pointer(&self->unsaved) : load(self, error);
	EwsTokens *tokens = NULL;

	if (login == NULL)
		return NULL;
	if (is_good(self, login, is_refused)) {
		tokens = tokens_of(login);
	} else if (make_good(self, login, error)) {
		tokens = tokens_of(login);
		is_unsaved = true;
	}
	if (is_unsaved)
		save(self, login);
	else
		fs_login_free(login);
	return tokens;
}

static EwsTokens *ask_login(FsToken *self, bool is_refused, GError **error)
{
	int lock = fs_login_lock(self->config->user, self->server, self->config->timeout_s,
		&self->is_given_up, error);

	if (lock < 0)
		return NULL;
	EwsTokens *tokens = use_login(self, is_refused, error);
	fs_login_unlock(lock);
	return tokens;
}

/* --- any of them --------------------------------------------------------- */

char *fs_token_fetch(void *user, bool is_refused, int64_t *ret_expires_us, GError **error)
{
	FsToken *self = user;
	g_autoptr(EwsTokens) tokens = NULL;

	if (atomic_load(&self->is_given_up)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_CANCELLED, "given up");
		return NULL;
	}
	if (self->config->token_command != NULL)
		tokens = ask_command(self, error);
	else if (self->app != NULL)
		tokens = ews_oauth_sign_in_app(&self->app->oauth, error);
	else
		tokens = ask_login(self, is_refused, error);
	if (tokens == NULL)
		return NULL;
	ews_secret_free(self->given);
	self->given = g_strdup(tokens->access);
	*ret_expires_us = tokens->expires_us;
	return g_steal_pointer(&tokens->access);
}

void fs_token_give_up(void *user)
{
	FsToken *self = user;

	atomic_store(&self->is_given_up, true);
}
