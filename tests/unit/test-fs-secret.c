/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/secret.h"
#include "fs/secret.h"

#include <pty.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ews/error.h"

static char *run(const char *line, bool is_whole, GError **error)
{
	const FsSecretCommand command = {
		.option = "token_command",
		.command = line,
		.is_whole = is_whole,
		.failure = EWS_ERROR_OFFLINE,
	};

	return fs_secret_from_command(&command, error);
}

static void expect(const char *line, bool is_whole, const char *wanted)
{
	g_autoptr(GError) error = NULL;
	char *got = run(line, is_whole, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(got, ==, wanted);
	ews_secret_free(got);
}

static void refuse(const char *line, bool is_whole, EwsErrorCode code)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(run(line, is_whole, &error));
	g_assert_error(error, EWS_ERROR, (int)code);
}

static void test_whole(void)
{
	expect("echo one; echo two", true, "one\ntwo\n");
	expect("echo one; echo two", false, "one");
	expect("printf '{'; sleep 0.1; printf '}'", true, "{}");
	/* An agent that stays holds its output open. */
	expect("echo agent; sleep 5 &", true, "agent\n");
	refuse("head -c 300000 /dev/zero | tr '\\0' x", true, EWS_ERROR_OFFLINE);
	refuse("head -c 300000 /dev/zero | tr '\\0' x", false, EWS_ERROR_OFFLINE);
}

/* One that fails may do better later; one that is not there will not. */
static void test_failures(void)
{
	refuse("exit 1", true, EWS_ERROR_OFFLINE);
	refuse("kill $$", true, EWS_ERROR_OFFLINE);
	refuse("true", true, EWS_ERROR_OFFLINE);
	refuse("/no/such/command 2>/dev/null", true, EWS_ERROR_AUTH);
}

/* All that it began goes with it, and nobody waits for what would have been. */
static void test_give_up(void)
{
	static const atomic_bool is_given_up = true;
	const FsSecretCommand command = {
		.option = "token_command",
		.command = "sleep 100 & sleep 100; echo token",
		.failure = EWS_ERROR_OFFLINE,
		.is_given_up = &is_given_up,
	};
	g_autoptr(GError) error = NULL;
	int64_t begun_us = g_get_monotonic_time();

	g_assert_null(fs_secret_from_command(&command, &error));
	g_assert_error(error, EWS_ERROR, EWS_ERROR_CANCELLED);
	g_assert_cmpint(g_get_monotonic_time() - begun_us, <, 20 * G_USEC_PER_SEC);
}

static void test_line(void)
{
	int ends[2];

	g_assert_cmpint(pipe(ends), ==, 0);
	g_assert_cmpint(write(ends[1], "a b\nc\n", 6), ==, 6);
	close(ends[1]);
	char *line = fs_secret_read_line(ends[0], NULL);
	g_assert_cmpstr(line, ==, "a b");
	ews_secret_free(line);
	line = fs_secret_read_line(ends[0], NULL);
	g_assert_cmpstr(line, ==, "c");
	ews_secret_free(line);
	close(ends[0]);
}

/* A person at a terminal of his own, who is asked; ends with 0 when he was understood. */
static pid_t begin_to_ask(int *ret_terminal)
{
	pid_t pid = forkpty(ret_terminal, NULL, NULL, NULL);

	if (pid != 0)
		return pid;
	alarm(10);
	char *line = fs_secret_from_person("Who? ", false, NULL);
	bool is_right = g_strcmp0(line, "me") == 0;
	ews_secret_free(line);
	_exit(is_right ? 0 : 1);
}

/* A program that types the answer is quicker than any person. */
static void test_quick_answer(void)
{
	for (int i = 0; i < 100; i++) {
		char said[64] = "";
		int terminal = -1;
		int status = -1;
		pid_t pid = begin_to_ask(&terminal);

		g_assert_cmpint(pid, >, 0);
		for (size_t len = 0; strstr(said, "Who? ") == NULL;) {
			ssize_t got = read(terminal, said + len, sizeof(said) - 1 - len);
			g_assert_cmpint(got, >, 0);
			len += (size_t)got;
		}
		g_assert_cmpint(write(terminal, "me\n", 3), ==, 3);
		g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
		g_assert_cmpint(status, ==, 0);
		close(terminal);
	}
}

static void test_harden(void)
{
	struct rlimit cores;

	fs_secret_harden();
	g_assert_cmpint(prctl(PR_GET_DUMPABLE), ==, 0);
	g_assert_cmpint(getrlimit(RLIMIT_CORE, &cores), ==, 0);
	g_assert_cmpuint(cores.rlim_cur, ==, 0);
	g_assert_cmpuint(cores.rlim_max, ==, 0);
	/* What it starts is as it would be. */
	expect("echo fine", false, "fine");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/secret/all-that-a-command-prints", test_whole);
	g_test_add_func("/fs/secret/a-command-that-fails", test_failures);
	g_test_add_func("/fs/secret/a-command-that-is-given-up", test_give_up);
	g_test_add_func("/fs/secret/a-line", test_line);
	g_test_add_func("/fs/secret/a-quick-answer", test_quick_answer);
	g_test_add_func("/fs/secret/no-core-dumps", test_harden);
	return g_test_run();
}
