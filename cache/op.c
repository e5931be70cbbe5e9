/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/op.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "cache/distinguished.h"
#include "cache/local.h"
#include "cache/name.h"
#include "cache/plan.h"

static EwsItemKind kind_of(const char *name)
{
	g_autofree char *low = g_ascii_strdown(name, -1);
	if (g_str_has_suffix(low, ".ics"))
		return EWS_ITEM_CALENDAR;
	return g_str_has_suffix(low, ".vcf") ? EWS_ITEM_CONTACT : EWS_ITEM_MESSAGE;
}

/* What the fields of a step say; @ret_words keeps what @ret_fields borrows. */
typedef struct Words {
	CacheDetails *details; /* own, as all */
	char **categories;
	char *guid;
	char *upload;
} Words;

static void words_clear(Words *self)
{
	g_clear_pointer(&self->details, cache_details_free);
	g_strfreev(self->categories);
	g_free(self->guid);
	g_free(self->upload);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

static unsigned ews_fields_of(unsigned fields)
{
	static const struct {
		unsigned ours, theirs;
	} pairs[] = {
		{CACHE_FIELD_SUBJECT, EWS_FIELD_SUBJECT},
		{CACHE_FIELD_IS_READ, EWS_FIELD_IS_READ},
		{CACHE_FIELD_IMPORTANCE, EWS_FIELD_IMPORTANCE},
		{CACHE_FIELD_CATEGORIES, EWS_FIELD_CATEGORIES},
		{CACHE_FIELD_FLAG, EWS_FIELD_FLAG},
		{CACHE_FIELD_RECEIVED, EWS_FIELD_RECEIVED},
		{CACHE_FIELD_SENT, EWS_FIELD_SENT},
		{CACHE_INTENT_NAME, EWS_FIELD_FILE_NAME},
		{CACHE_INTENT_GUID, EWS_FIELD_GUID},
	};
	unsigned set = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++)
		set |= fields & pairs[i].ours ? pairs[i].theirs : 0;
	return set;
}

static bool fill_fields(Cache *cache, const CacheIntent *intent, Words *ret_words,
	EwsFields *ret_fields)
{
	g_autoptr(GError) error = NULL;
	CacheDetails *details = cache_details(cache, intent->node, &error);
	if (details == NULL) {
		g_warning("%s: %s", intent->name, error->message);
		return false;
	}
	ret_words->details = details;
	if (details->categories != NULL)
		ret_words->categories = g_strsplit(details->categories, ", ", -1);
	ret_words->guid = g_strdup_printf("%s/%u", intent->guid, intent->attempt);
	*ret_fields = (EwsFields){
		.set = ews_fields_of(intent->sent_fields),
		.subject = details->subject,
		.categories = (const char *const *)ret_words->categories,
		.file_name = intent->name,
		.guid = ret_words->guid,
		.received = details->received,
		.sent = details->sent,
		.importance = (EwsImportance)details->importance,
		.flag = (EwsFlag)details->flag,
		.is_read = details->is_read,
	};
	return true;
}

/* grommunio by what it calls itself, a version that Microsoft never had. It takes anything as the
 * MIME of an item and says well done, but makes something only of what is a message. */
static bool takes_messages_only(Cache *cache)
{
	EwsStatus status;
	ews_session_status(cache->session, &status);
	return g_str_has_prefix(status.server, "15.0.") &&
	       strstr(status.server, "V2017_07_11") != NULL;
}

static bool append_all(int to, int from, int64_t size)
{
	off_t at = 0;
	while (at < size) {
		ssize_t got = sendfile(to, from, &at, (size_t)(size - at));
		if (got <= 0)
			return false;
	}
	return true;
}

/* The calendar as the one part of a message; FALSE: the disk is full, or the like. */
static bool wrap(EwsUpload *upload)
{
	static const char head[] = "MIME-Version: 1.0\r\n"
				   "Content-Type: text/calendar; charset=utf-8\r\n"
				   "Content-Transfer-Encoding: 8bit\r\n\r\n";
	int fd = memfd_create("calendar", MFD_CLOEXEC);
	bool is_ok = fd >= 0 && write(fd, head, sizeof head - 1) == (ssize_t)sizeof head - 1 &&
		     append_all(fd, upload->fd, upload->size);
	if (!is_ok) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(upload->fd);
	*upload = (EwsUpload){.fd = fd, .size = upload->size + (int64_t)sizeof head - 1};
	return true;
}

