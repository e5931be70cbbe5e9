/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session that signs in with bearer tokens, against a fake server and a source of tokens that
 * does as it is told.
 */
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"
#include "tests/wire/fake.h"

static const char folder_answer[] =
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">"
	"<s:Body><m:GetFolderResponse"
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\""
	" xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">"
	"<m:ResponseMessages><m:GetFolderResponseMessage ResponseClass=\"Success\">"
	"<m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:Folder>"
	"<t:FolderId Id=\"root\"/></t:Folder></m:Folders></m:GetFolderResponseMessage>"
	"</m:ResponseMessages></m:GetFolderResponse></s:Body></s:Envelope>";
static const char done_answer[] =
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><m:y"
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"
	"<m:ResponseMessages><m:x "
	"ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>"
	"</m:x></m:ResponseMessages></m:y></s:Body></s:Envelope>";

/* Gives T1, T2, ...; fails as often as it is told; blocks while it is told to. */
typedef struct Source {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	/* guarded by lock */
	GString *asked; /* "n" or, since the last one was refused, "r" */
	int code;
	int failures;
	bool is_blocked;
	bool is_given_up;
} Source;

typedef struct Rig {
	Source source;
	Fake *fake;
	EwsSession *session;
	EwsInbox *inbox;
} Rig;

static char *fetch(void *user, bool is_refused, int64_t *ret_expires_us, GError **error)
{
	Source *self = user;
	char *token = NULL;

	pthread_mutex_lock(&self->lock);
	g_string_append(self->asked, is_refused ? "r" : "n");
	while (self->is_blocked && !self->is_given_up)
		pthread_cond_wait(&self->cond, &self->lock);
	if (self->failures > 0 || self->is_given_up) {
		self->failures--;
		g_set_error(error, EWS_ERROR, self->code, "no token today");
	} else {
		token = g_strdup_printf("T%zu", self->asked->len);
		*ret_expires_us = g_get_real_time() + INT64_C(3600) * G_USEC_PER_SEC;
	}
	pthread_mutex_unlock(&self->lock);
	return token;
}

static void give_up(void *user)
{
	Source *self = user;

	pthread_mutex_lock(&self->lock);
	self->is_given_up = true;
	pthread_cond_broadcast(&self->cond);
	pthread_mutex_unlock(&self->lock);
}

static void rig_init(Rig *self)
{
	g_autofree char *url = NULL;
	EwsConfig config = {
		.auth = EWS_AUTH_BEARER,
		.token = {fetch, give_up, &self->source},
		.max_conns = 4,
		.timeout_s = 30,
	};

	*self = (Rig){.fake = fake_new(), .inbox = ews_inbox_new(NULL, NULL)};
	pthread_mutex_init(&self->source.lock, NULL);
	pthread_cond_init(&self->source.cond, NULL);
	self->source.asked = g_string_new(NULL);
	config.url = url = fake_url(self->fake);
	self->session = ews_session_start(&config, NULL);
	g_assert_nonnull(self->session);
}

static void rig_clear(Rig *self)
{
	ews_session_stop(self->session);
	ews_inbox_free(self->inbox, (GDestroyNotify)ews_op_free);
	fake_free(self->fake);
	g_string_free(self->source.asked, TRUE);
	pthread_cond_destroy(&self->source.cond);
	pthread_mutex_destroy(&self->source.lock);
}

static void answer(Rig *self, int status, const char *body)
{
	fake_add(self->fake, fake_answer_new(status, body));
}

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

static void ask(Rig *self)
{
	ews_submit(self->session, ews_get_folder_new("x"), EWS_PRIORITY_WAITING, on_done,
		self->inbox);
}

/* The next op that is done went so; -1: well. */
static void expect(Rig *self, int code)
{
	g_autoptr(EwsOp) op = ews_inbox_take(self->inbox, g_get_monotonic_time() + 60000000);

	g_assert_nonnull(op);
	if (code < 0)
		g_assert_no_error(ews_op_error(op));
	else
		g_assert_error(ews_op_error(op), EWS_ERROR, code);
	g_assert_false(ews_op_is_in_doubt(op));
}

/* The server was sent requests with these tokens, and no other credentials. */
static void expect_sent(Rig *self, const char *tokens)
{
	g_autoptr(GPtrArray) heads = fake_heads(self->fake);
	g_autoptr(GString) sent = g_string_new(NULL);

	for (guint i = 0; i < heads->len; i++) {
		const char *at = strstr(heads->pdata[i], "\r\nAuthorization: Bearer ");

		g_assert_nonnull(at);
		at += strlen("\r\nAuthorization: Bearer ");
		g_string_append_len(sent, at, (gssize)strcspn(at, "\r"));
		g_string_append_c(sent, ' ');
	}
	g_assert_cmpstr(sent->str, ==, tokens);
}

