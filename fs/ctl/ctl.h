/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * ewsfsctl: asks and steers a mounted ewsfs. Finds the mount in the mount table, reads its
 * `.ewsfs/` and talks to its socket; knows no FUSE, no cache and no mail server, and never opens
 * the database. login and logout know no mount, but who gives tokens, and discover asks whom it
 * can find. One thread.
 *
 * Here: what all its commands share. A command takes its arguments and returns an exit status,
 * having said on standard error what is wrong.
 */

typedef enum CtlExit {
	CTL_EXIT_DONE = 0,
	CTL_EXIT_NOT_DONE = 1, /* something is not done, or left */
	CTL_EXIT_USAGE = 2,
	CTL_EXIT_NO_MOUNT = 3, /* no ewsfs there, or none that answers */
} CtlExit;

/* What a command line may hold; each command takes its own part of it. */
typedef struct CtlArguments {
	char **operands;   /* NULL-terminated; borrowed: from argv */
	const char *mount; /* --mount, or NULL */
	GPtrArray *mount_options; /* own, of arguments of -o, borrowed: from argv; or NULL */
	int64_t seconds;   /* -1: none were given */
	bool is_json;
	bool is_waiting;
	bool is_fetching;
	bool is_forced;
	bool is_all;
	bool is_sure;
	bool is_by_browser;
} CtlArguments;

CtlExit ctl_do_status(const CtlArguments *arguments);
CtlExit ctl_do_sync(const CtlArguments *arguments);
CtlExit ctl_do_flush(const CtlArguments *arguments);
CtlExit ctl_do_queue(const CtlArguments *arguments);
CtlExit ctl_do_retry(const CtlArguments *arguments);
CtlExit ctl_do_discard(const CtlArguments *arguments);
CtlExit ctl_do_confirm(const CtlArguments *arguments);
CtlExit ctl_do_watch(const CtlArguments *arguments);
CtlExit ctl_do_discover(const CtlArguments *arguments);
CtlExit ctl_do_login(const CtlArguments *arguments);
CtlExit ctl_do_logout(const CtlArguments *arguments);
CtlExit ctl_do_umount(const CtlArguments *arguments);

/* As umount(8) calls its helpers; argv[0] is the program. Its exit codes are umount's. */
int ctl_umount_helper(int argc, char **argv);

/* As sendmail(8) is called; argv[0] is the command. Its exit codes are those of sysexits.h. */
int ctl_send(int argc, char **argv);

/* One line to standard error; returns @status. */
CtlExit ctl_say(CtlExit status, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* A line that the next one takes the place of, where standard error is a terminal. NULL: none. */
void ctl_show(const char *line);
