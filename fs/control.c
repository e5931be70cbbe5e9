/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/status.h"

#define DIRECTORY ".ewsfs"

/* Node numbers in the control range: the directories, then snapshots, counting up. */
#define INO_DIR (FS_INODE_CONTROL | 1)
#define INO_FAILED (FS_INODE_CONTROL | 2)
#define INO_FIRST_SNAPSHOT (FS_INODE_CONTROL | 16)

#define KEEP_COUNT 64             /* snapshots for READs that come by number */
#define KEEP_BYTES (4 * 1024 * 1024) /* and no more than this, but for the newest few */
#define KEEP_ALWAYS 4

typedef struct Snapshot {
	atomic_int refs;
	fuse_ino_t ino;
	int64_t made_at; /* microseconds since 1970 */
	char *data;      /* own */
	size_t len;
} Snapshot;

struct FsControl {
	pthread_mutex_t lock;
	/* guarded by lock */
	GQueue kept; /* of Snapshot, newest first */
	size_t kept_bytes;
	fuse_ino_t next;
};

/* --- what there is ------------------------------------------------------- */

static char *render_queue(const Fs *fs)
{
	return g_strdup("nothing waits to be sent\n");
}

typedef struct Entry {
	const char *name;
	char *(*render)(const Fs *fs); /* NULL: a directory */
} Entry;

static const Entry entries[] = {
	{"status", fs_status_text},
	{"status.json", fs_status_json},
	{"queue", render_queue},
	{"failed", NULL},
};

static const Entry *find_entry(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(entries); i++) {
		if (g_str_equal(entries[i].name, name))
			return &entries[i];
	}
	return NULL;
}

/* --- snapshots ----------------------------------------------------------- */

