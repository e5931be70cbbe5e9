/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/queue.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>

#include "ews/error.h"
#include "fs/dir.h"
#include "fs/file.h"
#include "fs/json.h"
#include "tests/unit/fs-world.h"

#define SINCE (INT64_C(1795169700) * G_USEC_PER_SEC) /* 2026-11-20T10:15:00Z */

typedef struct Given {
	CacheQueued queued;
	const char *bytes;
} Given;

static Given given[] = {
	{{.node = 40, .state = CACHE_QUEUED_WAITING, .path = "/Inbox/a b.eml", .since = SINCE},
		"abc"},
	{{.node = 7, .state = CACHE_QUEUED_FAILED, .path = "/Inbox/c\nd.eml", .since = SINCE,
		 .tries = 3, .error = "The mailbox is full.\n\tReally."}, "bytes"},
	{{.node = 9, .state = CACHE_QUEUED_FAILED, .path = "/Inbox/e.eml", .what = "move, update"},
		NULL},
	{{.node = 5, .state = CACHE_QUEUED_MAYBE_SENT, .path = "/.send/f.eml"}, "mail"},
	{{.node = 3, .state = CACHE_QUEUED_SCRATCH, .path = "/Inbox/.x.swp"}, "12"},
};

static void fill(World *self)
{
	for (size_t i = 0; i < G_N_ELEMENTS(given); i++) {
		CacheQueued queued = given[i].queued;
		if (queued.what == NULL)
			queued.what = "create";
		if (given[i].bytes != NULL) {
			fake_cache_add(self->cache, queued.node, CACHE_ROOT, CACHE_KIND_FILE, "-");
			fake_cache_put(self->cache, queued.node, 1, given[i].bytes);
			queued.bytes = (int64_t)strlen(given[i].bytes);
		}
		fake_cache_enqueue(self->cache, &queued);
	}
}

/* A line each, in columns, and nothing that a path or a server says makes it two. */
static void test_text(World *self, gconstpointer data)
{
	fill(self);
	g_autoptr(GPtrArray) queue = cache_queue(self->cache, NULL);
	g_autofree char *text = fs_queue_text(queue);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	g_assert_cmpuint(g_strv_length(lines), ==, 6);
	g_assert_cmpstr(lines[0], ==,
		"waiting    2026-11-20T10:15:00Z   0    40 create      /Inbox/a b.eml");
	g_assert_cmpstr(lines[1], ==,
		"failed     2026-11-20T10:15:00Z   3     7 create      /Inbox/c\\012d.eml"
		"\tThe mailbox is full.\\012\\011Really.");
	g_assert_cmpstr(lines[2], ==, "failed     never                  0     9 move,update "
				      "/Inbox/e.eml");
	g_assert_true(g_str_has_prefix(lines[3], "maybe-sent "));
	g_assert_true(g_str_has_prefix(lines[4], "scratch "));
}

static void test_nothing(World *self, gconstpointer data)
{
	g_autoptr(GPtrArray) queue = cache_queue(self->cache, NULL);
	g_autofree char *text = fs_queue_text(queue);

	g_assert_cmpstr(text, ==, "");
}

static void test_json(World *self, gconstpointer data)
{
	fill(self);
	g_autoptr(GPtrArray) queue = cache_queue(self->cache, NULL);
	g_autofree char *text = fs_queue_json(queue);
	g_autoptr(JsonObject) object = fs_json_parse(text);
	JsonArray *array = json_object_get_array_member(object, "queue");

	g_assert_cmpuint(json_array_get_length(array), ==, 5);
	JsonObject *failed = json_array_get_object_element(array, 1);
	g_assert_cmpint(fs_json_get_number(failed, "id", 0), ==, 7);
	g_assert_cmpint(fs_json_get_number(failed, "bytes", 0), ==, 5);
	g_assert_cmpstr(fs_json_get_text(failed, "state", NULL), ==, "failed");
	g_assert_cmpstr(fs_json_get_text(failed, "path", NULL), ==, "/Inbox/c\nd.eml");
	g_assert_cmpstr(fs_json_get_text(failed, "since", NULL), ==, "2026-11-20T10:15:00Z");
}

/* --- .ewsfs/failed ------------------------------------------------------- */

static fuse_ino_t look_up(World *self, fuse_ino_t parent, const char *name)
{
	fs_op_lookup(world_next(self), parent, name);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ENTRY);
	return self->req->entry.ino;
}

static fuse_ino_t failed(World *self)
{
	return look_up(self, look_up(self, FUSE_ROOT_ID, ".ewsfs"), "failed");
}

