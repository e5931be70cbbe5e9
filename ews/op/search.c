/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op.h"
#include "ews/op/restriction.h"
#include "ews/op/shape.h"

/*
 * FindItem: which items of a folder a query finds, one page of them, and nothing but their ids.
 * Folders that are asked the same travel together.
 *
 * As in find_item.c each page but the first begins with the item that the one before ended with, so
 * that none is missed where something goes meanwhile.
 */

#define PAGE 1000
#define BATCH 100

typedef struct Search {
	EwsOp op;
	EwsSearch asked;     /* its query is owned; folder_id and after too */
	int64_t next_offset; /* as the server says; -1: not said */
	bool has_root;
	EwsFound found;
} Search;

static void write_view(EwsWriter *writer, const Search *self)
{
	char number[32];

	ews_writer_start(writer, "m:IndexedPageItemView");
	g_snprintf(number, sizeof(number), "%u", self->op.page);
	ews_writer_attribute(writer, "MaxEntriesReturned", number);
	g_snprintf(number, sizeof(number), "%" G_GINT64_FORMAT, self->asked.offset);
	ews_writer_attribute(writer, "Offset", number);
	ews_writer_attribute(writer, "BasePoint", "Beginning");
	ews_writer_end(writer);
}

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const Search *self = (const Search *)ops[0];
	g_autofree char *aqs = self->asked.is_aqs ? ews_query_aqs(self->asked.query) : NULL;

	ews_writer_attribute(writer, "Traversal", "Shallow");
	ews_writer_start(writer, "m:ItemShape");
	ews_writer_text(writer, "t:BaseShape", "IdOnly");
	ews_writer_end(writer);
	write_view(writer, self);
	if (!aqs)
		ews_restriction_write(writer, self->asked.query);
	ews_writer_start(writer, "m:SortOrder");
	ews_writer_start(writer, "t:FieldOrder");
	ews_writer_attribute(writer, "Order", "Ascending");
	ews_writer_empty(writer, "t:FieldURI", "FieldURI", "item:DateTimeReceived");
	ews_writer_end(writer);
	ews_writer_end(writer);
	ews_writer_start(writer, "m:ParentFolderIds");
	for (unsigned i = 0; i < count; i++)
		ews_writer_empty(writer, "t:FolderId", "Id",
			((const Search *)ops[i])->asked.folder_id);
	ews_writer_end(writer);
	if (aqs)
		ews_writer_text(writer, "m:QueryString", aqs);
}

static void start_root(EwsReading *reading)
{
	Search *self = (Search *)reading->op;
	g_autofree char *last = ews_reading_attribute(reading, EWS_NAME_IncludesLastItemInRange);

	self->has_root = last != NULL;
	self->found.is_last = last && ews_parse_bool(last);
	self->found.total = ews_reading_attribute_number(reading, EWS_NAME_TotalItemsInView, -1);
	self->next_offset = ews_reading_attribute_number(reading, EWS_NAME_IndexedPagingOffset, -1);
}

static void start_id(EwsReading *reading)
{
	Search *self = (Search *)reading->op;
	char *id = ews_reading_attribute(reading, EWS_NAME_Id);

	if (id)
		g_ptr_array_add(self->found.ids, id);
	else
		ews_reading_fail(reading, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
						  "FindItem: an item without an id"));
	if (self->found.ids->len > EWS_CAP_ITEM_CHANGES)
		ews_reading_fail(reading,
			g_error_new(EWS_ERROR, EWS_ERROR_TOO_BIG,
				"FindItem: more than %d items in a page", EWS_CAP_ITEM_CHANGES));
}

static void reset(EwsOp *op)
{
	Search *self = (Search *)op;

	g_clear_pointer(&self->found.ids, g_ptr_array_unref);
	self->found.ids = g_ptr_array_new_with_free_func(g_free);
	self->found.is_last = self->has_root = false;
	self->found.next_offset = 0;
	self->next_offset = self->found.total = -1;
}

/* The item that the page before ended with, which is told already. */
static bool take_first(Search *self, GError **error)
{
	GPtrArray *ids = self->found.ids;

	if (!self->asked.after)
		return true;
	if (ids->len == 0 || strcmp(ids->pdata[0], self->asked.after) != 0) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_STALE,
			"FindItem: the folder changed between two pages");
		return false;
	}
	g_ptr_array_remove_index(ids, 0);
	return true;
}

static bool finish(EwsOp *op, GError **error)
{
	Search *self = (Search *)op;
	EwsFound *found = &self->found;
	int64_t next = self->next_offset;

	if (next < 0)
		next = self->asked.offset + found->ids->len;
	found->next_offset = next - 1;
	if (!take_first(self, error))
		return false;
	/* The one that is known already leads nowhere either. */
	if (self->has_root &&
		(found->is_last || (found->ids->len > 0 && next - 1 > self->asked.offset)))
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
		"FindItem: a page that is not the last and leads nowhere");
	return false;
}

/* What is said once a call. */
static bool is_alike(const EwsOp *op, const EwsOp *other)
{
	const EwsSearch *one = &((const Search *)op)->asked;
	const EwsSearch *two = &((const Search *)other)->asked;

	return one->query == two->query && one->is_aqs == two->is_aqs && one->offset == two->offset;
}

static void clear(EwsOp *op)
{
	Search *self = (Search *)op;

	g_clear_pointer(&self->found.ids, g_ptr_array_unref);
	ews_query_unref(self->asked.query);
	g_free((char *)self->asked.folder_id);
	g_free((char *)self->asked.after);
}

/* clang-format off */
static const EwsElement item[] = {
	{ .name = EWS_NAME_ItemId, .start = start_id },
	{ 0 },
};

static const EwsElement items[] = {
	{ .name = EWS_NAME_ANY, .children = item },
	{ 0 },
};

static const EwsElement root[] = {
	{ .name = EWS_NAME_Items, .children = items },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_RootFolder, .children = root, .start = start_root },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_SEARCH,
	.to = EWS_TO_CONTENT,
	.name = "FindItem",
	.batch_max = BATCH,
	.page_max = PAGE,
	.elements = message,
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.is_alike = is_alike,
	.clear = clear,
};

EwsOp *ews_search_new(const EwsSearch *asked)
{
	Search *self = g_new0(Search, 1);

	ews_op_init(&self->op, &kind);
	self->asked = *asked;
	self->asked.query = ews_query_ref(asked->query);
	self->asked.folder_id = g_strdup(asked->folder_id);
	self->asked.after = g_strdup(asked->after);
	return &self->op;
}

const EwsFound *ews_search_found(const EwsOp *op)
{
	const Search *self = (const Search *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : &self->found;
}
