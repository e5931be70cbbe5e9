/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/dir.h"

#include <errno.h>
#include <string.h>

#include "ews/error.h"
#include "fs/inode.h"
#include "fs/notify.h"
#include "tests/unit/fs-world.h"

#define DIR 5

static void fill(World *self, int64_t count)
{
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox")->is_listed = true;
	for (int64_t id = 10; id < 10 + count; id++) {
		g_autofree char *name = g_strdup_printf("%d.eml", (int)id);
		fake_cache_add(self->cache, id, DIR, CACHE_KIND_FILE, name)->size = 5;
	}
}

static void look_up(World *self, fuse_ino_t parent, const char *name)
{
	fs_op_lookup(world_next(self), parent, name);
}

/* --- lookup -------------------------------------------------------------- */

static void test_found(World *self, gconstpointer data)
{
	fill(self, 1);
	look_up(self, DIR, "10.eml");
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	g_assert_cmpuint(self->req->entry.ino, ==, 10);
	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, FS_KEEP_S);
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, FS_KEEP_S);
	fake_cache_node(self->cache, 10)->size = -1;
	look_up(self, DIR, "10.eml");
	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, FS_KEEP_S);
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, 0);
}

static void test_missing(World *self, gconstpointer data)
{
	g_autofree char *long_name = g_strnfill(256, 'x');

	fill(self, 1);
	look_up(self, DIR, "11.eml");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	look_up(self, DIR, long_name);
	g_assert_cmpint(fake_req_error(self->req), ==, ENAMETOOLONG);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
}

/* A message may still come; a directory would be known; the shell's .git is nobody's message. */
static void test_not_listed(World *self, gconstpointer data)
{
	fill(self, 1);
	fake_cache_node(self->cache, DIR)->is_listed = false;
	look_up(self, DIR, "11.eml");
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, DIR);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	g_autoptr(GError) error = g_error_new_literal(EWS_ERROR, EWS_ERROR_OFFLINE, "away");
	look_up(self, DIR, "11.eml");
	fake_cache_answer(self->cache, error);
	g_assert_cmpint(fake_req_error(self->req), ==, EBUSY);
	look_up(self, DIR, ".git");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	look_up(self, DIR, "10.eml");
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
}

/* --- opendir ------------------------------------------------------------- */

static void open_dir(World *self)
{
	struct fuse_file_info info = {0};

	fs_op_opendir(world_next(self), DIR, &info);
}

static void test_open_listed(World *self, gconstpointer data)
{
	fill(self, 1);
	open_dir(self);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	g_assert_true(self->req->info.cache_readdir);
	g_assert_true(self->req->info.keep_cache);
}

static void test_open_waits(World *self, gconstpointer data)
{
	g_autoptr(GError) error = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	fill(self, 1);
	fake_cache_node(self->cache, DIR)->is_listed = false;
	open_dir(self);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	open_dir(self);
	fake_cache_answer(self->cache, error);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
}

/* --- readdir ------------------------------------------------------------- */

/* The whole listing, in answers of @size bytes. */
static char *list_all(World *self, size_t size, bool is_plus)
{
	g_autoptr(GString) all = g_string_new(NULL);
	off_t cookie = 0;

	for (;;) {
		fuse_req_t req = world_next(self);
		if (is_plus)
			fs_op_readdirplus(req, DIR, size, cookie, NULL);
		else
			fs_op_readdir(req, DIR, size, cookie, NULL);
		g_assert_cmpint(fake_req_kind(req), ==, FAKE_BYTES);
		g_autofree char *text = fake_req_text(req);
		if (*text == '\0')
			return g_string_free(g_steal_pointer(&all), FALSE);
		g_string_append(all, text);
		text[strlen(text) - 1] = '\0';
		const char *last = strrchr(text, '\n');
		g_auto(GStrv) fields = g_strsplit(last != NULL ? last + 1 : text, " ", -1);
		cookie = (off_t)g_ascii_strtoll(fields[2], NULL, 10);
	}
}

