/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages as text: whatever the bytes are, what comes out is UTF-8 without control characters, of
 * lines, no longer than it may be, and the same twice.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "view/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *user, const char *text, size_t len)
{
	g_string_append_len(user, text, (gssize)len);
	return true;
}

static GString *render(int fd, GTimeZone *zone)
{
	const ViewFacts facts = {.flags = "unread", .categories = "a, b", .zone = zone};
	GString *text = g_string_new(NULL);

	g_assert_true(view_text_render(fd, &facts, take, text));
	return text;
}

static void check(const GString *text)
{
	g_assert_cmpuint(text->len, <, VIEW_TEXT_MAX + 100);
	g_assert_true(g_utf8_validate_len(text->str, text->len, NULL));
	g_assert_cmpint(text->str[text->len - 1], ==, '\n');
	for (const char *at = text->str; *at != '\0'; at = g_utf8_next_char(at)) {
		gunichar one = g_utf8_get_char(at);
		g_assert_true(
			one == '\n' || one == '\t' || (one >= 0x20 && one < 0x7f) || one >= 0xa0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gsize is_ready = 0;

	if (g_once_init_enter(&is_ready)) {
		view_init();
		g_once_init_leave(&is_ready, 1);
	}
	g_autoptr(GTimeZone) zone = g_time_zone_new_offset(3600);
	int fd = memfd_create("message", MFD_CLOEXEC);
	g_assert_cmpint(write(fd, data, size), ==, (ssize_t)size);
	GString *text = render(fd, zone);
	GString *again = render(fd, zone);
	check(text);
	g_assert_true(g_string_equal(text, again));
	g_string_free(text, TRUE);
	g_string_free(again, TRUE);
	close(fd);
	return 0;
}
