/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/contents.h"

#include <errno.h>

#include "ews/error.h"
#include "fs/inode.h"
#include "fs/workshop.h"

G_STATIC_ASSERT(VIEW_PARTS_MAX <= FS_INODE_PARTS_MAX);

/* --- lists ------------------------------------------------------------------------------- */

static void *ref_parts(void *parts)
{
	return view_parts_ref(parts);
}

static void unref_parts(void *parts)
{
	view_parts_unref(parts);
}

static const FsShelfKind kind = {
	.ref = ref_parts,
	.unref = unref_parts,
	.count_max = 256,
	.bytes_max = 4 * 1024 * 1024,
};

FsShelf *fs_contents_new(void)
{
	return fs_shelf_new(&kind);
}

static bool find_list(FsPart *self, const Fs *fs)
{
	if (self->parts == NULL && !self->node->is_local)
		self->parts = fs_shelf_find(fs->contents, fs_inode_of(self->node));
	return self->parts != NULL;
}

static bool make_list(FsPart *self, const Fs *fs, const CacheBlob *blob, GError **error)
{
	self->parts = view_parts_new(cache_blob_fd(blob));
	if (self->parts == NULL) {
		g_propagate_error(error, ews_error_from_errno(EIO, "parts"));
		return false;
	}
	if (!self->node->is_local)
		fs_shelf_put(fs->contents, fs_inode_of(self->node), self->parts,
			view_parts_memory(self->parts));
	return true;
}

/* --- a part ------------------------------------------------------------------------------ */

static bool set_stale(FsPart *self, GError **error)
{
	fs_part_clear(self);
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_STALE, "it has other bytes");
	return false;
}

bool fs_part_load(FsPart *self, const Fs *fs, fuse_ino_t ino, GError **error)
{
	CacheNode *node = cache_get(fs->cache, fs_inode_node(ino), error);

	if (node == NULL)
		return false;
	*self = (FsPart){.ino = ino, .node = node, .number = fs_inode_part(ino)};
	if (fs_inode_make_part(node, self->number) != ino)
		return set_stale(self, error);
	return true;
}

void fs_part_clear(FsPart *self)
{
	g_clear_pointer(&self->node, cache_node_unref);
	g_clear_pointer(&self->parts, view_parts_unref);
}

static bool check_number(FsPart *self, GError **error)
{
	return self->number < view_parts_count(self->parts) || set_stale(self, error);
}

bool fs_part_list(FsPart *self, const Fs *fs, GError **error)
{
	if (find_list(self, fs))
		return check_number(self, error);
	g_autoptr(CacheBlob) blob = cache_blob_open_node(fs->cache, self->node, error);
	return blob != NULL && make_list(self, fs, blob, error) && check_number(self, error);
}

bool fs_part_list_blob(FsPart *self, const Fs *fs, const CacheBlob *blob, GError **error)
{
	return (find_list(self, fs) || make_list(self, fs, blob, error)) &&
		check_number(self, error);
}

const ViewPart *fs_part_view(const FsPart *self)
{
	return view_parts_get(self->parts, self->number);
}

/* --- its bytes --------------------------------------------------------------------------- */

typedef struct Source {
	const FsPart *part;
	int fd;
} Source;

/* An FsRenderedMake. */
static bool make(void *user, ViewWrite write, void *to)
{
	const Source *source = user;

	return view_parts_write(source->part->parts, source->part->number, source->fd, write, to);
}

/* The bytes of the message itself are in a file already. */
FsRendered *fs_part_make(const FsPart *self, const Fs *fs, const CacheBlob *blob, GError **error)
{
	const ViewPart *view = fs_part_view(self);
	Source source = {.part = self, .fd = cache_blob_fd(blob)};
	const FsMaking making = {
		.ino = self->ino,
		.is_passing = self->node->is_local,
		.make = make,
		.user = &source,
	};

	if (view->kind == VIEW_PART_RAW && view->parent == 0)
		return fs_rendered_new_file(source.fd, view->size, error);
	return fs_workshop_make(fs->workshop, &making, error);
}
