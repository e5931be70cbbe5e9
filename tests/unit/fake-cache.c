/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/fake-cache.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ews/error.h"
#include "tests/unit/fake-cache-private.h"

struct CacheBlob {
	Bytes *bytes; /* borrowed: from the cache; NULL: of a file that is written here */
	int fd;
};

/* --- what the test sets -------------------------------------------------- */

static void bytes_free(void *user)
{
	Bytes *bytes = user;

	g_free(bytes->data);
	g_free(bytes);
}

static void local_free(void *user)
{
	Local *local = user;

	close(local->fd);
	g_free(local);
}

static void unref_node(void *node)
{
	cache_node_unref(node);
}

Cache *fake_cache_new(void)
{
	Cache *self = g_new0(Cache, 1);

	self->nodes = g_ptr_array_new_with_free_func(unref_node);
	self->bytes = g_ptr_array_new_with_free_func(bytes_free);
	self->locals = g_ptr_array_new_with_free_func(local_free);
	self->marks = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	self->log = g_string_new(NULL);
	g_queue_init(&self->waits);
	pthread_mutex_init(&self->view_lock, NULL);
	self->details.received = self->details.sent = INT64_MIN;
	fake_cache_add(self, CACHE_ROOT, 0, CACHE_KIND_DIR, "")->is_listed = true;
	return self;
}

CacheNode *fake_cache_add(Cache *self, int64_t id, int64_t parent, CacheKind kind, const char *name)
{
	CacheNode *node = g_new0(CacheNode, 1);

	atomic_init(&node->refs, 1);
	node->id = id;
	node->parent = parent;
	node->kind = kind;
	node->ino = (uint64_t)id + 1000;
	node->name = g_strdup(name);
	node->rights = 0x1f;
	node->size = kind == CACHE_KIND_FILE ? -1 : 0;
	g_ptr_array_add(self->nodes, node);
	return node;
}

CacheNode *fake_cache_node(Cache *self, int64_t id)
{
	for (guint i = 0; i < self->nodes->len; i++) {
		CacheNode *node = g_ptr_array_index(self->nodes, i);
		if (node->id == id)
			return node;
	}
	return NULL;
}

void fake_cache_remove(Cache *self, int64_t id)
{
	g_ptr_array_remove(self->nodes, fake_cache_node(self, id));
}

void fake_cache_put(Cache *self, int64_t id, uint32_t content, const char *data)
{
	Bytes *bytes = g_new0(Bytes, 1);
	CacheNode *node = fake_cache_node(self, id);

	bytes->id = id;
	bytes->content = content;
	bytes->data = g_strdup(data);
	g_ptr_array_add(self->bytes, bytes);
	node->content = content;
	node->size = (int64_t)strlen(data);
	node->is_here = true;
}

CacheView *fake_cache_view(Cache *self)
{
	return &self->view;
}

CacheDetails *fake_cache_details(Cache *self)
{
	return &self->details;
}

void fake_cache_break_lists(Cache *self, const GError *error)
{
	g_clear_error(&self->list_error);
	self->list_error = error != NULL ? g_error_copy(error) : NULL;
}

unsigned fake_cache_waiting(Cache *self)
{
	return self->waits.length;
}

int64_t fake_cache_wanted(Cache *self)
{
	return ((Wait *)self->waits.head->data)->id;
}

CacheReason fake_cache_reason(Cache *self)
{
	return ((Wait *)self->waits.head->data)->reason;
}

void fake_cache_answer(Cache *self, const GError *error)
{
	g_autofree Wait *wait = g_queue_pop_head(&self->waits);

	g_free(wait->query);
	if (wait->found != NULL)
		wait->found(wait->user, NULL, error);
	else
		wait->done(wait->user, error);
}

const char *fake_cache_query(Cache *self)
{
	return ((Wait *)self->waits.head->data)->query;
}

void fake_cache_find(Cache *self, const int64_t *nodes, guint count)
{
	g_autofree Wait *wait = g_queue_pop_head(&self->waits);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(int64_t));

	g_array_append_vals(found, nodes, count);
	g_free(wait->query);
	wait->found(wait->user, found, NULL);
}

bool cache_query_check(const char *query, GError **error)
{
	if (*query != '!')
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_INVALID, "search for %s: no", query);
	return false;
}

void cache_search(Cache *self, int64_t dir, const char *query, CacheFoundDone done, void *user)
{
	fake_cache_wait(self,
		(Wait){.id = dir, .found = done, .query = g_strdup(query), .user = user});
}

void fake_cache_tell(Cache *self, CacheChangeKind kind, int64_t node, uint32_t content,
	int64_t parent, const char *name)
{
	CacheChange *change = g_new0(CacheChange, 1);

	change->kind = kind;
	change->node = node;
	change->content = content;
	change->parent = parent;
	change->name = g_strdup(name);
	self->listener(change, self->listener_user);
}

void fake_cache_refresh(Cache *self, bool is_on)
{
	self->is_refreshing = is_on;
}

