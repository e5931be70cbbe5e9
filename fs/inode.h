/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"

/*
 * The ids of a file, and how one becomes another.
 *
 *   identity   what Exchange calls it: cache/ only.
 *   node id    a row of the index. Never used twice in one index; says nothing elsewhere.
 *   st_ino     63 bits of a hash of the identity (node->ino). What people and backups see: the
 *              same after a remount, after the loss of the index, on another machine. Never
 *              looked up here.
 *   node number, fuse_ino_t: what the kernel calls it, and all this file makes:
 *
 *        63 | 62   60 | 59        36 | 35                    0
 *       [ 0 | content                | node id                ]
 *       [ 1 | tree    | stamp        | node id                ]   hidden: of .text/, .parts/
 *       [ 1 | tree    | a number of fs/control.c              ]   ... of .ewsfs/
 *       [ 1 | tree    | kind         | node id or serial      ]   ... of .search/ (fs/search.c)
 *
 * The content number in the upper bits is what keeps the page cache honest: other bytes, even of
 * the same length, are another node number, hence another inode and other pages. Who holds the
 * old one open goes on with the old bytes; who comes by name gets the new one, because the
 * entry was made to expire. A directory has no content: its number is its id, and the root's is
 * FUSE_ROOT_ID by itself, as CACHE_ROOT is 1.
 *
 * In a Maildir a directory has three more numbers, where a message has its content: those of cur,
 * new and tmp (fs/maildirname.h), which are no nodes of their own.
 *
 * Content numbers count modulo 2^27. With the uppermost bit set it is something hidden that can
 * only be read (fs/hidden.h), and the next bits say in which tree. The text of a message has in its
 * number a piece of the stamp of what it was made of (fs/texts.h), which is to it what the content
 * number is to the message; a directory of the mailbox has none in such a tree, 0. A part of a
 * message (fs/contents.h) has there its own number, plus one, and above that what there is room for
 * of the content number. That comes round after 1024 contents, so the kernel is told the whole of
 * it too, as the generation of the number: with another one, it is another inode and other pages.
 *
 * No lookup counts are kept. Ids are never used again, so a number that the kernel still holds
 * never comes to mean another file, rows of what was deleted stay while that matters
 * (cache/gone.h), and FORGET has nothing to do: a million walked nodes cost no memory here.
 */
#define FS_INODE_ID_BITS 36
#define FS_INODE_CONTENT_BITS 27
#define FS_INODE_STAMP_BITS 24
#define FS_INODE_PARTS_MAX 16383 /* of one message */
#define FS_INODE_HIDDEN ((fuse_ino_t)1 << 63)

/* The hidden trees. */
typedef enum FsInodeTree {
	FS_INODE_CONTROL, /* .ewsfs/ */
	FS_INODE_TEXT,    /* .text/ */
	FS_INODE_PARTS,   /* .parts/ */
	FS_INODE_SEARCH,  /* .search/ */
} FsInodeTree;
#define FS_INODE_TREES 8

fuse_ino_t fs_inode_of(const CacheNode *node);
fuse_ino_t fs_inode_make(int64_t id, uint32_t content);

int64_t fs_inode_node(fuse_ino_t ino);
uint32_t fs_inode_content(fuse_ino_t ino);

/* TRUE when @ino is @node with the content it has now. */
bool fs_inode_is_current(fuse_ino_t ino, const CacheNode *node);

bool fs_inode_is_hidden(fuse_ino_t ino);

/* Of what is hidden. */
FsInodeTree fs_inode_tree(fuse_ino_t ino);

/* Of a tree whose numbers have nothing to do with nodes: the @number-th. */
fuse_ino_t fs_inode_make_hidden(FsInodeTree tree, uint64_t number);

/* Of a directory of the mailbox in a tree of its shape (fs/shape.h). fs_inode_node says which. */
bool fs_inode_is_shape_dir(fuse_ino_t ino);
fuse_ino_t fs_inode_make_shape_dir(FsInodeTree tree, int64_t id);

/* Of texts. fs_inode_node says of what. */
fuse_ino_t fs_inode_make_text(int64_t id, uint64_t stamp);

/* Of parts of messages. fs_inode_node says of which. */
fuse_ino_t fs_inode_make_part(const CacheNode *node, unsigned number);
unsigned fs_inode_part(fuse_ino_t ino);
