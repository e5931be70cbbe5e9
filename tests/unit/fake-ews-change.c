/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The half of the fake that changes its mailbox. What it does is what a good server does; the
 * trouble is in fake-ews-trouble.c.
 */
#include <string.h>
#include <unistd.h>

#include "tests/unit/fake-ews-private.h"
#include "tests/unit/test-cache-kit.h"

#define TRASH "deleteditems"
#define SENT "sentitems"

/* --- the mailbox ------------------------------------------------------------------------ */

static FakeFolder *find_live(EwsSession *self, const char *id)
{
	FakeFolder *folder = fake_find_folder(self, id);
	return folder != NULL && !folder->is_gone ? folder : NULL;
}

static FakeFolder *find_holder(EwsSession *self, const char *item_id)
{
	for (guint i = 0; i < self->folders->len; i++) {
		FakeFolder *folder = self->folders->pdata[i];
		if (!folder->is_gone && fake_find_item(folder, item_id) != G_MAXUINT)
			return folder;
	}
	return NULL;
}

/* The folder of the op's item; NULL: the op is refused. */
static FakeFolder *need_holder(EwsSession *self, EwsOp *op)
{
	FakeFolder *folder = find_holder(self, op->id);
	if (folder == NULL)
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
	return folder;
}

static FakeFolder *need_folder(EwsSession *self, EwsOp *op, const char *id)
{
	FakeFolder *folder = find_live(self, id);
	if (folder == NULL)
		fake_refuse_op(op, EWS_ERROR_NOT_FOUND);
	return folder;
}

static char *new_id(EwsSession *self)
{
	return g_strdup_printf("N%u", ++self->made);
}

static char *new_change_key(EwsSession *self)
{
	return g_strdup_printf("K%u", ++self->made);
}

static void replace(char **member, const char *value)
{
	g_free(*member);
	*member = g_strdup(value);
}

static void set_fields(EwsItem *item, const EwsFields *fields)
{
	if (fields->set & EWS_FIELD_SUBJECT)
		replace(&item->subject, fields->subject);
	if (fields->set & EWS_FIELD_FILE_NAME)
		replace(&item->file_name, fields->file_name);
	if (fields->set & EWS_FIELD_GUID)
		replace(&item->guid, fields->guid);
	if (fields->set & EWS_FIELD_CATEGORIES) {
		g_strfreev(item->categories);
		item->categories = g_strdupv((char **)fields->categories);
	}
	if (fields->set & EWS_FIELD_RECEIVED)
		item->received = fields->received;
	if (fields->set & EWS_FIELD_SENT)
		item->sent = fields->sent;
	if (fields->set & EWS_FIELD_IMPORTANCE)
		item->importance = fields->importance;
	if (fields->set & EWS_FIELD_FLAG)
		item->flag = fields->flag;
	if (fields->set & EWS_FIELD_IS_READ)
		item->is_read = fields->is_read;
}

/* Into @to under a new id; the original stays where @is_copy. */
static void take_to(EwsSession *self, EwsOp *op, FakeFolder *from, FakeFolder *to, bool is_copy)
{
	EwsItem *item = kit_copy_item(from->items->pdata[fake_find_item(from, op->id)]);
	const char *mime = g_hash_table_lookup(self->mimes, op->id);
	g_free(item->id);
	item->id = new_id(self);
	replace(&op->new_id, item->id);
	replace(&op->new_change_key, item->change_key);
	fake_put_item(self, to, item, mime);
	if (!is_copy)
		fake_drop_item(self, from, op->id, true);
}

/* --- answers ---------------------------------------------------------------------------- */

static void answer_create(EwsSession *self, EwsOp *op)
{
	FakeFolder *folder = need_folder(self, op, op->target);
	if (folder == NULL)
		return;
	EwsItem *item = ews_item_new();
	item->id = new_id(self);
	item->change_key = new_change_key(self);
	item->item_class = g_strdup(op->name != NULL ? op->name : "IPM.Note");
	item->search_key_len = strlen(item->id);
	item->search_key = g_memdup2(item->id, item->search_key_len);
	item->created = item->modified = item->received = KIT_TIME;
	item->size = (int64_t)op->mime->len + 1000;
	item->is_read = true;
	item->is_draft = op->is_draft;
	item->has_properties = true;
	set_fields(item, op->fields);
	op->new_id = g_strdup(item->id);
	op->new_change_key = g_strdup(item->change_key);
	fake_put_item(self, folder, item, op->mime->str);
}

