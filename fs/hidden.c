/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/hidden.h"

#include <glib.h>

#include "fs/control.h"
#include "fs/inode.h"
#include "fs/parts.h"
#include "fs/search.h"
#include "fs/shape.h"
#include "fs/text.h"

static const FsHidden *const trees[FS_INODE_TREES] = {
	[FS_INODE_TEXT] = &fs_text_tree,
	[FS_INODE_PARTS] = &fs_parts_tree,
	[FS_INODE_SEARCH] = &fs_search_tree,
	[FS_INODE_CONTROL] = &fs_control_tree,
};

const FsShape *const fs_shapes[] = {&fs_text_shape, &fs_parts_shape, NULL};

const FsHidden *fs_hidden_of(fuse_ino_t ino)
{
	return fs_inode_is_hidden(ino) ? trees[fs_inode_tree(ino)] : NULL;
}

const FsHidden *fs_hidden_at(fuse_ino_t parent, const char *name)
{
	for (size_t i = 0; parent == FUSE_ROOT_ID && i < G_N_ELEMENTS(trees); i++) {
		if (trees[i] != NULL && g_str_equal(trees[i]->name, name))
			return trees[i];
	}
	return fs_hidden_of(parent);
}
