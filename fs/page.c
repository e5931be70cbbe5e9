/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/page.h"

#define COOKIE_DOT 1
#define COOKIE_DOT_DOT 2

void fs_page_init(FsPage *self, fuse_req_t req, size_t size, off_t offset, bool is_plus)
{
	*self = (FsPage){
		.req = req,
		.text = g_string_sized_new(size),
		.size = size,
		.offset = offset,
		.is_plus = is_plus,
	};
}

void fs_page_clear(FsPage *self)
{
	if (self->text != NULL)
		g_string_free(g_steal_pointer(&self->text), TRUE);
}

bool fs_page_add_dots(FsPage *self, uint64_t ino)
{
	return fs_page_add(self, ".", ino, S_IFDIR, COOKIE_DOT) &&
		fs_page_add(self, "..", ino, S_IFDIR, COOKIE_DOT_DOT);
}

bool fs_page_add(FsPage *self, const char *name, uint64_t ino, mode_t mode, off_t cookie)
{
	const struct fuse_entry_param entry = {.attr = {.st_ino = ino, .st_mode = mode}};

	return fs_page_add_entry(self, name, &entry, cookie);
}

bool fs_page_add_entry(FsPage *self, const char *name, const struct fuse_entry_param *entry,
	off_t cookie)
{
	char data[1024];

	if (cookie <= self->offset)
		return true;
	size_t need = self->is_plus
		? fuse_add_direntry_plus(self->req, data, sizeof(data), name, entry, cookie)
		: fuse_add_direntry(self->req, data, sizeof(data), name, &entry->attr, cookie);
	if (need > sizeof(data) || self->text->len + need > self->size)
		return false;
	g_string_append_len(self->text, data, (gssize)need);
	return true;
}

void fs_page_reply(const FsPage *self)
{
	fuse_reply_buf(self->req, self->text->str, self->text->len);
}
