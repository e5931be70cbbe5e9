/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/dir.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/park.h"
#include "fs/workshop.h"
#include "tests/unit/fs-world.h"

#define DIR WORLD_DIR
#define ID WORLD_ID
#define MESSAGE "Subject: =?utf-8?B?w5xiZXI=?=\n\nHello.\n"
#define TEXT "Subject: \xC3\x9C" "ber\nFlags: unread\n\nHello.\n"

static fuse_ino_t inbox(World *self)
{
	return world_look_up(self, world_look_up(self, FUSE_ROOT_ID, ".text"), "Inbox");
}

/* A message in a folder; its bytes are here where @bytes are given. */
static CacheNode *add_message(World *self, const char *bytes)
{
	CacheNode *node = world_add_message(self, bytes);

	*fake_cache_view(self->cache) = (CacheView){.size = -1, .is_item = true, .importance = 1};
	return node;
}

static off_t size_of(World *self, fuse_ino_t ino)
{
	fs_op_getattr(world_next(self), ino, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ATTR);
	return self->req->attr.st_size;
}

static struct fuse_file_info open_text(World *self, fuse_ino_t ino)
{
	struct fuse_file_info info = {.flags = O_RDONLY};

	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	return self->req->info;
}

static void read_text(World *self, fuse_ino_t ino, struct fuse_file_info *info, const char *wanted)
{
	fs_op_read(world_next(self), ino, 1 << 20, 0, info);
	world_expect_bytes(self, wanted);
}

static void close_text(World *self, fuse_ino_t ino, struct fuse_file_info *info)
{
	fs_op_release(world_next(self), ino, info);
	g_assert_cmpuint(fake_cache_pinned(self->cache), ==, 0);
}

/* --- names ------------------------------------------------------------------------------- */

static void test_hidden(World *self, gconstpointer data)
{
	add_message(self, MESSAGE);
	fs_op_readdir(world_next(self), FUSE_ROOT_ID, 4096, 0, NULL);
	g_autofree char *root = fake_req_text(self->req);
	g_assert_null(strstr(root, "text"));
	fuse_ino_t ino = world_look_up(self, FUSE_ROOT_ID, ".text");
	g_assert_true(fs_inode_is_shape_dir(ino));
	g_assert_true(S_ISDIR(self->req->entry.attr.st_mode));
	g_assert_cmpuint(self->req->entry.attr.st_ino, >, INT64_MAX);
	world_expect_missing(self, ino, ".text");
	world_expect_missing(self, ino, ".ewsfs");
	world_expect_missing(self, inbox(self), "a.eml");
	world_expect_missing(self, inbox(self), ".txt");
	world_expect_missing(self, inbox(self), "a");
}

static void test_listing(World *self, gconstpointer data)
{
	add_message(self, MESSAGE);
	fake_cache_add(self->cache, 8, DIR, CACHE_KIND_FILE, "b.ics");
	fake_cache_add(self->cache, 9, DIR, CACHE_KIND_FILE, "c.ics");
	fake_cache_add(self->cache, 10, DIR, CACHE_KIND_FILE, "c.ics.eml");
	fake_cache_add(self->cache, 11, DIR, CACHE_KIND_FILE, ".a.swp")->is_scratch = true;
	fake_cache_add(self->cache, 12, DIR, CACHE_KIND_DIR, "Sub");
	fake_cache_add(self->cache, 13, DIR, CACHE_KIND_DIR, ".git")->is_scratch = true;
	fuse_ino_t dir = inbox(self);
	fs_op_readdirplus(world_next(self), dir, 4096, 0, NULL);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, ". 0 1 dir\n.. 0 2 dir\na.txt 0 8 file\nb.ics.txt 0 9 file\n"
		"c.ics.txt 0 11 file\nSub 0 13 dir\n");
	fs_op_readdirplus(world_next(self), dir, 4096, 9, NULL);
	g_autofree char *rest = fake_req_text(self->req);
	g_assert_cmpstr(rest, ==, "c.ics.txt 0 11 file\nSub 0 13 dir\n");
	g_assert_cmpint(fs_inode_node(world_look_up(self, dir, "c.ics.txt")), ==, 10);
	g_assert_cmpint(fs_inode_node(world_look_up(self, dir, "b.ics.txt")), ==, 8);
	world_expect_missing(self, dir, ".a.swp.txt");
	world_expect_missing(self, dir, ".git");
}

