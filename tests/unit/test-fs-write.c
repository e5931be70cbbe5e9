/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/write.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "ews/error.h"
#include "fs/file.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "fs/park.h"
#include "tests/unit/fs-world.h"

#define ID 7
#define NEW 1000 /* the first that the fake makes */

static fuse_ino_t add_file(World *self)
{
	fake_cache_add(self->cache, ID, CACHE_ROOT, CACHE_KIND_FILE, "a.eml");
	return ID;
}

static void expect_changes(World *self, const char *changes)
{
	g_autofree char *text = fake_cache_changes(self->cache);

	g_assert_cmpstr(text, ==, changes);
}

static void create(World *self, const char *name, struct fuse_file_info *ret_info)
{
	struct fuse_file_info info = {.flags = O_RDWR | O_CREAT};

	fs_op_create(world_next(self), FUSE_ROOT_ID, name, 0644, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_CREATE);
	*ret_info = self->req->info;
}

static void open_file(World *self, fuse_ino_t ino, int flags, struct fuse_file_info *ret_info)
{
	struct fuse_file_info info = {.flags = flags};

	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	*ret_info = self->req->info;
}

static void begin_write(World *self, fuse_ino_t ino, const char *text, off_t offset,
	struct fuse_file_info *info)
{
	g_autofree char *bytes = g_strdup(text);
	struct fuse_bufvec data = FUSE_BUFVEC_INIT(strlen(text));

	data.buf[0].mem = bytes;
	fs_op_write_buf(world_next(self), ino, &data, offset, info);
	/* It is the kernel's buffer, and used again. */
	memset(bytes, '!', strlen(text));
}

static void expect_written(World *self, size_t count)
{
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_WRITE);
	g_assert_cmpuint(self->req->count, ==, count);
}

static void write_text(World *self, fuse_ino_t ino, const char *text, off_t offset,
	struct fuse_file_info *info)
{
	begin_write(self, ino, text, offset, info);
	expect_written(self, strlen(text));
}

static void expect_read(World *self, fuse_ino_t ino, struct fuse_file_info *info, const char *text)
{
	fs_op_read(world_next(self), ino, 4096, 0, info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
	g_autofree char *got = fake_req_text(self->req);
	g_assert_cmpstr(got, ==, text);
}

static void expect_file(World *self, int64_t id, const char *text)
{
	g_autofree char *got = fake_cache_written(self->cache, id);

	g_assert_cmpstr(got, ==, text);
}

static int flush(World *self, fuse_ino_t ino, struct fuse_file_info *info)
{
	fs_op_flush(world_next(self), ino, info);
	return fake_req_error(self->req);
}

static void release(World *self, fuse_ino_t ino, struct fuse_file_info *info)
{
	fs_op_release(world_next(self), ino, info);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
}

/* --- create -------------------------------------------------------------- */

static void test_create(World *self, gconstpointer data)
{
	struct fuse_file_info info;

	create(self, "new.eml", &info);
	g_assert_cmpuint(self->req->entry.ino, ==, NEW);
	g_assert_cmpint(self->req->entry.attr.st_size, ==, 0);
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, FS_KEEP_NEW_S);
	g_assert_false(info.noflush);
	write_text(self, NEW, "Subject: x", 0, &info);
	write_text(self, NEW, "yz", 9, &info);
	expect_read(self, NEW, &info, "Subject: yz");
	g_assert_cmpint(flush(self, NEW, &info), ==, 0);
	release(self, NEW, &info);
	expect_file(self, NEW, "Subject: yz");
	expect_changes(self, "create 1 new.eml\nflush 1000\nclose 1000\n");
}

