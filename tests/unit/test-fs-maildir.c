/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/inode.h"
#include "fs/maildirplace.h"
#include "fs/notify.h"
#include "tests/unit/fs-world.h"

#define DIR 5
#define SEEN 7
#define FRESH 8
#define SCRATCH 9
#define SUB 10

static struct fuse_lowlevel_ops ops;

static fuse_ino_t part(FsMaildirPart which)
{
	return fs_inode_make(DIR, (uint32_t)which);
}

static void fill(World *self)
{
	self->fs.maildir = fs_maildir_new();
	fs_maildir_take_over(&ops);
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox")->is_listed = true;
	fake_cache_add(self->cache, SEEN, DIR, CACHE_KIND_FILE, "a.eml")->size = 5;
	fake_cache_add(self->cache, FRESH, DIR, CACHE_KIND_FILE, "b.eml")->size = 5;
	fake_cache_add(self->cache, SCRATCH, DIR, CACHE_KIND_FILE, ".tmp.c")->is_scratch = true;
	fake_cache_add(self->cache, SUB, DIR, CACHE_KIND_DIR, "cur")->is_listed = true;
	fake_cache_mark(self->cache, SEEN, CACHE_MARK_SEEN | CACHE_MARK_OLD);
}

static void end(World *self)
{
	fs_maildir_free(self->fs.maildir);
	self->fs.maildir = NULL;
}

static void expect_changes(World *self, const char *changes)
{
	g_autofree char *text = fake_cache_changes(self->cache);

	g_assert_cmpstr(text, ==, changes);
}

static char *list(World *self, fuse_ino_t ino)
{
	struct fuse_file_info info = {0};

	ops.readdir(world_next(self), ino, 4096, 0, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
	return fake_req_text(self->req);
}

/* The errno; 0: it is there. */
static int look_up(World *self, fuse_ino_t parent, const char *name)
{
	ops.lookup(world_next(self), parent, name);
	return fake_req_kind(self->req) == FAKE_ENTRY ? 0 : fake_req_error(self->req);
}

static void expect_listed(World *self, fuse_ino_t ino, const char *name, bool is_listed)
{
	g_autofree char *text = list(self, ino);
	g_autofree char *line = g_strdup_printf("\n%s ", name);

	g_assert_true((strstr(text, line) != NULL) == is_listed);
}

static void test_listing(World *self, gconstpointer data)
{
	fill(self);
	expect_listed(self, part(FS_MAILDIR_CUR), "a:2,S", true);
	expect_listed(self, part(FS_MAILDIR_CUR), "b", false);
	expect_listed(self, part(FS_MAILDIR_NEW), "b", true);
	expect_listed(self, part(FS_MAILDIR_NEW), "a", false);
	expect_listed(self, part(FS_MAILDIR_TMP), "c", true);
	expect_listed(self, DIR, "cur", true);
	expect_listed(self, DIR, "%63ur", true);
	expect_listed(self, DIR, "a.eml", false);
	end(self);
}

static void test_lookup(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_CUR), "a:2,S"), ==, 0);
	g_assert_cmpuint(self->req->entry.ino, ==, SEEN);
	g_assert_cmpfloat(self->req->entry.entry_timeout, >, 0);
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_CUR), "a:2,SS"), ==, 0);
	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, 0);
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_CUR), "a:2,FS"), ==, ENOENT);
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_NEW), "a"), ==, ENOENT);
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_NEW), "b"), ==, 0);
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_TMP), "c"), ==, 0);
	g_assert_cmpint(look_up(self, DIR, "new"), ==, 0);
	g_assert_cmpuint(self->req->entry.ino, ==, part(FS_MAILDIR_NEW));
	g_assert_cmpint(look_up(self, DIR, "%63ur"), ==, 0);
	g_assert_cmpuint(self->req->entry.ino, ==, SUB);
	g_assert_cmpint(look_up(self, DIR, "a.eml"), ==, ENOENT);
	end(self);
}

static int move(World *self, fuse_ino_t from, const char *name, fuse_ino_t to, const char *to_name)
{
	ops.rename(world_next(self), from, name, to, to_name, 0);
	return fake_req_error(self->req);
}

static void test_renaming(World *self, gconstpointer data)
{
	fuse_ino_t cur = part(FS_MAILDIR_CUR), new = part(FS_MAILDIR_NEW);

	fill(self);
	g_assert_cmpint(move(self, new, "b", cur, "b:2,"), ==, 0);
	expect_changes(self, "mark 8 40\n");
	g_assert_cmpint(move(self, cur, "a:2,S", cur, "a:2,FS"), ==, 0);
	expect_changes(self, "mark 7 43\n");
	g_assert_cmpint(move(self, cur, "a:2,S", cur, "a:2,"), ==, ENOENT);
	g_assert_cmpint(move(self, cur, "a:2,FS", cur, "a:3,"), ==, EINVAL);
	g_assert_cmpint(move(self, DIR, "cur", DIR, "old"), ==, EPERM);
	g_assert_cmpint(move(self, DIR, "%63ur", cur, "old"), ==, EPERM);
	expect_changes(self, "");
	g_assert_cmpint(move(self, part(FS_MAILDIR_TMP), "c", new, "1.host"), ==, 0);
	expect_changes(self, "rename 5 .tmp.c 5 1.host.eml\nmark 9 0\n");
	end(self);
}