/* Where the kernel keeps it, a listing tells all that a LOOKUP would. */
static void test_listing_plus(World *self, gconstpointer data)
{
	add_message(self, MESSAGE);
	fake_cache_add(self->cache, 12, DIR, CACHE_KIND_DIR, "Sub");
	self->config->is_read_only = true;
	fuse_ino_t dir = inbox(self);
	fuse_ino_t file = world_look_up(self, dir, "a.txt");
	fuse_ino_t sub = world_look_up(self, dir, "Sub");
	fs_op_readdirplus(world_next(self), dir, 4096, 0, NULL);
	g_autofree char *text = fake_req_text(self->req);
	g_autofree char *wanted = g_strdup_printf(". 0 1 dir\n.. 0 2 dir\na.txt %" G_GUINT64_FORMAT
		" 8 file\nSub %" G_GUINT64_FORMAT " 13 dir\n", (guint64)file, (guint64)sub);
	g_assert_cmpstr(text, ==, wanted);
}

/* --- texts ------------------------------------------------------------------------------- */

static void test_read(World *self, gconstpointer data)
{
	add_message(self, MESSAGE);
	fuse_ino_t ino = world_look_up(self, inbox(self), "a.txt");
	g_assert_cmpuint(self->req->entry.attr.st_ino, !=, fake_cache_node(self->cache, ID)->ino);
	g_assert_cmpint((int)(self->req->entry.attr.st_mode & 0777), ==, 0400);
	g_assert_cmpint(size_of(self, ino), ==, (off_t)strlen(TEXT));
	g_assert_cmpint(fake_cache_view(self->cache)->size, ==, (int64_t)strlen(TEXT));
	struct fuse_file_info info = open_text(self, ino);
	g_assert_true(info.keep_cache);
	g_assert_false(info.direct_io);
	read_text(self, ino, &info, TEXT);
	fs_op_read(world_next(self), ino, 4, 9, &info);
	world_expect_bytes(self, "\xC3\x9C" "be");
	fs_op_read(world_next(self), ino, 100, 10000, &info);
	world_expect_bytes(self, "");
	close_text(self, ino, &info);
}

/* Other flags are another text: another number, while who reads the old one reads on. */
static void test_flags(World *self, gconstpointer data)
{
	add_message(self, MESSAGE);
	fuse_ino_t old = world_look_up(self, inbox(self), "a.txt");
	struct fuse_file_info info = open_text(self, old);
	fake_cache_view(self->cache)->is_read = true;
	fake_cache_view(self->cache)->flag = 1;
	fuse_ino_t new = world_look_up(self, inbox(self), "a.txt");
	g_assert_cmpuint(new, !=, old);
	g_assert_cmpint(size_of(self, old), ==, (off_t)strlen(TEXT));
	read_text(self, old, &info, TEXT);
	close_text(self, old, &info);
	fs_op_getattr(world_next(self), old, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	fs_op_open(world_next(self), old, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	info = open_text(self, new);
	read_text(self, new, &info,
		"Subject: \xC3\x9C" "ber\nFlags: read, flagged\n\nHello.\n");
	close_text(self, new, &info);
}

/* A length that was found out for other flags is not this one's. */
static void test_stamp(World *self, gconstpointer data)
{
	add_message(self, MESSAGE);
	size_of(self, world_look_up(self, inbox(self), "a.txt"));
	world_look_up(self, inbox(self), "a.txt");
	g_assert_cmpint(self->req->entry.attr.st_size, ==, (off_t)strlen(TEXT));
	fake_cache_view(self->cache)->categories = (char *)"x";
	world_look_up(self, inbox(self), "a.txt");
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, 0);
	g_assert_cmpint(self->req->entry.attr.st_size, !=, (off_t)strlen(TEXT));
	g_assert_cmpint(size_of(self, self->req->entry.ino), ==,
		(off_t)strlen(TEXT) + (off_t)strlen("Categories: x\n"));
}

/* What is written here may change between two looks. */
static void test_local(World *self, gconstpointer data)
{
	CacheNode *node = add_message(self, "Subject: a\n\none\n");

	node->is_local = true;
	fake_cache_view(self->cache)->is_item = false;
	fuse_ino_t ino = world_look_up(self, inbox(self), "a.txt");
	g_assert_cmpint(size_of(self, ino), ==, (off_t)strlen("Subject: a\n\none\n"));
	g_assert_cmpint(fake_cache_view(self->cache)->size, ==, -1);
	struct fuse_file_info info = open_text(self, ino);
	g_assert_true(info.direct_io);
	read_text(self, ino, &info, "Subject: a\n\none\n");
	close_text(self, ino, &info);
}

static bool is_listing_kept(World *self, fuse_ino_t dir)
{
	struct fuse_file_info info = {.flags = O_RDONLY};

	fs_op_opendir(world_next(self), dir, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	return self->req->info.cache_readdir;
}

/* The kernel may keep what it is told of. */
static void test_kept(World *self, gconstpointer data)
{
	add_message(self, MESSAGE);
	g_assert_false(is_listing_kept(self, inbox(self)));
	size_of(self, world_look_up(self, inbox(self), "a.txt"));
	world_look_up(self, inbox(self), "a.txt");
	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, 0);
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, 0);
	self->config->is_read_only = true;
	world_look_up(self, inbox(self), "a.txt");
	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, FS_KEEP_S);
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, FS_KEEP_S);
	g_assert_true(is_listing_kept(self, inbox(self)));
}

