/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session against a fake server: who gets what back, and when, however it is treated.
 */
#include <string.h>

#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"
#include "tests/wire/fake.h"

static const char folder_answer[] =
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>"
	"<h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"2\" MajorBuildNumber=\"1544\""
	" MinorBuildNumber=\"4\" Version=\"Exchange2016\""
	" xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/></s:Header>"
	"<s:Body><m:GetFolderResponse"
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
	" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">"
	"<m:ResponseMessages><m:GetFolderResponseMessage ResponseClass=\"Success\">"
	"<m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder>"
	"<t:FolderId Id=\"root\"/></t:Folder></m:Folders></m:GetFolderResponseMessage>"
	"</m:ResponseMessages></m:GetFolderResponse></s:Body></s:Envelope>";

typedef struct Rig {
	Fake *fake;
	EwsSession *session;
	EwsInbox *inbox;
	GArray *states; /* of EwsState; ews thread until it is stopped */
} Rig;

static void on_state(EwsState state, void *user)
{
	g_array_append_val((GArray *)user, state);
}

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

static EwsSession *start(const char *url, GError **error)
{
	EwsConfig config = { .url = url, .user = "me", .password = "secret", .max_conns = 4,
		.timeout_s = 30 };

	return ews_session_start(&config, error);
}

/* Takes @answer. */
static void rig_init(Rig *self, FakeAnswer *answer)
{
	g_autofree char *url = NULL;

	self->fake = fake_new();
	if (answer)
		fake_add(self->fake, answer);
	url = fake_url(self->fake);
	self->session = start(url, NULL);
	self->inbox = ews_inbox_new(NULL, NULL);
	self->states = g_array_new(FALSE, FALSE, sizeof(EwsState));
	ews_session_listen(self->session, on_state, self->states);
}

static void rig_clear(Rig *self)
{
	ews_session_stop(self->session);
	ews_inbox_free(self->inbox, (GDestroyNotify)ews_op_free);
	fake_free(self->fake);
	g_array_unref(self->states);
}

static uint64_t submit(Rig *self, EwsPriority priority)
{
	EwsOp *op = ews_get_folder_new("x");

	ews_op_set_tag(op, 7);
	return ews_submit(self->session, op, priority, on_done, self->inbox);
}

/* Takes the next op that is done and checks how it went; -1: well. */
static void expect(Rig *self, int code)
{
	g_autoptr(EwsOp) op = ews_inbox_take(self->inbox, g_get_monotonic_time() + 60000000);

	g_assert_nonnull(op);
	g_assert_cmpint(ews_op_tag(op), ==, 7);
	if (code < 0)
		g_assert_no_error(ews_op_error(op));
	else
		g_assert_error(ews_op_error(op), EWS_ERROR, code);
}

static void test_addresses(void)
{
	static const char *const bad[] = {
		"", "mail.example.org", "ftp://h/", "http://mail.example.org/EWS/Exchange.asmx",
		"https://me:secret@h/EWS", "https:///EWS", "http://127.0.0.1.example.org/",
		"http://localhost.example.org/", "file:///etc/passwd",
	};
	static const char *const good[] = {
		"https://mail.example.org/EWS/Exchange.asmx", "http://127.0.0.1:8/EWS",
		"http://localhost/EWS", "http://[::1]:80/EWS", "http://127.9.9.9/EWS",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(start(bad[i], &error));
		g_assert_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		EwsSession *session = start(good[i], NULL);

		g_assert_nonnull(session);
		ews_session_stop(session);
	}
	ews_session_stop(NULL);
}

static void test_answers(void)
{
	EwsStatus status;
	Rig rig;

	rig_init(&rig, fake_answer_new(200, folder_answer));
	ews_session_status(rig.session, &status);
	g_assert_cmpint(status.state, ==, EWS_STATE_NEW);
	g_assert_cmpint(ews_session_last_progress(rig.session), ==, 0);
	submit(&rig, EWS_PRIORITY_WAITING);
	expect(&rig, -1);
	g_assert_cmpint(ews_session_last_progress(rig.session), >, 0);
	submit(&rig, EWS_PRIORITY_BACKGROUND);
	expect(&rig, -1);
	ews_session_status(rig.session, &status);
	g_assert_cmpint(status.state, ==, EWS_STATE_ONLINE);
	g_assert_cmpuint(status.requests, ==, 2);
	g_assert_cmpuint(status.bytes_in, >, strlen(folder_answer));
	g_assert_cmpuint(status.bytes_out, >, 500);
	g_assert_cmpstr(status.server, ==, "15.2.1544 (Exchange2016)");
	rig_clear(&rig);
}

