/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/describe.h"

#include <stdlib.h>
#include <string.h>

#include "ews/error.h"
#include "tests/wire/change.h"
#include "tests/wire/news.h"

static const char *const code_names[] = {
	"not-found", "exists", "denied", "auth", "stale", "busy", "offline", "tls", "too-big",
	"no-space", "unsupported", "corrupt", "protocol", "local", "cancelled",
	"invalid", "forbidden", "not-empty", "quota",
};
G_STATIC_ASSERT(G_N_ELEMENTS(code_names) == EWS_ERROR_QUOTA + 1);

/* --- ops from words ---------------------------------------------------------------------- */

static bool begin(void *user, GError **error)
{
	Described *self = user;

	g_string_truncate(self->mime, 0);
	self->begun++;
	return true;
}

static bool write_some(void *user, const void *data, size_t len, GError **error)
{
	Described *self = user;

	if (self->begun == 0)
		return false;
	g_string_append_len(self->mime, data, (gssize)len);
	return true;
}

/* Those who look for the same in several folders share their query. */
static EwsQuery *query_of(const char *text)
{
	static char *last_text;
	static EwsQuery *last;

	if (g_strcmp0(text, last_text) != 0) {
		g_free(last_text);
		ews_query_unref(last);
		last_text = g_strdup(text);
		last = ews_query_parse(text, NULL);
	}
	return last;
}

/* "search aqs|restriction FOLDER OFFSET AFTER|- QUERY". */
static EwsOp *make_search(char **words)
{
	g_autofree char *text = NULL;
	EwsSearch asked = { 0 };

	if (g_strv_length(words) < 6)
		return NULL;
	text = g_strjoinv(" ", words + 5);
	asked.is_aqs = strcmp(words[1], "aqs") == 0;
	asked.folder_id = words[2];
	asked.offset = atoi(words[3]);
	asked.after = strcmp(words[4], "-") != 0 ? words[4] : NULL;
	asked.query = query_of(text);
	return asked.query ? ews_search_new(&asked) : NULL;
}

static EwsOp *make_op(Described *self, char **words)
{
	EwsSink sink = { begin, write_some, self };
	const char *one = words[1];
	const char *two = one ? words[2] : NULL;

	if (change_is(words[0]))
		return change_new(words);
	if (news_is(words[0]))
		return news_new(words);
	if (strcmp(words[0], "sync-hierarchy") == 0)
		return ews_sync_folder_hierarchy_new("msgfolderroot", one);
	if (!one)
		return NULL;
	if (strcmp(words[0], "get-item-mime") == 0)
		return ews_get_item_mime_new(one, two ? atoi(two) : -1, &sink);
	if (strcmp(words[0], "get-item") == 0)
		return ews_get_item_new(one);
	if (strcmp(words[0], "get-details") == 0)
		return ews_get_details_new(one, two ? (EwsItemKind)atoi(two) : EWS_ITEM_CALENDAR);
	if (strcmp(words[0], "sync-items") == 0)
		return ews_sync_folder_items_new(one, two);
	if (strcmp(words[0], "find-items") == 0)
		return ews_find_item_new(one, two);
	if (strcmp(words[0], "search") == 0)
		return make_search(words);
	if (strcmp(words[0], "find-newest") == 0)
		return ews_find_newest_new(one);
	if (strcmp(words[0], "find-subfolders") == 0)
		return ews_find_subfolders_new(one, two ? (uint32_t)atoi(two) : 0);
	if (strcmp(words[0], "find-folder") == 0)
		return ews_find_folder_new(one, two ? (uint32_t)atoi(two) : 0);
	if (strcmp(words[0], "get-folder") == 0)
		return ews_get_folder_new(one);
	if (strcmp(words[0], "get-distinguished") == 0)
		return ews_get_distinguished_folder_new(one);
	if (strcmp(words[0], "resolve") == 0)
		return ews_resolve_names_new(one);
	return NULL;
}

Described *described_new(const char *words)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);
	Described *self = g_new0(Described, 1);

	self->mime = g_string_new(NULL);
	self->what = g_strdup(list[0] ? list[0] : "");
	self->op = list[0] ? make_op(self, list) : NULL;
	if (self->op)
		return self;
	described_free(self);
	return NULL;
}

