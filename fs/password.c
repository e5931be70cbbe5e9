/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/password.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/config.h"
#include "fs/source.h"

#define PASSWORD_MAX 4096
#define COMMAND_LIMIT_US (120 * G_USEC_PER_SEC) /* it may ask a person in a window of its own */
#define REAP_INTERVAL_MS 10

static volatile sig_atomic_t is_interrupted; /* Ctrl-C while the person was asked */

void fs_password_free(char *password)
{
	if (password == NULL)
		return;
	explicit_bzero(password, strlen(password));
	g_free(password);
}

G_GNUC_PRINTF(2, 3)
static char *refuse(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_AUTH, text);
	return NULL;
}

/* The first line on @fd, within the limit; NULL with errno (0: too long). A monotonic deadline
 * of 0 waits for ever. */
static char *read_line(int fd, int64_t deadline_us)
{
	char line[PASSWORD_MAX];
	size_t len = 0;

	while (len < sizeof(line) && memchr(line, '\n', len) == NULL) {
		struct pollfd entry = {.fd = fd, .events = POLLIN};
		int64_t left_us = deadline_us - g_get_monotonic_time();
		int wait_ms = deadline_us == 0 ? -1 : (int)(MAX(left_us, 0) / 1000);
		int ready = poll(&entry, 1, wait_ms);
		if (ready == 0 || is_interrupted) {
			errno = ready == 0 ? ETIMEDOUT : EINTR;
			return NULL;
		}
		ssize_t got = read(fd, line + len, sizeof(line) - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return NULL;
		if (got == 0)
			break;
		len += (size_t)got;
	}
	errno = 0;
	if (len == sizeof(line))
		return NULL;
	char *password = g_strndup(line, len);
	explicit_bzero(line, sizeof(line));
	password[strcspn(password, "\r\n")] = '\0';
	return password;
}

/* --- a file -------------------------------------------------------------- */

static char *from_file(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat attr;

	if (fd < 0)
		return refuse(error, "password_file %s: %s", path, g_strerror(errno));
	if (fstat(fd, &attr) < 0 || (attr.st_mode & 077) != 0) {
		close(fd);
		return refuse(error,
			"password_file %s can be read by others: \"chmod 600 %s\" first", path,
			path);
	}
	char *password = read_line(fd, 0);
	int failure = errno;
	close(fd);
	if (password == NULL)
		return refuse(error, "password_file %s: %s", path,
			failure != 0 ? g_strerror(failure) : "its first line is too long");
	if (*password != '\0')
		return password;
	fs_password_free(password);
	return refuse(error, "password_file %s: its first line is empty", path);
}

/* --- a command ----------------------------------------------------------- */

static pid_t start_command(const char *command, int *ret_fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*ret_fd = ends[0];
	return pid;
}

/* Waits for the command to end, and takes in the rest of what it prints meanwhile, so that it does
 * not end by SIGPIPE. Not until its output ends: an agent that it left running may hold that. */
static int reap(pid_t pid, int fd, int64_t deadline_us)
{
	char rest[512];
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd entry = {.fd = fd, .events = POLLIN};
		if (g_get_monotonic_time() > deadline_us) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		if (poll(&entry, 1, REAP_INTERVAL_MS) > 0 && read(fd, rest, sizeof(rest)) <= 0)
			g_usleep(REAP_INTERVAL_MS * 1000);
	}
	explicit_bzero(rest, sizeof(rest));
	return status;
}

static char *from_command(const char *command, GError **error)
{
	int64_t deadline_us = g_get_monotonic_time() + COMMAND_LIMIT_US;
	int fd = -1;
	pid_t pid = start_command(command, &fd);

	if (pid < 0)
		return refuse(error, "password_command: %s", g_strerror(errno));
	char *password = read_line(fd, deadline_us);
	int failure = errno;
	int status = reap(pid, fd, password != NULL ? deadline_us : 0);
	close(fd);

	if (password != NULL && *password != '\0' && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return password;
	fs_password_free(password);
	if (failure == ETIMEDOUT)
		return refuse(error, "password_command did not answer in time");
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		return refuse(error, "password_command failed with exit status %d",
			WEXITSTATUS(status));
	return refuse(error, "password_command printed no password");
}

/* --- a person ------------------------------------------------------------ */

static void note_interrupt(int signal)
{
	is_interrupted = 1;
}

/* Reads a line unseen. Whatever happens, Ctrl-C too, the terminal gets its echo back. */
static char *ask(int fd, const struct termios *loud)
{
	const struct sigaction noting = {.sa_handler = note_interrupt};
	struct termios quiet = *loud;
	struct sigaction before;

	is_interrupted = 0;
	sigaction(SIGINT, &noting, &before);
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	tcsetattr(fd, TCSAFLUSH, &quiet);
	char *password = read_line(fd, 0);
	tcsetattr(fd, TCSAFLUSH, loud);
	sigaction(SIGINT, &before, NULL);
	if (is_interrupted) {
		fs_password_free(password);
		raise(SIGINT);
		return NULL;
	}
	return password;
}

static char *from_person(const FsConfig *config, GError **error)
{
	g_autofree char *host = fs_source_host(config->url);
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios loud;

	if (fd < 0 || tcgetattr(fd, &loud) < 0) {
		if (fd >= 0)
			close(fd);
		return refuse(error, "no terminal to ask for the password at");
	}
	dprintf(fd, "Password for %s at %s: ", config->user, host);
	char *password = ask(fd, &loud);
	close(fd);
	if (password != NULL && *password != '\0')
		return password;
	fs_password_free(password);
	return refuse(error, "no password was given");
}

char *fs_password_get(const FsConfig *config, GError **error)
{
	if (config->password_file != NULL)
		return from_file(config->password_file, error);
	if (config->password_command != NULL)
		return from_command(config->password_command, error);
	if (isatty(STDIN_FILENO))
		return from_person(config, error);
	return refuse(error, "there is no password: give -o password_file=FILE or "
		"password_command=COMMAND (and nobody can be asked: this is no terminal)");
}
