/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/lines.h"

#include <stdbool.h>
#include <string.h>

#define LINE_MAX_BYTES 75

/* C0 but the tab, DEL and C1. */
static bool is_control(gunichar c)
{
	return (c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0);
}

/* The first line has 75 bytes, those that follow a blank and 74. */
static void fold(GString *out, const char *line)
{
	size_t room = LINE_MAX_BYTES;

	for (const char *at = line; *at != '\0';) {
		const char *next = g_utf8_next_char(at);
		size_t len = (size_t)(next - at);

		if (len > room) {
			g_string_append(out, "\r\n ");
			room = LINE_MAX_BYTES - 1;
		}
		g_string_append_len(out, at, (gssize)len);
		room -= len;
		at = next;
	}
	g_string_append(out, "\r\n");
}

static void append_clean(GString *line, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (!is_control(c))
			g_string_append_unichar(line, c);
	}
}

static void append_escaped(GString *line, const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);

		if (c == '\n')
			g_string_append(line, "\\n");
		else if (c == '\\' || c == ';' || c == ',')
			g_string_append_printf(line, "\\%c", (char)c);
		else if (!is_control(c))
			g_string_append_unichar(line, c);
	}
}

void view_lines_add(GString *out, const char *name, const char *value)
{
	g_autoptr(GString) line = g_string_new(NULL);

	append_clean(line, name);
	g_string_append_c(line, ':');
	append_clean(line, value);
	fold(out, line->str);
}

void view_lines_texts(GString *out, const char *name, const char *const *texts, unsigned count,
	char joint)
{
	g_autoptr(GString) line = g_string_new(NULL);
	bool is_empty = true;

	append_clean(line, name);
	for (unsigned i = 0; i < count; i++) {
		g_string_append_c(line, i == 0 ? ':' : joint);
		if (texts[i] == NULL || *texts[i] == '\0')
			continue;
		append_escaped(line, texts[i]);
		is_empty = false;
	}
	if (!is_empty)
		fold(out, line->str);
}

void view_lines_text(GString *out, const char *name, const char *text)
{
	view_lines_texts(out, name, &text, 1, ';');
}

char *view_lines_quoted(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);

	/* Neither a quote nor a line end can be said inside quotes. */
	g_strdelimit(valid, "\"", '\'');
	g_strdelimit(valid, "\r\n\t", ' ');
	return g_strdup_printf("\"%s\"", valid);
}

char *view_lines_mailto(const char *address)
{
	g_autoptr(GString) uri = g_string_new("mailto:");

	/* A server's own address (X.500) is none that anybody could write to. */
	if (address == NULL || strchr(address, '@') == NULL)
		return g_strdup("invalid:nomail");
	for (const char *at = address; *at != '\0'; at++) {
		if (*at > ' ' && *at != '\x7f')
			g_string_append_c(uri, *at);
		else if ((*at & 0x80) != 0)
			g_string_append_c(uri, *at);
	}
	return g_string_free(g_steal_pointer(&uri), FALSE);
}
