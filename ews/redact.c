/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/redact.h"

#include <glib.h>
#include <pthread.h>

#define HIDDEN "[hidden]"

/* Each keeps its first group, and hides the rest of what it matches. */
static const char *const patterns[] = {
	/* A line of a head. */
	"((?:Proxy-)?Authorization|(?:Set-)?Cookie\\d?)\\s*[:=][^\\r\\n]*",
	/* What such a line says, without its name. */
	"\\b(Bearer|Basic|Negotiate|NTLM|Digest)\\s+[A-Za-z0-9._~+/=-]{8,}",
	/* A field of a form, of JSON or of an address. */
	"((?:access_?|refresh_?|id_)token|client_secret|client_assertion|assertion|device_code"
	"|code_verifier|password|passwd|secret|[?&]code)[\"']?\\s*[=:]\\s*"
	"(?:\"[^\"]*\"?|'[^']*'?|[^\\s&,;\"'}]+)",
	/* A token by its looks: a JSON object in base64, and two further parts. */
	"()\\beyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_.-]+",
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static GRegex *regexes[G_N_ELEMENTS(patterns)]; /* set once, then const */

static void compile(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++)
		regexes[i] = g_regex_new(patterns[i], G_REGEX_CASELESS | G_REGEX_OPTIMIZE, 0, NULL);
}

char *ews_redact(const char *text)
{
	g_autofree char *clean = g_utf8_make_valid(text, -1);

	pthread_once(&once, compile);
	for (size_t i = 0; i < G_N_ELEMENTS(regexes); i++) {
		char *next = NULL;

		if (g_regex_match(regexes[i], clean, 0, NULL))
			next = g_regex_replace(regexes[i], clean, -1, 0, "\\1 " HIDDEN, 0, NULL);
		if (!next)
			continue;
		g_free(clean);
		clean = next;
	}
	return g_steal_pointer(&clean);
}
