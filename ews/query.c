/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/query.h"

#include <stdatomic.h>
#include <string.h>

#include "ews/error.h"
#include "ews/query_tree.h"

struct EwsQuery {
	atomic_int refs;
	EwsQueryTest *top; /* own */
};

static const struct {
	const char *name;
	EwsQueryField field;
	EwsQueryKind kind;
} fields[] = {
	{"from", EWS_QUERY_FROM, EWS_QUERY_WORDS},
	{"to", EWS_QUERY_TO, EWS_QUERY_WORDS},
	{"cc", EWS_QUERY_CC, EWS_QUERY_WORDS},
	{"subject", EWS_QUERY_SUBJECT, EWS_QUERY_WORDS},
	{"body", EWS_QUERY_BODY, EWS_QUERY_WORDS},
	{"received", EWS_QUERY_RECEIVED, EWS_QUERY_TIME},
	{"sent", EWS_QUERY_SENT, EWS_QUERY_TIME},
	{"hasattachment", EWS_QUERY_ATTACHMENT, EWS_QUERY_FLAG},
	{"hasattachments", EWS_QUERY_ATTACHMENT, EWS_QUERY_FLAG},
	{"isread", EWS_QUERY_READ, EWS_QUERY_FLAG},
};

/* --- tests ------------------------------------------------------------------------------- */

static void test_free(void *data)
{
	EwsQueryTest *self = data;

	if (!self)
		return;
	g_clear_pointer(&self->tests, g_ptr_array_unref);
	g_free(self->words);
	g_free(self);
}

static EwsQueryTest *test_new(EwsQueryKind kind, EwsQueryField field)
{
	EwsQueryTest *self = g_new0(EwsQueryTest, 1);

	self->kind = kind;
	self->field = field;
	return self;
}

/* Takes both; @first may be such a group already. */
static EwsQueryTest *join(EwsQueryKind kind, EwsQueryTest *first, bool is_group, EwsQueryTest *next)
{
	EwsQueryTest *self = first;

	if (!is_group) {
		self = test_new(kind, EWS_QUERY_ANYWHERE);
		self->tests = g_ptr_array_new_with_free_func(test_free);
		g_ptr_array_add(self->tests, first);
	}
	g_ptr_array_add(self->tests, next);
	return self;
}

/* --- reading ----------------------------------------------------------------------------- */

/* What is still to be read. */
typedef struct Rest {
	const char *at;
	unsigned depth;
} Rest;

static EwsQueryTest *refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static EwsQueryTest *refuse(GError **error, const char *format, ...)
{
	va_list words;

	va_start(words, format);
	if (error)
		*error = g_error_new_valist(EWS_ERROR, EWS_ERROR_INVALID, format, words);
	va_end(words);
	return NULL;
}

static void skip_blanks(Rest *rest)
{
	while (g_ascii_isspace(*rest->at))
		rest->at++;
}

static bool ends_word(char c)
{
	return c == '\0' || g_ascii_isspace(c) || strchr("()\"", c);
}

/* TRUE, and it is passed over. */
static bool takes_operator(Rest *rest, const char *name)
{
	size_t len = strlen(name);

	skip_blanks(rest);
	if (strncmp(rest->at, name, len) != 0 || !ends_word(rest->at[len]))
		return false;
	rest->at += len;
	return true;
}

static bool is_operator_next(const Rest *rest)
{
	Rest ahead = *rest;

	return takes_operator(&ahead, "AND") || takes_operator(&ahead, "OR");
}

/* A word, or what stands in quotes; NULL: quotes that are not closed. Owned. */
static char *take_words(Rest *rest, bool *ret_is_quoted)
{
	const char *begin = rest->at;
	char *words;

	*ret_is_quoted = *begin == '"';
	if (!*ret_is_quoted) {
		while (!ends_word(*rest->at))
			rest->at++;
		return g_strndup(begin, (size_t)(rest->at - begin));
	}
	begin++;
	rest->at = strchr(begin, '"');
	if (!rest->at)
		return NULL;
	words = g_strndup(begin, (size_t)(rest->at - begin));
	rest->at++;
	return words;
}

/* --- what is looked for in words --------------------------------------------------------- */

/* What has nothing that an index would know may find everything. */
static bool says_something(const char *words)
{
	for (const char *at = words; *at; at = g_utf8_next_char(at))
		if (g_unichar_isalnum(g_utf8_get_char(at)))
			return true;
	return false;
}

static EwsQueryTest *read_words(EwsQueryField field, const char *said, GError **error)
{
	g_autofree char *words = g_strstrip(g_strdup(said));
	bool is_start = g_str_has_suffix(words, "*");
	EwsQueryTest *self;

	if (is_start)
		words[strlen(words) - 1] = '\0';
	if (strchr(words, '*'))
		return refuse(error, "\"%s\": a * only ends a word", said);
	if (!says_something(words))
		return refuse(error, "\"%s\" has neither letter nor digit", said);
	self = test_new(EWS_QUERY_WORDS, field);
	self->words = g_steal_pointer(&words);
	self->is_start = is_start;
	return self;
}

/* --- times ------------------------------------------------------------------------------- */

