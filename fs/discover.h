/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Which server a mail address means: asked for (ews/discover.h), shown to the person where somebody
 * else's host is named, and remembered for a week in state_dir/server, with what the person
 * accepted. What is remembered is used at once, also offline; when nobody can be asked, it is used
 * however old it is.
 *
 * Blocks, and but for fs_discover_again may ask at the terminal: before any thread starts, and
 * before the program goes into the background.
 */
struct FsConfig;

/* Whether a server could be looked for by this: a mail address. NULL is none. Pure. */
bool fs_discover_is_address(const char *text);

/* Sets url, unless it was given. *password is what was asked for meanwhile, if anything: the
 * caller's to use and to free with ews_secret_free. */
bool fs_discover(struct FsConfig *config, char **password, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;

/* What was remembered led nowhere: if it is older than an hour, it is looked for anew next time. */
void fs_discover_forget(const struct FsConfig *config);

/* For a mount that runs, on any thread: looks for it anew, without asking anybody, and remembers
 * what was found. Where that is another one than before, it is @ret_url, owned; else NULL without
 * an error. What was found within the hour is not doubted. @is_over is asked between questions. */
typedef struct FsDiscoverAgain {
	bool (*is_over)(void *user);
	void *user;
} FsDiscoverAgain;
bool fs_discover_again(const struct FsConfig *config, const FsDiscoverAgain *again, char **ret_url,
	GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* For people to see: looks for it in any case, prints each step to standard error, and remembers
 * nothing. Needs address. */
char *fs_discover_show(const struct FsConfig *config, GError **error) G_GNUC_WARN_UNUSED_RESULT;