static char *read_file(World *self, const char *name)
{
	struct fuse_file_info none = {0};
	fuse_ino_t ino = look_up(self, failed(self), name);

	self->fs.has_open = false;
	fs_op_read(world_next(self), ino, 1 << 20, 0, &none);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_BYTES);
	return fake_req_text(self->req);
}

static void test_listed(World *self, gconstpointer data)
{
	fill(self);
	fuse_ino_t dir = failed(self);
	fs_op_readdirplus(world_next(self), dir, 4096, 0, NULL);
	g_autofree char *all = fake_req_text(self->req);
	g_assert_cmpstr(all, ==, ". 0 1 dir\n.. 0 2 dir\n"
		"5-f.eml 0 13 file\n5-f.eml.txt 0 14 file\n"
		"7-c_d.eml 0 17 file\n7-c_d.eml.txt 0 18 file\n9-e.eml.txt 0 22 file\n");
	/* On from a name that has gone meanwhile. */
	fs_op_readdirplus(world_next(self), dir, 4096, 16, NULL);
	g_autofree char *rest = fake_req_text(self->req);
	g_assert_cmpstr(rest, ==,
		"7-c_d.eml 0 17 file\n7-c_d.eml.txt 0 18 file\n9-e.eml.txt 0 22 file\n");
}

static void test_read(World *self, gconstpointer data)
{
	fill(self);
	g_autofree char *bytes = read_file(self, "7-c_d.eml");
	g_assert_cmpstr(bytes, ==, "bytes");
	g_autofree char *story = read_file(self, "7-c_d.eml.txt");
	g_assert_nonnull(strstr(story, "The mailbox is full."));
	g_assert_nonnull(strstr(story, "ewsfsctl retry 7 "));
	g_assert_nonnull(strstr(story, "ewsfsctl discard 7 "));
	g_autofree char *sent = read_file(self, "5-f.eml.txt");
	g_assert_nonnull(strstr(sent, "may have been sent"));
	g_assert_null(strstr(sent, "retry"));
	fuse_ino_t dir = failed(self);
	fs_op_lookup(world_next(self), dir, "9-e.eml");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	fs_op_lookup(world_next(self), dir, "40-a b.eml");
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
}

/* However long the name was, number and ending are there and the whole fits. */
static void test_long_names(World *self, gconstpointer data)
{
	g_autoptr(GString) path = g_string_new("/Inbox/");

	for (int i = 0; i < 120; i++)
		g_string_append(path, "ä");
	g_string_append(path, ".eml");
	CacheQueued queued = {.node = INT64_MAX / 4, .state = CACHE_QUEUED_FAILED, .bytes = 1};
	queued.path = path->str;
	fake_cache_enqueue(self->cache, &queued);
	g_autoptr(GPtrArray) queue = cache_queue(self->cache, NULL);
	g_autoptr(GPtrArray) files = fs_queue_files(queue);
	const FsQueueFile *bytes = g_ptr_array_index(files, 0);
	const FsQueueFile *story = g_ptr_array_index(files, 1);

	g_assert_true(g_str_has_suffix(bytes->name, "ä.eml"));
	g_assert_true(g_str_has_suffix(story->name, "ä.eml.txt"));
	g_assert_cmpuint(strlen(story->name), <=, 255);
	g_assert_true(g_utf8_validate(story->name, -1, NULL));
}

static void break_queue(World *self)
{
	fake_cache_refuse(self->cache, EWS_ERROR_LOCAL);
	g_test_expect_message("fs", G_LOG_LEVEL_WARNING, "*refused*");
}

/* An index that cannot be read is an error, not an empty queue. */
static void test_broken(World *self, gconstpointer data)
{
	fuse_ino_t dir = look_up(self, FUSE_ROOT_ID, ".ewsfs");
	fuse_ino_t below = failed(self);

	break_queue(self);
	fs_op_lookup(world_next(self), dir, "queue");
	g_assert_cmpint(fake_req_error(self->req), ==, EIO);
	break_queue(self);
	fs_op_readdir(world_next(self), below, 4096, 0, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, EIO);
	break_queue(self);
	fs_op_lookup(world_next(self), below, "7-x");
	g_assert_cmpint(fake_req_error(self->req), ==, EIO);
	g_test_assert_expected_messages();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/queue/a-line-each", test_text);
	world_add("/fs/queue/nothing-is-nothing", test_nothing);
	world_add("/fs/queue/json-is-json", test_json);
	world_add("/fs/queue/failed-ones-are-listed", test_listed);
	world_add("/fs/queue/failed-ones-can-be-read", test_read);
	world_add("/fs/queue/long-names-fit", test_long_names);
	world_add("/fs/queue/what-cannot-be-read-is-an-error", test_broken);
	return g_test_run();
}
