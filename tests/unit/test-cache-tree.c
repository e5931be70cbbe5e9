/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/sync.h"
#include "cache/tree.h"
#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * Directories from rows of folders, in whatever order the server tells of them.
 */

static void set_up(Kit *kit, gconstpointer data)
{
	kit->root_path = data;
	kit_open(kit);
}

static void tear_down(Kit *kit, gconstpointer data)
{
	kit_check(kit);
	kit_close(kit);
}

static void say(Kit *kit, const char *id, const char *parent, const char *name)
{
	kit_say_folder(kit, EWS_CHANGE_CREATE, kit_make_folder(id, parent, name));
}

/* "NAME in PARENT's node", or "" when the folder has no place. */
static void assert_place(Kit *kit, const char *id, const char *parent, const char *name)
{
	g_autoptr(CacheNode) node = kit_get(kit, kit_dir(kit, id));
	int64_t above = strcmp(parent, KIT_TOP) == 0 ? CACHE_ROOT : kit_dir(kit, parent);
	g_assert_cmpint(node->parent, ==, above);
	g_assert_cmpstr(node->name, ==, name);
	g_assert_cmpint(node->kind, ==, CACHE_KIND_DIR);
}

static void assert_nowhere(Kit *kit, const char *id)
{
	g_assert_cmpint(kit_dir(kit, id), ==, 0);
}

static void test_children_first(Kit *kit, gconstpointer data)
{
	say(kit, "C", "B", "c");
	say(kit, "B", "A", "b");
	kit_lay_out(kit);
	assert_nowhere(kit, "C");
	say(kit, "A", KIT_TOP, "a");
	kit_lay_out(kit);
	assert_place(kit, "A", KIT_TOP, "a");
	assert_place(kit, "B", "A", "b");
	assert_place(kit, "C", "B", "c");
	g_autoptr(CacheNode) root = kit_get(kit, CACHE_ROOT);
	g_assert_cmpuint(root->subdirs, ==, 1);
}

static void test_rename_and_move(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder(kit, "B", KIT_TOP, "b");
	kit_folder(kit, "C", "A", "c");
	int64_t a = kit_dir(kit, "A");
	int64_t c = kit_dir(kit, "C");
	g_autoptr(CacheNode) before = kit_get(kit, c);
	kit_forget_changes(kit);
	kit_folder(kit, "A", KIT_TOP, "x");
	assert_place(kit, "A", KIT_TOP, "x");
	g_assert_cmpint(kit_dir(kit, "A"), ==, a);
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_GONE, a));
	kit_folder(kit, "C", "B", "c");
	assert_place(kit, "C", "B", "c");
	g_assert_cmpint(kit_dir(kit, "C"), ==, c);
	g_autoptr(CacheNode) after = kit_get(kit, c);
	g_assert_cmpuint(after->ino, ==, before->ino);
}

static void test_swap(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder(kit, "B", KIT_TOP, "b");
	kit_folder(kit, "C", KIT_TOP, "c");
	int64_t a = kit_dir(kit, "A");
	int64_t b = kit_dir(kit, "B");
	say(kit, "A", KIT_TOP, "b");
	say(kit, "B", KIT_TOP, "c");
	say(kit, "C", KIT_TOP, "a");
	kit_lay_out(kit);
	assert_place(kit, "A", KIT_TOP, "b");
	assert_place(kit, "B", KIT_TOP, "c");
	assert_place(kit, "C", KIT_TOP, "a");
	g_assert_cmpint(kit_dir(kit, "A"), ==, a);
	g_assert_cmpint(kit_dir(kit, "B"), ==, b);
}

/* A folder takes the place of its own parent, and the parent goes below it. */
static void test_turn_over(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "x");
	kit_folder(kit, "B", "A", "x");
	int64_t a = kit_dir(kit, "A");
	say(kit, "B", KIT_TOP, "x");
	say(kit, "A", "B", "x");
	kit_lay_out(kit);
	assert_place(kit, "B", KIT_TOP, "x");
	assert_place(kit, "A", "B", "x");
	g_assert_cmpint(kit_dir(kit, "A"), ==, a);
}

