/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/aqs.h"

#include <string.h>

#include "tests/ewsd/clock.h"

static const char BAD[] = "ErrorInvalidOperation";

#define SENDER "ifnull(from_name, '') || ' ' || ifnull(from_addr, '')"
#define RECIPIENTS                                                                                 \
	"ifnull(rcpt_to, '') || ' ' || ifnull(rcpt_cc, '') || ' ' || ifnull(rcpt_bcc, '')"

typedef enum AqsKind { AQS_WORDS, AQS_DATE, AQS_FLAG } AqsKind;

static const struct {
	const char *name;
	AqsKind kind;
	const char *column;
} PROPERTIES[] = {
	{"", AQS_WORDS, "ifnull(subject, '') || ' ' || " SENDER " || ' ' || " RECIPIENTS
		" || ' ' || ifnull(" ITEM_TEXT ", '')"},
	{"subject", AQS_WORDS, "subject"},
	{"from", AQS_WORDS, SENDER},
	{"to", AQS_WORDS, "rcpt_to"},
	{"cc", AQS_WORDS, "rcpt_cc"},
	{"body", AQS_WORDS, ITEM_TEXT},
	{"received", AQS_DATE, "received"},
	{"sent", AQS_DATE, "sent"},
	{"hasattachment", AQS_FLAG, "has_attach"},
	{"isread", AQS_FLAG, "is_read"},
};

typedef struct Aqs {
	Where *where;
	const char *at;
} Aqs;

static void skip(Aqs *self)
{
	while (g_ascii_isspace(*self->at))
		self->at++;
}

static bool ends(char c)
{
	return c == '\0' || g_ascii_isspace(c) || strchr("()\"", c);
}

static bool word_is(Aqs *self, const char *word)
{
	size_t length = strlen(word);

	skip(self);
	if (strncmp(self->at, word, length) != 0 || !ends(self->at[length]))
		return false;
	self->at += length;
	return true;
}

static char *take(Aqs *self)
{
	const char *start = self->at;

	if (*start != '"') {
		while (!ends(*self->at))
			self->at++;
		return g_strndup(start, (gsize)(self->at - start));
	}
	self->at = strchr(start + 1, '"');
	if (!self->at) {
		self->at = "";
		return g_strdup("");
	}
	return g_strndup(start + 1, (gsize)(self->at++ - start - 1));
}

static const char *words(Aqs *self, const char *column, char *value)
{
	bool begins = g_str_has_suffix(value, "*");

	if (begins)
		value[strlen(value) - 1] = '\0';
	if (!*value)
		return BAD;
	g_string_append_printf(self->where->sql, "ews_has_words(%s, ?, %d)", column, begins);
	g_ptr_array_add(self->where->values, g_strdup(value));
	return NULL;
}

static const char *date(Aqs *self, const char *column, const char *value)
{
	static const char *const signs[] = {">=", "<=", ">", "<"};
	int64_t ms;

	for (size_t i = 0; i < G_N_ELEMENTS(signs); i++) {
		g_autofree char *time = NULL;

		if (!g_str_has_prefix(value, signs[i]))
			continue;
		time = g_strconcat(value + strlen(signs[i]), "T00:00:00Z", NULL);
		if (!clock_parse(time, &ms))
			return BAD;
		g_string_append_printf(self->where->sql, "%s %s %" G_GINT64_FORMAT, column,
			signs[i], ms);
		return NULL;
	}
	return BAD;
}

static const char *flag(Aqs *self, const char *column, const char *value)
{
	bool yes = strcmp(value, "true") == 0;

	if (!yes && strcmp(value, "false") != 0)
		return BAD;
	g_string_append_printf(self->where->sql, "%s = %d", column, yes);
	return NULL;
}

/* The property that is named next, which is passed over; 0: none is. */
static size_t property(Aqs *self)
{
	for (size_t i = 1; i < G_N_ELEMENTS(PROPERTIES); i++) {
		size_t length = strlen(PROPERTIES[i].name);

		if (g_ascii_strncasecmp(self->at, PROPERTIES[i].name, length) != 0
			|| self->at[length] != ':')
			continue;
		self->at += length + 1;
		return i;
	}
	return 0;
}

static const char *one(Aqs *self)
{
	size_t which = property(self);
	g_autofree char *value = take(self);

	switch (PROPERTIES[which].kind) {
	case AQS_DATE:
		return date(self, PROPERTIES[which].column, value);
	case AQS_FLAG:
		return flag(self, PROPERTIES[which].column, value);
	case AQS_WORDS:
		break;
	}
	return words(self, PROPERTIES[which].column, value);
}

static const char *any(Aqs *self, unsigned depth);

static const char *unit(Aqs *self, unsigned depth)
{
	const char *code;

	if (word_is(self, "NOT")) {
		g_string_append(self->where->sql, "NOT ifnull(");
		code = depth < 64 ? unit(self, depth + 1) : BAD;
		g_string_append(self->where->sql, ", 0)");
		return code;
	}
	skip(self);
	if (*self->at != '(')
		return *self->at ? one(self) : BAD;
	self->at++;
	g_string_append_c(self->where->sql, '(');
	code = depth < 64 ? any(self, depth + 1) : BAD;
	g_string_append_c(self->where->sql, ')');
	if (code)
		return code;
	skip(self);
	if (*self->at != ')')
		return BAD;
	self->at++;
	return NULL;
}

static const char *all(Aqs *self, unsigned depth)
{
	const char *code = unit(self, depth);

	for (skip(self); !code && *self->at && *self->at != ')'; skip(self)) {
		Aqs ahead = *self;

		if (word_is(&ahead, "OR"))
			break;
		word_is(self, "AND");
		g_string_append(self->where->sql, " AND ");
		code = unit(self, depth);
	}
	return code;
}

static const char *any(Aqs *self, unsigned depth)
{
	const char *code = all(self, depth);

	while (!code && word_is(self, "OR")) {
		g_string_append(self->where->sql, " OR ");
		code = all(self, depth);
	}
	return code;
}

const char *aqs_where(Where *where, const char *query)
{
	Aqs self = {where, query};
	const char *code;

	g_string_append_c(where->sql, '(');
	code = any(&self, 0);
	g_string_append_c(where->sql, ')');
	return code ? code : *self.at ? BAD : NULL;
}
