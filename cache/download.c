/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/download.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ews/error.h"

/* Up to here a message waits in memory; nearly all mail is smaller, and a temporary file with its
 * rename costs more than these bytes. */
#define MEMORY_MAX (256 * 1024)

/* Of what is let go, this much stays: enough to see what it is. */
#define START_MAX 64

/* No message is larger: whoever sends more does not send a message. */
#define LENGTH_MAX (INT64_C(4) << 30)

struct CacheDownload {
	Cache *cache; /* borrowed */
	bool keep;
	bool hold;           /* all bytes, kept or not */
	bool is_whole;       /* none was let go */
	CacheDigest *digest; /* own */
	GByteArray *bytes;   /* own; what is not in the file yet */
	char *path;          /* own; NULL: no file */
	int fd;
	int64_t length;
};

CacheDownload *cache_download_new(Cache *cache, bool keep, bool hold)
{
	CacheDownload *self = g_new0(CacheDownload, 1);
	self->cache = cache;
	self->keep = keep;
	self->hold = keep || hold;
	self->is_whole = true;
	self->fd = -1;
	self->digest = cache_digest_new();
	self->bytes = g_byte_array_new();
	return self;
}

static void drop_file(CacheDownload *self)
{
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	if (self->path != NULL)
		unlink(self->path);
	g_clear_pointer(&self->path, g_free);
}

void cache_download_free(CacheDownload *self)
{
	if (self == NULL)
		return;
	drop_file(self);
	cache_digest_free(self->digest);
	g_byte_array_unref(self->bytes);
	g_free(self);
}

static bool flush(CacheDownload *self, GError **error)
{
	const uint8_t *at = self->bytes->data;
	size_t left = self->bytes->len;
	while (left > 0) {
		ssize_t done = write(self->fd, at, left);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			g_propagate_error(error, ews_error_from_errno(errno, "store message"));
			/* Tried again when there is room: nothing is to be there twice. */
			g_byte_array_remove_range(self->bytes, 0,
				(guint)(self->bytes->len - left));
			return false;
		}
		at += done;
		left -= (size_t)done;
	}
	g_byte_array_set_size(self->bytes, 0);
	return true;
}

static bool begin(void *user, GError **error)
{
	CacheDownload *self = user;
	drop_file(self);
	cache_digest_reset(self->digest);
	g_byte_array_set_size(self->bytes, 0);
	self->length = 0;
	self->is_whole = true;
	return true;
}

static bool take(void *user, const void *data, size_t len, GError **error)
{
	CacheDownload *self = user;
	self->length += (int64_t)len;
	if (self->length > LENGTH_MAX) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_TOO_BIG,
			"the message is over 4 GiB");
		return false;
	}
	cache_digest_update(self->digest, data, len);
	if (!self->is_whole)
		return true;
	g_byte_array_append(self->bytes, data, (guint)len);
	if (self->bytes->len <= MEMORY_MAX)
		return true;
	if (!self->hold) {
		self->is_whole = false;
		g_byte_array_set_size(self->bytes, START_MAX);
		return true;
	}
	if (self->fd < 0)
		self->fd = cache_blobs_make_temp(self->cache->blobs, &self->path, error);
	return self->fd >= 0 && flush(self, error);
}

void cache_download_sink(CacheDownload *self, EwsSink *ret_sink)
{
	*ret_sink = (EwsSink){.begin = begin, .write = take, .user = self};
}

bool cache_download_is_kept(const CacheDownload *self)
{
	return self->keep;
}

int64_t cache_download_length(const CacheDownload *self)
{
	return self->length;
}

void cache_download_digest(CacheDownload *self, uint8_t ret_digest[CACHE_DIGEST_LEN])
{
	cache_digest_finish(self->digest, ret_digest);
}

bool cache_download_is_whole(const CacheDownload *self)
{
	return self->is_whole;
}

size_t cache_download_start(const CacheDownload *self, char *start, size_t len)
{
	if (self->fd >= 0) {
		ssize_t got = pread(self->fd, start, len, 0);
		return (size_t)MAX(got, 0);
	}
	len = MIN(len, self->bytes->len);
	memcpy(start, self->bytes->data, len);
	return len;
}

/* What is in memory goes to a file that has no name. */
static int open_memory(CacheDownload *self, GError **error)
{
	int fd = memfd_create("message", MFD_CLOEXEC);
	size_t done = 0;
	while (fd >= 0 && done < self->bytes->len) {
		ssize_t got = write(fd, self->bytes->data + done, self->bytes->len - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			g_propagate_error(error, ews_error_from_errno(errno, "copy message"));
			close(fd);
			return -1;
		}
		done += (size_t)got;
	}
	if (fd < 0)
		g_propagate_error(error, ews_error_from_errno(errno, "copy message"));
	return fd;
}

int cache_download_open(CacheDownload *self, GError **error)
{
	g_assert(self->is_whole);
	if (self->fd < 0)
		return open_memory(self, error);
	if (!flush(self, error))
		return -1;
	int fd = fcntl(self->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		g_propagate_error(error, ews_error_from_errno(errno, "open message"));
	return fd;
}

bool cache_download_replace(CacheDownload *self, GBytes *bytes, GError **error)
{
	size_t len;
	const void *data = g_bytes_get_data(bytes, &len);
	return begin(self, error) && take(self, data, len, error);
}

bool cache_download_store(CacheDownload *self, int64_t id, uint32_t content, GError **error)
{
	if (self->fd < 0)
		return cache_blobs_store_bytes(self->cache->blobs, id, content, self->bytes->data,
			self->bytes->len, error);
	if (!flush(self, error) ||
		!cache_blobs_store_file(self->cache->blobs, id, content, self->path, error))
		return false;
	g_clear_pointer(&self->path, g_free);
	drop_file(self);
	return true;
}
