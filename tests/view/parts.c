/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * parts FILE...: of each message the number of its parts in a line, then of each its kind, parent,
 * size and the length of its name in a line, its name and its bytes: what test_parts.py compares
 * with what Python makes of it.
 */
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

#include "view/parts.h"

static bool take(void *user, const char *text, size_t len)
{
	return fwrite(text, 1, len, stdout) == len;
}

static bool write_part(const ViewParts *parts, unsigned number, int fd)
{
	const ViewPart *part = view_parts_get(parts, number);
	g_autoptr(GString) name = g_string_new(part->name);

	printf("%d %u %" G_GINT64_FORMAT " %zu\n", (int)part->kind, part->parent, part->size,
		name->len);
	fwrite(name->str, 1, name->len, stdout);
	return view_part_is_dir(part) || view_parts_write(parts, number, fd, take, NULL);
}

static bool write_parts(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	g_autoptr(ViewParts) parts = fd >= 0 ? view_parts_new(fd) : NULL;
	bool is_good = parts != NULL;

	printf("%u\n", is_good ? view_parts_count(parts) : 0);
	for (unsigned i = 0; is_good && i < view_parts_count(parts); i++)
		is_good = write_part(parts, i, fd);
	if (fd >= 0)
		close(fd);
	return is_good;
}

int main(int argc, char **argv)
{
	bool is_good = true;

	view_init();
	for (int i = 1; i < argc; i++)
		is_good = write_parts(argv[i]) && is_good;
	return is_good ? 0 : 1;
}
