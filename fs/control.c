/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/control.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "fs/err.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/page.h"
#include "fs/queue.h"
#include "fs/status.h"

/* Node numbers of this tree: the directories, then snapshots, counting up. */
#define INO_DIR fs_inode_make_hidden(FS_INODE_CONTROL, 1)
#define INO_FAILED fs_inode_make_hidden(FS_INODE_CONTROL, 2)
#define INO_FIRST_SNAPSHOT fs_inode_make_hidden(FS_INODE_CONTROL, 16)

#define KEEP_COUNT 64             /* snapshots for READs that come by number */
#define KEEP_BYTES (4 * 1024 * 1024) /* and no more than this, but for the newest few */
#define KEEP_ALWAYS 4

typedef struct Snapshot {
	atomic_int refs;
	fuse_ino_t ino;
	int64_t made_at; /* microseconds since 1970 */
	char *data;      /* own; NULL when the bytes are in a file */
	int fd;          /* own; that file, or -1 */
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

static char *render_status(const Fs *fs, const GPtrArray *queue)
{
	return fs_status_text(fs);
}

static char *render_status_json(const Fs *fs, const GPtrArray *queue)
{
	return fs_status_json(fs);
}

static char *render_queue(const Fs *fs, const GPtrArray *queue)
{
	return fs_queue_text(queue);
}

static char *render_queue_json(const Fs *fs, const GPtrArray *queue)
{
	return fs_queue_json(queue);
}

typedef struct Entry {
	const char *name;
	char *(*render)(const Fs *fs, const GPtrArray *queue); /* NULL: a directory */
	bool wants_queue;
} Entry;

static const Entry entries[] = {
	{"status", render_status, false},
	{"status.json", render_status_json, false},
	{"queue", render_queue, true},
	{"queue.json", render_queue_json, true},
	{"failed", NULL, false},
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
	if (self->fd >= 0)
		close(self->fd);
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
		self->kept_bytes -= oldest->data != NULL ? oldest->len : 0;
		snapshot_unref(oldest);
	}
}

static Snapshot *snapshot_new(char *data, int fd, size_t len)
{
	Snapshot *snapshot = g_new0(Snapshot, 1);

	atomic_init(&snapshot->refs, 1);
	snapshot->made_at = g_get_real_time();
	snapshot->data = data;
	snapshot->fd = fd;
	snapshot->len = len;
	return snapshot;
}

/* Gives it its number. The caller keeps his reference. */
static void keep_snapshot(FsControl *self, Snapshot *snapshot)
{
	pthread_mutex_lock(&self->lock);
	snapshot->ino = self->next++;
	g_queue_push_head(&self->kept, snapshot_ref(snapshot));
	/* What is in a file takes no memory. */
	self->kept_bytes += snapshot->data != NULL ? snapshot->len : 0;
	drop_old(self);
	pthread_mutex_unlock(&self->lock);
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

static void get_attributes(fuse_req_t req, fuse_ino_t ino)
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

/* Takes @snapshot. */
static void reply_snapshot(fuse_req_t req, const Fs *fs, Snapshot *snapshot)
{
	keep_snapshot(fs->control, snapshot);
	struct fuse_entry_param entry = {
		.ino = snapshot->ino,
		.attr = snapshot_attr(fs, snapshot),
	};

	fuse_reply_entry(req, &entry);
	snapshot_unref(snapshot);
}

static void look_up_file(fuse_req_t req, const Fs *fs, const Entry *file)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) queue = file->wants_queue ? cache_queue(fs->cache, &error) : NULL;

	if (error != NULL) {
		fs_err_reply(req, error, "queue");
		return;
	}
	char *data = file->render(fs, queue);
	reply_snapshot(req, fs, snapshot_new(data, -1, strlen(data)));
}

/* The bytes of a failed one are not copied: what is in its file now is what is read. */
static Snapshot *open_failed(const Fs *fs, const FsQueueFile *file, GError **error)
{
	char *story = file->is_story ? fs_queue_story(file->entry) : NULL;
	int fd = story == NULL ? cache_queued_open(fs->cache, file->entry->node, error) : -1;
	struct stat attr = {0};

	if (story == NULL && fd < 0)
		return NULL;
	if (fd >= 0 && fstat(fd, &attr) < 0)
		attr.st_size = 0;
	Snapshot *snapshot = snapshot_new(story, fd,
		story != NULL ? strlen(story) : (size_t)attr.st_size);
	snapshot->made_at = file->entry->since;
	return snapshot;
}