void described_free(Described *self)
{
	if (!self)
		return;
	ews_op_free(self->op);
	g_string_free(self->mime, TRUE);
	g_free(self->what);
	g_free(self);
}

/* --- answers in words -------------------------------------------------------------------- */

static void print_found(GString *out, const EwsFound *found)
{
	g_string_append_printf(out, " total=%" G_GINT64_FORMAT, found->total);
	if (!found->is_last)
		g_string_append_printf(out, " next=%" G_GINT64_FORMAT, found->next_offset);
	for (guint i = 0; i < found->ids->len; i++)
		g_string_append_printf(out, " %s", (const char *)found->ids->pdata[i]);
}

static void print_string(GString *out, const char *label, const char *value)
{
	if (!value)
		return;
	if (strlen(value) > 200)
		g_string_append_printf(out, " %s=<%zu bytes>", label, strlen(value));
	else if (g_utf8_validate(value, -1, NULL))
		g_string_append_printf(out, " %s=\"%s\"", label, value);
	else
		g_string_append_printf(out, " %s=INVALID", label);
}

static void print_number(GString *out, const char *label, int64_t value, int64_t missing)
{
	if (value != missing)
		g_string_append_printf(out, " %s=%" G_GINT64_FORMAT, label, (gint64)value);
}

static void print_true(GString *out, const char *label, bool value)
{
	if (value)
		g_string_append_printf(out, " %s", label);
}

static void print_item(GString *out, const EwsItem *item)
{
	print_string(out, "id", item->id);
	print_string(out, "key", item->change_key);
	print_string(out, "class", item->item_class);
	print_string(out, "subject", item->subject);
	print_string(out, "from_name", item->from_name);
	print_string(out, "from", item->from_address);
	print_string(out, "to", item->display_to);
	print_string(out, "message_id", item->message_id);
	print_string(out, "file_name", item->file_name);
	print_string(out, "guid", item->guid);
	for (char **category = item->categories; category && *category; category++)
		print_string(out, "category", *category);
	for (size_t i = 0; i < item->search_key_len; i++)
		g_string_append_printf(out, "%s%02x", i == 0 ? " search_key=" : "",
			item->search_key[i]);
	print_number(out, "received", item->received, EWS_TIME_NONE);
	print_number(out, "sent", item->sent, EWS_TIME_NONE);
	print_number(out, "created", item->created, EWS_TIME_NONE);
	print_number(out, "modified", item->modified, EWS_TIME_NONE);
	print_number(out, "size", item->size, -1);
	print_number(out, "importance", item->importance, EWS_IMPORTANCE_NORMAL);
	print_number(out, "flag", item->flag, EWS_FLAG_NONE);
	print_true(out, "read", item->is_read);
	print_true(out, "draft", item->is_draft);
	print_true(out, "attachments", item->has_attachments);
	print_true(out, "bare", !item->has_properties);
}

static void print_folder(GString *out, const EwsFolder *folder)
{
	print_string(out, "id", folder->id);
	print_string(out, "key", folder->change_key);
	print_string(out, "parent", folder->parent_id);
	print_string(out, "name", folder->display_name);
	print_string(out, "class", folder->folder_class);
	print_true(out, "search", folder->is_search);
	print_true(out, "hidden", folder->is_hidden);
	print_number(out, "total", folder->total_count, -1);
	print_number(out, "unread", folder->unread_count, -1);
	print_number(out, "children", folder->child_count, -1);
	print_number(out, "size", folder->size, -1);
	print_number(out, "commit", folder->commit_time, EWS_TIME_NONE);
	print_number(out, "deleted", folder->deleted_count, -1);
	print_number(out, "rights", folder->rights, EWS_RIGHTS_ALL);
}

static const char *const change_names[] = { "create", "update", "delete", "read-flag" };

static void print_item_sync(GString *out, const EwsItemSync *page)
{
	g_string_append_printf(out, " %s changes=%u", page->is_last ? "last" : "more",
		page->changes->len);
	print_string(out, "state", page->state);
	for (guint i = 0; i < page->changes->len; i++) {
		const EwsItemChange *change = page->changes->pdata[i];

		g_string_append_printf(out, "\n  %s", change_names[change->kind]);
		print_item(out, change->item);
	}
}

