/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Each option by name: what it takes, where it goes, what to say when it is wrong. The same
 * table serves `-o` and the configuration file.
 */
struct FsConfig;

/* One option. @value is NULL where none was given (`-o ro`). Relative paths count from @base.
 * Words of mount(8) that mean nothing here are taken in silence, unless @is_file. */
typedef struct FsOption {
	const char *name;
	const char *value;
	const char *base;
	bool is_file;
} FsOption;
bool fs_options_set(struct FsConfig *config, const FsOption *option, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;

/* "a,b=c,d=e\,f": each in turn; a backslash keeps a comma (or itself) as part of the value. */
bool fs_options_parse(struct FsConfig *config, const char *list, const char *base, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;
