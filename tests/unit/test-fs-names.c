/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/names.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ews/error.h"
#include "fs/inode.h"
#include "tests/unit/fs-world.h"

#define DIR 5
#define ID 7

static void fill(World *self)
{
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	fake_cache_add(self->cache, ID, DIR, CACHE_KIND_FILE, "a.eml")->size = 5;
}

static void expect_changes(World *self, const char *changes)
{
	g_autofree char *text = fake_cache_changes(self->cache);

	g_assert_cmpstr(text, ==, changes);
}

static int move(World *self, const char *name, const char *to_name, unsigned flags)
{
	fs_op_rename(world_next(self), DIR, name, FUSE_ROOT_ID, to_name, flags);
	return fake_req_error(self->req);
}

/* --- new ----------------------------------------------------------------- */

static void test_mkdir(World *self, gconstpointer data)
{
	fill(self);
	fs_op_mkdir(world_next(self), DIR, "sub", 0755);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	g_assert_cmpuint(self->req->entry.attr.st_mode, ==, S_IFDIR | 0700);
	g_assert_cmpuint(self->req->entry.ino, ==, 1000);
	expect_changes(self, "mkdir 5 sub\n");
	fake_cache_refuse(self->cache, EWS_ERROR_EXISTS);
	fs_op_mkdir(world_next(self), DIR, "SUB", 0755);
	g_assert_cmpint(fake_req_error(self->req), ==, EEXIST);
}

static void test_mknod(World *self, gconstpointer data)
{
	static const mode_t others[] = {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK};

	fill(self);
	fs_op_mknod(world_next(self), DIR, "b.eml", S_IFREG | 0600, 0);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	expect_changes(self, "create 5 b.eml\nclose 1000\n");
	fs_op_mknod(world_next(self), DIR, "b.eml", S_IFREG | 0600, 0);
	g_assert_cmpint(fake_req_error(self->req), ==, EEXIST);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		fs_op_mknod(world_next(self), DIR, "c", others[i] | 0600, 0);
		g_assert_cmpint(fake_req_error(self->req), ==, EPERM);
	}
	expect_changes(self, "");
}

static void test_links(World *self, gconstpointer data)
{
	fill(self);
	fs_op_symlink(world_next(self), "a.eml", DIR, "b.eml");
	g_assert_cmpint(fake_req_error(self->req), ==, EPERM);
	fs_op_link(world_next(self), ID, DIR, "b.eml");
	g_assert_cmpint(fake_req_error(self->req), ==, EPERM);
}

/* --- gone, moved --------------------------------------------------------- */

static void test_gone(World *self, gconstpointer data)
{
	fill(self);
	fs_op_unlink(world_next(self), DIR, "a.eml");
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	fs_op_unlink(world_next(self), DIR, "a.eml");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	fake_cache_refuse(self->cache, EWS_ERROR_NOT_EMPTY);
	fs_op_rmdir(world_next(self), FUSE_ROOT_ID, "Inbox");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOTEMPTY);
	fake_cache_refuse(self->cache, EWS_ERROR_FORBIDDEN);
	fs_op_rmdir(world_next(self), FUSE_ROOT_ID, "Inbox");
	g_assert_cmpint(fake_req_error(self->req), ==, EPERM);
	fs_op_rmdir(world_next(self), FUSE_ROOT_ID, "Inbox");
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	expect_changes(self, "unlink 5 a.eml\nrmdir 1 Inbox\n");
}

static void test_rename(World *self, gconstpointer data)
{
	fill(self);
	fake_cache_add(self->cache, 8, CACHE_ROOT, CACHE_KIND_FILE, "b.eml");
	g_assert_cmpint(move(self, "a.eml", "b.eml", RENAME_NOREPLACE), ==, EEXIST);
	g_assert_cmpint(move(self, "a.eml", "b.eml", RENAME_EXCHANGE), ==, EINVAL);
	g_assert_cmpint(move(self, "a.eml", "b.eml", RENAME_WHITEOUT), ==, EINVAL);
	expect_changes(self, "");
	g_assert_cmpint(move(self, "a.eml", "b.eml", 0), ==, 0);
	expect_changes(self, "rename 5 a.eml 1 b.eml\n");
	g_assert_cmpint(move(self, "a.eml", "b.eml", 0), ==, ENOENT);
}

static void test_rename_refused(World *self, gconstpointer data)
{
	static const struct {
		EwsErrorCode code;
		int number;
	} cases[] = {
		{EWS_ERROR_UNSUPPORTED, EXDEV},
		{EWS_ERROR_INVALID, EINVAL},
		{EWS_ERROR_FORBIDDEN, EPERM},
		{EWS_ERROR_NOT_EMPTY, ENOTEMPTY},
		{EWS_ERROR_DENIED, EACCES},
	};

	fill(self);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		fake_cache_refuse(self->cache, (int)cases[i].code);
		g_assert_cmpint(move(self, "a.eml", "b", 0), ==, cases[i].number);
	}
}

/* --- refused ------------------------------------------------------------- */

/* Every operation on the name, and what all of them answer. */
static void expect_all(World *self, fuse_ino_t parent, const char *name, int error)
{
	fs_op_mkdir(world_next(self), parent, name, 0700);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	fs_op_mknod(world_next(self), parent, name, S_IFREG | 0600, 0);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	fs_op_unlink(world_next(self), parent, name);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	fs_op_rmdir(world_next(self), parent, name);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	fs_op_symlink(world_next(self), "x", parent, name);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	fs_op_link(world_next(self), ID, parent, name);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	fs_op_rename(world_next(self), parent, name, DIR, "ok.eml", 0);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	fs_op_rename(world_next(self), DIR, "ok.eml", parent, name, 0);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
	expect_changes(self, "");
}

static void test_control(World *self, gconstpointer data)
{
	fill(self);
	expect_all(self, FUSE_ROOT_ID, ".ewsfs", EROFS);
	expect_all(self, fs_inode_make_hidden(FS_INODE_CONTROL, 1), "new", EROFS);
}

static void test_read_only(World *self, gconstpointer data)
{
	fill(self);
	self->config->is_read_only = true;
	expect_all(self, DIR, "a.eml", EROFS);
}

static void test_long(World *self, gconstpointer data)
{
	g_autofree char *name = g_strnfill(256, 'x');

	fill(self);
	expect_all(self, DIR, name, ENAMETOOLONG);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/names/mkdir", test_mkdir);
	world_add("/fs/names/mknod-makes-plain-files-only", test_mknod);
	world_add("/fs/names/there-are-no-links", test_links);
	world_add("/fs/names/unlink-and-rmdir", test_gone);
	world_add("/fs/names/rename-may-be-told-not-to-replace", test_rename);
	world_add("/fs/names/rename-says-why-not", test_rename_refused);
	world_add("/fs/names/the-control-directory-stays", test_control);
	world_add("/fs/names/a-read-only-mount-is-erofs", test_read_only);
	world_add("/fs/names/names-have-an-end", test_long);
	return g_test_run();
}