static void test_linking(World *self, gconstpointer data)
{
	fill(self);
	ops.link(world_next(self), SCRATCH, part(FS_MAILDIR_NEW), "1.host");
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	g_assert_cmpuint(self->req->entry.attr.st_nlink, ==, 2);
	expect_changes(self, "rename 5 .tmp.c 5 1.host.eml\nmark 9 0\n");
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_TMP), "c"), ==, 0);
	ops.unlink(world_next(self), part(FS_MAILDIR_TMP), "c");
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	g_assert_cmpint(look_up(self, part(FS_MAILDIR_TMP), "c"), ==, ENOENT);
	expect_changes(self, "");
	ops.link(world_next(self), SEEN, part(FS_MAILDIR_NEW), "2.host");
	g_assert_cmpint(fake_req_error(self->req), ==, EPERM);
	end(self);
}

/* Who makes a folder makes its parts too; everybody else finds them. */
static void test_making(World *self, gconstpointer data)
{
	fill(self);
	world_next(self)->ctx.pid = 42;
	ops.mkdir(self->req, DIR, "Made", 0700);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	fuse_ino_t made = self->req->entry.ino;
	g_assert_cmpint(look_up(self, made, "cur"), ==, 0);
	world_next(self)->ctx.pid = 42;
	ops.lookup(self->req, made, "cur");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	world_next(self)->ctx.pid = 42;
	ops.mkdir(self->req, made, "cur", 0700);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	world_next(self)->ctx.pid = 42;
	ops.mkdir(self->req, made, "cur", 0700);
	g_assert_cmpint(fake_req_error(self->req), ==, EEXIST);
	ops.rmdir(world_next(self), DIR, "new");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOTEMPTY);
	ops.rmdir(world_next(self), made, "new");
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	end(self);
}

static void test_attributes(World *self, gconstpointer data)
{
	fill(self);
	ops.getattr(world_next(self), DIR, NULL);
	uint64_t ino = self->req->attr.st_ino;
	g_assert_cmpuint(self->req->attr.st_nlink, ==, 2 + 3);
	for (int i = FS_MAILDIR_CUR; i < FS_MAILDIR_PARTS; i++) {
		ops.getattr(world_next(self), part((FsMaildirPart)i), NULL);
		g_assert_cmpuint(self->req->attr.st_nlink, ==, 2);
		g_assert_cmpuint(self->req->attr.st_ino, !=, ino);
		g_assert_true(S_ISDIR(self->req->attr.st_mode));
	}
	ops.getattr(world_next(self), SEEN, NULL);
	g_assert_true(S_ISREG(self->req->attr.st_mode));
	end(self);
}

static bool has_line(const char *text, const char *line)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	return g_strv_contains((const char *const *)lines, line);
}

/* What is told of a message is told by every name that it may have had. */
static void test_told(World *self, gconstpointer data)
{
	fill(self);
	fs_notify_maildir(self->fs.notify, false);
	fs_notify_start(self->fs.notify, (struct fuse_session *)self);
	g_free(fake_notified());
	fake_cache_tell(self->cache, CACHE_CHANGE_TOUCHED, FRESH, 0, 0, NULL);
	fake_cache_tell(self->cache, CACHE_CHANGE_MEMBERS, DIR, 0, 0, NULL);
	g_autofree char *text = NULL;
	for (int i = 0; i < 1000 && (text == NULL || strstr(text, "inode") == NULL); i++) {
		g_autofree char *more = fake_notified();
		g_autofree char *before = text;
		text = g_strconcat(before != NULL ? before : "", more, NULL);
		g_usleep(1000);
	}
	g_autofree char *fresh = g_strdup_printf("entry %" G_GINT64_MODIFIER "x b",
		(guint64)part(FS_MAILDIR_NEW));
	g_autofree char *seen = g_strdup_printf("entry %" G_GINT64_MODIFIER "x b:2,FS",
		(guint64)part(FS_MAILDIR_CUR));
	g_assert_true(has_line(text, fresh));
	g_assert_true(has_line(text, seen));
	fs_notify_stop(self->fs.notify);
	end(self);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/maildir/each-message-is-listed-once", test_listing);
	world_add("/fs/maildir/a-name-is-one-with-these-marks", test_lookup);
	world_add("/fs/maildir/renaming-marks", test_renaming);
	world_add("/fs/maildir/linking-delivers", test_linking);
	world_add("/fs/maildir/made-by-its-maker", test_making);
	world_add("/fs/maildir/parts-are-directories", test_attributes);
	world_add("/fs/maildir/old-names-go", test_told);
	return g_test_run();
}
