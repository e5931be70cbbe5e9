/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/rendered.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ews/error.h"

#define MEMORY_MAX (64 * 1024)

struct FsRendered {
	atomic_int refs;

	/* set while it is made, then const */
	const char *dir; /* borrowed while it is made */
	GString *text;   /* own; NULL: it is in the file */
	int fd;          /* own; -1: there is none */
	int64_t size;
	int error; /* errno of what went wrong */
};

static int make_file(const char *dir)
{
	int fd = dir != NULL ? open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	return fd >= 0 ? fd : memfd_create("rendered", MFD_CLOEXEC);
}

static bool write_all(FsRendered *self, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t done = write(self->fd, text, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			self->error = errno;
			return false;
		}
		text += done;
		len -= (size_t)done;
	}
	return true;
}

static bool move_to_file(FsRendered *self)
{
	self->fd = make_file(self->dir);
	if (self->fd < 0) {
		self->error = errno;
		return false;
	}
	bool is_good = write_all(self, self->text->str, self->text->len);
	g_string_free(g_steal_pointer(&self->text), TRUE);
	return is_good;
}

/* A ViewWrite. */
static bool take(void *user, const char *text, size_t len)
{
	FsRendered *self = user;

	self->size += (int64_t)len;
	if (self->text != NULL && self->text->len + len <= MEMORY_MAX) {
		g_string_append_len(self->text, text, (gssize)len);
		return true;
	}
	return (self->text == NULL || move_to_file(self)) && write_all(self, text, len);
}

FsRendered *fs_rendered_new(FsRenderedMake make, void *user, const char *dir, GError **error)
{
	g_autoptr(FsRendered) self = g_new0(FsRendered, 1);

	atomic_init(&self->refs, 1);
	self->dir = dir;
	self->text = g_string_new(NULL);
	self->fd = -1;
	if (!make(user, take, self)) {
		g_propagate_error(error,
			ews_error_from_errno(self->error != 0 ? self->error : EIO, "view"));
		return NULL;
	}
	self->dir = NULL;
	return g_steal_pointer(&self);
}

FsRendered *fs_rendered_new_file(int fd, int64_t size, GError **error)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "view"));
		return NULL;
	}
	FsRendered *self = g_new0(FsRendered, 1);
	atomic_init(&self->refs, 1);
	self->fd = own;
	self->size = size;
	return self;
}

FsRendered *fs_rendered_ref(FsRendered *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

void fs_rendered_unref(FsRendered *self)
{
	if (self == NULL || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	if (self->fd >= 0)
		close(self->fd);
	if (self->text != NULL)
		g_string_free(self->text, TRUE);
	g_free(self);
}

int64_t fs_rendered_size(const FsRendered *self)
{
	return self->size;
}

size_t fs_rendered_memory(const FsRendered *self)
{
	return self->text != NULL ? self->text->allocated_len : 0;
}

void fs_rendered_reply(const FsRendered *self, fuse_req_t req, size_t size, off_t offset)
{
	size_t start = MIN((size_t)offset, (size_t)self->size);
	size_t len = MIN(size, (size_t)self->size - start);

	if (self->text != NULL) {
		fuse_reply_buf(req, self->text->str + start, len);
		return;
	}
	struct fuse_bufvec data = FUSE_BUFVEC_INIT(len);
	data.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY;
	data.buf[0].fd = self->fd;
	data.buf[0].pos = (off_t)start;
	fuse_reply_data(req, &data, 0);
}

void fs_rendered_store(const FsRendered *self, struct fuse_session *session, fuse_ino_t ino)
{
	if (self->text == NULL || self->size == 0)
		return;
	struct fuse_bufvec data = FUSE_BUFVEC_INIT((size_t)self->size);
	data.buf[0].mem = self->text->str;
	/* ENOENT: it was not listed yet. */
	int result = fuse_lowlevel_notify_store(session, ino, 0, &data, 0);
	if (result < 0 && result != -ENOENT)
		g_debug("store %" G_GINT64_MODIFIER "x: %s", (guint64)ino, g_strerror(-result));
}
