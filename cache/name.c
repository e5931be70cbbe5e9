/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/name.h"

#include <string.h>
#include <time.h>

#define PARTY_BYTES_MAX 32
#define DIR_BYTES_MAX 240

/* What a terminal shows in its line as it stands; the two separators would break the line. */
static bool is_shown(gunichar c)
{
	return g_unichar_isprint(c) && c != 0x2028 && c != 0x2029;
}

/* Hidden directories at the root that are ours, now or in time. */
static const char *const reserved[] = {".ewsfs", ".text", ".parts", ".search", ".send",
	"Archive.ewsfs", NULL};

/* A task, and not the mail about one (IPM.TaskRequest). */
static bool is_task(const char *item_class)
{
	size_t len = strlen("IPM.Task");
	return g_ascii_strncasecmp(item_class, "IPM.Task", len) == 0 &&
	       (item_class[len] == '\0' || item_class[len] == '.');
}

const char *cache_name_extension(const char *item_class)
{
	if (item_class == NULL)
		return ".eml";
	if (g_ascii_strncasecmp(item_class, "IPM.Appointment", strlen("IPM.Appointment")) == 0)
		return ".ics";
	if (g_ascii_strncasecmp(item_class, "IPM.Contact", strlen("IPM.Contact")) == 0)
		return ".vcf";
	if (is_task(item_class))
		return ".ics";
	return ".eml";
}

/* Letters by the book that look like nothing: the Hangul fillers. */
static bool is_blank_letter(gunichar c)
{
	return c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0;
}

static bool is_word(gunichar c, bool after_word)
{
	return (g_unichar_isalnum(c) && !is_blank_letter(c)) || (after_word && g_unichar_ismark(c));
}

/* Valid, composed (NFC) and short: a subject may be a megabyte, and what follows the first
 * kilobyte is never shown. ASCII, which most text is, needs none of the work. */
static char *compose(const char *text)
{
	size_t used = strnlen(text, 1024);
	bool is_ascii = true;
	for (size_t i = 0; i < used && is_ascii; i++)
		is_ascii = (text[i] & 0x80) == 0;
	if (is_ascii)
		return g_strndup(text, used);
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)used);
	return g_utf8_normalize(valid, -1, G_NORMALIZE_NFC);
}

/*
 * Appends the words of @text, joined by `-`, at most @max bytes. A `.`, `_` or `-` inside a word
 * stays, elsewhere it is a gap like any other character: names neither begin with a dash nor
 * hold two dots in a row.
 */
static void append_words(GString *out, const char *text, size_t max)
{
	if (text == NULL || text[0] == '\0')
		return;
	g_autofree char *composed = compose(text);
	if (composed == NULL)
		return;

	size_t start = out->len;
	gunichar gap = 0;
	bool in_word = false;
	for (const char *p = composed; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		if (!is_word(c, in_word)) {
			bool is_joint = in_word && strchr("._-", (int)(c < 128 ? c : ' ')) != NULL;
			gap = is_joint ? c : '-';
			in_word = false;
			continue;
		}
		char bytes[8];
		size_t len = (size_t)g_unichar_to_utf8(c, bytes);
		bool has_gap = gap != 0 && out->len > start;
		if (out->len - start + len + (has_gap ? 1 : 0) > max)
			return;
		if (has_gap)
			g_string_append_c(out, (char)gap);
		g_string_append_len(out, bytes, (gssize)len);
		gap = 0;
		in_word = true;
	}
}

static int64_t date_of(const EwsItem *item)
{
	if (item->received != EWS_TIME_NONE)
		return item->received;
	return item->sent != EWS_TIME_NONE ? item->sent : item->created;
}

static time_t seconds_of(int64_t when)
{
	return (time_t)(when / G_USEC_PER_SEC - (when % G_USEC_PER_SEC < 0));
}

