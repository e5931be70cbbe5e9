/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/names.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/readonly.h"

/* --- new ----------------------------------------------------------------- */

/* @node NULL: @error. */
static void reply_made(fuse_req_t req, const CacheNode *node, const GError *error, const char *what)
{
	struct fuse_entry_param entry;

	if (node == NULL) {
		fs_err_reply(req, error, what);
		return;
	}
	fs_attr_entry(fs_of(req)->config, node, &entry);
	fuse_reply_entry(req, &entry);
}

/* A plain file that nobody has open. */
void fs_op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = NULL;

	if (fs_readonly_refuse_name(req, parent, name))
		return;
	if (!S_ISREG(mode)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	CacheFile *file =
		cache_create(fs_of(req)->cache, fs_inode_node(parent), name, &node, &error);
	if (file != NULL)
		cache_file_close(file);
	reply_made(req, node, error, "mknod");
}

void fs_op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	g_autoptr(GError) error = NULL;

	if (fs_readonly_refuse_name(req, parent, name))
		return;
	g_autoptr(CacheNode) node =
		cache_mkdir(fs_of(req)->cache, fs_inode_node(parent), name, &error);
	reply_made(req, node, error, "mkdir");
}

void fs_op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	if (!fs_readonly_refuse_name(req, parent, name))
		fuse_reply_err(req, EPERM);
}

void fs_op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	if (!fs_readonly_refuse_name(req, parent, name))
		fuse_reply_err(req, EPERM);
}

/* --- gone, moved --------------------------------------------------------- */

static void reply_done(fuse_req_t req, bool is_done, const GError *error, const char *what)
{
	if (is_done)
		fuse_reply_err(req, 0);
	else
		fs_err_reply(req, error, what);
}

void fs_op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	g_autoptr(GError) error = NULL;

	if (fs_readonly_refuse_name(req, parent, name))
		return;
	bool is_done = cache_unlink(fs_of(req)->cache, fs_inode_node(parent), name, &error);
	reply_done(req, is_done, error, "unlink");
}

void fs_op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	g_autoptr(GError) error = NULL;

	if (fs_readonly_refuse_name(req, parent, name))
		return;
	bool is_done = cache_rmdir(fs_of(req)->cache, fs_inode_node(parent), name, &error);
	reply_done(req, is_done, error, "rmdir");
}

/* Between a scratch directory and a folder a directory cannot be moved, only copied; mv does that
 * when it hears EXDEV. */
static void reply_not_moved(fuse_req_t req, const GError *error)
{
	if (ews_error_is(error, EWS_ERROR_UNSUPPORTED))
		fuse_reply_err(req, EXDEV);
	else
		fs_err_reply(req, error, "rename");
}

void fs_op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
	const char *to_name, unsigned flags)
{
	g_autoptr(GError) error = NULL;

	if (fs_readonly_refuse_name(req, parent, name) ||
		fs_readonly_refuse_name(req, to_parent, to_name))
		return;
	if (flags & ~(unsigned)RENAME_NOREPLACE) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	if (cache_rename(fs_of(req)->cache, fs_inode_node(parent), name, fs_inode_node(to_parent),
		    to_name, !(flags & RENAME_NOREPLACE), &error))
		fuse_reply_err(req, 0);
	else
		reply_not_moved(req, error);
}
