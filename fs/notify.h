/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Tells the kernel what changed, so that it may keep the rest for a day.
 *
 * An invalidation may have to wait for a request that is being served, so it has a thread of its
 * own, holds no lock while it tells, and no reply ever waits for it. What becomes of a change:
 *
 *   MEMBERS     the directory's attributes and its kept listing go: inval_inode(dir, 0, 0).
 *   GONE        the name goes: inval_entry. (Not notify_delete, which would declare an inode dead
 *               that was perhaps only moved, and is open.)
 *   ATTRIBUTES  the attributes go, the pages stay: inval_inode(ino, -1, 0).
 *   CONTENT     the name goes, so that it is looked up again and found with another node number;
 *               and the attributes of the old one, whose times are no longer true.
 *
 * On a read-only mount the kernel keeps what it knows of trees of the mailbox's shape too
 * (fs/shape.h): what becomes of a message becomes of the name of what stands for it there, and what
 * becomes of a directory of the directory there.
 *
 * In a Maildir a directory of the index is four (fs/maildirname.h), and the kernel is told of each;
 * and where a message may have had another name, by marks that others changed, all those go. Where
 * the root shows every folder, its listing goes with that of any, and a folder's name is told of
 * there as far as it is kept (fs/maildirroot.h).
 *
 * A new name needs no news of its own: names that are missing are not kept. What is for people
 * rather than the kernel goes to fs/watch.c.
 */
typedef struct FsNotify FsNotify;
struct Cache;
struct FsWatch;
struct fuse_session;

/* Listens to @cache, and hands on to @watch what it hears; what comes before fs_notify_start is
 * not for the kernel, who knows nothing yet. Both are borrowed. */
FsNotify *fs_notify_new(struct Cache *cache, struct FsWatch *watch);

/* Trees of the mailbox's shape are told of too. Before fs_notify_start. */
void fs_notify_shapes(FsNotify *self);

/* Names tell marks: with those of a message its name changes. @is_flat: and the root shows every
 * folder. Before fs_notify_start. */
void fs_notify_maildir(FsNotify *self, bool is_flat);

/* From now on @session is told. */
void fs_notify_start(FsNotify *self, struct fuse_session *session);

/* Joins the thread; what comes after is dropped again. Requests must still be served meanwhile,
 * or the session be gone. Twice is fine. */
void fs_notify_stop(FsNotify *self);

/* After cache_stop. */
void fs_notify_free(FsNotify *self);

/* Any thread: moves whenever a directory's members changed. */
uint64_t fs_notify_serial(FsNotify *self);

/* Any thread: the kept listing of @dir goes once more. */
void fs_notify_members(FsNotify *self, int64_t dir);

/* Any thread: @name in the directory with this number goes. */
void fs_notify_name(FsNotify *self, uint64_t dir, const char *name);

/* Any thread: @node's marks were changed here, otherwise than by renaming it. */
void fs_notify_marks(FsNotify *self, int64_t node);
