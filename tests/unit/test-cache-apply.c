/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/unit/test-cache-kit.h"

/*
 * The rules of identity, one by one: what a change that the server reports does to the tree.
 */

static void set_up(Kit *kit, gconstpointer data)
{
	kit_open(kit);
	kit_folder(kit, "F1", KIT_TOP, "One");
	kit_folder(kit, "F2", KIT_TOP, "Two");
	kit_folder(kit, "F3", KIT_TOP, "Three");
	kit_list(kit, "F1");
	kit_list(kit, "F2");
	kit_list(kit, "F3");
	kit_forget_changes(kit);
}

static void tear_down(Kit *kit, gconstpointer data)
{
	kit_check(kit);
	kit_close(kit);
}

/* An item that is here with its bytes, and its node. */
static int64_t add_fetched(Kit *kit, const char *folder, const EwsItem *item, const char *bytes)
{
	kit_say(kit, folder, EWS_CHANGE_CREATE, item);
	int64_t node = kit_node(kit, item->id);
	g_assert_cmpint(node, !=, 0);
	kit_store(kit, node, bytes);
	return node;
}

/* The item as it comes in another folder after a move: all the same but the ids. */
static EwsItem *moved(const EwsItem *item, const char *id)
{
	EwsItem *copy = kit_copy_item(item);
	g_free(copy->id);
	g_free(copy->change_key);
	copy->id = g_strdup(id);
	copy->change_key = g_strdup_printf("%s/1", id);
	return copy;
}

static void set_key(EwsItem *item, const char *change_key)
{
	g_free(item->change_key);
	item->change_key = g_strdup(change_key);
}

static void set_subject(EwsItem *item, const char *subject)
{
	g_free(item->subject);
	item->subject = g_strdup(subject);
}

static void assert_bytes(Kit *kit, int64_t node, const char *expected)
{
	g_autofree char *bytes = kit_read(kit, node);
	g_assert_cmpstr(bytes, ==, expected);
}

/* --- one folder ------------------------------------------------------------------------- */

static void test_create(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	item->modified = KIT_TIME + 7;
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	g_autoptr(CacheNode) node = kit_get(kit, kit_node(kit, "A"));
	g_assert_cmpint(node->parent, ==, kit_dir(kit, "F1"));
	g_assert_cmpint(node->kind, ==, CACHE_KIND_FILE);
	g_assert_cmpint(node->size, ==, -1);
	g_assert_cmpint(node->size_hint, ==, 1000);
	g_assert_cmpint(node->mtime, ==, KIT_TIME);
	g_assert_cmpint(node->ctime, ==, KIT_TIME + 7);
	g_assert_true(g_str_has_prefix(node->name, "2026-11-20T101500Z_Some-One_Subject-of-ka."));
	g_assert_false(node->is_suspect || node->is_here || node->has_error);
	/* Once more, as a server that repeats itself says it. */
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	g_assert_cmpint(kit_node(kit, "A"), ==, node->id);
}

static void test_update(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	g_autoptr(CacheNode) before = kit_get(kit, id);
	kit_forget_changes(kit);
	set_key(item, "A/2");
	set_subject(item, "Another");
	item->modified += 5;
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_true(node->is_suspect);
	g_assert_true(node->is_here);
	g_assert_cmpstr(node->name, ==, before->name);
	g_assert_cmpuint(node->ino, ==, before->ino);
	g_assert_cmpuint(node->content, ==, before->content);
	g_assert_cmpint(node->mtime, ==, before->mtime);
	g_assert_cmpint(node->ctime, ==, item->modified);
	g_assert_cmpint(kit_int(kit, "SELECT want FROM node WHERE id = %lld", id), ==, 1);
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_ATTRIBUTES, id));
	assert_bytes(kit, id, "bytes");
}

/* Not fetched yet: there is nothing to suspect. */
static void test_update_unfetched(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	set_key(item, "A/2");
	set_subject(item, "Another");
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) node = kit_get(kit, kit_node(kit, "A"));
	g_assert_false(node->is_suspect);
}

