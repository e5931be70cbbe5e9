/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One answer to a READDIR of a hidden tree (fs/hidden.h) or of a Maildir, while it fills. Of a
 * hidden tree names only: what they name is made, or found, when it is looked up. One thread's own.
 */
typedef struct FsPage {
	fuse_req_t req;
	GString *text; /* own */
	size_t size;   /* of the answer, at most */
	off_t offset;  /* the cookie of the last entry that was told */
	bool is_plus;
} FsPage;

void fs_page_init(FsPage *self, fuse_req_t req, size_t size, off_t offset, bool is_plus);
void fs_page_clear(FsPage *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FsPage, fs_page_clear)

/* Cookies of entries grow, and begin after those of the two that are added here: */
#define FS_PAGE_FIRST_COOKIE 3
bool fs_page_add_dots(FsPage *self, uint64_t ino);

/* What was told before is passed over. FALSE: there is no room, and it is told next time. @ino is
 * what people see. */
bool fs_page_add(FsPage *self, const char *name, uint64_t ino, mode_t mode, off_t cookie);

/* The same with all that a LOOKUP would say. */
bool fs_page_add_entry(FsPage *self, const char *name, const struct fuse_entry_param *entry,
	off_t cookie);

void fs_page_reply(const FsPage *self);
