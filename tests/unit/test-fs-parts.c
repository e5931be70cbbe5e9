/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/dir.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/workshop.h"
#include "tests/unit/fs-world.h"

#define DIR WORLD_DIR
#define ID WORLD_ID
#define MESSAGE \
	"Subject: a\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello.\n" \
	"--b\nContent-Disposition: attachment; filename=x.pdf\n" \
	"Content-Transfer-Encoding: base64\n\nUERG\n--b--\n"
#define OTHER "Subject: other\n\nBye.\n"

static fuse_ino_t inbox(World *self)
{
	return world_look_up(self, world_look_up(self, FUSE_ROOT_ID, ".parts"), "Inbox");
}

static struct fuse_file_info open_part(World *self, fuse_ino_t ino)
{
	struct fuse_file_info info = {.flags = O_RDONLY};

	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	return self->req->info;
}

static void expect_read(World *self, fuse_ino_t ino, const char *wanted)
{
	struct fuse_file_info info = open_part(self, ino);

	g_assert_true(info.keep_cache);
	fs_op_read(world_next(self), ino, 1 << 20, 0, &info);
	world_expect_bytes(self, wanted);
	fs_op_release(world_next(self), ino, &info);
	g_assert_cmpuint(fake_cache_pinned(self->cache), ==, 0);
}

static char *listing(World *self, fuse_ino_t ino)
{
	fs_op_readdirplus(world_next(self), ino, 4096, 0, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_BYTES);
	return fake_req_text(self->req);
}

/* --- names ------------------------------------------------------------------------------- */

static void test_names(World *self, gconstpointer data)
{
	world_add_message(self, MESSAGE);
	fake_cache_add(self->cache, 8, DIR, CACHE_KIND_FILE, "b.ics");
	fake_cache_add(self->cache, 9, DIR, CACHE_KIND_FILE, "c.eml");
	fake_cache_add(self->cache, 10, DIR, CACHE_KIND_DIR, "c");
	fake_cache_add(self->cache, 11, DIR, CACHE_KIND_FILE, ".a.swp")->is_scratch = true;
	fuse_ino_t dir = inbox(self);
	g_autofree char *text = listing(self, dir);
	g_assert_null(strstr(text, ".eml"));
	g_assert_nonnull(strstr(text, "a 0"));
	g_assert_nonnull(strstr(text, "b.ics 0"));
	g_assert_null(strstr(text, "swp"));
	g_assert_cmpint(fs_inode_node(world_look_up(self, dir, "a")), ==, ID);
	g_assert_true(S_ISDIR(self->req->entry.attr.st_mode));
	g_assert_cmpint((int)(self->req->entry.attr.st_mode & 0777), ==, 0500);
	g_assert_cmpint(fs_inode_node(world_look_up(self, dir, "b.ics")), ==, 8);
	/* A directory goes before a message that would be called so. */
	g_assert_cmpint(fs_inode_node(world_look_up(self, dir, "c")), ==, 10);
	world_expect_missing(self, dir, "a.eml");
	world_expect_missing(self, dir, ".a.swp");
	world_expect_missing(self, dir, ".parts");
}

