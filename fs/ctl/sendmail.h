/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * A message that is given to `ewsfsctl send` as it would be to sendmail(8), made into one that can
 * be put into `.send/`. Pure functions.
 *
 * The two differ in who gets it: sendmail sends to its arguments and never looks at the headers
 * (unless -t says so), Exchange sends to all whom the headers name and to nobody else. So an
 * address that no header names becomes a Bcc, which the server takes out before it sends; and a
 * header that names somebody who is not among the arguments is refused: that is what resending
 * ("bounce") and forwarding by sendmail look like, and the message would go to the wrong people.
 */

/* The words of sendmail's command line. */
typedef struct CtlMailWords {
	GPtrArray *recipients;      /* own, of char * */
	const char *from;           /* -f, -r; or NULL; borrowed: from argv, like all below */
	const char *full_name;      /* -F; or NULL */
	const char *mount;          /* --mount, or an absolute path among the addresses; or NULL */
	bool has_header_recipients; /* -t */
	bool is_dot_text;           /* -i, -oi: a lone dot does not end the message */
	bool is_waiting;            /* --wait */
	bool is_help;
} CtlMailWords;

void ctl_mail_words_clear(CtlMailWords *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CtlMailWords, ctl_mail_words_clear)

/* The error is one line for people. Changes the order of argv. */
bool ctl_mail_words_parse(CtlMailWords *self, int argc, char **argv, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;

/* The length of the message in @data of @len bytes: up to a line that is a dot. */
gsize ctl_mail_end(const char *data, gsize len);

/* The header lines to put before the message in @data, often "". INVAL: nobody is to get it, or
 * somebody who should not would. */
char *ctl_mail_prefix(const CtlMailWords *words, const char *data, gsize len, GError **error)
	G_GNUC_WARN_UNUSED_RESULT;

/* The addresses that the headers To, Cc and Bcc name, in lower case, each once. Owned. */
GPtrArray *ctl_mail_addresses(const char *data, gsize len);