static void assert_trusted(Kit *kit, const EwsItem *item, bool is_trusted)
{
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) node = kit_get(kit, kit_node(kit, "A"));
	g_assert_cmpint(!node->is_suspect, ==, is_trusted);
	kit_store(kit, node->id, "bytes");
}

/* What the kind of change says of the content. */
static void test_update_kinds(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	add_fetched(kit, "F1", item, "bytes");
	assert_trusted(kit, item, true); /* nothing changed */
	set_key(item, "2");
	item->is_read = true;
	assert_trusted(kit, item, true);
	set_key(item, "3");
	item->flag = EWS_FLAG_FLAGGED;
	assert_trusted(kit, item, true);
	set_key(item, "4");
	item->flag = EWS_FLAG_COMPLETE;
	item->is_read = false;
	assert_trusted(kit, item, true);
	set_key(item, "5"); /* moved, and nobody says why */
	assert_trusted(kit, item, false);
	set_key(item, "6");
	item->categories = g_strsplit("red,blue", ",", -1);
	assert_trusted(kit, item, false);
	set_key(item, "7");
	item->is_read = true;
	item->importance = EWS_IMPORTANCE_HIGH;
	assert_trusted(kit, item, false);
	set_key(item, "8");
	item->is_read = false;
	item->size = 2000;
	assert_trusted(kit, item, false);
	set_key(item, "9");
	item->is_read = true;
	assert_trusted(kit, item, true);
}

static void test_read_flag(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	g_autoptr(CacheNode) before = kit_get(kit, id);
	g_autoptr(EwsItem) flag = ews_item_new();
	flag->id = g_strdup("A");
	flag->is_read = true;
	kit_say(kit, "F1", EWS_CHANGE_READ_FLAG, flag);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_autoptr(CacheDetails) details = cache_details(kit->cache, id, &error);
	g_assert_true(details->is_read);
	g_assert_cmpstr(details->subject, ==, "Subject of ka");
	g_assert_false(node->is_suspect);
	g_assert_cmpint(node->mtime, ==, before->mtime);
	assert_bytes(kit, id, "bytes");
	/* Of an item that nobody knows. */
	g_free(flag->id);
	flag->id = g_strdup("nobody");
	kit_say(kit, "F1", EWS_CHANGE_READ_FLAG, flag);
}

static void test_draft(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	item->is_draft = true;
	item->received = EWS_TIME_NONE;
	item->modified = KIT_TIME + 100;
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	int64_t id = kit_node(kit, "A");
	g_autoptr(CacheNode) first = kit_get(kit, id);
	g_assert_cmpint(first->mtime, ==, KIT_TIME + 100);
	g_assert_true(g_str_has_prefix(first->name, "draft_"));
	set_key(item, "2");
	item->modified = KIT_TIME + 200;
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) second = kit_get(kit, id);
	g_assert_cmpint(second->mtime, ==, KIT_TIME + 200);
	/* Sent from here: no longer a draft, and as old as its receipt. */
	set_key(item, "3");
	item->is_draft = false;
	item->received = KIT_TIME + 300;
	item->modified = KIT_TIME + 400;
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) third = kit_get(kit, id);
	g_assert_cmpint(third->mtime, ==, KIT_TIME + 300);
	g_assert_cmpstr(third->name, ==, first->name);
}