unsigned fake_cache_pinned(Cache *self)
{
	unsigned pinned = 0;

	for (guint i = 0; i < self->bytes->len; i++)
		pinned += ((Bytes *)g_ptr_array_index(self->bytes, i))->pins;
	return pinned;
}

/* --- the door of cache/ -------------------------------------------------- */

CacheNode *cache_node_ref(CacheNode *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

void cache_node_unref(CacheNode *self)
{
	if (self == NULL || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	g_free(self->name);
	g_free(self);
}

static CacheNode *copy_node(const CacheNode *node)
{
	CacheNode *copy = g_memdup2(node, sizeof(*node));

	atomic_init(&copy->refs, 1);
	copy->name = g_strdup(node->name);
	return copy;
}

Local *fake_cache_local(Cache *self, int64_t id)
{
	for (guint i = 0; i < self->locals->len; i++) {
		Local *local = g_ptr_array_index(self->locals, i);
		if (local->id == id)
			return local;
	}
	return NULL;
}

int64_t fake_file_size(int fd)
{
	struct stat attr;

	g_assert_cmpint(fstat(fd, &attr), ==, 0);
	return attr.st_size;
}

/* A snapshot for a reader: with the length that its file has now. */
CacheNode *fake_cache_snapshot(Cache *self, const CacheNode *node)
{
	const Local *local = fake_cache_local(self, node->id);
	CacheNode *copy = copy_node(node);

	if (local != NULL)
		copy->size = fake_file_size(local->fd);
	return copy;
}

void cache_free(Cache *self)
{
	if (self == NULL)
		return;
	g_assert_cmpuint(self->waits.length, ==, 0);
	g_ptr_array_unref(self->nodes);
	g_ptr_array_unref(self->bytes);
	g_ptr_array_unref(self->locals);
	if (self->queue != NULL)
		g_ptr_array_unref(self->queue);
	g_string_free(self->log, TRUE);
	g_hash_table_unref(self->marks);
	g_clear_error(&self->flush_error);
	g_clear_error(&self->list_error);
	pthread_mutex_destroy(&self->view_lock);
	g_free(self);
}

void cache_change_free(CacheChange *self)
{
	if (self == NULL)
		return;
	g_free(self->name);
	g_free(self);
}

void cache_listen(Cache *self, CacheListener listener, void *user)
{
	self->listener = listener;
	self->listener_user = user;
}

CacheNode *cache_get(Cache *self, int64_t id, GError **error)
{
	const CacheNode *node = fake_cache_node(self, id);

	if (node == NULL)
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no node");
	return node != NULL ? fake_cache_snapshot(self, node) : NULL;
}

CacheNode *cache_lookup(Cache *self, int64_t parent, const char *name, GError **error)
{
	for (guint i = 0; i < self->nodes->len; i++) {
		const CacheNode *node = g_ptr_array_index(self->nodes, i);
		if (node->parent == parent && g_str_equal(node->name, name))
			return fake_cache_snapshot(self, node);
	}
	g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no such name");
	return NULL;
}

bool cache_list(Cache *self, int64_t dir, int64_t after, CacheEach each, void *user, GError **error)
{
	for (guint i = 0; i < self->nodes->len; i++) {
		g_autoptr(CacheNode) node =
			fake_cache_snapshot(self, g_ptr_array_index(self->nodes, i));
		if (node->parent == dir && node->id > after && !each(node, user))
			break;
	}
	if (self->list_error != NULL)
		g_propagate_error(error, g_error_copy(self->list_error));
	return self->list_error == NULL;
}

static int compare_names(gconstpointer left, gconstpointer right)
{
	const CacheNode *const *a = left;
	const CacheNode *const *b = right;

	return strcmp((*a)->name, (*b)->name);
}

bool cache_list_by_name(Cache *self, int64_t dir, const char *after, CacheEach each, void *user,
	GError **error)
{
	g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(unref_node);

	for (guint i = 0; i < self->nodes->len; i++)
		g_ptr_array_add(nodes,
			fake_cache_snapshot(self, g_ptr_array_index(self->nodes, i)));
	g_ptr_array_sort(nodes, compare_names);
	for (guint i = 0; i < nodes->len; i++) {
		const CacheNode *node = g_ptr_array_index(nodes, i);
		if (node->parent == dir && strcmp(node->name, after) > 0 && !each(node, user))
			break;
	}
	return true;
}

CacheDetails *cache_details(Cache *self, int64_t id, GError **error)
{
	const CacheNode *node = fake_cache_node(self, id);

	if (node == NULL || node->is_scratch || cache_is_new(self, id)) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "no item");
		return NULL;
	}
	CacheDetails *copy = g_memdup2(&self->details, sizeof(self->details));
	copy->subject = g_strdup(copy->subject);
	copy->categories = g_strdup(copy->categories);
	copy->item_id = g_strdup(copy->item_id);
	copy->error = g_strdup(copy->error);
	return copy;
}

void cache_details_free(CacheDetails *self)
{
	if (self == NULL)
		return;
	g_free(self->subject);
	g_free(self->categories);
	g_free(self->item_id);
	g_free(self->error);
	g_free(self);
}

