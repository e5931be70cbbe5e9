/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/parts.h"

#include <errno.h>
#include <string.h>

#include "fs/contents.h"
#include "fs/dir.h"
#include "fs/err.h"
#include "fs/inode.h"
#include "fs/page.h"
#include "fs/workshop.h"

/* --- attributes -------------------------------------------------------------------------- */

/* One of the numbers that people see for each thing that there is of @node: the same as long as
 * its bytes are, on any machine. (SplitMix64.) */
static uint64_t mix(const CacheNode *node, uint64_t which)
{
	uint64_t hash = node->ino + (which + 1) * UINT64_C(0x9e3779b97f4a7c15);

	hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (hash ^ (hash >> 31)) | FS_INODE_HIDDEN;
}

static uint64_t part_ino(const CacheNode *node, unsigned number)
{
	return mix(node, (uint64_t)number + 1);
}

/* Of a directory of the mailbox, or of a message. */
static uint64_t ino_of(const CacheNode *node)
{
	return node->kind == CACHE_KIND_DIR ? mix(node, 0) : part_ino(node, 0);
}

/* Who may read what is in a directory may pass through it. Its subdirectories are not counted. */
static void make_dir(struct stat *attr)
{
	mode_t read = attr->st_mode & 0444;

	attr->st_mode = S_IFDIR | read | read >> 2;
	attr->st_nlink = 1;
	attr->st_size = 0;
	attr->st_blocks = 0;
}

/* @part: itself; NULL: it is the message. */
static struct stat attr_of(const Fs *fs, const FsPart *part, const ViewPart *view)
{
	struct stat attr = fs_shape_attr(&fs_parts_shape, fs, part->node);

	attr.st_ino = part_ino(part->node, part->number);
	if (view == NULL || view_part_is_dir(view)) {
		make_dir(&attr);
	} else {
		attr.st_size = view->size;
		attr.st_blocks = (view->size + 511) / 512;
	}
	return attr;
}

static double keep_s(const Fs *fs, const CacheNode *node)
{
	return node->is_local ? 0 : fs_shape_keep_s(fs);
}

static void reply_attr(fuse_req_t req, const FsPart *part, const ViewPart *view)
{
	const Fs *fs = fs_of(req);
	struct stat attr = attr_of(fs, part, view);

	fuse_reply_attr(req, &attr, keep_s(fs, part->node));
}

/* Content numbers come round in what node numbers have of them; with the whole of it beside that, a
 * number is never of other bytes to the kernel. */
static void reply_entry(fuse_req_t req, const FsPart *part, const ViewPart *view)
{
	const Fs *fs = fs_of(req);
	struct fuse_entry_param entry = {
		.ino = part->ino,
		.generation = part->node->content,
		.attr = attr_of(fs, part, view),
		.entry_timeout = keep_s(fs, part->node),
		.attr_timeout = keep_s(fs, part->node),
	};

	fuse_reply_entry(req, &entry);
}

/* Of the tree's shape. Takes @node. */
static void reply_message(fuse_req_t req, const Fs *fs, CacheNode *node)
{
	g_auto(FsPart) part = {.ino = fs_inode_make_part(node, 0), .node = node};

	reply_entry(req, &part, NULL);
}

/* --- what a request is about ------------------------------------------------------------- */

/* FALSE when the request was answered: it is gone, or has other bytes. */
static bool load(fuse_req_t req, fuse_ino_t ino, FsPart *ret_part)
{
	g_autoptr(GError) error = NULL;

	if (fs_part_load(ret_part, fs_of(req), ino, &error))
		return true;
	fs_err_reply(req, error, "parts");
	return false;
}

static FsJob new_job(fuse_req_t req, fuse_ino_t ino, const char *what,
	bool (*run)(const FsJob *self, GError **error))
{
	return (FsJob){
		.req = req,
		.ino = ino,
		.what = what,
		.reason = CACHE_REASON_READ,
		.run = run,
	};
}

/* Goes on with @answer when it is known what is in the message; returns as FsJob.run does. */
static bool with_list(const FsJob *job, void (*answer)(const FsJob *job, const FsPart *part),
	GError **error)
{
	g_auto(FsPart) part = {0};

	if (!load(job->req, job->ino, &part))
		return true;
	if (!fs_part_list(&part, fs_of(job->req), error))
		return false;
	answer(job, &part);
	return true;
}

/* --- names ------------------------------------------------------------------------------- */

static void reply_child(const FsJob *job, const FsPart *dir)
{
	unsigned count = view_parts_count(dir->parts);
	unsigned i = dir->number + 1;

	while (i < count && (view_parts_get(dir->parts, i)->parent != dir->number ||
				    !g_str_equal(view_parts_get(dir->parts, i)->name, job->name)))
		i++;
	if (i == count) {
		fuse_reply_err(job->req, ENOENT);
		return;
	}
	FsPart part = {
		.ino = fs_inode_make_part(dir->node, i),
		.node = dir->node,
		.parts = dir->parts,
		.number = i,
	};
	reply_entry(job->req, &part, view_parts_get(dir->parts, i));
}

static bool run_lookup(const FsJob *job, GError **error)
{
	return with_list(job, reply_child, error);
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	FsJob job = new_job(req, parent, "lookup", run_lookup);

	if (parent == FUSE_ROOT_ID || fs_inode_is_shape_dir(parent)) {
		fs_shape_lookup(&fs_parts_shape, req, parent, name);
		return;
	}
	g_strlcpy(job.name, name, sizeof(job.name));
	fs_job_try(&job);
}

