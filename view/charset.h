/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>

/*
 * Bytes in some charset → UTF-8, as they come. What is declared is believed where it can be. What
 * cannot be, where nothing is declared or something else than is there, is UTF-8 where it could be,
 * and else windows-1252, byte by byte: however wrong it is, the rest is not lost, and what comes
 * out is valid.
 */
typedef struct ViewCharset ViewCharset;

/* @name: as declared; NULL: not at all. */
ViewCharset *view_charset_new(const char *name);
void view_charset_free(ViewCharset *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewCharset, view_charset_free)

/* Appends whole characters to @out. */
void view_charset_feed(ViewCharset *self, const char *data, size_t len, GString *out);

/* What was left in the middle of a character. */
void view_charset_end(ViewCharset *self, GString *out);

/* What bytes a header or a name has that GMime could not decode. Owned, UTF-8. */
char *view_charset_guess(const char *text);
