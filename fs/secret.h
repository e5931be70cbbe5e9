/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * Where secrets come from (passwords, tokens, a client's secret), and how this process keeps them
 * from others: never from the command line or the environment, which others can see, never into a
 * core dump, wiped when they are done with.
 *
 * Places: a file that nobody else can read, a command, systemd, the person at the terminal; and the
 * keyring (fs/keyring.h). Each returns a secret that is the caller's to free with ews_secret_free.
 */

/* No core dump of this process, and no other process of this user may look into it. First in
 * main: what comes later cannot be undone by who looked before. */
void fs_secret_harden(void);

/* The first line of a file that only its owner can read. @option is named in the error (AUTH). */
char *fs_secret_from_file(const char *option, const char *path,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct FsSecretCommand {
	const char *option; /* what it is called in errors */
	const char *command;
	bool is_whole; /* all that it prints, not the first line alone */
	int failure;   /* the EwsErrorCode when it fails, is late or says nothing */
	/* TRUE ends it soon, and all that it began, with CANCELLED. Such a command has no terminal.
	 * NULL: it cannot be given up, and may ask at ours. */
	const atomic_bool *is_given_up;
} FsSecretCommand;

/* What a command prints, within two minutes: it may ask a person in a window of its own. One that
 * is not there is AUTH. Any thread. */
char *fs_secret_from_command(const FsSecretCommand *command,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A credential that systemd handed over (LoadCredential=): ewsfs.KIND.NAME, else ewsfs.KIND. NULL
 * without an error where there is none. @name may be NULL. */
char *fs_secret_from_systemd(const char *kind, const char *name,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* A line that a person types unseen, at the terminal of this process, or AUTH. @is_long: one that
 * was copied, and may be longer than a terminal lets people type. */
char *fs_secret_from_person(const char *question, bool is_long,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The next line on @fd, and nothing behind it. */
char *fs_secret_read_line(int fd, GError **error) G_GNUC_WARN_UNUSED_RESULT;