static void expect_asked(Rig *self, const char *asked)
{
	pthread_mutex_lock(&self->source.lock);
	g_assert_cmpstr(self->source.asked->str, ==, asked);
	pthread_mutex_unlock(&self->source.lock);
}

static EwsStatus status_of(Rig *self)
{
	EwsStatus status;

	ews_session_status(self->session, &status);
	return status;
}

static void test_first(void)
{
	Rig rig;

	rig_init(&rig);
	answer(&rig, 200, folder_answer);
	rig.source.is_blocked = true;
	ask(&rig);
	while (!status_of(&rig).is_signing_in || status_of(&rig).queued == 0)
		g_usleep(1000);
	expect_sent(&rig, "");
	pthread_mutex_lock(&rig.source.lock);
	rig.source.is_blocked = false;
	pthread_cond_broadcast(&rig.source.cond);
	pthread_mutex_unlock(&rig.source.lock);
	expect(&rig, -1);
	g_assert_false(status_of(&rig).is_signing_in);
	ask(&rig);
	expect(&rig, -1);
	expect_sent(&rig, "T1 T1 ");
	expect_asked(&rig, "n");
	rig_clear(&rig);
}

static void test_refused_in_the_middle(void)
{
	Rig rig;

	rig_init(&rig);
	answer(&rig, 200, folder_answer);
	answer(&rig, 401, "");
	answer(&rig, 200, folder_answer);
	for (int i = 0; i < 3; i++) {
		ask(&rig);
		expect(&rig, -1);
	}
	expect_sent(&rig, "T1 T1 T2 T2 ");
	expect_asked(&rig, "nr");
	g_assert_cmpint(status_of(&rig).state, ==, EWS_STATE_ONLINE);
	rig_clear(&rig);
}

/* Even where it says so in the words of SOAP. */
static void test_refused_in_soap(void)
{
	Rig rig;

	rig_init(&rig);
	answer(&rig, 401,
		"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"
		"<s:Fault><faultcode>s:Client</faultcode><faultstring>expired</faultstring>"
		"</s:Fault></s:Body></s:Envelope>");
	answer(&rig, 200, folder_answer);
	ask(&rig);
	expect(&rig, -1);
	expect_sent(&rig, "T1 T2 ");
	rig_clear(&rig);
}

static void test_refused_twice(void)
{
	Rig rig;

	rig_init(&rig);
	answer(&rig, 200, folder_answer);
	answer(&rig, 401, "");
	ask(&rig);
	expect(&rig, -1);
	ask(&rig);
	expect(&rig, EWS_ERROR_AUTH);
	expect_sent(&rig, "T1 T1 T2 ");
	expect_asked(&rig, "nr");
	g_assert_cmpint(status_of(&rig).state, ==, EWS_STATE_STOPPED);
	ask(&rig);
	expect(&rig, EWS_ERROR_AUTH);
	expect_sent(&rig, "T1 T1 T2 ");
	rig_clear(&rig);
}

static EwsOp *new_message(void)
{
	char path[] = "/tmp/wire-token-XXXXXX";
	int fd = g_mkstemp(path);
	static const char text[] = "Subject: x\r\n\r\nHello\r\n";
	EwsUpload upload = {fd, sizeof(text) - 1};
	EwsFields fields = {0};
	EwsOp *op;

	g_assert_cmpint(write(fd, text, sizeof(text) - 1), ==, sizeof(text) - 1);
	op = ews_create_item_new("f", EWS_ITEM_MESSAGE, &upload, &fields, false, NULL);
	close(fd);
	unlink(path);
	return op;
}

/* What was refused with 401 is not done: it goes again, whole, and once. */
static void test_change(void)
{
	g_autoptr(GPtrArray) bodies = NULL;
	EwsOp *op = new_message();
	void *user;
	Rig rig;

	rig_init(&rig);
	answer(&rig, 401, "");
	answer(&rig, 200, done_answer);
	user = rig.inbox;
	ews_submit_call(rig.session, &op, 1, EWS_PRIORITY_WAITING, on_done, &user);
	expect(&rig, -1);
	expect_sent(&rig, "T1 T2 ");
	bodies = fake_requests(rig.fake);
	g_assert_cmpstr(bodies->pdata[0], ==, bodies->pdata[1]);
	g_assert_nonnull(strstr(bodies->pdata[1], "U3ViamVjdDogeA0KDQpIZWxsbw0K"));
	rig_clear(&rig);
}

