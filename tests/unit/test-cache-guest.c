/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * A mailbox that is not the account's own: whose index it is, how it is entered, and what is
 * deleted there.
 */

#define ADA "ada@example.org"

static void remove_name(World *world, const char *folder_id, const char *name)
{
	g_autoptr(GError) error = NULL;
	int64_t dir = kit_dir(&world->kit, folder_id);
	g_assert_true(cache_unlink(world->kit.cache, dir, name, &error));
	g_assert_no_error(error);
}

static void test_deletes_are_moves(void)
{
	World world = {.kit = {.mailbox = ADA, .is_guest = true}};
	world_open_to_write(&world);
	world_put(&world, "F1", "A", "a.eml");
	world_put(&world, "deleteditems", "D", "d.eml");
	world_start_to_write(&world);
	int64_t id = world_find(&world, "F1", "a.eml");
	remove_name(&world, "F1", "a.eml");
	world_fsync_well(&world, kit_dir(&world.kit, "F1"));
	world_assert_calls(&world, "MoveItem 1");
	world_assert_asked(&world, "MoveItem A deleteditems", 1);
	/* There it is the same file, and to delete it there is to delete it. */
	world_sync_well(&world);
	g_assert_cmpint(world_find(&world, "deleteditems", "a.eml"), ==, id);
	fake_forget_lines(world.fake);
	remove_name(&world, "deleteditems", "d.eml");
	world_fsync_well(&world, kit_dir(&world.kit, "deleteditems"));
	world_assert_calls(&world, "DeleteItem 1");
	world_close_clean(&world);
}

/* The answer of a move is lost: said once more, it finds nothing, and that is what was wanted. */
static void test_lost_delete(void)
{
	World world = {.kit = {.mailbox = ADA, .is_guest = true}};
	world_open_to_write(&world);
	world_put(&world, "F1", "A", "a.eml");
	world_start_to_write(&world);
	fake_lose(world.fake, "MoveItem A", true, 1);
	remove_name(&world, "F1", "a.eml");
	world_flush(&world);
	world_sync_well(&world);
	world_assert_ls(&world, "F1", "");
	world_assert_ls(&world, "deleteditems", "a.eml");
	world_close_clean(&world);
}

static void test_archive(void)
{
	World world = {.kit = {.is_archive = true}};
	world_open_to_write(&world);
	world_put(&world, "F1", "A", "a.eml");
	world_start(&world);
	world_sync_well(&world);
	world_until(&world, 1, "SELECT count(*) FROM distinguished");
	remove_name(&world, "F1", "a.eml");
	world_fsync_well(&world, kit_dir(&world.kit, "F1"));
	world_assert_asked(&world, "MoveItem A deleteditems", 1);
	world_assert_asked(&world, "GetFolder drafts", 0);
	world_close_clean(&world);
}

static void test_name(void)
{
	World world = {.kit = {.mailbox = "alias@example.org", .is_guest = true}};
	world_open(&world);
	g_autofree char *before = cache_mailbox(world.kit.cache);
	g_assert_null(before);
	cache_set_mailbox(world.kit.cache, "Ada@example.org");
	world_start(&world);
	world_sync_well(&world);
	world_assert_asked(&world, "ResolveNames", 0);
	g_autofree char *after = cache_mailbox(world.kit.cache);
	g_assert_cmpstr(after, ==, ADA);
	world_close(&world);
}

static void refuse(const Kit *kit, CacheConfig config)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *state = g_build_filename(kit->dir, "state", NULL);
	g_autofree char *blobs = g_build_filename(kit->dir, "cache", NULL);
	config.state_dir = state;
	config.cache_dir = blobs;
	config.server = "https://example.org/EWS/Exchange.asmx";
	config.account = "owner";
	config.root_path = "";
	Cache *cache = cache_open(&config, &error);
	g_assert_null(cache);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	g_assert_nonnull(strstr(error->message, "mailbox " ADA));
}

