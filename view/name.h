/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * What strangers call their attachments → names that may stand in a directory: one component, not
 * hidden, no option of a command, nothing in it that a terminal does not show as it stands
 * (controls, marks of direction), at most VIEW_NAME_MAX bytes with its extension kept.
 */
#define VIEW_NAME_MAX 255

/* Owned, UTF-8; NULL: nothing is left of it. */
char *view_name_safe(const char *text);

/* Ends in @extension (".ics"), whatever it ended in before. Owned. */
char *view_name_with(const char *name, const char *extension);

/* The names of some directories, each by its number: no name twice in one. One thread's own. */
typedef struct ViewNames ViewNames;

ViewNames *view_names_new(void);
void view_names_free(ViewNames *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewNames, view_names_free)

/* @name, or the first of NAME-2.EXT, NAME-3.EXT … that is free in @dir. Owned. */
char *view_names_take(ViewNames *self, unsigned dir, const char *name);