static bool read_number(const char **at, unsigned digits, int *ret_number)
{
	int number = 0;

	for (unsigned i = 0; i < digits; i++, (*at)++) {
		if (!g_ascii_isdigit(**at))
			return false;
		number = number * 10 + g_ascii_digit_value(**at);
	}
	*ret_number = number;
	return true;
}

static int64_t day_of(int year, int month, int day)
{
	g_autoptr(GDateTime) time = g_date_time_new_utc(year, month, day, 0, 0, 0);

	return time ? g_date_time_to_unix(time) : INT64_MIN;
}

/* "2026-11-20", "2026-11" or "2026": when it begins, and when the next one does. */
static bool read_period(const char **at, int64_t *ret_from, int64_t *ret_until)
{
	int year, month = 0, day = 0;

	if (!read_number(at, 4, &year) || year < 1601)
		return false;
	if (**at == '-') {
		(*at)++;
		if (!read_number(at, 2, &month) || month < 1 || month > 12)
			return false;
	}
	if (month > 0 && **at == '-') {
		(*at)++;
		if (!read_number(at, 2, &day) || day < 1)
			return false;
	}
	*ret_from = day_of(year, MAX(month, 1), MAX(day, 1));
	if (day > 0)
		*ret_until = *ret_from + 24 * 60 * 60;
	else if (month > 0)
		*ret_until = month < 12 ? day_of(year, month + 1, 1) : day_of(year + 1, 1, 1);
	else
		*ret_until = day_of(year + 1, 1, 1);
	/* The last day that can be written has no next one. */
	if (*ret_until == INT64_MIN || *ret_until > day_of(9999, 12, 31))
		*ret_until = day_of(9999, 12, 31);
	return *ret_from != INT64_MIN;
}

/* Behind the operator. */
static bool read_times(const char *said, const char *operator, EwsQueryTest * test)
{
	const char *at = said;
	int64_t from, until;

	if (!read_period(&at, &from, &until))
		return false;
	test->from = INT64_MIN;
	test->until = INT64_MAX;
	if (g_str_has_prefix(at, "..") && !*operator) {
		at += 2;
		test->from = from;
		return read_period(&at, &from, &test->until) && !*at && from >= test->from;
	}
	if (g_str_equal(operator, ">"))
		test->from = until;
	else if (g_str_equal(operator, ">="))
		test->from = from;
	else if (g_str_equal(operator, "<"))
		test->until = from;
	else if (g_str_equal(operator, "<="))
		test->until = until;
	if (!*operator) {
		test->from = from;
		test->until = until;
	}
	return !*at;
}

static EwsQueryTest *read_time(EwsQueryField field, const char *said, const char *operator,
	GError ** error)
{
	EwsQueryTest *self = test_new(EWS_QUERY_TIME, field);

	if (read_times(said, operator, self))
		return self;
	test_free(self);
	return refuse(error,
		"\"%s%s\" is no date: say 2026-11-20, 2026-11, 2026-11-01..2026-11-30 or"
		" >=2026-11-01",
		operator, said);
}

/* --- properties -------------------------------------------------------------------------- */

static EwsQueryTest *read_flag(EwsQueryField field, const char *said, GError **error)
{
	bool is_true =
		g_ascii_strcasecmp(said, "true") == 0 || g_ascii_strcasecmp(said, "yes") == 0;
	EwsQueryTest *self;

	if (!is_true && g_ascii_strcasecmp(said, "false") != 0 &&
		g_ascii_strcasecmp(said, "no") != 0)
		return refuse(error, "\"%s\" is neither true nor false", said);
	self = test_new(EWS_QUERY_FLAG, field);
	self->is_true = is_true;
	return self;
}

/* What stands between a property and its value: "" for ":" and "="; NULL where there is none. */
static const char *take_comparison(Rest *rest)
{
	static const char *const comparisons[] = {">=", "<=", ">", "<", "="};
	bool has_colon = *rest->at == ':';

	rest->at += has_colon;
	for (size_t i = 0; i < G_N_ELEMENTS(comparisons); i++) {
		if (!g_str_has_prefix(rest->at, comparisons[i]))
			continue;
		rest->at += strlen(comparisons[i]);
		return *comparisons[i] == '=' ? "" : comparisons[i];
	}
	return has_colon ? "" : NULL;
}

static EwsQueryTest *read_value(Rest *rest, size_t field, const char *operator, GError ** error)
{
	bool is_quoted;
	g_autofree char *said = take_words(rest, &is_quoted);

	if (!said)
		return refuse(error, "quotes are not closed");
	if (fields[field].kind == EWS_QUERY_TIME)
		return read_time(fields[field].field, said, operator, error);
	if (*operator)
		return refuse(error, "\"%s\" is not compared by %s", fields[field].name, operator);
	if (fields[field].kind == EWS_QUERY_FLAG)
		return read_flag(fields[field].field, said, error);
	return read_words(fields[field].field, said, error);
}