static void test_delete(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	kit_forget_changes(kit);
	kit_say_gone(kit, "F1", "A");
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_GONE, id));
	g_assert_cmpint(kit_node(kit, "A"), ==, 0);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->parent, ==, 0);
	/* Its bytes stay as long as it may turn up elsewhere: this round and the next. */
	assert_bytes(kit, id, "bytes");
	kit_settle(kit);
	assert_bytes(kit, id, "bytes");
	kit_settle(kit);
	assert_bytes(kit, id, NULL);
	g_assert_cmpint(atomic_load(&kit->cache->bytes_here), ==, 0);
	/* The kernel may still ask for the number; after a remount nobody does. */
	g_autoptr(CacheNode) gone = kit_get(kit, id);
	g_assert_cmpint(gone->parent, ==, 0);
	kit_reopen(kit);
	g_assert_null(cache_get(kit->cache, id, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

static void test_delete_unknown(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	kit_say_gone(kit, "F1", "nobody");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	/* What lives in another folder by now is not what this folder lost. */
	kit_say_gone(kit, "F2", "A");
	g_assert_cmpint(kit_node(kit, "A"), !=, 0);
	kit_say_gone(kit, "F1", "A");
	kit_say_gone(kit, "F1", "A");
	g_assert_cmpint(kit_node(kit, "A"), ==, 0);
}

static void test_error_rests(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	int64_t id = kit_node(kit, "A");
	kit_store_error(kit, id, g_error_new_literal(EWS_ERROR, EWS_ERROR_CORRUPT, "no MIME"));
	g_autoptr(CacheNode) bad = kit_get(kit, id);
	g_assert_true(bad->has_error);
	/* The same ChangeKey: nothing new. Another: it may be had now. */
	item->is_read = true;
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) still = kit_get(kit, id);
	g_assert_true(still->has_error);
	set_key(item, "2");
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) again = kit_get(kit, id);
	g_assert_false(again->has_error);
	g_assert_cmpint(kit_int(kit, "SELECT want FROM node WHERE id = %lld", id), ==, 1);
}

/* --- moves ------------------------------------------------------------------------------ */

static void test_move_delete_first(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	g_autoptr(CacheNode) before = kit_get(kit, id);
	g_autoptr(EwsItem) there = moved(item, "A2");
	there->modified += 9;
	kit_forget_changes(kit);
	kit_say_gone(kit, "F1", "A");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
	g_assert_cmpint(kit_node(kit, "A2"), ==, id);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->parent, ==, kit_dir(kit, "F2"));
	g_assert_cmpstr(node->name, ==, before->name);
	g_assert_cmpuint(node->ino, ==, before->ino);
	g_assert_cmpuint(node->content, ==, before->content);
	g_assert_cmpint(node->mtime, ==, before->mtime);
	g_assert_cmpint(node->ctime, ==, there->modified);
	assert_bytes(kit, id, "bytes");
	kit_settle(kit);
	kit_settle(kit);
	g_assert_cmpint(kit_node(kit, "A2"), ==, id);
	assert_bytes(kit, id, "bytes");
}

static void test_move_create_first(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	g_autoptr(CacheNode) before = kit_get(kit, id);
	g_autoptr(EwsItem) there = moved(item, "A2");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
	int64_t second = kit_node(kit, "A2");
	g_assert_cmpint(second, !=, id);
	/* Provisional: nobody fetches what may be here already. */
	g_assert_cmpint(kit_int(kit, "SELECT want FROM node WHERE id = %lld", second), ==, 0);
	kit_forget_changes(kit);
	kit_say_gone(kit, "F1", "A");
	g_assert_cmpint(kit_node(kit, "A2"), ==, id);
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_GONE, id));
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_GONE, second));
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->parent, ==, kit_dir(kit, "F2"));
	g_assert_cmpstr(node->name, ==, before->name);
	g_assert_cmpuint(node->ino, ==, before->ino);
	g_assert_cmpuint(node->content, ==, before->content);
	assert_bytes(kit, id, "bytes");
	kit_settle(kit);
	kit_settle(kit);
	assert_bytes(kit, id, "bytes");
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM item WHERE is_provisional = 1"), ==, 0);
}

/* The move is one round old when its other half is told. */
static void test_move_over_rounds(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) a = kit_make_item("A", "ka");
	g_autoptr(EwsItem) b = kit_make_item("B", "kb");
	int64_t first = add_fetched(kit, "F1", a, "bytes a");
	int64_t second = add_fetched(kit, "F1", b, "bytes b");
	g_autoptr(EwsItem) a2 = moved(a, "A2");
	g_autoptr(EwsItem) b2 = moved(b, "B2");
	kit_say_gone(kit, "F1", "A");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, b2);
	kit_settle(kit);
	kit_say(kit, "F2", EWS_CHANGE_CREATE, a2);
	kit_say_gone(kit, "F1", "B");
	kit_settle(kit);
	g_assert_cmpint(kit_node(kit, "A2"), ==, first);
	g_assert_cmpint(kit_node(kit, "B2"), ==, second);
}

