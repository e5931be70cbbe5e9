/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fake-fuse.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static GString *notified; /* guarded by lock */

/* --- for the test -------------------------------------------------------- */

fuse_req_t fake_req_new(Fs *fs)
{
	fuse_req_t req = g_new0(struct fuse_req, 1);

	req->fs = fs;
	req->bytes = g_byte_array_new();
	return req;
}

void fake_req_free(fuse_req_t req)
{
	g_byte_array_unref(req->bytes);
	g_free(req);
}

FakeKind fake_req_kind(fuse_req_t req)
{
	pthread_mutex_lock(&lock);
	FakeKind kind = req->kind;
	pthread_mutex_unlock(&lock);
	return kind;
}

FakeKind fake_req_wait(fuse_req_t req)
{
	int64_t until_us = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

	while (fake_req_kind(req) == FAKE_NONE && g_get_monotonic_time() < until_us)
		g_usleep(1000);
	return fake_req_kind(req);
}

int fake_req_error(fuse_req_t req)
{
	g_assert_cmpint(fake_req_kind(req), ==, FAKE_ERROR);
	return req->error;
}

void fake_req_interrupt(fuse_req_t req)
{
	pthread_mutex_lock(&lock);
	req->is_interrupted = true;
	if (req->interrupt != NULL)
		req->interrupt(req, req->interrupt_data);
	pthread_mutex_unlock(&lock);
}

char *fake_req_text(fuse_req_t req)
{
	/* Nothing at all has no data either. */
	return req->bytes->len > 0 ? g_strndup((const char *)req->bytes->data, req->bytes->len)
				   : g_strdup("");
}

char *fake_notified(void)
{
	pthread_mutex_lock(&lock);
	char *text = notified != NULL ? g_string_free(notified, FALSE) : g_strdup("");
	notified = NULL;
	pthread_mutex_unlock(&lock);
	return text;
}

/* --- in libfuse's place -------------------------------------------------- */

/* Under the lock until answer_end. */
static void answer_begin(fuse_req_t req, FakeKind kind)
{
	pthread_mutex_lock(&lock);
	g_assert_cmpint(req->kind, ==, FAKE_NONE);
	g_assert_null(req->interrupt);
	req->kind = kind;
}

static int answer_end(fuse_req_t req)
{
	int result = req->is_refused ? -ENOENT : 0;

	pthread_mutex_unlock(&lock);
	return result;
}

int fuse_reply_err(fuse_req_t req, int error)
{
	answer_begin(req, FAKE_ERROR);
	req->error = error;
	return answer_end(req);
}

void fuse_reply_none(fuse_req_t req)
{
	answer_begin(req, FAKE_FORGOTTEN);
	answer_end(req);
}

int fuse_reply_entry(fuse_req_t req, const struct fuse_entry_param *entry)
{
	answer_begin(req, FAKE_ENTRY);
	req->entry = *entry;
	return answer_end(req);
}

int fuse_reply_readlink(fuse_req_t req, const char *link)
{
	return fuse_reply_buf(req, link, strlen(link));
}

int fuse_reply_attr(fuse_req_t req, const struct stat *attr, double timeout)
{
	answer_begin(req, FAKE_ATTR);
	req->attr = *attr;
	req->timeout = timeout;
	return answer_end(req);
}

int fuse_reply_open(fuse_req_t req, const struct fuse_file_info *info)
{
	answer_begin(req, FAKE_OPEN);
	req->info = *info;
	return answer_end(req);
}

int fuse_reply_create(fuse_req_t req, const struct fuse_entry_param *entry,
	const struct fuse_file_info *info)
{
	answer_begin(req, FAKE_CREATE);
	req->entry = *entry;
	req->info = *info;
	return answer_end(req);
}

int fuse_reply_write(fuse_req_t req, size_t count)
{
	answer_begin(req, FAKE_WRITE);
	req->count = count;
	return answer_end(req);
}

