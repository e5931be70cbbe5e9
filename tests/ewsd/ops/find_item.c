/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FindItem: pages of a folder, restricted and sorted by SQLite. */
#include <string.h>

#include "tests/ewsd/aqs.h"
#include "tests/ewsd/content.h"
#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/render.h"
#include "tests/ewsd/restrict.h"

enum { FIND_ITEM_MAX = 1000 };

typedef struct Search {
	Where where;
	char *order;
	char *from;	/* the part of the statement after FROM, without order */
	int64_t folder;
	int64_t total;
	int64_t offset;
	int64_t max;
} Search;

static void search_clear(Search *self)
{
	where_clear(&self->where);
	g_free(self->order);
	g_free(self->from);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Search, search_clear)

static const char *read_search(Request *request, Search *search)
{
	g_autofree char *query = xml_child_text(request->op, "QueryString");
	xmlNode *restriction = xml_first(xml_child(request->op, "Restriction"));
	bool soft = xml_attr_is(request->op, "Traversal", "SoftDeleted");
	bool assoc = xml_attr_is(request->op, "Traversal", "Associated");
	const char *code = NULL;

	if (restriction)
		code = where_restriction(&search->where, restriction);
	/* gromox does not look at it. */
	if (query && !code && !request->world->like_real)
		code = aqs_where(&search->where, query);
	search->order = where_order(&search->where, xml_child(request->op, "SortOrder"));
	if (!code && !search->order)
		code = "ErrorUnsupportedPathForSortGroup";
	search->from = g_strdup_printf(
		"FROM items WHERE folder = ? AND state = %d AND assoc = %d%s%s",
		soft, assoc, search->where.sql->len ? " AND " : "", search->where.sql->str);
	return code;
}

static void count(Request *request, Search *search)
{
	g_autofree char *sql = g_strdup_printf("SELECT count(*) %s", search->from);
	sqlite3_stmt *stmt = store_sql(request->store, sql);

	sqlite3_bind_int64(stmt, 1, search->folder);
	where_bind(&search->where, stmt, 2);
	store_step(request->store, stmt);
	search->total = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
}

static void read_view(Request *request, Search *search)
{
	xmlNode *view = xml_child(request->op, "IndexedPageItemView");
	int64_t max = xml_attr_int(view, "MaxEntriesReturned", FIND_ITEM_MAX);

	search->max = CLAMP(max, 1, FIND_ITEM_MAX);
	search->offset = MAX(xml_attr_int(view, "Offset", 0), 0);
	if (xml_attr_is(view, "BasePoint", "End"))
		search->offset = MAX(search->total - search->offset - search->max, 0);
	search->offset = MIN(search->offset, search->total);
}

static void write_rows(Request *request, const Search *search, Shape *shape)
{
	g_autofree char *sql = g_strdup_printf("SELECT %s %s ORDER BY %s LIMIT %" G_GINT64_FORMAT
		" OFFSET %" G_GINT64_FORMAT, ITEM_COLUMNS, search->from, search->order,
		search->max, search->offset);
	g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)item_free);
	sqlite3_stmt *stmt = store_sql(request->store, sql);

	sqlite3_bind_int64(stmt, 1, search->folder);
	where_bind(&search->where, stmt, 2);
	while (store_step(request->store, stmt))
		g_ptr_array_add(items, item_from_row(stmt));
	for (guint i = 0; i < items->len; i++) {
		render_prepare(request->store, items->pdata[i], shape);
		render_item(request->out, store_key(request->store), items->pdata[i], shape,
			NULL, false);
	}
}

static const char *find_item(Request *request, xmlNode *node)
{
	g_autoptr(Shape) shape = shape_parse(xml_child(request->op, "ItemShape"), true,
		request->with_ms);
	g_autoptr(Folder) folder = NULL;
	g_auto(Search) search = {0};
	const char *code = request_folder(request, node, &folder);
	int64_t end;

	where_init(&search.where, request->world->like_real);
	if (!code)
		code = read_search(request, &search);
	if (code)
		return code;
	/* The other mailboxes know the folder, and have nothing in it. */
	search.folder = content_is_misled(request, folder->id) ? 0 : folder->id;
	count(request, &search);
	read_view(request, &search);
	end = MIN(search.offset + search.max, search.total);
	request_ok(request);
	out_printf(request->out, "<m:RootFolder IndexedPagingOffset=\"%" G_GINT64_FORMAT
		"\" TotalItemsInView=\"%" G_GINT64_FORMAT "\" IncludesLastItemInRange=\"%s\">"
		"<t:Items>", end, search.total, end == search.total ? "true" : "false");
	write_rows(request, &search, shape);
	out_raw(request->out, "</t:Items></m:RootFolder>");
	request_ok_end(request);
	return NULL;
}

static const char *locked(Request *request, xmlNode *node)
{
	const char *code;

	store_lock(request->store);
	code = find_item(request, node);
	store_unlock(request->store);
	return code;
}

void op_find_item(Request *request)
{
	request_each(request, xml_child(request->op, "ParentFolderIds"), locked, REQUEST_READ);
}