/* A create says all that is not as the MIME or the server would have it. */
static EwsOp *make_create(Cache *cache, const CacheIntent *intent)
{
	g_auto(Words) words = {0};
	EwsFields fields;
	EwsUpload upload = {.fd = cache_local_open(cache->locals, intent->node, NULL)};
	if (upload.fd < 0 || !fill_fields(cache, intent, &words, &fields)) {
		if (upload.fd >= 0)
			close(upload.fd);
		return NULL;
	}
	upload.size = lseek(upload.fd, 0, SEEK_END);
	words.upload = g_strdup_printf("%" G_GINT64_FORMAT " %s", upload.size, intent->sent_sha256);
	fields.upload = words.upload;
	fields.set |= EWS_FIELD_IS_READ | EWS_FIELD_FILE_NAME | EWS_FIELD_GUID | EWS_FIELD_UPLOAD;
	if (fields.importance != EWS_IMPORTANCE_NORMAL)
		fields.set |= EWS_FIELD_IMPORTANCE;
	if (fields.flag != EWS_FLAG_NONE)
		fields.set |= EWS_FIELD_FLAG;
	if (fields.categories != NULL)
		fields.set |= EWS_FIELD_CATEGORIES;
	bool is_draft = intent->is_drafts || intent->to_send;
	if (is_draft)
		fields.set &= ~(unsigned)(EWS_FIELD_RECEIVED | EWS_FIELD_SENT);
	else
		fields.set |= EWS_FIELD_RECEIVED;
	if (intent->to_send)
		fields.set &= ~(unsigned)EWS_FIELD_FILE_NAME;
	EwsItemKind kind = kind_of(intent->name);
	EwsOp *op = NULL;
	if (kind != EWS_ITEM_CALENDAR || !takes_messages_only(cache) || wrap(&upload))
		op = ews_create_item_new(intent->target_id, kind, &upload, &fields, is_draft,
			intent->item_class);
	close(upload.fd);
	return op;
}

static bool is_task(const char *item_class)
{
	return item_class != NULL &&
	       g_ascii_strncasecmp(item_class, "IPM.Task", strlen("IPM.Task")) == 0 &&
	       strcmp(cache_name_extension(item_class), ".ics") == 0;
}

static EwsOp *make_update(Cache *cache, const CacheIntent *intent)
{
	g_auto(Words) words = {0};
	EwsFields fields;
	const char *key = intent->change_key;
	if (!fill_fields(cache, intent, &words, &fields))
		return NULL;
	return ews_update_item_new(intent->id, key != NULL && *key != '\0' ? key : NULL,
		is_task(words.details->item_class) ? EWS_ITEM_TASK : kind_of(intent->name),
		&fields);
}

/* To move to Deleted Items is to move. */
static EwsOp *make_delete(Cache *cache, const CacheIntent *intent)
{
	CacheDisposal disposal =
		cache_plan_disposal(intent, cache->disposal, !cache->is_public);
	g_autofree char *trash =
		disposal == CACHE_DISPOSAL_TRASH ? cache_distinguished_trash(cache) : NULL;
	return trash != NULL ? ews_move_item_new(intent->id, trash)
			     : ews_delete_item_new(intent->id, (EwsDisposal)disposal);
}

static EwsOp *make_item_op(Cache *cache, const CacheIntent *intent, CacheTodo step)
{
	switch (step) {
	case CACHE_TODO_MAKE:
		return make_create(cache, intent);
	case CACHE_TODO_COPY:
		return ews_copy_item_new(intent->source_id, intent->target_id);
	case CACHE_TODO_MOVE:
		return ews_move_item_new(intent->id, intent->target_id);
	case CACHE_TODO_UPDATE:
		return make_update(cache, intent);
	case CACHE_TODO_SEND:
		return ews_send_item_new(intent->id, intent->change_key);
	case CACHE_TODO_REMOVE_OLD:
		return ews_delete_item_new(intent->old_id,
			cache_distinguished_aside(cache));
	case CACHE_TODO_DELETE:
		return make_delete(cache, intent);
	}
	return NULL;
}

static EwsOp *make_folder_op(Cache *cache, const CacheIntent *intent, CacheTodo step)
{
	const char *wanted = step == CACHE_TODO_MAKE ? intent->sent_name : intent->name;
	g_autofree char *said = cache_name_folder_decode(wanted);
	const char *name = said != NULL ? said : wanted;
	CacheDisposal disposal =
		cache_plan_disposal(intent, CACHE_DISPOSAL_TRASH, !cache->is_public);
	if (step == CACHE_TODO_MAKE)
		return ews_create_folder_new(intent->target_id, name);
	if (step == CACHE_TODO_MOVE)
		return ews_move_folder_new(intent->id, intent->target_id);
	if (step == CACHE_TODO_UPDATE)
		return ews_update_folder_new(intent->id, NULL, name);
	return ews_delete_folder_new(intent->id, (EwsDisposal)disposal);
}

EwsOp *cache_op_new(Cache *cache, const CacheIntent *intent, CacheTodo step)
{
	EwsOp *op = intent->kind == CACHE_KIND_DIR ? make_folder_op(cache, intent, step)
						   : make_item_op(cache, intent, step);
	if (op != NULL)
		ews_op_set_content(op, cache_intent_content(intent, step));
	return op;
}
