/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/search.h"

#include <errno.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/dir.h"
#include "fs/inode.h"
#include "fs/names.h"
#include "tests/unit/fs-world.h"

#define DIR 5
#define OTHER 6
#define A 7
#define B 8
#define TWIN 9

static const int64_t all[] = {A, B, TWIN};

static void fill(World *self)
{
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox")->is_listed = true;
	fake_cache_add(self->cache, OTHER, DIR, CACHE_KIND_DIR, "Old")->is_listed = true;
	fake_cache_add(self->cache, A, DIR, CACHE_KIND_FILE, "a.eml");
	fake_cache_add(self->cache, B, OTHER, CACHE_KIND_FILE, "b.eml");
	fake_cache_add(self->cache, TWIN, OTHER, CACHE_KIND_FILE, "a.eml");
}

static fuse_ino_t look_up(World *self, fuse_ino_t parent, const char *name)
{
	fs_op_lookup(world_next(self), parent, name);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ENTRY);
	return self->req->entry.ino;
}

static void expect_error(World *self, int number)
{
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ERROR);
	g_assert_cmpint(fake_req_error(self->req), ==, number);
}

static void expect_missing(World *self, fuse_ino_t parent, const char *name, int number)
{
	fs_op_lookup(world_next(self), parent, name);
	expect_error(self, number);
}

static fuse_ino_t top(World *self)
{
	return look_up(self, FUSE_ROOT_ID, ".search");
}

static void open_dir(World *self, fuse_ino_t ino)
{
	struct fuse_file_info info = {0};

	fs_op_opendir(world_next(self), ino, &info);
}

/* A query that has found all. */
static fuse_ino_t searched(World *self, fuse_ino_t parent, const char *query)
{
	fuse_ino_t ino = look_up(self, parent, query);

	open_dir(self, ino);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_find(self->cache, all, G_N_ELEMENTS(all));
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	return ino;
}

/* Names only, one a line. */
static char *list(World *self, fuse_ino_t ino, size_t size)
{
	GString *names = g_string_new(NULL);
	off_t offset = 0;

	for (;;) {
		fs_op_readdir(world_next(self), ino, size, offset, NULL);
		g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_BYTES);
		g_autofree char *text = fake_req_text(self->req);
		if (*text == '\0')
			return g_string_free(names, FALSE);
		g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
		for (char **line = lines; **line != '\0'; line++) {
			g_auto(GStrv) words = g_strsplit(*line, " ", 4);
			g_string_append_printf(names, "%s\n", words[0]);
			offset = g_ascii_strtoll(words[2], NULL, 10);
		}
	}
}

static void expect_list(World *self, fuse_ino_t ino, size_t size, const char *wanted)
{
	g_autofree char *names = list(self, ino, size);

	g_assert_cmpstr(names, ==, wanted);
}

static void expect_target(World *self, fuse_ino_t parent, const char *name, const char *wanted)
{
	fuse_ino_t ino = look_up(self, parent, name);

	g_assert_true(S_ISLNK(self->req->entry.attr.st_mode));
	g_assert_cmpint(self->req->entry.attr.st_size, ==, (off_t)strlen(wanted));
	fs_op_readlink(world_next(self), ino);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_BYTES);
	g_autofree char *target = fake_req_text(self->req);
	g_assert_cmpstr(target, ==, wanted);
	fs_op_getattr(world_next(self), ino, NULL);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ATTR);
	g_assert_cmpint(self->req->attr.st_size, ==, (off_t)strlen(wanted));
}

#define NAMES ".\n..\na.eml\nb.eml\na.00000000000003f1.eml\n"

static void test_links(World *self, gconstpointer data)
{
	fill(self);
	fuse_ino_t ino = searched(self, top(self), "x");
	expect_list(self, ino, 4096, NAMES);
	expect_list(self, ino, 100, NAMES);
	expect_target(self, ino, "a.eml", "../../Inbox/a.eml");
	expect_target(self, ino, "b.eml", "../../Inbox/Old/b.eml");
	expect_target(self, ino, "a.00000000000003f1.eml", "../../Inbox/Old/a.eml");
	expect_missing(self, ino, "c.eml", ENOENT);
	fs_op_readlink(world_next(self), DIR);
	expect_error(self, EINVAL);
}

static void test_below_a_folder(World *self, gconstpointer data)
{
	fill(self);
	fuse_ino_t in = look_up(self, top(self), "in:Inbox%2fOld");
	fuse_ino_t ino = look_up(self, in, "50%25%2F");
	open_dir(self, ino);
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, OTHER);
	g_assert_cmpstr(fake_cache_query(self->cache), ==, "50%/");
	fake_cache_find(self->cache, &all[1], 1);
	expect_target(self, ino, "b.eml", "../../../Inbox/Old/b.eml");
	g_assert_cmpuint(look_up(self, top(self), "50%25%2F"), !=, ino);
	g_assert_cmpuint(look_up(self, look_up(self, top(self), "in:Inbox/"), "x"), !=, ino);
	expect_missing(self, top(self), "in:", ENOENT);
	expect_missing(self, top(self), "in:Nowhere", ENOENT);
	expect_missing(self, top(self), "in:Inbox%2Fa.eml", ENOENT);
}

