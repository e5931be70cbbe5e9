/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/text.h"

#include <errno.h>
#include <string.h>

#include "ews/error.h"
#include "fs/attr.h"
#include "fs/budget.h"
#include "fs/dir.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/page.h"
#include "fs/park.h"
#include "fs/textname.h"
#include "fs/texts.h"

/* --- attributes -------------------------------------------------------------------------- */

/* The node's, but for who may do what, and for the number: the upper bit is set, and of no st_ino
 * of the mailbox. */
static struct stat attr_of(const Fs *fs, const CacheNode *node)
{
	struct stat attr;

	fs_attr_fill(fs->config, node, &attr);
	attr.st_ino |= FS_INODE_HIDDEN;
	attr.st_mode &= ~(mode_t)0222;
	return attr;
}

/* @size is exact; below 0 it is not known, and the message's stands for it. */
static struct stat file_attr(const Fs *fs, const FsText *text, int64_t size)
{
	struct stat attr = attr_of(fs, text->node);

	if (size >= 0) {
		attr.st_size = size;
		attr.st_blocks = (size + 511) / 512;
	}
	return attr;
}

static double keep_s(const Fs *fs)
{
	return fs->config->is_read_only ? FS_KEEP_S : 0;
}

static double keep_file_s(const Fs *fs, const FsText *text, int64_t size)
{
	return size >= 0 && !text->node->is_local ? keep_s(fs) : 0;
}

static void reply_attr(fuse_req_t req, const FsText *text, int64_t size)
{
	const Fs *fs = fs_of(req);
	struct stat attr = file_attr(fs, text, size);

	fuse_reply_attr(req, &attr, keep_file_s(fs, text, size));
}

/* --- numbers ----------------------------------------------------------------------------- */

/* What @ino stands for. FALSE when the request was answered: it is gone, or is another text now. */
static bool load(fuse_req_t req, fuse_ino_t ino, FsText *ret_text)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	CacheNode *node = cache_get(fs->cache, fs_inode_node(ino), &error);

	if (node == NULL || !fs_text_load(ret_text, fs, node, &error)) {
		fs_err_reply(req, error, "text");
		return false;
	}
	if (ret_text->ino == ino)
		return true;
	fs_text_clear(ret_text);
	fuse_reply_err(req, ESTALE);
	return false;
}

/* --- names ------------------------------------------------------------------------------- */

static void reply_dir(fuse_req_t req, const Fs *fs, const CacheNode *node)
{
	struct fuse_entry_param entry = {
		.ino = fs_inode_make_text_dir(node->id),
		.attr = attr_of(fs, node),
		.entry_timeout = keep_s(fs),
		.attr_timeout = node->is_listed ? keep_s(fs) : 0,
	};

	fuse_reply_entry(req, &entry);
}

/* Takes @node. */
static void reply_file(fuse_req_t req, const Fs *fs, CacheNode *node)
{
	g_autoptr(GError) error = NULL;
	g_auto(FsText) text = {0};

	if (!fs_text_load(&text, fs, node, &error)) {
		fs_err_reply(req, error, "text");
		return;
	}
	int64_t size = fs_text_size(&text);
	struct fuse_entry_param entry = {
		.ino = text.ino,
		.attr = file_attr(fs, &text, size),
		.entry_timeout = text.node->is_local ? 0 : keep_s(fs),
		.attr_timeout = keep_file_s(fs, &text, size),
	};
	fuse_reply_entry(req, &entry);
}

/* FALSE when there is no such name, as far as is known; else the request was answered. */
static bool answer_lookup(fuse_req_t req, int64_t dir, const char *name)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	CacheNode *node = fs_textname_find(fs, dir, name, &error);

	if (node == NULL && ews_error_is(error, EWS_ERROR_NOT_FOUND))
		return false;
	if (node == NULL)
		fs_err_reply(req, error, "text");
	else if (node->kind == CACHE_KIND_FILE)
		reply_file(req, fs, node);
	else {
		reply_dir(req, fs, node);
		cache_node_unref(node);
	}
	return true;
}

