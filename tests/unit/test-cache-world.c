/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test-cache-world.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test-cache-pen.h"

/* Nothing here takes long: who waits so many seconds waits for ever. */
#define PATIENCE_S 30

struct Waiter {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned count; /* guarded by lock */
	GError *error;  /* guarded by lock; own */
};

Waiter *waiter_new(void)
{
	Waiter *self = g_new0(Waiter, 1);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->changed, NULL);
	return self;
}

void waiter_free(Waiter *self)
{
	if (self == NULL)
		return;
	g_clear_error(&self->error);
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

void waiter_done(void *user, const GError *error)
{
	Waiter *self = user;
	pthread_mutex_lock(&self->lock);
	/* Exactly once is the promise. */
	g_assert_cmpuint(self->count, ==, 0);
	self->count++;
	self->error = error != NULL ? g_error_copy(error) : NULL;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

GError *waiter_wait(Waiter *self)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	pthread_mutex_lock(&self->lock);
	while (self->count == 0)
		g_assert_cmpint(pthread_cond_timedwait(&self->changed, &self->lock, &until), !=,
			ETIMEDOUT);
	GError *error = self->error != NULL ? g_error_copy(self->error) : NULL;
	pthread_mutex_unlock(&self->lock);
	return error;
}

bool waiter_is_done(Waiter *self)
{
	pthread_mutex_lock(&self->lock);
	bool is_done = self->count > 0;
	pthread_mutex_unlock(&self->lock);
	return is_done;
}

/* --- the world -------------------------------------------------------------------------- */

static void drop_change(CacheChange *change, void *user)
{
	cache_change_free(change);
}

void world_add(World *world, const char *folder_id, const char *item_id)
{
	g_autoptr(EwsItem) item = kit_make_item(item_id, item_id);
	g_autofree char *bytes = g_strdup_printf("bytes of %s", item_id);
	fake_item(world->fake, folder_id, item, bytes);
}

static void start_fake(World *world)
{
	world->fake = fake_start();
	if (world->kit.is_public)
		fake_be_public(world->fake);
}

void world_open(World *world)
{
	static const char *const folders[] = {"F1", "F2", "F3"};
	static const char *const items[] = {"A.1", "A.2", "B.1", "B.2", "C.1", "C.2"};
	kit_open(&world->kit);
	start_fake(world);
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		fake_folder(world->fake, folders[i], KIT_TOP, folders[i]);
		world_add(world, folders[i], items[2 * i]);
		world_add(world, folders[i], items[2 * i + 1]);
	}
}

void world_start(World *world)
{
	cache_listen(world->kit.cache, drop_change, NULL);
	cache_start(world->kit.cache, world->fake);
}

void world_remount(World *world)
{
	cache_stop(world->kit.cache);
	fake_drain(world->fake);
	kit_reopen(&world->kit);
	world_start(world);
}

void world_close(World *world)
{
	cache_stop(world->kit.cache);
	fake_stop(world->fake);
	kit_check(&world->kit);
	kit_close(&world->kit);
}

GError *world_sync(World *world, bool with_bytes)
{
	g_autoptr(Waiter) waiter = waiter_new();
	cache_sync(world->kit.cache, CACHE_ROOT, with_bytes, 0, waiter_done, waiter);
	return waiter_wait(waiter);
}

void world_sync_well(World *world)
{
	g_autoptr(GError) error = world_sync(world, false);
	g_assert_no_error(error);
}

GError *world_await(World *world, int64_t dir)
{
	g_autoptr(Waiter) waiter = waiter_new();
	cache_await_listing(world->kit.cache, dir, waiter_done, waiter);
	return waiter_wait(waiter);
}

GError *world_fetch(World *world, int64_t node, CacheReason reason)
{
	g_autoptr(Waiter) waiter = waiter_new();
	cache_fetch(world->kit.cache, node, reason, waiter_done, waiter);
	return waiter_wait(waiter);
}

void world_assert_items(World *world, const char *folder_id, ...)
{
	va_list ids;
	const char *id;
	int64_t count = 0;
	int64_t dir = kit_dir(&world->kit, folder_id);
	va_start(ids, folder_id);
	while ((id = va_arg(ids, const char *)) != NULL) {
		int64_t node = kit_node(&world->kit, id);
		g_assert_cmpint(kit_int(&world->kit, "SELECT parent FROM node WHERE id = %lld",
					node),
			==, dir);
		count++;
	}
	va_end(ids);
	g_assert_cmpint(kit_int(&world->kit,
				"SELECT count(*) FROM node WHERE parent = %lld AND kind = 1 AND "
				"state = 0",
				dir),
		==, count);
}

/* --- writing ------------------------------------------------------------------------------ */

void world_open_to_write(World *world)
{
	static const char *const folders[] = {"F1", "F2", "F3", "deleteditems", "drafts",
		"sentitems"};
	world->kit.is_writable = world->kit.can_send = true;
	world->kit.is_without_prefetch = true;
	world->kit.settle_s = 1;
	kit_open(&world->kit);
	start_fake(world);
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
		fake_folder(world->fake, folders[i], KIT_TOP, folders[i]);
}

