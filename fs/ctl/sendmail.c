/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ctl/sendmail.h"

#include <getopt.h>
#include <string.h>

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, text);
	return false;
}

/* --- words --------------------------------------------------------------- */

void ctl_mail_words_clear(CtlMailWords *self)
{
	g_clear_pointer(&self->recipients, g_ptr_array_unref);
}

enum {
	LONG_MOUNT = 256,
	LONG_WAIT,
	LONG_HELP,
};

static const struct option longs[] = {
	{"mount", required_argument, NULL, LONG_MOUNT},
	{"wait", no_argument, NULL, LONG_WAIT},
	{"help", no_argument, NULL, LONG_HELP},
	{0},
};

/* What other sendmails take and what means nothing here is taken too: envelope format, delivery
 * reports, logs, verbosity. */
static const char letters[] = ":A:B:b:C:d::e:F:f:Gh:iL:mN:nO:o:p:q::R:r:tUV:vX:";

static bool take_letter(CtlMailWords *self, int letter, GError **error)
{
	switch (letter) {
	case 'f':
	case 'r':
		self->from = optarg;
		return true;
	case 'F':
		self->full_name = optarg;
		return true;
	case 't':
		self->has_header_recipients = true;
		return true;
	case 'i':
		self->is_dot_text = true;
		return true;
	case 'o':
		self->is_dot_text |= g_str_equal(optarg, "i");
		return true;
	case 'b':
		return g_str_equal(optarg, "m") ||
			refuse(error, "-b%s: a message on standard input is all that is taken",
				optarg);
	case LONG_MOUNT:
		self->mount = optarg;
		return true;
	case LONG_WAIT:
		self->is_waiting = true;
		return true;
	case LONG_HELP:
		self->is_help = true;
		return true;
	case 'q':
		return refuse(error, "-q: there is no queue to run; see ewsfsctl flush");
	default:
		return true;
	}
}

bool ctl_mail_words_parse(CtlMailWords *self, int argc, char **argv, GError **error)
{
	int letter;

	self->recipients = g_ptr_array_new_with_free_func(g_free);
	optind = 0;
	opterr = 0;
	/* Options may follow addresses, as with other commands of ours, until "--". */
	while ((letter = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (letter == '?' || letter == ':')
			return refuse(error, "\"%s\" is not understood, or lacks its value",
				argv[MAX(optind - 1, 0)]);
		if (!take_letter(self, letter, error))
			return false;
	}
	for (int i = optind; i < argc; i++) {
		/* To sendmail that is a file to append to; here the mount, as elsewhere. */
		if (*argv[i] == '/') {
			self->mount = argv[i];
			continue;
		}
		/* "a@b,c@d" is two, as everywhere. */
		g_auto(GStrv) parts = g_strsplit(argv[i], ",", -1);
		for (char **part = parts; *part != NULL; part++) {
			if (*g_strstrip(*part) != '\0')
				g_ptr_array_add(self->recipients, g_strdup(*part));
		}
	}
	return true;
}

/* --- headers ------------------------------------------------------------- */

gsize ctl_mail_end(const char *data, gsize len)
{
	const char *end = data + len;

	for (const char *line = data; line < end;) {
		const char *next = memchr(line, '\n', (size_t)(end - line));
		size_t rest = (size_t)((next != NULL ? next : end) - line);
		if (*line == '.' && (rest == 1 || (rest == 2 && line[1] == '\r')))
			return (gsize)(line - data);
		line = next != NULL ? next + 1 : end;
	}
	return len;
}

/* Letters, digits and what else may stand before a header's colon. */
static size_t header_name_len(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && line[i] > ' ' && line[i] < 127 && line[i] != ':')
		i++;
	size_t name = i;
	while (i < len && (line[i] == ' ' || line[i] == '\t'))
		i++;
	return name > 0 && i < len && line[i] == ':' ? name : 0;
}

/* Goes through the headers one by one. */
typedef struct Headers {
	const char *next;
	const char *end;
	const char *name;
	size_t name_len;
	const char *value; /* with its folds */
	size_t value_len;
} Headers;

static bool next_header(Headers *self)
{
	size_t left = (size_t)(self->end - self->next);
	const char *colon = memchr(self->next, ':', left);

	self->name = self->next;
	self->name_len = header_name_len(self->next, left);
	if (self->name_len == 0 || colon == NULL)
		return false;
	self->value = colon + 1;
	const char *at = self->value;
	do {
		const char *line_end = memchr(at, '\n', (size_t)(self->end - at));
		at = line_end != NULL ? line_end + 1 : self->end;
	} while (at < self->end && (*at == ' ' || *at == '\t'));
	self->value_len = (size_t)(at - self->value);
	self->next = at;
	return true;
}

static bool is_header(const Headers *headers, const char *name)
{
	return strlen(name) == headers->name_len &&
		g_ascii_strncasecmp(headers->name, name, headers->name_len) == 0;
}

static bool has_header(const char *data, gsize len, const char *name)
{
	Headers headers = {.next = data, .end = data + len};

	while (next_header(&headers)) {
		if (is_header(&headers, name))
			return true;
	}
	return false;
}

/* --- addresses ----------------------------------------------------------- */

static bool holds(GPtrArray *addresses, const char *address)
{
	return g_ptr_array_find_with_equal_func(addresses, address, g_str_equal, NULL);
}

static void add_address(GPtrArray *addresses, GString *text)
{
	g_autofree char *address = g_ascii_strdown(text->str, -1);

	g_string_truncate(text, 0);
	if (*address != '\0' && !holds(addresses, address))
		g_ptr_array_add(addresses, g_steal_pointer(&address));
}

