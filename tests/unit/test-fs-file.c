/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/file.h"

#include <errno.h>
#include <fcntl.h>

#include "ews/error.h"
#include "fs/inode.h"
#include "tests/unit/fs-world.h"

#define ID 7

static CacheNode *add_file(World *self)
{
	return fake_cache_add(self->cache, ID, CACHE_ROOT, CACHE_KIND_FILE, "a.eml");
}

static void open_file(World *self, fuse_ino_t ino, int flags)
{
	struct fuse_file_info info = {.flags = flags};

	fs_op_open(world_next(self), ino, &info);
}

static void expect_bytes(World *self, fuse_ino_t ino, struct fuse_file_info *info,
	const char *bytes)
{
	fs_op_read(world_next(self), ino, 4096, 0, info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, bytes);
}

static void close_file(World *self, fuse_ino_t ino, struct fuse_file_info *info)
{
	fs_op_release(world_next(self), ino, info);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	g_assert_cmpuint(fake_cache_pinned(self->cache), ==, 0);
}

static void test_here(World *self, gconstpointer data)
{
	fuse_ino_t ino = fs_inode_of(add_file(self));

	fake_cache_put(self->cache, ID, 0, "bytes");
	open_file(self, ino, O_RDONLY);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	struct fuse_file_info info = self->req->info;
	g_assert_true(info.keep_cache);
	g_assert_true(info.noflush);
	g_assert_false(info.direct_io);
	expect_bytes(self, ino, &info, "bytes");
	fs_op_read(world_next(self), ino, 2, 3, &info);
	g_autofree char *part = fake_req_text(self->req);
	g_assert_cmpstr(part, ==, "es");
	fs_op_read(world_next(self), ino, 10, 9, &info);
	g_assert_cmpuint(self->req->bytes->len, ==, 0);
	close_file(self, ino, &info);
}

static void test_fetched(World *self, gconstpointer data)
{
	fuse_ino_t ino = fs_inode_of(add_file(self));

	open_file(self, ino, O_RDONLY);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	g_assert_cmpint(fake_cache_reason(self->cache), ==, CACHE_REASON_OPEN);
	fake_cache_put(self->cache, ID, 0, "bytes");
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	struct fuse_file_info info = self->req->info;
	expect_bytes(self, ino, &info, "bytes");
	close_file(self, ino, &info);
}

static void test_failed(World *self, gconstpointer data)
{
	fuse_ino_t ino = fs_inode_of(add_file(self));
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");
	g_autoptr(GError) corrupt = g_error_new(EWS_ERROR, EWS_ERROR_CORRUPT, "x");

	open_file(self, ino, O_RDONLY);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
	open_file(self, ino, O_RDONLY);
	fake_cache_answer(self->cache, corrupt);
	g_assert_cmpint(fake_req_error(self->req), ==, EIO);
	/* Fetched, and evicted before anyone could pin it: an error, not a crash. */
	open_file(self, ino, O_RDONLY);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
}

static void test_suspect(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	fuse_ino_t ino = fs_inode_of(node);
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	fake_cache_put(self->cache, ID, 0, "old");
	node->is_suspect = true;
	open_file(self, ino, O_RDONLY);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	struct fuse_file_info info = self->req->info;
	expect_bytes(self, ino, &info, "old");
	close_file(self, ino, &info);
}

/* Other bytes came: another node number, which the kernel finds by looking the name up again. */
static void test_changed(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);

	fake_cache_put(self->cache, ID, 1, "old");
	fuse_ino_t old = fs_inode_of(node);
	open_file(self, old, O_RDONLY);
	struct fuse_file_info info = self->req->info;
	node->is_suspect = true;
	open_file(self, old, O_RDONLY);
	fake_cache_put(self->cache, ID, 2, "new");
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	open_file(self, old, O_RDONLY);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	expect_bytes(self, old, &info, "old");
	close_file(self, old, &info);
}

/* The caller was killed while the answer was on its way: no RELEASE will come. */
static void test_caller_gone(World *self, gconstpointer data)
{
	fuse_ino_t ino = fs_inode_of(add_file(self));

	fake_cache_put(self->cache, ID, 0, "bytes");
	struct fuse_file_info info = {.flags = O_RDONLY};
	fuse_req_t req = world_next(self);
	req->is_refused = true;
	fs_op_open(req, ino, &info);
	g_assert_cmpuint(fake_cache_pinned(self->cache), ==, 0);
}

static void test_read_only(World *self, gconstpointer data)
{
	static const int flags[] = {O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC, O_WRONLY | O_APPEND};
	fuse_ino_t ino = fs_inode_of(add_file(self));

	self->config->is_read_only = true;
	for (size_t i = 0; i < G_N_ELEMENTS(flags); i++) {
		open_file(self, ino, flags[i]);
		g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	}
}

/* --- without OPEN -------------------------------------------------------- */

static void test_by_number(World *self, gconstpointer data)
{
	fuse_ino_t ino = fs_inode_of(add_file(self));
	struct fuse_file_info none = {0};

	self->fs.has_open = false;
	open_file(self, ino, O_RDONLY);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOSYS);
	fs_op_flush(world_next(self), ino, &none);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOSYS);
	fake_cache_put(self->cache, ID, 0, "bytes");
	expect_bytes(self, ino, &none, "bytes");
	g_assert_cmpuint(fake_cache_pinned(self->cache), ==, 0);
}

static void test_by_number_evicted(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	fuse_ino_t ino = fs_inode_of(node);
	struct fuse_file_info none = {0};
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	self->fs.has_open = false;
	fs_op_read(world_next(self), ino, 3, 1, &none);
	g_assert_cmpint(fake_cache_reason(self->cache), ==, CACHE_REASON_READ);
	fake_cache_put(self->cache, ID, 0, "bytes");
	fake_cache_answer(self->cache, NULL);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, "yte");

	fs_op_read(world_next(self), fs_inode_make(ID, 9), 3, 0, &none);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	fs_op_read(world_next(self), fs_inode_make(ID, 9), 3, 0, &none);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/file/what-is-here-opens-at-once", test_here);
	world_add("/fs/file/what-is-not-is-fetched", test_fetched);
	world_add("/fs/file/a-fetch-may-fail", test_failed);
	world_add("/fs/file/old-bytes-are-better-than-none", test_suspect);
	world_add("/fs/file/other-bytes-are-another-file", test_changed);
	world_add("/fs/file/a-caller-who-left-holds-nothing", test_caller_gone);
	world_add("/fs/file/a-read-only-mount-is-erofs", test_read_only);
	world_add("/fs/file/without-open-reads-by-number", test_by_number);
	world_add("/fs/file/without-open-reads-may-wait", test_by_number_evicted);
	return g_test_run();
}
