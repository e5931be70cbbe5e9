/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "cache/evict.h"
#include "cache/store.h"
#include "cache/sync.h"
#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * What becomes of fetched bytes: the rules of content identity.
 */

#define MAIL(boundary, body)                                                                       \
	"Content-Type: multipart/mixed; boundary=\"" boundary "\"\n\n--" boundary "\n\n" body      \
	"\n--" boundary "--\n"

static int64_t item_node;

static void set_up(Kit *kit, gconstpointer data)
{
	kit_open(kit);
	kit_folder(kit, "F1", KIT_TOP, "One");
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	item->modified = KIT_TIME + 50;
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	item_node = kit_node(kit, "A");
	kit_forget_changes(kit);
}

static void tear_down(Kit *kit, gconstpointer data)
{
	kit_check(kit);
	kit_close(kit);
}

static void assert_bytes(Kit *kit, const char *expected)
{
	g_autofree char *bytes = kit_read(kit, item_node);
	g_assert_cmpstr(bytes, ==, expected);
}

/* The server says that something of it changed. */
static void suspect(Kit *kit, const char *change_key)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	item->modified = KIT_TIME + 99;
	g_free(item->change_key);
	item->change_key = g_strdup(change_key);
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_true(node->is_suspect);
}

static void evict(Kit *kit)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(kit->cache, &error);
	g_assert_true(cache_evict_forget(kit->cache, conn, item_node, &error));
	g_assert_true(cache_sync_commit(kit->cache, &error));
}