/* An address list of RFC 5322: names, quoted or not, comments in comments, groups. */
typedef struct Scan {
	GPtrArray *addresses; /* borrowed */
	GString *plain;       /* what stands outside of < > */
	GString *angle;       /* what stands inside */
	unsigned comments;
	bool is_quoted;
	bool is_angled;
	bool is_escaped;
} Scan;

static void end_address(Scan *scan)
{
	if (scan->angle->len > 0)
		g_string_truncate(scan->plain, 0);
	add_address(scan->addresses, scan->angle->len > 0 ? scan->angle : scan->plain);
}

static void scan_text(Scan *scan, char c)
{
	GString *text = scan->is_angled ? scan->angle : scan->plain;

	if (c == '"')
		scan->is_quoted = true;
	else if (c == '<')
		scan->is_angled = true;
	else if (c == '>')
		scan->is_angled = false;
	else if (!scan->is_angled && (c == ',' || c == ';'))
		end_address(scan);
	else if (!scan->is_angled && c == ':')
		g_string_truncate(scan->plain, 0); /* the name of a group */
	else if (!g_ascii_isspace(c))
		g_string_append_c(text, c);
}

static void scan_letter(Scan *scan, char c)
{
	GString *text = scan->is_angled ? scan->angle : scan->plain;

	if (scan->is_escaped) {
		scan->is_escaped = false;
		if (scan->is_quoted)
			g_string_append_c(text, c);
	} else if (c == '\\') {
		scan->is_escaped = true;
	} else if (scan->is_quoted) {
		if (c == '"')
			scan->is_quoted = false;
		else
			g_string_append_c(text, c);
	} else if (c == '(') {
		scan->comments++;
	} else if (scan->comments > 0) {
		scan->comments -= c == ')';
	} else {
		scan_text(scan, c);
	}
}

static void add_addresses(GPtrArray *addresses, const char *value, size_t len)
{
	g_autoptr(GString) plain = g_string_new(NULL);
	g_autoptr(GString) angle = g_string_new(NULL);
	Scan scan = {.addresses = addresses, .plain = plain, .angle = angle};

	for (size_t i = 0; i < len; i++)
		scan_letter(&scan, value[i]);
	end_address(&scan);
}

GPtrArray *ctl_mail_addresses(const char *data, gsize len)
{
	static const char *const names[] = {"To", "Cc", "Bcc"};
	GPtrArray *addresses = g_ptr_array_new_with_free_func(g_free);
	Headers headers = {.next = data, .end = data + len};

	while (next_header(&headers)) {
		for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
			if (is_header(&headers, names[i]))
				add_addresses(addresses, headers.value, headers.value_len);
		}
	}
	return addresses;
}

/* --- what goes before ---------------------------------------------------- */

static GPtrArray *wanted(const CtlMailWords *words)
{
	GPtrArray *addresses = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; i < words->recipients->len; i++) {
		const char *word = g_ptr_array_index(words->recipients, i);
		add_addresses(addresses, word, strlen(word));
	}
	return addresses;
}

static bool check(const CtlMailWords *words, GPtrArray *named, GPtrArray *given, const char *data,
	gsize len, GError **error)
{
	if (named->len + given->len == 0)
		return refuse(error, "nobody is to get this: no address, and none in To, Cc, Bcc");
	if (words->has_header_recipients) {
		if (has_header(data, len, "Resent-To") || has_header(data, len, "Resent-Cc") ||
			has_header(data, len, "Resent-Bcc"))
			return refuse(error, "a message cannot be sent on with its old headers: "
				"Exchange would send it to everybody in To and Cc once more");
		return true;
	}
	if (given->len == 0)
		return refuse(error, "no address was given (-t takes them from the headers)");
	for (guint i = 0; i < named->len; i++) {
		const char *address = g_ptr_array_index(named, i);
		if (!holds(given, address))
			return refuse(error, "the headers name %s, who is not among the "
				"recipients: Exchange would send it there all the same", address);
	}
	return true;
}

static void add_bcc(GString *prefix, GPtrArray *named, GPtrArray *given, const char *line_end)
{
	bool is_first = true;

	for (guint i = 0; i < given->len; i++) {
		const char *address = g_ptr_array_index(given, i);
		if (holds(named, address))
			continue;
		g_string_append_printf(prefix, "%s%s", is_first ? "Bcc: " : ", ", address);
		is_first = false;
	}
	if (!is_first)
		g_string_append(prefix, line_end);
}

static void add_from(GString *prefix, const CtlMailWords *words, const char *line_end)
{
	if (words->full_name != NULL)
		g_string_append_printf(prefix, "From: %s <%s>%s", words->full_name, words->from,
			line_end);
	else
		g_string_append_printf(prefix, "From: %s%s", words->from, line_end);
}

char *ctl_mail_prefix(const CtlMailWords *words, const char *data, gsize len, GError **error)
{
	g_autoptr(GPtrArray) named = ctl_mail_addresses(data, len);
	g_autoptr(GPtrArray) given = wanted(words);
	g_autoptr(GString) prefix = g_string_new(NULL);
	const char *first_end = memchr(data, '\n', len);
	const char *line_end = first_end != NULL && first_end > data && first_end[-1] == '\r'
		? "\r\n" : "\n";

	if (!check(words, named, given, data, len, error))
		return NULL;
	add_bcc(prefix, named, given, line_end);
	if (words->from != NULL && *words->from != '\0' && !has_header(data, len, "From"))
		add_from(prefix, words, line_end);
	/* No headers at all: what is there is the text. */
	if (len > 0 && *data != '\n' && *data != '\r' && header_name_len(data, len) == 0)
		g_string_append(prefix, line_end);
	return g_string_free(g_steal_pointer(&prefix), FALSE);
}