static void test_cycle(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder(kit, "B", "A", "b");
	say(kit, "A", "B", "a");
	say(kit, "S", "S", "self");
	kit_lay_out(kit);
	assert_nowhere(kit, "A");
	assert_nowhere(kit, "B");
	assert_nowhere(kit, "S");
	kit_folder(kit, "A", KIT_TOP, "a");
	assert_place(kit, "B", "A", "b");
}

static void test_hidden(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder(kit, "B", "A", "b");
	EwsFolder *hidden = kit_make_folder("A", KIT_TOP, "a");
	hidden->is_hidden = true;
	kit_say_folder(kit, EWS_CHANGE_UPDATE, hidden);
	EwsFolder *search = kit_make_folder("S", KIT_TOP, "s");
	search->is_search = true;
	kit_say_folder(kit, EWS_CHANGE_CREATE, search);
	kit_lay_out(kit);
	assert_nowhere(kit, "A");
	assert_nowhere(kit, "B");
	assert_nowhere(kit, "S");
	kit_folder(kit, "A", KIT_TOP, "a");
	assert_place(kit, "A", KIT_TOP, "a");
	assert_place(kit, "B", "A", "b");
}

static void test_deep(Kit *kit, gconstpointer data)
{
	say(kit, "0", KIT_TOP, "0");
	for (int i = 1; i < 200; i++) {
		g_autofree char *id = g_strdup_printf("%d", i);
		g_autofree char *parent = g_strdup_printf("%d", i - 1);
		say(kit, id, parent, id);
	}
	kit_lay_out(kit);
	assert_place(kit, "100", "99", "100");
	assert_nowhere(kit, "150");
}

static void test_same_names(Kit *kit, gconstpointer data)
{
	say(kit, "B", KIT_TOP, "same");
	say(kit, "A", KIT_TOP, "same");
	kit_lay_out(kit);
	assert_place(kit, "A", KIT_TOP, "same");
	g_autoptr(CacheNode) b = kit_get(kit, kit_dir(kit, "B"));
	g_assert_true(g_str_has_prefix(b->name, "same."));
	/* A third that bears the second's name, on purpose. */
	say(kit, "C", KIT_TOP, b->name);
	say(kit, "0", KIT_TOP, b->name);
	kit_lay_out(kit);
	g_assert_cmpint(kit_dir(kit, "A"), !=, 0);
	g_assert_cmpint(kit_dir(kit, "B"), !=, 0);
	g_assert_cmpint(kit_dir(kit, "C"), !=, 0);
	g_assert_cmpint(kit_dir(kit, "0"), !=, 0);
	g_autoptr(CacheNode) root = kit_get(kit, CACHE_ROOT);
	g_assert_cmpuint(root->subdirs, ==, 4);
}

/* A newcomer whose name sorts first does not take a name that was seen. */
static void test_names_stay(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "M", KIT_TOP, "same");
	kit_folder(kit, "A", KIT_TOP, "same");
	assert_place(kit, "M", KIT_TOP, "same");
	g_autoptr(CacheNode) a = kit_get(kit, kit_dir(kit, "A"));
	g_assert_cmpstr(a->name, !=, "same");
	kit_folder(kit, "0", KIT_TOP, "same");
	assert_place(kit, "M", KIT_TOP, "same");
	assert_place(kit, "A", KIT_TOP, a->name);
}

/* A message may bear the name that a folder gets: the folder's is the one that counts, and the
 * message keeps a message's name. */
static void test_item_in_the_way(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	g_autoptr(EwsItem) item = kit_make_item("I", "ki");
	item->file_name = g_strdup("report.eml");
	kit_say(kit, "A", EWS_CHANGE_CREATE, item);
	kit_forget_changes(kit);
	kit_folder(kit, "B", "A", "report.eml");
	assert_place(kit, "B", "A", "report.eml");
	g_autoptr(CacheNode) node = kit_get(kit, kit_node(kit, "I"));
	g_assert_cmpint(node->parent, ==, kit_dir(kit, "A"));
	g_assert_true(g_str_has_prefix(node->name, "report."));
	g_assert_true(g_str_has_suffix(node->name, ".eml"));
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_GONE, node->id));
}