void world_start_to_write(World *world)
{
	world_start(world);
	world_sync_well(world);
	world_until(world, world->kit.is_public ? 0 : 3, "SELECT count(*) FROM distinguished");
	fake_forget_lines(world->fake);
}

void world_set_scene(World *world, int64_t *ret_one, int64_t *ret_two)
{
	world_open_to_write(world);
	world_put(world, "F1", "A", "a.eml");
	world_put(world, "F1", "B", "b.eml");
	world_start_to_write(world);
	*ret_one = kit_dir(&world->kit, "F1");
	*ret_two = kit_dir(&world->kit, "F2");
}

void world_close_clean(World *world)
{
	world_flush(world);
	world_sync_well(world);
	pen_assert_queue(&world->kit, "");
	world_close(world);
}

void world_put(World *world, const char *folder_id, const char *item_id, const char *name)
{
	g_autoptr(EwsItem) item = kit_make_item(item_id, item_id);
	g_autofree char *bytes = g_strdup_printf("Subject: %s\r\n\r\nBody of %s\r\n", name, name);
	item->file_name = g_strdup(name);
	fake_item(world->fake, folder_id, item, bytes);
}

int64_t world_find(World *world, const char *folder_id, const char *name)
{
	int64_t node = pen_find(&world->kit, kit_dir(&world->kit, folder_id), name);
	g_assert_cmpint(node, !=, 0);
	return node;
}

GError *world_fsync(World *world, int64_t node)
{
	g_autoptr(Waiter) waiter = waiter_new();
	cache_fsync(world->kit.cache, node, waiter_done, waiter);
	return waiter_wait(waiter);
}

void world_fsync_well(World *world, int64_t node)
{
	g_autoptr(GError) error = world_fsync(world, node);
	g_assert_no_error(error);
}

EwsErrorCode world_fsync_fails(World *world, int64_t node)
{
	g_autoptr(GError) error = world_fsync(world, node);
	g_assert_nonnull(error);
	g_assert_cmpuint(error->domain, ==, EWS_ERROR);
	return (EwsErrorCode)error->code;
}

void world_flush(World *world)
{
	g_autoptr(Waiter) waiter = waiter_new();
	cache_drain(world->kit.cache, 0, waiter_done, waiter);
	g_autoptr(GError) error = waiter_wait(waiter);
	g_assert_no_error(error);
}

void world_until(World *world, int64_t expected, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *sql = sqlite3_vmprintf(format, args);
	va_end(args);
	for (int i = 0; i < PATIENCE_S * 50; i++) {
		if (kit_int(&world->kit, "%s", sql) == expected)
			break;
		g_usleep(G_USEC_PER_SEC / 50);
	}
	if (kit_int(&world->kit, "%s", sql) != expected)
		g_error("never %d: %s", (int)expected, sql);
	sqlite3_free(sql);
}

void world_assert_ls(World *world, const char *folder_id, const char *names)
{
	pen_assert_ls(&world->kit, kit_dir(&world->kit, folder_id), names);
}

void world_assert_asked(World *world, const char *prefix, unsigned count)
{
	g_autofree char *found = fake_line(world->fake, prefix, count);
	if (found != NULL)
		g_test_message("one more than %u: %s", count, found);
	g_assert_cmpuint(fake_count(world->fake, prefix), ==, count);
}

EwsItem *world_get(World *world, int64_t node)
{
	g_autofree char *id =
		kit_text(&world->kit, "SELECT item_id FROM item WHERE node = %lld", node);
	EwsItem *item = fake_get(world->fake, id);
	g_assert_nonnull(item);
	return item;
}

void world_assert_where(World *world, int64_t node, const char *folder_id)
{
	g_autofree char *id =
		kit_text(&world->kit, "SELECT item_id FROM item WHERE node = %lld", node);
	g_autofree char *where = fake_where(world->fake, id);
	g_assert_cmpstr(where, ==, folder_id);
}

void world_assert_calls(World *world, const char *expected)
{
	g_autoptr(GString) calls = g_string_new(NULL);
	for (unsigned i = 0;; i++) {
		g_autofree char *line = fake_line(world->fake, "Call ", i);
		if (line == NULL)
			break;
		g_string_append_printf(calls, "%s%s", i > 0 ? ", " : "", line + strlen("Call "));
	}
	g_assert_cmpstr(calls->str, ==, expected);
}

/* --- what was sent twice ------------------------------------------------------------------ */

char *world_guid_of(World *world, int64_t node)
{
	char *guid = kit_text(&world->kit, "SELECT guid FROM intent WHERE node = %lld", node);
	g_assert_nonnull(guid);
	return guid;
}

void world_arrive(World *world, const char *guid, unsigned attempt, const char *id,
	const char *name)
{
	g_autoptr(EwsItem) item = kit_make_item(id, id);
	item->guid = g_strdup_printf("%s/%u", guid, attempt);
	item->file_name = g_strdup(name);
	fake_item(world->fake, "F1", item, PEN_MAIL("new"));
}

void world_assert_once(World *world, const char *guid)
{
	g_autofree char *first = fake_made(world->fake, guid, 0);
	g_autofree char *second = fake_made(world->fake, guid, 1);
	g_assert_nonnull(first);
	g_assert_null(second);
}