static void test_stop_answers_all(void)
{
	FakeAnswer *mute = fake_answer_new(200, "");
	EwsSession *session;
	Rig rig;

	mute->is_mute = true;
	rig_init(&rig, mute);
	for (int i = 0; i < 50; i++)
		submit(&rig, (EwsPriority)(i % EWS_PRIORITY_COUNT));
	g_usleep(50000);
	session = g_steal_pointer(&rig.session);
	ews_session_stop(session);
	for (int i = 0; i < 50; i++)
		expect(&rig, EWS_ERROR_CANCELLED);
	g_assert_null(ews_inbox_take(rig.inbox, 0));
	rig_clear(&rig);
}

static void test_cancel(void)
{
	FakeAnswer *mute = fake_answer_new(200, "");
	uint64_t first;
	uint64_t second;
	Rig rig;

	mute->is_mute = true;
	rig_init(&rig, mute);
	first = submit(&rig, EWS_PRIORITY_WAITING);
	g_usleep(50000);
	second = submit(&rig, EWS_PRIORITY_SCAN);
	g_assert_cmpuint(first, !=, second);
	ews_raise(rig.session, second, EWS_PRIORITY_WAITING);
	ews_cancel(rig.session, second);
	ews_cancel(rig.session, second);
	ews_cancel(rig.session, first); /* has left: goes on */
	ews_cancel(rig.session, 999);
	expect(&rig, EWS_ERROR_CANCELLED);
	g_assert_null(ews_inbox_take(rig.inbox, g_get_monotonic_time() + 100000));
	ews_session_stop(g_steal_pointer(&rig.session));
	expect(&rig, EWS_ERROR_CANCELLED);
	rig_clear(&rig);
}

/* Nobody listens at the address: known after the first, and said at once from then on. */
static void test_offline(void)
{
	Rig rig;

	rig_init(&rig, NULL);
	fake_free(g_steal_pointer(&rig.fake));
	for (int i = 0; i < 100; i++)
		submit(&rig, EWS_PRIORITY_SCAN);
	for (int i = 0; i < 100; i++)
		expect(&rig, EWS_ERROR_OFFLINE);
	for (int i = 0; i < 100; i++)
		submit(&rig, EWS_PRIORITY_WAITING);
	for (int i = 0; i < 100; i++)
		expect(&rig, EWS_ERROR_OFFLINE);
	ews_session_stop(g_steal_pointer(&rig.session));
	g_assert_cmpuint(rig.states->len, ==, 1);
	g_assert_cmpint(g_array_index(rig.states, EwsState, 0), ==, EWS_STATE_OFFLINE);
	rig_clear(&rig);
}

/* The server is another one from now on: no pause of the former counts, and what is kept for it
 * (the connection, its handle) is not used. */