/* A remount in the middle of a move loses nothing of it. */
static void test_move_over_remount(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) a = kit_make_item("A", "ka");
	g_autoptr(EwsItem) b = kit_make_item("B", "kb");
	int64_t first = add_fetched(kit, "F1", a, "bytes a");
	int64_t second = add_fetched(kit, "F1", b, "bytes b");
	g_autoptr(EwsItem) a2 = moved(a, "A2");
	g_autoptr(EwsItem) b2 = moved(b, "B2");
	kit_say_gone(kit, "F1", "A");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, b2);
	kit_reopen(kit);
	kit_say(kit, "F2", EWS_CHANGE_CREATE, a2);
	kit_say_gone(kit, "F1", "B");
	kit_settle(kit);
	g_assert_cmpint(kit_node(kit, "A2"), ==, first);
	g_assert_cmpint(kit_node(kit, "B2"), ==, second);
	assert_bytes(kit, first, "bytes a");
	assert_bytes(kit, second, "bytes b");
}

static void test_move_and_back(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	g_autoptr(CacheNode) before = kit_get(kit, id);
	for (int i = 0; i < 6; i++) {
		g_autofree char *name = g_strdup_printf("A%d", i);
		g_autoptr(EwsItem) there = moved(item, name);
		const char *from = i % 2 == 0 ? "F1" : "F2";
		const char *to = i % 2 == 0 ? "F2" : "F1";
		if (i % 3 == 0)
			kit_say_gone(kit, from, item->id);
		kit_say(kit, to, EWS_CHANGE_CREATE, there);
		if (i % 3 != 0)
			kit_say_gone(kit, from, item->id);
		if (i % 2 == 0)
			kit_settle(kit);
		g_assert_cmpint(kit_node(kit, name), ==, id);
		ews_item_free(item);
		item = g_steal_pointer(&there);
	}
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpstr(node->name, ==, before->name);
	g_assert_cmpuint(node->ino, ==, before->ino);
	assert_bytes(kit, id, "bytes");
}

/* A server whose ItemIds stay over moves. */
static void test_move_same_id(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", NULL);
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, item);
	g_assert_cmpint(kit_node(kit, "A"), ==, id);
	kit_say_gone(kit, "F1", "A");
	g_autoptr(CacheNode) there = kit_get(kit, id);
	g_assert_cmpint(there->parent, ==, kit_dir(kit, "F2"));
	kit_say_gone(kit, "F2", "A");
	kit_say(kit, "F3", EWS_CHANGE_CREATE, item);
	g_assert_cmpint(kit_node(kit, "A"), ==, id);
	assert_bytes(kit, id, "bytes");
}

/* The same, and its properties come later: the folder that lost it must not take the promise. */
static void test_move_same_id_only(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	g_autoptr(EwsItem) bare = ews_item_new();
	bare->id = g_strdup("A");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, bare);
	kit_say_gone(kit, "F1", "A");
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM pending JOIN folder ON folder.id ="
				     " pending.folder WHERE item_id = 'A' AND folder_id = 'F2'"),
		==, 1);
}

/* A move that took other content along: the same file, but nothing of its bytes. */
static void test_move_disagrees(Kit *kit, gconstpointer data)
{
	for (int order = 0; order < 2; order++) {
		g_autofree char *from = g_strdup_printf("A%d", order);
		g_autofree char *to = g_strdup_printf("B%d", order);
		g_autofree char *key = g_strdup_printf("k%d", order);
		g_autoptr(EwsItem) item = kit_make_item(from, key);
		int64_t id = add_fetched(kit, "F1", item, "bytes");
		g_autoptr(CacheNode) before = kit_get(kit, id);
		g_autoptr(EwsItem) there = moved(item, to);
		g_free(there->message_id);
		there->message_id = g_strdup("<other@example.org>");
		there->received += G_USEC_PER_SEC;
		if (order == 0)
			kit_say_gone(kit, "F1", from);
		kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
		if (order == 1)
			kit_say_gone(kit, "F1", from);
		g_assert_cmpint(kit_node(kit, to), ==, id);
		g_autoptr(CacheNode) node = kit_get(kit, id);
		g_assert_cmpuint(node->content, !=, before->content);
		g_assert_cmpint(node->size, ==, -1);
		g_assert_cmpint(node->mtime, ==, there->received);
		g_assert_true(kit_was_told(kit, CACHE_CHANGE_CONTENT, id));
		assert_bytes(kit, id, NULL);
	}
}

