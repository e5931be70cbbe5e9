/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/memory.h"

#include <errno.h>
#include <unistd.h>

#include "fs/config.h"

static char *path_of(const FsConfig *config, const char *name)
{
	return g_build_filename(config->state_dir, name, NULL);
}

GKeyFile *fs_memory_load(const FsConfig *config, const char *name)
{
	g_autofree char *path = path_of(config, name);
	g_autoptr(GKeyFile) file = g_key_file_new();

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
		return NULL;
	return g_steal_pointer(&file);
}

void fs_memory_save(const FsConfig *config, const char *name, GKeyFile *file, const char *comment)
{
	g_autofree char *path = path_of(config, name);
	g_autoptr(GError) error = NULL;
	gsize len;

	g_key_file_set_comment(file, NULL, NULL, comment, NULL);
	g_autofree char *data = g_key_file_to_data(file, &len, NULL);
	if (g_mkdir_with_parents(config->state_dir, 0700) < 0)
		g_warning("%s: %s", config->state_dir, g_strerror(errno));
	else if (!g_file_set_contents_full(path, data, (gssize)len,
			 G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
		g_warning("nothing is remembered for the next start: %s", error->message);
}

void fs_memory_forget(const FsConfig *config, const char *name)
{
	g_autofree char *path = path_of(config, name);

	if (unlink(path) < 0 && errno != ENOENT)
		g_warning("%s: %s", path, g_strerror(errno));
}
