/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inode.h"

#include <glib.h>

#include "fs/control.h"
#include "fs/parts.h"
#include "fs/text.h"

static CacheNode file(int64_t id, uint32_t content)
{
	return (CacheNode){.id = id, .content = content, .kind = CACHE_KIND_FILE};
}

static void test_root(void)
{
	CacheNode root = {.id = CACHE_ROOT, .content = 7, .kind = CACHE_KIND_DIR};

	g_assert_cmpuint(fs_inode_of(&root), ==, FUSE_ROOT_ID);
}

static void test_round_trip(void)
{
	CacheNode node = file((INT64_C(1) << FS_INODE_ID_BITS) - 1, 0x123456);
	fuse_ino_t ino = fs_inode_of(&node);

	g_assert_cmpint(fs_inode_node(ino), ==, node.id);
	g_assert_cmpuint(fs_inode_content(ino), ==, node.content);
	g_assert_true(fs_inode_is_current(ino, &node));
	g_assert_false(fs_inode_is_hidden(ino));
}

static void test_content(void)
{
	CacheNode old = file(42, 1), new = file(42, 2);

	g_assert_cmpuint(fs_inode_of(&old), !=, fs_inode_of(&new));
	g_assert_false(fs_inode_is_current(fs_inode_of(&old), &new));
	g_assert_cmpint(fs_inode_node(fs_inode_of(&new)), ==, 42);
}

/* However often a message changes, it never becomes something hidden. */
static void test_wraps(void)
{
	for (uint32_t content = 0x7fffffd; content < 0x8000003; content++) {
		CacheNode node = file(42, content);
		g_assert_false(fs_inode_is_hidden(fs_inode_of(&node)));
		g_assert_true(fs_inode_is_current(fs_inode_of(&node), &node));
	}
}

/* Texts have numbers of their own, whatever their stamp. */
static void test_texts(void)
{
	static const uint64_t stamps[] = {0, 1, 0xfffffd, 0xfffffe, 0xffffff, UINT64_MAX};

	for (size_t i = 0; i < G_N_ELEMENTS(stamps); i++) {
		fuse_ino_t ino = fs_inode_make_text(42, stamps[i]);
		g_assert_true(fs_inode_is_hidden(ino));
		g_assert_cmpint(fs_inode_tree(ino), ==, FS_INODE_TEXT);
		g_assert_false(fs_inode_is_shape_dir(ino));
		g_assert_cmpint(fs_inode_node(ino), ==, 42);
	}
	g_assert_cmpuint(fs_inode_make_text(42, 1), !=, fs_inode_make_text(42, 2));
	g_assert_true(fs_inode_is_shape_dir(fs_inode_make_shape_dir(FS_INODE_TEXT, 42)));
	g_assert_false(fs_inode_is_shape_dir(fs_inode_make_hidden(FS_INODE_CONTROL, 42)));
	g_assert_false(fs_inode_is_shape_dir(FUSE_ROOT_ID));
}

/* Each tree finds its own numbers, and the mailbox's are nobody's. */
static void test_trees(void)
{
	fuse_ino_t control = fs_inode_make_hidden(FS_INODE_CONTROL, UINT64_MAX);

	g_assert_cmpint(fs_inode_tree(control), ==, FS_INODE_CONTROL);
	g_assert_true(fs_hidden_of(control) == &fs_control_tree);
	g_assert_true(fs_hidden_of(fs_inode_make_text(42, 1)) == &fs_text_tree);
	g_assert_null(fs_hidden_of(fs_inode_make(42, UINT32_MAX)));
	g_assert_null(fs_hidden_of(UINT64_MAX));
	g_assert_true(fs_hidden_at(FUSE_ROOT_ID, ".text") == &fs_text_tree);
	g_assert_true(
		fs_hidden_at(fs_inode_make_shape_dir(FS_INODE_TEXT, 42), ".text") == &fs_text_tree);
	g_assert_null(fs_hidden_at(fs_inode_make(42, 0), ".text"));
	g_assert_null(fs_hidden_at(FUSE_ROOT_ID, "text"));
}

static void test_parts(void)
{
	CacheNode node = {.id = 42, .kind = CACHE_KIND_FILE, .content = 3};
	CacheNode other = {.id = 42, .kind = CACHE_KIND_FILE, .content = 4};
	const unsigned numbers[] = {0, 1, 77, FS_INODE_PARTS_MAX - 1};

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		fuse_ino_t ino = fs_inode_make_part(&node, numbers[i]);
		g_assert_cmpint(fs_inode_tree(ino), ==, FS_INODE_PARTS);
		g_assert_cmpint(fs_inode_node(ino), ==, 42);
		g_assert_cmpuint(fs_inode_part(ino), ==, numbers[i]);
		g_assert_false(fs_inode_is_shape_dir(ino));
		g_assert_cmpuint(ino, !=, fs_inode_make_part(&other, numbers[i]));
	}
	node.content = 1024;
	g_assert_false(fs_inode_is_shape_dir(fs_inode_make_part(&node, 0)));
	g_assert_true(fs_inode_is_shape_dir(fs_inode_make_shape_dir(FS_INODE_PARTS, 42)));
	g_assert_true(fs_hidden_of(fs_inode_make_part(&node, 5)) == &fs_parts_tree);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/inode/root-is-the-kernels-root", test_root);
	g_test_add_func("/fs/inode/comes-back-as-node-and-content", test_round_trip);
	g_test_add_func("/fs/inode/other-bytes-are-another-number", test_content);
	g_test_add_func("/fs/inode/content-stays-out-of-what-is-hidden", test_wraps);
	g_test_add_func("/fs/inode/texts-have-numbers-of-their-own", test_texts);
	g_test_add_func("/fs/inode/each-hidden-tree-finds-its-own", test_trees);
	g_test_add_func("/fs/inode/parts", test_parts);
	return g_test_run();
}