static void reply_listed(FsParked *parked, FsParkedHow how, const GError *failure)
{
	if (!answer_lookup(parked->req, fs_inode_node(parked->ino), parked->extra))
		fuse_reply_err(parked->req, how == FS_PARKED_DONE ? ENOENT : EBUSY);
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;

	if (parent != FUSE_ROOT_ID) {
		if (!answer_lookup(req, fs_inode_node(parent), name))
			fs_dir_reply_missing(req, parent, name,
				g_str_has_suffix(name, FS_TEXT_EXT), reply_listed);
		return;
	}
	g_autoptr(CacheNode) root = cache_get(fs->cache, CACHE_ROOT, &error);
	if (root == NULL)
		fs_err_reply(req, error, "text");
	else
		reply_dir(req, fs, root);
}

/* --- sizes ------------------------------------------------------------------------------- */

/* An estimate will do where it would for the message. */
static bool may_estimate(const Fs *fs, const FsText *text)
{
	return text->node->has_error || fs->config->sizes == FS_SIZES_AUTO;
}

/* Bytes that were fetched and have left again: whoever wants them looks once more. */
static void reply_error(fuse_req_t req, const GError *error, const char *what)
{
	if (error == NULL || ews_error_is(error, EWS_ERROR_NOT_FOUND))
		fuse_reply_err(req, ESTALE);
	else
		fs_err_reply(req, error, what);
}

static void reply_made(fuse_req_t req, const FsText *text, const FsRendered *rendered,
	const GError *error)
{
	if (rendered != NULL)
		reply_attr(req, text, fs_rendered_size(rendered));
	else if (may_estimate(fs_of(req), text))
		reply_attr(req, text, -1);
	else
		reply_error(req, error, "text");
}

/* FALSE when the request was answered. */
static bool load_job(const FsTextJob *job, bool is_over, FsText *ret_text)
{
	if (is_over)
		fuse_reply_err(job->req, ENOTCONN);
	return !is_over && load(job->req, job->ino, ret_text);
}

static void run_attr_job(const FsTextJob *job, bool is_over)
{
	g_auto(FsText) text = {0};
	g_autoptr(GError) error = NULL;

	if (!load_job(job, is_over, &text))
		return;
	g_autoptr(FsRendered) rendered = fs_text_render(&text, fs_of(job->req), &error);
	reply_made(job->req, &text, rendered, error);
}

static void reply_size(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	const FsTextJob job = {.req = parked->req, .ino = parked->ino, .run = run_attr_job};
	g_auto(FsText) text = {0};

	if (how == FS_PARKED_DONE)
		fs_texts_post(fs->texts, &job);
	else if (!load(parked->req, parked->ino, &text))
		return;
	else if (may_estimate(fs, &text))
		reply_attr(parked->req, &text, -1);
	else
		fs_err_reply(parked->req, failure, "text");
}

/* Making many texts takes its time as fetching many messages does: both are in the budget of who
 * walks a directory. */
static void make_size(fuse_req_t req, Fs *fs, const FsText *text)
{
	bool is_auto = fs->config->sizes == FS_SIZES_AUTO;
	int64_t dir = (int64_t)fs_inode_make_text_dir(text->node->parent);
	int64_t now_us = g_get_monotonic_time();
	int64_t left_us = is_auto ? fs_budget_begin(fs->budget, dir, now_us) : INT64_MAX;

	if (left_us == 0) {
		reply_attr(req, text, -1);
		return;
	}
	g_autoptr(GError) error = NULL;
	g_autoptr(FsRendered) rendered = fs_text_render(text, fs, &error);
	if (!ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		if (is_auto)
			fs_budget_end(fs->budget, dir, g_get_monotonic_time());
		reply_made(req, text, rendered, error);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, text->ino, reply_size);
	parked->dir = is_auto ? dir : 0;
	fs_parked_enter(parked, left_us == INT64_MAX ? 0 : now_us + left_us);
	cache_fetch(fs->cache, text->node->id, CACHE_REASON_READ, fs_parked_done, parked);
}

