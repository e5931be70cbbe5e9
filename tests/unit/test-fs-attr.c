/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/attr.h"

#include <errno.h>

#include "ews/error.h"
#include "ews/types.h"
#include "fs/budget.h"
#include "fs/inode.h"
#include "tests/unit/fs-world.h"

/* fs/ may not see ews/types.h, and CacheNode.rights is made of these. */
G_STATIC_ASSERT(FS_RIGHT_READ == EWS_RIGHT_READ);
G_STATIC_ASSERT(FS_RIGHT_MODIFY == EWS_RIGHT_MODIFY);
G_STATIC_ASSERT(FS_RIGHT_DELETE == EWS_RIGHT_DELETE);
G_STATIC_ASSERT(FS_RIGHT_CREATE_CONTENTS == EWS_RIGHT_CREATE_CONTENTS);
G_STATIC_ASSERT(FS_RIGHT_CREATE_HIERARCHY == EWS_RIGHT_CREATE_HIERARCHY);

#define DIR 5
#define FILE_ID 7

static CacheNode *add_file(World *self)
{
	fake_cache_add(self->cache, DIR, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	CacheNode *node = fake_cache_add(self->cache, FILE_ID, DIR, CACHE_KIND_FILE, "a.eml");
	node->size_hint = 900;
	return node;
}

static void ask(World *self, fuse_ino_t ino)
{
	fs_op_getattr(world_next(self), ino, NULL);
}

static void expect_size(World *self, off_t size, double timeout)
{
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_ATTR);
	g_assert_cmpint(self->req->attr.st_size, ==, size);
	g_assert_cmpfloat(self->req->timeout, ==, timeout);
}

/* --- node to stat -------------------------------------------------------- */

static void test_file(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	struct stat attr;

	node->size = 1025;
	node->mtime = 1700000000123456;
	node->ctime = -1;
	fs_attr_fill(self->config, node, &attr);
	g_assert_cmpuint(attr.st_ino, ==, 1007);
	g_assert_cmpuint(attr.st_mode, ==, S_IFREG | 0600);
	g_assert_cmpuint(attr.st_nlink, ==, 1);
	g_assert_cmpuint(attr.st_uid, ==, 12);
	g_assert_cmpuint(attr.st_gid, ==, 13);
	g_assert_cmpint(attr.st_size, ==, 1025);
	g_assert_cmpint(attr.st_blocks, ==, 3);
	g_assert_cmpint(attr.st_mtim.tv_sec, ==, 1700000000);
	g_assert_cmpint(attr.st_mtim.tv_nsec, ==, 123456000);
	g_assert_cmpint(attr.st_ctim.tv_sec, ==, -1);
	g_assert_cmpint(attr.st_ctim.tv_nsec, ==, 999999000);
}

static void test_modes(World *self, gconstpointer data)
{
	static const struct {
		CacheKind kind;
		unsigned rights;
		mode_t umask, mode;
	} cases[] = {
		{CACHE_KIND_FILE, EWS_RIGHTS_ALL, 0, 0600},
		{CACHE_KIND_FILE, EWS_RIGHT_READ, 0, 0400},
		{CACHE_KIND_FILE, EWS_RIGHT_MODIFY, 0, 0200},
		{CACHE_KIND_FILE, EWS_RIGHTS_ALL, 0277, 0400},
		{CACHE_KIND_DIR, EWS_RIGHTS_ALL, 0, 0700},
		{CACHE_KIND_DIR, EWS_RIGHT_READ, 0, 0500},
		{CACHE_KIND_DIR, EWS_RIGHT_READ | EWS_RIGHT_DELETE, 0, 0700},
		{CACHE_KIND_DIR, EWS_RIGHT_CREATE_HIERARCHY, 0, 0300},
		{CACHE_KIND_DIR, EWS_RIGHTS_ALL, 0222, 0500},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		CacheNode node = {.kind = cases[i].kind, .rights = cases[i].rights};
		struct stat attr;
		self->config->umask = cases[i].umask;
		fs_attr_fill(self->config, &node, &attr);
		g_assert_cmpuint(attr.st_mode & 07777, ==, cases[i].mode);
	}
}

static void test_links(World *self, gconstpointer data)
{
	CacheNode node = {.kind = CACHE_KIND_DIR, .subdirs = 3};
	struct stat attr;

	fs_attr_fill(self->config, &node, &attr);
	g_assert_cmpuint(attr.st_nlink, ==, 5);
}

/* --- getattr ------------------------------------------------------------- */

static void test_known(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);

	node->size = 10;
	ask(self, fs_inode_of(node));
	expect_size(self, 10, FS_KEEP_S);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
}

static void test_unknown(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);

	ask(self, fs_inode_of(node));
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	g_assert_cmpint(fake_cache_wanted(self->cache), ==, FILE_ID);
	g_assert_cmpint(fake_cache_reason(self->cache), ==, CACHE_REASON_STAT);
	node->size = 10;
	fake_cache_answer(self->cache, NULL);
	expect_size(self, 10, FS_KEEP_S);
}

static void test_scan(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	int64_t now_us = g_get_monotonic_time();

	/* Another has used it all up. */
	fs_budget_begin(self->fs.budget, DIR, now_us - 5 * G_USEC_PER_SEC);
	fs_budget_end(self->fs.budget, DIR, now_us);
	ask(self, fs_inode_of(node));
	expect_size(self, 900, 0);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
}

