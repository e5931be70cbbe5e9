/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * render FILE...: each message as text, in UTC, after a line with its length: what test_text.py
 * compares with what Python makes of it.
 */
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

#include "view/text.h"

static bool take(void *user, const char *text, size_t len)
{
	g_string_append_len(user, text, (gssize)len);
	return true;
}

static bool render(const char *path, const ViewFacts *facts)
{
	g_autoptr(GString) text = g_string_new(NULL);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_good = fd >= 0 && view_text_render(fd, facts, take, text);

	if (fd >= 0)
		close(fd);
	printf("%zu\n", text->len);
	fwrite(text->str, 1, text->len, stdout);
	return is_good;
}

int main(int argc, char **argv)
{
	g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
	const ViewFacts facts = {.zone = zone};
	bool is_good = true;

	view_init();
	for (int i = 1; i < argc; i++)
		is_good = render(argv[i], &facts) && is_good;
	return is_good ? 0 : 1;
}