static void test_removed(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder(kit, "B", KIT_TOP, "b");
	g_autoptr(EwsItem) moved = kit_make_item("I", "ki");
	g_autoptr(EwsItem) lost = kit_make_item("J", "kj");
	kit_say(kit, "A", EWS_CHANGE_CREATE, moved);
	kit_say(kit, "A", EWS_CHANGE_CREATE, lost);
	int64_t id = kit_node(kit, "I");
	int64_t dir = kit_dir(kit, "A");
	kit_store(kit, id, "bytes");
	kit_store(kit, kit_node(kit, "J"), "lost");
	kit_forget_changes(kit);
	kit_folder_gone(kit, "A");
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_GONE, dir));
	g_assert_cmpint(kit_node(kit, "I"), ==, 0);
	/* One of its items had been moved out before. */
	g_free(moved->id);
	moved->id = g_strdup("I2");
	kit_say(kit, "B", EWS_CHANGE_CREATE, moved);
	g_assert_cmpint(kit_node(kit, "I2"), ==, id);
	kit_settle(kit);
	kit_settle(kit);
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==, 5);
	kit_reopen(kit);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node WHERE state > 0"), ==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM folder WHERE folder_id = 'A'"), ==, 0);
}

static void test_removed_unknown(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder_gone(kit, "nobody");
	kit_folder_gone(kit, "A");
	kit_folder_gone(kit, "A");
	assert_nowhere(kit, "A");
}

/* A folder that is hidden for a while comes back, and its items with it. */
static void test_comes_back(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	g_autoptr(EwsItem) item = kit_make_item("I", "ki");
	kit_say(kit, "A", EWS_CHANGE_CREATE, item);
	kit_list(kit, "A");
	int64_t id = kit_node(kit, "I");
	g_autoptr(CacheNode) before = kit_get(kit, kit_dir(kit, "A"));
	kit_store(kit, id, "bytes");
	EwsFolder *hidden = kit_make_folder("A", KIT_TOP, "a");
	hidden->is_hidden = true;
	kit_say_folder(kit, EWS_CHANGE_UPDATE, hidden);
	kit_lay_out(kit);
	kit_folder(kit, "A", KIT_TOP, "a");
	g_autoptr(CacheNode) after = kit_get(kit, kit_dir(kit, "A"));
	g_assert_cmpuint(after->ino, ==, before->ino);
	g_assert_false(after->is_listed);
	g_assert_cmpint(kit_int(kit, "SELECT sync_state IS NULL FROM folder WHERE folder_id = 'A'"),
		==, 1);
	kit_say(kit, "A", EWS_CHANGE_CREATE, item);
	g_assert_cmpint(kit_node(kit, "I"), ==, id);
	g_autofree char *bytes = kit_read(kit, id);
	g_assert_cmpstr(bytes, ==, "bytes");
}

/* A full hierarchy takes away what it does not name, also when the last one, of an earlier mount,
 * had the same number. */
static void test_full_sweep(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder(kit, "B", KIT_TOP, "b");
	kit_reopen(kit);
	g_assert_cmpint(kit->round, ==, 1);
	say(kit, "A", KIT_TOP, "a");
	CacheConn *conn = cache_sync_begin(kit->cache, &error);
	g_assert_true(cache_tree_sweep(conn, kit->round, &error));
	g_assert_true(cache_sync_commit(kit->cache, &error));
	kit_lay_out(kit);
	assert_place(kit, "A", KIT_TOP, "a");
	assert_nowhere(kit, "B");
	/* And the top itself is not what no hierarchy names. */
	g_assert_cmpint(kit_dir(kit, KIT_TOP), ==, CACHE_ROOT);
	g_assert_cmpint(kit_int(kit, "SELECT is_shown FROM folder WHERE folder_id = %Q", KIT_TOP),
		==, 1);
}

