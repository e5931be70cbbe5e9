/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/texts.h"

#include <pthread.h>
#include <string.h>

#include "ews/error.h"
#include "ews/inbox.h"
#include "fs/inode.h"

#define KEEP_COUNT 64
#define KEEP_BYTES (2 * 1024 * 1024) /* of memory */

typedef struct Kept {
	fuse_ino_t ino;
	FsRendered *rendered; /* own */
} Kept;

struct FsTexts {
	/* set at start, then const */
	const char *cache_dir; /* borrowed: from the configuration */
	GTimeZone *zone;       /* own */
	EwsInbox *inbox;       /* own; of FsTextJob */

	pthread_mutex_t lock;
	/* guarded by lock */
	GQueue open; /* of FsTextOpen */
	GQueue kept; /* of Kept, newest first */
	size_t kept_bytes;
	pthread_t thread;
	bool is_running;
	bool is_over;
};

/* --- life -------------------------------------------------------------------------------- */

/* The job that ends the thread. */
static FsTextJob the_end;

FsTexts *fs_texts_new(const char *cache_dir)
{
	FsTexts *self = g_new0(FsTexts, 1);

	self->cache_dir = cache_dir;
	self->zone = g_time_zone_new_local();
	self->inbox = ews_inbox_new(NULL, NULL);
	pthread_mutex_init(&self->lock, NULL);
	g_queue_init(&self->open);
	g_queue_init(&self->kept);
	return self;
}

static void kept_free(Kept *self)
{
	fs_rendered_unref(self->rendered);
	g_free(self);
}

static void free_job(void *job)
{
	if (job != &the_end)
		g_free(job);
}

void fs_texts_free(FsTexts *self)
{
	if (self == NULL)
		return;
	fs_texts_stop(self);
	for (Kept *kept; (kept = g_queue_pop_head(&self->kept)) != NULL;)
		kept_free(kept);
	ews_inbox_free(self->inbox, free_job);
	g_time_zone_unref(self->zone);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

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

static int64_t stamp_of(const FsTexts *texts, const CacheNode *node, const CacheView *view)
{
	const int64_t numbers[] = {VIEW_TEXT_VERSION, node->content, view->is_item, view->is_read,
		view->flag, view->importance};
	uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), numbers, sizeof(numbers));

	hash = mix_text(hash, view->categories);
	hash = mix_text(hash, g_time_zone_get_identifier(texts->zone));
	return (int64_t)hash;
}

