/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "tests/unit/test-cache-world.h"
#include "view/text.h"

/*
 * Events, tasks and contacts between the wire and the store: what comes out as content, and what is
 * asked for it.
 */

#define EVENT "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
#define HEAD "Subject: x\r\nMIME-Version: 1.0\r\n"
#define MESSAGE                                                                                    \
	HEAD "Content-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n--b1\r\n"                \
	     "Content-Type: text/plain\r\n\r\nx\r\n--b1\r\nContent-Type: "                         \
	     "text/calendar\r\n\r\n" EVENT "--b1--\r\n"
#define TNEF                                                                                       \
	HEAD "Content-Type: application/ms-tnef\r\nContent-Transfer-Encoding: "                    \
	     "base64\r\n\r\nAA\r\n"

static void set_up(World *world, gconstpointer data)
{
	world->kit.is_without_prefetch = true;
	world_open(world);
}

static void set_up_small(World *world, gconstpointer data)
{
	world->kit.cache_size = 2000;
	world_open(world);
}

static void tear_down(World *world, gconstpointer data)
{
	world_close(world);
}

static void add(World *world, const char *id, const char *item_class, const char *mime)
{
	g_autoptr(EwsItem) item = kit_make_item(id, id);
	g_free(item->item_class);
	item->item_class = g_strdup(item_class);
	fake_item(world->fake, "F1", item, mime);
}

static char *content_of(World *world, const char *id)
{
	int64_t node = kit_node(&world->kit, id);
	g_autoptr(GError) error = world_fetch(world, node, CACHE_REASON_OPEN);
	g_assert_no_error(error);
	return kit_read(&world->kit, node);
}

/* The content of such an item, and whether its properties were asked for. */
static char *fetch_one(World *world, const char *item_class, const char *mime, bool *ret_asked)
{
	add(world, "P", item_class, mime);
	world_start(world);
	world_sync_well(world);
	fake_forget_lines(world->fake);
	char *content = content_of(world, "P");
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime"), ==, 1);
	g_assert_cmpint(kit_int(&world->kit, "SELECT size FROM node WHERE id = %lld",
				kit_node(&world->kit, "P")),
		==, (int64_t)strlen(content));
	*ret_asked = fake_count(world->fake, "GetDetails") == 1;
	return content;
}

/* What a server gives, and what is shown of it; NULL: what was made of the properties. */
typedef struct Case {
	const char *item_class;
	const char *mime;
	const char *shown;
	const char *begins;
} Case;

static const Case as_it_is = {"IPM.Appointment", EVENT, EVENT, NULL};
static const Case part = {"IPM.Appointment", MESSAGE, EVENT, NULL};
static const Case cut = {"IPM.Appointment",
	HEAD "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nVERS", NULL,
	"BEGIN:VCALENDAR\r\n"};
static const Case no_part = {"IPM.Appointment", TNEF, NULL, "BEGIN:VCALENDAR\r\n"};
static const Case no_mime = {"IPM.Appointment", NULL, NULL, "BEGIN:VCALENDAR\r\n"};
static const Case task = {"IPM.Task", TNEF, NULL, "BEGIN:VCALENDAR\r\n"};
static const Case card = {"IPM.Contact", "BEGIN:VCARD\nEND:VCARD\n", "BEGIN:VCARD\nEND:VCARD\n",
	NULL};
static const Case contact = {"IPM.Contact", TNEF, NULL, "BEGIN:VCARD\r\n"};
static const Case contact_no_mime = {"IPM.Contact", NULL, NULL, "BEGIN:VCARD\r\n"};
static const Case mail = {"IPM.Note", MESSAGE, MESSAGE, NULL};
static const Case request = {"IPM.Schedule.Meeting.Request", MESSAGE, MESSAGE, NULL};
static const Case note = {"IPM.StickyNote", TNEF, TNEF, NULL};

static void test_case(World *world, gconstpointer data)
{
	const Case *one = data;
	bool was_asked = false;
	g_autofree char *content = fetch_one(world, one->item_class, one->mime, &was_asked);
	g_assert_cmpint(was_asked, ==, one->shown == NULL);
	if (one->shown != NULL)
		g_assert_cmpstr(content, ==, one->shown);
	else
		g_assert_true(g_str_has_prefix(content, one->begins));
}

/* Its identity makes the UID, so that two of the same properties are two. */
static void test_uid(World *world, gconstpointer data)
{
	bool was_asked = false;
	add(world, "Q", "IPM.Contact", TNEF);
	g_autofree char *one = fetch_one(world, "IPM.Contact", TNEF, &was_asked);
	g_autofree char *other = content_of(world, "Q");
	g_autofree char *uid = g_strdup_printf("\r\nUID:%016" G_GINT64_MODIFIER "x@ewsfs\r\n",
		kit_int(&world->kit, "SELECT ino FROM node WHERE id = %lld",
			kit_node(&world->kit, "P")));
	g_assert_nonnull(strstr(one, uid));
	g_assert_null(strstr(other, uid));
}