static void test_nothing_is_listed(World *self, gconstpointer data)
{
	fill(self);
	searched(self, top(self), "x");
	expect_list(self, top(self), 4096, ".\n..\n");
	expect_list(self, look_up(self, top(self), "in:Inbox"), 4096, ".\n..\n");
	fuse_ino_t ino = top(self);
	fs_op_mkdir(world_next(self), ino, "x", 0700);
	expect_error(self, EROFS);
}

static void test_no_query(World *self, gconstpointer data)
{
	fill(self);
	expect_missing(self, top(self), "!", EINVAL);
	expect_missing(self, look_up(self, top(self), "in:Inbox"), "!", EINVAL);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
}

static void test_kept(World *self, gconstpointer data)
{
	fill(self);
	fuse_ino_t ino = searched(self, top(self), "x");
	open_dir(self, ino);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	g_assert_cmpuint(look_up(self, top(self), "x"), ==, ino);
	self->config->refresh_s = 0;
	open_dir(self, ino);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	/* What was found stays while it is asked again. */
	fuse_req_t waiting = g_steal_pointer(&self->req);
	self->req = fake_req_new(&self->fs);
	expect_list(self, ino, 4096, NAMES);
	fake_cache_find(self->cache, all, 1);
	g_assert_cmpint(fake_req_wait(waiting), ==, FAKE_OPEN);
	fake_req_free(waiting);
	expect_list(self, ino, 4096, ".\n..\na.eml\n");
}

static void test_away(World *self, gconstpointer data)
{
	g_autoptr(GError) error = g_error_new_literal(EWS_ERROR, EWS_ERROR_OFFLINE, "away");

	fill(self);
	fuse_ino_t ino = look_up(self, top(self), "x");
	open_dir(self, ino);
	fake_cache_answer(self->cache, error);
	expect_error(self, EHOSTUNREACH);
	ino = searched(self, top(self), "x");
	self->config->refresh_s = 0;
	open_dir(self, ino);
	fake_cache_answer(self->cache, error);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	self->config->backup = true;
	open_dir(self, ino);
	fake_cache_answer(self->cache, error);
	expect_error(self, EHOSTUNREACH);
}

static void test_together(World *self, gconstpointer data)
{
	struct fuse_file_info info = {0};

	fill(self);
	fuse_ino_t ino = look_up(self, top(self), "x");
	fuse_req_t other = fake_req_new(&self->fs);
	open_dir(self, ino);
	fs_op_opendir(other, ino, &info);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 1);
	fake_cache_find(self->cache, all, G_N_ELEMENTS(all));
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_OPEN);
	g_assert_cmpint(fake_req_wait(other), ==, FAKE_OPEN);
	fake_req_free(other);
}

static void test_by_name_alone(World *self, gconstpointer data)
{
	fill(self);
	fuse_ino_t ino = look_up(self, top(self), "x");
	fs_op_lookup(world_next(self), ino, "a.eml");
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_find(self->cache, all, G_N_ELEMENTS(all));
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ENTRY);
	expect_target(self, ino, "a.eml", "../../Inbox/a.eml");
}

static void test_gone(World *self, gconstpointer data)
{
	fill(self);
	fuse_ino_t ino = searched(self, top(self), "x");
	fuse_ino_t link = look_up(self, ino, "a.eml");
	fake_cache_node(self->cache, A)->parent = 0;
	expect_list(self, ino, 4096, ".\n..\nb.eml\na.00000000000003f1.eml\n");
	expect_missing(self, ino, "a.eml", ENOENT);
	fs_op_readlink(world_next(self), link);
	expect_error(self, ESTALE);
}

static void test_forgotten(World *self, gconstpointer data)
{
	fill(self);
	fuse_ino_t ino = searched(self, top(self), "x");
	for (int i = 0; i < 300; i++) {
		g_autofree char *query = g_strdup_printf("q%d", i);
		look_up(self, top(self), query);
	}
	fs_op_getattr(world_next(self), ino, NULL);
	expect_error(self, ESTALE);
	open_dir(self, ino);
	expect_error(self, ESTALE);
	fs_op_readdir(world_next(self), ino, 4096, 0, NULL);
	expect_error(self, ESTALE);
	expect_missing(self, ino, "a.eml", ESTALE);
	g_assert_cmpuint(look_up(self, top(self), "x"), !=, ino);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/search/links-lead-to-messages", test_links);
	world_add("/fs/search/below-a-folder", test_below_a_folder);
	world_add("/fs/search/nothing-is-listed", test_nothing_is_listed);
	world_add("/fs/search/no-query-is-einval", test_no_query);
	world_add("/fs/search/what-was-found-is-kept", test_kept);
	world_add("/fs/search/server-away", test_away);
	world_add("/fs/search/who-comes-together-asks-together", test_together);
	world_add("/fs/search/by-name-alone", test_by_name_alone);
	world_add("/fs/search/what-is-gone-is-not-shown", test_gone);
	world_add("/fs/search/many-are-forgotten", test_forgotten);
	return g_test_run();
}
