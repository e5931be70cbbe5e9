/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/setattr.h"

#include <errno.h>
#include <fcntl.h>

#include "ews/error.h"
#include "fs/file.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "tests/unit/fs-world.h"

#define DIR 5
#define ID 7
#define SECOND INT64_C(1000000)

static fuse_ino_t add_file(World *self)
{
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	CacheNode *node = fake_cache_add(self->cache, ID, DIR, CACHE_KIND_FILE, "a.eml");
	node->size = 5;
	return fs_inode_of(node);
}

static void change(World *self, fuse_ino_t ino, const struct stat *attr, int what,
	struct fuse_file_info *info)
{
	struct stat copy = *attr;

	fs_op_setattr(world_next(self), ino, &copy, what, info);
}

static void truncate_to(World *self, fuse_ino_t ino, off_t size, struct fuse_file_info *info)
{
	const struct stat attr = {.st_size = size};

	change(self, ino, &attr, FUSE_SET_ATTR_SIZE, info);
}

static void expect_size(World *self, off_t size)
{
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
	g_assert_cmpint(self->req->attr.st_size, ==, size);
}

static void expect_changes(World *self, const char *changes)
{
	g_autofree char *text = fake_cache_changes(self->cache);

	g_assert_cmpstr(text, ==, changes);
}

static void open_file(World *self, fuse_ino_t ino, int flags, struct fuse_file_info *ret_info)
{
	struct fuse_file_info info = {.flags = flags};

	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	*ret_info = self->req->info;
}

static void release(World *self, fuse_ino_t ino, struct fuse_file_info *info)
{
	fs_op_release(world_next(self), ino, info);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
}

/* --- mode, owner, times -------------------------------------------------- */

static void test_mode(World *self, gconstpointer data)
{
	const struct stat attr = {.st_mode = 0777};
	fuse_ino_t ino = add_file(self);

	change(self, ino, &attr, FUSE_SET_ATTR_MODE, NULL);
	expect_size(self, 5);
	g_assert_cmpuint(self->req->attr.st_mode & 07777, ==, 0600);
	change(self, ino, &attr, FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID | FUSE_SET_ATTR_CTIME, NULL);
	expect_size(self, 5);
	g_assert_cmpuint(self->req->attr.st_uid, ==, 12);
	expect_changes(self, "");
}

static void test_mtime(World *self, gconstpointer data)
{
	const struct stat attr = {
		.st_mtim = {.tv_sec = 1700000000, .tv_nsec = 5000},
		.st_atim = {.tv_sec = 3},
	};
	fuse_ino_t ino = add_file(self);

	change(self, ino, &attr, FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME, NULL);
	g_assert_cmpint(self->req->attr.st_mtim.tv_sec, ==, 1700000000);
	expect_changes(self, "set 7 received=1700000000000005\n");
	/* Once more is no change. */
	change(self, ino, &attr, FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME, NULL);
	expect_size(self, 5);
	change(self, ino, &attr, FUSE_SET_ATTR_ATIME, NULL);
	expect_size(self, 5);
	expect_changes(self, "");
}