/* What a class is not said of is the same before and after. */
static void test_move_without_class(Kit *kit, gconstpointer data)
{
	for (int order = 0; order < 2; order++) {
		g_autofree char *from = g_strdup_printf("A%d", order);
		g_autofree char *to = g_strdup_printf("B%d", order);
		g_autofree char *key = g_strdup_printf("k%d", order);
		g_autoptr(EwsItem) item = kit_make_item(from, key);
		g_clear_pointer(&item->item_class, g_free);
		int64_t id = add_fetched(kit, "F1", item, "bytes");
		g_autoptr(EwsItem) there = moved(item, to);
		if (order == 0)
			kit_say_gone(kit, "F1", from);
		kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
		if (order == 1)
			kit_say_gone(kit, "F1", from);
		g_assert_cmpint(kit_node(kit, to), ==, id);
		assert_bytes(kit, id, "bytes");
	}
}

/* Evicted and fetched once more after a move, content is still known as the same. */
static void test_move_keeps_digest(Kit *kit, gconstpointer data)
{
	for (int order = 0; order < 2; order++) {
		g_autofree char *from = g_strdup_printf("A%d", order);
		g_autofree char *to = g_strdup_printf("B%d", order);
		g_autofree char *key = g_strdup_printf("k%d", order);
		g_autoptr(EwsItem) item = kit_make_item(from, key);
		int64_t id = add_fetched(kit, "F1", item, "bytes");
		g_autoptr(EwsItem) there = moved(item, to);
		there->modified += 50 * G_USEC_PER_SEC;
		if (order == 0)
			kit_say_gone(kit, "F1", from);
		kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
		if (order == 1)
			kit_say_gone(kit, "F1", from);
		g_autoptr(CacheNode) before = kit_get(kit, id);
		kit_store(kit, id, "bytes");
		g_autoptr(CacheNode) node = kit_get(kit, id);
		g_assert_cmpint(node->mtime, ==, before->mtime);
		g_assert_cmpuint(node->content, ==, before->content);
	}
}

/* Suspect before the move, suspect after. */
static void test_move_keeps_doubt(Kit *kit, gconstpointer data)
{
	for (int order = 0; order < 2; order++) {
		g_autofree char *from = g_strdup_printf("A%d", order);
		g_autofree char *to = g_strdup_printf("B%d", order);
		g_autofree char *key = g_strdup_printf("k%d", order);
		g_autoptr(EwsItem) item = kit_make_item(from, key);
		int64_t id = add_fetched(kit, "F1", item, "bytes");
		set_key(item, "2");
		set_subject(item, "changed");
		kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
		g_autoptr(EwsItem) there = moved(item, to);
		if (order == 0)
			kit_say_gone(kit, "F1", from);
		kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
		if (order == 1)
			kit_say_gone(kit, "F1", from);
		g_autoptr(CacheNode) node = kit_get(kit, id);
		g_assert_true(node->is_suspect);
		g_assert_cmpint(kit_int(kit, "SELECT want FROM node WHERE id = %lld", id), ==, 1);
	}
}

