/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Events, tasks and contacts out of what a server says: however mad it is, what comes out is made
 * of lines that are as they should be, its parts end in the order in which they began, and it is
 * the same twice. The first byte says what the rest is: 'm' a message with a calendar in it, else
 * properties, with a NUL after each name and each value.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "view/pim.h"
#include "view/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *line)
{
	g_assert_cmpuint(strlen(line), <=, 75);
	g_assert_true(g_utf8_validate(line, -1, NULL));
	for (const char *at = line; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar one = g_utf8_get_char(at);

		g_assert_true(one == '\t' || (one >= 0x20 && one < 0x7f) || one >= 0xa0);
	}
}

/* What begins ends, and in it nothing that it has not begun itself. */
static void check_parts(char **lines)
{
	g_autoptr(GPtrArray) open = g_ptr_array_new();

	for (; *lines != NULL && **lines != '\0'; lines++) {
		if (g_str_has_prefix(*lines, "BEGIN:"))
			g_ptr_array_add(open, *lines + strlen("BEGIN:"));
		if (!g_str_has_prefix(*lines, "END:"))
			continue;
		g_assert_cmpuint(open->len, >, 0);
		g_assert_cmpstr(open->pdata[open->len - 1], ==, *lines + strlen("END:"));
		g_ptr_array_set_size(open, (gint)open->len - 1);
		g_assert_true(open->len > 0 || lines[1] == NULL || *lines[1] == '\0');
	}
	g_assert_cmpuint(open->len, ==, 0);
}

static void check(GBytes *bytes)
{
	size_t size;
	const char *data = g_bytes_get_data(bytes, &size);
	g_autofree char *text = g_strndup(data, size);
	g_auto(GStrv) lines = g_strsplit(text, "\r\n", -1);

	g_assert_null(memchr(data, '\0', size));
	g_assert_true(g_str_has_suffix(text, "\r\n"));
	for (char **line = lines; *line != NULL; line++)
		check_line(*line);
	check_parts(lines);
}

static void try_all(const char *const *said)
{
	GBytes *(*const makers[])(const char *const *, const char *) = {view_pim_event,
		view_pim_task, view_pim_card};

	for (size_t i = 0; i < G_N_ELEMENTS(makers); i++) {
		g_autoptr(GBytes) bytes = makers[i](said, "uid@ewsfs");
		g_autoptr(GBytes) again = makers[i](said, "uid@ewsfs");

		g_assert_cmpint(bytes == NULL, ==, again == NULL);
		if (bytes == NULL)
			continue;
		check(bytes);
		g_assert_true(g_bytes_equal(bytes, again));
	}
}

static void try_properties(const uint8_t *data, size_t size)
{
	g_autoptr(GPtrArray) said = g_ptr_array_new_with_free_func(g_free);

	while (size > 0) {
		const uint8_t *nul = memchr(data, '\0', size);
		size_t len = nul != NULL ? (size_t)(nul - data) : size;

		g_ptr_array_add(said, g_strndup((const char *)data, len));
		len += nul != NULL ? 1 : 0;
		data += len;
		size -= len;
	}
	g_ptr_array_add(said, NULL);
	try_all((const char *const *)said->pdata);
}

static void try_message(const uint8_t *data, size_t size)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	g_assert_cmpint(write(fd, data, size), ==, (ssize_t)size);
	g_autoptr(GBytes) bytes = view_pim_calendar_in(fd);

	if (bytes != NULL) {
		g_assert_true(view_pim_is_calendar(g_bytes_get_data(bytes, NULL),
			g_bytes_get_size(bytes)));
		g_assert_true(g_utf8_validate_len(g_bytes_get_data(bytes, NULL),
			g_bytes_get_size(bytes), NULL));
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gsize is_ready = 0;

	if (g_once_init_enter(&is_ready)) {
		view_init();
		g_once_init_leave(&is_ready, 1);
	}
	if (size > 0 && data[0] == 'm')
		try_message(data + 1, size - 1);
	else if (size > 0)
		try_properties(data + 1, size - 1);
	return 0;
}