static void look_up_failed(fuse_req_t req, const Fs *fs, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) queue = cache_queue(fs->cache, &error);
	g_autoptr(GPtrArray) files = queue != NULL ? fs_queue_files(queue) : NULL;
	Snapshot *snapshot = NULL;
	bool is_there = false;

	for (guint i = 0; files != NULL && i < files->len && !is_there; i++) {
		const FsQueueFile *file = g_ptr_array_index(files, i);
		is_there = g_str_equal(file->name, name);
		if (is_there)
			snapshot = open_failed(fs, file, &error);
	}
	if (snapshot != NULL)
		reply_snapshot(req, fs, snapshot);
	else if (error != NULL)
		fs_err_reply(req, error, "failed");
	else
		fuse_reply_err(req, ENOENT);
}

static void look_up(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const Fs *fs = fs_of(req);
	const Entry *file = parent == INO_DIR ? find_entry(name) : NULL;

	if (parent == FUSE_ROOT_ID)
		reply_directory(req, fs, INO_DIR);
	else if (parent == INO_FAILED)
		look_up_failed(req, fs, name);
	else if (file == NULL)
		fuse_reply_err(req, ENOENT);
	else if (file->render == NULL)
		reply_directory(req, fs, INO_FAILED);
	else
		look_up_file(req, fs, file);
}

/* --- listing ------------------------------------------------------------- */

#define INO_SHOWN fs_inode_make_hidden(FS_INODE_CONTROL, 0)

static void add_files(FsPage *page)
{
	for (size_t i = 0; i < G_N_ELEMENTS(entries); i++) {
		mode_t mode = entries[i].render == NULL ? S_IFDIR : S_IFREG;
		off_t cookie = FS_PAGE_FIRST_COOKIE + (off_t)i;
		if (!fs_page_add(page, entries[i].name, INO_SHOWN, mode, cookie))
			return;
	}
}

/* What goes or comes between two pages moves nothing else: the cookie is the entry's own. */
static void add_failed(FsPage *page, const GPtrArray *queue)
{
	g_autoptr(GPtrArray) files = fs_queue_files(queue);

	for (guint i = 0; i < files->len; i++) {
		const FsQueueFile *file = g_ptr_array_index(files, i);
		off_t cookie = FS_PAGE_FIRST_COOKIE + file->order;
		if (!fs_page_add(page, file->name, INO_SHOWN, S_IFREG, cookie))
			return;
	}
}

static void open_directory(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
{
	fuse_reply_open(req, info);
}

static void read_directory(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset, bool is_plus)
{
	const Fs *fs = fs_of(req);
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) queue = ino == INO_FAILED ? cache_queue(fs->cache, &error) : NULL;
	g_auto(FsPage) page = {0};

	if (error != NULL) {
		fs_err_reply(req, error, "failed");
		return;
	}
	fs_page_init(&page, req, size, offset, is_plus);
	bool has_room = fs_page_add_dots(&page, INO_SHOWN);
	if (has_room && ino == INO_DIR)
		add_files(&page);
	else if (has_room && queue != NULL)
		add_failed(&page, queue);
	fs_page_reply(&page);
}

/* --- reading ------------------------------------------------------------- */

static void open_snapshot(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *info)
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

static void reply_from_file(fuse_req_t req, int fd, size_t len, off_t offset)
{
	struct fuse_bufvec data = FUSE_BUFVEC_INIT(len);

	data.buf[0].flags = FUSE_BUF_IS_FD | FUSE_BUF_FD_SEEK | FUSE_BUF_FD_RETRY;
	data.buf[0].fd = fd;
	data.buf[0].pos = offset;
	fuse_reply_data(req, &data, 0);
}

static void read_snapshot(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
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
	size_t len = MIN(size, snapshot->len - start);
	if (snapshot->data != NULL)
		fuse_reply_buf(req, snapshot->data + start, len);
	else
		reply_from_file(req, snapshot->fd, len, offset);
	snapshot_unref(snapshot);
}

/* --- the tree ------------------------------------------------------------ */

const FsHidden fs_control_tree = {
	.name = ".ewsfs",
	.lookup = look_up,
	.getattr = get_attributes,
	.opendir = open_directory,
	.readdir = read_directory,
	.open = open_snapshot,
	.read = read_snapshot,
};
