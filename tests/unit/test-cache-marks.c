/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/name.h"
#include "ews/types.h"
#include "tests/unit/test-cache-pen.h"

/*
 * Messages and their marks, where names tell them: what is the server's, what stays here, and that
 * a directory's time moves with them.
 */

static int64_t one, two;

static void set_up(Kit *kit, gconstpointer data)
{
	kit->layout = "maildir";
	pen_open(kit);
	one = kit_dir(kit, "F1");
	two = kit_dir(kit, "F2");
}

static void tear_down(Kit *kit, gconstpointer data)
{
	pen_end(kit);
}

static uint64_t marks_of(Kit *kit, int64_t node)
{
	g_autoptr(GError) error = NULL;
	uint64_t marks = 0;
	g_assert_true(cache_marks(kit->cache, node, &marks, &error));
	g_assert_no_error(error);
	return marks;
}

static int64_t time_of(Kit *kit, int64_t dir)
{
	g_autoptr(CacheNode) node = kit_get(kit, dir);
	return node->mtime;
}

static void mark(Kit *kit, int64_t node, uint64_t marks)
{
	g_autoptr(GError) error = NULL;
	g_assert_true(cache_set_marks(kit->cache, node, marks, &error));
	g_assert_no_error(error);
}

static bool rename_marked(Kit *kit, const CacheRename *what)
{
	g_autoptr(GError) error = NULL;
	return cache_rename_marked(kit->cache, what, &error);
}

/* Everything in this set that the server knows of is sent, and nothing else. */
static void test_what_is_sent(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	int64_t before = time_of(kit, one);
	mark(kit, id, CACHE_MARK_OLD | CACHE_MARK_REPLIED | CACHE_MARK_KEYWORD(3));
	pen_assert_queue(kit, "");
	g_assert_cmpuint(marks_of(kit, id), ==,
		CACHE_MARK_OLD | CACHE_MARK_REPLIED | CACHE_MARK_KEYWORD(3));
	g_assert_cmpint(time_of(kit, one), >, before);
	before = time_of(kit, one);
	mark(kit, id, CACHE_MARK_SEEN | CACHE_MARK_FLAGGED);
	pen_assert_queue(kit, "waiting /One/a.eml update");
	g_assert_cmpuint(marks_of(kit, id), ==, CACHE_MARK_SEEN | CACHE_MARK_FLAGGED);
	g_assert_cmpint(time_of(kit, one), >, before);
	before = time_of(kit, one);
	mark(kit, id, CACHE_MARK_SEEN | CACHE_MARK_FLAGGED);
	g_assert_cmpint(time_of(kit, one), ==, before);
	kit_reopen(kit);
	g_assert_cmpuint(marks_of(kit, id), ==, CACHE_MARK_SEEN | CACHE_MARK_FLAGGED);
}

/* COMPLETE is no flag, and stays what it is while nobody flags it. */
static void test_complete(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	kit_run(kit, "UPDATE item SET flag = %d WHERE node = %lld", EWS_FLAG_COMPLETE, id);
	g_assert_cmpuint(marks_of(kit, id), ==, 0);
	mark(kit, id, CACHE_MARK_TRASHED);
	pen_assert_queue(kit, "");
	g_assert_cmpint(kit_int(kit, "SELECT flag FROM item WHERE node = %lld", id), ==,
		EWS_FLAG_COMPLETE);
}

/* A draft says so by itself, and what is said against it holds. */
static void test_draft(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	kit_run(kit, "UPDATE item SET is_draft = 1 WHERE node = %lld", id);
	g_assert_cmpuint(marks_of(kit, id), ==, CACHE_MARK_DRAFT);
	mark(kit, id, CACHE_MARK_DRAFT | CACHE_MARK_PASSED);
	g_assert_cmpuint(marks_of(kit, id), ==, CACHE_MARK_DRAFT | CACHE_MARK_PASSED);
	mark(kit, id, CACHE_MARK_OLD);
	g_assert_cmpuint(marks_of(kit, id), ==, CACHE_MARK_OLD);
	pen_assert_queue(kit, "");
}

static void test_delivery(Kit *kit, gconstpointer data)
{
	int64_t id = pen_write(kit, one, ".tmp.1", PEN_MAIL("a"));
	pen_assert_queue(kit, "scratch /One/.tmp.1");
	CacheRename what = {.dir = one, .name = ".tmp.1", .to_dir = one, .to_name = "1.eml",
		.has_marks = true};
	g_assert_true(rename_marked(kit, &what));
	pen_assert_queue(kit, "waiting /One/1.eml create");
	g_assert_cmpuint(marks_of(kit, id), ==, 0);
	g_assert_cmpint(kit_int(kit, "SELECT is_read FROM item WHERE node = %lld", id), ==, 0);
	g_assert_false(rename_marked(kit, &what));
}