/* Changed and moved between two syncs: only the Create tells of the change. */
static void test_move_and_change(Kit *kit, gconstpointer data)
{
	for (int order = 0; order < 2; order++) {
		g_autofree char *from = g_strdup_printf("A%d", order);
		g_autofree char *to = g_strdup_printf("B%d", order);
		g_autofree char *key = g_strdup_printf("k%d", order);
		g_autoptr(EwsItem) item = kit_make_item(from, key);
		int64_t id = add_fetched(kit, "F1", item, "bytes");
		g_autoptr(EwsItem) there = moved(item, to);
		set_subject(there, "changed before it was moved");
		there->size += 100;
		if (order == 0)
			kit_say_gone(kit, "F1", from);
		kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
		if (order == 1)
			kit_say_gone(kit, "F1", from);
		g_assert_cmpint(kit_node(kit, to), ==, id);
		g_autoptr(CacheNode) node = kit_get(kit, id);
		g_assert_true(node->is_suspect);
		assert_bytes(kit, id, "bytes");
	}
}

/* --- copies ----------------------------------------------------------------------------- */

static void test_copy(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	g_autoptr(EwsItem) copy = moved(item, "A2");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, copy);
	int64_t second = kit_node(kit, "A2");
	g_assert_cmpint(second, !=, id);
	kit_settle(kit);
	kit_settle(kit);
	/* Nobody reported the first as gone: it was a copy, and may be fetched. */
	g_assert_cmpint(kit_node(kit, "A"), ==, id);
	g_assert_cmpint(kit_node(kit, "A2"), ==, second);
	g_assert_cmpint(kit_int(kit, "SELECT want FROM node WHERE id = %lld", second), ==, 1);
	/* From now on they are two: the end of the first is no move. */
	kit_say_gone(kit, "F1", "A");
	g_assert_cmpint(kit_node(kit, "A2"), ==, second);
	g_autoptr(CacheNode) gone = kit_get(kit, id);
	g_assert_cmpint(gone->parent, ==, 0);
}

static void test_copy_in_folder(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("B", "ka");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	g_autoptr(CacheNode) before = kit_get(kit, kit_node(kit, "B"));
	/* Older than what is there by its id and its time: but the names were seen. */
	g_autoptr(EwsItem) copy = moved(item, "A");
	copy->created = item->created - 1;
	kit_say(kit, "F1", EWS_CHANGE_CREATE, copy);
	g_autoptr(CacheNode) first = kit_get(kit, kit_node(kit, "B"));
	g_autoptr(CacheNode) second = kit_get(kit, kit_node(kit, "A"));
	g_assert_cmpstr(first->name, ==, before->name);
	g_assert_cmpuint(first->ino, ==, before->ino);
	g_assert_cmpstr(second->name, !=, first->name);
	g_assert_cmpuint(second->ino, !=, first->ino);
	g_assert_cmpint(kit_int(kit, "SELECT is_provisional FROM item WHERE item_id = 'A'"), ==, 0);
}

/* Names that a user gave have nothing of the key: whoever comes first, they stay. */
static void test_copy_with_a_users_name(Kit *kit, gconstpointer data)
{
	for (int order = 0; order < 2; order++) {
		g_autofree char *folder = g_strdup_printf("new-%d", order);
		g_autofree char *id = g_strdup_printf("M%d", order);
		g_autofree char *copy_id = g_strdup_printf("%c%d", order == 0 ? 'A' : 'Z', order);
		kit_folder(kit, folder, KIT_TOP, folder);
		g_autoptr(EwsItem) item = kit_make_item(id, id);
		item->file_name = g_strdup("x.eml");
		g_autoptr(EwsItem) copy = moved(item, copy_id);
		g_free(copy->file_name);
		copy->file_name = g_strdup("y.eml");
		kit_say(kit, folder, EWS_CHANGE_CREATE, item);
		kit_say(kit, folder, EWS_CHANGE_CREATE, copy);
		g_autoptr(CacheNode) first = kit_get(kit, kit_node(kit, id));
		g_autoptr(CacheNode) second = kit_get(kit, kit_node(kit, copy_id));
		g_assert_cmpstr(first->name, ==, "x.eml");
		g_assert_cmpstr(second->name, ==, "y.eml");
	}
}