static void test_parts(World *self, gconstpointer data)
{
	world_add_message(self, MESSAGE);
	fuse_ino_t message = world_look_up(self, inbox(self), "a");
	g_autofree char *text = listing(self, message);
	g_assert_cmpstr(text, ==, ". 0 1 dir\n.. 0 2 dir\nheaders 0 4 file\nraw 0 5 file\n"
		"body.txt 0 6 file\nattachments 0 7 dir\n");
	world_expect_missing(self, message, "x.pdf");
	fuse_ino_t dir = world_look_up(self, message, "attachments");
	g_assert_true(S_ISDIR(self->req->entry.attr.st_mode));
	fuse_ino_t pdf = world_look_up(self, dir, "x.pdf");
	g_assert_true(S_ISREG(self->req->entry.attr.st_mode));
	g_assert_cmpint(self->req->entry.attr.st_size, ==, 3);
	g_assert_cmpint((int)(self->req->entry.attr.st_mode & 0777), ==, 0400);
	fs_op_getattr(world_next(self), pdf, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
	g_assert_cmpint(self->req->attr.st_size, ==, 3);
	expect_read(self, pdf, "PDF");
	expect_read(self, world_look_up(self, message, "raw"), MESSAGE);
	expect_read(self, world_look_up(self, message, "body.txt"), "Hello.");
}

/* Other bytes: other numbers, while who reads the old ones reads on. */
static void test_other_content(World *self, gconstpointer data)
{
	world_add_message(self, MESSAGE);
	fuse_ino_t message = world_look_up(self, inbox(self), "a");
	fuse_ino_t raw = world_look_up(self, message, "raw");
	struct fuse_file_info info = open_part(self, raw);
	fake_cache_put(self->cache, ID, 1, OTHER);
	fs_op_read(world_next(self), raw, 1 << 20, 0, &info);
	world_expect_bytes(self, MESSAGE);
	fs_op_getattr(world_next(self), raw, NULL);
	g_assert_cmpint(self->req->attr.st_size, ==, (off_t)strlen(MESSAGE));
	fs_op_release(world_next(self), raw, &info);
	fs_op_getattr(world_next(self), raw, NULL);
	world_expect_error(self, ESTALE);
	fs_op_getattr(world_next(self), message, NULL);
	world_expect_error(self, ESTALE);
	fuse_ino_t new = world_look_up(self, inbox(self), "a");
	g_assert_cmpuint(new, !=, message);
	g_assert_cmpuint(self->req->entry.generation, ==, 1);
	world_expect_missing(self, new, "attachments");
	expect_read(self, world_look_up(self, new, "raw"), OTHER);
}

/* What is written here may change between two looks. */
static void test_local(World *self, gconstpointer data)
{
	world_add_message(self, MESSAGE)->is_local = true;
	fuse_ino_t raw = world_look_up(self, world_look_up(self, inbox(self), "a"), "raw");
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, 0);
	struct fuse_file_info info = open_part(self, raw);
	g_assert_true(info.direct_io);
	fs_op_release(world_next(self), raw, &info);
	fake_cache_put(self->cache, ID, 0, OTHER);
	fs_op_getattr(world_next(self), raw, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
}

/* --- bytes that are not here ------------------------------------------------------------- */

static void test_fetched(World *self, gconstpointer data)
{
	struct fuse_file_info info = {.flags = O_RDONLY};

	world_add_message(self, NULL);
	fuse_ino_t message = world_look_up(self, inbox(self), "a");
	fs_op_getattr(world_next(self), message, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
	fs_op_opendir(world_next(self), message, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_put(self->cache, ID, 0, MESSAGE);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	g_assert_true(self->req->info.cache_readdir);
	/* What is in it is known now, also when the bytes have left. */
	fake_cache_node(self->cache, ID)->is_here = false;
	fuse_ino_t raw = world_look_up(self, message, "raw");
	fs_op_open(world_next(self), raw, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_node(self->cache, ID)->is_here = true;
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
}

static void test_looked_up_and_fetched(World *self, gconstpointer data)
{
	world_add_message(self, NULL);
	fuse_ino_t message = world_look_up(self, inbox(self), "a");
	fs_op_lookup(world_next(self), message, "attachments");
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_put(self->cache, ID, 0, MESSAGE);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ENTRY);
}

static void test_failed(World *self, gconstpointer data)
{
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");
	CacheNode *node = world_add_message(self, NULL);

	fuse_ino_t message = world_look_up(self, inbox(self), "a");
	fs_op_lookup(world_next(self), message, "raw");
	fake_cache_answer(self->cache, offline);
	world_expect_error(self, EHOSTUNREACH);
	/* Old bytes are better than none. */
	fake_cache_put(self->cache, ID, 0, MESSAGE);
	node->is_suspect = true;
	struct fuse_file_info info = {.flags = O_RDONLY};
	fuse_ino_t raw = world_look_up(self, message, "raw");
	fs_op_open(world_next(self), raw, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
}

static void test_by_number(World *self, gconstpointer data)
{
	world_add_message(self, MESSAGE);
	self->fs.has_open = false;
	self->config->is_read_only = true;
	fuse_ino_t message = world_look_up(self, inbox(self), "a");
	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, FS_KEEP_S);
	fuse_ino_t pdf = world_look_up(self, world_look_up(self, message, "attachments"), "x.pdf");
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, FS_KEEP_S);
	fs_op_read(world_next(self), pdf, 2, 1, NULL);
	world_expect_bytes(self, "DF");
	/* It was made lately. */
	fake_cache_node(self->cache, ID)->is_here = false;
	fs_op_read(world_next(self), pdf, 100, 0, NULL);
	world_expect_bytes(self, "PDF");
	fuse_ino_t raw = world_look_up(self, message, "raw");
	fs_op_read(world_next(self), raw, 8, 0, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_node(self->cache, ID)->is_here = true;
	fake_cache_answer(self->cache, NULL);
	world_expect_bytes(self, "Subject:");
}

static void test_readonly(World *self, gconstpointer data)
{
	struct fuse_file_info info = {.flags = O_RDWR};

	world_add_message(self, MESSAGE);
	fuse_ino_t message = world_look_up(self, inbox(self), "a");
	fuse_ino_t raw = world_look_up(self, message, "raw");
	fs_op_open(world_next(self), raw, &info);
	world_expect_error(self, EROFS);
	fs_op_unlink(world_next(self), message, "raw");
	world_expect_error(self, EROFS);
	fs_op_mkdir(world_next(self), FUSE_ROOT_ID, ".parts", 0700);
	world_expect_error(self, EROFS);
	fs_op_rename(world_next(self), DIR, "a.eml", message, "b.eml", 0);
	world_expect_error(self, EROFS);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/parts/names", test_names);
	world_add("/fs/parts/what-is-in-a-message", test_parts);
	world_add("/fs/parts/other-bytes-are-other-parts", test_other_content);
	world_add("/fs/parts/local-ones-are-not-kept", test_local);
	world_add("/fs/parts/opendir-fetches", test_fetched);
	world_add("/fs/parts/lookup-fetches", test_looked_up_and_fetched);
	world_add("/fs/parts/what-cannot-be-had", test_failed);
	world_add("/fs/parts/read-by-number", test_by_number);
	world_add("/fs/parts/nothing-is-written", test_readonly);
	return g_test_run();
}
