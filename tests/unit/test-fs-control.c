/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/control.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "fs/attr.h"
#include "fs/dir.h"
#include "fs/file.h"
#include "fs/inode.h"
#include "tests/unit/fs-world.h"

static fuse_ino_t look_up(World *self, fuse_ino_t parent, const char *name)
{
	fs_op_lookup(world_next(self), parent, name);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	return self->req->entry.ino;
}

static fuse_ino_t directory(World *self)
{
	return look_up(self, FUSE_ROOT_ID, ".ewsfs");
}

static char *read_by_number(World *self, fuse_ino_t ino)
{
	struct fuse_file_info none = {0};

	fs_op_read(world_next(self), ino, 1 << 20, 0, &none);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
	return fake_req_text(self->req);
}

static void test_hidden(World *self, gconstpointer data)
{
	fs_op_readdir(world_next(self), FUSE_ROOT_ID, 4096, 0, NULL);
	g_autofree char *root = fake_req_text(self->req);
	g_assert_cmpstr(root, ==, ". 1001 1 dir\n.. 1001 2 dir\n");

	fuse_ino_t ino = directory(self);
	g_assert_true(fs_inode_is_hidden(ino));
	g_assert_cmpuint(self->req->entry.attr.st_ino, >, INT64_MAX);
	fs_op_readdirplus(world_next(self), ino, 4096, 0, NULL);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, ". 0 1 dir\n.. 0 2 dir\nstatus 0 3 file\nstatus.json 0 4 file\n"
		"queue 0 5 file\nqueue.json 0 6 file\nfailed 0 7 dir\n");
	fs_op_lookup(world_next(self), ino, "nonsense");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	fuse_ino_t failed = look_up(self, ino, "failed");
	fs_op_lookup(world_next(self), failed, "status");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
}

static void test_snapshots(World *self, gconstpointer data)
{
	fuse_ino_t first = look_up(self, directory(self), "status");
	off_t size = self->req->entry.attr.st_size;

	g_assert_cmpfloat(self->req->entry.entry_timeout, ==, 0);
	g_assert_cmpfloat(self->req->entry.attr_timeout, ==, 0);
	g_assert_cmpuint(look_up(self, directory(self), "status"), !=, first);
	self->fs.has_open = false;
	g_autofree char *text = read_by_number(self, first);
	g_assert_cmpint((off_t)strlen(text), ==, size);
	g_assert_nonnull(strstr(text, "me at https://h/e"));
	fs_op_getattr(world_next(self), first, NULL);
	g_assert_cmpint(self->req->attr.st_size, ==, size);
}

/* With OPEN the snapshot stays as long as it is open; without, as long as there is room. */
static void test_forgotten(World *self, gconstpointer data)
{
	fuse_ino_t dir = directory(self);
	fuse_ino_t held = look_up(self, dir, "status");
	struct fuse_file_info info = {.flags = O_RDONLY};

	fs_op_open(world_next(self), held, &info);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_OPEN);
	info = self->req->info;
	g_assert_true(info.direct_io);
	for (int i = 0; i < 100; i++)
		look_up(self, dir, "status.json");
	fs_op_read(world_next(self), held, 5, 0, &info);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, "ewsfs");
	fs_op_release(world_next(self), held, &info);
	fs_op_getattr(world_next(self), held, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	self->fs.has_open = false;
	fs_op_read(world_next(self), held, 5, 0, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
}

static void test_json(World *self, gconstpointer data)
{
	fuse_ino_t ino = look_up(self, directory(self), "status.json");
	g_autoptr(JsonParser) parser = json_parser_new();

	self->fs.has_open = false;
	g_autofree char *text = read_by_number(self, ino);
	g_assert_true(json_parser_load_from_data(parser, text, -1, NULL));
	JsonObject *object = json_node_get_object(json_parser_get_root(parser));
	g_assert_cmpstr(json_object_get_string_member(object, "source"), ==, "home");
	g_assert_cmpint(json_object_get_int_member(object, "seconds_left"), ==, -1);
	g_assert_true(json_object_get_null_member(object, "refreshed_at"));
}

static void test_readonly(World *self, gconstpointer data)
{
	fuse_ino_t ino = look_up(self, directory(self), "queue");
	struct fuse_file_info info = {.flags = O_WRONLY};

	fs_op_open(world_next(self), ino, &info);
	g_assert_cmpint(fake_req_error(self->req), ==, EROFS);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/control/not-listed-but-there", test_hidden);
	world_add("/fs/control/every-lookup-is-a-snapshot", test_snapshots);
	world_add("/fs/control/old-snapshots-go-unless-open", test_forgotten);
	world_add("/fs/control/json-is-json", test_json);
	world_add("/fs/control/cannot-be-written", test_readonly);
	return g_test_run();
}
