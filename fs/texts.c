/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/texts.h"

#include <string.h>

#include "fs/inode.h"
#include "fs/workshop.h"

/* --- what a text is made of -------------------------------------------------------------- */

/* FNV-1a. */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return text != NULL ? mix(hash, text, strlen(text) + 1) : mix(hash, "\1", 1);
}

static int64_t stamp_of(const Fs *fs, const CacheNode *node, const CacheView *view)
{
	const int64_t numbers[] = {VIEW_TEXT_VERSION, node->content, view->is_item, view->is_read,
		view->flag, view->importance};
	uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), numbers, sizeof(numbers));

	hash = mix_text(hash, view->categories);
	hash = mix_text(hash, g_time_zone_get_identifier(fs->zone));
	return (int64_t)hash;
}

bool fs_text_load(FsText *self, const Fs *fs, CacheNode *node, GError **error)
{
	*self = (FsText){.node = node};
	if (!cache_view(fs->cache, node->id, &self->view, error)) {
		fs_text_clear(self);
		return false;
	}
	self->stamp = stamp_of(fs, node, &self->view);
	self->ino = fs_inode_make_text(node->id, (uint64_t)self->stamp);
	return true;
}

void fs_text_clear(FsText *self)
{
	g_clear_pointer(&self->node, cache_node_unref);
	cache_view_clear(&self->view);
}

int64_t fs_text_size(const FsText *self)
{
	bool is_known = !self->node->is_local && self->view.stamp == self->stamp;

	return is_known ? self->view.size : -1;
}

/* --- what is not in the bytes ------------------------------------------------------------ */

static const char *const importances[] = {"low importance", NULL, "high importance"};
static const char *const flags[] = {NULL, "flagged", "complete"};

static void add_word(GString *line, const char *const *words, size_t count, int number)
{
	const char *word = number >= 0 && (size_t)number < count ? words[number] : NULL;

	if (word != NULL)
		g_string_append_printf(line, ", %s", word);
}

/* "unread, flagged, high importance"; NULL: nothing is known. Owned. */
static char *flags_line(const CacheView *view)
{
	if (!view->is_item)
		return NULL;
	GString *line = g_string_new(view->is_read ? "read" : "unread");
	add_word(line, flags, G_N_ELEMENTS(flags), view->flag);
	add_word(line, importances, G_N_ELEMENTS(importances), view->importance);
	return g_string_free(line, FALSE);
}

/* --- texts ------------------------------------------------------------------------------- */

typedef struct Source {
	int fd;
	const ViewFacts *facts;
} Source;

/* An FsRenderedMake. */
static bool make(void *user, ViewWrite write, void *to)
{
	const Source *source = user;

	return view_text_render(source->fd, source->facts, write, to);
}

FsRendered *fs_text_render_blob(const FsText *self, const Fs *fs, const CacheBlob *blob,
	GError **error)
{
	g_autofree char *line = flags_line(&self->view);
	const ViewFacts facts = {
		.flags = line,
		.categories = self->view.categories,
		.zone = fs->zone,
	};
	Source source = {.fd = cache_blob_fd(blob), .facts = &facts};
	const FsMaking making = {
		.ino = self->ino,
		.is_passing = self->node->is_local,
		.make = make,
		.user = &source,
	};
	FsRendered *rendered = fs_workshop_make(fs->workshop, &making, error);

	if (rendered != NULL && !self->node->is_local &&
		fs_text_size(self) != fs_rendered_size(rendered))
		cache_view_note(fs->cache, self->node->id, self->stamp, fs_rendered_size(rendered));
	return rendered;
}

FsRendered *fs_text_render(const FsText *self, const Fs *fs, GError **error)
{
	g_autoptr(CacheBlob) blob = cache_blob_open_node(fs->cache, self->node, error);

	return blob != NULL ? fs_text_render_blob(self, fs, blob, error) : NULL;
}
