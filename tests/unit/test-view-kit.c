/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test-view-kit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "view/text.h"

static bool take(void *user, const char *text, size_t len)
{
	g_string_append_len(user, text, (gssize)len);
	return true;
}

static char *render(const void *bytes, size_t len, const char *flags, const char *categories)
{
	g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Berlin");
	const ViewFacts facts = {.flags = flags, .categories = categories, .zone = zone};
	GString *text = g_string_new(NULL);
	int fd = memfd_create("message", MFD_CLOEXEC);

	g_assert_nonnull(zone);
	g_assert_cmpint(write(fd, bytes, len), ==, (ssize_t)len);
	g_assert_true(view_text_render(fd, &facts, take, text));
	/* Whose it is finds its offset where it was. */
	g_assert_cmpint(lseek(fd, 0, SEEK_CUR), ==, (off_t)len);
	close(fd);
	g_assert_true(g_utf8_validate_len(text->str, text->len, NULL));
	return g_string_free(text, FALSE);
}

char *view_kit_render(const void *bytes, size_t len)
{
	return render(bytes, len, NULL, NULL);
}

char *view_kit_render_flagged(const char *message, const char *flags, const char *categories)
{
	return render(message, strlen(message), flags, categories);
}

void view_kit_expect(const char *message, const char *wanted)
{
	g_autofree char *text = view_kit_render(message, strlen(message));

	g_assert_cmpstr(text, ==, wanted);
}

long view_kit_memory(void)
{
	g_autofree char *status = NULL;

	g_assert_true(g_file_get_contents("/proc/self/status", &status, NULL, NULL));
	const char *line = strstr(status, "VmHWM:");
	g_assert_nonnull(line);
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	g_assert_cmpint(write(fd, "5", 1), ==, 1);
	close(fd);
	return strtol(line + strlen("VmHWM:"), NULL, 10);
}
