/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/secret.h"
#include "fs/password.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/config.h"
#include "fs/secret.h"

static char *directory; /* own; of this run */

static FsConfig *with_file(const char *text, mode_t mode)
{
	FsConfig *config = fs_config_new_default();

	config->password_file = g_build_filename(directory, "pw", NULL);
	g_assert_true(g_file_set_contents(config->password_file, text, -1, NULL));
	g_assert_cmpint(chmod(config->password_file, mode), ==, 0);
	return config;
}

static FsConfig *with_command(const char *command)
{
	FsConfig *config = fs_config_new_default();

	config->password_command = g_strdup(command);
	return config;
}

/* Takes @config. */
static void expect(FsConfig *config, const char *password)
{
	g_autoptr(GError) error = NULL;
	char *got = fs_password_get(config, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(got, ==, password);
	ews_secret_free(got);
	fs_config_free(config);
}

static void refuse(FsConfig *config, const char *because)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(fs_password_get(config, &error));
	g_assert_true(ews_error_is(error, EWS_ERROR_AUTH));
	if (strstr(error->message, because) == NULL)
		g_error("\"%s\" does not say \"%s\"", error->message, because);
	fs_config_free(config);
}

static void test_file(void)
{
	expect(with_file("pass word \nsecond\n", 0600), "pass word ");
	expect(with_file("no newline", 0400), "no newline");
	expect(with_file("dos\r\n", 0600), "dos");
	refuse(with_file("x\n", 0640), "chmod 600");
	refuse(with_file("x\n", 0604), "chmod 600");
	refuse(with_file("\nx\n", 0600), "empty");
	FsConfig *config = with_file("x\n", 0600);
	unlink(config->password_file);
	refuse(config, "No such file");
}

static void test_file_too_long(void)
{
	g_autofree char *text = g_strnfill(200000, 'x');

	refuse(with_file(text, 0600), "too long");
}

static void test_command(void)
{
	expect(with_command("echo se\"cr\"et; echo more"), "secret");
	expect(with_command("printf %s bare"), "bare");
	refuse(with_command("exit 3"), "status 3");
	refuse(with_command("echo x; exit 4"), "status 4");
	refuse(with_command("true"), "printed nothing");
	refuse(with_command("/no/such/command 2>/dev/null"), "status 127");
}

/* What this program blocks for itself, a command must not inherit: it could not be ended. */
static void test_command_signals(void)
{
	sigset_t some, before;

	sigemptyset(&some);
	sigaddset(&some, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &some, &before);
	expect(with_command("grep ^SigBlk /proc/self/status | tr -d '0\t'"), "SigBlk:");
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Closing its output must not kill a command that would have gone well. */
static void test_command_lingers(void)
{
	expect(with_command("echo fast; sleep 0.3"), "fast");
	expect(with_command("echo first; sleep 0.1; seq 100000"), "first");
	expect(with_command("sleep 2 & echo agent"), "agent");
}

/* The account's own first, then the one for all. */
static void test_systemd(void)
{
	g_autofree char *own = g_build_filename(directory, "ewsfs.password.work", NULL);
	g_autofree char *any = g_build_filename(directory, "ewsfs.password", NULL);
	FsConfig *config;

	g_setenv("CREDENTIALS_DIRECTORY", directory, TRUE);
	g_assert_true(g_file_set_contents(own, "of work\n", -1, NULL));
	g_assert_true(g_file_set_contents(any, "of all", -1, NULL));
	config = fs_config_new_default();
	config->account = g_strdup("work");
	expect(config, "of work");
	config = fs_config_new_default();
	config->account = g_strdup("home");
	expect(config, "of all");
	expect(fs_config_new_default(), "of all");
	expect(with_file("given\n", 0600), "given");
	unlink(own);
	g_assert_true(g_file_set_contents(any, "\n", -1, NULL));
	refuse(fs_config_new_default(), "empty");
	unlink(any);
	g_unsetenv("CREDENTIALS_DIRECTORY");
}

static void test_nobody(void)
{
	int keep = dup(STDIN_FILENO);
	int nowhere = open("/dev/null", O_RDONLY);

	dup2(nowhere, STDIN_FILENO);
	refuse(fs_config_new_default(), "password_file");
	dup2(keep, STDIN_FILENO);
	close(keep);
	close(nowhere);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	directory = g_dir_make_tmp("ewsfs-password-XXXXXX", NULL);
	g_test_add_func("/fs/password/first-line-of-a-private-file", test_file);
	g_test_add_func("/fs/password/a-line-has-an-end", test_file_too_long);
	g_test_add_func("/fs/password/first-line-of-a-command", test_command);
	g_test_add_func("/fs/password/waits-for-the-command", test_command_lingers);
	g_test_add_func("/fs/password/a-command-is-not-blocked", test_command_signals);
	g_test_add_func("/fs/password/systemd-credentials", test_systemd);
	g_test_add_func("/fs/password/nobody-to-ask", test_nobody);
	int status = g_test_run();
	g_autofree char *file = g_build_filename(directory, "pw", NULL);
	unlink(file);
	rmdir(directory);
	g_free(directory);
	return status;
}
