/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What was found out at one start and spares a question at the next: small key files in state_dir,
 * which people may read, and remove at any time. Nothing depends on them, so what goes wrong is
 * said, and no more.
 *
 * One thread at a time for each of them.
 */
struct FsConfig;

/* state_dir/@name; NULL where there is none. */
GKeyFile *fs_memory_load(const struct FsConfig *config, const char *name);

/* @comment is for whoever looks at it. */
void fs_memory_save(const struct FsConfig *config, const char *name, GKeyFile *file,
	const char *comment);

void fs_memory_forget(const struct FsConfig *config, const char *name);