static void test_rights(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	g_autoptr(EwsItem) item = kit_make_item("I", "ki");
	kit_say(kit, "A", EWS_CHANGE_CREATE, item);
	EwsFolder *folder = kit_make_folder("A", KIT_TOP, "a");
	folder->rights = EWS_RIGHT_READ;
	kit_forget_changes(kit);
	kit_say_folder(kit, EWS_CHANGE_UPDATE, folder);
	kit_lay_out(kit);
	g_autoptr(CacheNode) dir = kit_get(kit, kit_dir(kit, "A"));
	g_autoptr(CacheNode) node = kit_get(kit, kit_node(kit, "I"));
	g_assert_cmpuint(dir->rights, ==, EWS_RIGHT_READ);
	g_assert_cmpuint(node->rights, ==, EWS_RIGHT_READ);
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_ATTRIBUTES, dir->id));
}

static void test_quiet(Kit *kit, gconstpointer data)
{
	kit_folder(kit, "A", KIT_TOP, "a");
	kit_folder(kit, "B", "A", "a/b");
	kit_forget_changes(kit);
	kit_lay_out(kit);
	say(kit, "B", "A", "a/b");
	kit_lay_out(kit);
	g_assert_cmpuint(kit->changes->len, ==, 0);
	assert_place(kit, "B", "A", "a%2Fb");
}

static void test_part(Kit *kit, gconstpointer data)
{
	say(kit, "A", KIT_TOP, "In box");
	say(kit, "B", "A", "a/b");
	say(kit, "C", "B", "c");
	say(kit, "D", KIT_TOP, "other");
	kit_lay_out(kit);
	g_assert_cmpint(kit_dir(kit, "B"), ==, CACHE_ROOT);
	assert_nowhere(kit, "A");
	assert_nowhere(kit, "D");
	g_autoptr(CacheNode) c = kit_get(kit, kit_dir(kit, "C"));
	g_assert_cmpint(c->parent, ==, CACHE_ROOT);
	/* Followed by its id from then on. */
	kit_folder(kit, "B", "D", "renamed");
	g_assert_cmpint(kit_dir(kit, "B"), ==, CACHE_ROOT);
	g_assert_cmpint(kit_dir(kit, "C"), ==, c->id);
	kit_reopen(kit);
	kit_lay_out(kit);
	g_assert_cmpint(kit_dir(kit, "C"), ==, c->id);
}

static bool lay_out_fails(Kit *kit, GError **error)
{
	CacheConn *conn = cache_sync_begin(kit->cache, error);
	bool is_done = cache_tree_lay_out(kit->cache, conn, KIT_TOP, KIT_MAILBOX, error);
	cache_sync_rollback(kit->cache);
	return !is_done;
}