/* --- sizes ------------------------------------------------------------------------------- */

static void answer_getattr(const FsJob *job, const FsPart *part)
{
	reply_attr(job->req, part, fs_part_view(part));
}

static bool run_getattr(const FsJob *job, GError **error)
{
	return with_list(job, answer_getattr, error);
}

static void getattr_message(fuse_req_t req, fuse_ino_t ino)
{
	g_auto(FsPart) part = {0};

	if (load(req, ino, &part))
		reply_attr(req, &part, NULL);
}

/* Who has it open sees the length of what he reads, whatever has become of it since. */
static void get_attributes(fuse_req_t req, fuse_ino_t ino)
{
	g_autoptr(FsReading) open = fs_reading_find(fs_of(req)->workshop, ino);
	const FsJob job = new_job(req, ino, "stat", run_getattr);

	if (fs_inode_is_shape_dir(ino))
		fs_shape_getattr(&fs_parts_shape, req, ino);
	else if (open != NULL)
		answer_getattr(&job, fs_reading_of(open));
	else if (fs_inode_part(ino) == 0)
		getattr_message(req, ino);
	else
		fs_job_try(&job);
}

/* --- listing ----------------------------------------------------------------------------- */

static void answer_opendir(const FsJob *job, const FsPart *part)
{
	fs_dir_reply_fixed(job->req, &job->info, part->node->is_local);
}

static bool run_opendir(const FsJob *job, GError **error)
{
	return with_list(job, answer_opendir, error);
}

static void open_directory(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	FsJob job = new_job(req, ino, "opendir", run_opendir);

	job.info = *info;
	if (fs_inode_is_shape_dir(ino))
		fs_dir_open(req, ino, info);
	else
		fs_job_try(&job);
}

static bool add_part(FsPage *page, const FsPart *dir, unsigned number)
{
	const ViewPart *view = view_parts_get(dir->parts, number);

	return view->parent != dir->number ||
		fs_page_add(page, view->name, part_ino(dir->node, number),
			view_part_is_dir(view) ? S_IFDIR : S_IFREG,
			FS_PAGE_FIRST_COOKIE + (off_t)number);
}

static void answer_readdir(const FsJob *job, const FsPart *dir)
{
	g_auto(FsPage) page;

	fs_page_init(&page, job->req, job->size, job->offset, job->is_plus);
	fs_page_add_dots(&page, part_ino(dir->node, dir->number));
	for (unsigned i = dir->number + 1; i < view_parts_count(dir->parts); i++) {
		if (!add_part(&page, dir, i))
			break;
	}
	fs_page_reply(&page);
}

static bool run_readdir(const FsJob *job, GError **error)
{
	return with_list(job, answer_readdir, error);
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	FsJob job = new_job(req, ino, "readdir", run_readdir);
	g_auto(FsPage) page = {0};

	job.size = size;
	job.offset = offset;
	job.is_plus = is_plus;
	if (!fs_inode_is_shape_dir(ino)) {
		fs_job_try(&job);
		return;
	}
	fs_page_init(&page, req, size, offset, is_plus);
	fs_shape_readdir(&fs_parts_shape, &page, ino);
}

/* --- opening and reading ----------------------------------------------------------------- */

static void free_part(void *part)
{
	fs_part_clear(part);
	g_free(part);
}

static FsRendered *make_part(const void *part, const Fs *fs, const CacheBlob *blob, GError **error)
{
	return fs_part_make(part, fs, blob, error);
}

/* Takes what is in @part, and @blob. */
static void reply_opened(const FsJob *job, FsPart *part, CacheBlob *blob)
{
	const FsWork work = {
		.ino = part->ino,
		.is_passing = part->node->is_local,
		.of = g_memdup2(part, sizeof(*part)),
		.free_of = free_part,
		.make = make_part,
	};

	*part = (FsPart){0};
	fs_reading_open(job->req, &job->info, &work, blob);
}

static bool run_open(const FsJob *job, GError **error)
{
	g_auto(FsPart) part = {0};

	if (!load(job->req, job->ino, &part))
		return true;
	g_autoptr(CacheBlob) blob = fs_job_blob(job, part.node, error);
	if (blob == NULL || !fs_part_list_blob(&part, fs_of(job->req), blob, error))
		return false;
	reply_opened(job, &part, g_steal_pointer(&blob));
	return true;
}

/* Without OPEN. */
static bool run_read(const FsJob *job, GError **error)
{
	const Fs *fs = fs_of(job->req);
	g_auto(FsPart) part = {0};

	if (!load(job->req, job->ino, &part))
		return true;
	g_autoptr(CacheBlob) blob = cache_blob_open_node(fs->cache, part.node, error);
	if (blob == NULL || !fs_part_list_blob(&part, fs, blob, error))
		return false;
	g_autoptr(FsRendered) made = fs_part_make(&part, fs, blob, error);
	if (made != NULL)
		fs_rendered_reply(made, job->req, job->size, job->offset);
	return made != NULL;
}

/* --- the tree ---------------------------------------------------------------------------- */

const FsHidden fs_parts_tree = {
	.name = ".parts",
	.lookup = look_up,
	.getattr = get_attributes,
	.opendir = open_directory,
	.readdir = read_directory,
	.open = fs_shape_open,
	.read = fs_shape_read,
};

const FsShape fs_parts_shape = {
	.tree = FS_INODE_PARTS,
	.ext = "",
	.what = "parts",
	.type = S_IFDIR,
	.ino = ino_of,
	.reply_message = reply_message,
	.run_open = run_open,
	.run_read = run_read,
};
