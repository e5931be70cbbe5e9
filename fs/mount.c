/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/maildir.h"
#include "fs/ops.h"

#define BACKGROUND_MAX                                                                             \
	512 /* requests under way that nobody waits for, read-ahead: and their like */
#define WORDS_MAX 4096     /* of what is said when a mount fails */

struct FsMount {
	struct fuse_session *session; /* own */
};

/* --- the session --------------------------------------------------------- */

/* A comma or backslash that is part of a value. */
static void append_escaped(GString *words, const char *value)
{
	for (const char *c = value; *c != '\0'; c++) {
		if (*c == ',' || *c == '\\')
			g_string_append_c(words, '\\');
		g_string_append_c(words, *c);
	}
}

static char *mount_words(const FsConfig *config)
{
	g_autoptr(GString) words = g_string_new("subtype=ewsfs,default_permissions,nosuid,nodev");

	if (config->is_read_only)
		g_string_append(words, ",ro");
	if (config->allow_other)
		g_string_append(words, ",allow_other");
	for (guint i = 0; i < config->kernel_words->len; i++)
		g_string_append_printf(words, ",%s",
			(const char *)g_ptr_array_index(config->kernel_words, i));
	g_string_append(words, ",fsname=");
	append_escaped(words, config->source);
	return g_string_free(g_steal_pointer(&words), FALSE);
}

static struct fuse_session *new_session(Fs *fs)
{
	g_autofree char *words = mount_words(fs->config);
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

	fuse_opt_add_arg(&args, "ewsfs");
	fuse_opt_add_arg(&args, "-o");
	fuse_opt_add_arg(&args, words);
	struct fuse_lowlevel_ops ops = fs_ops;
	if (fs->maildir != NULL)
		fs_maildir_take_over(&ops);
	struct fuse_session *session = fuse_session_new(&args, &ops, sizeof(ops), fs);
	fuse_opt_free_args(&args);
	return session;
}

/* Pages belong to one content for good (fs/inode.h), so the kernel need not compare times. It still
 * drops them when a size turns out to be another, as an estimate's does.
 *
 * READDIRPLUS always: left to itself (AUTO) the kernel goes over to READDIR when nothing was
 * stat'ed between the pages, and find, grep -r and du first read the directory to its end. Measured
 * with 100,000 files: a LOOKUP for each, 5 s instead of 1. `ls -f` pays 0.3 s for it.
 *
 * What is written comes through at once (no write-back), up to 1 MiB in a request: when write
 * returned, it is here. O_TRUNC comes as a SETATTR of its own, which also works where OPEN is
 * answered ENOSYS. No splicing of requests: two more system calls for each, and mail is short. */
void fs_op_init(void *user, struct fuse_conn_info *conn)
{
	conn->want &= ~(unsigned)(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA |
		FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ | FUSE_CAP_EXPLICIT_INVAL_DATA |
		FUSE_CAP_READDIRPLUS_AUTO);
	conn->want |= conn->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS |
		FUSE_CAP_READDIRPLUS);
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX / 4 * 3;
	conn->time_gran = 1000;
}

/* --- what is said when it fails ------------------------------------------ */

/* libfuse and fusermount3 explain themselves on stderr. It is led into a file for a moment, so
 * that their reason becomes part of our one line. */
typedef struct Listener {
	int file;
	int stderr_copy;
} Listener;

static Listener listen_begin(void)
{
	Listener self = {
		.file = memfd_create("stderr", MFD_CLOEXEC),
		.stderr_copy = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3),
	};

	fflush(stderr);
	if (self.file >= 0 && self.stderr_copy >= 0)
		dup2(self.file, STDERR_FILENO);
	return self;
}

static char *listen_end(Listener *self)
{
	char words[WORDS_MAX];
	ssize_t len = 0;

	fflush(stderr);
	if (self->file >= 0 && self->stderr_copy >= 0) {
		dup2(self->stderr_copy, STDERR_FILENO);
		len = pread(self->file, words, sizeof(words) - 1, 0);
	}
	if (self->file >= 0)
		close(self->file);
	if (self->stderr_copy >= 0)
		close(self->stderr_copy);
	words[MAX(len, 0)] = '\0';
	g_strdelimit(g_strstrip(words), "\n", ' ');
	return g_strdup(words);
}

static bool mount_session(struct fuse_session *session, const char *mountpoint, GError **error)
{
	Listener listener = listen_begin();
	bool is_mounted = fuse_session_mount(session, mountpoint) == 0;
	g_autofree char *words = listen_end(&listener);

	if (is_mounted) {
		if (*words != '\0')
			g_message("%s", words);
		return true;
	}
	g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL, "cannot mount at %s: %s", mountpoint,
		*words != '\0' ? words : "no reason given");
	return false;
}

/* The kernel's first request is INIT, and it waits for us as soon as the mount is made. */
static bool answer_init(struct fuse_session *session, GError **error)
{
	struct fuse_buf buf = {.mem = NULL};
	int got;

	do {
		got = fuse_session_receive_buf(session, &buf);
	} while (got == -EINTR);
	if (got > 0)
		fuse_session_process_buf(session, &buf);
	free(buf.mem);
	if (got > 0 && !fuse_session_exited(session))
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL, "the kernel does not take the mount: %s",
		got < 0 ? g_strerror(-got) : "it hung up");
	return false;
}

/* --- life ---------------------------------------------------------------- */

FsMount *fs_mount_new(Fs *fs, const char *mountpoint, GError **error)
{
	struct fuse_session *session = new_session(fs);

	if (session == NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_LOCAL, "libfuse makes no session");
		return NULL;
	}
	if (!mount_session(session, mountpoint, error)) {
		fuse_session_destroy(session);
		return NULL;
	}
	if (!answer_init(session, error)) {
		fuse_session_unmount(session);
		fuse_session_destroy(session);
		return NULL;
	}
	FsMount *self = g_new0(FsMount, 1);
	self->session = session;
	return self;
}

struct fuse_session *fs_mount_session(FsMount *self)
{
	return self->session;
}

void fs_mount_loop(FsMount *self)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();

	fuse_session_loop_mt(self->session, config);
	fuse_loop_cfg_destroy(config);
}

void fs_mount_unmount(FsMount *self)
{
	fuse_session_unmount(self->session);
}

void fs_mount_free(FsMount *self)
{
	if (self == NULL)
		return;
	fuse_session_destroy(self->session);
	g_free(self);
}