/* Two that share a key vanish: which of them came back, nobody can tell. */
static void test_twin_tombstones(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	g_autoptr(EwsItem) copy = moved(item, "B");
	int64_t first = add_fetched(kit, "F1", item, "bytes");
	int64_t second = add_fetched(kit, "F1", copy, "bytes");
	kit_say_gone(kit, "F1", "A");
	kit_say_gone(kit, "F1", "B");
	g_autoptr(EwsItem) there = moved(item, "C");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
	int64_t third = kit_node(kit, "C");
	g_assert_cmpint(third, !=, first);
	g_assert_cmpint(third, !=, second);
	assert_bytes(kit, third, NULL);
	g_assert_cmpint(kit_int(kit, "SELECT want FROM node WHERE id = %lld", third), ==, 1);
	kit_settle(kit);
	kit_settle(kit);
	g_assert_cmpint(kit_node(kit, "C"), ==, third);
}

/* Two provisional ones, and one original that vanishes: likewise. */
static void test_twin_provisional(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	g_autoptr(EwsItem) second = moved(item, "B");
	g_autoptr(EwsItem) third = moved(item, "C");
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, second);
	kit_say(kit, "F3", EWS_CHANGE_CREATE, third);
	kit_say_gone(kit, "F1", "A");
	g_assert_cmpint(kit_node(kit, "B"), !=, id);
	g_assert_cmpint(kit_node(kit, "C"), !=, id);
	kit_settle(kit);
	kit_settle(kit);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM node WHERE want = 1"), ==, 2);
}

/* --- names and numbers ------------------------------------------------------------------ */

static void test_same_users_name(Kit *kit, gconstpointer data)
{
	for (int i = 0; i < 4; i++) {
		g_autofree char *id = g_strdup_printf("A%d", i);
		g_autoptr(EwsItem) item = kit_make_item(id, id);
		item->file_name = g_strdup("report.eml");
		kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	}
	g_autoptr(CacheNode) first = kit_get(kit, kit_node(kit, "A0"));
	g_autoptr(CacheNode) second = kit_get(kit, kit_node(kit, "A1"));
	g_assert_cmpstr(first->name, ==, "report.eml");
	g_assert_true(g_str_has_prefix(second->name, "report."));
	g_assert_true(g_str_has_suffix(second->name, ".eml"));
}

/* A moved item meets its own name in the other folder. */
static void test_name_taken_there(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) here = kit_make_item("A", "ka");
	g_autoptr(EwsItem) there = kit_make_item("B", "kb");
	here->file_name = g_strdup("report.eml");
	there->file_name = g_strdup("report.eml");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, here);
	kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
	int64_t id = kit_node(kit, "A");
	g_autoptr(EwsItem) a2 = moved(here, "A2");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, a2);
	kit_say_gone(kit, "F1", "A");
	g_assert_cmpint(kit_node(kit, "A2"), ==, id);
	g_autoptr(CacheNode) kept = kit_get(kit, kit_node(kit, "B"));
	g_assert_cmpstr(kept->name, ==, "report.eml");
	g_autoptr(EwsItem) a3 = moved(here, "A3");
	kit_say_gone(kit, "F2", "A2");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, a3);
	g_autoptr(CacheNode) back = kit_get(kit, kit_node(kit, "A3"));
	g_assert_cmpint(back->id, ==, id);
}

static void test_inode_clash(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	g_autoptr(EwsItem) copy = moved(item, "B");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	g_autoptr(CacheNode) first = kit_get(kit, kit_node(kit, "A"));
	kit_say(kit, "F2", EWS_CHANGE_CREATE, copy);
	g_autoptr(CacheNode) second = kit_get(kit, kit_node(kit, "B"));
	/* By key in both folders, as a listing alone would name them; the number is one for all. */
	g_assert_cmpuint(first->ino, !=, second->ino);
	g_assert_cmpstr(first->name, ==, second->name);
}

/* --- id-only ---------------------------------------------------------------------------- */

static void test_pending(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) bare = ews_item_new();
	bare->id = g_strdup("A");
	kit_say(kit, "F1", EWS_CHANGE_CREATE, bare);
	g_assert_cmpint(kit_node(kit, "A"), ==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM pending"), ==, 1);
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, bare);
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM pending"), ==, 1);
	kit_say_gone(kit, "F1", "A");
	g_assert_cmpint(kit_int(kit, "SELECT count(*) FROM pending"), ==, 0);
}