int fuse_reply_buf(fuse_req_t req, const char *data, size_t size)
{
	answer_begin(req, FAKE_BYTES);
	g_byte_array_append(req->bytes, (const guint8 *)data, (guint)size);
	return answer_end(req);
}

int fuse_reply_data(fuse_req_t req, struct fuse_bufvec *data, enum fuse_buf_copy_flags flags)
{
	g_autofree char *bytes = g_malloc(data->buf[0].size + 1);
	ssize_t got = pread(data->buf[0].fd, bytes, data->buf[0].size, data->buf[0].pos);

	answer_begin(req, FAKE_BYTES);
	g_byte_array_append(req->bytes, (const guint8 *)bytes, (guint)got);
	return answer_end(req);
}

int fuse_reply_xattr(fuse_req_t req, size_t count)
{
	answer_begin(req, FAKE_XATTR);
	req->count = count;
	return answer_end(req);
}

int fuse_reply_statfs(fuse_req_t req, const struct statvfs *space)
{
	answer_begin(req, FAKE_STATFS);
	req->space = *space;
	return answer_end(req);
}

void *fuse_req_userdata(fuse_req_t req)
{
	return req->fs;
}

const struct fuse_ctx *fuse_req_ctx(fuse_req_t req)
{
	return &req->ctx;
}

void fuse_req_interrupt_func(fuse_req_t req, fuse_interrupt_func_t func, void *data)
{
	pthread_mutex_lock(&lock);
	req->interrupt = func;
	req->interrupt_data = data;
	if (req->is_interrupted && func != NULL)
		func(req, data);
	pthread_mutex_unlock(&lock);
}

static size_t add(char *at, size_t size, const char *line)
{
	size_t len = strlen(line);

	if (len <= size)
		memcpy(at, line, len);
	return len;
}

size_t fuse_add_direntry(fuse_req_t req, char *at, size_t size, const char *name,
	const struct stat *attr, off_t cookie)
{
	g_autofree char *line = g_strdup_printf(
		"%s %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %s\n", name,
		(guint64)attr->st_ino, (gint64)cookie, S_ISDIR(attr->st_mode) ? "dir" : "file");

	return add(at, size, line);
}

size_t fuse_add_direntry_plus(fuse_req_t req, char *at, size_t size, const char *name,
	const struct fuse_entry_param *entry, off_t cookie)
{
	g_autofree char *line = g_strdup_printf(
		"%s %" G_GUINT64_FORMAT " %" G_GINT64_FORMAT " %s\n", name,
		(guint64)entry->ino, (gint64)cookie, S_ISDIR(entry->attr.st_mode) ? "dir" : "file");

	return add(at, size, line);
}

G_GNUC_PRINTF(1, 2)
static int note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	pthread_mutex_lock(&lock);
	if (notified == NULL)
		notified = g_string_new(NULL);
	g_string_append_vprintf(notified, format, args);
	pthread_mutex_unlock(&lock);
	va_end(args);
	return 0;
}

int fuse_lowlevel_notify_inval_inode(struct fuse_session *session, fuse_ino_t ino, off_t offset,
	off_t len)
{
	return note("inode %" G_GINT64_MODIFIER "x %d %d\n", (guint64)ino, (int)offset, (int)len);
}

int fuse_lowlevel_notify_store(struct fuse_session *session, fuse_ino_t ino, off_t offset,
	struct fuse_bufvec *data, enum fuse_buf_copy_flags flags)
{
	return note("store %" G_GINT64_MODIFIER "x %d %.*s\n", (guint64)ino, (int)offset,
		(int)data->buf[0].size, (const char *)data->buf[0].mem);
}

int fuse_lowlevel_notify_inval_entry(struct fuse_session *session, fuse_ino_t parent,
	const char *name, size_t len)
{
	return note("entry %" G_GINT64_MODIFIER "x %.*s\n", (guint64)parent, (int)len, name);
}
