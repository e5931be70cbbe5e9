/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/source.h"

#include <string.h>

#include "ews/error.h"

/* "Inbox//Projects/" → "Inbox/Projects". "." and ".." would name other folders than people think:
 * folders really called so are percent-encoded in the tree. */
static char *clean_folder(const char *path, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(path, "/", -1);
	g_autoptr(GString) clean = g_string_new(NULL);

	for (char **part = parts; *part != NULL; part++) {
		if (**part == '\0')
			continue;
		if (g_str_equal(*part, ".") || g_str_equal(*part, "..")) {
			g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
				"folder \"%s\": \".\" and \"..\" cannot be part of it", path);
			return NULL;
		}
		if (clean->len > 0)
			g_string_append_c(clean, '/');
		g_string_append(clean, *part);
	}
	return g_string_free(g_steal_pointer(&clean), FALSE);
}

static bool split_url(FsSource *self, const char *text, GError **error)
{
	const char *hash = strchr(text, '#');
	size_t len = hash != NULL ? (size_t)(hash - text) : strlen(text);

	self->url = g_strndup(text, len);
	self->folder = clean_folder(hash != NULL ? hash + 1 : "", error);
	return self->folder != NULL && fs_source_check_url(self->url, error);
}

static bool split_account(FsSource *self, const char *text, GError **error)
{
	const char *colon = strchr(text, ':');
	size_t len = colon != NULL ? (size_t)(colon - text) : strlen(text);

	self->account = g_strndup(text, len);
	if (len == 0) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"SOURCE \"%s\" names no account", text);
		return false;
	}
	self->folder = clean_folder(colon != NULL ? colon + 1 : "", error);
	return self->folder != NULL;
}

FsSource *fs_source_new(const char *text, GError **error)
{
	g_autoptr(FsSource) self = g_new0(FsSource, 1);
	bool is_url = strstr(text, "://") != NULL;

	if (!g_utf8_validate(text, -1, NULL)) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "SOURCE is not UTF-8");
		return NULL;
	}
	if (!(is_url ? split_url(self, text, error) : split_account(self, text, error)))
		return NULL;
	return g_steal_pointer(&self);
}

void fs_source_free(FsSource *self)
{
	if (self == NULL)
		return;
	g_free(self->url);
	g_free(self->account);
	g_free(self->folder);
	g_free(self);
}

bool fs_source_check_url(const char *url, GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, error);

	if (uri == NULL) {
		g_prefix_error(error, "address \"%s\": ", url);
		return false;
	}
	const char *scheme = g_uri_get_scheme(uri);
	if (!g_str_equal(scheme, "https") && !g_str_equal(scheme, "http")) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"address \"%s\": it must begin with https:// (or http:// to loopback)",
			url);
		return false;
	}
	/* The mount table and the process list are for all to read. The address is not repeated
	 * here: this line may end up in a log. */
	if (g_uri_get_userinfo(uri) != NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"the address must not hold a user or password: use -o user= and "
			"password_file= or password_command=");
		return false;
	}
	if (g_uri_get_host(uri) == NULL || *g_uri_get_host(uri) == '\0') {
		g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED,
			"address \"%s\": there is no host in it", url);
		return false;
	}
	return true;
}

char *fs_source_host(const char *url)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);

	if (uri == NULL || g_uri_get_host(uri) == NULL)
		return g_strdup("unknown");
	if (g_uri_get_port(uri) > 0)
		return g_strdup_printf("%s:%d", g_uri_get_host(uri), g_uri_get_port(uri));
	return g_strdup(g_uri_get_host(uri));
}