static void getattr_dir(fuse_req_t req, const Fs *fs, fuse_ino_t ino)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheNode) node = cache_get(fs->cache, fs_inode_node(ino), &error);

	if (node == NULL) {
		fs_err_reply(req, error, "text");
		return;
	}
	struct stat attr = attr_of(fs, node);
	fuse_reply_attr(req, &attr, node->is_listed ? keep_s(fs) : 0);
}

/* Who has it open sees the length of what he reads, whatever has become of it since. */
static void getattr_open(fuse_req_t req, FsTextOpen *open)
{
	const Fs *fs = fs_of(req);
	const FsText *text = fs_text_open_text(open);
	g_autoptr(GError) error = NULL;

	if (fs_text_size(text) >= 0) {
		reply_attr(req, text, fs_text_size(text));
		return;
	}
	g_autoptr(FsRendered) rendered = fs_text_open_render(open, fs, &error);
	if (rendered != NULL)
		reply_attr(req, text, fs_rendered_size(rendered));
	else
		fs_err_reply(req, error, "text");
}

static void getattr_file(fuse_req_t req, Fs *fs, fuse_ino_t ino)
{
	g_auto(FsText) text = {0};

	if (!load(req, ino, &text))
		return;
	int64_t size = fs_text_size(&text);
	if (size >= 0 || (text.node->has_error && !text.node->is_here))
		reply_attr(req, &text, size);
	else
		make_size(req, fs, &text);
}

static void get_attributes(fuse_req_t req, fuse_ino_t ino)
{
	Fs *fs = fs_of(req);
	g_autoptr(FsTextOpen) open = fs_texts_opened(fs->texts, ino);

	if (fs_inode_is_text_dir(ino))
		getattr_dir(req, fs, ino);
	else if (open != NULL)
		getattr_open(req, open);
	else
		getattr_file(req, fs, ino);
}

/* --- listing ----------------------------------------------------------------------------- */

/* A node's cookie is its id and this: beyond those of the dots, since no entry is the root. */
#define COOKIE_OF (FS_PAGE_FIRST_COOKIE - (CACHE_ROOT + 1))

typedef struct Listing {
	const Fs *fs;
	FsPage page;
} Listing;

static bool add_node(const CacheNode *node, void *user)
{
	Listing *self = user;
	mode_t mode = node->kind == CACHE_KIND_DIR ? S_IFDIR : S_IFREG;
	g_autofree char *name = fs_textname_of(self->fs, node);

	return name == NULL ||
		fs_page_add(&self->page, name, node->ino | FS_INODE_HIDDEN, mode,
			node->id + COOKIE_OF);
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	Listing listing = {.fs = fs_of(req)};
	g_autoptr(GError) error = NULL;
	int64_t after = MAX(offset - COOKIE_OF, 0);

	fs_page_init(&listing.page, req, size, offset, is_plus);
	fs_page_add_dots(&listing.page, FS_INODE_HIDDEN);
	if (cache_list(listing.fs->cache, fs_inode_node(ino), after, add_node, &listing, &error))
		fs_page_reply(&listing.page);
	else
		fs_err_reply(req, error, "readdir");
	fs_page_clear(&listing.page);
}

/* --- opening ----------------------------------------------------------------------------- */

static void let_go(void *open)
{
	fs_text_open_unref(open);
}

