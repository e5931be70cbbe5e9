/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * The tree where it is shown flat: which folder is the Inbox is known before there is a tree, every
 * folder is found at whatever depth, and the root's time moves with each of them.
 */

typedef struct Found {
	GPtrArray *names; /* own; of char */
	int64_t last;
} Found;

static bool add_name(const CacheNode *node, void *user)
{
	Found *self = user;
	g_assert_cmpint(node->id, >, self->last);
	g_assert_cmpint(node->kind, ==, CACHE_KIND_DIR);
	self->last = node->id;
	g_ptr_array_add(self->names, g_strdup(node->name));
	return true;
}

static int compare(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

/* @names in order. */
static void assert_dirs(World *world, int64_t after, const char *names)
{
	g_autoptr(GError) error = NULL;
	Found found = {.names = g_ptr_array_new_with_free_func(g_free), .last = after};
	g_assert_true(cache_list_dirs(world->kit.cache, after, add_name, &found, &error));
	g_assert_no_error(error);
	g_ptr_array_sort(found.names, compare);
	g_ptr_array_add(found.names, NULL);
	g_autofree char *line = g_strjoinv(" ", (char **)found.names->pdata);
	g_assert_cmpstr(line, ==, names);
	g_ptr_array_unref(found.names);
}

static void assert_inbox(World *world, int64_t expected)
{
	g_autoptr(GError) error = NULL;
	int64_t node = 0;
	g_assert_true(cache_inbox(world->kit.cache, &node, &error));
	g_assert_no_error(error);
	g_assert_cmpint(node, ==, expected);
}

/* --- which is the Inbox ------------------------------------------------------------------- */

static void test_asked_once(void)
{
	World world = {.kit = {.is_flat = true}};
	world_open(&world);
	fake_folder(world.fake, "inbox", KIT_TOP, "Posteingang");
	/* It is asked again with the rest: without it there is no tree. */
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "refresh: *");
	fake_fail(world.fake, "GetFolder inbox", EWS_ERROR_TLS, 1);
	world_start(&world);
	world_until(&world, 1, "SELECT count(*) FROM folder WHERE folder_id = 'inbox'");
	g_test_assert_expected_messages();
	world_sync_well(&world);
	world_assert_asked(&world, "GetFolder inbox", 2);
	assert_inbox(&world, kit_dir(&world.kit, "inbox"));
	world_remount(&world);
	world_sync_well(&world);
	world_assert_asked(&world, "GetFolder inbox", 2);
	assert_inbox(&world, kit_dir(&world.kit, "inbox"));
	world_close(&world);
}

static void assert_without(World *world, unsigned asked)
{
	world_open(world);
	fake_folder(world->fake, "F4", "F1", "below");
	world_start(world);
	world_sync_well(world);
	world_assert_asked(world, "GetFolder inbox", asked);
	assert_inbox(world, CACHE_ROOT);
	world_close(world);
}

static void test_none(void)
{
	World none = {.kit = {.is_flat = true}};
	World other = {0};
	World archive = {.kit = {.is_flat = true, .is_archive = true}};
	World below = {.kit = {.is_flat = true, .root_path = "F1"}};
	assert_without(&none, 1);
	assert_without(&other, 0);
	assert_without(&archive, 0);
	assert_without(&below, 1);
}

/* The mounted folder itself, and one that is not below it. */
static void test_mounted(void)
{
	World itself = {.kit = {.is_flat = true, .root_path = "Inbox"}};
	world_open(&itself);
	fake_folder(itself.fake, "inbox", KIT_TOP, "Inbox");
	world_start(&itself);
	world_sync_well(&itself);
	assert_inbox(&itself, CACHE_ROOT);
	world_close(&itself);
	World beside = {.kit = {.is_flat = true, .root_path = "F1"}};
	world_open(&beside);
	fake_folder(beside.fake, "inbox", KIT_TOP, "Inbox");
	world_start(&beside);
	world_sync_well(&beside);
	assert_inbox(&beside, CACHE_ROOT);
	world_close(&beside);
}

/* --- all of them -------------------------------------------------------------------------- */

static int64_t root_time(World *world)
{
	g_autoptr(CacheNode) root = kit_get(&world->kit, CACHE_ROOT);
	return root->mtime;
}

static void test_ours(void)
{
	World world = {.kit = {.is_flat = true}};
	int64_t one, two;
	Kit *kit = &world.kit;
	world_set_scene(&world, &one, &two);
	assert_dirs(&world, 0, "F1 F2 F3 deleteditems drafts sentitems");
	int64_t before = root_time(&world);
	int64_t made = pen_mkdir(kit, one, "Made");
	pen_mkdir(kit, made, "Deep");
	pen_mkdir(kit, one, ".scratch");
	assert_dirs(&world, 0, "Deep F1 F2 F3 Made deleteditems drafts sentitems");
	assert_dirs(&world, made, "Deep");
	int64_t after = root_time(&world);
	g_assert_cmpint(after, >, before);
	/* A message moves its own folder's. */
	pen_write(kit, made, "new.eml", PEN_MAIL("new"));
	g_assert_cmpint(root_time(&world), ==, after);
	pen_rename(kit, one, "Made", two, "Moved");
	g_assert_cmpint(root_time(&world), >, after);
	pen_unlink(kit, made, "new.eml");
	after = root_time(&world);
	pen_rmdir(kit, made, "Deep");
	g_assert_cmpint(root_time(&world), >, after);
	world_flush(&world);
	world_sync_well(&world);
	assert_dirs(&world, 0, "F1 F2 F3 Moved deleteditems drafts sentitems");
	pen_rmdir(kit, one, ".scratch");
	world_close_clean(&world);
}

static void test_others(void)
{
	World world = {.kit = {.is_flat = true}};
	world_open(&world);
	fake_folder(world.fake, "F4", "F1", "deep");
	world_start(&world);
	world_sync_well(&world);
	assert_dirs(&world, 0, "F1 F2 F3 deep");
	int64_t before = root_time(&world);
	fake_folder(world.fake, "F4", "F1", "called");
	world_sync_well(&world);
	int64_t after = root_time(&world);
	g_assert_cmpint(after, >, before);
	world_add(&world, "F4", "D.1");
	world_sync_well(&world);
	g_assert_cmpint(root_time(&world), ==, after);
	fake_folder_gone(world.fake, "F4");
	world_sync_well(&world);
	g_assert_cmpint(root_time(&world), >, after);
	assert_dirs(&world, 0, "F1 F2 F3");
	world_close(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/dirs/inbox-is-asked-for-once", test_asked_once);
	g_test_add_func("/cache/dirs/inbox-that-is-not-there", test_none);
	g_test_add_func("/cache/dirs/inbox-is-mounted-or-is-not", test_mounted);
	g_test_add_func("/cache/dirs/own-folders", test_ours);
	g_test_add_func("/cache/dirs/others-folders", test_others);
	return g_test_run();
}
