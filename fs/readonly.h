/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>

/*
 * Where nothing can be changed: a read-only mount, and `.ewsfs/` on any. EROFS, as on any
 * filesystem that cannot be written. The kernel asks for little of this, because it knows a
 * read-only mount; what it asks all the same is answered here.
 */

/* TRUE when @req was answered: @ino, or the name @name in the directory @parent, stays as it is. */
bool fs_readonly_refuse(fuse_req_t req, fuse_ino_t ino);
bool fs_readonly_refuse_name(fuse_req_t req, fuse_ino_t parent, const char *name);