bool fs_text_load(FsText *self, const Fs *fs, CacheNode *node, GError **error)
{
	*self = (FsText){.node = node};
	if (!cache_view(fs->cache, node->id, &self->view, error)) {
		fs_text_clear(self);
		return false;
	}
	self->stamp = stamp_of(fs->texts, node, &self->view);
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

/* Under the lock. */
static void drop_old(FsTexts *self)
{
	while (self->kept.length > KEEP_COUNT || self->kept_bytes > KEEP_BYTES) {
		Kept *oldest = g_queue_pop_tail(&self->kept);
		self->kept_bytes -= fs_rendered_memory(oldest->rendered);
		kept_free(oldest);
	}
}

static void keep(FsTexts *self, fuse_ino_t ino, FsRendered *rendered)
{
	Kept *kept = g_new0(Kept, 1);

	kept->ino = ino;
	kept->rendered = fs_rendered_ref(rendered);
	pthread_mutex_lock(&self->lock);
	g_queue_push_head(&self->kept, kept);
	self->kept_bytes += fs_rendered_memory(rendered);
	drop_old(self);
	pthread_mutex_unlock(&self->lock);
}

FsRendered *fs_texts_find(FsTexts *self, fuse_ino_t ino)
{
	FsRendered *found = NULL;

	pthread_mutex_lock(&self->lock);
	for (GList *link = self->kept.head; link != NULL && found == NULL; link = link->next) {
		Kept *kept = link->data;
		if (kept->ino == ino)
			found = fs_rendered_ref(kept->rendered);
	}
	pthread_mutex_unlock(&self->lock);
	return found;
}

/* What is only here may be written between two looks: it is made each time, and not kept. */
FsRendered *fs_text_render_blob(const FsText *self, const Fs *fs, const CacheBlob *blob,
	GError **error)
{
	FsTexts *texts = fs->texts;
	FsRendered *rendered = self->node->is_local ? NULL : fs_texts_find(texts, self->ino);

	if (rendered != NULL)
		return rendered;
	g_autofree char *line = flags_line(&self->view);
	const ViewFacts facts = {
		.flags = line,
		.categories = self->view.categories,
		.zone = texts->zone,
	};
	rendered = fs_rendered_new(cache_blob_fd(blob), &facts, texts->cache_dir, error);
	if (rendered == NULL || self->node->is_local)
		return rendered;
	keep(texts, self->ino, rendered);
	if (fs_text_size(self) != fs_rendered_size(rendered))
		cache_view_note(fs->cache, self->node->id, self->stamp, fs_rendered_size(rendered));
	return rendered;
}

FsRendered *fs_text_render(const FsText *self, const Fs *fs, GError **error)
{
	g_autoptr(CacheBlob) blob = cache_blob_open_node(fs->cache, self->node, error);

	return blob != NULL ? fs_text_render_blob(self, fs, blob, error) : NULL;
}

/* --- what is open ------------------------------------------------------------------------ */

struct FsTextOpen {
	FsTexts *texts;  /* borrowed: outlives it */
	FsText text;     /* own */
	CacheBlob *blob; /* own */

	/* guarded by the lock of the texts */
	GList link;
	unsigned refs;

	pthread_mutex_t lock; /* while it is made; that of the texts is taken below it */
	FsRendered *rendered; /* own; guarded by lock; NULL: nobody has wanted it yet */
};

FsTextOpen *fs_text_open_new(FsTexts *texts, FsText *text, CacheBlob *blob)
{
	FsTextOpen *self = g_new0(FsTextOpen, 1);

	self->texts = texts;
	self->text = *text;
	*text = (FsText){0};
	self->blob = blob;
	self->refs = 1;
	self->link.data = self;
	pthread_mutex_init(&self->lock, NULL);
	pthread_mutex_lock(&texts->lock);
	g_queue_push_head_link(&texts->open, &self->link);
	pthread_mutex_unlock(&texts->lock);
	return self;
}

void fs_text_open_unref(FsTextOpen *self)
{
	if (self == NULL)
		return;
	pthread_mutex_lock(&self->texts->lock);
	bool is_last = --self->refs == 0;
	if (is_last)
		g_queue_unlink(&self->texts->open, &self->link);
	pthread_mutex_unlock(&self->texts->lock);
	if (!is_last)
		return;
	fs_text_clear(&self->text);
	cache_blob_close(self->blob);
	fs_rendered_unref(self->rendered);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

const FsText *fs_text_open_text(const FsTextOpen *self)
{
	return &self->text;
}

/* One at a time: the second reader finds what the first one made. */
FsRendered *fs_text_open_render(FsTextOpen *self, const Fs *fs, GError **error)
{
	pthread_mutex_lock(&self->lock);
	if (self->rendered == NULL)
		self->rendered = fs_text_render_blob(&self->text, fs, self->blob, error);
	FsRendered *rendered = self->rendered != NULL ? fs_rendered_ref(self->rendered) : NULL;
	pthread_mutex_unlock(&self->lock);
	return rendered;
}

FsTextOpen *fs_texts_opened(FsTexts *self, fuse_ino_t ino)
{
	FsTextOpen *found = NULL;

	pthread_mutex_lock(&self->lock);
	for (GList *link = self->open.head; link != NULL && found == NULL; link = link->next) {
		FsTextOpen *open = link->data;
		if (open->text.ino == ino)
			found = open;
	}
	if (found != NULL)
		found->refs++;
	pthread_mutex_unlock(&self->lock);
	return found;
}

/* --- work for the thread ----------------------------------------------------------------- */

static void *run(void *user)
{
	FsTexts *self = user;

	for (;;) {
		g_autofree FsTextJob *job = NULL;
		FsTextJob *next = ews_inbox_take(self->inbox, INT64_MAX);
		if (next == &the_end)
			return NULL;
		job = next;
		if (job == NULL)
			continue;
		pthread_mutex_lock(&self->lock);
		bool is_over = self->is_over;
		pthread_mutex_unlock(&self->lock);
		job->run(job, is_over);
	}
}

void fs_texts_post(FsTexts *self, const FsTextJob *job)
{
	pthread_mutex_lock(&self->lock);
	bool can_run = !self->is_over &&
		(self->is_running || pthread_create(&self->thread, NULL, run, self) == 0);
	self->is_running = can_run || self->is_running;
	if (can_run)
		ews_inbox_post(self->inbox, g_memdup2(job, sizeof(*job)));
	pthread_mutex_unlock(&self->lock);
	if (!can_run)
		job->run(job, true);
}

void fs_texts_stop(FsTexts *self)
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
