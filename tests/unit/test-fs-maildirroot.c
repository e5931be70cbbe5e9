/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/maildirroot.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/inode.h"
#include "fs/maildir.h"
#include "fs/maildirplace.h"
#include "fs/notify.h"
#include "tests/unit/fs-world.h"

/*
 * layout=maildir++: Inbox (5, with 6 "Sub"), 7 "A" with 8 "B.C", 10 "text".
 */

#define INBOX 5
#define SUB 6
#define A 7
#define BC 8
#define TEXT 10
#define MAIL 11

static struct fuse_lowlevel_ops ops;

static void add_dir(World *self, int64_t id, int64_t parent, const char *name)
{
	fake_cache_add(self->cache, id, parent, CACHE_KIND_DIR, name)->is_listed = true;
}

static void fill(World *self)
{
	self->config->layout = FS_LAYOUT_MAILDIRPP;
	self->fs.maildir = fs_maildir_new();
	fs_maildir_take_over(&ops);
	add_dir(self, INBOX, CACHE_ROOT, "Posteingang");
	add_dir(self, SUB, INBOX, "Sub");
	add_dir(self, A, CACHE_ROOT, "A");
	add_dir(self, BC, A, "B.C");
	add_dir(self, TEXT, CACHE_ROOT, "text");
	fake_cache_add(self->cache, MAIL, INBOX, CACHE_KIND_FILE, "m.eml")->size = 5;
	fake_cache_set_inbox(self->cache, INBOX);
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

/* 0: there is none. */
static fuse_ino_t look_up(World *self, fuse_ino_t parent, const char *name)
{
	ops.lookup(world_next(self), parent, name);
	if (fake_req_kind(self->req) == FAKE_ENTRY)
		return self->req->entry.ino;
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	return 0;
}

static char *names_in(World *self, fuse_ino_t ino, size_t size)
{
	GString *names = g_string_new(NULL);
	off_t offset = 0;

	for (;;) {
		struct fuse_file_info info = {0};
		ops.readdir(world_next(self), ino, size, offset, &info);
		g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
		g_autofree char *text = fake_req_text(self->req);
		g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
		bool has_any = false;
		for (char **line = lines; *line != NULL; line++) {
			g_auto(GStrv) words = g_strsplit(*line, " ", -1);
			if (g_strv_length(words) != 4)
				continue;
			has_any = true;
			g_string_append_printf(names, "%s ", words[0]);
			g_assert_cmpint(g_ascii_strtoll(words[2], NULL, 10), >, offset);
			offset = g_ascii_strtoll(words[2], NULL, 10);
		}
		if (!has_any)
			return g_string_free(names, FALSE);
	}
}

static void test_listing(World *self, gconstpointer data)
{
	fill(self);
	fake_cache_add(self->cache, 12, INBOX, CACHE_KIND_FILE, ".dir.subscriptions")->is_scratch =
		true;
	g_autofree char *whole = names_in(self, FUSE_ROOT_ID, 4096);
	g_autofree char *pieces = names_in(self, FUSE_ROOT_ID, 100);
	g_autofree char *folder = names_in(self, A, 4096);

	g_assert_cmpstr(whole, ==,
		". .. cur new tmp subscriptions .INBOX.Sub .A .A.B%2EC .%74ext ");
	g_assert_cmpstr(pieces, ==, whole);
	g_assert_cmpstr(folder, ==, ". .. cur new tmp ");
	end(self);
}

static void test_lookup(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, "cur"), ==,
		fs_inode_make(INBOX, FS_MAILDIR_CUR));
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".A"), ==, A);
	g_assert_cmpfloat(self->req->entry.entry_timeout, >, 0);
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".INBOX.Sub"), ==, SUB);
	g_assert_cmpfloat(self->req->entry.entry_timeout, >, 0);
	/* Which will be called otherwise when A is. */
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".A.B%2EC"), ==, BC);
	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, 0);
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".%74ext"), ==, TEXT);
	g_assert_true(fs_inode_is_hidden(look_up(self, FUSE_ROOT_ID, ".text")));
	g_assert_cmpuint(look_up(self, A, "cur"), ==, fs_inode_make(A, FS_MAILDIR_CUR));
	g_assert_cmpuint(look_up(self, fs_inode_make(INBOX, FS_MAILDIR_NEW), "m"), ==, MAIL);
	/* No folder has two names, and the Inbox has none. */
	static const char *const none[] = {"A", ".a", ".INBOX", ".Posteingang", ".Posteingang.Sub",
		".Sub", ".A.B.C", ".INBOX.A", ".A.", "..A", "m", "m.eml"};
	for (size_t i = 0; i < G_N_ELEMENTS(none); i++)
		g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, none[i]), ==, 0);
	g_assert_cmpuint(look_up(self, A, ".A"), ==, 0);
	g_assert_cmpuint(look_up(self, A, "B.C"), ==, 0);
	end(self);
}

