/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/name.h"

#include <string.h>
#include <time.h>

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

bool cache_name_is_word(gunichar c, bool after_word)
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
		if (!cache_name_is_word(c, in_word)) {
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

/* --- fields -------------------------------------------------------------- */

/* Of what a name is made. */
typedef struct Naming {
	const EwsItem *item;
	const char *letters;
	const char *owner;
} Naming;

/* UTC. A draft's date would move, so it has none. */
static bool get_date(const EwsItem *item, struct tm *ret_date)
{
	int64_t when = date_of(item);
	time_t seconds = seconds_of(when);
	/* A year of five digits would sort wrongly, and no mail has one. */
	return !item->is_draft && when != EWS_TIME_NONE && gmtime_r(&seconds, ret_date) != NULL &&
	       ret_date->tm_year >= -1900 && ret_date->tm_year <= 8099;
}

static void append_day(GString *out, const Naming *naming)
{
	struct tm date;
	if (get_date(naming->item, &date))
		g_string_append_printf(out, "%04d-%02d-%02d", date.tm_year + 1900, date.tm_mon + 1,
			date.tm_mday);
	else
		g_string_append(out, naming->item->is_draft ? "draft" : "undated");
}

/* Nothing where there is none: the day, or what else a name begins with, says so. */
static void append_time(GString *out, const Naming *naming)
{
	struct tm date;
	if (get_date(naming->item, &date))
		g_string_append_printf(out, "%02d%02d%02dZ", date.tm_hour, date.tm_min,
			date.tm_sec);
}

static void append_date(GString *out, const Naming *naming)
{
	struct tm date;
	append_day(out, naming);
	if (get_date(naming->item, &date))
		g_string_append_c(out, 'T');
	append_time(out, naming);
}

/* The sender. */
static void append_from(GString *out, const Naming *naming)
{
	const char *address = naming->item->from_address;
	size_t before = out->len;
	append_words(out, naming->item->from_name, CACHE_NAME_PARTY_MAX);
	if (out->len == before && address != NULL) {
		g_autofree char *local = g_strndup(address, strcspn(address, "@"));
		append_words(out, local, CACHE_NAME_PARTY_MAX);
	}
	if (out->len == before)
		g_string_append(out, "unknown");
}

/* The first recipient. */
static void append_to(GString *out, const Naming *naming)
{
	const char *all = naming->item->display_to != NULL ? naming->item->display_to : "";
	g_autofree char *first = g_strndup(all, strcspn(all, ";"));
	size_t before = out->len;
	append_words(out, first, CACHE_NAME_PARTY_MAX);
	if (out->len == before)
		g_string_append(out, "nobody");
}

/* The sender; of the owner's own mail whom it went to. */
static void append_party(GString *out, const Naming *naming)
{
	const EwsItem *item = naming->item;
	bool is_own = item->from_address != NULL && naming->owner != NULL &&
		      g_ascii_strcasecmp(item->from_address, naming->owner) == 0;
	if (!is_own || item->display_to == NULL) {
		append_from(out, naming);
		return;
	}
	g_string_append(out, "to-");
	append_to(out, naming);
}

static void append_key(GString *out, const Naming *naming)
{
	g_string_append(out, naming->letters);
}

/* --- all of it ----------------------------------------------------------- */

/* What a piece of a template is in one name: bytes of a text. */
typedef struct Span {
	size_t start;
	size_t len;
} Span;

/* Puts what each piece of @template is into @out. The subject is the one that is cut to what the
 * others leave, so it comes last. */
static void fill(GString *out, const CacheTemplate *template, const Naming *naming, size_t max,
	Span *ret_spans)
{
	static void (*const append[])(GString *, const Naming *) = {
		[CACHE_TEMPLATE_DATE] = append_date,
		[CACHE_TEMPLATE_DAY] = append_day,
		[CACHE_TEMPLATE_TIME] = append_time,
		[CACHE_TEMPLATE_PARTY] = append_party,
		[CACHE_TEMPLATE_FROM] = append_from,
		[CACHE_TEMPLATE_TO] = append_to,
		[CACHE_TEMPLATE_KEY] = append_key,
	};
	unsigned subject = template->count;
	for (unsigned i = 0; i < template->count; i++) {
		const CacheTemplatePiece *piece = &template->pieces[i];
		size_t start = out->len;
		if (piece->field == CACHE_TEMPLATE_SUBJECT)
			subject = i;
		else if (piece->field == CACHE_TEMPLATE_TEXT)
			g_string_append(out, piece->text);
		else
			append[piece->field](out, naming);
		ret_spans[i] = (Span){start, out->len - start};
	}
	if (subject == template->count)
		return;
	size_t start = out->len;
	append_words(out, naming->item->subject, max - start);
	ret_spans[subject] = (Span){start, out->len - start};
}

static bool is_joint(char c)
{
	return c == '.' || c == '_' || c == '-';
}

/* In the order of @template. A field that is empty takes what joins it to the one before along; at
 * the beginning what joins it to the next. */
static void join(GString *out, const CacheTemplate *template, const char *text, const Span *spans)
{
	for (unsigned i = 0; i < template->count; i++) {
		const char *piece = text + spans[i].start;
		size_t len = spans[i].len;
		while (len == 0 && out->len > 0 && is_joint(out->str[out->len - 1]))
			g_string_truncate(out, out->len - 1);
		while (len > 0 && out->len == 0 && is_joint(*piece)) {
			piece++;
			len--;
		}
		g_string_append_len(out, piece, (gssize)len);
	}
}

static char *generated_name(const CacheTemplate *template, const Naming *naming)
{
	const char *extension = cache_name_extension(naming->item->item_class);
	Span spans[CACHE_TEMPLATE_PIECES_MAX];
	g_autoptr(GString) text = g_string_sized_new(CACHE_NAME_MAX);
	g_autoptr(GString) out = g_string_sized_new(CACHE_NAME_MAX);
	fill(text, template, naming, CACHE_NAME_MAX - strlen(extension), spans);
	join(out, template, text->str, spans);
	g_string_append(out, extension);
	/* Where fields touch, letters of both may be one. */
	return compose(out->str);
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

char *cache_name_item(const CacheTemplate *template, const EwsItem *item, const char *letters,
	const char *owner)
{
	const Naming naming = {.item = item, .letters = letters, .owner = owner};
	char *name = users_name(item);
	return name != NULL ? name : generated_name(template, &naming);
}

/* Where @template puts them. */
static const char *find_letters(const CacheTemplate *template, const char *name,
	const char *letters)
{
	size_t len = strlen(letters);
	const char *extension = strrchr(name, '.');
	const char *end = extension != NULL ? extension : name + strlen(name);
	if (template->key == 0)
		return g_str_has_prefix(name, letters) ? name : NULL;
	if (template->key < template->count - 1)
		return strstr(name, letters);
	bool is_there = (size_t)(end - name) >= len && memcmp(end - len, letters, len) == 0;
	return is_there ? end - len : NULL;
}

char *cache_name_exchange(const CacheTemplate *template, const char *name, const char *letters,
	const char *others)
{
	const char *at = find_letters(template, name, letters);
	if (at == NULL)
		return NULL;
	return g_strdup_printf("%.*s%s%s", (int)(at - name), name, others, at + strlen(letters));
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
