/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "ews/error.h"
#include "tests/unit/test-cache-pen.h"
#include "tests/unit/test-cache-world.h"

/*
 * Directories whose CreateFolder got no answer, and what is asked for before it is known whether
 * they were made. settle= is one second here.
 */

static Kit *kit;
static int64_t one, two;

static void set_up(World *world, gconstpointer data)
{
	kit = &world->kit;
	world_set_scene(world, &one, &two);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close_clean(world);
}

static int64_t lose_mkdir(World *world, bool was_made)
{
	int64_t box = pen_mkdir(kit, one, "Box");
	fake_lose(world->fake, "CreateFolder", was_made, 1);
	world_until(world, 1, "SELECT tries FROM intent");
	return box;
}

static void assert_folders(World *world, int64_t box, int64_t dir, const char *name,
	const char *names)
{
	world_flush(world);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, dir, name), ==, box);
	pen_assert_ls(kit, dir, names);
	/* As a new start sees it, which knows of nothing but the server. */
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM folder WHERE node > 0 AND is_shown"
				     " AND display_name IN ('Box', 'Crate')"),
		==, 1);
	g_assert_cmpint(kit_int(kit, "SELECT display_name = %Q FROM folder WHERE node = %lld", name,
				box),
		==, 1);
}

static void rename_dir(World *world, bool was_made)
{
	int64_t box = lose_mkdir(world, was_made);
	pen_rename(kit, one, "Box", one, "Crate");
	assert_folders(world, box, one, "Crate", "a.eml b.eml Crate");
}

static void test_dir_renamed(World *world, gconstpointer data)
{
	rename_dir(world, true);
}

static void test_dir_not_made_and_renamed(World *world, gconstpointer data)
{
	rename_dir(world, false);
}

/* There and back: nothing more is to be said. */
static void test_dir_renamed_back(World *world, gconstpointer data)
{
	int64_t box = lose_mkdir(world, true);
	pen_rename(kit, one, "Box", one, "Crate");
	pen_rename(kit, one, "Crate", one, "Box");
	assert_folders(world, box, one, "Box", "a.eml b.eml Box");
	world_assert_asked(world, "UpdateFolder", 0);
}

/* Refused without a doubt: it is made under the name that it has by then. */
static void test_dir_refused_and_renamed(World *world, gconstpointer data)
{
	int64_t box = pen_mkdir(kit, one, "Box");
	fake_fail(world->fake, "CreateFolder", EWS_ERROR_BUSY, 1);
	world_until(world, 1, "SELECT tries FROM intent");
	pen_rename(kit, one, "Box", one, "Crate");
	assert_folders(world, box, one, "Crate", "a.eml b.eml Crate");
	world_assert_asked(world, "UpdateFolder", 0);
}

static void move_dir(World *world, bool was_made)
{
	int64_t box = lose_mkdir(world, was_made);
	pen_rename(kit, one, "Box", two, "Crate");
	pen_write(kit, box, "new.eml", PEN_MAIL("new"));
	assert_folders(world, box, two, "Crate", "Crate");
	world_assert_ls(world, "F1", "a.eml b.eml");
	pen_assert_ls(kit, box, "new.eml");
}

static void test_dir_moved(World *world, gconstpointer data)
{
	move_dir(world, true);
}

static void test_dir_not_made_and_moved(World *world, gconstpointer data)
{
	move_dir(world, false);
}

/* Its name is given to another before it is known what became of it. */
static void test_dir_name_taken(World *world, gconstpointer data)
{
	int64_t box = lose_mkdir(world, true);
	pen_rename(kit, one, "Box", one, "Crate");
	int64_t other = pen_mkdir(kit, one, "Box");
	pen_write(kit, box, "first.eml", PEN_MAIL("first"));
	pen_write(kit, other, "second.eml", PEN_MAIL("second"));
	world_flush(world);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, one, "Crate"), ==, box);
	g_assert_cmpint(pen_find(kit, one, "Box"), ==, other);
	pen_assert_ls(kit, one, "a.eml b.eml Crate Box");
	pen_assert_ls(kit, box, "first.eml");
	pen_assert_ls(kit, other, "second.eml");
}

