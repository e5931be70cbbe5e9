/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"
#include "ews/mime.h"
#include "ews/op.h"
#include "ews/op/shape.h"

/*
 * GetItem, in two kinds that never share a call: with the listing properties, and with the MIME
 * content. The schema has MimeContent before ItemId, so content streams into the sink before it
 * is known whose it is; `is_about` lets the batch check that at the end of the message.
 */

typedef struct GetItem {
	EwsOp op;
	char *id; /* own */
	EwsItem *item; /* own */

	/* with MIME only */
	EwsMime *mime; /* own */
	int64_t size_hint;
	bool has_mime;
} GetItem;

static void write_ids(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_start(writer, "m:ItemIds");
	for (unsigned i = 0; i < count; i++)
		ews_writer_empty(writer, "t:ItemId", "Id", ((const GetItem *)ops[i])->id);
	ews_writer_end(writer);
}

static void write_plain(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_shape_write_items(writer);
	write_ids(writer, ops, count);
}

static void write_mime(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_shape_write_mime(writer);
	write_ids(writer, ops, count);
}

static void start_item(EwsReading *reading)
{
	GetItem *self = (GetItem *)reading->op;

	ews_item_free(self->item);
	self->item = ews_item_new();
	reading->record = self->item;
}

static void start_mime(EwsReading *reading)
{
	GetItem *self = (GetItem *)reading->op;
	GError *error = NULL;

	self->has_mime = false;
	if (!ews_mime_begin(self->mime, &error))
		ews_reading_fail(reading, error);
}

static void stream_mime(EwsReading *reading, const char *data, size_t len)
{
	GetItem *self = (GetItem *)reading->op;
	GError *error = NULL;

	if (!ews_mime_feed(self->mime, data, len, &error))
		ews_reading_fail(reading, error);
}

static void end_mime(EwsReading *reading)
{
	GetItem *self = (GetItem *)reading->op;
	GError *error = NULL;

	self->has_mime = ews_mime_end(self->mime, &error);
	if (!self->has_mime)
		ews_reading_fail(reading, error);
}

static void reset(EwsOp *op)
{
	GetItem *self = (GetItem *)op;

	g_clear_pointer(&self->item, ews_item_free);
	self->has_mime = false;
}

static bool finish(EwsOp *op, GError **error)
{
	const GetItem *self = (const GetItem *)op;

	if (!self->item || !self->item->id) {
		g_set_error(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"GetItem: an answer without an item");
		return false;
	}
	if (!self->mime || self->has_mime)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_CORRUPT,
		"the server gives no MIME content for this item");
	return false;
}

static int64_t weight(const EwsOp *op)
{
	return ((const GetItem *)op)->size_hint;
}

static bool is_about(const EwsOp *op, const EwsOp *asked)
{
	return g_str_equal(((const GetItem *)op)->item->id, ((const GetItem *)asked)->id);
}

static void clear(EwsOp *op)
{
	GetItem *self = (GetItem *)op;

	reset(op);
	ews_mime_free(self->mime);
	g_free(self->id);
}

/* clang-format off */
static const EwsElement plain_items[] = {
	{ .name = EWS_NAME_ANY, .children = ews_shape_item,
	  .start = start_item, .end = ews_shape_end_item },
	{ 0 },
};

static const EwsElement plain_message[] = {
	{ .name = EWS_NAME_Items, .children = plain_items },
	{ 0 },
};

static const EwsElement mime_item[] = {
	{ .name = EWS_NAME_MimeContent,
	  .start = start_mime, .stream = stream_mime, .end = end_mime },
	{ .name = EWS_NAME_ItemId, .start = ews_shape_item_id },
	{ .name = EWS_NAME_ItemClass, .type = EWS_FIELD_STRING,
	  .offset = offsetof(EwsItem, item_class) },
	{ 0 },
};

static const EwsElement mime_items[] = {
	{ .name = EWS_NAME_ANY, .children = mime_item, .start = start_item },
	{ 0 },
};

static const EwsElement mime_message[] = {
	{ .name = EWS_NAME_Items, .children = mime_items },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind plain_kind = {
	.id = EWS_KIND_GET_ITEM,
	.to = EWS_TO_CONTENT,
	.name = "GetItem",
	.batch_max = 100,
	.elements = plain_message,
	.write = write_plain,
	.reset = reset,
	.finish = finish,
	.is_about = is_about,
	.clear = clear,
};

static const EwsOpKind mime_kind = {
	.id = EWS_KIND_GET_ITEM_MIME,
	.to = EWS_TO_CONTENT,
	.name = "GetItem",
	.batch_max = 100,
	.elements = mime_message,
	.write = write_mime,
	.reset = reset,
	.finish = finish,
	.weight = weight,
	.is_about = is_about,
	.clear = clear,
};

EwsOp *ews_get_item_new(const char *item_id)
{
	GetItem *self = g_new0(GetItem, 1);

	ews_op_init(&self->op, &plain_kind);
	self->id = g_strdup(item_id);
	return &self->op;
}

EwsOp *ews_get_item_mime_new(const char *item_id, int64_t size_hint, const EwsSink *sink)
{
	GetItem *self = g_new0(GetItem, 1);

	ews_op_init(&self->op, &mime_kind);
	self->id = g_strdup(item_id);
	self->size_hint = size_hint;
	self->mime = ews_mime_new(sink);
	return &self->op;
}

EwsItem *ews_get_item_take(EwsOp *op)
{
	GetItem *self = (GetItem *)op;

	g_assert(op->kind == &plain_kind || op->kind == &mime_kind);
	return op->error ? NULL : g_steal_pointer(&self->item);
}
