/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GetItem and GetFolder. Each item is looked up with the store locked and written without,
 * and sent at once: a reader can use the first while the last is still being made.
 */
#include "tests/ewsd/content.h"
#include "tests/ewsd/mime.h"
#include "tests/ewsd/ops/ops.h"
#include "tests/ewsd/pim.h"
#include "tests/ewsd/render.h"
#include "tests/ewsd/synth.h"

static GBytes *as_real(GBytes *mime, const Item *item)
{
	g_autoptr(GBytes) plain = mime;
	g_autoptr(GBytes) fresh = mime_new_boundaries(plain);

	return mime_decorate(fresh, item);
}

static GBytes *as_grommunio(GBytes *stored, const Item *item)
{
	g_autoptr(GBytes) mime = pim_mime_out(stored, item);

	return mime_new_boundaries(mime);
}

static GBytes *rendered(Request *request, const Item *item, GBytes *stored)
{
	GBytes *mime = stored ? g_bytes_ref(stored)
		: synth_mime((uint64_t)item->seed, (uint64_t)item->seed_bytes);

	return request->world->like_real && !pim_is(item) ? as_real(mime, item) : mime;
}

static bool needs_mime(const Shape *shape)
{
	return shape_has(shape, OTHER_MIME) || shape_has(shape, OTHER_BODY)
		|| shape_has(shape, OTHER_HEADERS);
}

static void write_item(Request *request, const Item *item, const Shape *shape, GBytes *mime)
{
	request_ok(request);
	out_raw(request->out, "<m:Items>");
	render_item(request->out, store_key(request->store), item, shape, mime,
		request->plan->bad_base64);
	out_raw(request->out, "</m:Items>");
	request_ok_end(request);
}

static const char *look_up(Request *request, const xmlNode *node, Shape *shape, Item **ret_item,
	GBytes **ret_stored)
{
	const char *code = request_item(request, node, ret_item);

	if (code)
		return code;
	render_prepare(request->store, *ret_item, shape);
	if (needs_mime(shape) && (*ret_item)->body)
		*ret_stored = item_body(request->store, (*ret_item)->body);
	return NULL;
}

static const char *get_item(Request *request, xmlNode *node)
{
	g_autoptr(Shape) shape = shape_parse(xml_child(request->op, "ItemShape"), false,
		request->with_ms);
	g_autoptr(Item) item = NULL;
	g_autoptr(GBytes) stored = NULL;
	g_autoptr(GBytes) mime = NULL;
	const char *code;

	store_lock(request->store);
	code = look_up(request, node, shape, &item, &stored);
	store_unlock(request->store);
	if (code)
		return code;
	if (shape_has(shape, OTHER_MIME) && request->world->like_grommunio && pim_is(item))
		mime = as_grommunio(stored, item);
	else if (shape_has(shape, OTHER_MIME) && !render_has_mime(item))
		return "ErrorUnsupportedMimeConversion";
	else if (needs_mime(shape) && render_has_mime(item))
		mime = rendered(request, item, stored);
	write_item(request, item, shape, mime);
	return NULL;
}

void op_get_item(Request *request)
{
	request_each(request, xml_child(request->op, "ItemIds"), get_item, REQUEST_READ);
}

static const char *get_folder(Request *request, xmlNode *node)
{
	g_autoptr(Shape) shape = shape_parse(xml_child(request->op, "FolderShape"), false,
		request->with_ms);
	g_autoptr(Folder) folder = NULL;
	const char *code;

	store_lock(request->store);
	code = request_folder(request, node, &folder);
	if (!code && content_is_misled(request, folder->id))
		folder->total = folder->unread = folder->size = folder->deleted = 0;
	if (!code) {
		request_ok(request);
		out_raw(request->out, "<m:Folders>");
		render_folder(request->out, request->store, folder, shape);
		out_raw(request->out, "</m:Folders>");
		request_ok_end(request);
	}
	store_unlock(request->store);
	return code;
}

void op_get_folder(Request *request)
{
	request_each(request, xml_child(request->op, "FolderIds"), get_folder, REQUEST_READ);
}