/* Its new name is free only when another has left it, which takes longer. */
static void test_dir_follows(World *world, gconstpointer data)
{
	int64_t box = pen_mkdir(kit, one, "Box");
	int64_t crate = pen_mkdir(kit, one, "Crate");
	world_flush(world);
	fake_fail(world->fake, "UpdateFolder", EWS_ERROR_BUSY, 1);
	pen_rename(kit, one, "Box", one, "Case");
	pen_rename(kit, one, "Crate", one, "Box");
	world_flush(world);
	world_sync_well(world);
	g_assert_cmpint(pen_find(kit, one, "Case"), ==, box);
	g_assert_cmpint(pen_find(kit, one, "Box"), ==, crate);
}

static void remove_dir(World *world, bool was_made)
{
	lose_mkdir(world, was_made);
	pen_rmdir(kit, one, "Box");
	world_flush(world);
	world_sync_well(world);
	pen_assert_ls(kit, one, "a.eml b.eml");
	world_assert_asked(world, "CreateFolder", 1);
	world_assert_asked(world, "DeleteFolder", was_made ? 1 : 0);
}

static void test_dir_removed(World *world, gconstpointer data)
{
	remove_dir(world, true);
}

static void test_dir_not_made_and_removed(World *world, gconstpointer data)
{
	remove_dir(world, false);
}

/* What it was made in is removed too, as soon as it has left. */
static void leave_dir(World *world, bool is_removed)
{
	int64_t box = pen_mkdir(kit, one, "Outer");
	world_fsync_well(world, box);
	pen_mkdir(kit, box, "Box");
	fake_lose(world->fake, "CreateFolder", true, 1);
	world_until(world, 1, "SELECT tries FROM intent");
	if (is_removed)
		pen_rmdir(kit, box, "Box");
	else
		pen_rename(kit, box, "Box", two, "Box");
	pen_rmdir(kit, one, "Outer");
	world_flush(world);
	world_sync_well(world);
	pen_assert_ls(kit, one, "a.eml b.eml");
	pen_assert_ls(kit, two, is_removed ? "" : "Box");
}

static void test_dir_left(World *world, gconstpointer data)
{
	leave_dir(world, false);
}

static void test_dir_removed_within(World *world, gconstpointer data)
{
	leave_dir(world, true);
}

/* The program is killed while it is being made. */
static void test_dir_killed_and_renamed(World *world, gconstpointer data)
{
	fake_hold(world->fake, "CreateFolder");
	int64_t box = pen_mkdir(kit, one, "Box");
	fake_await_held(world->fake, 1);
	pen_rename(kit, one, "Box", one, "Crate");
	fake_folder(world->fake, "BOX", "F1", "Box");
	world_remount(world);
	one = kit_dir(kit, "F1");
	assert_folders(world, box, one, "Crate", "a.eml b.eml Crate");
}

#define ADD(path, test) g_test_add("/cache/mkdir/" path, World, NULL, set_up, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("renamed", test_dir_renamed);
	ADD("not-made-and-renamed", test_dir_not_made_and_renamed);
	ADD("renamed-back", test_dir_renamed_back);
	ADD("refused-and-renamed", test_dir_refused_and_renamed);
	ADD("moved", test_dir_moved);
	ADD("not-made-and-moved", test_dir_not_made_and_moved);
	ADD("name-taken", test_dir_name_taken);
	ADD("follows", test_dir_follows);
	ADD("removed", test_dir_removed);
	ADD("not-made-and-removed", test_dir_not_made_and_removed);
	ADD("left", test_dir_left);
	ADD("removed-within", test_dir_removed_within);
	ADD("killed-and-renamed", test_dir_killed_and_renamed);
	return g_test_run();
}
