/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ways to public folder mailboxes with content: when autodiscover is asked for one, who waits
 * for the answer, and how long it is good for. (What is said then: the cases 191 to 194, and from
 * 205 on.)
 */
#include <string.h>

#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"
#include "tests/wire/fake.h"

#define OWN "1ec2a236-ed93-4f88-b9c6-33e63fa4aa44"
#define TWO "7c9e6679-7425-40de-944b-e07fc1f90ae7"
#define THREE "9b2d4c1e-0a57-4c58-8f6a-2d1d7f2f1c33"

static const char folder_answer[] =
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"
	"<s:Body><m:GetFolderResponse"
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
	" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">"
	"<m:ResponseMessages><m:GetFolderResponseMessage ResponseClass=\"Success\">"
	"<m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder>"
	"<t:FolderId Id=\"root\"/></t:Folder></m:Folders></m:GetFolderResponseMessage>"
	"</m:ResponseMessages></m:GetFolderResponse></s:Body></s:Envelope>";

#define POX(inside)                                                                                \
	"<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/"                \
	"responseschema/2006\"><Response xmlns=\"http://schemas.microsoft.com/exchange/"           \
	"autodiscover/outlook/responseschema/2006a\">" inside "</Response></Autodiscover>"
#define POX_ADDRESS(address)                                                                       \
	POX("<User><AutoDiscoverSMTPAddress>" address "</AutoDiscoverSMTPAddress></User>")
#define POX_ERROR POX("<Error><ErrorCode>500</ErrorCode></Error>")

typedef struct Rig {
	Fake *fake;
	EwsSession *session;
	EwsInbox *inbox;
	char *known; /* own; "GUID=address"; NULL: nothing is remembered */
} Rig;

static char *recall(void *user, const char *url, const char *guid)
{
	Rig *self = user;

	return self->known && g_str_has_prefix(self->known, guid)
		       ? g_strdup(self->known + strlen(guid) + 1)
		       : NULL;
}

static void remember(void *user, const char *url, const char *guid, const char *address)
{
	Rig *self = user;

	g_free(self->known);
	self->known = g_strdup_printf("%s=%s", guid, address);
}

static char *fetch_token(void *user, bool is_refused, int64_t *ret_expires_us, GError **error)
{
	return g_strdup("T1");
}

static Fake *start_fake(int status, const char *found)
{
	Fake *fake = fake_new();

	fake_add(fake, fake_answer_new(200, folder_answer));
	fake_add_found(fake, fake_answer_new(status, found));
	return fake;
}

static void start_session(Rig *self, EwsAuthKind kind)
{
	g_autofree char *url = fake_url(self->fake);
	g_autoptr(EwsRoute) route = ews_route_new("pf@example.org", OWN "@example.org");
	EwsConfig config = {
		.url = url,
		.auth = kind,
		.user = "me@example.org",
		.password = "secret",
		.token = {.fetch = fetch_token},
		.route = route,
		.memory = {recall, remember, self},
		.max_conns = 4,
		.timeout_s = 30,
	};

	self->session = ews_session_start(&config, NULL);
}

static void rig_init(Rig *self, int status, const char *found)
{
	*self = (Rig){.fake = start_fake(status, found), .inbox = ews_inbox_new(NULL, NULL)};
	start_session(self, EWS_AUTH_BASIC);
}

static void rig_init_mute(Rig *self)
{
	FakeAnswer *mute = fake_answer_new(200, "");

	mute->is_mute = true;
	*self = (Rig){.fake = fake_new(), .inbox = ews_inbox_new(NULL, NULL)};
	fake_add(self->fake, fake_answer_new(200, folder_answer));
	fake_add_found(self->fake, mute);
	start_session(self, EWS_AUTH_BASIC);
}

static void rig_clear(Rig *self)
{
	ews_session_stop(self->session);
	ews_inbox_free(self->inbox, (GDestroyNotify)ews_op_free);
	fake_free(self->fake);
	g_free(self->known);
}

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

static void submit(Rig *self, const char *guid)
{
	EwsOp *op = ews_get_folder_new("x");

	ews_op_set_content(op, guid);
	ews_submit(self->session, op, EWS_PRIORITY_SCAN, on_done, self->inbox);
}

static void expect_done(Rig *self)
{
	g_autoptr(EwsOp) op = ews_inbox_take(self->inbox, g_get_monotonic_time() + 60000000);

	g_assert_nonnull(op);
	g_assert_no_error(ews_op_error(op));
}

static void expect_sought(Fake *fake, guint count)
{
	g_autoptr(GPtrArray) sought = fake_sought(fake);

	g_assert_cmpuint(sought->len, ==, count);
}

/* The last request said that it is for this one; NULL: it said nothing. */
static void expect_led(Fake *fake, const char *address)
{
	g_autoptr(GPtrArray) heads = fake_heads(fake);
	const char *head = heads->pdata[heads->len - 1];
	const char *at = strstr(head, "X-PublicFolderMailbox: ");
	g_autofree char *said =
		at ? g_strndup(at + 23, strcspn(at + 23, "\r")) : NULL;

	g_assert_cmpstr(said, ==, address);
}

static void ask(Rig *self, const char *guid, const char *address)
{
	submit(self, guid);
	expect_done(self);
	expect_led(self->fake, address);
}