static int make(World *self, fuse_ino_t parent, const char *name)
{
	ops.mkdir(world_next(self), parent, name, 0700);
	return fake_req_kind(self->req) == FAKE_ENTRY ? 0 : fake_req_error(self->req);
}

static void test_making(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(make(self, FUSE_ROOT_ID, ".New"), ==, 0);
	expect_changes(self, "mkdir 1 New\n");
	g_assert_cmpint(make(self, FUSE_ROOT_ID, ".INBOX.x%2Ey"), ==, 0);
	expect_changes(self, "mkdir 5 x.y\n");
	/* What is above is made too. */
	g_assert_cmpint(make(self, FUSE_ROOT_ID, ".A.D.E"), ==, 0);
	g_autofree char *deep = fake_cache_changes(self->cache);
	g_assert_true(g_str_has_prefix(deep, "mkdir 7 D\nmkdir ") && strstr(deep, " E\n") != NULL);
	static const char *const none[] = {"New", ".INBOX", "..x", ".A.%2Ex", ".Inbox", ".send"};
	for (size_t i = 0; i < G_N_ELEMENTS(none); i++)
		g_assert_cmpint(make(self, FUSE_ROOT_ID, none[i]), ==, EINVAL);
	g_assert_cmpint(make(self, FUSE_ROOT_ID, ".A.%2Ex.y"), ==, ENOENT);
	g_assert_cmpint(make(self, FUSE_ROOT_ID, ".text"), ==, EROFS);
	g_assert_cmpint(make(self, FUSE_ROOT_ID, "new"), ==, EEXIST);
	g_assert_cmpint(make(self, A, ".x"), ==, EINVAL);
	expect_changes(self, "");
	end(self);
}

static int move(World *self, const char *name, const char *to_name)
{
	ops.rename(world_next(self), FUSE_ROOT_ID, name, FUSE_ROOT_ID, to_name, 0);
	return fake_req_error(self->req);
}

static void test_moving(World *self, gconstpointer data)
{
	fill(self);
	g_assert_cmpint(move(self, ".A", ".INBOX.New"), ==, 0);
	expect_changes(self, "rename 1 A 5 New\n");
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".INBOX.New.B%2EC"), ==, BC);
	g_assert_cmpint(move(self, ".INBOX.Sub", ".Sub"), ==, 0);
	expect_changes(self, "rename 5 Sub 1 Sub\n");
	g_assert_cmpint(move(self, ".Sub", ".None.Sub"), ==, ENOENT);
	g_assert_cmpint(move(self, ".Sub", "..DOVECOT-TRASHED"), ==, EXDEV);
	g_assert_cmpint(move(self, ".Sub", ".INBOX"), ==, EXDEV);
	g_assert_cmpint(move(self, ".Sub", ".%2Ex"), ==, EXDEV);
	g_assert_cmpint(move(self, "cur", ".x"), ==, EPERM);
	expect_changes(self, "");
	ops.rmdir(world_next(self), FUSE_ROOT_ID, ".Sub");
	g_assert_cmpint(fake_req_error(self->req), ==, 0);
	expect_changes(self, "rmdir 1 Sub\n");
	end(self);
}

/* Programs note what they like, in the root as in any folder. */
static void test_notes(World *self, gconstpointer data)
{
	struct fuse_file_info info = {0};

	fill(self);
	ops.create(world_next(self), FUSE_ROOT_ID, ".mbsyncstate.new", 0600, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_CREATE);
	expect_changes(self, "create 5 .dir..mbsyncstate.new\n");
	g_assert_cmpint(move(self, ".mbsyncstate.new", ".mbsyncstate"), ==, 0);
	expect_changes(self, "rename 5 .dir..mbsyncstate.new 5 .dir..mbsyncstate\n");
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".mbsyncstate"), !=, 0);
	ops.create(world_next(self), A, "maildirfolder", 0600, &info);
	expect_changes(self, "create 7 .dir.maildirfolder\n");
	end(self);
}

