/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fs-world.h"

#include <errno.h>

#include "fs/ahead.h"
#include "fs/budget.h"
#include "fs/contents.h"
#include "fs/control.h"
#include "fs/dir.h"
#include "fs/handle.h"
#include "fs/notify.h"
#include "fs/park.h"
#include "fs/searches.h"
#include "fs/watch.h"
#include "fs/workshop.h"
#include "view/text.h"

static void set_up(World *self, gconstpointer data)
{
	view_init();
	self->config = fs_config_new_default();
	self->config->source = g_strdup("home");
	self->config->url = g_strdup("https://h/e");
	self->config->user = g_strdup("me");
	self->config->mountpoint = g_strdup("/mnt");
	self->config->state_dir = g_strdup("/");
	self->config->uid = 12;
	self->config->gid = 13;
	self->cache = fake_cache_new();
	self->fs.config = self->config;
	self->fs.cache = self->cache;
	self->fs.has_open = true;
	self->fs.budget = fs_budget_new();
	self->fs.park = fs_park_new(self->fs.budget);
	self->fs.watch = fs_watch_new(self->cache);
	self->fs.notify = fs_notify_new(self->cache, self->fs.watch);
	self->fs.control = fs_control_new();
	self->fs.handles = fs_handles_new();
	self->fs.workshop = fs_workshop_new(NULL);
	self->fs.ahead = fs_ahead_new(&self->fs);
	self->fs.contents = fs_contents_new();
	self->fs.zone = g_time_zone_new_local();
	self->fs.searches = fs_searches_new();
	self->req = fake_req_new(&self->fs);
}

static void tear_down(World *self, gconstpointer data)
{
	fs_park_drain(self->fs.park);
	fs_notify_free(self->fs.notify);
	fs_watch_free(self->fs.watch);
	fs_park_free(self->fs.park);
	fs_workshop_stop(self->fs.workshop);
	fs_ahead_stop(self->fs.ahead);
	fs_handles_free(self->fs.handles);
	fs_ahead_free(self->fs.ahead);
	fs_workshop_free(self->fs.workshop);
	fs_shelf_free(self->fs.contents);
	g_time_zone_unref(self->fs.zone);
	fs_control_free(self->fs.control);
	fs_budget_free(self->fs.budget);
	cache_free(self->cache);
	fs_searches_free(self->fs.searches);
	fake_req_free(self->req);
	fs_config_free(self->config);
}

void world_add(const char *path, WorldTest test)
{
	g_test_add(path, World, NULL, set_up, test, tear_down);
}

fuse_req_t world_next(World *self)
{
	fake_req_free(self->req);
	self->req = fake_req_new(&self->fs);
	return self->req;
}

/* --- what many of the tests ask ---------------------------------------------------------- */

fuse_ino_t world_look_up(World *self, fuse_ino_t parent, const char *name)
{
	fs_op_lookup(world_next(self), parent, name);
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ENTRY);
	return self->req->entry.ino;
}

void world_expect_error(World *self, int error)
{
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_ERROR);
	g_assert_cmpint(fake_req_error(self->req), ==, error);
}

void world_expect_missing(World *self, fuse_ino_t parent, const char *name)
{
	fs_op_lookup(world_next(self), parent, name);
	world_expect_error(self, ENOENT);
}

void world_expect_bytes(World *self, const char *wanted)
{
	g_assert_cmpint(fake_req_wait(self->req), ==, FAKE_BYTES);
	g_autofree char *text = fake_req_text(self->req);
	g_assert_cmpstr(text, ==, wanted);
}

CacheNode *world_add_message(World *self, const char *bytes)
{
	fake_cache_add(self->cache, WORLD_DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox")->is_listed =
		true;
	fake_cache_add(self->cache, WORLD_ID, WORLD_DIR, CACHE_KIND_FILE, "a.eml");
	if (bytes != NULL)
		fake_cache_put(self->cache, WORLD_ID, 0, bytes);
	return fake_cache_node(self->cache, WORLD_ID);
}
