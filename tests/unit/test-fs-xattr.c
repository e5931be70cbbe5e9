/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/xattr.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/fs-world.h"

#define DIR 5
#define ID 7

static void fill(World *self)
{
	CacheDetails *details = fake_cache_details(self->cache);

	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	fake_cache_add(self->cache, ID, DIR, CACHE_KIND_FILE, "a.eml")->size_hint = 900;
	details->item_id = (char *)"AAMk";
	details->subject = (char *)"Grüße, \"you\"";
	details->received = INT64_C(1700000000000000);
	details->importance = 2;
	details->flag = 1;
	details->is_read = true;
}

static void expect(World *self, fuse_ino_t ino, const char *name, const char *value)
{
	fs_op_getxattr(world_next(self), ino, name, 1000);
	if (value == NULL) {
		g_assert_cmpint(fake_req_error(self->req), ==, ENODATA);
		return;
	}
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, value);
}

static void test_values(World *self, gconstpointer data)
{
	fill(self);
	expect(self, ID, "user.ewsfs.item_id", "AAMk");
	expect(self, ID, "user.ewsfs.subject", "Grüße, \"you\"");
	expect(self, ID, "user.ewsfs.received", "2023-11-14T22:13:20Z");
	expect(self, ID, "user.ewsfs.sent", NULL);
	expect(self, ID, "user.ewsfs.importance", "high");
	expect(self, ID, "user.ewsfs.flag", "flagged");
	expect(self, ID, "user.ewsfs.is_read", "1");
	expect(self, ID, "user.ewsfs.has_attachments", "0");
	expect(self, ID, "user.ewsfs.categories", NULL);
	expect(self, ID, "user.ewsfs.error", NULL);
	expect(self, ID, "user.ewsfs.size", "900");
	expect(self, ID, "user.ewsfs.size_exact", "0");
	fake_cache_put(self->cache, ID, 0, "bytes");
	expect(self, ID, "user.ewsfs.size", "5");
	expect(self, ID, "user.ewsfs.size_exact", "1");
}

static void test_fractions(World *self, gconstpointer data)
{
	fill(self);
	fake_cache_details(self->cache)->received = INT64_C(-1);
	expect(self, ID, "user.ewsfs.received", "1969-12-31T23:59:59.999999Z");
}

static void test_unknown(World *self, gconstpointer data)
{
	static const char *const foreign[] = {
		"security.capability", "system.posix_acl_access", "trusted.x", "user",
	};

	fill(self);
	expect(self, ID, "user.ewsfs.nonsense", NULL);
	expect(self, ID, "user.other", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
		fs_op_getxattr(world_next(self), ID, foreign[i], 0);
		g_assert_cmpint(fake_req_error(self->req), ==, EOPNOTSUPP);
	}
	fs_op_setxattr(world_next(self), ID, "user.ewsfs.is_read", "0", 1, 0);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	fs_op_setxattr(world_next(self), ID, "security.selinux", "0", 1, 0);
	g_assert_cmpint(fake_req_error(self->req), ==, EOPNOTSUPP);
	fs_op_removexattr(world_next(self), ID, "user.ewsfs.flag");
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
}

static void test_sizes(World *self, gconstpointer data)
{
	fill(self);
	fs_op_getxattr(world_next(self), ID, "user.ewsfs.item_id", 0);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_XATTR);
	g_assert_cmpuint(self->req->count, ==, 4);
	fs_op_getxattr(world_next(self), ID, "user.ewsfs.item_id", 3);
	g_assert_cmpint(fake_req_error(self->req), ==, ERANGE);
	fs_op_listxattr(world_next(self), ID, 10);
	g_assert_cmpint(fake_req_error(self->req), ==, ERANGE);
}

/* The names that have a value, each ended by a NUL. */
static char *names_of(World *self, fuse_ino_t ino)
{
	fs_op_listxattr(world_next(self), ino, 4096);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
	g_autoptr(GString) names = g_string_new(NULL);
	const char *at = (const char *)self->req->bytes->data;
	for (guint used = 0; used < self->req->bytes->len; used += (guint)strlen(at + used) + 1)
		g_string_append_printf(names, "%s ", at + used + strlen("user.ewsfs."));
	return g_string_free(g_steal_pointer(&names), FALSE);
}

static void test_list(World *self, gconstpointer data)
{
	fill(self);
	g_autofree char *of_file = names_of(self, ID);
	g_autofree char *of_folder = names_of(self, DIR);

	g_assert_cmpstr(of_file, ==, "item_id subject received size size_exact has_attachments "
		"is_read importance flag ");
	g_assert_cmpstr(of_folder, ==, "item_id ");
	expect(self, DIR, "user.ewsfs.item_id", "AAMk");
	expect(self, DIR, "user.ewsfs.is_read", NULL);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/xattr/values", test_values);
	world_add("/fs/xattr/times-have-fractions", test_fractions);
	world_add("/fs/xattr/foreign-names-are-not-supported", test_unknown);
	world_add("/fs/xattr/asks-for-the-size-first", test_sizes);
	world_add("/fs/xattr/lists-what-has-a-value", test_list);
	return g_test_run();
}
