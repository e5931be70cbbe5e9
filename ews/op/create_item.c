/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/addresses.h"
#include "ews/op/change.h"
#include "ews/op/fields.h"
#include "ews/op/shape.h"
#include "ews/source.h"

/*
 * CreateItem with MIME, SaveOnly: nobody hears of it. What stands beside the MIME wins over what
 * is in it. The source of the MIME is shared with the request: that may still be read when the op
 * is already answered, and after a 401 the op may go again, in another one.
 */

/* Bytes of headers that are looked through for Bcc. */
#define HEAD_MAX (256 * 1024)

typedef struct CreateItem {
	ChangeOp change; /* target: the folder */
	EwsItemKind item_kind;
	EwsSource *source; /* own */
	EwsFields *fields; /* own */
	GPtrArray *bcc;    /* own, of EwsAddress; NULL: none */
	char *item_class;  /* own; NULL: the server's choice */
	int64_t weight;
	bool is_draft;
} CreateItem;

static void write_recipients(EwsWriter *writer, const char *element, const GPtrArray *addresses)
{
	if (!addresses || addresses->len == 0)
		return;
	ews_writer_start(writer, element);
	for (guint i = 0; i < addresses->len; i++) {
		const EwsAddress *address = addresses->pdata[i];

		ews_writer_start(writer, "t:Mailbox");
		if (address->name)
			ews_writer_text(writer, "t:Name", address->name);
		ews_writer_text(writer, "t:EmailAddress", address->address);
		ews_writer_end(writer);
	}
	ews_writer_end(writer);
}

static void write_item(EwsWriter *writer, CreateItem *self, unsigned index)
{
	ews_writer_start(writer, ews_fields_element(self->item_kind));
	ews_writer_source(writer, "t:MimeContent", ews_source_ref(self->source), index);
	if (self->item_class)
		ews_writer_text(writer, "t:ItemClass", self->item_class);
	ews_fields_write_new(writer, self->fields, self->item_kind, self->is_draft);
	write_recipients(writer, "t:BccRecipients", self->bcc);
	ews_fields_write_new_read(writer, self->fields, self->item_kind);
	ews_writer_end(writer);
}

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	ews_writer_attribute(writer, "MessageDisposition", "SaveOnly");
	ews_writer_attribute(writer, "SendMeetingInvitations", "SendToNone");
	ews_change_write_target(writer, "m:SavedItemFolderId", ops[0]);
	ews_writer_start(writer, "m:Items");
	for (unsigned i = 0; i < count; i++)
		write_item(writer, (CreateItem *)ops[i], i);
	ews_writer_end(writer);
}

static const GError *flaw(const EwsOp *op)
{
	return ews_source_flaw(((const CreateItem *)op)->source);
}

static int64_t weight(const EwsOp *op)
{
	return ((const CreateItem *)op)->weight;
}

static void clear(EwsOp *op)
{
	CreateItem *self = (CreateItem *)op;

	ews_change_clear(op);
	ews_source_unref(self->source);
	ews_fields_free(self->fields);
	g_clear_pointer(&self->bcc, g_ptr_array_unref);
	g_free(self->item_class);
}

static const EwsOpKind kind = {
	.id = EWS_KIND_CREATE_ITEM,
	.to = EWS_TO_CONTENT,
	.name = "CreateItem",
	.batch_max = 100,
	.elements = ews_shape_new_id,
	.write = write_request,
	.reset = ews_change_reset,
	.finish = ews_change_finish,
	.flaw = flaw,
	.weight = weight,
	.clear = clear,
};

static GPtrArray *find_bcc(const EwsSource *source)
{
	g_autoptr(GString) head = ews_source_head(source, HEAD_MAX);

	return ews_addresses_of(head->str, head->len, "Bcc");
}

EwsOp *ews_create_item_new(const char *folder_id, EwsItemKind item_kind, const EwsUpload *mime,
	const EwsFields *fields, bool is_draft, const char *item_class)
{
	CreateItem *self = g_new0(CreateItem, 1);

	ews_op_init(&self->change.op, &kind);
	self->change.target = g_strdup(folder_id);
	self->item_kind = item_kind;
	self->source = ews_source_new(mime);
	self->weight = ews_source_len(self->source);
	self->fields = ews_fields_copy(fields);
	self->is_draft = is_draft;
	self->item_class = g_strdup(item_class);
	if (is_draft && item_kind == EWS_ITEM_MESSAGE)
		self->bcc = find_bcc(self->source);
	return &self->change.op;
}