/* Another fetch brings the same bytes: nothing moves. */
static void test_again(World *world, gconstpointer data)
{
	bool was_asked = false;
	g_autofree char *first = fetch_one(world, "IPM.Task", TNEF, &was_asked);
	int64_t node = kit_node(&world->kit, "P");
	int64_t mtime = kit_int(&world->kit, "SELECT mtime FROM node WHERE id = %lld", node);
	/* 2: a property that is no flag changed; so its bytes are suspect. */
	g_autoptr(EwsItem) changed = kit_make_item("P", "P");
	g_free(changed->item_class);
	changed->item_class = g_strdup("IPM.Task");
	changed->change_key = (g_free(changed->change_key), g_strdup("another"));
	changed->importance = EWS_IMPORTANCE_HIGH;
	fake_item(world->fake, "F1", changed, TNEF);
	world_sync_well(world);
	g_autofree char *second = content_of(world, "P");
	g_assert_cmpstr(second, ==, first);
	g_assert_cmpuint(fake_count(world->fake, "GetDetails"), ==, 2);
	g_assert_cmpint(kit_int(&world->kit, "SELECT mtime FROM node WHERE id = %lld", node), ==,
		mtime);
}

static void test_refused(World *world, gconstpointer data)
{
	add(world, "P", "IPM.Contact", NULL);
	world_start(world);
	world_sync_well(world);
	fake_fail(world->fake, "GetDetails", EWS_ERROR_CORRUPT, 1);
	int64_t node = kit_node(&world->kit, "P");
	g_autoptr(GError) error = world_fetch(world, node, CACHE_REASON_OPEN);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CORRUPT);
}

/* Its length alone is learned, of bytes that are let go while they come: they are asked for once
 * more. A small one is looked at as it is. */
static void test_length(World *world, gconstpointer data)
{
	g_autofree char *filler = g_strnfill(400 * 1024, 'x');
	g_autofree char *large = g_strconcat(HEAD
		"Content-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\n"
		"Content-Type: application/octet-stream\r\n\r\n",
		filler, "\r\n--b1\r\nContent-Type: text/calendar\r\n\r\n" EVENT "--b1--\r\n", NULL);
	g_autofree char *letter = g_strconcat("Subject: x\r\n\r\n", filler, NULL);
	add(world, "L", "IPM.Appointment", large);
	add(world, "M", "IPM.Note", letter);
	for (unsigned i = 0; i < 200; i++) {
		g_autofree char *id = g_strdup_printf("many.%03u", i);
		world_add(world, "F1", id);
	}
	world_start(world);
	world_sync_well(world);
	world_until(world, (int64_t)strlen(EVENT), "SELECT size FROM node WHERE id = %lld",
		kit_node(&world->kit, "L"));
	world_until(world, (int64_t)strlen(letter), "SELECT size FROM node WHERE id = %lld",
		kit_node(&world->kit, "M"));
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime M"), ==, 1);
	g_assert_cmpuint(fake_count(world->fake, "GetItemMime L"), ==, 2);
	g_assert_cmpuint(fake_count(world->fake, "GetDetails"), ==, 0);
}

#define ADD(name, fixture, data, test)                                                             \
	g_test_add("/cache/pim/" name, World, data, fixture, test, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	view_init();
	ADD("a-calendar-is-shown-as-it-is", set_up, &as_it_is, test_case);
	ADD("the-calendar-of-a-message", set_up, &part, test_case);
	ADD("a-calendar-that-is-cut-is-made-anew", set_up, &cut, test_case);
	ADD("a-message-without-a-calendar", set_up, &no_part, test_case);
	ADD("an-event-without-mime", set_up, &no_mime, test_case);
	ADD("a-task", set_up, &task, test_case);
	ADD("a-card-is-shown-as-it-is", set_up, &card, test_case);
	ADD("a-contact", set_up, &contact, test_case);
	ADD("a-contact-without-mime", set_up, &contact_no_mime, test_case);
	ADD("mail-is-mail", set_up, &mail, test_case);
	ADD("an-invitation-is-mail", set_up, &request, test_case);
	ADD("a-note-is-a-message", set_up, &note, test_case);
	ADD("uid-by-identity", set_up, NULL, test_uid);
	ADD("the-same-at-each-fetch", set_up, NULL, test_again);
	ADD("properties-refused", set_up, NULL, test_refused);
	ADD("length-alone", set_up_small, NULL, test_length);
	return g_test_run();
}