static void test_move(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	mark(kit, id, CACHE_MARK_REPLIED);
	const CacheRename what = {.dir = one, .name = "a.eml", .to_dir = two, .to_name = "a.eml",
		.has_marks = true, .marks = CACHE_MARK_REPLIED | CACHE_MARK_SEEN};
	g_assert_true(rename_marked(kit, &what));
	pen_assert_queue(kit, "waiting /Two/a.eml move, update");
	g_assert_cmpuint(marks_of(kit, id), ==, CACHE_MARK_REPLIED | CACHE_MARK_SEEN);
}

/* One transaction: what may not be moved is not marked either. */
static void test_refused(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	pen_item(kit, "F1", "B", "b.eml");
	const CacheRename what = {.dir = one, .name = "a.eml", .to_dir = one, .to_name = "b.eml",
		.has_marks = true, .marks = CACHE_MARK_SEEN};
	g_assert_false(rename_marked(kit, &what));
	g_assert_cmpuint(marks_of(kit, id), ==, 0);
	pen_assert_queue(kit, "");
}

/* Others' marks are other names: the directory is told of. */
static void test_told(Kit *kit, gconstpointer data)
{
	int64_t id = pen_item(kit, "F1", "A", "a.eml");
	int64_t before = time_of(kit, one);
	g_autoptr(EwsItem) flag = ews_item_new();
	flag->id = g_strdup("A");
	flag->is_read = true;
	kit_say(kit, "F1", EWS_CHANGE_READ_FLAG, flag);
	g_assert_true(kit_was_told(kit, CACHE_CHANGE_TOUCHED, id));
	g_assert_cmpuint(marks_of(kit, id), ==, CACHE_MARK_SEEN);
	g_assert_cmpint(time_of(kit, one), >=, before);
	kit_forget_changes(kit);
}

typedef struct Seen {
	GString *text;
} Seen;

static bool see(const CacheNode *node, uint64_t marks, void *user)
{
	Seen *seen = user;
	g_string_append_printf(seen->text, "%s %d\n", node->name, (int)marks);
	return true;
}

static void test_list(Kit *kit, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	Seen seen = {.text = g_string_new(NULL)};
	pen_item(kit, "F1", "A", "a.eml");
	mark(kit, pen_item(kit, "F1", "B", "b.eml"), CACHE_MARK_SEEN);
	pen_mkdir(kit, one, "Sub");
	g_assert_true(cache_list_marked(kit->cache, one, 0, see, &seen, &error));
	g_assert_cmpstr(seen.text->str, ==, "a.eml 0\nb.eml 1\nSub 0\n");
	g_string_free(seen.text, TRUE);
	uint64_t marks = 0;
	g_autoptr(CacheNode) node =
		cache_lookup_marked(kit->cache, one, "b.eml", &marks, &error);
	g_assert_nonnull(node);
	g_assert_cmpuint(marks, ==, CACHE_MARK_SEEN);
	g_autoptr(CacheNode) none =
		cache_lookup_marked(kit->cache, one, "c.eml", &marks, &error);
	g_assert_null(none);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND);
}

static void test_names(void)
{
	static const char *const rows[][2] = {
		{NULL, "1795169700.ewsfs.LL.eml"},
		{"1.x.host,U=7.eml", "1.x.host,U=7.eml"},
		{"my mail.eml", "my mail.eml"},
		{"a:2,S.eml", "1795169700.ewsfs.LL.eml"},
		{"~$a.eml", "1795169700.ewsfs.LL.eml"},
		{"a.ics.eml", "1795169700.ewsfs.LL.eml"},
		{".a.eml", "1795169700.ewsfs.LL.eml"},
		{"a.txt", "1795169700.ewsfs.LL.eml"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(EwsItem) item = ews_item_new();
		item->received = KIT_TIME + 5;
		item->file_name = g_strdup(rows[i][0]);
		g_autofree char *name = cache_name_item_marked(item, "LL");
		g_assert_cmpstr(name, ==, rows[i][1]);
	}
	g_autoptr(EwsItem) event = ews_item_new();
	event->received = event->sent = event->created = EWS_TIME_NONE;
	event->item_class = g_strdup("IPM.Appointment");
	g_autofree char *name = cache_name_item_marked(event, "LL");
	g_assert_cmpstr(name, ==, "0.ewsfs.LL.ics");
}

#define ADD(name, func) g_test_add("/cache/marks/" name, Kit, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("only-what-the-server-knows-is-sent", test_what_is_sent);
	ADD("a-completed-task-is-not-flagged", test_complete);
	ADD("a-draft-is-one-until-somebody-says-otherwise", test_draft);
	ADD("delivered-is-unread", test_delivery);
	ADD("they-go-along", test_move);
	ADD("refused-as-a-whole", test_refused);
	ADD("others-are-told-of", test_told);
	ADD("listed-and-found", test_list);
	g_test_add_func("/cache/marks/names", test_names);
	return g_test_run();
}
