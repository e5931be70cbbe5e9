/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ops.h"

#include "fs/attr.h"
#include "fs/dir.h"
#include "fs/file.h"
#include "fs/mount.h"
#include "fs/names.h"
#include "fs/setattr.h"
#include "fs/write.h"
#include "fs/xattr.h"

const struct fuse_lowlevel_ops fs_ops = {
	.init = fs_op_init,

	.lookup = fs_op_lookup,
	.forget = fs_op_forget,
	.forget_multi = fs_op_forget_multi,
	.opendir = fs_op_opendir,
	.readdir = fs_op_readdir,
	.readdirplus = fs_op_readdirplus,
	.releasedir = fs_op_releasedir,
	.fsyncdir = fs_op_fsyncdir,

	.create = fs_op_create,
	.open = fs_op_open,
	.read = fs_op_read,
	.write_buf = fs_op_write_buf,
	.copy_file_range = fs_op_copy_file_range,
	.fallocate = fs_op_fallocate,
	.flush = fs_op_flush,
	.fsync = fs_op_fsync,
	.release = fs_op_release,

	.getattr = fs_op_getattr,
	.readlink = fs_op_readlink,
	.setattr = fs_op_setattr,
	.statfs = fs_op_statfs,

	.getxattr = fs_op_getxattr,
	.listxattr = fs_op_listxattr,
	.setxattr = fs_op_setxattr,
	.removexattr = fs_op_removexattr,

	.mknod = fs_op_mknod,
	.mkdir = fs_op_mkdir,
	.unlink = fs_op_unlink,
	.rmdir = fs_op_rmdir,
	.rename = fs_op_rename,
	.symlink = fs_op_symlink,
	.link = fs_op_link,
};
