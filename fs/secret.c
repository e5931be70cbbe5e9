/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "ews/error.h"
#include "ews/secret.h"

#define LINE_MAX_LEN (160 << 10)
#define WHOLE_MAX_LEN (256 << 10)
#define COMMAND_LIMIT_US (120 * G_USEC_PER_SEC)
#define LOOK_MS 10
#define SHELL_NOT_FOUND 126 /* and above: there was nothing to run */

static volatile sig_atomic_t is_interrupted; /* Ctrl-C while the person was asked */

void fs_secret_harden(void)
{
	const struct rlimit none = {0};

	if (prctl(PR_SET_DUMPABLE, 0) < 0 || setrlimit(RLIMIT_CORE, &none) < 0)
		g_warning("what is secret may get into a core dump: %s", g_strerror(errno));
}

G_GNUC_PRINTF(3, 4)
static char *refuse(int code, GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, EWS_ERROR, code, text);
	return NULL;
}

/* --- reading ------------------------------------------------------------- */

/* Never grown, so that no copies stay behind. */
typedef struct Text {
	char *bytes; /* own, size + 1 */
	size_t len, size;
} Text;

static void init_text(Text *text, size_t size)
{
	*text = (Text){.bytes = g_malloc0(size + 1), .size = size};
}

static void clear_text(Text *text)
{
	explicit_bzero(text->bytes, text->size);
	g_free(text->bytes);
}

/* Once, @most bytes; FALSE at the end, or with errno when it went wrong. */
static bool read_part(Text *text, int fd, size_t most)
{
	ssize_t got;

	errno = 0;
	if (text->len == text->size) {
		errno = EFBIG;
		return false;
	}
	got = read(fd, text->bytes + text->len, MIN(most, text->size - text->len));
	if (got < 0 && errno == EINTR && !is_interrupted)
		got = 0;
	else if (got <= 0)
		return false;
	text->len += (size_t)got;
	return true;
}

static bool read_some(Text *text, int fd)
{
	return read_part(text, fd, text->size);
}

static bool has_line(const Text *text)
{
	return memchr(text->bytes, '\n', text->len) != NULL;
}

static char *line_of(const Text *text)
{
	return g_strndup(text->bytes, strcspn(text->bytes, "\r\n"));
}

/* NULL with errno. @most bytes at a time: more than the line may be taken. */
static char *read_line_by(int fd, size_t most)
{
	Text text;
	char *line = NULL;

	init_text(&text, LINE_MAX_LEN);
	errno = 0;
	while (!has_line(&text) && read_part(&text, fd, most))
		continue;
	int failure = errno;
	if (failure == 0 && !is_interrupted)
		line = line_of(&text);
	clear_text(&text);
	errno = failure;
	return line;
}

static char *read_line(int fd)
{
	return read_line_by(fd, LINE_MAX_LEN);
}

static const char *failure_of(int number)
{
	return number == EFBIG ? "its first line is too long" : g_strerror(number);
}

char *fs_secret_read_line(int fd, GError **error)
{
	char *line = read_line_by(fd, 1);

	if (line == NULL)
		return refuse(EWS_ERROR_AUTH, error, "nothing can be read: %s", failure_of(errno));
	return line;
}

/* --- a file -------------------------------------------------------------- */

char *fs_secret_from_file(const char *option, const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat attr;

	if (fd < 0)
		return refuse(EWS_ERROR_AUTH, error, "%s %s: %s", option, path, g_strerror(errno));
	if (fstat(fd, &attr) < 0 || (attr.st_mode & 077) != 0) {
		close(fd);
		return refuse(EWS_ERROR_AUTH, error,
			"%s %s can be read by others: \"chmod 600 %s\" first", option, path, path);
	}
	char *secret = read_line(fd);
	int failure = errno;
	close(fd);
	if (secret == NULL)
		return refuse(EWS_ERROR_AUTH, error, "%s %s: %s", option, path,
			failure_of(failure));
	if (*secret != '\0')
		return secret;
	ews_secret_free(secret);
	return refuse(EWS_ERROR_AUTH, error, "%s %s: its first line is empty", option, path);
}

