/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is in a message: whatever the bytes are, the names are safe and once in their directory,
 * each part is as long as was said, and raw is the bytes; the same twice.
 */
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "view/name.h"
#include "view/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *user, const char *text, size_t len)
{
	g_string_append_len(user, text, (gssize)len);
	return true;
}

static void check_name(const char *name)
{
	g_assert_cmpuint(strlen(name), <=, VIEW_NAME_MAX);
	g_assert_true(*name != '\0' && *name != '.' && *name != '-');
	g_assert_true(g_utf8_validate(name, -1, NULL));
	for (const char *at = name; *at != '\0'; at = g_utf8_next_char(at))
		g_assert_true(*at != '/' && g_unichar_isprint(g_utf8_get_char(at)));
}

static void check_bytes(const ViewParts *parts, unsigned number, int fd)
{
	const ViewPart *part = view_parts_get(parts, number);
	g_autoptr(GString) bytes = g_string_new(NULL);

	g_assert_true(view_parts_write(parts, number, fd, take, bytes));
	g_assert_cmpint((int64_t)bytes->len, ==, part->size);
	if (part->kind == VIEW_PART_HEADERS || part->kind == VIEW_PART_TEXT)
		g_assert_true(g_utf8_validate_len(bytes->str, bytes->len, NULL) ||
			      memchr(bytes->str, '\0', bytes->len) != NULL);
}

static void check(const ViewParts *parts, int fd)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	g_assert_cmpuint(view_parts_count(parts), <=, VIEW_PARTS_MAX);
	for (unsigned i = 1; i < view_parts_count(parts); i++) {
		const ViewPart *part = view_parts_get(parts, i);
		g_assert_cmpuint(part->parent, <, i);
		g_assert_true(view_part_is_dir(view_parts_get(parts, part->parent)));
		check_name(part->name);
		g_assert_true(
			g_hash_table_add(seen, g_strdup_printf("%u/%s", part->parent, part->name)));
		if (!view_part_is_dir(part))
			check_bytes(parts, i, fd);
	}
	g_assert_cmpuint(g_hash_table_size(seen), ==, view_parts_count(parts) - 1);
}

static void check_raw(const ViewParts *parts, int fd, const uint8_t *data, size_t size)
{
	g_autoptr(GString) raw = g_string_new(NULL);
	unsigned number = 1;

	while (view_parts_get(parts, number)->kind != VIEW_PART_RAW)
		number++;
	g_assert_true(view_parts_write(parts, number, fd, take, raw));
	g_assert_cmpmem(raw->str, raw->len, data, size);
}

static void check_same(const ViewParts *parts, const ViewParts *again)
{
	g_assert_cmpuint(view_parts_count(parts), ==, view_parts_count(again));
	for (unsigned i = 0; i < view_parts_count(parts); i++) {
		g_assert_cmpstr(view_parts_get(parts, i)->name, ==, view_parts_get(again, i)->name);
		g_assert_cmpint(view_parts_get(parts, i)->size, ==, view_parts_get(again, i)->size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static gsize is_ready = 0;

	if (g_once_init_enter(&is_ready)) {
		view_init();
		g_once_init_leave(&is_ready, 1);
	}
	int fd = memfd_create("message", MFD_CLOEXEC);
	g_assert_cmpint(write(fd, data, size), ==, (ssize_t)size);
	g_autoptr(ViewParts) parts = view_parts_new(fd);
	g_autoptr(ViewParts) again = view_parts_new(fd);
	g_assert_true(parts != NULL && again != NULL);
	check(parts, fd);
	check_raw(parts, fd, data, size);
	check_same(parts, again);
	close(fd);
	return 0;
}
