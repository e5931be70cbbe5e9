/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * SOURCE on the command line: an EWS address, a mail address or the name of an account, and
 * perhaps a folder. Pure: knows no files.
 */
typedef struct FsSource {
	char *url;     /* own; NULL for an account */
	char *account; /* own; NULL for an EWS address; may look like a mail address */
	char *folder;  /* own; "" for the whole mailbox */
} FsSource;

/* `https://host/EWS/Exchange.asmx[#FOLDER/PATH]`, `me@example.org[:FOLDER/PATH]` or
 * `NAME[:FOLDER/PATH]`. */
FsSource *fs_source_new(const char *text, GError **error) G_GNUC_WARN_UNUSED_RESULT;
void fs_source_free(FsSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FsSource, fs_source_free)

/* Checks an address wherever it came from: http or https, a host, no user or password in it. */
bool fs_source_check_url(const char *url, GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* The host in an address, with its port where it has one. */
char *fs_source_host(const char *url);
