/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inode.h"

#define BITS(count) ((UINT64_C(1) << (count)) - 1)
#define PART_BITS 14
#define TREE_SHIFT (FS_INODE_ID_BITS + FS_INODE_STAMP_BITS)

G_STATIC_ASSERT(CACHE_ROOT == FUSE_ROOT_ID);
G_STATIC_ASSERT(FS_INODE_PARTS_MAX < 1 << PART_BITS);
G_STATIC_ASSERT(FS_INODE_ID_BITS + FS_INODE_CONTENT_BITS == 63);

static uint64_t bits_of(int64_t id)
{
	return (uint64_t)id & BITS(FS_INODE_ID_BITS);
}

fuse_ino_t fs_inode_make(int64_t id, uint32_t content)
{
	return (content & BITS(FS_INODE_CONTENT_BITS)) << FS_INODE_ID_BITS | bits_of(id);
}

fuse_ino_t fs_inode_of(const CacheNode *node)
{
	return fs_inode_make(node->id, node->kind == CACHE_KIND_FILE ? node->content : 0);
}

int64_t fs_inode_node(fuse_ino_t ino)
{
	return (int64_t)(ino & BITS(FS_INODE_ID_BITS));
}

uint32_t fs_inode_content(fuse_ino_t ino)
{
	return (uint32_t)(ino >> FS_INODE_ID_BITS);
}

bool fs_inode_is_current(fuse_ino_t ino, const CacheNode *node)
{
	if (node->kind == CACHE_KIND_DIR)
		return !fs_inode_is_hidden(ino) && fs_inode_node(ino) == node->id;
	return ino == fs_inode_of(node);
}

/* --- what is hidden ------------------------------------------------------ */

bool fs_inode_is_hidden(fuse_ino_t ino)
{
	return ino >= FS_INODE_HIDDEN;
}

FsInodeTree fs_inode_tree(fuse_ino_t ino)
{
	return (FsInodeTree)((ino & ~FS_INODE_HIDDEN) >> TREE_SHIFT);
}

fuse_ino_t fs_inode_make_hidden(FsInodeTree tree, uint64_t number)
{
	return FS_INODE_HIDDEN | (fuse_ino_t)tree << TREE_SHIFT | (number & BITS(TREE_SHIFT));
}

static uint64_t stamp_of(fuse_ino_t ino)
{
	return ino >> FS_INODE_ID_BITS & BITS(FS_INODE_STAMP_BITS);
}

bool fs_inode_is_shape_dir(fuse_ino_t ino)
{
	return fs_inode_is_hidden(ino) && fs_inode_tree(ino) != FS_INODE_CONTROL &&
		stamp_of(ino) == 0;
}

fuse_ino_t fs_inode_make_text(int64_t id, uint64_t stamp)
{
	uint64_t piece = 1 + stamp % BITS(FS_INODE_STAMP_BITS);

	return fs_inode_make_hidden(FS_INODE_TEXT, piece << FS_INODE_ID_BITS | bits_of(id));
}

fuse_ino_t fs_inode_make_shape_dir(FsInodeTree tree, int64_t id)
{
	return fs_inode_make_hidden(tree, bits_of(id));
}

fuse_ino_t fs_inode_make_part(const CacheNode *node, unsigned number)
{
	uint64_t content = (uint64_t)node->content << PART_BITS & BITS(FS_INODE_STAMP_BITS);
	uint64_t piece = content | (number + 1);

	return fs_inode_make_hidden(FS_INODE_PARTS, piece << FS_INODE_ID_BITS | bits_of(node->id));
}

unsigned fs_inode_part(fuse_ino_t ino)
{
	return (unsigned)(stamp_of(ino) & BITS(PART_BITS)) - 1;
}
