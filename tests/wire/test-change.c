/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls that change the mailbox, against a fake server: each leaves once, and what is said of it
 * afterwards is true.
 */
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
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

#define DONE "<m:x ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode></m:x>"

static const char open_answer[] =
	"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><m:y"
	" xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"
	"<m:ResponseMessages>";
static const char close_answer[] = "</m:ResponseMessages></m:y></s:Body></s:Envelope>";

typedef struct Rig {
	Fake *fake;
	EwsSession *session;
	EwsInbox *inbox;
} Rig;

static FakeAnswer *done_answer(unsigned count)
{
	FakeAnswer *answer = fake_answer_new(200, open_answer);

	for (unsigned i = 0; i < count; i++)
		g_string_append(answer->body, DONE);
	g_string_append(answer->body, close_answer);
	return answer;
}

static FakeAnswer *cut_answer(void)
{
	FakeAnswer *answer = fake_answer_new(200, "");

	answer->cut = 0;
	return answer;
}

static FakeAnswer *mute_answer(void)
{
	FakeAnswer *answer = fake_answer_new(200, "");

	answer->is_mute = true;
	return answer;
}

static void start(Rig *self, const char *url)
{
	EwsConfig config = { .url = url, .user = "me", .password = "secret", .max_conns = 4,
		.timeout_s = 30 };

	self->session = ews_session_start(&config, NULL);
	g_assert_nonnull(self->session);
	self->inbox = ews_inbox_new(NULL, NULL);
}

/* Takes @answer. */
static void rig_init(Rig *self, FakeAnswer *answer)
{
	g_autofree char *url = NULL;

	self->fake = fake_new();
	fake_add(self->fake, answer);
	url = fake_url(self->fake);
	start(self, url);
}

static void rig_clear(Rig *self)
{
	ews_session_stop(self->session);
	ews_inbox_free(self->inbox, (GDestroyNotify)ews_op_free);
	fake_free(self->fake);
}

static void on_done(EwsOp *op, void *user)
{
	ews_inbox_post(user, op);
}

/* Takes the ops. */
static void submit(Rig *self, EwsOp **ops, unsigned count)
{
	void *users[100];

	for (unsigned i = 0; i < count; i++)
		users[i] = self->inbox;
	ews_submit_call(self->session, ops, count, EWS_PRIORITY_WAITING, on_done, users);
}

static void submit_moves(Rig *self, unsigned count)
{
	EwsOp *ops[100];

	for (unsigned i = 0; i < count; i++)
		ops[i] = ews_move_item_new("x", "f");
	submit(self, ops, count);
}

static EwsOp *take(Rig *self)
{
	EwsOp *op = ews_inbox_take(self->inbox, g_get_monotonic_time() + 60000000);

	g_assert_nonnull(op);
	return op;
}

/* The next @count ops must have ended with @code (-1: well). */
static void expect(Rig *self, unsigned count, int code, bool is_in_doubt)
{
	for (unsigned i = 0; i < count; i++) {
		g_autoptr(EwsOp) op = take(self);

		if (code < 0)
			g_assert_no_error(ews_op_error(op));
		else
			g_assert_error(ews_op_error(op), EWS_ERROR, code);
		g_assert_cmpint(ews_op_is_in_doubt(op), ==, is_in_doubt);
	}
}

static void expect_requests(Rig *self, guint count)
{
	g_autoptr(GPtrArray) requests = fake_requests(self->fake);

	g_assert_cmpuint(requests->len, ==, count);
}

static void ask(Rig *self)
{
	ews_submit(self->session, ews_get_folder_new("x"), EWS_PRIORITY_WAITING, on_done,
		self->inbox);
	expect(self, 1, -1, false);
}

/* What the server has read is not sent again, when a kept connection ends without an answer. */
static void test_never_repeated(void)
{
	Rig rig;

	rig_init(&rig, fake_answer_new(200, folder_answer));
	for (int i = 0; i < 5; i++) {
		fake_add(rig.fake, cut_answer());
		fake_add(rig.fake, fake_answer_new(200, folder_answer));
		/* Trouble makes for new connections; one more for a kept one. */
		for (int j = 0; j < 4; j++)
			fake_add(rig.fake, fake_answer_new(200, folder_answer));
	}
	ask(&rig);
	for (guint i = 0; i < 5; i++) {
		submit_moves(&rig, 3);
		expect(&rig, 3, EWS_ERROR_OFFLINE, true);
		expect_requests(&rig, 2 + 6 * i);
		for (int j = 0; j < 5; j++)
			ask(&rig);
	}
	expect_requests(&rig, 31);
	rig_clear(&rig);
}

