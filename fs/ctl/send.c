/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "fs/ctl/ctl.h"
#include "fs/ctl/sendmail.h"
#include "fs/ctl/target.h"
#include "fs/json.h"

/*
 * send: standard input becomes a message in `.send/`. Written under a scratch name first and
 * renamed into place: a program that dies in the middle sends nothing. Done when the mount has
 * taken it over, as with a mail transport of this machine; with --wait, when the server has.
 */

#define MESSAGE_MAX (512U << 20)
#define PLACE ".send"

static const char usage[] =
	"Usage: ewsfsctl send [-t] [-i] [-f FROM] [--mount DIR] [--wait] [ADDRESS...] <MESSAGE\n"
	"\n"
	"Sends a message, as sendmail(8) does; the mailbox must be mounted with -o send.\n"
	"\n"
	"  -t           to the addresses in To, Cc and Bcc, too\n"
	"  -i           a line with only a dot does not end the message\n"
	"  -f FROM      the sender, where the message names none\n"
	"  --mount DIR  by this mount (else EWSFS_MOUNT, else the only one); an absolute\n"
	"               path among the addresses says the same\n"
	"  --wait       until the server has sent it; else until the mount has taken it over\n"
	"\n"
	"Other options of sendmail are taken and mean nothing.\n";

typedef struct Letter {
	CtlMailWords words;
	CtlTarget target;
	GString *text; /* own */
	char *name;    /* own; in .send */
	int64_t patience_s;
} Letter;

G_GNUC_PRINTF(2, 3)
static int fail(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	ctl_say(CTL_EXIT_NOT_DONE, "%s", text);
	return status;
}

/* --- steps --------------------------------------------------------------- */

static int find_place(Letter *self)
{
	g_autoptr(JsonObject) state = NULL;
	CtlExit status = ctl_target_choose(self->words.mount, &self->target);

	if (status == CTL_EXIT_DONE)
		status = ctl_target_read_json(&self->target, "status.json", &state);
	if (status != CTL_EXIT_DONE)
		return status == CTL_EXIT_USAGE ? EX_USAGE : EX_TEMPFAIL;
	self->patience_s = fs_json_get_number(state, "flush_timeout", 0);
	if (!fs_json_get_flag(state, "can_send"))
		return fail(EX_UNAVAILABLE, "the mailbox at %s is not mounted with -o send",
			self->target.mountpoint);
	return EX_OK;
}

static int read_message(Letter *self)
{
	char data[65536];
	ssize_t got;

	while ((got = read(STDIN_FILENO, data, sizeof(data))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(EX_NOINPUT, "standard input: %s", g_strerror(errno));
		g_string_append_len(self->text, data, got);
		if (self->text->len > MESSAGE_MAX)
			return fail(EX_DATAERR, "more than %u MiB", MESSAGE_MAX >> 20);
	}
	if (!self->words.is_dot_text)
		g_string_truncate(self->text, ctl_mail_end(self->text->str, self->text->len));
	/* The first line of a message in an mbox is none of its headers. */
	if (g_str_has_prefix(self->text->str, "From ")) {
		const char *end = memchr(self->text->str, '\n', self->text->len);
		g_string_erase(self->text, 0, end != NULL ? end + 1 - self->text->str : -1);
	}
	return self->text->len > 0 ? EX_OK : fail(EX_NOINPUT, "the message is empty");
}

static int address(Letter *self)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *prefix = ctl_mail_prefix(&self->words, self->text->str, self->text->len,
		&error);

	if (prefix == NULL)
		return fail(EX_DATAERR, "%s", error->message);
	g_string_prepend(self->text, prefix);
	return EX_OK;
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t put = write(fd, data, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		data += put;
		len -= (size_t)put;
	}
	return fsync(fd) == 0;
}

static char *new_name(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H%M%SZ");

	return g_strdup_printf("%s-%d-%08x.eml", time, (int)getpid(), g_random_int());
}

static int hand_over(Letter *self)
{
	self->name = new_name();
	g_autofree char *hidden = g_strconcat(".", self->name, NULL);
	g_autofree char *draft = g_build_filename(self->target.mountpoint, PLACE, hidden, NULL);
	g_autofree char *final = g_build_filename(self->target.mountpoint, PLACE, self->name, NULL);
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool is_written = fd >= 0 && write_all(fd, self->text->str, self->text->len);
	int problem = is_written ? 0 : errno;

	if (fd >= 0 && close(fd) < 0 && problem == 0)
		problem = errno;
	if (problem == 0 && g_rename(draft, final) < 0)
		problem = errno;
	if (problem == 0)
		return EX_OK;
	if (fd >= 0)
		g_unlink(draft);
	return fail(problem == EINVAL ? EX_DATAERR : EX_TEMPFAIL, "%s: %s", draft,
		g_strerror(problem));
}

/* It is in the queue by now, whatever comes: who calls again sends a second one. */
static int await(const Letter *self)
{
	g_autoptr(FsTalk) talk = NULL;
	g_autoptr(JsonObject) answer = NULL;
	g_autoptr(JsonBuilder) command = ctl_command_new("fsync");
	g_autofree char *path = g_build_filename(PLACE, self->name, NULL);
	CtlExit status = ctl_target_talk(&self->target, &talk);

	fs_json_text(command, "path", path);
	json_builder_end_object(command);
	const CtlAsk ask = {command, self->patience_s, NULL};
	if (status == CTL_EXIT_DONE)
		status = ctl_talk_ask(talk, &ask, &answer);
	if (status == CTL_EXIT_DONE && fs_json_get_flag(answer, "done"))
		return EX_OK;
	return fail(EX_TEMPFAIL, "taken over, but not sent yet%s%s; see \"ewsfsctl queue\", and do "
		"not send it again", answer != NULL ? ": " : "",
		answer != NULL ? fs_json_get_text(answer, "error", "no reason given") : "");
}

/* --- all of them --------------------------------------------------------- */

static int run(Letter *self, int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int status;

	if (!ctl_mail_words_parse(&self->words, argc, argv, &error))
		return fail(EX_USAGE, "send: %s", error->message);
	if (self->words.is_help) {
		fputs(usage, stdout);
		return EX_OK;
	}
	if ((status = find_place(self)) != EX_OK || (status = read_message(self)) != EX_OK ||
		(status = address(self)) != EX_OK || (status = hand_over(self)) != EX_OK)
		return status;
	return self->words.is_waiting ? await(self) : EX_OK;
}

int ctl_send(int argc, char **argv)
{
	Letter self = {.text = g_string_new(NULL)};
	int status = run(&self, argc, argv);

	ctl_mail_words_clear(&self.words);
	ctl_target_clear(&self.target);
	g_string_free(self.text, TRUE);
	g_free(self.name);
	return status;
}