static void test_list(World *self, gconstpointer data)
{
	fill(self, 2);
	g_autofree char *text = list_all(self, 4096, false);
	g_assert_cmpstr(text, ==, ". 1005 1 dir\n.. 1001 2 dir\n10.eml 1010 11 file\n"
		"11.eml 1011 12 file\n");
}

static void test_pages(World *self, gconstpointer data)
{
	fill(self, 50);
	g_autofree char *whole = list_all(self, 4096, false);
	g_autofree char *pages = list_all(self, 64, false);
	g_autofree char *plus = list_all(self, 100, true);
	g_auto(GStrv) lines = g_strsplit(plus, "\n", -1);

	g_assert_cmpstr(whole, ==, pages);
	g_assert_cmpuint(g_strv_length(lines), ==, 53);
}

/* Unknown sizes: with a node number, so that nobody has to look the name up again. */
static void test_plus(World *self, gconstpointer data)
{
	fill(self, 2);
	fake_cache_node(self->cache, 11)->size = -1;
	g_autofree char *text = list_all(self, 4096, true);
	g_assert_cmpstr(text, ==, ". 0 1 dir\n.. 0 2 dir\n10.eml 10 11 file\n11.eml 11 12 file\n");
}

static void test_continued(World *self, gconstpointer data)
{
	fill(self, 4);
	fake_cache_remove(self->cache, 11);
	fs_op_readdir(world_next(self), DIR, 4096, 12, NULL);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, "12.eml 1012 13 file\n13.eml 1013 14 file\n");
}

static void test_never_half(World *self, gconstpointer data)
{
	g_autoptr(GError) error = g_error_new(EWS_ERROR, EWS_ERROR_LOCAL, "disk");

	fill(self, 4);
	fake_cache_break_lists(self->cache, error);
	g_test_expect_message(G_LOG_DOMAIN, G_LOG_LEVEL_WARNING, "*disk*");
	fs_op_readdir(world_next(self), DIR, 4096, 0, NULL);
	g_test_assert_expected_messages();
	g_assert_cmpint(fake_req_error(self->req), ==, EIO);
}

/* --- a change while it was read ------------------------------------------ */

static char *close_dir(World *self, struct fuse_file_info *info)
{
	fs_op_releasedir(world_next(self), DIR, info);
	fs_notify_stop(self->fs.notify);
	char *told = fake_notified();
	fs_notify_start(self->fs.notify, NULL);
	return told;
}

static void wait_until_told(void)
{
	for (int i = 0; i < 1000; i++) {
		g_autofree char *told = fake_notified();
		if (*told != '\0')
			return;
		g_usleep(1000);
	}
	g_assert_not_reached();
}

static void test_changed(World *self, gconstpointer data)
{
	fill(self, 1);
	fs_notify_start(self->fs.notify, NULL);
	open_dir(self);
	struct fuse_file_info quiet = self->req->info;
	g_autofree char *nothing = close_dir(self, &quiet);
	g_assert_cmpstr(nothing, ==, "");

	open_dir(self);
	struct fuse_file_info changed = self->req->info;
	fake_cache_tell(self->cache, CACHE_CHANGE_MEMBERS, DIR, 0, 0, NULL);
	wait_until_told();
	fs_op_releasedir(world_next(self), DIR, &changed);
	wait_until_told();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/dir/names-are-found-and-kept", test_found);
	world_add("/fs/dir/missing-names-are-missing", test_missing);
	world_add("/fs/dir/a-message-may-still-come", test_not_listed);
	world_add("/fs/dir/listed-opens-at-once", test_open_listed);
	world_add("/fs/dir/unlisted-waits-or-fails", test_open_waits);
	world_add("/fs/dir/lists-in-order-of-ids", test_list);
	world_add("/fs/dir/pages-fit-together", test_pages);
	world_add("/fs/dir/unknown-sizes-have-no-number", test_plus);
	world_add("/fs/dir/goes-on-after-a-change", test_continued);
	world_add("/fs/dir/never-half-a-listing", test_never_half);
	world_add("/fs/dir/a-change-under-the-reader-is-told-again", test_changed);
	return g_test_run();
}
