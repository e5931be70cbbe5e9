/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/restrict.h"

#include <string.h>

#include "tests/ewsd/clock.h"
#include "tests/ewsd/fields.h"
#include "tests/ewsd/xml.h"

void where_init(Where *self, bool like_real)
{
	self->sql = g_string_new(NULL);
	self->like_real = like_real;
	self->values = g_ptr_array_new_with_free_func(g_free);
}

void where_clear(Where *self)
{
	g_string_free(self->sql, TRUE);
	g_ptr_array_unref(self->values);
}

void where_bind(const Where *self, sqlite3_stmt *stmt, int first)
{
	for (guint i = 0; i < self->values->len; i++)
		sqlite3_bind_text(stmt, first + (int)i, self->values->pdata[i], -1,
			SQLITE_TRANSIENT);
}

/* A path: what to write in the SQL, and how its constants look. */
typedef struct Path {
	const char *column;	/* NULL: an extended property */
	FieldKind kind;
	const char *const *words;	/* of an enumeration */
	int n_words;
	char *key;
} Path;

static void path_clear(Path *self)
{
	g_free(self->key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Path, path_clear)

static FieldKind kind_of_type(const char *type)
{
	static const char *const numbers[] = {"Integer", "Long", "Short", "Double", "Float"};

	for (size_t i = 0; type && i < G_N_ELEMENTS(numbers); i++) {
		if (strcmp(numbers[i], type) == 0)
			return FIELD_INT;
	}
	return FIELD_STRING;
}

static bool read_ext(Path *self, const xmlNode *node)
{
	g_autoptr(ExtField) ext = ext_field_parse(node);

	self->kind = kind_of_type(ext->type);
	self->column = ext->tag >= 0 ? ext_column(ext->tag, &self->kind) : NULL;
	if (ext->tag == 0x1090)
		self->column = "nullif(flag, 0)";
	if (ext->tag == 0x1000)
		self->column = ITEM_TEXT;
	if (!self->column)
		self->key = g_strdup(ext->key);
	return true;
}

static void read_words(Path *self)
{
	if (strcmp(self->column, "importance") == 0) {
		self->words = FIELD_IMPORTANCE;
		self->n_words = 3;
	} else {
		self->words = FIELD_SENSITIVITY;
		self->n_words = 4;
	}
}

static bool read_path(Path *self, const xmlNode *node, bool like_real)
{
	g_autofree char *uri = NULL;
	const Field *field;

	*self = (Path){.kind = FIELD_STRING};
	if (xml_is(node, "ExtendedFieldURI"))
		return read_ext(self, node);
	uri = xml_attr(node, "FieldURI");
	field = uri ? field_by_uri(uri) : NULL;
	if (!field)
		return false;
	if (field->other == OTHER_FROM || field->other == OTHER_SENDER)
		self->column = "(ifnull(from_name, '') || ' ' || ifnull(from_addr, ''))";
	else if (field->other == OTHER_TOPIC)
		self->column = "subject";
	else
		self->column = field->column;
	self->kind = field->kind;
	if (like_real && self->kind == FIELD_PEOPLE)
		return false;
	if (self->kind == FIELD_ENUM)
		read_words(self);
	return self->column != NULL;
}

static void add_value(Where *self, const char *text)
{
	g_ptr_array_add(self->values, g_strdup(text));
}

static void write_path(Where *self, const Path *path)
{
	if (path->column) {
		g_string_append(self->sql, path->column);
		return;
	}
	g_string_append(self->sql, path->kind == FIELD_INT
		? "(SELECT CAST(value AS INTEGER) FROM props p WHERE p.item = items.id"
		  " AND p.key = ?)"
		: "(SELECT value FROM props p WHERE p.item = items.id AND p.key = ?)");
	add_value(self, path->key);
}

static bool write_constant(Where *self, const Path *path, const char *value)
{
	char number[24];
	int64_t ms;

	switch (path->kind) {
	case FIELD_DATE:
		if (!clock_parse(value, &ms))
			return false;
		g_snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, ms);
		add_value(self, number);
		break;
	case FIELD_BOOL:
		add_value(self, strcmp(value, "true") == 0 || strcmp(value, "1") == 0 ? "1" : "0");
		break;
	case FIELD_ENUM:
		for (int i = 0; i < path->n_words; i++) {
			if (g_ascii_strcasecmp(path->words[i], value) == 0)
				g_snprintf(number, sizeof(number), "%d", i);
		}
		add_value(self, number);
		break;
	case FIELD_INT:
		add_value(self, value);
		break;
	case FIELD_STRING:
	case FIELD_LINES:
	case FIELD_PEOPLE:
	case FIELD_OTHER:
		add_value(self, value);
		g_string_append_c(self->sql, '?');
		return true;
	}
	g_string_append(self->sql, "CAST(? AS INTEGER)");
	return true;
}

static const struct {
	const char *name;
	const char *sql;
} COMPARE[] = {
	{"IsEqualTo", " IS "}, {"IsNotEqualTo", " IS NOT "}, {"IsGreaterThan", " > "},
	{"IsGreaterThanOrEqualTo", " >= "}, {"IsLessThan", " < "},
	{"IsLessThanOrEqualTo", " <= "},
};