/* --- bytes that are not here ------------------------------------------------------------- */

static void test_fetched(World *self, gconstpointer data)
{
	add_message(self, NULL);
	fuse_ino_t ino = world_look_up(self, inbox(self), "a.txt");
	fs_op_getattr(world_next(self), ino, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_put(self->cache, ID, 0, MESSAGE);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ATTR);
	g_assert_cmpint(self->req->attr.st_size, ==, (off_t)strlen(TEXT));
}

static void test_fetched_by_open(World *self, gconstpointer data)
{
	add_message(self, NULL);
	fuse_ino_t ino = world_look_up(self, inbox(self), "a.txt");
	struct fuse_file_info info = {.flags = O_RDONLY};
	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_put(self->cache, ID, 0, MESSAGE);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	info = self->req->info;
	g_assert_cmpint(size_of(self, ino), ==, (off_t)strlen(TEXT));
	read_text(self, ino, &info, TEXT);
	close_text(self, ino, &info);
}

static void test_failed(World *self, gconstpointer data)
{
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");
	struct fuse_file_info info = {.flags = O_RDONLY};

	add_message(self, NULL)->size_hint = 4711;
	fuse_ino_t ino = world_look_up(self, inbox(self), "a.txt");
	fs_op_open(world_next(self), ino, &info);
	fake_cache_answer(self->cache, offline);
	fake_req_wait(self->req);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
	self->config->sizes = FS_SIZES_EXACT;
	fs_op_getattr(world_next(self), ino, NULL);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
	self->config->sizes = FS_SIZES_AUTO;
	fs_op_getattr(world_next(self), ino, NULL);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
	g_assert_cmpint(self->req->attr.st_size, ==, 4711);
}

/* Without OPEN a READ comes by number: of a text that was made lately, or not, or of a message that
 * has left. */
static void test_by_number(World *self, gconstpointer data)
{
	CacheNode *node = add_message(self, MESSAGE);

	self->fs.has_open = false;
	self->config->is_read_only = true;
	self->config->sizes = FS_SIZES_EXACT;
	fuse_ino_t ino = world_look_up(self, inbox(self), "a.txt");
	read_text(self, ino, NULL, TEXT);
	node->is_here = false;
	read_text(self, ino, NULL, TEXT);
	fs_workshop_stop(self->fs.workshop);
	fs_workshop_free(self->fs.workshop);
	self->fs.workshop = fs_workshop_new(NULL);
	fs_op_read(world_next(self), ino, 100, 9, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	node->is_here = true;
	fake_cache_answer(self->cache, NULL);
	world_expect_bytes(self, &TEXT[9]);
}

/* The mount goes away while a text is to be made: nobody waits for ever. */
static void test_end(World *self, gconstpointer data)
{
	add_message(self, NULL);
	fuse_ino_t ino = world_look_up(self, inbox(self), "a.txt");
	fs_op_getattr(world_next(self), ino, NULL);
	fs_workshop_stop(self->fs.workshop);
	fake_cache_put(self->cache, ID, 0, MESSAGE);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOTCONN);
}

static void test_readonly(World *self, gconstpointer data)
{
	struct fuse_file_info info = {.flags = O_RDWR};

	add_message(self, MESSAGE);
	fuse_ino_t dir = inbox(self);
	fuse_ino_t ino = world_look_up(self, dir, "a.txt");
	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	fs_op_unlink(world_next(self), dir, "a.txt");
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	fs_op_mkdir(world_next(self), FUSE_ROOT_ID, ".text", 0700);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	fs_op_rename(world_next(self), DIR, "a.eml", dir, "b.eml", 0);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/text/hidden-but-there", test_hidden);
	world_add("/fs/text/names", test_listing);
	world_add("/fs/text/names-with-attributes", test_listing_plus);
	world_add("/fs/text/read-as-it-is-long", test_read);
	world_add("/fs/text/other-flags-are-another-text", test_flags);
	world_add("/fs/text/lengths-belong-to-a-stamp", test_stamp);
	world_add("/fs/text/local-ones-are-not-kept", test_local);
	world_add("/fs/text/the-kernel-keeps-what-it-hears-of", test_kept);
	world_add("/fs/text/stat-fetches", test_fetched);
	world_add("/fs/text/open-fetches", test_fetched_by_open);
	world_add("/fs/text/what-cannot-be-had", test_failed);
	world_add("/fs/text/read-by-number", test_by_number);
	world_add("/fs/text/the-end", test_end);
	world_add("/fs/text/nothing-is-written", test_readonly);
	return g_test_run();
}
