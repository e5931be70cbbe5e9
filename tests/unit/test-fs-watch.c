/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/watch.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fs/json.h"
#include "tests/unit/fs-world.h"

/* The events that a watcher gets, and when. */

#define INBOX 5
#define OTHER 6
#define A 7
#define B 8

typedef struct Watcher {
	FsWatcher *watcher; /* own */
	int ends[2];        /* own; his, ours */
} Watcher;

static Watcher watcher_new(World *self, const char *below)
{
	Watcher watcher = {.watcher = fs_watcher_new(self->fs.watch, below)};

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, watcher.ends), ==, 0);
	return watcher;
}

static void watcher_free(Watcher *self)
{
	fs_watcher_free(self->watcher);
	close(self->ends[0]);
	close(self->ends[1]);
}

/* All that is there to be read, as "moved /b /a 1007\n". */
static char *heard(Watcher *self)
{
	g_autoptr(GString) input = g_string_new(NULL);
	GString *text = g_string_new(NULL);
	char data[4096];
	ssize_t got;

	do {
		g_assert_true(fs_watcher_write(self->watcher, self->ends[1]));
		got = recv(self->ends[0], data, sizeof(data), MSG_DONTWAIT);
		g_string_append_len(input, data, MAX(got, 0));
	} while (got > 0);
	g_auto(GStrv) lines = g_strsplit(input->str, "\n", -1);
	for (char **line = lines; *line != NULL && **line != '\0'; line++) {
		g_autoptr(JsonObject) object = fs_json_parse(*line);
		JsonObject *event = fs_json_get_object(object, "progress");
		g_string_append_printf(text, "%s %s %s %d\n", fs_json_get_text(event, "event", "?"),
			fs_json_get_text(event, "path", "-"),
			fs_json_get_text(event, "old_path", "-"),
			(int)fs_json_get_number(event, "inode", 0));
	}
	return g_string_free(text, FALSE);
}

static void expect(Watcher *self, const char *expected)
{
	g_autofree char *text = heard(self);

	g_assert_cmpstr(text, ==, expected);
}

static void tell(World *self, CacheChangeKind kind, int64_t node, int64_t parent, const char *name)
{
	fake_cache_tell(self->cache, kind, node, 0, parent, name);
}

static void settle(World *self)
{
	tell(self, CACHE_CHANGE_SETTLED, 0, 0, NULL);
	fs_watch_deliver(self->fs.watch);
}

static Watcher begin(World *self)
{
	fake_cache_add(self->cache, INBOX, CACHE_ROOT, CACHE_KIND_DIR, "Inbox");
	fake_cache_add(self->cache, OTHER, INBOX, CACHE_KIND_DIR, "Other");
	fake_cache_add(self->cache, A, INBOX, CACHE_KIND_FILE, "a.eml");
	fake_cache_add(self->cache, B, OTHER, CACHE_KIND_FILE, "b.eml");
	return watcher_new(self, "");
}

/* --- what is told -------------------------------------------------------- */

static void test_kinds(World *self, gconstpointer data)
{
	Watcher all = begin(self);

	tell(self, CACHE_CHANGE_ARRIVED, A, INBOX, "a.eml");
	tell(self, CACHE_CHANGE_GONE, 99, INBOX, "old.eml");
	tell(self, CACHE_CHANGE_TOUCHED, B, 0, NULL);
	/* Not for people. */
	tell(self, CACHE_CHANGE_MEMBERS, INBOX, 0, NULL);
	tell(self, CACHE_CHANGE_ATTRIBUTES, A, INBOX, NULL);
	tell(self, CACHE_CHANGE_CONTENT, A, INBOX, "a.eml");
	settle(self);
	expect(&all, "new /Inbox/a.eml - 1007\n"
		     "gone /Inbox/old.eml - 0\n"
		     "attributes /Inbox/Other/b.eml - 1008\n");
	fake_cache_tell(self->cache, CACHE_CHANGE_TOUCHED, A, 1, 0, NULL);
	tell(self, CACHE_CHANGE_TOUCHED, A, 0, NULL);
	settle(self);
	expect(&all, "changed /Inbox/a.eml - 1007\n");
	watcher_free(&all);
}

/* It went from one folder and came to another, in this order or the other, in one refresh. */
static void test_moved(World *self, gconstpointer data)
{
	Watcher all = begin(self);

	tell(self, CACHE_CHANGE_GONE, B, INBOX, "b.eml");
	fs_watch_deliver(self->fs.watch);
	expect(&all, "");
	tell(self, CACHE_CHANGE_ARRIVED, B, OTHER, "b.eml");
	settle(self);
	expect(&all, "moved /Inbox/Other/b.eml /Inbox/b.eml 1008\n");
	tell(self, CACHE_CHANGE_ARRIVED, 99, OTHER, "b.eml");
	tell(self, CACHE_CHANGE_GONE, B, INBOX, "b.eml");
	tell(self, CACHE_CHANGE_GONE, 99, OTHER, "b.eml");
	tell(self, CACHE_CHANGE_ARRIVED, B, OTHER, "b.eml");
	tell(self, CACHE_CHANGE_TOUCHED, B, 0, NULL);
	settle(self);
	expect(&all, "moved /Inbox/Other/b.eml /Inbox/b.eml 1008\n"
		     "attributes /Inbox/Other/b.eml - 1008\n");
	/* There and back again is nothing. */
	tell(self, CACHE_CHANGE_GONE, A, INBOX, "a.eml");
	tell(self, CACHE_CHANGE_ARRIVED, A, INBOX, "a.eml");
	settle(self);
	expect(&all, "");
	watcher_free(&all);
}