/* Takes @blob. What may change while it is open has no pages in the kernel. */
static void reply_opened(fuse_req_t req, struct fuse_file_info *info, FsText *text,
	CacheBlob *blob)
{
	const Fs *fs = fs_of(req);
	bool is_local = text->node->is_local;
	FsTextOpen *open = fs_text_open_new(fs->texts, text, blob);
	FsHandle *handle = fs_handle_new(fs->handles, open, let_go);

	info->fh = (uintptr_t)handle;
	info->direct_io = is_local;
	info->keep_cache = !is_local;
	info->noflush = 1;
	if (fuse_reply_open(req, info) == -ENOENT)
		fs_handle_free(fs->handles, handle);
}

/* As with messages: old bytes are better than none. */
static void reply_fetched(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	g_auto(FsText) text = {0};
	g_autoptr(GError) error = NULL;

	if (!load(parked->req, parked->ino, &text))
		return;
	CacheBlob *blob = cache_blob_open_node(fs->cache, text.node, &error);
	if (blob != NULL)
		reply_opened(parked->req, &parked->info, &text, blob);
	else
		fs_err_reply(parked->req, failure != NULL ? failure : error, "open");
}

static void open_text(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	Fs *fs = fs_of(req);
	g_auto(FsText) text = {0};

	if (!load(req, ino, &text))
		return;
	bool is_good = text.node->is_local || !text.node->is_suspect;
	CacheBlob *blob = is_good ? cache_blob_open_node(fs->cache, text.node, NULL) : NULL;
	if (blob != NULL) {
		reply_opened(req, info, &text, blob);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_fetched);
	parked->info = *info;
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, text.node->id, CACHE_REASON_OPEN, fs_parked_done, parked);
}

/* --- reading ----------------------------------------------------------------------------- */

static void reply_rendered(fuse_req_t req, const FsRendered *rendered, const GError *error,
	size_t size, off_t offset)
{
	if (rendered != NULL)
		fs_rendered_reply(rendered, req, size, offset);
	else
		reply_error(req, error, "read");
}

static void run_read_job(const FsTextJob *job, bool is_over)
{
	g_auto(FsText) text = {0};
	g_autoptr(GError) error = NULL;

	if (!load_job(job, is_over, &text))
		return;
	g_autoptr(FsRendered) rendered = fs_text_render(&text, fs_of(job->req), &error);
	reply_rendered(job->req, rendered, error, job->size, job->offset);
}

static void reply_read(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	const FsTextJob job = {
		.req = parked->req,
		.ino = parked->ino,
		.size = parked->size,
		.offset = parked->offset,
		.run = run_read_job,
	};

	if (how == FS_PARKED_DONE)
		fs_texts_post(fs->texts, &job);
	else
		fs_err_reply(parked->req, failure, "read");
}

/* Without OPEN. */
static void read_by_number(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset)
{
	Fs *fs = fs_of(req);
	g_autoptr(FsRendered) kept = fs_texts_find(fs->texts, ino);
	g_auto(FsText) text = {0};

	if (kept != NULL) {
		fs_rendered_reply(kept, req, size, offset);
		return;
	}
	if (!load(req, ino, &text))
		return;
	g_autoptr(GError) error = NULL;
	g_autoptr(FsRendered) made = fs_text_render(&text, fs, &error);
	if (!ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		reply_rendered(req, made, error, size, offset);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, req, ino, reply_read);
	parked->size = size;
	parked->offset = offset;
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, text.node->id, CACHE_REASON_READ, fs_parked_done, parked);
}

static void read_text(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;

	if (!fs->has_open) {
		read_by_number(req, ino, size, offset);
		return;
	}
	FsTextOpen *open = fs_handle_held((FsHandle *)(uintptr_t)info->fh);
	g_autoptr(FsRendered) rendered = fs_text_open_render(open, fs, &error);
	reply_rendered(req, rendered, error, size, offset);
}

/* --- the tree ---------------------------------------------------------------------------- */

const FsHidden fs_text_tree = {
	.name = ".text",
	.lookup = look_up,
	.getattr = get_attributes,
	.opendir = fs_dir_open,
	.readdir = read_directory,
	.open = open_text,
	.read = read_text,
};
