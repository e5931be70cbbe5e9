/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

/*
 * Messages: open, read, release. Writing is in fs/write.h; what a handle holds in fs/handle.h.
 * There are two ways, chosen once for a mount:
 *
 *   with OPEN      OPEN waits until the whole message is here and pins it; the handle holds the
 *                  pinned blob until RELEASE, and READ never waits.
 *   without OPEN   (read-only and every size exact) OPEN and FLUSH are answered ENOSYS and the
 *                  kernel asks no more: a file whose pages it has costs no request at all. READ
 *                  opens the blob by node number and may wait, for a message that was evicted.
 *
 * A node number belongs to one content. When the server had other bytes by the time they were
 * fetched, the answer is ESTALE and the kernel looks the name up again by itself. So it is when a
 * file is opened to append whose length the kernel did not know: it appends where it believes the
 * end to be, and looking up the name tells it where that is.
 */
void fs_op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void fs_op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info);
void fs_op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
void fs_op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info);