bool cache_usage(Cache *self, CacheUsage *ret_usage, GError **error)
{
	*ret_usage = (CacheUsage){
		.bytes = 10000,
		.items = self->nodes->len,
		.quota = self->has_no_quota ? -1 : 40960,
	};
	return true;
}

Bytes *fake_cache_bytes(Cache *self, int64_t id, uint32_t content)
{
	for (guint i = 0; i < self->bytes->len; i++) {
		Bytes *bytes = g_ptr_array_index(self->bytes, i);
		if (bytes->id == id && bytes->content == content)
			return bytes;
	}
	return NULL;
}

/* The bytes that are written here, of whoever has the node as it is now. */
static CacheBlob *open_local(const Local *local)
{
	CacheBlob *blob = g_new0(CacheBlob, 1);

	blob->fd = fcntl(local->fd, F_DUPFD_CLOEXEC, 3);
	return blob;
}

/* Flags are one for all, as the details are; a length is that of one node. */
bool cache_view(Cache *self, int64_t id, CacheView *ret_view, GError **error)
{
	g_autoptr(CacheNode) node = cache_get(self, id, error);

	if (node == NULL)
		return false;
	pthread_mutex_lock(&self->view_lock);
	*ret_view = self->view;
	ret_view->categories = g_strdup(self->view.categories);
	if (self->viewed != id) {
		ret_view->stamp = 0;
		ret_view->size = -1;
	}
	pthread_mutex_unlock(&self->view_lock);
	return true;
}

void cache_view_clear(CacheView *self)
{
	g_clear_pointer(&self->categories, g_free);
}

void cache_view_note(Cache *self, int64_t id, int64_t stamp, int64_t size)
{
	pthread_mutex_lock(&self->view_lock);
	self->viewed = id;
	self->view.stamp = stamp;
	self->view.size = size;
	pthread_mutex_unlock(&self->view_lock);
}

CacheBlob *cache_blob_open(Cache *self, int64_t id, uint32_t content, GError **error)
{
	const CacheNode *node = fake_cache_node(self, id);
	const Local *local = fake_cache_local(self, id);

	if (local != NULL && node != NULL && node->content == content)
		return open_local(local);
	Bytes *bytes = fake_cache_bytes(self, id, content);

	if (bytes == NULL) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND, "not here");
		return NULL;
	}
	CacheBlob *blob = g_new0(CacheBlob, 1);
	blob->bytes = bytes;
	blob->fd = memfd_create("blob", MFD_CLOEXEC);
	g_assert_cmpint(write(blob->fd, bytes->data, strlen(bytes->data)), ==, strlen(bytes->data));
	bytes->pins++;
	return blob;
}

CacheBlob *cache_blob_open_node(Cache *self, const CacheNode *node, GError **error)
{
	return cache_blob_open(self, node->id, node->is_here ? node->content : UINT32_MAX, error);
}

int cache_blob_fd(const CacheBlob *self)
{
	return self->fd;
}

int64_t cache_blob_size(const CacheBlob *self)
{
	return fake_file_size(self->fd);
}

void cache_blob_close(CacheBlob *self)
{
	if (self == NULL)
		return;
	if (self->bytes != NULL)
		self->bytes->pins--;
	close(self->fd);
	g_free(self);
}

int64_t cache_blob_pinned_size(Cache *self, int64_t id, uint32_t content)
{
	const Bytes *bytes = fake_cache_bytes(self, id, content);

	return bytes != NULL && bytes->pins > 0 ? (int64_t)strlen(bytes->data) : -1;
}

void fake_cache_wait(Cache *self, Wait wait)
{
	g_queue_push_tail(&self->waits, g_memdup2(&wait, sizeof(wait)));
}

bool cache_listing_ready(Cache *self, int64_t dir)
{
	const CacheNode *node = fake_cache_node(self, dir);

	return node != NULL && node->is_listed;
}

void cache_await_listing(Cache *self, int64_t dir, CacheDone done, void *user)
{
	fake_cache_wait(self, (Wait){.id = dir, .done = done, .user = user});
}

void cache_fetch(Cache *self, int64_t id, CacheReason reason, CacheDone done, void *user)
{
	fake_cache_wait(self, (Wait){.id = id, .reason = reason, .done = done, .user = user});
}

void cache_sync(Cache *self, int64_t dir, bool with_bytes, int64_t deadline_us, CacheDone done,
	void *user)
{
	fake_cache_wait(self, (Wait){.id = dir, .done = done, .user = user});
}

bool cache_is_refreshing(Cache *self)
{
	return self->is_refreshing;
}

CacheStatus *cache_status(Cache *self)
{
	CacheStatus *status = g_new0(CacheStatus, 1);

	status->items = self->nodes->len;
	status->seconds_left = -1;
	return status;
}

char **cache_rescued(Cache *self)
{
	return g_new0(char *, 1);
}

void cache_status_free(CacheStatus *self)
{
	g_free(self);
}