/* systemd keeps these from others by a directory that nobody else can enter. */
static char *read_credential(const char *path, GError **error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0 && errno == ENOENT)
		return NULL;
	char *secret = fd >= 0 ? read_line(fd) : NULL;
	int failure = errno;
	if (fd >= 0)
		close(fd);
	if (secret == NULL)
		return refuse(EWS_ERROR_AUTH, error, "credential %s: %s", path,
			failure_of(failure));
	if (*secret != '\0')
		return secret;
	ews_secret_free(secret);
	return refuse(EWS_ERROR_AUTH, error, "credential %s: its first line is empty", path);
}

char *fs_secret_from_systemd(const char *kind, const char *name, GError **error)
{
	const char *directory = g_getenv("CREDENTIALS_DIRECTORY");
	char *secret = NULL;
	g_autoptr(GError) problem = NULL;

	if (directory == NULL || *directory == '\0')
		return NULL;
	g_autofree char *path = g_strdup_printf("%s/ewsfs.%s", directory, kind);
	if (name != NULL && strchr(name, '/') == NULL) {
		g_autofree char *own = g_strdup_printf("%s.%s", path, name);
		secret = read_credential(own, &problem);
	}
	if (secret == NULL && problem == NULL)
		secret = read_credential(path, &problem);
	if (problem != NULL)
		g_propagate_error(error, g_steal_pointer(&problem));
	return secret;
}

/* --- a command ----------------------------------------------------------- */

/* The child has no signal blocked, as who started this program might have it. In a session of its
 * own it has no terminal, and can be killed with all that it began. */
static pid_t start_command(const char *command, bool is_apart, int *ret_fd)
{
	int ends[2];
	sigset_t none;

	sigemptyset(&none);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &none, NULL);
		if (is_apart)
			setsid();
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

/* A command and what it says. */
typedef struct Running {
	pid_t pid;
	int fd;
	int64_t deadline_us;
	const atomic_bool *is_given_up; /* borrowed; or NULL, and it is not in a session apart */
	int status;
	bool is_over;
	bool is_late;
	bool is_unwanted;
} Running;

static void kill_command(Running *self)
{
	/* It may not have come as far as its session. */
	if (self->is_given_up != NULL)
		kill(-self->pid, SIGKILL);
	kill(self->pid, SIGKILL);
	waitpid(self->pid, &self->status, 0);
	self->is_over = true;
}

/* One that takes too long is killed. */
static void look_after(Running *self)
{
	self->is_over = waitpid(self->pid, &self->status, WNOHANG) != 0;
	if (self->is_over)
		return;
	self->is_unwanted = self->is_given_up != NULL && atomic_load(self->is_given_up);
	self->is_late = g_get_monotonic_time() >= self->deadline_us;
	if (self->is_unwanted || self->is_late)
		kill_command(self);
}

static bool has_more(int fd, int wait_ms)
{
	struct pollfd entry = {.fd = fd, .events = POLLIN};

	return poll(&entry, 1, wait_ms) > 0;
}

/* What @text has no room for is read all the same, so that the command does not end by SIGPIPE.
 * FALSE: no more will come. */
static bool take_in(int fd, Text *text)
{
	char rest[512];
	ssize_t got;

	if (text->len < text->size)
		return read_some(text, fd);
	got = read(fd, rest, sizeof(rest));
	explicit_bzero(rest, sizeof(rest));
	return got > 0;
}

/* Until the command has ended, and not until its output does: an agent that it left running may
 * hold that. */
static void hear_out(Running *self, Text *text)
{
	bool is_open = true;

	while (!self->is_over) {
		if (!is_open)
			g_usleep(LOOK_MS * 1000);
		else if (has_more(self->fd, LOOK_MS))
			is_open = take_in(self->fd, text);
		look_after(self);
	}
	while (is_open && text->len < text->size && has_more(self->fd, 0))
		is_open = read_some(text, self->fd);
}