/* Each is told of what is below his path, and of what leaves it. */
static void test_below(World *self, gconstpointer data)
{
	Watcher all = begin(self);
	Watcher other = watcher_new(self, "Inbox/Other");
	Watcher similar = watcher_new(self, "Inbox/Oth");

	g_assert_cmpuint(fs_watch_count(self->fs.watch), ==, 3);
	tell(self, CACHE_CHANGE_ARRIVED, A, INBOX, "a.eml");
	tell(self, CACHE_CHANGE_GONE, B, OTHER, "b.eml");
	tell(self, CACHE_CHANGE_ARRIVED, B, INBOX, "b.eml");
	settle(self);
	expect(&all, "new /Inbox/a.eml - 1007\nmoved /Inbox/b.eml /Inbox/Other/b.eml 1008\n");
	expect(&other, "moved /Inbox/b.eml /Inbox/Other/b.eml 1008\n");
	expect(&similar, "");
	watcher_free(&similar);
	watcher_free(&other);
	g_assert_cmpuint(fs_watch_count(self->fs.watch), ==, 1);
	watcher_free(&all);
}

/* --- when ---------------------------------------------------------------- */

static bool is_awake(World *self)
{
	struct pollfd entry = {.fd = fs_watch_fd(self->fs.watch), .events = POLLIN};

	return poll(&entry, 1, 0) == 1;
}

/* What no refresh found waits for none; within one, it waits for the end. */
static void test_unsettled(World *self, gconstpointer data)
{
	Watcher all = begin(self);

	g_assert_false(is_awake(self));
	g_assert_cmpint(fs_watch_deliver(self->fs.watch), ==, -1);
	fake_cache_refresh(self->cache, true);
	tell(self, CACHE_CHANGE_ARRIVED, A, INBOX, "a.eml");
	g_assert_true(is_awake(self));
	int wait_ms = fs_watch_deliver(self->fs.watch);
	g_assert_cmpint(wait_ms, >, 0);
	g_assert_false(is_awake(self));
	g_usleep(((gulong)wait_ms + 100) * 1000);
	g_assert_cmpint(fs_watch_deliver(self->fs.watch), >, 0);
	expect(&all, "");
	fake_cache_refresh(self->cache, false);
	g_assert_cmpint(fs_watch_deliver(self->fs.watch), ==, -1);
	expect(&all, "new /Inbox/a.eml - 1007\n");
	watcher_free(&all);
}

/* While nobody watches nothing is kept. */
static void test_nobody(World *self, gconstpointer data)
{
	Watcher all = begin(self);

	watcher_free(&all);
	tell(self, CACHE_CHANGE_ARRIVED, A, INBOX, "a.eml");
	g_assert_false(is_awake(self));
	all = watcher_new(self, "");
	settle(self);
	expect(&all, "");
	watcher_free(&all);
}

/* --- too much ------------------------------------------------------------- */

/* Who does not read loses events, and is told so; then all goes on. */
static void test_slow(World *self, gconstpointer data)
{
	Watcher slow = begin(self);

	for (int i = 0; i < 20000; i++) {
		g_autofree char *name = g_strdup_printf("%d.eml", i);
		tell(self, CACHE_CHANGE_GONE, 100 + i, INBOX, name);
		if (i % 100 == 0)
			settle(self);
		g_assert_true(fs_watcher_write(slow.watcher, slow.ends[1]));
	}
	settle(self);
	g_autofree char *text = heard(&slow);
	g_assert_true(g_str_has_prefix(text, "gone /Inbox/0.eml - 0\ngone /Inbox/1.eml - 0\n"));
	g_assert_true(g_str_has_suffix(text, "overflow - - 0\n"));
	g_assert_null(strstr(text, "overflow - - 0\ngone"));
	tell(self, CACHE_CHANGE_ARRIVED, A, INBOX, "a.eml");
	settle(self);
	expect(&slow, "new /Inbox/a.eml - 1007\n");
	watcher_free(&slow);
}

/* The same where the control thread is the slow one. */
static void test_flood(World *self, gconstpointer data)
{
	Watcher all = begin(self);

	for (int i = 0; i < 40000; i++)
		tell(self, CACHE_CHANGE_TOUCHED, A, 0, NULL);
	tell(self, CACHE_CHANGE_SETTLED, 0, 0, NULL);
	fs_watch_deliver(self->fs.watch);
	settle(self);
	expect(&all, "overflow - - 0\n");
	tell(self, CACHE_CHANGE_TOUCHED, A, 0, NULL);
	settle(self);
	expect(&all, "attributes /Inbox/a.eml - 1007\n");
	watcher_free(&all);
}

static void test_hung_up(World *self, gconstpointer data)
{
	Watcher all = begin(self);

	close(all.ends[0]);
	tell(self, CACHE_CHANGE_ARRIVED, A, INBOX, "a.eml");
	settle(self);
	g_assert_true(fs_watcher_has_output(all.watcher));
	g_assert_false(fs_watcher_write(all.watcher, all.ends[1]));
	all.ends[0] = dup(all.ends[1]);
	watcher_free(&all);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	world_add("/fs/watch/each-kind", test_kinds);
	world_add("/fs/watch/moved", test_moved);
	world_add("/fs/watch/below", test_below);
	world_add("/fs/watch/settled", test_unsettled);
	world_add("/fs/watch/nobody", test_nobody);
	world_add("/fs/watch/slow-reader", test_slow);
	world_add("/fs/watch/flood", test_flood);
	world_add("/fs/watch/hung-up", test_hung_up);
	return g_test_run();
}
