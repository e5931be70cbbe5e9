/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/notify.h"

#include <string.h>

#include "tests/unit/fs-world.h"

#define DIR 5
#define ID 7

/* Everything that was told, once the thread has nothing left. */
static char *told(World *self, unsigned lines)
{
	g_autoptr(GString) all = g_string_new(NULL);

	for (int i = 0; i < 5000; i++) {
		g_autofree char *some = fake_notified();
		g_string_append(all, some);
		unsigned count = 0;
		for (const char *c = all->str; *c != '\0'; c++)
			count += *c == '\n';
		if (count >= lines)
			break;
		g_usleep(1000);
	}
	return g_string_free(g_steal_pointer(&all), FALSE);
}

static void tell(World *self, CacheChangeKind kind, int64_t node, const char *name)
{
	fake_cache_tell(self->cache, kind, node, 1, DIR, name);
}

static void test_kinds(World *self, gconstpointer data)
{
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	fake_cache_add(self->cache, ID, DIR, CACHE_KIND_FILE, "a.eml")->content = 2;
	fs_notify_start(self->fs.notify, NULL);
	tell(self, CACHE_CHANGE_MEMBERS, DIR, NULL);
	tell(self, CACHE_CHANGE_GONE, 99, "old.eml");
	tell(self, CACHE_CHANGE_ATTRIBUTES, ID, NULL);
	tell(self, CACHE_CHANGE_ATTRIBUTES, 99, NULL);
	tell(self, CACHE_CHANGE_CONTENT, ID, "a.eml");
	g_autofree char *text = told(self, 5);
	g_assert_cmpstr(text, ==, "inode 5 0 0\n"
		"entry 5 old.eml\n"
		"inode 2000000007 -1 0\n"
		"entry 5 a.eml\n"
		"inode 1000000007 -1 0\n");
}

/* Where the kernel keeps what it knows of other trees of the same shape. */
static void test_shapes(World *self, gconstpointer data)
{
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	fake_cache_add(self->cache, ID, DIR, CACHE_KIND_FILE, "a.eml");
	fs_notify_shapes(self->fs.notify);
	fs_notify_start(self->fs.notify, NULL);
	tell(self, CACHE_CHANGE_MEMBERS, DIR, NULL);
	tell(self, CACHE_CHANGE_GONE, 99, "old.eml");
	tell(self, CACHE_CHANGE_TOUCHED, ID, NULL);
	g_autofree char *text = told(self, 12);
	g_assert_cmpstr(text, ==, "inode 9000000000000005 0 0\n"
		"inode a000000000000005 0 0\n"
		"inode 5 0 0\n"
		"entry 9000000000000005 old.txt\n"
		"entry 9000000000000005 old.eml\n"
		"entry a000000000000005 old\n"
		"entry a000000000000005 old.eml\n"
		"entry 5 old.eml\n"
		"entry 9000000000000005 a.txt\n"
		"entry 9000000000000005 a.eml\n"
		"entry a000000000000005 a\n"
		"entry a000000000000005 a.eml\n");
}

static void test_before_and_after(World *self, gconstpointer data)
{
	uint64_t serial = fs_notify_serial(self->fs.notify);

	tell(self, CACHE_CHANGE_MEMBERS, DIR, NULL);
	fs_notify_start(self->fs.notify, NULL);
	tell(self, CACHE_CHANGE_MEMBERS, DIR, NULL);
	g_autofree char *text = told(self, 1);
	g_assert_cmpstr(text, ==, "inode 5 0 0\n");
	fs_notify_stop(self->fs.notify);
	fs_notify_stop(self->fs.notify);
	tell(self, CACHE_CHANGE_MEMBERS, DIR, NULL);
	g_autofree char *after = fake_notified();
	g_assert_cmpstr(after, ==, "");
	g_assert_cmpuint(fs_notify_serial(self->fs.notify), ==, serial + 3);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/notify/each-kind-of-change", test_kinds);
	world_add("/fs/notify/other-trees-go-with-the-mailbox", test_shapes);
	world_add("/fs/notify/only-while-mounted", test_before_and_after);
	return g_test_run();
}
