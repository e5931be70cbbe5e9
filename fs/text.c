/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/text.h"

#include <errno.h>

#include "ews/error.h"
#include "fs/ahead.h"
#include "fs/budget.h"
#include "fs/dir.h"
#include "fs/err.h"
#include "fs/fs.h"
#include "fs/inode.h"
#include "fs/page.h"
#include "fs/park.h"
#include "fs/shape.h"
#include "fs/texts.h"
#include "fs/workshop.h"

/* --- attributes -------------------------------------------------------------------------- */

/* The upper bit is set, and of no st_ino of the mailbox. */
static uint64_t ino_of(const CacheNode *node)
{
	return node->ino | FS_INODE_HIDDEN;
}

/* @size is exact; below 0 it is not known, and the message's stands for it. */
static struct stat file_attr(const Fs *fs, const FsText *text, int64_t size)
{
	struct stat attr = fs_shape_attr(&fs_text_shape, fs, text->node);

	if (size >= 0) {
		attr.st_size = size;
		attr.st_blocks = (size + 511) / 512;
	}
	return attr;
}

static double keep_file_s(const Fs *fs, const FsText *text, int64_t size)
{
	return size >= 0 && !text->node->is_local ? fs_shape_keep_s(fs) : 0;
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

static bool fill_entry(const Fs *fs, CacheNode *node, struct fuse_entry_param *ret_entry,
	GError **error)
{
	g_auto(FsText) text = {0};

	if (!fs_text_load(&text, fs, node, error))
		return false;
	int64_t size = fs_text_size(&text);
	/* A length that is not known is not kept: open(2), which looks at permissions, and stat(2)
	 * ask for it once more. And where the file were longer than what the kernel is given
	 * (fs/ahead.h) it would not take the end. */
	*ret_entry = (struct fuse_entry_param){
		.ino = text.ino,
		.attr = file_attr(fs, &text, MAX(size, 0)),
		.entry_timeout = text.node->is_local ? 0 : fs_shape_keep_s(fs),
		.attr_timeout = keep_file_s(fs, &text, size),
	};
	return true;
}

/* Takes @node. */
static void reply_file(fuse_req_t req, const Fs *fs, CacheNode *node)
{
	g_autoptr(GError) error = NULL;
	struct fuse_entry_param entry;

	if (fill_entry(fs, node, &entry, &error))
		fuse_reply_entry(req, &entry);
	else
		fs_err_reply(req, error, "text");
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fs_shape_lookup(&fs_text_shape, req, parent, name);
}

/* --- sizes ------------------------------------------------------------------------------- */

/* An estimate will do where it would for the message. */
static bool may_estimate(const Fs *fs, const FsText *text)
{
	return text->node->has_error || fs->config->sizes == FS_SIZES_AUTO;
}

static void reply_made(fuse_req_t req, const FsText *text, const FsRendered *rendered,
	const GError *error)
{
	if (rendered != NULL)
		reply_attr(req, text, fs_rendered_size(rendered));
	else if (may_estimate(fs_of(req), text))
		reply_attr(req, text, -1);
	else
		fs_job_fail(req, error, "text");
}

static bool run_getattr(const FsJob *job, GError **error)
{
	g_auto(FsText) text = {0};
	g_autoptr(GError) problem = NULL;

	if (!load(job->req, job->ino, &text))
		return true;
	fs_ahead_missed(fs_of(job->req)->ahead, text.node);
	g_autoptr(FsRendered) rendered = fs_text_render(&text, fs_of(job->req), &problem);
	reply_made(job->req, &text, rendered, problem);
	return true;
}

static void reply_size(FsParked *parked, FsParkedHow how, const GError *failure)
{
	const Fs *fs = fs_of(parked->req);
	const FsJob job = {.req = parked->req, .ino = parked->ino, .run = run_getattr};
	g_auto(FsText) text = {0};

	if (how == FS_PARKED_DONE)
		fs_job_post(&job, NULL);
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
	int64_t dir = (int64_t)fs_inode_make_shape_dir(FS_INODE_TEXT, text->node->parent);
	int64_t now_us = g_get_monotonic_time();
	int64_t left_us = is_auto ? fs_budget_begin(fs->budget, dir, now_us) : INT64_MAX;

	if (left_us == 0) {
		reply_attr(req, text, -1);
		return;
	}
	g_autoptr(GError) error = NULL;
	fs_ahead_missed(fs->ahead, text->node);
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

/* Who has it open sees the length of what he reads, whatever has become of it since. */
static void getattr_open(fuse_req_t req, FsReading *open)
{
	const Fs *fs = fs_of(req);
	const FsText *text = fs_reading_of(open);
	g_autoptr(GError) error = NULL;

	if (fs_text_size(text) >= 0) {
		reply_attr(req, text, fs_text_size(text));
		return;
	}
	g_autoptr(FsRendered) rendered = fs_reading_make(open, fs, &error);
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

	if (fs_inode_is_shape_dir(ino)) {
		fs_shape_getattr(&fs_text_shape, req, ino);
		return;
	}
	g_autoptr(FsReading) open = fs_reading_find(fs->workshop, ino);
	fs_ahead_passed(fs->ahead, fs_inode_node(ino));
	if (open != NULL)
		getattr_open(req, open);
	else
		getattr_file(req, fs, ino);
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	g_auto(FsPage) page;

	fs_page_init(&page, req, size, offset, is_plus);
	fs_shape_readdir(&fs_text_shape, &page, ino);
}

/* --- opening ----------------------------------------------------------------------------- */

static void free_text(void *text)
{
	fs_text_clear(text);
	g_free(text);
}

static FsRendered *make_text(const void *of, const Fs *fs, const CacheBlob *blob, GError **error)
{
	const FsText *text = of;
	FsRendered *made = fs_workshop_find(fs->workshop, text->ino);

	if (made != NULL)
		return made;
	fs_ahead_missed(fs->ahead, text->node);
	return fs_text_render_blob(text, fs, blob, error);
}

/* Takes what is in @text, and @blob. */
static void reply_opened(const FsJob *job, FsText *text, CacheBlob *blob)
{
	const FsWork work = {
		.ino = text->ino,
		.is_passing = text->node->is_local,
		.of = g_memdup2(text, sizeof(*text)),
		.free_of = free_text,
		.make = make_text,
	};

	*text = (FsText){0};
	fs_reading_open(job->req, &job->info, &work, blob);
}

/* As with messages: old bytes are better than none. */
static bool run_open(const FsJob *job, GError **error)
{
	g_auto(FsText) text = {0};

	if (!load(job->req, job->ino, &text))
		return true;
	CacheBlob *blob = fs_job_blob(job, text.node, error);
	if (blob != NULL)
		reply_opened(job, &text, blob);
	return blob != NULL;
}

/* --- reading ----------------------------------------------------------------------------- */

/* Without OPEN. */
static bool run_read(const FsJob *job, GError **error)
{
	g_auto(FsText) text = {0};

	if (!load(job->req, job->ino, &text))
		return true;
	fs_ahead_missed(fs_of(job->req)->ahead, text.node);
	g_autoptr(FsRendered) rendered = fs_text_render(&text, fs_of(job->req), error);
	if (rendered != NULL)
		fs_rendered_reply(rendered, job->req, job->size, job->offset);
	return rendered != NULL;
}

static void open_file(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	fs_ahead_passed(fs_of(req)->ahead, fs_inode_node(ino));
	fs_shape_open(req, ino, info);
}

static void read_file(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	if (offset == 0)
		fs_ahead_passed(fs_of(req)->ahead, fs_inode_node(ino));
	fs_shape_read(req, ino, size, offset, info);
}

/* --- the tree ---------------------------------------------------------------------------- */

const FsHidden fs_text_tree = {
	.name = ".text",
	.lookup = look_up,
	.getattr = get_attributes,
	.opendir = fs_dir_open,
	.readdir = read_directory,
	.open = open_file,
	.read = read_file,
};

const FsShape fs_text_shape = {
	.tree = FS_INODE_TEXT,
	.ext = ".txt",
	.what = "text",
	.type = S_IFREG,
	.ino = ino_of,
	.fill_entry = fill_entry,
	.reply_message = reply_file,
	.run_open = run_open,
	.run_read = run_read,
};
