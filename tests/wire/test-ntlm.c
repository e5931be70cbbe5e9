/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Changes over a connection that is signed in by a handshake: the handshake is no second sending,
 * and a second sending does not pass for a handshake.
 */
#include <curl/curl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ews/error.h"
#include "ews/ews.h"
#include "ews/inbox.h"
#include "tests/wire/fake.h"

static const char done_answer[] =
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><m:y"
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"
	"<m:ResponseMessages><m:x "
	"ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>"
	"</m:x></m:ResponseMessages></m:y></s:Body></s:Envelope>";

/* The server's message: unicode, NTLM, always sign, extended session security; a challenge; no
 * name and no information about the target. */
static const guchar challenge[] = {
	'N',
	'T',
	'L',
	'M',
	'S',
	'S',
	'P',
	0,
	2,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	48,
	0,
	0,
	0,
	0x01,
	0x82,
	0x08,
	0x00,
	1,
	2,
	3,
	4,
	5,
	6,
	7,
	8,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	0,
	48,
	0,
	0,
	0,
};

typedef struct Rig {
	Fake *fake;
	EwsSession *session;
	EwsInbox *inbox;
} Rig;

static bool has_ntlm(void)
{
	return curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_NTLM;
}

static void rig_init(Rig *self)
{
	EwsConfig config = {.auth = EWS_AUTH_NTLM,
		.user = "CORP\\me",
		.password = "secret",
		.max_conns = 1,
		.timeout_s = 30};
	g_autofree char *url = NULL;

	self->fake = fake_new();
	self->inbox = ews_inbox_new(NULL, NULL);
	config.url = url = fake_url(self->fake);
	self->session = ews_session_start(&config, NULL);
	g_assert_nonnull(self->session);
}

static void rig_clear(Rig *self)
{
	ews_session_stop(self->session);
	ews_inbox_free(self->inbox, (GDestroyNotify)ews_op_free);
	fake_free(self->fake);
}

static void add_challenge(Rig *self)
{
	FakeAnswer *answer = fake_answer_new(401, "");
	g_autofree char *letters = g_base64_encode(challenge, sizeof(challenge));

	answer->headers = g_strdup_printf("WWW-Authenticate: NTLM %s\r\n", letters);
	fake_add(self->fake, answer);
}

/* Says nothing of what it knows of the connection. */
static void add_forgetful(Rig *self)
{
	FakeAnswer *answer = fake_answer_new(401, "");

	answer->headers = g_strdup("WWW-Authenticate: NTLM\r\n");
	fake_add(self->fake, answer);
}

static void add_done(Rig *self)
{
	fake_add(self->fake, fake_answer_new(200, done_answer));
}

static void add_cut(Rig *self)
{
	FakeAnswer *answer = fake_answer_new(200, "");

	answer->cut = 0;
	fake_add(self->fake, answer);
}

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

static void create(Rig *self)
{
	static const char text[] = "Subject: x\r\n\r\nHello\r\n";
	EwsUpload upload = {memfd_create("mime", MFD_CLOEXEC), sizeof(text) - 1};
	EwsFields fields = {0};
	void *user = self->inbox;
	EwsOp *op;

	g_assert_cmpint(write(upload.fd, text, sizeof(text) - 1), ==, sizeof(text) - 1);
	op = ews_create_item_new("f", EWS_ITEM_MESSAGE, &upload, &fields, false, NULL);
	close(upload.fd);
	ews_submit_call(self->session, &op, 1, EWS_PRIORITY_WAITING, on_done, &user);
}

/* How the next op went (-1: well), and whether that is certain. */
static void expect(Rig *self, int code, bool is_in_doubt)
{
	g_autoptr(EwsOp) op = ews_inbox_take(self->inbox, g_get_monotonic_time() + 60000000);

	g_assert_nonnull(op);
	if (code < 0)
		g_assert_no_error(ews_op_error(op));
	else
		g_assert_error(ews_op_error(op), EWS_ERROR, code);
	g_assert_cmpint(ews_op_is_in_doubt(op), ==, is_in_doubt);
}

/* What was sent: "1" and "3" are the client's messages, "-" none; then "B" with the whole body, "e"
 * with an empty one. */