static void append_date(GString *out, const EwsItem *item)
{
	if (item->is_draft) {
		g_string_append(out, "draft");
		return;
	}
	int64_t when = date_of(item);
	time_t seconds = seconds_of(when);
	struct tm parts;
	/* A year of five digits would sort wrongly, and no mail has one. */
	bool is_date = when != EWS_TIME_NONE && gmtime_r(&seconds, &parts) != NULL &&
		       parts.tm_year >= -1900 && parts.tm_year <= 8099;
	if (is_date)
		g_string_append_printf(out, "%04d-%02d-%02dT%02d%02d%02dZ", parts.tm_year + 1900,
			parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
	else
		g_string_append(out, "undated");
}

/* The sender; of the owner's own mail whom it went to. */
static void append_party(GString *out, const EwsItem *item, const char *owner)
{
	const char *name = item->from_name;
	const char *address = item->from_address;
	bool is_own = address != NULL && owner != NULL && g_ascii_strcasecmp(address, owner) == 0;
	if (is_own && item->display_to != NULL) {
		size_t len = strcspn(item->display_to, ";");
		g_autofree char *first = g_strndup(item->display_to, len);
		g_string_append(out, "to-");
		size_t start = out->len;
		append_words(out, first, PARTY_BYTES_MAX);
		if (out->len == start)
			g_string_append(out, "nobody");
		return;
	}
	size_t before = out->len;
	append_words(out, name, PARTY_BYTES_MAX);
	if (out->len == before && address != NULL) {
		g_autofree char *local = g_strndup(address, strcspn(address, "@"));
		append_words(out, local, PARTY_BYTES_MAX);
	}
	if (out->len == before)
		g_string_append(out, "unknown");
}

static char *generated_name(const EwsItem *item, const char *letters, const char *owner)
{
	const char *extension = cache_name_extension(item->item_class);
	size_t tail = 1 + strlen(letters) + strlen(extension);
	GString *out = g_string_sized_new(CACHE_NAME_MAX + 1);
	append_date(out, item);
	g_string_append_c(out, '_');
	append_party(out, item, owner);
	g_string_append_c(out, '_');
	size_t before = out->len;
	append_words(out, item->subject, CACHE_NAME_MAX - tail - out->len);
	if (out->len == before)
		g_string_truncate(out, before - 1);
	g_string_append_printf(out, ".%s%s", letters, extension);
	return g_string_free(out, FALSE);
}

/*
 * A name that a user once gave: kept as it is if it could have been given here (a message's
 * extension, no path, no control character), else NULL. It came from the server: whoever can
 * write to the mailbox can have put anything there.
 */
static char *users_name(const EwsItem *item)
{
	const char *name = item->file_name;
	if (name == NULL || name[0] == '\0' || name[0] == '.' || strlen(name) > DIR_BYTES_MAX)
		return NULL;
	if (!g_str_has_suffix(name, cache_name_extension(item->item_class)) ||
		!g_utf8_validate(name, -1, NULL))
		return NULL;
	for (const char *p = name; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		if (c == '/' || !is_shown(c))
			return NULL;
	}
	return g_strdup(name);
}

char *cache_name_item(const EwsItem *item, const char *letters, const char *owner)
{
	char *name = users_name(item);
	return name != NULL ? name : generated_name(item, letters, owner);
}

/* A colon begins the letters, and what is left of a message's name without its extension must not
 * look like another's with it. */
static bool is_misread(const char *name)
{
	return strchr(name, ':') != NULL || g_str_has_prefix(name, "~$") ||
	       g_str_has_suffix(name, ".ics.eml") || g_str_has_suffix(name, ".vcf.eml");
}

char *cache_name_item_marked(const EwsItem *item, const char *letters)
{
	g_autofree char *name = users_name(item);
	int64_t when = date_of(item);
	if (name != NULL && !is_misread(name))
		return g_steal_pointer(&name);
	return g_strdup_printf("%" G_GINT64_FORMAT ".ewsfs.%s%s",
		when != EWS_TIME_NONE ? (int64_t)MAX(seconds_of(when), 0) : INT64_C(0), letters,
		cache_name_extension(item->item_class));
}

char *cache_name_with_letters(const char *name, const char *letters)
{
	const char *extension = strrchr(name, '.');
	if (extension == NULL || extension == name)
		extension = name + strlen(name);
	return g_strdup_printf("%.*s.%s%s", (int)(extension - name), name, letters, extension);
}

static bool is_reserved(const char *name)
{
	return g_strv_contains(reserved, name);
}

char *cache_name_folder(const char *display_name, bool is_top)
{
	g_autofree char *valid = g_utf8_make_valid(display_name, -1);
	GString *out = g_string_new(NULL);
	/* A name that would vanish or lead elsewhere: its first dot is escaped. */
	bool is_dots = strcmp(valid, ".") == 0 || strcmp(valid, "..") == 0;
	bool hide_dot = is_dots || (is_top && is_reserved(valid));
	for (const char *p = valid; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		int len = (int)(g_utf8_next_char(p) - p);
		bool is_plain = c != '/' && c != '%' && is_shown(c) && !(hide_dot && c == '.');
		size_t needed = is_plain ? (size_t)len : 3 * (size_t)len;
		if (out->len + needed > DIR_BYTES_MAX)
			break;
		if (is_plain)
			g_string_append_len(out, p, len);
		for (int i = 0; !is_plain && i < len; i++)
			g_string_append_printf(out, "%%%02X", (unsigned char)p[i]);
	}
	if (out->len == 0)
		g_string_append(out, "%00"); /* no name at all: a NUL is what no name holds */
	return g_string_free(out, FALSE);
}

char *cache_name_folder_decode(const char *name)
{
	g_autofree char *said = g_uri_unescape_string(name, NULL);
	if (said == NULL || !g_utf8_validate(said, -1, NULL))
		return NULL;
	g_autofree char *shown = cache_name_folder(said, false);
	return g_str_equal(shown, name) ? g_steal_pointer(&said) : NULL;
}
