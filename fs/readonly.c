/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/readonly.h"

#include <errno.h>
#include <string.h>

#include "fs/fs.h"
#include "fs/hidden.h"
#include "fs/inode.h"

static bool refuse(fuse_req_t req, int error)
{
	fuse_reply_err(req, error);
	return true;
}

bool fs_readonly_refuse(fuse_req_t req, fuse_ino_t ino)
{
	if (fs_of(req)->config->is_read_only || fs_inode_is_hidden(ino))
		return refuse(req, EROFS);
	return false;
}

bool fs_readonly_refuse_name(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (fs_of(req)->config->is_read_only || fs_hidden_at(parent, name) != NULL)
		return refuse(req, EROFS);
	if (strlen(name) > FS_NAME_MAX)
		return refuse(req, ENAMETOOLONG);
	return false;
}