static void answer_update(EwsSession *self, EwsOp *op)
{
	FakeFolder *folder = need_holder(self, op);
	if (folder == NULL)
		return;
	EwsItem *item = kit_copy_item(folder->items->pdata[fake_find_item(folder, op->id)]);
	g_autofree char *mime = g_strdup(g_hash_table_lookup(self->mimes, op->id));
	set_fields(item, op->fields);
	g_free(item->change_key);
	item->change_key = new_change_key(self);
	op->new_id = g_strdup(item->id);
	op->new_change_key = g_strdup(item->change_key);
	fake_put_item(self, folder, item, mime);
}

static void answer_delete(EwsSession *self, EwsOp *op)
{
	FakeFolder *folder = need_holder(self, op);
	FakeFolder *trash = find_live(self, TRASH);
	if (folder == NULL ||
		(op->disposal == EWS_DISPOSAL_TRASH && fake_refuses_public(self, op)))
		return;
	if (op->disposal == EWS_DISPOSAL_TRASH && trash != NULL)
		take_to(self, op, folder, trash, false);
	else
		fake_drop_item(self, folder, op->id, true);
	g_clear_pointer(&op->new_id, g_free);
	g_clear_pointer(&op->new_change_key, g_free);
}

static void answer_move(EwsSession *self, EwsOp *op)
{
	FakeFolder *from = need_holder(self, op);
	FakeFolder *to = from != NULL ? need_folder(self, op, op->target) : NULL;
	if (to != NULL)
		take_to(self, op, from, to, false);
}

static void answer_copy(EwsSession *self, EwsOp *op)
{
	FakeFolder *from = need_holder(self, op);
	FakeFolder *to = from != NULL ? need_folder(self, op, op->target) : NULL;
	if (to != NULL)
		take_to(self, op, from, to, true);
}

static void answer_send(EwsSession *self, EwsOp *op)
{
	FakeFolder *folder = need_holder(self, op);
	FakeFolder *sent = find_live(self, SENT);
	if (folder == NULL)
		return;
	self->sent++;
	if (self->leaves_drafts)
		return;
	if (sent != NULL)
		take_to(self, op, folder, sent, false);
	else
		fake_drop_item(self, folder, op->id, true);
	g_clear_pointer(&op->new_id, g_free);
	g_clear_pointer(&op->new_change_key, g_free);
}

static bool is_name_taken(EwsSession *self, const char *parent, const char *name)
{
	g_autofree char *folded = g_utf8_casefold(name, -1);
	for (guint i = 0; i < self->folders->len; i++) {
		const FakeFolder *folder = self->folders->pdata[i];
		g_autofree char *other = g_utf8_casefold(folder->folder->display_name, -1);
		if (!folder->is_gone && strcmp(folder->folder->parent_id, parent) == 0 &&
			strcmp(folded, other) == 0)
			return true;
	}
	return false;
}

static void answer_create_folder(EwsSession *self, EwsOp *op)
{
	if (need_folder(self, op, op->target) == NULL)
		return;
	if (is_name_taken(self, op->target, op->name)) {
		fake_refuse_op(op, EWS_ERROR_EXISTS);
		return;
	}
	op->new_id = new_id(self);
	fake_put_folder(self, op->new_id, op->target, op->name);
	/* It is where its parent is. */
	fake_find_folder(self, op->new_id)->folder->replica =
		g_strdup(fake_find_folder(self, op->target)->folder->replica);
}

/* Name and parent of a folder become others; NULL: as they are. */
static void change_folder(EwsSession *self, EwsOp *op, const char *parent, const char *name)
{
	FakeFolder *folder = need_folder(self, op, op->id);
	if (folder == NULL)
		return;
	EwsFolder *record = folder->folder;
	if (is_name_taken(self, parent != NULL ? parent : record->parent_id,
		    name != NULL ? name : record->display_name)) {
		fake_refuse_op(op, EWS_ERROR_EXISTS);
		return;
	}
	if (parent != NULL)
		replace(&record->parent_id, parent);
	if (name != NULL)
		replace(&record->display_name, name);
	op->new_id = g_strdup(record->id);
	self->version++;
}

static void answer_update_folder(EwsSession *self, EwsOp *op)
{
	change_folder(self, op, NULL, op->name);
}

static void answer_move_folder(EwsSession *self, EwsOp *op)
{
	if (need_folder(self, op, op->target) != NULL)
		change_folder(self, op, op->target, NULL);
}

static void answer_delete_folder(EwsSession *self, EwsOp *op)
{
	FakeFolder *folder = need_folder(self, op, op->id);
	if (folder == NULL ||
		(op->disposal == EWS_DISPOSAL_TRASH && fake_refuses_public(self, op)))
		return;
	if (op->disposal == EWS_DISPOSAL_TRASH && find_live(self, TRASH) != NULL)
		replace(&folder->folder->parent_id, TRASH);
	else
		folder->is_gone = true;
	self->version++;
}

