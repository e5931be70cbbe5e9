/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/workshop.h"

#include <errno.h>
#include <pthread.h>

#include "ews/error.h"
#include "ews/inbox.h"
#include "fs/err.h"
#include "fs/handle.h"
#include "fs/inode.h"
#include "fs/park.h"
#include "fs/shelf.h"

struct FsWorkshop {
	/* set at start, then const */
	const char *cache_dir; /* borrowed: from the configuration */
	FsShelf *in_memory;    /* own; of FsRendered, like the next */
	FsShelf *in_files;
	EwsInbox *inbox; /* own; of FsJob */

	pthread_mutex_t lock;
	pthread_cond_t made; /* one of those in making */
	/* guarded by lock */
	GQueue open;   /* of FsReading */
	GQueue making; /* borrowed: of FsMaking, from those who make them */
	pthread_t thread;
	bool is_running;
	bool is_over;
};

/* --- life -------------------------------------------------------------------------------- */

static void *ref_rendered(void *rendered)
{
	return fs_rendered_ref(rendered);
}

static void unref_rendered(void *rendered)
{
	fs_rendered_unref(rendered);
}

static const FsShelfKind in_memory = {
	.ref = ref_rendered,
	.unref = unref_rendered,
	.count_max = 64,
	.bytes_max = 2 * 1024 * 1024,
};

/* Disk that nobody sees in a directory. */
static const FsShelfKind in_files = {
	.ref = ref_rendered,
	.unref = unref_rendered,
	.count_max = 16,
	.bytes_max = 256 * 1024 * 1024,
};

/* The job that ends the thread. */
static FsJob the_end;

FsWorkshop *fs_workshop_new(const char *cache_dir)
{
	FsWorkshop *self = g_new0(FsWorkshop, 1);

	self->cache_dir = cache_dir;
	self->in_memory = fs_shelf_new(&in_memory);
	self->in_files = fs_shelf_new(&in_files);
	self->inbox = ews_inbox_new(NULL, NULL);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->made, NULL);
	g_queue_init(&self->open);
	g_queue_init(&self->making);
	return self;
}

static void job_free(FsJob *self)
{
	g_clear_error(&self->failure);
	g_free(self);
}

static void free_message(void *message)
{
	if (message != &the_end)
		job_free(message);
}

