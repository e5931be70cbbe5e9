/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/xattr.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "ews/error.h"
#include "fs/inode.h"
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
		"security.capability",
		"system.posix_acl_access",
		"trusted.x",
		"user",
	};

	fill(self);
	expect(self, ID, "user.ewsfs.nonsense", NULL);
	expect(self, ID, "user.other", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
		fs_op_getxattr(world_next(self), ID, foreign[i], 0);
		g_assert_cmpint(fake_req_error(self->req), ==, EOPNOTSUPP);
	}
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

	g_assert_cmpstr(of_file, ==,
		"item_id subject received size size_exact has_attachments "
		"is_read importance flag ");
	g_assert_cmpstr(of_folder, ==, "item_id ");
	expect(self, DIR, "user.ewsfs.item_id", "AAMk");
	expect(self, DIR, "user.ewsfs.is_read", NULL);
}

/* --- setting ------------------------------------------------------------- */

static int set(World *self, fuse_ino_t ino, const char *name, const char *value, int flags)
{
	fs_op_setxattr(world_next(self), ino, name, value, strlen(value), flags);
	return fake_req_error(self->req);
}

static int take_away(World *self, fuse_ino_t ino, const char *name)
{
	fs_op_removexattr(world_next(self), ino, name);
	return fake_req_error(self->req);
}

static void expect_changes(World *self, const char *changes)
{
	g_autofree char *text = fake_cache_changes(self->cache);

	g_assert_cmpstr(text, ==, changes);
}

static void test_set(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(set(self, ID, "user.ewsfs.subject", "Neu", 0), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.is_read", "0", 0), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.importance", "low", 0), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.categories", "a, b", 0), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.flag", "complete", 0), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.received", "2023-11-14T22:13:21Z", 0), ==, 0);
	expect_changes(self,
		"set 7 subject=Neu\nset 7 is_read=0\nset 7 importance=0\n"
		"set 7 categories=a, b\nset 7 flag=2\nset 7 received=1700000001000000\n");
	fake_cache_refuse(self->cache, EWS_ERROR_DENIED);
	g_assert_cmpint(set(self, ID, "user.ewsfs.flag", "none", 0), ==, EACCES);
}

static void test_not_set(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(set(self, ID, "user.ewsfs.is_read", "yes", 0), ==, EINVAL);
	g_assert_cmpint(set(self, ID, "user.ewsfs.importance", "urgent", 0), ==, EINVAL);
	g_assert_cmpint(set(self, ID, "user.ewsfs.received", "yesterday", 0), ==, EINVAL);
	g_assert_cmpint(set(self, ID, "user.ewsfs.subject", "\xff", 0), ==, EINVAL);
	fs_op_setxattr(world_next(self), ID, "user.ewsfs.flag", "none\0", 5, 0);
	g_assert_cmpint(fake_req_error(self->req), ==, EINVAL);
	g_assert_cmpint(set(self, ID, "user.ewsfs.item_id", "other", 0), ==, EPERM);
	g_assert_cmpint(set(self, ID, "user.ewsfs.sent", "2023-11-14T22:13:20Z", 0), ==, EPERM);
	g_assert_cmpint(set(self, ID, "user.ewsfs.nonsense", "x", 0), ==, EPERM);
	g_assert_cmpint(set(self, ID, "user.other", "x", 0), ==, EOPNOTSUPP);
	g_assert_cmpint(set(self, ID, "security.selinux", "x", 0), ==, EOPNOTSUPP);
	expect_changes(self, "");
}

/* What it is already needs no change, of whatever attribute. */
static void test_same(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(set(self, ID, "user.ewsfs.item_id", "AAMk", 0), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.is_read", "1", 0), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.received", "2023-11-14T22:13:20Z", 0), ==, 0);
	expect_changes(self, "");
}

static void test_flags(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(set(self, ID, "user.ewsfs.is_read", "0", XATTR_CREATE), ==, EEXIST);
	g_assert_cmpint(set(self, ID, "user.ewsfs.categories", "a", XATTR_REPLACE), ==, ENODATA);
	expect_changes(self, "");
	g_assert_cmpint(set(self, ID, "user.ewsfs.categories", "a", XATTR_CREATE), ==, 0);
	g_assert_cmpint(set(self, ID, "user.ewsfs.is_read", "0", XATTR_REPLACE), ==, 0);
	expect_changes(self, "set 7 categories=a\nset 7 is_read=0\n");
}