static void test_once(void)
{
	Rig rig;

	rig_init(&rig, 200, POX_ADDRESS("two@example.org"));
	ask(&rig, TWO, "two@example.org");
	ask(&rig, TWO, "two@example.org");
	ask(&rig, OWN, "pf@example.org");
	ask(&rig, NULL, NULL);
	expect_sought(rig.fake, 1);
	g_assert_cmpstr(rig.known, ==, TWO "=two@example.org");
	/* What is remembered is not asked for. */
	ews_session_stop(rig.session);
	start_session(&rig, EWS_AUTH_BASIC);
	ask(&rig, TWO, "two@example.org");
	expect_sought(rig.fake, 1);
	rig_clear(&rig);
}

/* In the file that it is remembered in may stand anything. */
static void test_nonsense_remembered(void)
{
	Rig rig;

	rig_init(&rig, 200, POX_ADDRESS("two@example.org"));
	rig.known = g_strdup(TWO "=a@b\r\nX-Evil: yes");
	ask(&rig, TWO, "two@example.org");
	expect_sought(rig.fake, 1);
	rig_clear(&rig);
}

static void test_none(void)
{
	Rig rig;

	rig_init(&rig, 200, POX_ERROR);
	fake_add_found(rig.fake, fake_answer_new(200, POX_ADDRESS("three@example.org")));
	ask(&rig, TWO, NULL);
	ask(&rig, TWO, NULL);
	expect_sought(rig.fake, 1);
	/* That says nothing of the others. */
	ask(&rig, THREE, "three@example.org");
	ask(&rig, TWO, NULL);
	expect_sought(rig.fake, 2);
	rig_clear(&rig);
}

/* Who is not let in does not try again with the next: accounts get locked. */
static void test_refused(void)
{
	Rig rig;

	rig_init(&rig, 401, "");
	submit(&rig, TWO);
	submit(&rig, THREE);
	expect_done(&rig);
	expect_done(&rig);
	ask(&rig, THREE, NULL);
	ask(&rig, OWN, "pf@example.org");
	expect_sought(rig.fake, 1);
	rig_clear(&rig);
}

/* A server that is busy with one answer does not keep others waiting, and not the end. */
static void test_silent(void)
{
	Rig rig;
	int64_t began = g_get_monotonic_time();

	rig_init_mute(&rig);
	submit(&rig, TWO);
	ask(&rig, OWN, "pf@example.org");
	ask(&rig, NULL, NULL);
	g_assert_null(ews_inbox_take(rig.inbox, 0));
	ews_session_stop(g_steal_pointer(&rig.session));
	g_autoptr(EwsOp) op = ews_inbox_take(rig.inbox, 0);
	g_assert_error(ews_op_error(op), EWS_ERROR, EWS_ERROR_CANCELLED);
	g_assert_cmpint(g_get_monotonic_time() - began, <, 4 * G_USEC_PER_SEC);
	rig_clear(&rig);
}

/* Whoever waits for a server that says nothing goes on by himself in the end, and so do all others
 * that wait. */
static void test_silent_for_all(void)
{
	Rig rig;

	rig_init_mute(&rig);
	submit(&rig, TWO);
	submit(&rig, THREE);
	expect_done(&rig);
	expect_done(&rig);
	ask(&rig, TWO, NULL);
	expect_sought(rig.fake, 1);
	rig_clear(&rig);
}

static void test_token(void)
{
	Rig rig = {.fake = start_fake(200, POX_ADDRESS("two@example.org")),
		.inbox = ews_inbox_new(NULL, NULL)};

	start_session(&rig, EWS_AUTH_BEARER);
	ask(&rig, TWO, "two@example.org");
	g_autoptr(GPtrArray) sought = fake_sought(rig.fake);
	g_assert_cmpuint(sought->len, ==, 1);
	g_assert_nonnull(strstr(sought->pdata[0], "Authorization: Bearer T1\r\n"));
	rig_clear(&rig);
}

/* Another server may know other addresses. */
static void test_moved(void)
{
	Rig rig;
	Fake *other = start_fake(200, POX_ADDRESS("other@example.org"));
	g_autofree char *url = fake_url(other);

	rig_init(&rig, 200, POX_ADDRESS("two@example.org"));
	ask(&rig, TWO, "two@example.org");
	ask(&rig, OWN, "pf@example.org");
	g_clear_pointer(&rig.known, g_free);
	g_assert_true(ews_session_move(rig.session, url, NULL));
	submit(&rig, TWO);
	expect_done(&rig);
	expect_led(other, "other@example.org");
	submit(&rig, OWN);
	expect_done(&rig);
	expect_led(other, "pf@example.org");
	expect_sought(other, 1);
	expect_sought(rig.fake, 1);
	g_assert_cmpstr(rig.known, ==, TWO "=other@example.org");
	rig_clear(&rig);
	fake_free(other);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/route/once", test_once);
	g_test_add_func("/wire/route/nonsense-remembered", test_nonsense_remembered);
	g_test_add_func("/wire/route/none", test_none);
	g_test_add_func("/wire/route/refused", test_refused);
	g_test_add_func("/wire/route/silent", test_silent);
	g_test_add_func("/wire/route/silent-for-all", test_silent_for_all);
	g_test_add_func("/wire/route/token", test_token);
	g_test_add_func("/wire/route/moved", test_moved);
	return g_test_run();
}