static void test_part_missing(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	say(kit, "A", KIT_TOP, "In box");
	g_assert_true(lay_out_fails(kit, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	say(kit, "B", "A", "a/b");
	kit_lay_out(kit);
	g_assert_cmpint(kit_dir(kit, "B"), ==, CACHE_ROOT);
}

static void test_part_vanished(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	say(kit, "A", KIT_TOP, "In box");
	say(kit, "B", "A", "a/b");
	say(kit, "C", "B", "c");
	kit_lay_out(kit);
	kit_say_folder(kit, EWS_CHANGE_DELETE, kit_make_folder("B", NULL, NULL));
	g_assert_true(lay_out_fails(kit, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
	/* Nothing of it was taken away: the old tree is all there is to show. */
	g_assert_cmpint(kit_dir(kit, "C"), !=, 0);
	g_assert_cmpint(kit_dir(kit, "B"), ==, CACHE_ROOT);
}

/* --- random ----------------------------------------------------------------------------- */

#define FOLDERS 12

/* Whatever is said, in whatever order: the tree is what the last words of each folder make, and
 * a folder that is shown all the time keeps its node. */
static void test_random(Kit *kit, gconstpointer data)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	int64_t nodes[FOLDERS] = {0};
	for (int step = 0; step < 400; step++) {
		char id[8], parent[8], name[8];
		for (int k = g_rand_int_range(rand, 1, 5); k > 0; k--) {
			int above = g_rand_int_range(rand, -2, FOLDERS);
			g_snprintf(id, sizeof id, "F%d", g_rand_int_range(rand, 0, FOLDERS));
			g_snprintf(parent, sizeof parent, "F%d", above);
			g_snprintf(name, sizeof name, "n%d", g_rand_int_range(rand, 0, 4));
			if (g_rand_int_range(rand, 0, 8) == 0)
				kit_say_folder(kit, EWS_CHANGE_DELETE,
					kit_make_folder(id, NULL, NULL));
			else
				say(kit, id, above < 0 ? KIT_TOP : parent, name);
		}
		kit_lay_out(kit);
		kit_check(kit);
		for (int i = 0; i < FOLDERS; i++) {
			g_snprintf(id, sizeof id, "F%d", i);
			int64_t node = kit_dir(kit, id);
			if (nodes[i] != 0 && node != 0)
				g_assert_cmpint(node, ==, nodes[i]);
			nodes[i] = node;
		}
		/* Who has a parent that is shown is shown below it. */
		g_assert_cmpint(
			kit_int(kit, "SELECT count(*) FROM folder JOIN folder AS above ON"
				     " above.folder_id = folder.parent_id WHERE above.node IS NOT"
				     " NULL AND folder.is_shown = 1 AND folder.node IS NULL"),
			==, 0);
		g_assert_cmpint(kit_int(kit,
					"SELECT count(*) FROM folder JOIN folder AS above ON"
					" above.folder_id = folder.parent_id JOIN node ON"
					" node.id = folder.node WHERE node.parent != above.node"),
			==, 0);
	}
}

static bool take_two(const CacheNode *node, void *user)
{
	GString *names = user;

	g_string_append_printf(names, "%s ", node->name);
	return names->len < 4;
}

/* In the order of bytes, whatever order they came in. */
static void test_list_by_name(Kit *kit, gconstpointer data)
{
	g_autoptr(GString) names = g_string_new(NULL);

	say(kit, "F1", KIT_TOP, "c");
	say(kit, "F2", KIT_TOP, "a");
	say(kit, "F3", KIT_TOP, "b");
	say(kit, "F4", KIT_TOP, "B");
	kit_lay_out(kit);
	g_assert_true(cache_list_by_name(kit->cache, CACHE_ROOT, "", take_two, names, NULL));
	g_assert_cmpstr(names->str, ==, "B a ");
	g_string_truncate(names, 0);
	g_assert_true(cache_list_by_name(kit->cache, CACHE_ROOT, "a", take_two, names, NULL));
	g_assert_cmpstr(names->str, ==, "b c ");
	g_string_truncate(names, 0);
	g_assert_true(cache_list_by_name(kit->cache, CACHE_ROOT, "c", take_two, names, NULL));
	g_assert_cmpstr(names->str, ==, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, path, test) g_test_add("/cache/tree/" claim, Kit, path, set_up, test, tear_down)
	ADD("children-may-come-first", NULL, test_children_first);
	ADD("renamed-and-moved-keeps-its-node", NULL, test_rename_and_move);
	ADD("names-may-go-round", NULL, test_swap);
	ADD("parent-and-child-may-change-places", NULL, test_turn_over);
	ADD("cycles-are-not-shown", NULL, test_cycle);
	ADD("hidden-and-search-folders-are-not-shown", NULL, test_hidden);
	ADD("too-deep-is-not-shown", NULL, test_deep);
	ADD("equal-names-get-letters", NULL, test_same_names);
	ADD("names-that-were-seen-stay", NULL, test_names_stay);
	ADD("item-in-the-way-keeps-a-messages-name", NULL, test_item_in_the_way);
	ADD("removed-leaves-tombstones", NULL, test_removed);
	ADD("removed-without-being-known", NULL, test_removed_unknown);
	ADD("hidden-for-a-while-comes-back", NULL, test_comes_back);
	ADD("full-hierarchy-sweeps", NULL, test_full_sweep);
	ADD("rights-go-down-to-items", NULL, test_rights);
	ADD("nothing-new-tells-nothing", NULL, test_quiet);
	ADD("part-of-a-mailbox", "In box//a%2Fb/", test_part);
	ADD("part-that-is-missing", "In box/a%2Fb", test_part_missing);
	ADD("part-that-vanished", "In box/a%2Fb", test_part_vanished);
	ADD("listed-by-name", NULL, test_list_by_name);
	ADD("random-words-make-one-tree", NULL, test_random);
#undef ADD
	return g_test_run();
}
