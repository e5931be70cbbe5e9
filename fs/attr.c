/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/attr.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "ews/error.h"
#include "fs/budget.h"
#include "fs/err.h"
#include "fs/hidden.h"
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

/* What was deleted while it is open has no name left. */
static nlink_t links_of(const CacheNode *node)
{
	if (node->kind == CACHE_KIND_DIR)
		return 2 + node->subdirs;
	return node->parent != 0 ? 1 : 0;
}

void fs_attr_fill(const FsConfig *config, const CacheNode *node, struct stat *ret_attr)
{
	struct stat attr = {
		.st_ino = node->ino,
		.st_mode = mode_of(config, node),
		.st_nlink = links_of(node),
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
 * its end sets: who has waited for that must not be shown the time from before; nor the time of
 * what is written here, which its end sets likewise, and the kernel is not told of own changes. */
static double keep_s(const CacheNode *node)
{
	if (node->is_local)
		return 0;
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

void fs_attr_reply(fuse_req_t req, const Fs *fs, const CacheNode *node)
{
	struct stat attr;

	fs_attr_fill(fs->config, node, &attr);
	fuse_reply_attr(req, &attr, keep_s(node));
}

void fs_attr_reply_outdated(fuse_req_t req, const Fs *fs, const CacheNode *node, fuse_ino_t ino)
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
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(parked->ino), &problem);

	if (node == NULL)
		fs_err_reply(parked->req, problem, "stat");
	else if (!fs_inode_is_current(parked->ino, node))
		fs_attr_reply_outdated(parked->req, fs, node, parked->ino);
	else if (fs_attr_is_exact(node) || may_estimate(fs, node))
		fs_attr_reply(parked->req, fs, node);
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
		fs_attr_reply(req, fs, node);
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
	const FsHidden *hidden = fs_hidden_of(ino);
	g_autoptr(GError) error = NULL;

	if (hidden != NULL) {
		hidden->getattr(req, ino);
		return;
	}
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);
	if (node == NULL)
		fs_err_reply(req, error, "stat");
	else if (!fs_inode_is_current(ino, node))
		fs_attr_reply_outdated(req, fs, node, ino);
	else if (fs_attr_is_exact(node) || node->has_error)
		fs_attr_reply(req, fs, node);
	else
		wait_for_size(req, fs, node, ino);
}

/* --- statfs -------------------------------------------------------------- */

#define NOBODY_KNOWS UINT64_MAX

/* What may still come into the mailbox: what is left of its quota, where the server tells one;
 * else what this machine can hold until it is sent. Nothing on a mount that cannot be written. */
static void fill_space(const FsConfig *config, const CacheUsage *usage, struct statvfs *space)
{
	uint64_t used = (usage->bytes + BLOCK_SIZE - 1) / BLOCK_SIZE;
	uint64_t quota = usage->quota > 0 ? (uint64_t)usage->quota / BLOCK_SIZE : NOBODY_KNOWS;
	struct statvfs disk = {0};
	uint64_t left = 0;

	if (!config->is_read_only && statvfs(config->state_dir, &disk) == 0)
		left = disk.f_bavail * disk.f_frsize / BLOCK_SIZE;
	if (quota != NOBODY_KNOWS)
		left = quota > used ? quota - used : 0;
	space->f_blocks = used + left;
	space->f_bfree = space->f_bavail = left;
	space->f_files = usage->items + disk.f_favail;
	space->f_ffree = space->f_favail = disk.f_favail;
}

void fs_op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	CacheUsage usage = {.quota = -1};
	struct statvfs space = {
		.f_bsize = BLOCK_SIZE,
		.f_frsize = BLOCK_SIZE,
		.f_namemax = FS_NAME_MAX,
	};

	if (!cache_usage(fs->cache, &usage, &error)) {
		fs_err_reply(req, error, "statfs");
		return;
	}
	fill_space(fs->config, &usage, &space);
	fuse_reply_statfs(req, &space);
}