/* --- what tests look at ------------------------------------------------------------------ */

void fake_call_size(EwsSession *self, unsigned size)
{
	pthread_mutex_lock(&self->lock);
	self->call_size = size;
	pthread_mutex_unlock(&self->lock);
}

char *fake_where(EwsSession *self, const char *item_id)
{
	pthread_mutex_lock(&self->lock);
	const FakeFolder *folder = find_holder(self, item_id);
	char *id = folder != NULL ? g_strdup(folder->folder->id) : NULL;
	pthread_mutex_unlock(&self->lock);
	return id;
}

unsigned fake_items(EwsSession *self, const char *folder_id)
{
	pthread_mutex_lock(&self->lock);
	const FakeFolder *folder = fake_find_folder(self, folder_id);
	unsigned count = folder != NULL ? folder->items->len : 0;
	pthread_mutex_unlock(&self->lock);
	return count;
}

EwsItem *fake_get(EwsSession *self, const char *item_id)
{
	pthread_mutex_lock(&self->lock);
	const FakeFolder *folder = find_holder(self, item_id);
	EwsItem *item = NULL;
	if (folder != NULL)
		item = kit_copy_item(folder->items->pdata[fake_find_item(folder, item_id)]);
	pthread_mutex_unlock(&self->lock);
	return item;
}

char *fake_mime(EwsSession *self, const char *item_id)
{
	pthread_mutex_lock(&self->lock);
	char *mime = g_strdup(g_hash_table_lookup(self->mimes, item_id));
	pthread_mutex_unlock(&self->lock);
	return mime;
}

static char *find_made(EwsSession *self, const char *guid, unsigned index)
{
	for (guint i = 0; i < self->folders->len; i++) {
		const FakeFolder *folder = self->folders->pdata[i];
		for (guint j = 0; !folder->is_gone && j < folder->items->len; j++) {
			const EwsItem *item = folder->items->pdata[j];
			if (item->guid != NULL && g_str_has_prefix(item->guid, guid) &&
				index-- == 0)
				return g_strdup(item->id);
		}
	}
	return NULL;
}

char *fake_made(EwsSession *self, const char *guid, unsigned index)
{
	pthread_mutex_lock(&self->lock);
	char *id = find_made(self, guid, index);
	pthread_mutex_unlock(&self->lock);
	return id;
}

unsigned fake_sent(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	unsigned sent = self->sent;
	pthread_mutex_unlock(&self->lock);
	return sent;
}

void fake_leave_drafts(EwsSession *self)
{
	pthread_mutex_lock(&self->lock);
	self->leaves_drafts = true;
	pthread_mutex_unlock(&self->lock);
}

/* --- the part of ews.h that changes the mailbox ------------------------------------------- */

void ews_submit_call(EwsSession *self, EwsOp *const *ops, unsigned count, EwsPriority priority,
	EwsOpDone done, void *const *users)
{
	pthread_mutex_lock(&self->lock);
	if (count > 0)
		g_ptr_array_add(self->lines,
			g_strdup_printf("Call %.*s %u", (int)strcspn(ops[0]->line, " "),
				ops[0]->line, count));
	for (unsigned i = 0; i < count; i++) {
		EwsOp *op = ops[i];
		g_assert_true(op->answer == ops[0]->answer);
		g_assert_cmpstr(op->target, ==, ops[0]->target);
		g_assert_cmpint(op->disposal, ==, ops[0]->disposal);
		g_assert_cmpstr(op->content, ==, ops[0]->content);
		op->priority = priority;
		op->done = done;
		op->user = users != NULL ? users[i] : NULL;
		op->serial = ++self->serial;
		g_ptr_array_add(self->lines, g_strdup(op->line));
		g_queue_push_tail(&self->ops, op);
	}
	for (unsigned i = 0; i < count; i++)
		fake_look_where_it_goes(self, ops[i]);
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
}

unsigned ews_call_size(EwsSession *self, EwsChange change)
{
	pthread_mutex_lock(&self->lock);
	unsigned size = self->call_size;
	pthread_mutex_unlock(&self->lock);
	return size;
}

void fake_op_clear_change(EwsOp *op)
{
	if (op->fields != NULL) {
		g_free((char *)op->fields->subject);
		g_free((char *)op->fields->file_name);
		g_free((char *)op->fields->guid);
		g_free((char *)op->fields->upload);
		g_strfreev((char **)op->fields->categories);
		g_free(op->fields);
	}
	if (op->mime != NULL)
		g_string_free(op->mime, TRUE);
	g_free(op->target);
	g_free(op->name);
	g_free(op->response_code);
	g_free(op->new_id);
	g_free(op->new_change_key);
}

