/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/inode.h"

#define ID_MASK ((UINT64_C(1) << FS_INODE_ID_BITS) - 1)

G_STATIC_ASSERT(CACHE_ROOT == FUSE_ROOT_ID);

fuse_ino_t fs_inode_make(int64_t id, uint32_t content)
{
	return (fuse_ino_t)(content % FS_INODE_CONTENT_MAX) << FS_INODE_ID_BITS |
		((uint64_t)id & ID_MASK);
}

fuse_ino_t fs_inode_of(const CacheNode *node)
{
	return fs_inode_make(node->id, node->kind == CACHE_KIND_FILE ? node->content : 0);
}

int64_t fs_inode_node(fuse_ino_t ino)
{
	return (int64_t)(ino & ID_MASK);
}

uint32_t fs_inode_content(fuse_ino_t ino)
{
	return (uint32_t)(ino >> FS_INODE_ID_BITS);
}

bool fs_inode_is_current(fuse_ino_t ino, const CacheNode *node)
{
	return ino == fs_inode_of(node);
}

bool fs_inode_is_control(fuse_ino_t ino)
{
	return ino >= FS_INODE_CONTROL;
}

bool fs_inode_is_hidden(fuse_ino_t ino)
{
	return ino >= FS_INODE_HIDDEN;
}

bool fs_inode_is_text(fuse_ino_t ino)
{
	return ino >= FS_INODE_HIDDEN && ino < FS_INODE_CONTROL;
}

bool fs_inode_is_text_dir(fuse_ino_t ino)
{
	return fs_inode_is_text(ino) && (ino & ~FS_INODE_HIDDEN) >> FS_INODE_ID_BITS == 0;
}

fuse_ino_t fs_inode_make_text(int64_t id, uint64_t stamp)
{
	/* From 1 to one less than the number that is no content number. */
	fuse_ino_t piece = 1 + stamp % (FS_INODE_CONTENT_MAX - 1);

	return FS_INODE_HIDDEN | piece << FS_INODE_ID_BITS | ((uint64_t)id & ID_MASK);
}

fuse_ino_t fs_inode_make_text_dir(int64_t id)
{
	return FS_INODE_HIDDEN | ((uint64_t)id & ID_MASK);
}