static void test_exact_waits(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	g_autoptr(GError) error = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");
	int64_t now_us = g_get_monotonic_time();

	self->config->sizes = FS_SIZES_EXACT;
	fs_budget_begin(self->fs.budget, DIR, now_us - 5 * G_USEC_PER_SEC);
	fs_budget_end(self->fs.budget, DIR, now_us);
	ask(self, fs_inode_of(node));
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fake_cache_answer(self->cache, error);
	g_assert_cmpint(fake_req_error(self->req), ==, EHOSTUNREACH);
}

static void test_offline(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	g_autoptr(GError) error = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	ask(self, fs_inode_of(node));
	fake_cache_answer(self->cache, error);
	expect_size(self, 900, 0);
}

/* An item that cannot be had is seen, also where sizes are exact. */
static void test_broken_item(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	g_autoptr(GError) error = g_error_new(EWS_ERROR, EWS_ERROR_CORRUPT, "x");

	self->config->sizes = FS_SIZES_EXACT;
	ask(self, fs_inode_of(node));
	node->has_error = true;
	fake_cache_answer(self->cache, error);
	expect_size(self, 900, 0);
	ask(self, fs_inode_of(node));
	expect_size(self, 900, 0);
	g_assert_cmpuint(fake_cache_waiting(self->cache), ==, 0);
}

static void test_outdated(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);

	fake_cache_put(self->cache, FILE_ID, 1, "old bytes");
	fuse_ino_t old = fs_inode_of(node);
	CacheBlob *blob = cache_blob_open(self->cache, FILE_ID, 1, NULL);
	fake_cache_put(self->cache, FILE_ID, 2, "new");
	ask(self, old);
	expect_size(self, 9, 0);
	cache_blob_close(blob);
	ask(self, old);
	g_assert_cmpint(fake_req_error(self->req), ==, ESTALE);
	ask(self, fs_inode_of(node));
	expect_size(self, 3, FS_KEEP_S);
}

static void test_gone(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);
	fuse_ino_t ino = fs_inode_of(node);

	ask(self, ino);
	fake_cache_remove(self->cache, FILE_ID);
	fake_cache_answer(self->cache, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
	ask(self, ino);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOENT);
}

/* Written here: the length is the file's, and what the end of it sets is not kept. */
static void test_local(World *self, gconstpointer data)
{
	g_autoptr(CacheNode) node = NULL;
	CacheFile *file = cache_create(self->cache, CACHE_ROOT, "a.eml", &node, NULL);

	g_assert_true(cache_file_truncate(file, 77, NULL));
	ask(self, fs_inode_of(node));
	expect_size(self, 77, 0);
	cache_file_close(file);
	fake_cache_confirm(self->cache, node->id);
	ask(self, fs_inode_of(node));
	expect_size(self, 77, FS_KEEP_S);
}

/* Who has it open asks on. */
static void test_unlinked(World *self, gconstpointer data)
{
	CacheNode *node = add_file(self);

	node->size = 10;
	node->parent = 0;
	ask(self, fs_inode_of(node));
	expect_size(self, 10, FS_KEEP_S);
	g_assert_cmpuint(self->req->attr.st_nlink, ==, 0);
}

/* --- statfs -------------------------------------------------------------- */

static void ask_space(World *self)
{
	fs_op_statfs(world_next(self), FUSE_ROOT_ID);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_STATFS);
	g_assert_cmpuint(self->req->space.f_namemax, ==, 255);
}

static void test_statfs(World *self, gconstpointer data)
{
	ask_space(self);
	g_assert_cmpuint(self->req->space.f_blocks, ==, 10);
	g_assert_cmpuint(self->req->space.f_bavail, ==, 7);
}

/* Without a quota: what this machine can hold; nothing where nothing can be written. */
static void test_no_quota(World *self, gconstpointer data)
{
	fake_cache_hide_quota(self->cache);
	ask_space(self);
	g_assert_cmpuint(self->req->space.f_bavail, >, 0);
	g_assert_cmpuint(self->req->space.f_blocks, ==, 3 + self->req->space.f_bfree);
	self->config->is_read_only = true;
	ask_space(self);
	g_assert_cmpuint(self->req->space.f_bavail, ==, 0);
	g_assert_cmpuint(self->req->space.f_blocks, ==, 3);
	g_assert_cmpuint(self->req->space.f_ffree, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/attr/a-file", test_file);
	world_add("/fs/attr/modes-follow-rights-and-umask", test_modes);
	world_add("/fs/attr/links-count-subdirectories", test_links);
	world_add("/fs/attr/known-sizes-are-kept", test_known);
	world_add("/fs/attr/one-stat-waits", test_unknown);
	world_add("/fs/attr/a-scan-gets-the-estimate", test_scan);
	world_add("/fs/attr/exact-always-waits", test_exact_waits);
	world_add("/fs/attr/offline-the-estimate-will-do", test_offline);
	world_add("/fs/attr/a-broken-item-is-seen", test_broken_item);
	world_add("/fs/attr/outdated-is-stale-unless-open", test_outdated);
	world_add("/fs/attr/what-is-gone-is-gone", test_gone);
	world_add("/fs/attr/what-is-written-here-is-exact-and-not-kept", test_local);
	world_add("/fs/attr/what-was-unlinked-has-no-link", test_unlinked);
	world_add("/fs/attr/statfs-from-usage-and-quota", test_statfs);
	world_add("/fs/attr/statfs-without-a-quota-is-the-disks", test_no_quota);
	return g_test_run();
}
