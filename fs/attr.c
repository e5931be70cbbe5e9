/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/attr.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "ews/error.h"
#include "fs/budget.h"
#include "fs/control.h"
#include "fs/err.h"
#include "fs/inode.h"
#include "fs/park.h"

#define BLOCK_SIZE 4096

#define RIGHTS_TO_WRITE_DIR (FS_RIGHT_DELETE | FS_RIGHT_CREATE_CONTENTS | FS_RIGHT_CREATE_HIERARCHY)

/* --- node to stat -------------------------------------------------------- */

static mode_t mode_of(const FsConfig *config, const CacheNode *node)
{
	mode_t mode = node->kind == CACHE_KIND_DIR ? 0700 : 0600;
	unsigned to_write = node->kind == CACHE_KIND_DIR ? RIGHTS_TO_WRITE_DIR : FS_RIGHT_MODIFY;

	if (!(node->rights & FS_RIGHT_READ))
		mode &= ~(mode_t)0400;
	if (!(node->rights & to_write))
		mode &= ~(mode_t)0200;
	mode &= ~config->umask;
	return mode | (node->kind == CACHE_KIND_DIR ? S_IFDIR : S_IFREG);
}

/* Rounds down, also before 1970. */
static struct timespec time_of(int64_t us)
{
	int64_t rest = us % G_USEC_PER_SEC;

	if (rest < 0)
		rest += G_USEC_PER_SEC;
	return (struct timespec){
		.tv_sec = (us - rest) / G_USEC_PER_SEC,
		.tv_nsec = rest * 1000,
	};
}

static void set_size(struct stat *attr, int64_t size)
{
	attr->st_size = size;
	attr->st_blocks = (size + 511) / 512;
}

bool fs_attr_is_exact(const CacheNode *node)
{
	return node->kind == CACHE_KIND_DIR || node->size >= 0;
}

void fs_attr_fill(const FsConfig *config, const CacheNode *node, struct stat *ret_attr)
{
	struct stat attr = {
		.st_ino = node->ino,
		.st_mode = mode_of(config, node),
		.st_nlink = node->kind == CACHE_KIND_DIR ? 2 + node->subdirs : 1,
		.st_uid = config->uid,
		.st_gid = config->gid,
		.st_blksize = BLOCK_SIZE,
		.st_atim = time_of(node->mtime),
		.st_mtim = time_of(node->mtime),
		.st_ctim = time_of(node->ctime),
	};

	if (node->kind == CACHE_KIND_FILE)
		set_size(&attr, node->size >= 0 ? node->size : MAX(node->size_hint, 0));
	*ret_attr = attr;
}

/* How long the kernel may keep the attributes: for good where they are told to be otherwise. An
 * estimated length is not kept; nor the time of a directory whose first listing is under way, which
 * its end sets: who has waited for that must not be shown the time from before. */
static double keep_s(const CacheNode *node)
{
	bool is_settled = node->kind == CACHE_KIND_DIR ? node->is_listed : node->size >= 0;

	return is_settled ? FS_KEEP_S : 0;
}

void fs_attr_entry(const FsConfig *config, const CacheNode *node,
	struct fuse_entry_param *ret_entry)
{
	*ret_entry = (struct fuse_entry_param){
		.ino = fs_inode_of(node),
		.entry_timeout = FS_KEEP_S,
		.attr_timeout = keep_s(node),
	};
	fs_attr_fill(config, node, &ret_entry->attr);
}

/* --- getattr ------------------------------------------------------------- */

static void reply_node(fuse_req_t req, const Fs *fs, const CacheNode *node)
{
	struct stat attr;

	fs_attr_fill(fs->config, node, &attr);
	fuse_reply_attr(req, &attr, keep_s(node));
}

/* Other bytes are current by now. Who holds the old ones open goes on seeing their length; who
 * does not is sent to look the name up again. */
static void reply_outdated(fuse_req_t req, const Fs *fs, const CacheNode *node, fuse_ino_t ino)
{
	int64_t size = cache_blob_pinned_size(fs->cache, node->id, fs_inode_content(ino));
	struct stat attr;

	if (size < 0) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	fs_attr_fill(fs->config, node, &attr);
	set_size(&attr, size);
	fuse_reply_attr(req, &attr, 0);
}

