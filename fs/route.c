/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/route.h"

#include "ews/error.h"
#include "ews/route.h"
#include "ews/secret.h"
#include "fs/config.h"
#include "fs/discover.h"
#include "fs/memory.h"
#include "fs/token.h"

#define MEMORY "route"
#define GROUP "route"
#define CONTENT_GROUP "content" /* GUID=address */
#define COMMENT " The way to the public folders. May be removed at any time."
#define WEEK_S (7 * 24 * 3600)
#define TIMEOUT_MS 5000 /* for each of two questions */

/* --- what is remembered -------------------------------------------------- */

/* @ret_is_old: to be asked for anew, where that goes. */
static EwsRoute *recall(const FsConfig *config, bool *ret_is_old)
{
	g_autoptr(GKeyFile) file = fs_memory_load(config, MEMORY);
	int64_t now_s = g_get_real_time() / G_USEC_PER_SEC;

	*ret_is_old = true;
	if (file == NULL)
		return NULL;
	g_autofree char *url = g_key_file_get_string(file, GROUP, "url", NULL);
	g_autofree char *anchor = g_key_file_get_string(file, GROUP, "anchor", NULL);
	g_autofree char *mailbox = g_key_file_get_string(file, GROUP, "mailbox", NULL);
	int64_t age_s = now_s - g_key_file_get_int64(file, GROUP, "found", NULL);
	if (g_strcmp0(url, config->url) != 0)
		return NULL;
	*ret_is_old = age_s < 0 || age_s > WEEK_S;
	return ews_route_new(anchor, mailbox);
}

/* That there is none as well: NULL. */
static void remember(const FsConfig *config, const EwsRoute *route)
{
	g_autoptr(GKeyFile) file = g_key_file_new();

	g_key_file_set_string(file, GROUP, "url", config->url);
	g_key_file_set_int64(file, GROUP, "found", g_get_real_time() / G_USEC_PER_SEC);
	if (route != NULL) {
		g_key_file_set_string(file, GROUP, "anchor", route->anchor);
		g_key_file_set_string(file, GROUP, "mailbox", route->mailbox);
	}
	fs_memory_save(config, MEMORY, file, COMMENT);
}

/* Written anew with the route: so it is forgotten with it. NULL: it is of another server. */
static GKeyFile *load_of(const FsConfig *config, const char *url)
{
	g_autoptr(GKeyFile) file = fs_memory_load(config, MEMORY);
	g_autofree char *known =
		file != NULL ? g_key_file_get_string(file, GROUP, "url", NULL) : NULL;

	return g_strcmp0(known, url) == 0 ? g_steal_pointer(&file) : NULL;
}

static char *recall_content(void *user, const char *url, const char *guid)
{
	const FsConfig *config = user;
	g_autoptr(GKeyFile) file = load_of(config, url);

	return file != NULL ? g_key_file_get_string(file, CONTENT_GROUP, guid, NULL) : NULL;
}

static void remember_content(void *user, const char *url, const char *guid, const char *address)
{
	const FsConfig *config = user;
	g_autoptr(GKeyFile) file = load_of(config, url);

	if (file == NULL)
		return;
	g_key_file_set_string(file, CONTENT_GROUP, guid, address);
	fs_memory_save(config, MEMORY, file, COMMENT);
}

void fs_route_memory(const FsConfig *config, EwsContentMemory *ret_memory)
{
	*ret_memory = (EwsContentMemory){recall_content, remember_content, (void *)config};
}

/* --- asking -------------------------------------------------------------- */

/* NULL: nobody can be asked about this one. */
static const char *whose_address(const FsConfig *config)
{
	const char *candidates[] = {config->impersonate, config->address, config->user};

	for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++)
		if (candidates[i] != NULL && fs_discover_is_address(candidates[i]))
			return candidates[i];
	return NULL;
}

static EwsRoute *ask(const FsConfig *config, const FsSignin *signin, const char *address,
	GError **error)
{
	int64_t expires_us = 0;
	char *token = NULL;
	EwsCredentials credentials = {
		.kind = signin->kind,
		.user = config->user,
		.secret = signin->password,
	};

	if (signin->token != NULL) {
		credentials.secret = token =
			fs_token_fetch(signin->token, false, &expires_us, error);
		if (token == NULL)
			return NULL;
	}
	const EwsRouteQuestion question = {
		.url = config->url,
		.address = address,
		.credentials = &credentials,
		.tls = fs_signin_tls(config),
		.timeout_ms = TIMEOUT_MS,
	};
	EwsRoute *route = ews_route_find(&question, error);
	ews_secret_free(token);
	return route;
}

/* An answer that there is none is one. */
static bool is_answered(const GError *error)
{
	return ews_error_is(error, EWS_ERROR_NOT_FOUND) ||
	       ews_error_is(error, EWS_ERROR_PROTOCOL) || ews_error_is(error, EWS_ERROR_AUTH);
}

EwsRoute *fs_route_find(const FsConfig *config, const FsSignin *signin)
{
	const char *address = whose_address(config);
	g_autoptr(GError) error = NULL;
	bool is_old = true;

	if (!config->is_public || address == NULL)
		return NULL;
	EwsRoute *known = recall(config, &is_old);
	if (!is_old)
		return known;
	EwsRoute *found = ask(config, signin, address, &error);
	if (found == NULL && !is_answered(error)) {
		g_message("the way to the public folders is not asked for: %s", error->message);
		return known;
	}
	if (found == NULL)
		g_debug("no way to the public folders is told: %s", error->message);
	ews_route_free(known);
	remember(config, found);
	return found;
}
