/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inode.h"

#include <glib.h>

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
	g_assert_false(fs_inode_is_control(ino));
}

static void test_content(void)
{
	CacheNode old = file(42, 1), new = file(42, 2);

	g_assert_cmpuint(fs_inode_of(&old), !=, fs_inode_of(&new));
	g_assert_false(fs_inode_is_current(fs_inode_of(&old), &new));
	g_assert_cmpint(fs_inode_node(fs_inode_of(&new)), ==, 42);
}

/* However often a message changes, it never becomes a control file. */
static void test_wraps(void)
{
	for (uint32_t content = 0xfffffd; content < 0x1000003; content++) {
		CacheNode node = file(42, content);
		g_assert_false(fs_inode_is_control(fs_inode_of(&node)));
		g_assert_true(fs_inode_is_current(fs_inode_of(&node), &node));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/inode/root-is-the-kernels-root", test_root);
	g_test_add_func("/fs/inode/comes-back-as-node-and-content", test_round_trip);
	g_test_add_func("/fs/inode/other-bytes-are-another-number", test_content);
	g_test_add_func("/fs/inode/content-stays-out-of-the-control-range", test_wraps);
	return g_test_run();
}