/* Whether an estimate will do now. An item whose content cannot be had keeps its estimate for
 * good: it must not hide behind a stat that fails. */
static bool may_estimate(const Fs *fs, const CacheNode *node)
{
	return node->has_error || fs->config->sizes == FS_SIZES_AUTO;
}

/* Size=auto answers with the estimate also when the server cannot be asked: a listing made offline
 * shows all that is known. */
static void reply_size(FsParked *parked, FsParkedHow how, const GError *error)
{
	const Fs *fs = fs_of(parked->req);
	g_autoptr(GError) problem = NULL;
	g_autoptr(CacheNode) node =
		cache_get(fs->cache, fs_inode_node(parked->ino), &problem);

	if (node == NULL)
		fs_err_reply(parked->req, problem, "stat");
	else if (!fs_inode_is_current(parked->ino, node))
		reply_outdated(parked->req, fs, node, parked->ino);
	else if (fs_attr_is_exact(node) || may_estimate(fs, node))
		reply_node(parked->req, fs, node);
	else if (error != NULL)
		fs_err_reply(parked->req, error, "stat");
	else
		fuse_reply_err(parked->req, EIO);
}

static void wait_for_size(fuse_req_t req, Fs *fs, const CacheNode *node, fuse_ino_t ino)
{
	bool is_auto = fs->config->sizes == FS_SIZES_AUTO;
	int64_t now_us = g_get_monotonic_time();
	int64_t left_us = is_auto ? fs_budget_begin(fs->budget, node->parent, now_us) : INT64_MAX;

	if (left_us == 0) {
		reply_node(req, fs, node);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_size);
	parked->dir = is_auto ? node->parent : 0;
	fs_parked_enter(parked, left_us == INT64_MAX ? 0 : now_us + left_us);
	cache_fetch(fs->cache, node->id, CACHE_REASON_STAT, fs_parked_done, parked);
}

void fs_op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;

	if (fs_inode_is_control(ino)) {
		fs_control_getattr(req, ino);
		return;
	}
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);
	if (node == NULL)
		fs_err_reply(req, error, "stat");
	else if (!fs_inode_is_current(ino, node))
		reply_outdated(req, fs, node, ino);
	else if (fs_attr_is_exact(node) || node->has_error)
		reply_node(req, fs, node);
	else
		wait_for_size(req, fs, node, ino);
}

/* --- setattr and statfs -------------------------------------------------- */

#define SETS_CONTENT (FUSE_SET_ATTR_SIZE)
#define SETS_TIMES (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_ATIME_NOW | \
	FUSE_SET_ATTR_MTIME_NOW)

/* Mode and owner are what the server grants and the options say: a change is accepted, so that
 * `cp -p` and `tar -p` do not complain, and nothing comes of it. */
void fs_op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int what,
	struct fuse_file_info *info)
{
	Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;

	if (fs_inode_is_control(ino)) {
		fuse_reply_err(req, EROFS);
		return;
	}
	if (what & (SETS_CONTENT | SETS_TIMES)) {
		fuse_reply_err(req, EROFS);
		return;
	}
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);
	if (node == NULL)
		fs_err_reply(req, error, "chmod");
	else if (!fs_inode_is_current(ino, node))
		reply_outdated(req, fs, node, ino);
	else
		reply_node(req, fs, node);
}

/* Where the server tells no quota there is no "free" to speak of, and none is made up. */
void fs_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	CacheUsage usage = {.quota = -1};

	if (!cache_usage(fs->cache, &usage, &error)) {
		fs_err_reply(req, error, "statfs");
		return;
	}
	uint64_t used = (usage.bytes + BLOCK_SIZE - 1) / BLOCK_SIZE;
	uint64_t quota = usage.quota > 0 ? (uint64_t)usage.quota / BLOCK_SIZE : 0;
	uint64_t all = MAX(used, quota);
	struct statvfs space = {
		.f_bsize = BLOCK_SIZE,
		.f_frsize = BLOCK_SIZE,
		.f_blocks = all,
		.f_bfree = all - used,
		.f_bavail = all - used,
		.f_files = usage.items,
		.f_namemax = FS_NAME_MAX,
	};
	fuse_reply_statfs(req, &space);
}
