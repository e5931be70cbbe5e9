/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ews/secret.h"
#include "fs/secret.h"

#define PROGRAM "ewsfs-keyring"
#define SECRET_MAX_LEN (256 << 10)
#define LIMIT_US (60 * G_USEC_PER_SEC) /* it may ask a person to unlock it */

extern char **environ;

/* Beside this program, where it was built; else where it is installed. NULL: there is none. */
static char *find_program(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *here = self != NULL ? g_path_get_dirname(self) : g_strdup("/");
	char *path = g_build_filename(here, PROGRAM, NULL);

	if (access(path, X_OK) == 0)
		return path;
	g_free(path);
	path = g_build_filename(EWSFS_LIBEXECDIR, PROGRAM, NULL);
	if (access(path, X_OK) == 0)
		return path;
	g_free(path);
	return NULL;
}

/* The secret goes both ways over one socket, never by arguments. */
static pid_t start(const char *path, const char *verb, const FsKeyringKey *key, int end)
{
	const char *const words[] = {path, verb, key->kind, key->user, key->server, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, end, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, end, STDOUT_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	int failure = posix_spawn(&pid, path, &actions, &attributes, (char **)words, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return failure == 0 ? pid : -1;
}

/* All of it, until the other end has said all or the time is over. */
static char *hear(int fd)
{
	int64_t deadline_us = g_get_monotonic_time() + LIMIT_US;
	char *text = g_malloc0(SECRET_MAX_LEN + 1);
	size_t len = 0;
	ssize_t got = 1;

	while (len < SECRET_MAX_LEN && got > 0) {
		struct pollfd entry = {.fd = fd, .events = POLLIN};
		int64_t left_us = MAX(deadline_us - g_get_monotonic_time(), 0);
		got = poll(&entry, 1, (int)(left_us / 1000)) > 0
			      ? read(fd, text + len, SECRET_MAX_LEN - len)
			      : -1;
		len += got > 0 ? (size_t)got : 0;
	}
	if (got == 0)
		return text;
	ews_secret_free(text);
	return NULL;
}

static bool say(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len > 0) {
		ssize_t put = send(fd, text, len, MSG_NOSIGNAL);
		if (put <= 0)
			return false;
		text += put;
		len -= (size_t)put;
	}
	return true;
}

/* What it says, when it went well. */
static char *ask(const char *verb, const FsKeyringKey *key, const char *secret)
{
	g_autofree char *path = find_program();
	char *answer = NULL;
	int status = 0;
	int ends[2];

	if (path == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return NULL;
	pid_t pid = start(path, verb, key, ends[1]);
	close(ends[1]);
	if (pid > 0) {
		bool is_told = secret == NULL || say(ends[0], secret);
		shutdown(ends[0], SHUT_WR);
		answer = is_told ? hear(ends[0]) : NULL;
		if (answer == NULL)
			kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
	}
	close(ends[0]);
	if (answer != NULL && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return answer;
	ews_secret_free(answer);
	return NULL;
}

char *fs_keyring_find(const FsKeyringKey *key)
{
	char *secret = ask("find", key, NULL);

	if (secret != NULL && *secret != '\0')
		return secret;
	ews_secret_free(secret);
	return NULL;
}

bool fs_keyring_store(const FsKeyringKey *key, const char *secret)
{
	char *answer = ask("store", key, secret);
	bool is_done = answer != NULL;

	ews_secret_free(answer);
	return is_done;
}

bool fs_keyring_forget(const FsKeyringKey *key)
{
	char *answer = ask("forget", key, NULL);
	bool is_done = answer != NULL;

	ews_secret_free(answer);
	return is_done;
}