static void test_change_refused_twice(void)
{
	EwsOp *op = new_message();
	void *user;
	Rig rig;

	rig_init(&rig);
	answer(&rig, 401, "");
	user = rig.inbox;
	ews_submit_call(rig.session, &op, 1, EWS_PRIORITY_WAITING, on_done, &user);
	expect(&rig, EWS_ERROR_AUTH);
	expect_sent(&rig, "T1 T2 ");
	rig_clear(&rig);
}

static void fail_with(Rig *self, int code, int failures)
{
	pthread_mutex_lock(&self->source.lock);
	self->source.code = code;
	self->source.failures = failures;
	pthread_mutex_unlock(&self->source.lock);
}

/* That who gives tokens is away is no worse than that the server is. */
static void test_source_away(void)
{
	Rig rig;

	rig_init(&rig);
	fail_with(&rig, EWS_ERROR_OFFLINE, 1);
	answer(&rig, 200, folder_answer);
	ask(&rig);
	expect(&rig, EWS_ERROR_OFFLINE);
	g_assert_cmpint(status_of(&rig).state, ==, EWS_STATE_OFFLINE);
	g_assert_cmpstr(status_of(&rig).error, ==, "no token today");
	/* At once, without asking. */
	ask(&rig);
	expect(&rig, EWS_ERROR_OFFLINE);
	expect_asked(&rig, "n");
	expect_sent(&rig, "");
	while (status_of(&rig).resume_us > g_get_monotonic_time())
		g_usleep(10000);
	ask(&rig);
	expect(&rig, -1);
	g_assert_cmpint(status_of(&rig).state, ==, EWS_STATE_ONLINE);
	expect_sent(&rig, "T2 ");
	rig_clear(&rig);
}

static void test_source_refuses(void)
{
	Rig rig;

	rig_init(&rig);
	fail_with(&rig, EWS_ERROR_AUTH, 1);
	answer(&rig, 200, folder_answer);
	ask(&rig);
	expect(&rig, EWS_ERROR_AUTH);
	ask(&rig);
	expect(&rig, EWS_ERROR_AUTH);
	g_assert_cmpint(status_of(&rig).state, ==, EWS_STATE_STOPPED);
	expect_asked(&rig, "n");
	expect_sent(&rig, "");
	rig_clear(&rig);
}

/* A refusal of one token, and no network to get another: what waits is told, nothing is lost. */
static void test_away_after_refusal(void)
{
	EwsOp *op = new_message();
	void *user;
	Rig rig;

	rig_init(&rig);
	answer(&rig, 200, folder_answer);
	answer(&rig, 401, "");
	answer(&rig, 200, done_answer);
	ask(&rig);
	expect(&rig, -1);
	fail_with(&rig, EWS_ERROR_OFFLINE, 1);
	user = rig.inbox;
	ews_submit_call(rig.session, &op, 1, EWS_PRIORITY_WAITING, on_done, &user);
	expect(&rig, EWS_ERROR_OFFLINE);
	while (status_of(&rig).resume_us > g_get_monotonic_time())
		g_usleep(10000);
	op = new_message();
	ews_submit_call(rig.session, &op, 1, EWS_PRIORITY_WAITING, on_done, &user);
	expect(&rig, -1);
	expect_asked(&rig, "nrr");
	expect_sent(&rig, "T1 T1 T3 ");
	rig_clear(&rig);
}

static void test_stop_while_asking(void)
{
	Rig rig;

	rig_init(&rig);
	answer(&rig, 200, folder_answer);
	rig.source.is_blocked = true;
	rig.source.code = EWS_ERROR_CANCELLED;
	ask(&rig);
	while (status_of(&rig).queued == 0)
		g_usleep(1000);
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/token/comes-first", test_first);
	g_test_add_func("/ews/token/refused-in-the-middle", test_refused_in_the_middle);
	g_test_add_func("/ews/token/refused-in-soap", test_refused_in_soap);
	g_test_add_func("/ews/token/refused-twice", test_refused_twice);
	g_test_add_func("/ews/token/change-goes-again", test_change);
	g_test_add_func("/ews/token/change-refused-twice", test_change_refused_twice);
	g_test_add_func("/ews/token/source-is-away", test_source_away);
	g_test_add_func("/ews/token/source-refuses", test_source_refuses);
	g_test_add_func("/ews/token/source-is-away-after-a-refusal", test_away_after_refusal);
	g_test_add_func("/ews/token/stops-while-asking", test_stop_while_asking);
	return g_test_run();
}