void fs_workshop_free(FsWorkshop *self)
{
	if (self == NULL)
		return;
	fs_workshop_stop(self);
	fs_shelf_free(self->in_memory);
	fs_shelf_free(self->in_files);
	ews_inbox_free(self->inbox, free_message);
	pthread_cond_destroy(&self->made);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

/* --- making ------------------------------------------------------------------------------ */

FsRendered *fs_workshop_find(FsWorkshop *self, fuse_ino_t ino)
{
	FsRendered *found = fs_shelf_find(self->in_memory, ino);

	return found != NULL ? found : fs_shelf_find(self->in_files, ino);
}

/* Under the lock. */
static bool is_in_making(FsWorkshop *self, fuse_ino_t ino)
{
	for (const GList *link = self->making.head; link != NULL; link = link->next) {
		const FsMaking *making = link->data;
		if (making->ino == ino)
			return true;
	}
	return false;
}

/* From now on nobody else makes the same: who wants to waits until it is made. */
static void begin_to_make(FsWorkshop *self, const FsMaking *making, GList *link)
{
	link->data = (void *)making;
	pthread_mutex_lock(&self->lock);
	while (is_in_making(self, making->ino))
		pthread_cond_wait(&self->made, &self->lock);
	g_queue_push_head_link(&self->making, link);
	pthread_mutex_unlock(&self->lock);
}

static void end_to_make(FsWorkshop *self, GList *link)
{
	pthread_mutex_lock(&self->lock);
	g_queue_unlink(&self->making, link);
	pthread_cond_broadcast(&self->made);
	pthread_mutex_unlock(&self->lock);
}

static void put(FsWorkshop *self, fuse_ino_t ino, FsRendered *made)
{
	size_t memory = fs_rendered_memory(made);

	if (memory > 0)
		fs_shelf_put(self->in_memory, ino, made, memory);
	else
		fs_shelf_put(self->in_files, ino, made, (uint64_t)fs_rendered_size(made));
}

FsRendered *fs_workshop_make(FsWorkshop *self, const FsMaking *making, GError **error)
{
	GList link = {0};

	if (making->is_passing)
		return fs_rendered_new(making->make, making->user, self->cache_dir, error);
	begin_to_make(self, making, &link);
	FsRendered *made = fs_workshop_find(self, making->ino);
	if (made == NULL) {
		made = fs_rendered_new(making->make, making->user, self->cache_dir, error);
		if (made != NULL)
			put(self, making->ino, made);
	}
	end_to_make(self, &link);
	return made;
}

/* --- what is open ------------------------------------------------------------------------ */

struct FsReading {
	FsWorkshop *workshop; /* borrowed: outlives it */
	FsWork work;          /* own */
	CacheBlob *blob;      /* own */

	/* guarded by the lock of the workshop */
	GList link;
	unsigned refs;

	pthread_mutex_t lock; /* while it is made; the others are taken below it */
	FsRendered *made;     /* own; guarded by lock; NULL: nobody has wanted it yet */
};

static FsReading *reading_new(FsWorkshop *workshop, const FsWork *work, CacheBlob *blob)
{
	FsReading *self = g_new0(FsReading, 1);

	self->workshop = workshop;
	self->work = *work;
	self->blob = blob;
	self->refs = 1;
	self->link.data = self;
	pthread_mutex_init(&self->lock, NULL);
	pthread_mutex_lock(&workshop->lock);
	g_queue_push_head_link(&workshop->open, &self->link);
	pthread_mutex_unlock(&workshop->lock);
	return self;
}

void fs_reading_unref(FsReading *self)
{
	if (self == NULL)
		return;
	pthread_mutex_lock(&self->workshop->lock);
	bool is_last = --self->refs == 0;
	if (is_last)
		g_queue_unlink(&self->workshop->open, &self->link);
	pthread_mutex_unlock(&self->workshop->lock);
	if (!is_last)
		return;
	self->work.free_of(self->work.of);
	cache_blob_close(self->blob);
	fs_rendered_unref(self->made);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

static void let_go(void *reading)
{
	fs_reading_unref(reading);
}

/* What may change while it is open has no pages in the kernel. */
void fs_reading_open(fuse_req_t req, const struct fuse_file_info *info, const FsWork *work,
	CacheBlob *blob)
{
	const Fs *fs = fs_of(req);
	struct fuse_file_info opened = *info;
	bool is_passing = work->is_passing;
	FsReading *reading = reading_new(fs->workshop, work, blob);
	FsHandle *handle = fs_handle_new(fs->handles, reading, let_go);

	opened.fh = (uintptr_t)handle;
	opened.direct_io = is_passing;
	opened.keep_cache = !is_passing;
	opened.noflush = 1;
	if (fuse_reply_open(req, &opened) == -ENOENT)
		fs_handle_free(fs->handles, handle);
}

const void *fs_reading_of(const FsReading *self)
{
	return self->work.of;
}

/* One at a time: the second reader finds what the first one made. */
FsRendered *fs_reading_make(FsReading *self, const Fs *fs, GError **error)
{
	pthread_mutex_lock(&self->lock);
	if (self->made == NULL)
		self->made = self->work.make(self->work.of, fs, self->blob, error);
	FsRendered *made = self->made != NULL ? fs_rendered_ref(self->made) : NULL;
	pthread_mutex_unlock(&self->lock);
	return made;
}

FsReading *fs_reading_find(FsWorkshop *self, fuse_ino_t ino)
{
	FsReading *found = NULL;

	pthread_mutex_lock(&self->lock);
	for (GList *link = self->open.head; link != NULL && found == NULL; link = link->next) {
		FsReading *reading = link->data;
		if (reading->work.ino == ino)
			found = reading;
	}
	if (found != NULL)
		found->refs++;
	pthread_mutex_unlock(&self->lock);
	return found;
}

/* --- requests that want bytes ------------------------------------------------------------ */

void fs_job_fail(fuse_req_t req, const GError *error, const char *what)
{
	if (error == NULL || ews_error_is(error, EWS_ERROR_NOT_FOUND))
		fuse_reply_err(req, ESTALE);
	else
		fs_err_reply(req, error, what);
}

CacheBlob *fs_job_blob(const FsJob *self, const CacheNode *node, GError **error)
{
	if (self->is_last || node->is_local || !node->is_suspect)
		return cache_blob_open_node(fs_of(self->req)->cache, node, error);
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "it has changed");
	return NULL;
}

static void run_job(const FsJob *job)
{
	g_autoptr(GError) error = NULL;

	if (job->run(job, &error))
		return;
	if (job->failure != NULL)
		fs_err_reply(job->req, job->failure, job->what);
	else
		fs_job_fail(job->req, error, job->what);
}

static void *run(void *user)
{
	FsWorkshop *self = user;

	for (;;) {
		FsJob *job = ews_inbox_take(self->inbox, INT64_MAX);
		if (job == &the_end)
			return NULL;
		if (job == NULL)
			continue;
		pthread_mutex_lock(&self->lock);
		bool is_over = self->is_over;
		pthread_mutex_unlock(&self->lock);
		if (is_over)
			fuse_reply_err(job->req, ENOTCONN);
		else
			run_job(job);
		job_free(job);
	}
}

static bool post(FsWorkshop *self, FsJob *job)
{
	pthread_mutex_lock(&self->lock);
	bool can_run = !self->is_over &&
		(self->is_running || pthread_create(&self->thread, NULL, run, self) == 0);
	self->is_running = can_run || self->is_running;
	if (can_run)
		ews_inbox_post(self->inbox, job);
	pthread_mutex_unlock(&self->lock);
	return can_run;
}

void fs_job_post(const FsJob *self, const GError *failure)
{
	FsJob *copy = g_memdup2(self, sizeof(*self));

	copy->is_last = true;
	copy->failure = failure != NULL ? g_error_copy(failure) : NULL;
	if (post(fs_of(self->req)->workshop, copy))
		return;
	fuse_reply_err(copy->req, ENOTCONN);
	job_free(copy);
}

static void reply_fetched(FsParked *parked, FsParkedHow how, const GError *failure)
{
	fs_job_post(parked->extra, failure);
}

void fs_job_try(const FsJob *self)
{
	Fs *fs = fs_of(self->req);
	g_autoptr(GError) error = NULL;

	if (self->run(self, &error))
		return;
	if (!ews_error_is(error, EWS_ERROR_NOT_FOUND)) {
		fs_err_reply(self->req, error, self->what);
		return;
	}
	FsParked *parked = fs_parked_new(fs->park, self->req, self->ino, reply_fetched);
	parked->extra = g_memdup2(self, sizeof(*self));
	fs_parked_enter(parked, 0);
	cache_fetch(fs->cache, fs_inode_node(self->ino), self->reason, fs_parked_done, parked);
}

static void read_open(const FsJob *job, FsReading *reading)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(FsRendered) made = fs_reading_make(reading, fs_of(job->req), &error);

	if (made != NULL)
		fs_rendered_reply(made, job->req, job->size, job->offset);
	else
		fs_job_fail(job->req, error, job->what);
}

void fs_job_read(const FsJob *self, const struct fuse_file_info *info)
{
	const Fs *fs = fs_of(self->req);

	if (fs->has_open) {
		read_open(self, fs_handle_held((FsHandle *)(uintptr_t)info->fh));
		return;
	}
	g_autoptr(FsRendered) made = fs_workshop_find(fs->workshop, self->ino);
	if (made != NULL)
		fs_rendered_reply(made, self->req, self->size, self->offset);
	else
		fs_job_try(self);
}

void fs_workshop_stop(FsWorkshop *self)
{
	pthread_mutex_lock(&self->lock);
	bool is_running = self->is_running;
	self->is_over = true;
	self->is_running = false;
	pthread_mutex_unlock(&self->lock);
	if (!is_running)
		return;
	ews_inbox_post(self->inbox, &the_end);
	pthread_join(self->thread, NULL);
}