static void test_first(Kit *kit, gconstpointer data)
{
	g_autoptr(CacheNode) before = kit_get(kit, item_node);
	kit_store(kit, item_node, MAIL("b1", "x"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_cmpint(node->size, ==, (int64_t)strlen(MAIL("b1", "x")));
	g_assert_true(node->is_here);
	g_assert_cmpint(node->mtime, ==, before->mtime);
	g_assert_cmpuint(node->content, ==, before->content);
	g_assert_cmpint(kit_int(kit, "SELECT want IS NULL FROM node WHERE id = %lld", item_node),
		==, 1);
	assert_bytes(kit, MAIL("b1", "x"));
}

static void test_same(Kit *kit, gconstpointer data)
{
	kit_store(kit, item_node, MAIL("b1", "x"));
	suspect(kit, "2");
	g_autoptr(CacheNode) before = kit_get(kit, item_node);
	kit_forget_changes(kit);
	kit_store(kit, item_node, MAIL("b2", "x"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_false(node->is_suspect);
	g_assert_cmpuint(node->content, ==, before->content);
	g_assert_cmpint(node->mtime, ==, before->mtime);
	g_assert_cmpuint(kit->changes->len, ==, 0);
	assert_bytes(kit, MAIL("b1", "x"));
	g_assert_cmpint(kit_int(kit, "SELECT want IS NULL FROM node WHERE id = %lld", item_node),
		==, 1);
}

static void test_other(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	kit_store(kit, item_node, MAIL("b1", "x"));
	suspect(kit, "2");
	g_autoptr(CacheNode) before = kit_get(kit, item_node);
	g_autoptr(CacheBlob) open = cache_blob_open(kit->cache, item_node, before->content, &error);
	g_assert_no_error(error);
	/* Other bytes of the same length: mtime is what tells a backup. */
	kit_store(kit, item_node, MAIL("b1", "y"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_false(node->is_suspect);
	g_assert_cmpint(node->size, ==, before->size);
	g_assert_cmpuint(node->content, !=, before->content);
	g_assert_cmpint(node->mtime, >, before->mtime);
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_CONTENT, item_node));
	assert_bytes(kit, MAIL("b1", "y"));
	/* What is open keeps the old ones. */
	g_assert_cmpint(cache_blob_size(open), ==, before->size);
	g_assert_cmpint(cache_blob_pinned_size(kit->cache, item_node, before->content), ==,
		before->size);
	g_assert_null(cache_blob_open(kit->cache, item_node, before->content, NULL));
}

/* mtime moves although the server's clock says nothing new. */
static void test_other_moves_mtime(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("B", "kb");
	item->received = KIT_TIME + 5000;
	item->modified = KIT_TIME;
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	int64_t id = kit_node(kit, "B");
	kit_store(kit, id, "one");
	g_autoptr(CacheNode) before = kit_get(kit, id);
	kit_store(kit, id, "two");
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->mtime, >, before->mtime);
}

static void test_evicted(Kit *kit, gconstpointer data)
{
	kit_store(kit, item_node, MAIL("b1", "x"));
	evict(kit);
	g_autoptr(CacheNode) before = kit_get(kit, item_node);
	g_assert_false(before->is_here);
	g_assert_cmpint(before->size, ==, (int64_t)strlen(MAIL("b1", "x")));
	kit_store(kit, item_node, MAIL("b2", "x"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	/* The kernel may hold pages of the old boundary. */
	g_assert_cmpuint(node->content, !=, before->content);
	g_assert_cmpint(node->mtime, ==, before->mtime);
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_CONTENT, item_node));
	assert_bytes(kit, MAIL("b2", "x"));
}

static void store_length(Kit *kit, const char *bytes)
{
	g_autoptr(GError) error = NULL;
	EwsSink sink;
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_store_item_free);
	CacheStoreItem *item = g_new0(CacheStoreItem, 1);
	item->node = item_node;
	item->download = cache_download_new(kit->cache, false, false);
	cache_download_sink(item->download, &sink);
	g_assert_true(sink.begin(sink.user, &error));
	g_assert_true(sink.write(sink.user, bytes, strlen(bytes), &error));
	g_ptr_array_add(items, item);
	cache_store(kit->cache, items);
	g_assert_no_error(item->error);
}

static void test_length_only(Kit *kit, gconstpointer data)
{
	store_length(kit, MAIL("b1", "x"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_cmpint(node->size, ==, (int64_t)strlen(MAIL("b1", "x")));
	g_assert_false(node->is_here);
	assert_bytes(kit, NULL);
	/* Nobody saw bytes of it: the same number will do. */
	kit_store(kit, item_node, MAIL("b2", "x"));
	g_autoptr(CacheNode) here = kit_get(kit, item_node);
	g_assert_true(here->is_here);
	g_assert_cmpuint(here->content, ==, node->content);
	g_assert_cmpint(here->mtime, ==, node->mtime);
}

/* Only the length of what is here was asked for, and it turned out to be other content. */
static void test_length_only_other(Kit *kit, gconstpointer data)
{
	kit_store(kit, item_node, MAIL("b1", "x"));
	suspect(kit, "2");
	store_length(kit, MAIL("b1", "longer"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_cmpint(node->size, ==, (int64_t)strlen(MAIL("b1", "longer")));
	g_assert_false(node->is_here);
	g_assert_false(node->is_suspect);
	assert_bytes(kit, NULL);
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==, 0);
}

static void test_big(Kit *kit, gconstpointer data)
{
	g_autofree char *big = g_strnfill(1000000, 'x');
	kit_store(kit, item_node, big);
	assert_bytes(kit, big);
	g_autofree char *tmp = g_build_filename(kit->dir, "cache", "tmp", NULL);
	g_autoptr(GDir) dir = g_dir_open(tmp, 0, NULL);
	g_assert_nonnull(dir);
	g_assert_null(g_dir_read_name(dir));
}

/* A broken answer is fetched anew: what came before is void. */
static void test_begin_again(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	EwsSink sink;
	g_autofree char *big = g_strnfill(1000000, 'x');
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_store_item_free);
	CacheStoreItem *item = g_new0(CacheStoreItem, 1);
	item->node = item_node;
	item->download = cache_download_new(kit->cache, true, false);
	cache_download_sink(item->download, &sink);
	g_assert_true(sink.begin(sink.user, &error));
	g_assert_true(sink.write(sink.user, big, 900000, &error));
	g_assert_true(sink.begin(sink.user, &error));
	g_assert_true(sink.write(sink.user, "small", 5, &error));
	g_ptr_array_add(items, item);
	cache_store(kit->cache, items);
	assert_bytes(kit, "small");
}

static void test_error(Kit *kit, gconstpointer data)
{
	kit_store_error(kit, item_node,
		g_error_new_literal(EWS_ERROR, EWS_ERROR_CORRUPT, "no MIME for this"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_autoptr(CacheDetails) details = cache_details(kit->cache, item_node, NULL);
	g_assert_true(node->has_error);
	g_assert_cmpstr(details->error, ==, "no MIME for this");
	/* It can be had after all. */
	kit_store(kit, item_node, "bytes");
	g_autoptr(CacheNode) good = kit_get(kit, item_node);
	g_autoptr(CacheDetails) now = cache_details(kit->cache, item_node, NULL);
	g_assert_false(good->has_error);
	g_assert_null(now->error);
}

/* Nobody's fault but the way's: nothing is said of the item. */
static void test_temporary_error(Kit *kit, gconstpointer data)
{
	static const int codes[] = {EWS_ERROR_BUSY, EWS_ERROR_OFFLINE, EWS_ERROR_AUTH,
		EWS_ERROR_TLS, EWS_ERROR_CANCELLED, EWS_ERROR_LOCAL, EWS_ERROR_NO_SPACE};
	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++) {
		kit_store_error(kit, item_node, g_error_new_literal(EWS_ERROR, codes[i], "x"));
		g_autoptr(CacheNode) node = kit_get(kit, item_node);
		g_assert_false(node->has_error);
		g_assert_cmpint(kit_int(kit, "SELECT want FROM node WHERE id = %lld", item_node),
			==, 1);
	}
	/* Not there any more: the listing will say so. */
	kit_store_error(kit, item_node, g_error_new_literal(EWS_ERROR, EWS_ERROR_NOT_FOUND, "x"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_false(node->has_error);
}

/* What is here stays readable when the server cannot give it once more. */
static void test_error_of_suspect(Kit *kit, gconstpointer data)
{
	kit_store(kit, item_node, "bytes");
	suspect(kit, "2");
	kit_store_error(kit, item_node, g_error_new_literal(EWS_ERROR, EWS_ERROR_CORRUPT, "x"));
	assert_bytes(kit, "bytes");
}

static void test_gone(Kit *kit, gconstpointer data)
{
	kit_say_gone(kit, "F1", "A");
	kit_store(kit, item_node, "of a tombstone");
	kit_settle(kit);
	kit_settle(kit);
	kit_store(kit, item_node, "of what is gone");
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM blob"), ==, 0);
	kit_store(kit, 4711, "of what never was");
}

/* The disk is full: that item's trouble, and not the next one's. */
static void test_no_space(Kit *kit, gconstpointer data)
{
	struct rlimit old, low;
	g_autofree char *big = g_strnfill(200000, 'x');
	g_autoptr(EwsItem) other = kit_make_item("B", "kb");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, other);
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_store_item_free);
	const char *bytes[] = {big, "small"};
	int64_t nodes[] = {item_node, kit_node(kit, "B")};
	for (int i = 0; i < 2; i++) {
		EwsSink sink;
		CacheStoreItem *item = g_new0(CacheStoreItem, 1);
		item->node = nodes[i];
		item->download = cache_download_new(kit->cache, true, false);
		cache_download_sink(item->download, &sink);
		g_assert_true(sink.begin(sink.user, NULL));
		g_assert_true(sink.write(sink.user, bytes[i], strlen(bytes[i]), NULL));
		g_ptr_array_add(items, item);
	}
	/* A file may not grow: EFBIG is as near to a full disk as a test comes without one. */
	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	low = old;
	low.rlim_cur = 100000;
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &low), ==, 0);
	cache_store(kit->cache, items);
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	const CacheStoreItem *first = items->pdata[0];
	g_assert_nonnull(first->error);
	assert_bytes(kit, NULL);
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	g_assert_false(node->has_error);
}

/* The cache directory may be deleted at any time. */
static void test_directory_emptied(Kit *kit, gconstpointer data)
{
	kit_store(kit, item_node, MAIL("b1", "x"));
	g_autoptr(CacheNode) before = kit_get(kit, item_node);
	cache_blobs_remove(kit->cache->blobs, item_node, before->content);
	assert_bytes(kit, NULL);
	kit_store(kit, item_node, MAIL("b2", "x"));
	g_autoptr(CacheNode) node = kit_get(kit, item_node);
	assert_bytes(kit, MAIL("b2", "x"));
	g_assert_cmpuint(node->content, !=, before->content);
	g_assert_cmpint(node->mtime, ==, before->mtime);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* A full disk is warned of, and is no reason to end. */
	g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
	g_log_set_fatal_mask("cache", G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
#define ADD(claim, test) g_test_add("/cache/store/" claim, Kit, NULL, set_up, test, tear_down)
	ADD("first-gives-the-length", test_first);
	ADD("other-boundaries-change-nothing", test_same);
	ADD("other-bytes-are-other-content", test_other);
	ADD("other-bytes-move-mtime", test_other_moves_mtime);
	ADD("evicted-comes-back-with-the-same-time", test_evicted);
	ADD("length-alone", test_length_only);
	ADD("length-alone-of-other-content", test_length_only_other);
	ADD("big-goes-through-a-file", test_big);
	ADD("begins-again-after-a-broken-answer", test_begin_again);
	ADD("error-is-said-until-it-is-over", test_error);
	ADD("temporary-error-says-nothing", test_temporary_error);
	ADD("error-leaves-old-bytes", test_error_of_suspect);
	ADD("gone-keeps-nothing", test_gone);
	ADD("full-disk-fails-alone", test_no_space);
	ADD("emptied-directory-is-filled-again", test_directory_emptied);
#undef ADD
	return g_test_run();
}