static char *what_it_said(const FsSecretCommand *command, const Running *run, const Text *text,
	GError **error)
{
	bool is_well = WIFEXITED(run->status) && WEXITSTATUS(run->status) == 0;

	if (run->is_unwanted)
		return refuse(EWS_ERROR_CANCELLED, error, "%s was given up", command->option);
	if (run->is_late)
		return refuse(command->failure, error, "%s did not answer in time",
			command->option);
	if (!is_well && WIFEXITED(run->status) && WEXITSTATUS(run->status) >= SHELL_NOT_FOUND)
		return refuse(EWS_ERROR_AUTH, error,
			"%s failed with exit status %d: there is "
			"nothing to run",
			command->option, WEXITSTATUS(run->status));
	if (!is_well)
		return refuse(command->failure, error, "%s failed with exit status %d",
			command->option,
			WIFEXITED(run->status) ? WEXITSTATUS(run->status)
					       : 128 + WTERMSIG(run->status));
	if (command->is_whole ? text->len == text->size
			      : text->len == text->size && !has_line(text))
		return refuse(command->failure, error, "%s printed too much", command->option);
	char *said = command->is_whole ? g_strdup(text->bytes) : line_of(text);
	if (*said != '\0')
		return said;
	ews_secret_free(said);
	return refuse(command->failure, error, "%s printed nothing", command->option);
}

char *fs_secret_from_command(const FsSecretCommand *command, GError **error)
{
	Running run = {
		.fd = -1,
		.deadline_us = g_get_monotonic_time() + COMMAND_LIMIT_US,
		.is_given_up = command->is_given_up,
	};
	Text text;

	run.pid = start_command(command->command, command->is_given_up != NULL, &run.fd);
	if (run.pid < 0)
		return refuse(command->failure, error, "%s: %s", command->option,
			g_strerror(errno));
	init_text(&text, command->is_whole ? WHOLE_MAX_LEN : LINE_MAX_LEN);
	hear_out(&run, &text);
	close(run.fd);
	char *secret = what_it_said(command, &run, &text, error);
	clear_text(&text);
	return secret;
}

/* --- a person ------------------------------------------------------------ */

static void note_interrupt(int signal)
{
	is_interrupted = 1;
}

/* Reads a line unseen. Whatever happens, Ctrl-C too, the terminal gets its echo back. A terminal
 * that edits lines takes no more than 4095 bytes. What was typed before is not meant for us; what
 * follows the question is, however soon (a program may answer), so that comes after the flush. */
static char *ask(int fd, const char *question, bool is_long, const struct termios *loud)
{
	const struct sigaction noting = {.sa_handler = note_interrupt};
	struct termios quiet = *loud;
	struct sigaction before;

	is_interrupted = 0;
	sigaction(SIGINT, &noting, &before);
	quiet.c_lflag &= ~(tcflag_t)(is_long ? ECHO | ICANON : ECHO);
	quiet.c_lflag |= ECHONL;
	tcsetattr(fd, TCSAFLUSH, &quiet);
	dprintf(fd, "%s", question);
	char *line = read_line(fd);
	tcsetattr(fd, TCSAFLUSH, loud);
	sigaction(SIGINT, &before, NULL);
	if (is_interrupted) {
		ews_secret_free(line);
		raise(SIGINT);
		return NULL;
	}
	return line;
}

char *fs_secret_from_person(const char *question, bool is_long, GError **error)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios loud;

	if (fd < 0 || tcgetattr(fd, &loud) < 0) {
		if (fd >= 0)
			close(fd);
		return refuse(EWS_ERROR_AUTH, error, "no terminal to ask at");
	}
	char *line = ask(fd, question, is_long, &loud);
	if (is_long)
		dprintf(fd, "\n");
	close(fd);
	if (line != NULL && *line != '\0')
		return line;
	ews_secret_free(line);
	return refuse(EWS_ERROR_AUTH, error, "nothing was typed");
}
