/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * Trouble on the way to the server says nothing about the mailbox. Here the certificate is somebody
 * else's for one request, as a captive portal's is: nothing is concluded from that, or remembered.
 */

static void set_up(World *world, gconstpointer data)
{
	world_open_to_write(world);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close(world);
}

/* Inode numbers are made of the mailbox: a wrong name for it would be for ever. */
static void test_whose_mailbox(World *world, gconstpointer data)
{
	g_test_expect_message("cache", G_LOG_LEVEL_WARNING, "refresh: *");
	fake_fail(world->fake, "ResolveNames", EWS_ERROR_TLS, 1);
	world_start(world);
	world_until(world, 1, "SELECT count(*) FROM meta WHERE key = 'mailbox'");
	g_test_assert_expected_messages();
	g_autofree char *mailbox =
		kit_text(&world->kit, "SELECT value FROM meta WHERE key = 'mailbox'");
	g_assert_cmpstr(mailbox, ==, KIT_MAILBOX);
}

/* A folder that could not be asked for is not one that the mailbox does not have. */
static void test_distinguished(World *world, gconstpointer data)
{
	fake_fail(world->fake, "GetFolder deleteditems", EWS_ERROR_TLS, 1);
	world_start_to_write(world);
	world_until(world, 1, "SELECT count(*) FROM distinguished WHERE name = 'deleteditems'");
}

static void test_left_behind(World *world, gconstpointer data)
{
	Kit *kit = &world->kit;
	world_start_to_write(world);
	g_autoptr(EwsItem) item = kit_make_item("D", "D");
	g_free(item->file_name);
	item->file_name = g_strdup("d.eml");
	item->is_draft = true;
	fake_item(world->fake, "drafts", item, PEN_MAIL("d"));
	world_sync_well(world);
	fake_leave_drafts(world->fake);
	fake_fail(world->fake, "MoveItem", EWS_ERROR_TLS, 1);
	pen_rename(kit, kit_dir(kit, "drafts"), "d.eml", pen_find(kit, CACHE_ROOT, CACHE_SEND_NAME),
		"d.eml");
	world_flush(world);
	/* It is tried again, a minute later. */
	world_until(world, 1, "SELECT count(*) FROM sent WHERE look_at > since + 30000000");
	world_sync_well(world);
	world_assert_asked(world, "MoveItem", 1);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM sent"), ==, 1);
	world_assert_ls(world, "drafts", "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, test) g_test_add("/cache/way/" claim, World, NULL, set_up, test, tear_down)
	ADD("whose-mailbox-it-is-is-asked-again", test_whose_mailbox);
	ADD("distinguished-folders-are-asked-for-again", test_distinguished);
	ADD("what-was-sent-is-moved-later", test_left_behind);
#undef ADD
	return g_test_run();
}