int64_t ews_op_wire_bytes(const EwsOp *op)
{
	return 2048 + (op->mime != NULL ? (int64_t)op->mime->len * 4 / 3 : 0);
}

const char *ews_op_response_code(const EwsOp *op)
{
	return op->response_code;
}

bool ews_op_is_in_doubt(const EwsOp *op)
{
	return op->error != NULL && op->is_in_doubt;
}

bool ews_op_is_refused_whole(const EwsOp *op)
{
	return op->error != NULL && op->is_refused_whole;
}

const char *ews_op_new_id(const EwsOp *op)
{
	return op->error != NULL ? NULL : op->new_id;
}

const char *ews_op_new_change_key(const EwsOp *op)
{
	return op->error != NULL ? NULL : op->new_change_key;
}

static EwsFields *copy_fields(const EwsFields *fields)
{
	EwsFields *copy = g_memdup2(fields, sizeof(*fields));
	copy->subject = g_strdup(fields->subject);
	copy->file_name = g_strdup(fields->file_name);
	copy->guid = g_strdup(fields->guid);
	copy->upload = g_strdup(fields->upload);
	copy->categories = (const char *const *)g_strdupv((char **)fields->categories);
	return copy;
}

/* As it is: the wire's line ends are the wire's business. */
static GString *read_mime(const EwsUpload *mime)
{
	GString *text = g_string_new(NULL);
	g_string_set_size(text, (gsize)mime->size);
	g_assert_cmpint(pread(mime->fd, text->str, text->len, 0), ==, mime->size);
	return text;
}

EwsOp *ews_create_item_new(const char *folder_id, EwsItemKind kind, const EwsUpload *mime,
	const EwsFields *fields, bool is_draft, const char *item_class)
{
	EwsOp *op = fake_op_new("CreateItem", folder_id, fields->guid, answer_create);
	op->target = g_strdup(folder_id);
	op->name = g_strdup(item_class);
	op->fields = copy_fields(fields);
	op->mime = read_mime(mime);
	op->is_draft = is_draft;
	return op;
}

EwsOp *ews_update_item_new(const char *item_id, const char *change_key, EwsItemKind kind,
	const EwsFields *fields)
{
	EwsOp *op = fake_op_new("UpdateItem", item_id, NULL, answer_update);
	op->fields = copy_fields(fields);
	return op;
}

EwsOp *ews_delete_item_new(const char *item_id, EwsDisposal disposal)
{
	EwsOp *op = fake_op_new("DeleteItem", item_id, NULL, answer_delete);
	op->disposal = disposal;
	return op;
}

EwsOp *ews_move_item_new(const char *item_id, const char *to_folder_id)
{
	EwsOp *op = fake_op_new("MoveItem", item_id, to_folder_id, answer_move);
	op->target = g_strdup(to_folder_id);
	return op;
}

EwsOp *ews_copy_item_new(const char *item_id, const char *to_folder_id)
{
	EwsOp *op = fake_op_new("CopyItem", item_id, to_folder_id, answer_copy);
	op->target = g_strdup(to_folder_id);
	return op;
}

EwsOp *ews_send_item_new(const char *item_id, const char *change_key)
{
	return fake_op_new("SendItem", item_id, NULL, answer_send);
}

EwsOp *ews_create_folder_new(const char *parent_id, const char *name)
{
	EwsOp *op = fake_op_new("CreateFolder", parent_id, name, answer_create_folder);
	op->target = g_strdup(parent_id);
	op->name = g_strdup(name);
	return op;
}

EwsOp *ews_update_folder_new(const char *folder_id, const char *change_key, const char *name)
{
	EwsOp *op = fake_op_new("UpdateFolder", folder_id, name, answer_update_folder);
	op->name = g_strdup(name);
	return op;
}

EwsOp *ews_move_folder_new(const char *folder_id, const char *to_folder_id)
{
	EwsOp *op = fake_op_new("MoveFolder", folder_id, to_folder_id, answer_move_folder);
	op->target = g_strdup(to_folder_id);
	return op;
}

EwsOp *ews_delete_folder_new(const char *folder_id, EwsDisposal disposal)
{
	EwsOp *op = fake_op_new("DeleteFolder", folder_id, NULL, answer_delete_folder);
	op->disposal = disposal;
	return op;
}

/* --- news ------------------------------------------------------------------------------- */

/* "WatchFolders ID ID …" */
void ews_watch_folders(EwsSession *self, const char *const *ids)
{
	g_autofree char *words = g_strjoinv(" ", (char **)ids);

	pthread_mutex_lock(&self->lock);
	g_ptr_array_add(self->lines, g_strconcat("WatchFolders ", words, NULL));
	pthread_mutex_unlock(&self->lock);
}