/* What certainly did not reach the server is not in doubt; known offline, that is said at once. */
static void test_unreached(void)
{
	static const char *const urls[] = {
		"http://127.0.0.1:1/EWS", "https://127.0.0.1:1/EWS", "https://no.such.invalid/EWS",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
		EwsStatus status;
		Rig rig = { 0 };

		start(&rig, urls[i]);
		submit_moves(&rig, 5);
		expect(&rig, 5, EWS_ERROR_OFFLINE, false);
		submit_moves(&rig, 5);
		expect(&rig, 5, EWS_ERROR_OFFLINE, false);
		ews_session_status(rig.session, &status);
		g_assert_cmpint(status.state, ==, EWS_STATE_OFFLINE);
		g_assert_cmpuint(status.requests, ==, 1);
		rig_clear(&rig);
	}
}

static int listen_on_loopback(char **ret_url)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, len), ==, 0);
	g_assert_cmpint(listen(fd, 1), ==, 0);
	g_assert_cmpint(getsockname(fd, (struct sockaddr *)&address, &len), ==, 0);
	*ret_url = g_strdup_printf("http://127.0.0.1:%d/EWS", ntohs(address.sin_port));
	return fd;
}

static void *speak_plainly(void *user)
{
	static const char words[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
	int fd = accept(*(int *)user, NULL, NULL);
	char piece[1024];

	if (read(fd, piece, sizeof(piece)) > 0 && write(fd, words, strlen(words)) > 0)
		shutdown(fd, SHUT_RDWR);
	close(fd);
	return NULL;
}

/* No TLS is spoken there: the request never began. */
static void test_no_tls(void)
{
	g_autofree char *plain = NULL;
	g_autofree char *url = NULL;
	int listener = listen_on_loopback(&plain);
	pthread_t thread;
	Rig rig = { 0 };

	g_assert_cmpint(pthread_create(&thread, NULL, speak_plainly, &listener), ==, 0);
	url = g_strconcat("https", strchr(plain, ':'), NULL);
	start(&rig, url);
	submit_moves(&rig, 2);
	expect(&rig, 2, EWS_ERROR_TLS, false);
	pthread_join(thread, NULL);
	close(listener);
	rig_clear(&rig);
}

/* Stopped: what was queued was not done, what was on its way may be. */
static void test_stop(void)
{
	Rig rig;

	rig_init(&rig, mute_answer());
	submit_moves(&rig, 2);
	for (guint seen = 0; seen < 1;) {
		g_autoptr(GPtrArray) requests = fake_requests(rig.fake);

		seen = requests->len;
		g_usleep(1000);
	}
	submit_moves(&rig, 3);
	g_usleep(50000);
	ews_session_stop(g_steal_pointer(&rig.session));
	expect(&rig, 2, EWS_ERROR_CANCELLED, true);
	expect(&rig, 3, EWS_ERROR_CANCELLED, false);
	expect_requests(&rig, 1);
	rig_clear(&rig);
}

/* A call is neither split nor merged with another, whatever the queue would do. */
static void test_as_it_is(void)
{
	Rig rig;

	rig_init(&rig, done_answer(60));
	fake_add(rig.fake, done_answer(1));
	fake_add(rig.fake, done_answer(1));
	ews_hold(rig.session);
	submit_moves(&rig, 60);
	submit_moves(&rig, 1);
	submit_moves(&rig, 1);
	ews_release(rig.session);
	expect(&rig, 62, -1, false);
	expect_requests(&rig, 3);
	rig_clear(&rig);
}

static void test_call_size(void)
{
	Rig rig;

	rig_init(&rig, done_answer(10));
	g_assert_cmpuint(ews_call_size(rig.session, EWS_MOVES_ITEM), ==, 10);
	submit_moves(&rig, 10);
	expect(&rig, 10, -1, false);
	submit_moves(&rig, 10);
	expect(&rig, 10, -1, false);
	g_assert_cmpuint(ews_call_size(rig.session, EWS_MOVES_ITEM), ==, 15);
	g_assert_cmpuint(ews_call_size(rig.session, EWS_DELETES_ITEM), ==, 10);
	rig_clear(&rig);
}

/* --- messages ---------------------------------------------------------------------------- */

static EwsOp *create_of(int fd, int64_t size)
{
	EwsFields fields = { 0 };

	return ews_create_item_new("f", EWS_ITEM_MESSAGE, &(EwsUpload){ fd, size }, &fields, false,
		NULL);
}

static int file_of(int64_t size)
{
	int fd = memfd_create("mime", MFD_CLOEXEC);

	g_assert_cmpint(ftruncate(fd, size), ==, 0);
	return fd;
}

/* One that cannot be read ends alone and at once; the others leave without it. */
static void test_flaw(void)
{
	int fd = file_of(3);
	EwsOp *ops[3] = { create_of(fd, 3), create_of(fd, 4), create_of(fd, 3) };
	Rig rig;

	close(fd);
	rig_init(&rig, done_answer(2));
	submit(&rig, ops, 3);
	expect(&rig, 1, EWS_ERROR_LOCAL, false);
	expect(&rig, 2, -1, false);
	expect_requests(&rig, 1);
	rig_clear(&rig);
}

/* One that is found out while it leaves ends the request before its end: nothing was done. */
static void test_shorter(void)
{
	int good = file_of(1 << 20);
	int brief = file_of(4 << 20);
	EwsOp *ops[3] = { create_of(good, 1 << 20), create_of(brief, 4 << 20),
		create_of(good, 1 << 20) };
	Rig rig;

	g_assert_cmpint(ftruncate(brief, 1 << 20), ==, 0);
	rig_init(&rig, done_answer(3));
	submit(&rig, ops, 3);
	for (int i = 0; i < 3; i++) {
		int code = i == 1 ? EWS_ERROR_LOCAL : EWS_ERROR_BUSY;
		g_autoptr(EwsOp) op = take(&rig);

		g_assert_error(ews_op_error(op), EWS_ERROR, code);
		g_assert_false(ews_op_is_in_doubt(op));
		g_assert_true(ews_op_is_refused_whole(op));
	}
	expect_requests(&rig, 0);
	close(good);
	close(brief);
	rig_clear(&rig);
}

/* Kilobytes of this process that are its own. */
static long own_memory(void)
{
	g_autofree char *text = NULL;
	const char *line;

	g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
	line = strstr(text, "RssAnon:");
	g_assert_nonnull(line);
	return atol(line + strlen("RssAnon:"));
}

/* Takes one request and gives one answer, in a process of its own: what it takes is not ours. */
static pid_t start_sink(int listener)
{
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	static char piece[65536];
	int64_t left = -1;
	pid_t pid = fork();
	int fd;

	if (pid != 0)
		return pid;
	fd = accept(listener, NULL, NULL);
	while (left != 0) {
		ssize_t got = read(fd, piece, sizeof(piece) - 1);
		const char *end;

		if (got <= 0)
			_exit(1);
		piece[got] = '\0';
		if (left >= 0) {
			left -= got;
			continue;
		}
		end = strstr(piece, "\r\n\r\n");
		left = atoll(strstr(piece, "Content-Length: ") + 16) - (piece + got - end - 4);
	}
	_exit(write(fd, answer, strlen(answer)) == (ssize_t)strlen(answer) ? 0 : 1);
}

#define BIG (100 << 20)

/* A message of 100 MB is never in memory. */
static void test_big(void)
{
	g_autofree char *url = NULL;
	int listener = listen_on_loopback(&url);
	pid_t sink = start_sink(listener);
	int file = file_of(BIG);
	long before;
	long most = 0;
	EwsOp *op = NULL;
	EwsStatus status;
	int ended;
	Rig rig = { 0 };

	start(&rig, url);
	before = own_memory();
	submit(&rig, (EwsOp *[]){ create_of(file, BIG) }, 1);
	for (int i = 0; i < 60000 && !op; i++) {
		op = ews_inbox_take(rig.inbox, g_get_monotonic_time() + 1000);
		most = MAX(most, own_memory());
	}
	g_assert_nonnull(op);
	/* All of it was taken; that nothing is answered is in doubt. */
	g_assert_true(ews_op_is_in_doubt(op));
	g_assert_cmpint(waitpid(sink, &ended, 0), ==, sink);
	g_assert_cmpint(ended, ==, 0);
	ews_session_status(rig.session, &status);
	g_assert_cmpuint(status.bytes_out, >, BIG / 3 * (uint64_t)4);
	g_test_message("%ld KB before, %ld KB at most", before, most);
	g_assert_cmpint(most - before, <, 16 * 1024);
	ews_op_free(op);
	close(file);
	close(listener);
	rig_clear(&rig);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* First, while there is one thread only: it forks. */
	g_test_add_func("/ews/change/big-messages-are-streamed", test_big);
	g_test_add_func("/ews/change/never-repeated", test_never_repeated);
	g_test_add_func("/ews/change/unreached-is-not-in-doubt", test_unreached);
	g_test_add_func("/ews/change/no-tls-is-not-in-doubt", test_no_tls);
	g_test_add_func("/ews/change/stopped-on-its-way-is-in-doubt", test_stop);
	g_test_add_func("/ews/change/a-call-leaves-as-it-is", test_as_it_is);
	g_test_add_func("/ews/change/call-sizes-grow", test_call_size);
	g_test_add_func("/ews/change/flawed-messages-stay-behind", test_flaw);
	g_test_add_func("/ews/change/shrunken-messages-end-the-call", test_shorter);
	return g_test_run();
}
