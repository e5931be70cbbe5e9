/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>

#include "fs/config.h"
#include "fs/mountinfo.h"
#include "fs/options.h"
#include "fs/places.h"
#include "fs/source.h"

/*
 * What people and the system hand over as text: a configuration file, a list of options, SOURCE,
 * the mount table. Each takes the same bytes; none may do more than refuse them.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load_file(const char *text, size_t size)
{
	g_autoptr(FsConfig) config = fs_config_new_default();

	config->account = g_strdup("a");
	if (!fs_config_load(config, text, size, "/etc/ewsfs.conf", NULL))
		return;
	if (config->url == NULL || config->user == NULL)
		return;
	fs_places_fill(config);
	g_assert(g_path_is_absolute(config->state_dir));
}

static void parse_options(const char *text)
{
	g_autoptr(FsConfig) config = fs_config_new_default();
	g_autoptr(GError) error = NULL;

	g_assert(fs_options_parse(config, text, "/", &error) == (error == NULL));
}

static void parse_source(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(FsSource) source = fs_source_new(text, &error);

	if (source == NULL)
		return;
	g_assert((source->url != NULL) != (source->account != NULL));
	g_assert(!g_str_has_prefix(source->folder, "/"));
	if (source->url != NULL) {
		g_autofree char *host = fs_source_host(source->url);
		g_assert(*host != '\0');
	}
}

static void parse_mounts(const char *text)
{
	g_autoptr(GPtrArray) entries = fs_mountinfo_parse(text);

	fs_mountinfo_above(entries, "/mnt/x");
	fs_mountinfo_at(entries, "/mnt");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);

	load_file((const char *)data, size);
	parse_options(text);
	parse_source(text);
	parse_mounts(text);
	return 0;
}