/* "from:ada"; NULL without an error: it is none, and nothing was passed over. */
static EwsQueryTest *read_property(Rest *rest, GError **error)
{
	Rest ahead = *rest;
	const char *operator;
	g_autofree char *name = NULL;

	while (g_ascii_isalpha(*ahead.at))
		ahead.at++;
	name = g_strndup(rest->at, (size_t)(ahead.at - rest->at));
	operator= * name ? take_comparison(&ahead) : NULL;
	if (!operator)
		return NULL;
	*rest = ahead;
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		if (g_ascii_strcasecmp(fields[i].name, name) == 0)
			return read_value(rest, i, operator, error);
	return refuse(error,
		"there is no property \"%s\"; what is to be found as it stands is put in"
		" quotes",
		name);
}

/* --- the whole --------------------------------------------------------------------------- */

static EwsQueryTest *read_any(Rest *rest, GError **error);

static EwsQueryTest *read_group(Rest *rest, GError **error)
{
	EwsQueryTest *self;

	rest->at++;
	if (++rest->depth > EWS_QUERY_DEPTH_MAX)
		return refuse(error, "too many parentheses");
	self = read_any(rest, error);
	if (!self)
		return NULL;
	rest->depth--;
	skip_blanks(rest);
	if (*rest->at != ')') {
		test_free(self);
		return refuse(error, "a parenthesis is not closed");
	}
	rest->at++;
	return self;
}

static EwsQueryTest *read_plain(Rest *rest, GError **error)
{
	bool is_quoted;
	g_autofree char *said = take_words(rest, &is_quoted);

	if (!said)
		return refuse(error, "quotes are not closed");
	if (!is_quoted && *said == '-')
		return refuse(error, "\"%s\": say NOT, or put it in quotes", said);
	return read_words(EWS_QUERY_ANYWHERE, said, error);
}

static EwsQueryTest *read_one(Rest *rest, GError **error)
{
	EwsQueryTest *self;
	GError *problem = NULL;

	skip_blanks(rest);
	if (*rest->at == '\0' || *rest->at == ')' || is_operator_next(rest))
		return refuse(error, "a word is missing");
	if (*rest->at == '(')
		return read_group(rest, error);
	self = read_property(rest, &problem);
	if (self || problem) {
		if (problem)
			g_propagate_error(error, problem);
		return self;
	}
	return read_plain(rest, error);
}

static EwsQueryTest *read_not(Rest *rest, GError **error)
{
	EwsQueryTest *inner, *self;
	bool is_not = false;

	while (takes_operator(rest, "NOT"))
		is_not = !is_not;
	inner = read_one(rest, error);
	if (!inner || !is_not)
		return inner;
	self = test_new(EWS_QUERY_NOT, EWS_QUERY_ANYWHERE);
	self->tests = g_ptr_array_new_with_free_func(test_free);
	g_ptr_array_add(self->tests, inner);
	return self;
}

static bool is_at_end(Rest *rest)
{
	skip_blanks(rest);
	return *rest->at == '\0' || *rest->at == ')';
}

static EwsQueryTest *read_all(Rest *rest, GError **error)
{
	EwsQueryTest *self = read_not(rest, error);
	bool is_group = false;

	while (self && !is_at_end(rest)) {
		Rest ahead = *rest;
		EwsQueryTest *next;

		if (takes_operator(&ahead, "OR"))
			break;
		takes_operator(rest, "AND");
		next = read_not(rest, error);
		if (!next) {
			test_free(self);
			return NULL;
		}
		self = join(EWS_QUERY_AND, self, is_group, next);
		is_group = true;
	}
	return self;
}

static EwsQueryTest *read_any(Rest *rest, GError **error)
{
	EwsQueryTest *self = read_all(rest, error);
	bool is_group = false;

	while (self && takes_operator(rest, "OR")) {
		EwsQueryTest *next = read_all(rest, error);

		if (!next) {
			test_free(self);
			return NULL;
		}
		self = join(EWS_QUERY_OR, self, is_group, next);
		is_group = true;
	}
	return self;
}

static EwsQueryTest *read_query(const char *text, GError **error)
{
	Rest rest = {text, 0};
	EwsQueryTest *top;

	if (strlen(text) > EWS_QUERY_BYTES_MAX)
		return refuse(error, "it is longer than %d bytes", EWS_QUERY_BYTES_MAX);
	if (!g_utf8_validate(text, -1, NULL))
		return refuse(error, "it is not UTF-8");
	top = read_any(&rest, error);
	if (!top || !*rest.at)
		return top;
	test_free(top);
	return refuse(error, "a parenthesis was not opened");
}

EwsQuery *ews_query_parse(const char *text, GError **error)
{
	EwsQueryTest *top = read_query(text, error);
	EwsQuery *self;

	if (!top) {
		g_prefix_error(error, "search for %s: ", text);
		return NULL;
	}
	self = g_new0(EwsQuery, 1);
	atomic_init(&self->refs, 1);
	self->top = top;
	return self;
}

EwsQuery *ews_query_ref(EwsQuery *self)
{
	atomic_fetch_add(&self->refs, 1);
	return self;
}

void ews_query_unref(EwsQuery *self)
{
	if (!self || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	test_free(self->top);
	g_free(self);
}

const EwsQueryTest *ews_query_top(const EwsQuery *self)
{
	return self->top;
}