static void expect_sent(Rig *self, const char *expected)
{
	g_autoptr(GPtrArray) heads = fake_heads(self->fake);
	g_autoptr(GPtrArray) bodies = fake_requests(self->fake);
	g_autoptr(GString) sent = g_string_new(NULL);

	for (guint i = 0; i < heads->len; i++) {
		const char *body = bodies->pdata[i];
		bool is_whole = strstr(body, "U3ViamVjdDogeA0KDQpIZWxsbw0K") &&
				g_str_has_suffix(body, "</s:Envelope>\n");

		if (strstr(heads->pdata[i], "NTLM TlRMTVNTUAAB"))
			g_string_append_c(sent, '1');
		else if (strstr(heads->pdata[i], "NTLM TlRMTVNTUAAD"))
			g_string_append_c(sent, '3');
		else
			g_string_append_c(sent, '-');
		g_string_append(sent, is_whole ? "B " : *body ? "? " : "e ");
	}
	g_assert_cmpstr(sent->str, ==, expected);
}

static void test_handshake(void)
{
	Rig rig;

	rig_init(&rig);
	add_challenge(&rig);
	add_done(&rig);
	create(&rig);
	expect(&rig, -1, false);
	/* The connection is signed in. */
	create(&rig);
	expect(&rig, -1, false);
	expect_sent(&rig, "1e 3B -B ");
	rig_clear(&rig);
}

static void test_cut_after_handshake(void)
{
	Rig rig;

	rig_init(&rig);
	add_challenge(&rig);
	add_cut(&rig);
	create(&rig);
	expect(&rig, EWS_ERROR_OFFLINE, true);
	expect_sent(&rig, "1e 3B ");
	rig_clear(&rig);
}

static void test_forgotten(void)
{
	Rig rig;

	rig_init(&rig);
	add_challenge(&rig);
	add_done(&rig);
	add_forgetful(&rig);
	add_challenge(&rig);
	add_done(&rig);
	create(&rig);
	expect(&rig, -1, false);
	create(&rig);
	expect(&rig, -1, false);
	expect_sent(&rig, "1e 3B -B 1e 3B ");
	rig_clear(&rig);
}

/* A kept connection that dies: curl would send the same again over another. */
static void test_kept_dies(void)
{
	Rig rig;

	rig_init(&rig);
	add_challenge(&rig);
	add_done(&rig);
	add_cut(&rig);
	add_challenge(&rig);
	add_done(&rig);
	create(&rig);
	expect(&rig, -1, false);
	create(&rig);
	expect(&rig, EWS_ERROR_OFFLINE, true);
	create(&rig);
	expect(&rig, -1, false);
	expect_sent(&rig, "1e 3B -B 1e 3B ");
	rig_clear(&rig);
}

/* Forgotten, and dead before the body's second way is known to have come. */
static void test_forgotten_and_dies(void)
{
	Rig rig;

	rig_init(&rig);
	add_challenge(&rig);
	add_done(&rig);
	add_forgetful(&rig);
	add_challenge(&rig);
	add_cut(&rig);
	create(&rig);
	expect(&rig, -1, false);
	create(&rig);
	expect(&rig, EWS_ERROR_OFFLINE, true);
	expect_sent(&rig, "1e 3B -B 1e 3B ");
	rig_clear(&rig);
}

static void test_wrong_password(void)
{
	EwsStatus status;
	Rig rig;

	rig_init(&rig);
	add_challenge(&rig);
	add_forgetful(&rig);
	create(&rig);
	expect(&rig, EWS_ERROR_AUTH, false);
	ews_session_status(rig.session, &status);
	g_assert_cmpint(status.state, ==, EWS_STATE_STOPPED);
	expect_sent(&rig, "1e 3B ");
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	if (!has_ntlm()) {
		g_print("1..0 # SKIP this libcurl has no NTLM\n");
		return 0;
	}
	g_test_add_func("/ews/ntlm/signs-in-by-connection", test_handshake);
	g_test_add_func("/ews/ntlm/cut-after-the-handshake", test_cut_after_handshake);
	g_test_add_func("/ews/ntlm/server-forgets", test_forgotten);
	g_test_add_func("/ews/ntlm/kept-connection-dies", test_kept_dies);
	g_test_add_func("/ews/ntlm/server-forgets-and-dies", test_forgotten_and_dies);
	g_test_add_func("/ews/ntlm/wrong-password", test_wrong_password);
	return g_test_run();
}
