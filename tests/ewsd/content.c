/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/content.h"

#include <string.h>

#define PROPERTY "ewsd-content"

char *content_spec(const char *spec, bool *ret_is_listed)
{
	const char *comma = strrchr(spec, ',');

	*ret_is_listed = !comma || strcmp(comma, ",unlisted") != 0;
	return *ret_is_listed ? g_strdup(spec) : g_strndup(spec, (gsize)(comma - spec));
}

bool content_put(Store *store, const char *spec, GError **error)
{
	bool is_listed;
	g_autofree char *all = content_spec(spec, &is_listed);
	char *equals = strrchr(all, '=');

	if (!equals || !equals[1]) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"not public:FOLDER/PATH=NAME[,unlisted]: %s", spec);
		return false;
	}
	*equals = '\0';
	store_begin(store);
	folder_prop_set(store, folder_make_path(store, all), PROPERTY, equals + 1);
	store_commit(store);
	return true;
}

char *content_name(Store *store, int64_t folder)
{
	while (folder) {
		g_autoptr(Folder) at = folder_get(store, folder);
		char *name = at ? folder_prop(store, folder, PROPERTY) : NULL;

		if (name)
			return name;
		/* The root is in itself. */
		folder = at && at->parent != folder ? at->parent : 0;
	}
	return g_strdup("");
}

char *content_guid(const char *name)
{
	g_autofree char *sum = *name ? g_compute_checksum_for_string(G_CHECKSUM_MD5, name, -1)
				     : NULL;

	return sum ? g_strdup_printf("%.8s-%.4s-%.4s-%.4s-%.12s", sum, sum + 8, sum + 12, sum + 16,
			     sum + 20)
		   : g_strdup(STORE_PUBLIC_GUID);
}

char *content_address(const char *name)
{
	return g_strconcat(*name ? name : "publicfolders", CONTENT_DOMAIN, NULL);
}

bool content_is_misled(const Request *request, int64_t folder)
{
	g_autofree char *name = NULL;
	g_autofree char *address = NULL;

	if (!request_is_public(request) || !request->content)
		return false;
	name = content_name(request->store, folder);
	address = content_address(name);
	return g_ascii_strcasecmp(request->content, address) != 0 || !request->anchor ||
	       g_ascii_strcasecmp(request->anchor, address) != 0;
}