static void print_folder_sync(GString *out, const EwsFolderSync *page)
{
	g_string_append_printf(out, " %s changes=%u", page->is_last ? "last" : "more",
		page->changes->len);
	print_string(out, "state", page->state);
	for (guint i = 0; i < page->changes->len; i++) {
		const EwsFolderChange *change = page->changes->pdata[i];

		g_string_append_printf(out, "\n  %s", change_names[change->kind]);
		print_folder(out, change->folder);
	}
}

static void print_folder_page(GString *out, const EwsFolderPage *page)
{
	g_string_append_printf(out, " %s next=%u folders=%u", page->is_last ? "last" : "more",
		page->next_offset, page->folders->len);
	for (guint i = 0; i < page->folders->len; i++) {
		g_string_append(out, "\n  folder");
		print_folder(out, page->folders->pdata[i]);
	}
}

static void print_mime(GString *out, const Described *self)
{
	g_autofree char *sum =
		g_compute_checksum_for_string(G_CHECKSUM_SHA256, self->mime->str,
			(gssize)self->mime->len);
	g_autofree char *text = g_strescape(self->mime->str, NULL);

	if (self->mime->len <= 200)
		g_string_append_printf(out, " mime=\"%s\"", text);
	else
		g_string_append_printf(out, " bytes=%zu sha256=%.16s", self->mime->len, sum);
	if (self->begun > 1)
		g_string_append_printf(out, " begun=%u", self->begun);
}

static void print_change(GString *out, const EwsOp *op)
{
	print_string(out, "id", ews_op_new_id(op));
	print_string(out, "key", ews_op_new_change_key(op));
}

static void print_answer(Described *self, GString *out)
{
	if (change_is(self->what)) {
		print_change(out, self->op);
	} else if (news_is(self->what)) {
		news_print(self->what, self->op, out);
	} else if (g_str_has_prefix(self->what, "get-item")) {
		g_autoptr(EwsItem) item = ews_get_item_take(self->op);

		print_item(out, item);
		if (g_str_equal(self->what, "get-item-mime"))
			print_mime(out, self);
	} else if (g_str_equal(self->what, "get-details")) {
		g_auto(GStrv) pairs = ews_get_details_take(self->op);

		for (char **pair = pairs; *pair; pair += 2)
			print_string(out, pair[0], pair[1]);
	} else if (g_str_equal(self->what, "sync-items")) {
		print_item_sync(out, ews_sync_folder_items_page(self->op));
	} else if (g_str_equal(self->what, "sync-hierarchy")) {
		print_folder_sync(out, ews_sync_folder_hierarchy_page(self->op));
	} else if (g_str_equal(self->what, "find-items") ||
		g_str_equal(self->what, "find-newest")) {
		g_string_append_printf(out, " total=%" G_GINT64_FORMAT,
			ews_find_item_list(self->op)->total);
		print_item_sync(out, &ews_find_item_list(self->op)->page);
	} else if (g_str_equal(self->what, "find-folder") ||
		g_str_equal(self->what, "find-subfolders")) {
		print_folder_page(out, ews_find_folder_page(self->op));
	} else if (g_str_equal(self->what, "search")) {
		print_found(out, ews_search_found(self->op));
	} else if (g_str_equal(self->what, "resolve")) {
		print_string(out, "address", ews_resolve_names_address(self->op));
	} else {
		g_autoptr(EwsFolder) folder = ews_get_folder_take(self->op);

		print_folder(out, folder);
	}
}

void described_print(Described *self, GString *out)
{
	const GError *error = ews_op_error(self->op);

	if (error) {
		g_assert(error->domain == EWS_ERROR);
		g_string_append_printf(out, "error %s%s%s: %s\n", code_names[error->code],
			ews_op_is_in_doubt(self->op) ? " doubted" : "",
			ews_op_is_refused_whole(self->op) ? " refused" : "", error->message);
		return;
	}
	g_string_append(out, "ok");
	print_answer(self, out);
	g_string_append_c(out, '\n');
}