static const char *compare(Where *self, const xmlNode *test, size_t which)
{
	g_autofree char *value = xml_attr(xml_path(test, "FieldURIOrConstant/Constant"), "Value");
	g_auto(Path) path = {0};

	if (!read_path(&path, xml_first(test), self->like_real))
		return "ErrorUnsupportedPathForQuery";
	if (!value)
		return "ErrorInvalidRestriction";
	/* Whether one client's mark is there must not take a walk through the folder. */
	if (which == 0 && !path.column && path.kind == FIELD_STRING) {
		g_string_append(self->sql,
			"id IN (SELECT item FROM props WHERE key = ? AND value = ?)");
		add_value(self, path.key);
		add_value(self, value);
		return NULL;
	}
	write_path(self, &path);
	g_string_append(self->sql, COMPARE[which].sql);
	return write_constant(self, &path, value) ? NULL : "ErrorInvalidValueForProperty";
}

static const char *contains(Where *self, const xmlNode *test)
{
	g_autofree char *value = xml_attr(xml_child(test, "Constant"), "Value");
	g_autofree char *comparison = xml_attr(test, "ContainmentComparison");
	g_auto(Path) path = {0};
	int mode = xml_attr_is(test, "ContainmentMode", "FullString") ? 0
		: xml_attr_is(test, "ContainmentMode", "Prefixed") ? 1 : 2;
	bool folds = comparison && strstr(comparison, "IgnoreCase");

	if (!read_path(&path, xml_first(test), self->like_real))
		return "ErrorUnsupportedPathForQuery";
	if (!value)
		return "ErrorInvalidRestriction";
	g_string_append(self->sql, "ews_contains(");
	write_path(self, &path);
	g_string_append_printf(self->sql, ", ?, %d, %d)", mode, folds);
	add_value(self, value);
	return NULL;
}

static const char *exists(Where *self, const xmlNode *test)
{
	g_auto(Path) path = {0};

	if (!read_path(&path, xml_first(test), self->like_real))
		return "ErrorUnsupportedPathForQuery";
	write_path(self, &path);
	g_string_append(self->sql, " IS NOT NULL");
	return NULL;
}

static const char *excludes(Where *self, const xmlNode *test)
{
	g_autofree char *mask = xml_attr(xml_child(test, "Bitmask"), "Value");
	g_auto(Path) path = {0};

	if (!read_path(&path, xml_first(test), self->like_real) || !mask)
		return "ErrorUnsupportedPathForQuery";
	g_string_append(self->sql, "(ifnull(");
	write_path(self, &path);
	g_string_append_printf(self->sql, ", 0) & %" G_GINT64_FORMAT ") = 0",
		(int64_t)g_ascii_strtoull(mask, NULL, 0));
	return NULL;
}

static const char *joined(Where *self, const xmlNode *test, const char *word)
{
	const char *code = NULL;

	g_string_append_c(self->sql, '(');
	for (xmlNode *n = xml_first(test); n && !code; n = xml_next(n)) {
		if (n != xml_first(test))
			g_string_append(self->sql, word);
		code = where_restriction(self, n);
	}
	g_string_append_c(self->sql, ')');
	return code;
}

const char *where_restriction(Where *self, const xmlNode *test)
{
	if (xml_is(test, "And"))
		return joined(self, test, " AND ");
	if (xml_is(test, "Or"))
		return joined(self, test, " OR ");
	if (xml_is(test, "Not")) {
		/* What a missing property compares to is "no", and "not no" is yes. */
		const char *code;

		g_string_append(self->sql, "NOT ifnull(");
		code = where_restriction(self, xml_first(test));
		g_string_append(self->sql, ", 0)");
		return code;
	}
	if (xml_is(test, "Contains"))
		return contains(self, test);
	if (xml_is(test, "Exists"))
		return exists(self, test);
	if (xml_is(test, "Excludes"))
		return excludes(self, test);
	for (size_t i = 0; i < G_N_ELEMENTS(COMPARE); i++) {
		if (!xml_is(test, COMPARE[i].name))
			continue;
		if (self->like_real && g_str_has_suffix(COMPARE[i].name, "OrEqualTo"))
			return "ErrorInvalidRestriction";
		return compare(self, test, i);
	}
	return "ErrorInvalidRestriction";
}

char *where_order(Where *self, const xmlNode *order)
{
	g_autoptr(GString) sql = g_string_new(NULL);

	for (xmlNode *n = xml_first(order); n; n = xml_next(n)) {
		g_auto(Path) path = {0};

		if (!read_path(&path, xml_first(n), false) || !path.column)
			return NULL;
		g_string_append_printf(sql, "%s %s, ", path.column,
			xml_attr_is(n, "Order", "Descending") ? "DESC" : "ASC");
	}
	g_string_append(sql, "received DESC, id DESC");
	return g_string_free(g_steal_pointer(&sql), FALSE);
}
