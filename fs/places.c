/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/places.h"

#include <string.h>

#include "fs/config.h"
#include "fs/source.h"

#define WORDS_MAX 80 /* bytes of the readable part */
#define HASH_LEN 8

void fs_places_append(GString *name, const char *text, gsize max)
{
	for (const char *c = text; *c != '\0' && name->len < max; c++)
		g_string_append_c(name,
			g_ascii_isalnum(*c) || strchr("._@-", *c) != NULL ? *c : '-');
}

/* Everything that tells one index from another; the parts cannot run into each other. A server
 * that is looked for by an address may be another one next year, with the same mailbox. */
static char *hash_of(const FsConfig *config)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	const char *parts[] = {
		config->address != NULL ? config->address : config->url,
		config->user,
		config->folder,
	};

	const char *whose = fs_config_whose(config);

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		g_checksum_update(sum, (const guchar *)parts[i], (gssize)strlen(parts[i]) + 1);
	if (whose != NULL)
		g_checksum_update(sum, (const guchar *)whose, (gssize)strlen(whose) + 1);
	/* No address is so short. */
	if (config->is_archive)
		g_checksum_update(sum, (const guchar *)"a", 2);
	if (config->is_public)
		g_checksum_update(sum, (const guchar *)"p", 2);
	return g_strndup(g_checksum_get_string(sum), HASH_LEN);
}

char *fs_places_name(const FsConfig *config)
{
	g_autoptr(GString) name = g_string_new(NULL);
	g_autofree char *host = config->address == NULL ? fs_source_host(config->url) : NULL;
	g_autofree char *hash = hash_of(config);

	if (config->account != NULL)
		fs_places_append(name, config->account, WORDS_MAX);
	else
		fs_places_append(name, host != NULL ? host : config->address, WORDS_MAX);
	if (config->account != NULL || host != NULL ||
		!g_str_equal(config->address, config->user)) {
		g_string_append_c(name, '_');
		fs_places_append(name, config->user, WORDS_MAX);
	}
	if (fs_config_whose(config) != NULL) {
		g_string_append_c(name, '_');
		fs_places_append(name, fs_config_whose(config), WORDS_MAX);
	}
	if (config->is_archive)
		fs_places_append(name, "_archive", WORDS_MAX);
	if (config->is_public)
		fs_places_append(name, "_public", WORDS_MAX);
	if (*config->folder != '\0') {
		g_string_append_c(name, '_');
		fs_places_append(name, config->folder, WORDS_MAX);
	}
	/* No hidden directory, and nothing that looks like an option. */
	if (*name->str == '.' || *name->str == '-')
		*name->str = '_';
	g_string_append_printf(name, "-%s", hash);
	return g_string_free(g_steal_pointer(&name), FALSE);
}

void fs_places_fill(FsConfig *config)
{
	g_autofree char *name = fs_places_name(config);

	if (config->state_dir == NULL)
		config->state_dir = g_build_filename(g_get_user_state_dir(), "ewsfs", name, NULL);
	if (config->cache_dir == NULL)
		config->cache_dir = g_build_filename(g_get_user_cache_dir(), "ewsfs", name, NULL);
}