static Snapshot *snapshot_ref(Snapshot *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

static void snapshot_unref(Snapshot *self)
{
	if (self == NULL || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	g_free(self->data);
	g_free(self);
}

static void snapshot_let_go(void *snapshot)
{
	snapshot_unref(snapshot);
}

/* Under the lock. */
static void drop_old(FsControl *self)
{
	while (self->kept.length > KEEP_COUNT ||
		(self->kept_bytes > KEEP_BYTES && self->kept.length > KEEP_ALWAYS)) {
		Snapshot *oldest = g_queue_pop_tail(&self->kept);
		self->kept_bytes -= oldest->len;
		snapshot_unref(oldest);
	}
}

/* Takes @data. The result is the caller's reference. */
static Snapshot *keep_snapshot(FsControl *self, char *data)
{
	Snapshot *snapshot = g_new0(Snapshot, 1);

	atomic_init(&snapshot->refs, 1);
	snapshot->made_at = g_get_real_time();
	snapshot->data = data;
	snapshot->len = strlen(data);
	pthread_mutex_lock(&self->lock);
	snapshot->ino = self->next++;
	g_queue_push_head(&self->kept, snapshot_ref(snapshot));
	self->kept_bytes += snapshot->len;
	drop_old(self);
	pthread_mutex_unlock(&self->lock);
	return snapshot;
}

/* A reference for the caller, or NULL: it is too old. */
static Snapshot *find_snapshot(FsControl *self, fuse_ino_t ino)
{
	Snapshot *found = NULL;

	pthread_mutex_lock(&self->lock);
	for (GList *link = self->kept.head; link != NULL && found == NULL; link = link->next) {
		Snapshot *snapshot = link->data;
		if (snapshot->ino == ino)
			found = snapshot_ref(snapshot);
	}
	pthread_mutex_unlock(&self->lock);
	return found;
}

FsControl *fs_control_new(void)
{
	FsControl *self = g_new0(FsControl, 1);

	pthread_mutex_init(&self->lock, NULL);
	g_queue_init(&self->kept);
	self->next = INO_FIRST_SNAPSHOT;
	return self;
}

void fs_control_free(FsControl *self)
{
	if (self == NULL)
		return;
	for (Snapshot *snapshot; (snapshot = g_queue_pop_head(&self->kept)) != NULL;)
		snapshot_unref(snapshot);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

/* --- attributes ---------------------------------------------------------- */

static struct stat attr_of(const Fs *fs, fuse_ino_t ino, mode_t mode, int64_t at_us)
{
	struct timespec time = {.tv_sec = at_us / G_USEC_PER_SEC};

	/* The upper bit of the node number is set, and of no st_ino of the mailbox. */
	return (struct stat){
		.st_ino = ino,
		.st_mode = mode & ~fs->config->umask,
		.st_nlink = 1,
		.st_uid = fs->config->uid,
		.st_gid = fs->config->gid,
		.st_blksize = 4096,
		.st_atim = time,
		.st_mtim = time,
		.st_ctim = time,
	};
}

static struct stat directory_attr(const Fs *fs, fuse_ino_t ino)
{
	struct stat attr = attr_of(fs, ino, S_IFDIR | 0500, fs->mounted_at);

	attr.st_nlink = ino == INO_DIR ? 3 : 2;
	return attr;
}

static struct stat snapshot_attr(const Fs *fs, const Snapshot *snapshot)
{
	struct stat attr = attr_of(fs, snapshot->ino, S_IFREG | 0400, snapshot->made_at);

	attr.st_size = (off_t)snapshot->len;
	attr.st_blocks = (blkcnt_t)(snapshot->len + 511) / 512;
	return attr;
}

void fs_control_getattr(fuse_req_t req, fuse_ino_t ino)
{
	const Fs *fs = fs_of(req);
	struct stat attr;

	if (ino < INO_FIRST_SNAPSHOT) {
		attr = directory_attr(fs, ino);
	} else {
		Snapshot *snapshot = find_snapshot(fs->control, ino);
		if (snapshot == NULL) {
			fuse_reply_err(req, ESTALE);
			return;
		}
		attr = snapshot_attr(fs, snapshot);
		snapshot_unref(snapshot);
	}
	fuse_reply_attr(req, &attr, 0);
}

/* --- names --------------------------------------------------------------- */

bool fs_control_is_below(fuse_ino_t parent, const char *name)
{
	return fs_inode_is_control(parent) ||
		(parent == FUSE_ROOT_ID && g_str_equal(name, DIRECTORY));
}

static void reply_directory(fuse_req_t req, const Fs *fs, fuse_ino_t ino)
{
	struct fuse_entry_param entry = {
		.ino = ino,
		.attr = directory_attr(fs, ino),
		.attr_timeout = FS_KEEP_S,
		.entry_timeout = FS_KEEP_S,
	};

	fuse_reply_entry(req, &entry);
}

static void reply_snapshot(fuse_req_t req, const Fs *fs, const Entry *file)
{
	Snapshot *snapshot = keep_snapshot(fs->control, file->render(fs));
	struct fuse_entry_param entry = {
		.ino = snapshot->ino,
		.attr = snapshot_attr(fs, snapshot),
	};

	fuse_reply_entry(req, &entry);
	snapshot_unref(snapshot);
}

void fs_control_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const Fs *fs = fs_of(req);
	const Entry *file = parent == INO_DIR ? find_entry(name) : NULL;

	if (parent == FUSE_ROOT_ID)
		reply_directory(req, fs, INO_DIR);
	else if (file == NULL)
		fuse_reply_err(req, ENOENT);
	else if (file->render == NULL)
		reply_directory(req, fs, INO_FAILED);
	else
		reply_snapshot(req, fs, file);
}

/* Names only: what they name is made when it is looked up. */
static bool add_entry(fuse_req_t req, GString *page, size_t size, const Entry *file, bool is_plus,
	off_t cookie)
{
	struct fuse_entry_param entry = {
		.attr = {
			.st_ino = FS_INODE_CONTROL,
			.st_mode = file->render == NULL ? S_IFDIR : S_IFREG,
		},
	};
	char data[256];
	size_t need = is_plus
		? fuse_add_direntry_plus(req, data, sizeof(data), file->name, &entry, cookie)
		: fuse_add_direntry(req, data, sizeof(data), file->name, &entry.attr, cookie);

	if (need > sizeof(data) || page->len + need > size)
		return false;
	g_string_append_len(page, data, (gssize)need);
	return true;
}

void fs_control_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	static const Entry dots[] = {{".", NULL}, {"..", NULL}};
	size_t count = G_N_ELEMENTS(dots) + (ino == INO_DIR ? G_N_ELEMENTS(entries) : 0);
	g_autoptr(GString) page = g_string_new(NULL);

	for (size_t i = (size_t)offset; i < count; i++) {
		const Entry *entry = i < G_N_ELEMENTS(dots) ? &dots[i]
			: &entries[i - G_N_ELEMENTS(dots)];
		if (!add_entry(req, page, size, entry, is_plus, (off_t)i + 1))
			break;
	}
	fuse_reply_buf(req, page->str, page->len);
}

/* --- reading ------------------------------------------------------------- */

void fs_control_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);
	Snapshot *snapshot = find_snapshot(fs->control, ino);

	if (snapshot == NULL) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	FsHandle *handle = fs_handle_new(fs->handles, snapshot, snapshot_let_go);
	info->fh = (uintptr_t)handle;
	info->direct_io = 1;
	info->noflush = 1;
	if (fuse_reply_open(req, info) == -ENOENT)
		fs_handle_free(fs->handles, handle);
}

void fs_control_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
	struct fuse_file_info *info)
{
	const Fs *fs = fs_of(req);
	Snapshot *snapshot = fs->has_open
		? snapshot_ref(fs_handle_held((FsHandle *)(uintptr_t)info->fh))
		: find_snapshot(fs->control, ino);

	if (snapshot == NULL) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	size_t start = MIN((size_t)offset, snapshot->len);
	fuse_reply_buf(req, snapshot->data + start, MIN(size, snapshot->len - start));
	snapshot_unref(snapshot);
}