static void test_now(World *self, gconstpointer data)
{
	const struct stat attr = {0};
	fuse_ino_t ino = add_file(self);

	change(self, ino, &attr, FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
	int64_t set_us = fake_cache_node(self->cache, ID)->mtime;
	g_assert_cmpint(ABS(g_get_real_time() - set_us), <, 60 * SECOND);
}

static void test_times_refused(World *self, gconstpointer data)
{
	const struct stat attr = {.st_mtim = {.tv_sec = 1700000000}};
	fuse_ino_t ino = add_file(self);

	fake_cache_refuse(self->cache, EWS_ERROR_DENIED);
	change(self, ino, &attr, FUSE_SET_ATTR_MTIME, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, EACCES);
}

/* tar and rsync set the times of directories; they are what becomes of them. */
static void test_directory(World *self, gconstpointer data)
{
	const struct stat attr = {.st_mtim = {.tv_sec = 1700000000}};

	add_file(self);
	change(self, DIR, &attr, FUSE_SET_ATTR_MTIME, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
	g_assert_cmpint(self->req->attr.st_mtim.tv_sec, ==, 0);
	expect_changes(self, "");
}

/* --- size ---------------------------------------------------------------- */

static void test_truncate(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);

	fake_cache_put(self->cache, ID, 0, "bytes");
	truncate_to(self, ino, 3, NULL);
	expect_size(self, 3);
	g_assert_cmpfloat(self->req->timeout, ==, 0);
	expect_changes(self, "open 7\ntruncate 7 3\nclose 7\n");
	g_autofree char *text = fake_cache_written(self->cache, ID);
	g_assert_cmpstr(text, ==, "byt");
}

static void test_truncate_fetches(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	truncate_to(self, ino, 3, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	g_assert_cmpint(fake_cache_reason(self->cache), ==, CACHE_REASON_OPEN);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
	truncate_to(self, ino, 3, NULL);
	fake_cache_put(self->cache, ID, 0, "bytes");
	fake_cache_answer(self->cache, NULL);
	expect_size(self, 3);
	g_assert_cmpuint(fake_cache_files_open(self->cache), ==, 0);
}

/* As open with O_TRUNC: OPEN, then SETATTR without a handle. Nothing is fetched, and it is one
 * change until the handle is closed. */
static void test_open_truncated(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info;

	open_file(self, ino, O_WRONLY, &info);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
	expect_changes(self, "");
	truncate_to(self, ino, 0, NULL);
	expect_size(self, 0);
	expect_changes(self, "open 7 truncated\ntruncate 7 0\n");
	g_assert_cmpuint(fake_cache_files_open(self->cache), ==, 1);
	release(self, ino, &info);
	expect_changes(self, "close 7\n");
}

/* A handle that has its file already needs no second. */
static void test_truncate_twice(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info;

	open_file(self, ino, O_WRONLY, &info);
	truncate_to(self, ino, 0, &info);
	expect_changes(self, "open 7 truncated\ntruncate 7 0\n");
	truncate_to(self, ino, 9, &info);
	expect_size(self, 9);
	expect_changes(self, "truncate 7 9\n");
	truncate_to(self, ino, 0, NULL);
	expect_changes(self, "open 7 truncated\ntruncate 7 0\nclose 7\n");
	release(self, ino, &info);
}

/* Who only reads is not given what will be written. */
static void test_reader_is_no_writer(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info;

	fake_cache_put(self->cache, ID, 0, "bytes");
	open_file(self, ino, O_RDONLY, &info);
	truncate_to(self, ino, 2, NULL);
	expect_changes(self, "open 7\ntruncate 7 2\nclose 7\n");
	/* ... but he reads what is there now: the kernel has one set of pages for both. */
	fs_op_read(world_next(self), ino, 100, 0, &info);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, "by");
	release(self, ino, &info);
}

static void test_too_long(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);

	fake_cache_put(self->cache, ID, 0, "bytes");
	fake_cache_limit(self->cache, 100);
	truncate_to(self, ino, 101, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, EFBIG);
	g_assert_cmpuint(fake_cache_files_open(self->cache), ==, 0);
}

/* Other bytes are current by now: nothing may be done to them in the name of the old ones. */
static void test_outdated(World *self, gconstpointer data)
{
	const struct stat attr = {.st_mode = 0600, .st_mtim = {.tv_sec = 9}};
	struct fuse_file_info info;

	add_file(self);
	fake_cache_put(self->cache, ID, 1, "old bytes");
	fuse_ino_t old = fs_inode_make(ID, 1);
	open_file(self, old, O_RDONLY, &info);
	fake_cache_put(self->cache, ID, 2, "new");
	truncate_to(self, old, 0, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	change(self, old, &attr, FUSE_SET_ATTR_MTIME, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	change(self, old, &attr, FUSE_SET_ATTR_MODE, NULL);
	expect_size(self, 9);
	expect_changes(self, "");
	release(self, old, &info);
}

static void test_read_only(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);

	truncate_to(self, fs_inode_make_hidden(FS_INODE_CONTROL, 1), 0, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	self->config->is_read_only = true;
	truncate_to(self, ino, 0, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	expect_changes(self, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/setattr/mode-and-owner-are-accepted", test_mode);
	world_add("/fs/setattr/mtime-is-when-it-was-received", test_mtime);
	world_add("/fs/setattr/now", test_now);
	world_add("/fs/setattr/a-refusal-is-told", test_times_refused);
	world_add("/fs/setattr/directories-keep-their-times", test_directory);
	world_add("/fs/setattr/truncate-of-what-is-here", test_truncate);
	world_add("/fs/setattr/truncate-of-what-is-not-fetches", test_truncate_fetches);
	world_add("/fs/setattr/open-truncated-fetches-nothing", test_open_truncated);
	world_add("/fs/setattr/a-handle-has-one-file", test_truncate_twice);
	world_add("/fs/setattr/a-reader-sees-it", test_reader_is_no_writer);
	world_add("/fs/setattr/a-limit-is-efbig", test_too_long);
	world_add("/fs/setattr/other-bytes-are-left-alone", test_outdated);
	world_add("/fs/setattr/a-read-only-mount-is-erofs", test_read_only);
	return g_test_run();
}