static void test_create_refused(World *self, gconstpointer data)
{
	struct fuse_file_info info = {.flags = O_WRONLY | O_CREAT};
	struct fuse_file_info exclusive = {.flags = O_WRONLY | O_CREAT | O_EXCL};

	add_file(self);
	fake_cache_refuse(self->cache, EWS_ERROR_INVALID);
	fs_op_create(world_next(self), FUSE_ROOT_ID, "a.pdf", 0600, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, EINVAL);
	fs_op_create(world_next(self), FUSE_ROOT_ID, "a.eml", 0600, &exclusive);
	g_assert_cmpint(fake_req_error(self->req), ==, EEXIST);
	/* Somebody was faster; the kernel is to look again, and open what is there. */
	fs_op_create(world_next(self), FUSE_ROOT_ID, "a.eml", 0600, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	fs_op_create(world_next(self), FUSE_ROOT_ID, ".ewsfs", 0600, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	self->config->is_read_only = true;
	fs_op_create(world_next(self), FUSE_ROOT_ID, "b.eml", 0600, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
	expect_changes(self, "");
}

static void test_create_caller_gone(World *self, gconstpointer data)
{
	struct fuse_file_info info = {.flags = O_WRONLY | O_CREAT};
	fuse_req_t req = world_next(self);

	req->is_refused = true;
	fs_op_create(req, FUSE_ROOT_ID, "b.eml", 0600, &info);
	g_assert_cmpuint(fake_cache_files_open(self->cache), ==, 0);
}

/* --- opening to write ---------------------------------------------------- */

/* Nothing is changed by opening; the first write is what makes it a file that is written. */
static void test_open_to_look(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info;

	fake_cache_put(self->cache, ID, 0, "bytes");
	open_file(self, ino, O_RDWR, &info);
	g_assert_false(info.noflush);
	g_assert_true(info.keep_cache);
	expect_read(self, ino, &info, "bytes");
	g_assert_cmpint(flush(self, ino, &info), ==, 0);
	expect_changes(self, "");
	write_text(self, ino, "B", 0, &info);
	expect_read(self, ino, &info, "Bytes");
	release(self, ino, &info);
	expect_changes(self, "open 7\nclose 7\n");
	g_assert_cmpuint(fake_cache_pinned(self->cache), ==, 0);
}

static void test_open_fetches(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info = {.flags = O_RDWR};

	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	g_assert_cmpint(fake_cache_reason(self->cache), ==, CACHE_REASON_OPEN);
	fake_cache_put(self->cache, ID, 0, "bytes");
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	info = self->req->info;
	release(self, ino, &info);
}

/* The kernel appends where it believes the end to be, so it must know. */
static void test_append(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info = {.flags = O_WRONLY | O_APPEND};
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
	fs_op_open(world_next(self), ino, &info);
	fake_cache_put(self->cache, ID, 0, "bytes");
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	open_file(self, ino, O_WRONLY | O_APPEND, &info);
	write_text(self, ino, "!", 5, &info);
	expect_file(self, ID, "bytes!");
	release(self, ino, &info);
}

/* Written in the middle without O_TRUNC: the write is what waits. */
static void test_write_fetches(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info;
	g_autoptr(GError) offline = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	open_file(self, ino, O_WRONLY, &info);
	begin_write(self, ino, "Y", 1, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_answer(self->cache, offline);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
	begin_write(self, ino, "Y", 1, &info);
	fake_cache_put(self->cache, ID, 0, "bytes");
	fake_cache_answer(self->cache, NULL);
	expect_written(self, 1);
	expect_file(self, ID, "bYtes");
	release(self, ino, &info);
}

static void test_write_stale(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info;

	fake_cache_put(self->cache, ID, 0, "old");
	open_file(self, ino, O_RDWR, &info);
	fake_cache_put(self->cache, ID, 1, "new");
	begin_write(self, ino, "x", 0, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	expect_read(self, ino, &info, "old");
	release(self, ino, &info);
}

/* A file whose bytes are only here is open from the start: it is not sent under the writer. */
static void test_open_local(World *self, gconstpointer data)
{
	struct fuse_file_info first, second, reader;

	create(self, "new.eml", &first);
	write_text(self, NEW, "one", 0, &first);
	open_file(self, NEW, O_WRONLY, &second);
	open_file(self, NEW, O_RDONLY, &reader);
	release(self, NEW, &first);
	g_assert_cmpuint(fake_cache_files_open(self->cache), ==, 1);
	write_text(self, NEW, "two", 3, &second);
	expect_read(self, NEW, &reader, "onetwo");
	release(self, NEW, &second);
	release(self, NEW, &reader);
	expect_changes(self, "create 1 new.eml\nopen 1000\nclose 1000\nclose 1000\n");
}

/* The kernel has one set of pages for all: who opened before the first write reads what was
 * written, not what he opened; who has other bytes open keeps them. */
static void test_readers_follow(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info old, reader, writer;

	fake_cache_put(self->cache, ID, 0, "former");
	open_file(self, ino, O_RDONLY, &old);
	fake_cache_put(self->cache, ID, 1, "bytes");
	fuse_ino_t now = fs_inode_make(ID, 1);
	open_file(self, now, O_RDONLY, &reader);
	open_file(self, now, O_RDWR, &writer);
	write_text(self, now, "B", 0, &writer);
	expect_read(self, now, &reader, "Bytes");
	expect_read(self, ino, &old, "former");
	release(self, now, &writer);
	expect_read(self, now, &reader, "Bytes");
	release(self, now, &reader);
	release(self, ino, &old);
	g_assert_cmpuint(fake_cache_pinned(self->cache), ==, 0);
}

static void test_unlinked(World *self, gconstpointer data)
{
	struct fuse_file_info info;

	create(self, "new.eml", &info);
	fs_op_unlink(world_next(self), FUSE_ROOT_ID, "new.eml");
	write_text(self, NEW, "still", 0, &info);
	expect_read(self, NEW, &info, "still");
	g_assert_cmpint(flush(self, NEW, &info), ==, 0);
	release(self, NEW, &info);
}

/* No RELEASE will come for what is open when the mount goes away; half a message is not closed. */
static void test_abandoned(World *self, gconstpointer data)
{
	struct fuse_file_info info;

	create(self, "new.eml", &info);
	write_text(self, NEW, "half", 0, &info);
	fs_handles_free(self->fs.handles);
	self->fs.handles = fs_handles_new();
	expect_changes(self, "create 1 new.eml\nabandon 1000\n");
}

/* --- errors -------------------------------------------------------------- */

static void test_flush_tells(World *self, gconstpointer data)
{
	struct fuse_file_info info;
	g_autoptr(GError) invalid = g_error_new(EWS_ERROR, EWS_ERROR_INVALID, "no message");
	g_autoptr(GError) full = g_error_new(EWS_ERROR, EWS_ERROR_NO_SPACE, "full");

	create(self, "new.eml", &info);
	fake_cache_break_flush(self->cache, invalid);
	g_assert_cmpint(flush(self, NEW, &info), ==, EINVAL);
	fake_cache_break_flush(self->cache, full);
	g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*full*");
	g_assert_cmpint(flush(self, NEW, &info), ==, ENOSPC);
	g_test_assert_expected_messages();
	fake_cache_break_flush(self->cache, invalid);
	fs_op_fsync(world_next(self), NEW, 0, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, EINVAL);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
	release(self, NEW, &info);
}

static void test_too_long(World *self, gconstpointer data)
{
	struct fuse_file_info info;

	create(self, "new.eml", &info);
	fake_cache_limit(self->cache, 4);
	write_text(self, NEW, "four", 0, &info);
	begin_write(self, NEW, "5", 4, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, EFBIG);
	expect_file(self, NEW, "four");
	release(self, NEW, &info);
}

/* --- whole copies -------------------------------------------------------- */

typedef struct Copy {
	off_t offset_in, offset_out;
	size_t len;
	int flags;
} Copy;

static void copy(World *self, fuse_ino_t from, struct fuse_file_info *in,
	struct fuse_file_info *out, const Copy *how)
{
	fs_op_copy_file_range(world_next(self), from, how->offset_in, in, NEW, how->offset_out, out,
		how->len, how->flags);
}

static const Copy whole = {.len = 1 << 30};

static void test_copy(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info in, out, reader;

	fake_cache_put(self->cache, ID, 0, "bytes");
	open_file(self, ino, O_RDONLY, &in);
	create(self, "new.eml", &out);
	open_file(self, NEW, O_RDONLY, &reader);
	copy(self, ino, &in, &out, &whole);
	expect_written(self, 5);
	expect_read(self, NEW, &out, "bytes");
	expect_read(self, NEW, &reader, "bytes");
	/* No longer empty. */
	copy(self, ino, &in, &out, &whole);
	g_assert_cmpint(fake_req_error(self->req), ==, EOPNOTSUPP);
	release(self, ino, &in);
	release(self, NEW, &out);
	release(self, NEW, &reader);
	expect_changes(self, "create 1 new.eml\ncopy 7 1000\nclose 1000\n");
}

static void test_copy_by_hand(World *self, gconstpointer data)
{
	static const Copy others[] = {
		{.offset_in = 1, .len = 100},
		{.offset_out = 1, .len = 100},
		{.len = 4},
		{.len = 100, .flags = 1},
	};
	static const EwsErrorCode codes[] = {
		EWS_ERROR_INVALID,
		EWS_ERROR_UNSUPPORTED,
		EWS_ERROR_STALE,
		EWS_ERROR_NOT_FOUND,
	};
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info in, out;

	fake_cache_put(self->cache, ID, 0, "bytes");
	open_file(self, ino, O_RDONLY, &in);
	create(self, "new.eml", &out);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		copy(self, ino, &in, &out, &others[i]);
		g_assert_cmpint(fake_req_error(self->req), ==, EOPNOTSUPP);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
		fake_cache_refuse(self->cache, (int)codes[i]);
		copy(self, ino, &in, &out, &whole);
		g_assert_cmpint(fake_req_error(self->req), ==, EOPNOTSUPP);
	}
	fake_cache_refuse(self->cache, EWS_ERROR_DENIED);
	copy(self, ino, &in, &out, &whole);
	g_assert_cmpint(fake_req_error(self->req), ==, EACCES);
	/* What is open is no longer what the server has. */
	fake_cache_put(self->cache, ID, 1, "other");
	copy(self, ino, &in, &out, &whole);
	g_assert_cmpint(fake_req_error(self->req), ==, EOPNOTSUPP);
	release(self, ino, &in);
	release(self, NEW, &out);
	expect_changes(self, "create 1 new.eml\nclose 1000\n");
}

/* --- fallocate ----------------------------------------------------------- */

static int allocate(World *self, int mode, off_t offset, off_t len, struct fuse_file_info *info)
{
	fs_op_fallocate(world_next(self), NEW, mode, offset, len, info);
	return fake_req_error(self->req);
}

static void test_fallocate(World *self, gconstpointer data)
{
	struct fuse_file_info info;

	create(self, "new.eml", &info);
	fake_cache_limit(self->cache, 100);
	g_assert_cmpint(allocate(self, 0, 2, 3, &info), ==, 0);
	fs_op_read(world_next(self), NEW, 100, 0, &info);
	g_assert_cmpuint(self->req->bytes->len, ==, 5);
	g_assert_cmpint(allocate(self, 0, 0, 101, &info), ==, EFBIG);
	g_assert_cmpint(allocate(self, FALLOC_FL_KEEP_SIZE, 0, 9, &info), ==, EOPNOTSUPP);
	g_assert_cmpint(allocate(self, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 9, &info), ==,
		EOPNOTSUPP);
	release(self, NEW, &info);
}

/* --- fsync --------------------------------------------------------------- */

static void test_fsync(World *self, gconstpointer data)
{
	struct fuse_file_info info;
	g_autoptr(GError) quota = g_error_new(EWS_ERROR, EWS_ERROR_QUOTA, "full");

	create(self, "new.eml", &info);
	fs_op_fsync(world_next(self), NEW, 0, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, NEW);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	fs_op_fsync(world_next(self), NEW, 1, &info);
	fake_cache_answer(self->cache, quota);
	g_assert_cmpint(fake_req_error(self->req), ==, EDQUOT);
	expect_changes(self, "create 1 new.eml\nflush 1000\nflush 1000\n");
	release(self, NEW, &info);
}

static void test_fsync_others(World *self, gconstpointer data)
{
	fuse_ino_t ino = add_file(self);
	struct fuse_file_info info;

	/* Who only reads waits for what others wrote. */
	fake_cache_put(self->cache, ID, 0, "bytes");
	open_file(self, ino, O_RDONLY, &info);
	fs_op_fsync(world_next(self), ino, 0, &info);
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, ID);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	release(self, ino, &info);

	struct fuse_file_info dir = {0};
	fs_op_fsyncdir(world_next(self), FUSE_ROOT_ID, 0, &dir);
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, CACHE_ROOT);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	fs_op_fsyncdir(world_next(self), fs_inode_make_hidden(FS_INODE_CONTROL, 1), 0, &dir);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
}

static void test_fsync_local(World *self, gconstpointer data)
{
	struct fuse_file_info info;

	self->config->fsync = FS_FSYNC_LOCAL;
	create(self, "new.eml", &info);
	fs_op_fsync(world_next(self), NEW, 0, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	fs_op_fsyncdir(world_next(self), FUSE_ROOT_ID, 0, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	expect_changes(self, "create 1 new.eml\nflush 1000\n");
	release(self, NEW, &info);
}

static void test_fsync_read_only(World *self, gconstpointer data)
{
	struct fuse_file_info none = {0};

	self->config->is_read_only = true;
	fs_op_fsync(world_next(self), add_file(self), 0, &none);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	fs_op_fsyncdir(world_next(self), FUSE_ROOT_ID, 0, &none);
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
}

/* Nobody can look at this caller, so he is believed: he wants out. What he asked for goes on. */
static void test_fsync_interrupted(World *self, gconstpointer data)
{
	struct fuse_file_info info;

	create(self, "new.eml", &info);
	fs_op_fsync(world_next(self), NEW, 0, &info);
	fake_req_interrupt(self->req);
	fake_req_wait(self->req);
	g_assert_cmpint(fake_req_error(self->req), ==, EINTR);
	fake_cache_answer(self->cache, NULL);
	release(self, NEW, &info);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/write/a-new-file", test_create);
	world_add("/fs/write/not-every-name-is-taken", test_create_refused);
	world_add("/fs/write/a-caller-who-left-holds-nothing", test_create_caller_gone);
	world_add("/fs/write/opening-changes-nothing", test_open_to_look);
	world_add("/fs/write/who-reads-too-waits-at-open", test_open_fetches);
	world_add("/fs/write/who-appends-knows-the-end", test_append);
	world_add("/fs/write/a-write-may-wait", test_write_fetches);
	world_add("/fs/write/other-bytes-are-left-alone", test_write_stale);
	world_add("/fs/write/what-is-only-here-is-held-open", test_open_local);
	world_add("/fs/write/readers-follow", test_readers_follow);
	world_add("/fs/write/what-was-unlinked-goes-on", test_unlinked);
	world_add("/fs/write/what-nobody-closes-is-abandoned", test_abandoned);
	world_add("/fs/write/flush-tells-what-is-wrong", test_flush_tells);
	world_add("/fs/write/a-limit-is-efbig", test_too_long);
	world_add("/fs/write/a-whole-copy-moves-no-bytes", test_copy);
	world_add("/fs/write/other-copies-are-the-kernels", test_copy_by_hand);
	world_add("/fs/write/fallocate-makes-longer", test_fallocate);
	world_add("/fs/write/fsync-waits-for-the-server", test_fsync);
	world_add("/fs/write/fsync-of-readers-and-directories", test_fsync_others);
	world_add("/fs/write/fsync-may-be-local", test_fsync_local);
	world_add("/fs/write/fsync-where-nothing-is-written", test_fsync_read_only);
	world_add("/fs/write/fsync-may-be-interrupted", test_fsync_interrupted);
	return g_test_run();
}