static void test_whose_index(void)
{
	Kit kit = {.mailbox = ADA, .is_guest = true};
	kit_open(&kit);
	kit_reopen(&kit);
	cache_stop(kit.cache);
	cache_free(kit.cache);
	refuse(&kit, (CacheConfig){0});
	refuse(&kit, (CacheConfig){.mailbox = "bob@example.org", .is_guest = true});
	refuse(&kit, (CacheConfig){.is_archive = true});
	CacheConfig none = {0};
	g_autofree char *state = g_build_filename(kit.dir, "again", NULL);
	g_autofree char *blobs = g_build_filename(kit.dir, "cache", NULL);
	none.state_dir = state;
	none.cache_dir = blobs;
	none.account = "owner";
	kit.cache = cache_open(&none, NULL);
	kit_close(&kit);
}

static void test_entry(void)
{
	Kit kit = {.mailbox = ADA, .is_guest = true, .root_path = "Inbox/Deep/Down"};
	kit_open(&kit);
	g_assert_cmpstr(cache_entry(kit.cache), ==, "msgfolderroot");
	g_assert_cmpstr(kit.cache->below, ==, "Inbox/Deep/Down");
	cache_set_entry(kit.cache, "inbox");
	g_assert_cmpstr(cache_entry(kit.cache), ==, "inbox");
	g_assert_cmpstr(kit.cache->below, ==, "Deep/Down");
	kit_close(&kit);
}

static void test_entry_is_mounted(void)
{
	World world = {.kit = {.mailbox = ADA, .is_guest = true, .root_path = "Inbox"}};
	world_open(&world);
	fake_folder(world.fake, "inbox", "", "Inbox");
	fake_folder(world.fake, "S", "inbox", "Sub");
	world_add(&world, "inbox", "I.1");
	world_add(&world, "S", "S.1");
	cache_set_entry(world.kit.cache, "inbox");
	world_start(&world);
	world_sync_well(&world);
	world_assert_items(&world, "inbox", "I.1", NULL);
	world_assert_items(&world, "S", "S.1", NULL);
	g_assert_cmpint(kit_dir(&world.kit, "inbox"), ==, CACHE_ROOT);
	world_remount(&world);
	g_assert_cmpstr(cache_entry(world.kit.cache), ==, "inbox");
	world_close(&world);
}

static void test_news(void)
{
	World world = {.kit = {.mailbox = ADA, .is_guest = true}};
	world_open(&world);
	world_start(&world);
	world_sync_well(&world);
	g_autofree char *first = fake_line(world.fake, "WatchFolders", 0);
	g_assert_cmpstr(first, ==, "WatchFolders F1 F2 F3 top");
	fake_forget_lines(world.fake);
	fake_folder(world.fake, "F4", "F1", "new");
	fake_folder_gone(world.fake, "F2");
	world_sync_well(&world);
	g_autofree char *second = fake_line(world.fake, "WatchFolders", 0);
	g_assert_cmpstr(second, ==, "WatchFolders F1 F3 F4 top");
	world_close(&world);
	/* Of one's own mailbox all folders are told of. */
	World own = {0};
	world_open(&own);
	world_start(&own);
	world_sync_well(&own);
	world_assert_asked(&own, "WatchFolders", 0);
	world_close(&own);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/guest/deletes-are-moves", test_deletes_are_moves);
	g_test_add_func("/cache/guest/lost-delete", test_lost_delete);
	g_test_add_func("/cache/guest/archive", test_archive);
	g_test_add_func("/cache/guest/name", test_name);
	g_test_add_func("/cache/guest/whose-index", test_whose_index);
	g_test_add_func("/cache/guest/entry", test_entry);
	g_test_add_func("/cache/guest/entry-is-mounted", test_entry_is_mounted);
	g_test_add_func("/cache/guest/news", test_news);
	return g_test_run();
}