/* A server that says as little as it may. */
static void test_no_times(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", "ka");
	item->received = item->sent = item->modified = EWS_TIME_NONE;
	item->created = KIT_TIME;
	int64_t id = add_fetched(kit, "F1", item, "bytes");
	set_key(item, "2");
	set_subject(item, "changed");
	kit_say(kit, "F1", EWS_CHANGE_UPDATE, item);
	g_autoptr(CacheNode) changed = kit_get(kit, id);
	g_assert_cmpint(changed->ctime, ==, KIT_TIME);
	g_autoptr(EwsItem) there = moved(item, "A2");
	kit_say_gone(kit, "F1", "A");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
	g_autoptr(CacheNode) node = kit_get(kit, id);
	g_assert_cmpint(node->ctime, ==, KIT_TIME);
	g_assert_cmpint(node->mtime, ==, KIT_TIME);
}

static void test_no_key(Kit *kit, gconstpointer data)
{
	g_autoptr(EwsItem) item = kit_make_item("A", NULL);
	g_autoptr(EwsItem) other = kit_make_item("B", NULL);
	kit_say(kit, "F1", EWS_CHANGE_CREATE, item);
	kit_say(kit, "F1", EWS_CHANGE_CREATE, other);
	int64_t id = kit_node(kit, "A");
	/* Without a key a move cannot be told from an end and a beginning. */
	g_autoptr(EwsItem) there = moved(item, "A2");
	kit_say_gone(kit, "F1", "A");
	kit_say(kit, "F2", EWS_CHANGE_CREATE, there);
	g_assert_cmpint(kit_node(kit, "A2"), !=, id);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(claim, test) g_test_add("/cache/apply/" claim, Kit, NULL, set_up, test, tear_down)
	ADD("create-makes-a-node", test_create);
	ADD("update-makes-content-suspect", test_update);
	ADD("update-of-the-unfetched-suspects-nothing", test_update_unfetched);
	ADD("update-of-read-and-flag-keeps-trust", test_update_kinds);
	ADD("read-flag-touches-nothing-else", test_read_flag);
	ADD("draft-is-as-old-as-its-last-change", test_draft);
	ADD("delete-leaves-a-tombstone", test_delete);
	ADD("delete-of-the-unknown-is-nothing", test_delete_unknown);
	ADD("error-rests-until-the-key-moves", test_error_rests);
	ADD("move-delete-first-keeps-the-node", test_move_delete_first);
	ADD("move-create-first-keeps-the-node", test_move_create_first);
	ADD("move-may-take-two-rounds", test_move_over_rounds);
	ADD("move-survives-a-remount", test_move_over_remount);
	ADD("move-to-and-fro-keeps-the-node", test_move_and_back);
	ADD("move-with-the-same-id", test_move_same_id);
	ADD("move-with-the-same-id-and-no-properties", test_move_same_id_only);
	ADD("move-that-disagrees-drops-the-bytes", test_move_disagrees);
	ADD("move-without-a-class-keeps-the-bytes", test_move_without_class);
	ADD("move-keeps-what-is-known-of-content", test_move_keeps_digest);
	ADD("move-keeps-the-doubt", test_move_keeps_doubt);
	ADD("move-of-the-changed-is-suspect", test_move_and_change);
	ADD("copy-settles-as-one-of-its-own", test_copy);
	ADD("copy-beside-the-original-leaves-its-name", test_copy_in_folder);
	ADD("copy-with-a-users-name", test_copy_with_a_users_name);
	ADD("twin-tombstones-give-to-nobody", test_twin_tombstones);
	ADD("twin-provisional-take-from-nobody", test_twin_provisional);
	ADD("equal-users-names-get-letters", test_same_users_name);
	ADD("name-taken-in-the-other-folder", test_name_taken_there);
	ADD("copies-do-not-share-an-inode", test_inode_clash);
	ADD("without-properties-is-pending", test_pending);
	ADD("without-times-is-as-old-as-its-creation", test_no_times);
	ADD("without-a-key-nothing-follows", test_no_key);
#undef ADD
	return g_test_run();
}
