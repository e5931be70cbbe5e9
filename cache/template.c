/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/template.h"

#include <string.h>

#include "cache/cache.h"
#include "cache/name.h"
#include "ews/error.h"

/* What each takes at most; of the subject what it has at least. */
static const struct {
	const char *word;
	size_t bytes;
} fields[CACHE_TEMPLATE_FIELDS] = {
	[CACHE_TEMPLATE_TEXT] = {"", 0},
	[CACHE_TEMPLATE_DATE] = {"{date}", 18},
	[CACHE_TEMPLATE_DAY] = {"{day}", 10},
	[CACHE_TEMPLATE_TIME] = {"{time}", 7},
	[CACHE_TEMPLATE_PARTY] = {"{party}", 3 + CACHE_NAME_PARTY_MAX},
	[CACHE_TEMPLATE_FROM] = {"{from}", CACHE_NAME_PARTY_MAX},
	[CACHE_TEMPLATE_TO] = {"{to}", CACHE_NAME_PARTY_MAX},
	[CACHE_TEMPLATE_SUBJECT] = {"{subject}", 16},
	[CACHE_TEMPLATE_KEY] = {"{key}", 10},
};

#define EXTENSION_BYTES 4

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, text);
	return false;
}

static bool refuse_field(const char *word, GError **error)
{
	size_t len = strcspn(word, "}");
	if (word[len] == '\0')
		return refuse(error, "a \"{\" without its \"}\"");
	GString *known = g_string_new(NULL);
	for (unsigned i = CACHE_TEMPLATE_TEXT + 1; i < CACHE_TEMPLATE_FIELDS; i++)
		g_string_append_printf(known, "%s%s", known->len > 0 ? ", " : "", fields[i].word);
	g_autofree char *list = g_string_free(known, FALSE);
	g_autofree char *shown = g_strndup(word, len + 1);
	g_autofree char *plain = g_strescape(shown, NULL);
	return refuse(error, "there is no field \"%s\"; there are %s", plain, list);
}

/* --- text --------------------------------------------------------------- */

static bool refuse_character(gunichar c, GError **error)
{
	char bytes[8] = "";
	g_unichar_to_utf8(c, bytes);
	/* What is no picture may be something that terminals obey. */
	g_autofree char *shown = g_unichar_isgraph(c) ? g_strdup_printf("\"%s\"", bytes)
						      : g_strdup_printf("U+%04X", c);
	return refuse(error,
		"%s cannot be in it: letters, digits, \".\", \"_\", \"-\" and fields "
		"can",
		shown);
}

static bool is_joint(gunichar c)
{
	return c == '.' || c == '_' || c == '-';
}

/* Names neither begin nor end with what joins words, nor hold two dots in a row. */
static bool check_text(const char *text, bool is_first, bool is_last, GError **error)
{
	bool is_in_word = false;
	for (const char *p = text; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		is_in_word = cache_name_is_word(c, is_in_word);
		if (!is_in_word && !is_joint(c))
			return refuse_character(c, error);
	}
	if (is_first && is_joint((guchar)text[0]))
		return refuse(error, "it cannot begin with \"%c\"", text[0]);
	char end = text[strlen(text) - 1];
	if (is_last && is_joint((guchar)end))
		return refuse(error, "it cannot end with \"%c\"", end);
	return strstr(text, "..") == NULL || refuse(error, "two dots in a row");
}

static bool take_text(CacheTemplate *self, const char **words, GError **error)
{
	size_t len = strcspn(*words, "{");
	g_autofree char *text = g_strndup(*words, len);
	g_autofree char *composed = g_utf8_normalize(text, -1, G_NORMALIZE_NFC);
	bool is_first = self->count == 0;
	bool is_last = (*words)[len] == '\0';
	if (composed == NULL || !check_text(composed, is_first, is_last, error))
		return false;
	*words += len;
	self->pieces[self->count++].text = g_steal_pointer(&composed);
	return true;
}

/* --- fields -------------------------------------------------------------- */

static bool has_field(const CacheTemplate *self, CacheTemplateField field)
{
	for (unsigned i = 0; i < self->count; i++) {
		if (self->pieces[i].field == field)
			return true;
	}
	return false;
}

static bool take_field(CacheTemplate *self, const char **words, GError **error)
{
	CacheTemplateField field = CACHE_TEMPLATE_TEXT + 1;
	while (field < CACHE_TEMPLATE_FIELDS && !g_str_has_prefix(*words, fields[field].word))
		field++;
	if (field == CACHE_TEMPLATE_FIELDS)
		return refuse_field(*words, error);
	if (has_field(self, field))
		return refuse(error, "%s is in it twice", fields[field].word);
	*words += strlen(fields[field].word);
	if (field == CACHE_TEMPLATE_KEY)
		self->key = self->count;
	self->pieces[self->count++].field = field;
	return true;
}

/* --- all of it ----------------------------------------------------------- */

static bool check_length(const CacheTemplate *self, GError **error)
{
	size_t bytes = EXTENSION_BYTES;
	for (unsigned i = 0; i < self->count; i++) {
		const CacheTemplatePiece *piece = &self->pieces[i];
		bytes += piece->text != NULL ? strlen(piece->text) : fields[piece->field].bytes;
	}
	if (bytes <= CACHE_NAME_MAX)
		return true;
	return refuse(error, "names of it would need %zu bytes, and they have at most %d", bytes,
		CACHE_NAME_MAX);
}

static bool take_apart(CacheTemplate *self, GError **error)
{
	if (!g_utf8_validate(self->words, -1, NULL))
		return refuse(error, "it is not UTF-8");
	/* Text is never beside text, and no field is there twice: there is room for all. */
	for (const char *words = self->words; *words != '\0';) {
		bool is_taken = *words == '{' ? take_field(self, &words, error)
					      : take_text(self, &words, error);
		if (!is_taken)
			return false;
	}
	if (!has_field(self, CACHE_TEMPLATE_KEY))
		return refuse(error, "{key} is missing, by which names are told apart");
	return check_length(self, error);
}

CacheTemplate *cache_template_new(const char *words, GError **error)
{
	g_autoptr(CacheTemplate) self = g_new0(CacheTemplate, 1);
	self->words = g_strdup(words != NULL ? words : CACHE_NAMES_USUAL);
	if (take_apart(self, error))
		return g_steal_pointer(&self);
	g_prefix_error(error, "names=: ");
	return NULL;
}

void cache_template_free(CacheTemplate *self)
{
	if (self == NULL)
		return;
	for (unsigned i = 0; i < self->count; i++)
		g_free(self->pieces[i].text);
	g_free(self->words);
	g_free(self);
}

bool cache_names_check(const char *names, GError **error)
{
	g_autoptr(CacheTemplate) template = cache_template_new(names, error);
	return template != NULL;
}