static void test_remove(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(take_away(self, ID, "user.ewsfs.flag"), ==, 0);
	g_assert_cmpint(take_away(self, ID, "user.ewsfs.importance"), ==, 0);
	expect_changes(self, "set 7 flag=0\nset 7 importance=1\n");
	g_assert_cmpint(take_away(self, ID, "user.ewsfs.categories"), ==, ENODATA);
	g_assert_cmpint(take_away(self, ID, "user.ewsfs.item_id"), ==, EPERM);
	g_assert_cmpint(take_away(self, ID, "user.ewsfs.received"), ==, EPERM);
	g_assert_cmpint(take_away(self, ID, "user.other"), ==, EOPNOTSUPP);
	expect_changes(self, "");
}

static void test_new_file(World *self, gconstpointer data)
{
	g_autoptr(CacheNode) node = NULL;

	fill(self);
	CacheFile *file = cache_create(self->cache, DIR, "new.eml", &node, NULL);
	fuse_ino_t ino = fs_inode_of(node);
	expect_changes(self, "create 5 new.eml\n");
	g_autofree char *names = names_of(self, ino);
	g_assert_cmpstr(names, ==, "size size_exact ");
	expect(self, ino, "user.ewsfs.is_read", NULL);
	g_assert_cmpint(set(self, ino, "user.ewsfs.item_id", "old", 0), ==, 0);
	g_assert_cmpint(set(self, ino, "user.ewsfs.nonsense", "x", 0), ==, 0);
	g_assert_cmpint(set(self, ino, "user.ewsfs.size", "12", 0), ==, 0);
	g_assert_cmpint(take_away(self, ino, "user.ewsfs.size"), ==, 0);
	expect_changes(self, "");
	g_assert_cmpint(set(self, ino, "user.ewsfs.sent", "2023-11-14T22:13:20.5Z", 0), ==, 0);
	g_assert_cmpint(set(self, ino, "user.ewsfs.flag", "flagged", 0), ==, 0);
	expect_changes(self, "set 1000 sent=1700000000500000\nset 1000 flag=1\n");
	g_assert_cmpint(set(self, ino, "user.other", "x", 0), ==, EOPNOTSUPP);
	cache_file_close(file);
	fake_cache_confirm(self->cache, node->id);
	g_assert_cmpint(set(self, ino, "user.ewsfs.item_id", "old", 0), ==, EPERM);
}

static void test_scratch(World *self, gconstpointer data)
{
	g_autoptr(CacheNode) node = NULL;

	fill(self);
	CacheFile *file = cache_create(self->cache, DIR, ".new.Xa2", &node, NULL);
	fuse_ino_t ino = fs_inode_of(node);
	cache_file_close(file);
	expect(self, ino, "user.ewsfs.scratch", "1");
	expect(self, ID, "user.ewsfs.scratch", NULL);
	g_assert_cmpint(set(self, ino, "user.ewsfs.item_id", "old", 0), ==, 0);
	/* As rsync -X does with what the source has not. */
	g_assert_cmpint(take_away(self, ino, "user.ewsfs.scratch"), ==, 0);
}

static void test_folders(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(set(self, DIR, "user.ewsfs.item_id", "old", 0), ==, 0);
	g_assert_cmpint(take_away(self, DIR, "user.ewsfs.item_id"), ==, 0);
	g_assert_cmpint(set(self, DIR, "user.other", "x", 0), ==, EOPNOTSUPP);
	expect_changes(self, "");
}

static void test_read_only(World *self, gconstpointer data)
{
	fill(self);
	self->config->is_read_only = true;
	g_assert_cmpint(set(self, ID, "user.ewsfs.is_read", "0", 0), ==, EROFS);
	g_assert_cmpint(set(self, ID, "security.selinux", "0", 0), ==, EOPNOTSUPP);
	g_assert_cmpint(take_away(self, ID, "user.ewsfs.flag"), ==, EROFS);
	expect_changes(self, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/xattr/values", test_values);
	world_add("/fs/xattr/times-have-fractions", test_fractions);
	world_add("/fs/xattr/foreign-names-are-not-supported", test_unknown);
	world_add("/fs/xattr/asks-for-the-size-first", test_sizes);
	world_add("/fs/xattr/lists-what-has-a-value", test_list);
	world_add("/fs/xattr/some-can-be-set", test_set);
	world_add("/fs/xattr/others-cannot", test_not_set);
	world_add("/fs/xattr/the-same-value-is-no-change", test_same);
	world_add("/fs/xattr/create-and-replace", test_flags);
	world_add("/fs/xattr/removing-sets-what-nobody-touched", test_remove);
	world_add("/fs/xattr/a-new-file-takes-everything", test_new_file);
	world_add("/fs/xattr/so-does-scratch", test_scratch);
	world_add("/fs/xattr/so-do-folders-for-nothing", test_folders);
	world_add("/fs/xattr/a-read-only-mount-is-erofs", test_read_only);
	return g_test_run();
}
