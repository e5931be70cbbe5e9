/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

#include "fs/fs.h"
#include "fs/maildirname.h"

/*
 * Where a name in a directory of a Maildir leads to, and what such a directory looks like; and the
 * little that is remembered of what programs are in the middle of. Any thread; asks the index only.
 */

typedef enum FsPlaceKind {
	FS_PLACE_MESSAGE, /* in cur or new */
	FS_PLACE_PART,    /* cur, new, tmp themselves: part says which */
	FS_PLACE_DIR,     /* a folder, or a directory that is only here */
	FS_PLACE_FILE,    /* only here */
	FS_PLACE_PLAIN,   /* in a directory that is only here, or in .send: called as it is */
} FsPlaceKind;

typedef struct FsPlace {
	int64_t dir; /* the node of the directory */
	FsMaildirPart part;
	FsPlaceKind kind;
	uint64_t marks; /* that the name says */
	char *name;     /* own; in the index; NULL: nothing can be called so there */
	int64_t up;     /* where a folder so called is, or would be; 0: that is not there */
	char *folder;   /* own; what it is called there; NULL: no folder can be called so */
} FsPlace;

/* Whether it is there or not: what is not would be a file. */
bool fs_place_init(FsPlace *self, const Fs *fs, fuse_ino_t parent, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_place_clear(FsPlace *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FsPlace, fs_place_clear)

/* What is there: NOT_FOUND also where a message has other marks than its name said. A part is its
 * folder. */
CacheNode *fs_place_find(const FsPlace *self, const Fs *fs, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;

/* One step of a path; *ino is the directory's number, and becomes that of what is found. */
CacheNode *fs_maildir_walk(const Fs *fs, fuse_ino_t *ino, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Where the message is, from the root: "A/B/cur/UNIQUE:2,S". Owned; NULL: nowhere. */
char *fs_maildir_path(const Fs *fs, const CacheNode *node);

/* FALSE for directories that are only here, and .send. */
bool fs_maildir_is_one(const CacheNode *dir);

/* As fs_attr_entry, of a file or a directory; of a part of @node's directory. */
void fs_maildir_entry(const Fs *fs, const CacheNode *node, FsMaildirPart part,
	struct fuse_entry_param *ret_entry);

/* --- what programs are in the middle of --------------------------------------------------- */

typedef struct FsMaildir FsMaildir;

FsMaildir *fs_maildir_new(void);
void fs_maildir_free(FsMaildir *self);

/*
 * Who makes a Maildir makes a directory and then cur, new and tmp in it, which are there from the
 * beginning here; most programs that find them there take it for a failure. So for the one who made
 * the folder, and for nobody else, they are missing until he has made them.
 */
void fs_maildir_note_made(FsMaildir *self, int64_t dir, pid_t maker);
bool fs_maildir_is_awaited(FsMaildir *self, int64_t dir, FsMaildirPart part, pid_t asker);
/* TRUE when it was awaited. */
bool fs_maildir_take_awaited(FsMaildir *self, int64_t dir, FsMaildirPart part, pid_t maker);

/* Linked, as programs do who deliver or lock: until it is unlinked it is there by the name that it
 * had before too. Names are those of the index. */
void fs_maildir_note_linked(FsMaildir *self, int64_t dir, const char *name, int64_t node);
/* 0: none. */
int64_t fs_maildir_find_linked(FsMaildir *self, int64_t dir, const char *name);
bool fs_maildir_take_linked(FsMaildir *self, int64_t dir, const char *name);
