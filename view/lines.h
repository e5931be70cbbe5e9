/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * Content lines, as iCalendar (RFC 5545) and vCard (RFC 2426, 6350) share them: "NAME;PARAM:value",
 * UTF-8, ended by CRLF, folded before more than 75 bytes and never inside a character. What no
 * line may hold (control characters, what is no UTF-8) is left out or replaced.
 */

/* @value stands as it is, but for what no line may hold. */
void view_lines_add(GString *out, const char *name, const char *value);

/* Text: what has a meaning in a value is escaped, line ends are "\n". NULL or "": no line. */
void view_lines_text(GString *out, const char *name, const char *text);

/* Texts joined by @joint (';' or ','), each escaped; NULL is an empty one. All empty: no line. */
void view_lines_texts(GString *out, const char *name, const char *const *texts, unsigned count,
	char joint);

/* A parameter's value as it stands in a line, in quotes. Owned. */
char *view_lines_quoted(const char *text);

/* "mailto:" and the address, or what stands for none. Owned. */
char *view_lines_mailto(const char *address);