static void test_too_long(World *self, gconstpointer data)
{
	g_autofree char *name = g_strnfill(200, 'x');

	fill(self);
	add_dir(self, 20, A, name);
	add_dir(self, 21, 20, name);
	fake_cache_node(self->cache, 21)->ino = 0xabc;
	g_autoptr(CacheNode) node = cache_get(self->cache, 21, NULL);
	g_autofree char *shown = fs_maildirroot_name(&self->fs, node);
	g_autofree char *whole = names_in(self, FUSE_ROOT_ID, 4096);
	g_assert_true(g_str_has_suffix(shown, "%~0000000000000abc"));
	g_assert_nonnull(strstr(whole, shown));
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, shown), ==, 21);
	shown[strlen(shown) - 1] = 'd';
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, shown), ==, 0);
	g_assert_cmpint(make(self, FUSE_ROOT_ID, shown), ==, EINVAL);
	end(self);
}

static void test_attributes(World *self, gconstpointer data)
{
	fill(self);
	fake_cache_node(self->cache, CACHE_ROOT)->mtime = 5 * G_USEC_PER_SEC;
	fake_cache_node(self->cache, INBOX)->mtime = 7 * G_USEC_PER_SEC;
	ops.getattr(world_next(self), FUSE_ROOT_ID, NULL);
	g_assert_cmpuint(self->req->attr.st_nlink, ==, 2 + 3 + 4);
	g_assert_cmpint(self->req->attr.st_mtim.tv_sec, ==, 7);
	fake_cache_node(self->cache, CACHE_ROOT)->mtime = 9 * G_USEC_PER_SEC;
	ops.getattr(world_next(self), FUSE_ROOT_ID, NULL);
	g_assert_cmpint(self->req->attr.st_mtim.tv_sec, ==, 9);
	ops.getattr(world_next(self), A, NULL);
	g_assert_cmpuint(self->req->attr.st_nlink, ==, 2 + 3);
	end(self);
}

/* The mounted folder is the root where the Inbox is not in it. */
static void test_without(World *self, gconstpointer data)
{
	fill(self);
	fake_cache_set_inbox(self->cache, 0);
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, "cur"), ==,
		fs_inode_make(CACHE_ROOT, FS_MAILDIR_CUR));
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".Posteingang.Sub"), ==, SUB);
	g_assert_cmpuint(look_up(self, FUSE_ROOT_ID, ".INBOX.Posteingang"), ==, 0);
	end(self);
}

static void test_told(World *self, gconstpointer data)
{
	fill(self);
	fs_notify_maildir(self->fs.notify, true);
	fs_notify_start(self->fs.notify, (struct fuse_session *)self);
	g_free(fake_notified());
	fake_cache_tell(self->cache, CACHE_CHANGE_GONE, SUB, 0, INBOX, "x.y");
	fake_cache_tell(self->cache, CACHE_CHANGE_MEMBERS, BC, 0, 0, NULL);
	g_autoptr(GString) text = g_string_new(NULL);
	for (int i = 0; i < 1000 && strstr(text->str, "inode 1 ") == NULL; i++) {
		g_autofree char *more = fake_notified();
		g_string_append(text, more);
		g_usleep(1000);
	}
	g_assert_nonnull(strstr(text->str, "inode 1 "));
	g_assert_nonnull(strstr(text->str, "entry 1 .INBOX.x%2Ey\n"));
	fs_notify_stop(self->fs.notify);
	end(self);
}

static void test_paths(World *self, gconstpointer data)
{
	fill(self);
	fake_cache_add(self->cache, 30, BC, CACHE_KIND_FILE, "n.eml");
	g_autoptr(CacheNode) mail = cache_get(self->cache, MAIL, NULL);
	g_autoptr(CacheNode) deep = cache_get(self->cache, 30, NULL);
	g_autofree char *first = fs_maildir_path(&self->fs, mail);
	g_autofree char *second = fs_maildir_path(&self->fs, deep);
	g_assert_cmpstr(first, ==, "new/m");
	g_assert_cmpstr(second, ==, ".A.B%2EC/new/n");
	self->config->layout = FS_LAYOUT_MAILDIR;
	g_autofree char *other = fs_maildir_path(&self->fs, deep);
	g_assert_cmpstr(other, ==, "A/B.C/new/n");
	end(self);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/maildirroot/every-folder-is-listed-once", test_listing);
	world_add("/fs/maildirroot/every-folder-has-one-name", test_lookup);
	world_add("/fs/maildirroot/folders-are-made", test_making);
	world_add("/fs/maildirroot/folders-are-moved", test_moving);
	world_add("/fs/maildirroot/what-programs-note", test_notes);
	world_add("/fs/maildirroot/names-that-were-cut", test_too_long);
	world_add("/fs/maildirroot/attributes", test_attributes);
	world_add("/fs/maildirroot/without-an-inbox", test_without);
	world_add("/fs/maildirroot/its-listing-goes-with-any", test_told);
	world_add("/fs/maildirroot/paths-of-messages", test_paths);
	return g_test_run();
}