static void test_move(void)
{
	g_autofree char *url = NULL;
	g_autoptr(GError) error = NULL;
	EwsStatus status;
	Fake *next = fake_new();
	Rig rig;

	rig_init(&rig, fake_answer_new(200, folder_answer));
	submit(&rig, EWS_PRIORITY_WAITING);
	expect(&rig, -1);
	fake_free(g_steal_pointer(&rig.fake));
	submit(&rig, EWS_PRIORITY_WAITING);
	expect(&rig, EWS_ERROR_OFFLINE);
	g_assert_false(ews_session_move(rig.session, "http://mail.example.org/", &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED);
	url = fake_url(next);
	fake_add(next, fake_answer_new(200, folder_answer));
	g_assert_true(ews_session_move(rig.session, url, NULL));
	submit(&rig, EWS_PRIORITY_WAITING);
	expect(&rig, -1);
	ews_session_status(rig.session, &status);
	g_assert_cmpint(status.state, ==, EWS_STATE_ONLINE);
	g_assert_cmpstr(status.url, ==, url);
	rig.fake = next;
	rig_clear(&rig);
}

static void test_broken_once(void)
{
	FakeAnswer *cut = fake_answer_new(200, "");
	EwsStatus status;
	Rig rig;

	cut->cut = 0;
	rig_init(&rig, cut);
	fake_add(rig.fake, fake_answer_new(200, folder_answer));
	submit(&rig, EWS_PRIORITY_WAITING);
	expect(&rig, -1);
	ews_session_status(rig.session, &status);
	g_assert_cmpint(status.state, ==, EWS_STATE_ONLINE);
	rig_clear(&rig);
}

static void test_stopped_for_good(void)
{
	g_autoptr(GPtrArray) requests = NULL;
	Rig rig;

	rig_init(&rig, fake_answer_new(401, "no"));
	for (int i = 0; i < 20; i++)
		submit(&rig, EWS_PRIORITY_SCAN);
	for (int i = 0; i < 20; i++)
		expect(&rig, EWS_ERROR_AUTH);
	submit(&rig, EWS_PRIORITY_WAITING);
	expect(&rig, EWS_ERROR_AUTH);
	requests = fake_requests(rig.fake);
	g_assert_cmpuint(requests->len, ==, 1);
	rig_clear(&rig);
}

/* More than curl takes at once: a page that does not come in one piece. */
#define PAGE_CHANGES 5000

/* Owned. */
static char *page(const char *state, bool is_last)
{
	GString *xml = g_string_new(NULL);

	g_string_printf(xml,
		"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
		"<m:SyncFolderItemsResponse"
		" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
		" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">"
		"<m:ResponseMessages><m:SyncFolderItemsResponseMessage ResponseClass=\"Success\">"
		"<m:ResponseCode>NoError</m:ResponseCode><m:SyncState>%s</m:SyncState>"
		"<m:IncludesLastItemInRange>%s</m:IncludesLastItemInRange><m:Changes>",
		state, is_last ? "true" : "false");
	for (int i = 0; i < PAGE_CHANGES; i++)
		g_string_append_printf(xml, "<t:Create><t:Message><t:ItemId Id=\"%s-%d\"/>"
			"<t:ItemClass>IPM.Note</t:ItemClass></t:Message></t:Create>", state, i);
	g_string_append(xml, "</m:Changes></m:SyncFolderItemsResponseMessage>"
		"</m:ResponseMessages></m:SyncFolderItemsResponse></s:Body></s:Envelope>");
	return g_string_free(xml, FALSE);
}

static FakeAnswer *page_answer(const char *state, bool is_last)
{
	g_autofree char *xml = page(state, is_last);
	FakeAnswer *answer = fake_answer_new(200, xml);

	answer->piece = 4096;
	return answer;
}

/* Asks for the page after @state and checks that it is the one up to @wanted. */
static void expect_page(Rig *self, const char *state, const char *wanted)
{
	g_autofree char *first = g_strconcat(wanted, "-0", NULL);
	g_autoptr(EwsOp) op = NULL;
	const EwsItemSync *got;
	const EwsItemChange *change;

	ews_submit(self->session, ews_sync_folder_items_new("folder", state), EWS_PRIORITY_SCAN,
		on_done, self->inbox);
	op = ews_inbox_take(self->inbox, g_get_monotonic_time() + 60000000);
	g_assert_nonnull(op);
	g_assert_no_error(ews_op_error(op));
	got = ews_sync_folder_items_page(op);
	g_assert_cmpstr(got->state, ==, wanted);
	g_assert_cmpuint(got->changes->len, ==, PAGE_CHANGES);
	change = got->changes->pdata[0];
	g_assert_cmpstr(change->item->id, ==, first);
}

/* Each page is asked for once, however early. */
static void test_pages(void)
{
	g_autoptr(GPtrArray) requests = NULL;
	Rig rig;

	rig_init(&rig, page_answer("1", false));
	fake_add(rig.fake, page_answer("2", false));
	fake_add(rig.fake, page_answer("3", false));
	fake_add(rig.fake, page_answer("4", true));
	expect_page(&rig, NULL, "1");
	expect_page(&rig, "1", "2");
	g_usleep(50000); /* whoever is early waits */
	expect_page(&rig, "2", "3");
	expect_page(&rig, "3", "4");
	g_usleep(50000);
	requests = fake_requests(rig.fake);
	g_assert_cmpuint(requests->len, ==, 4);
	rig_clear(&rig);
}

/* What was asked for too early and went wrong is asked for again. */
static void test_pages_that_fail(void)
{
	FakeAnswer *none = fake_answer_new(404, "");
	Rig rig;

	rig_init(&rig, page_answer("1", false));
	fake_add(rig.fake, none);
	fake_add(rig.fake, page_answer("2", true));
	expect_page(&rig, NULL, "1");
	g_usleep(50000);
	expect_page(&rig, "1", "2");
	rig_clear(&rig);
}

/* Nobody comes for it. */
static void test_pages_nobody_wants(void)
{
	Rig rig;

	rig_init(&rig, page_answer("1", false));
	for (int i = 2; i < 20; i++) {
		g_autofree char *state = g_strdup_printf("%d", i);

		fake_add(rig.fake, page_answer(state, false));
	}
	for (int i = 0; i < 8; i++) {
		ews_submit(rig.session, ews_sync_folder_items_new("folder", NULL),
			EWS_PRIORITY_SCAN, on_done, rig.inbox);
		ews_op_free(ews_inbox_take(rig.inbox, INT64_MAX));
	}
	rig_clear(&rig);
}

/* However many connections there are, and nobody else waits for that. */
static void test_few_syncs(void)
{
	g_autoptr(GPtrArray) requests = NULL;
	g_autofree char *url = NULL;
	FakeAnswer *mute = fake_answer_new(200, "");
	int64_t until = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
	Rig rig;

	rig_init(&rig, fake_answer_new(200, folder_answer));
	mute->is_mute = true;
	fake_add(rig.fake, mute);
	url = fake_url(rig.fake);
	ews_session_stop(rig.session);
	rig.session = ews_session_start(&(EwsConfig){ .url = url, .user = "me",
		.password = "secret", .max_conns = 8, .timeout_s = 30 }, NULL);
	submit(&rig, EWS_PRIORITY_WAITING);
	expect(&rig, -1);
	for (int i = 0; i < 6; i++)
		ews_submit(rig.session, ews_sync_folder_items_new("folder", NULL),
			EWS_PRIORITY_SCAN, on_done, rig.inbox);
	submit(&rig, EWS_PRIORITY_SCAN);
	while (!requests || requests->len < 6) {
		g_clear_pointer(&requests, g_ptr_array_unref);
		requests = fake_requests(rig.fake);
		g_assert_cmpint(g_get_monotonic_time(), <, until);
		g_usleep(10000);
	}
	g_usleep(50000);
	g_clear_pointer(&requests, g_ptr_array_unref);
	requests = fake_requests(rig.fake);
	g_assert_cmpuint(requests->len, ==, 6); /* the first, four, and the one behind them */
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/session/addresses", test_addresses);
	g_test_add_func("/ews/session/answers", test_answers);
	g_test_add_func("/ews/session/stop-answers-all", test_stop_answers_all);
	g_test_add_func("/ews/session/cancels-what-is-queued", test_cancel);
	g_test_add_func("/ews/session/offline-is-said-at-once", test_offline);
	g_test_add_func("/ews/session/moves-to-another-server", test_move);
	g_test_add_func("/ews/session/broken-once-is-repeated", test_broken_once);
	g_test_add_func("/ews/session/401-stops-for-good", test_stopped_for_good);
	g_test_add_func("/ews/session/few-syncs-at-a-time", test_few_syncs);
	g_test_add_func("/ews/ahead/each-page-once", test_pages);
	g_test_add_func("/ews/ahead/failed-pages-are-asked-for-again", test_pages_that_fail);
	g_test_add_func("/ews/ahead/pages-nobody-wants", test_pages_nobody_wants);
	return g_test_run();
}
