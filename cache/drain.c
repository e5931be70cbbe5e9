/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/drain.h"

#include <string.h>
#include <unistd.h>

#include "cache/check.h"
#include "cache/distinguished.h"
#include "cache/doubt.h"
#include "cache/flush.h"
#include "cache/local.h"
#include "cache/name.h"
#include "cache/outcome.h"
#include "cache/own.h"
#include "cache/refresh.h"
#include "cache/safe.h"
#include "cache/sent.h"
#include "cache/step.h"
#include "cache/sync.h"
#include "ews/error.h"

/* Calls on their way at once: the rest of the connections is for those who wait. */
#define CALLS_MAX 2

/* Intents that one look reads. */
#define LOOK_MAX 4000

/* A program that writes a thousand files says so a thousand times; looking costs. */
#define LOOK_US (G_USEC_PER_SEC / 20)

/* A full mailbox is tried again after so long. */
#define FULL_US (600 * (int64_t)G_USEC_PER_SEC)

/* What lies in the journal and has not left is made safe against a power cut so often. */
#define SAFE_US ((int64_t)G_USEC_PER_SEC)

/* After our own changes the folders are looked at once they have settled. */
#define LOOK_BACK_US ((int64_t)G_USEC_PER_SEC)

struct CacheDrain {
	atomic_bool is_poked;

	/* sync thread only */
	int64_t next_us; /* of the next look; monotonic */
	int64_t looked_us;
	int64_t safe_us;
	bool is_unsafe; /* something was committed since safe_us */
	unsigned ops;   /* on their way */
	unsigned calls;
	int64_t full_us; /* monotonic: no creates before */
	int64_t look_back_us;
	GPtrArray *answered; /* own; of Op, to be settled */
	GHashTable *parts;   /* own; node → how many with it in a call */
	GArray *files;       /* own; nodes whose files go after the commit */
	bool is_stopped;
};

/* A call on its way. */
typedef struct Call {
	unsigned left;
} Call;

typedef struct Op {
	CacheSent sent;
	Call *call; /* shared by its ops; freed with the last */
} Op;

static void op_free(void *data)
{
	Op *op = data;
	if (--op->call->left == 0)
		g_free(op->call);
	if (op->sent.op != NULL)
		ews_op_free(op->sent.op);
	g_free(op);
}

CacheDrain *cache_drain_new(void)
{
	CacheDrain *self = g_new0(CacheDrain, 1);
	self->parts = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
	self->files = g_array_new(FALSE, FALSE, sizeof(int64_t));
	self->look_back_us = INT64_MAX;
	self->answered = g_ptr_array_new();
	return self;
}

void cache_drain_free(CacheDrain *self)
{
	if (self == NULL)
		return;
	for (guint i = 0; i < self->answered->len; i++)
		op_free(self->answered->pdata[i]);
	g_ptr_array_unref(self->answered);
	g_hash_table_unref(self->parts);
	g_array_unref(self->files);
	g_free(self);
}

void cache_drain_set_full(Cache *cache, bool is_full)
{
	cache->drain->full_us = is_full ? g_get_monotonic_time() + FULL_US : 0;
}

bool cache_drain_is_full(Cache *cache)
{
	return g_get_monotonic_time() < cache->drain->full_us;
}

void cache_drain_set_part(Cache *cache, int64_t node, unsigned part)
{
	g_hash_table_insert(cache->drain->parts, g_memdup2(&node, sizeof node),
		GUINT_TO_POINTER(MAX(part, 1)));
}

void cache_drain_ended(Cache *cache, int64_t node, const GError *error)
{
	g_hash_table_remove(cache->drain->parts, &node);
	cache_flush_ended(cache, node, error);
}

void cache_drain_saw_own(Cache *cache)
{
	cache_doubt_saw_own(cache);
}

void cache_drain_forget_file(Cache *cache, int64_t node)
{
	g_array_append_val(cache->drain->files, node);
}

void cache_drain_remove_files(Cache *cache)
{
	GArray *files = cache->drain->files;
	for (guint i = 0; i < files->len; i++)
		cache_local_remove(cache->locals, g_array_index(files, int64_t, i));
	g_array_set_size(files, 0);
}

void cache_drain_keep_files(Cache *cache)
{
	g_array_set_size(cache->drain->files, 0);
}

/* --- poking ------------------------------------------------------------------------------- */

static void poked(Cache *cache, void *data)
{
	CacheDrain *self = cache->drain;
	atomic_store(&self->is_poked, false);
	self->is_unsafe = true;
	cache_doubt_begin(cache);
	self->next_us = MIN(self->next_us, self->looked_us + LOOK_US);
}

void cache_drain_poke(Cache *cache)
{
	if (!atomic_exchange(&cache->drain->is_poked, true))
		cache_sync_post(cache, poked, NULL, NULL);
}

/* --- making ops --------------------------------------------------------------------------- */

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
	EwsOp *op = ews_create_item_new(intent->target_id, kind_of(intent->name), &upload, &fields,
		is_draft, intent->item_class);
	close(upload.fd);
	return op;
}

static EwsOp *make_update(Cache *cache, const CacheIntent *intent)
{
	g_auto(Words) words = {0};
	EwsFields fields;
	const char *key = intent->change_key;
	if (!fill_fields(cache, intent, &words, &fields))
		return NULL;
	return ews_update_item_new(intent->id, key != NULL && *key != '\0' ? key : NULL,
		kind_of(intent->name), &fields);
}

static EwsOp *make_item_op(Cache *cache, const CacheIntent *intent, CacheTodo step)
{
	CacheDisposal disposal = cache_plan_disposal(intent, cache->disposal);
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
		return ews_delete_item_new(intent->old_id, EWS_DISPOSAL_SOFT);
	case CACHE_TODO_DELETE:
		return ews_delete_item_new(intent->id, (EwsDisposal)disposal);
	}
	return NULL;
}

static EwsOp *make_folder_op(const CacheIntent *intent, CacheTodo step)
{
	const char *wanted = step == CACHE_TODO_MAKE ? intent->sent_name : intent->name;
	g_autofree char *said = cache_name_folder_decode(wanted);
	const char *name = said != NULL ? said : wanted;
	CacheDisposal disposal = cache_plan_disposal(intent, CACHE_DISPOSAL_TRASH);
	if (step == CACHE_TODO_MAKE)
		return ews_create_folder_new(intent->target_id, name);
	if (step == CACHE_TODO_MOVE)
		return ews_move_folder_new(intent->id, intent->target_id);
	if (step == CACHE_TODO_UPDATE)
		return ews_update_folder_new(intent->id, NULL, name);
	return ews_delete_folder_new(intent->id, (EwsDisposal)disposal);
}

/* --- sending ------------------------------------------------------------------------------ */

/* Bytes that a power cut took are not sent. What is still open for writing leaves as a copy: the
 * writer goes on in another file. */
static bool check_bytes(Cache *cache, CacheConn *conn, CacheIntent *intent, const CacheSafe *safe,
	GError **error)
{
	g_autoptr(CacheLocalRow) row = NULL;
	if (!cache_local_get(conn, intent->node, &row, error))
		return false;
	if (row == NULL) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_CORRUPT, "its bytes are not here");
		return false;
	}
	/* A program has begun to write it anew: it leaves when that is finished. */
	intent->state = row->is_finished ? intent->state : CACHE_INTENT_OPEN;
	if (!row->is_finished)
		return true;
	intent->sent_sha256 = (g_free(intent->sent_sha256), g_strdup(row->sha256));
	return cache_safe_has(safe, intent->node, row) ||
	       (cache_local_check(cache->locals, intent->node, row, error) &&
		       cache_local_sync(cache->locals, intent->node, error));
}

static bool fail_intent(CacheConn *conn, CacheIntent *intent, const GError *why, GError **error)
{
	intent->state = CACHE_INTENT_FAILED;
	g_free(intent->error);
	intent->error = g_strdup(why->message);
	g_warning("%s: %s", intent->name, why->message);
	return cache_intent_put(conn, intent, false, error);
}

static bool carries_bytes(const CacheIntent *intent, CacheTodo step)
{
	return intent->kind == CACHE_KIND_FILE &&
	       (step == CACHE_TODO_MAKE || step == CACHE_TODO_COPY);
}

/* Where the step leads. A move of a message, and the making of a directory, whose answer was lost
 * are repeated as they were. */
static void note_destination(CacheIntent *intent, CacheTodo step)
{
	bool is_dir = intent->kind == CACHE_KIND_DIR;
	if (step == CACHE_TODO_MAKE && is_dir) {
		intent->is_first = intent->sent_name == NULL;
		cache_intent_repeat_dir(intent);
		return;
	}
	intent->sent_folder = intent->target;
	if (step != CACHE_TODO_MOVE || is_dir)
		return;
	intent->is_first = intent->moved_to == 0;
	if (intent->is_first)
		intent->moved_to = intent->target;
	intent->sent_folder = intent->moved_to;
}

static bool record_one(Cache *cache, CacheConn *conn, CacheIntent *intent, CacheTodo step,
	const CacheSafe *safe, bool *ret_leaves, GError **error)
{
	g_autoptr(GError) why = NULL;
	*ret_leaves = true;
	/* Somebody removed what was to be copied. */
	if (step == CACHE_TODO_COPY && intent->source_id == NULL) {
		*ret_leaves = false;
		cache_intent_drop_copy(intent);
		return cache_intent_put(conn, intent, false, error);
	}
	if (carries_bytes(intent, step) && !check_bytes(cache, conn, intent, safe, &why)) {
		*ret_leaves = false;
		return fail_intent(conn, intent, why, error);
	}
	if (intent->state == CACHE_INTENT_OPEN) {
		*ret_leaves = false;
		return cache_intent_put(conn, intent, false, error);
	}
	bool carries_fields = step == CACHE_TODO_MAKE || step == CACHE_TODO_UPDATE;
	intent->state = CACHE_INTENT_SENDING;
	intent->doing = step;
	intent->attempt++;
	intent->sent_at = g_get_real_time();
	note_destination(intent, step);
	intent->is_urgent = intent->is_urgent && intent->todo != (unsigned)step;
	if (carries_fields) {
		intent->sent_fields = intent->fields;
		intent->fields = 0;
	}
	/* Whatever becomes of an update: a change that is seen later may be our own. */
	return (step != CACHE_TODO_UPDATE || cache_conn_run(conn, error,
			"UPDATE item SET print = 0, written_at = ? WHERE node = ?", "ii",
			g_get_real_time(), intent->node)) &&
	       cache_intent_put(conn, intent, false, error) &&
	       (step != CACHE_TODO_COPY || cache_own_note_source(conn, intent, error));
}

static CacheSafe *make_call_safe(Cache *cache, const CacheCall *call)
{
	g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(int64_t));
	for (guint i = 0; i < call->intents->len; i++) {
		const CacheIntent *intent = call->intents->pdata[i];
		if (carries_bytes(intent, call->step))
			g_array_append_val(nodes, intent->node);
	}
	return cache_safe_new(cache->locals, (const int64_t *)(void *)nodes->data, nodes->len);
}

/* The journal says that these are sent before they are. *ret_leaving (own, of CacheIntent): those
 * that are, read again, since a program may have changed its mind since the look. */
static bool record(Cache *cache, const CacheCall *call, GPtrArray *ret_leaving, GError **error)
{
	g_autoptr(CacheSafe) safe = make_call_safe(cache, call);
	CacheConn *conn = cache_db_begin_durable(cache->db, error);
	if (conn == NULL)
		return false;
	for (guint i = 0; i < call->intents->len; i++) {
		const CacheIntent *seen = call->intents->pdata[i];
		g_autoptr(CacheIntent) intent = NULL;
		bool leaves = false;
		bool is_read = cache_intent_get(conn, seen->node, &intent, error);
		bool is_same = intent != NULL && cache_intent_next(intent) == call->step &&
			       intent->state == CACHE_INTENT_QUEUED && !intent->is_blocked &&
			       g_strcmp0(intent->target_id, seen->target_id) == 0;
		if (!is_read ||
			(is_same && !record_one(cache, conn, intent, call->step, safe, &leaves,
					    error))) {
			cache_db_rollback(cache->db);
			return false;
		}
		if (leaves)
			g_ptr_array_add(ret_leaving, g_steal_pointer(&intent));
	}
	return cache_db_commit(cache->db, error);
}

/* Answers of one call come close together; what they mean is decided together. */
static void answered(Cache *cache, EwsOp *op, void *user)
{
	Op *sent = user;
	sent->sent.op = cache_sync_take_op(cache);
	g_ptr_array_add(cache->drain->answered, sent);
}

void cache_drain_settle(Cache *cache)
{
	CacheDrain *self = cache->drain;
	if (self->answered->len == 0 || self->is_stopped)
		return;
	cache_outcomes(cache, self->answered);
	for (guint i = 0; i < self->answered->len; i++) {
		const Op *sent = self->answered->pdata[i];
		if (sent->call->left == 1)
			self->calls--;
		op_free(self->answered->pdata[i]);
	}
	g_ptr_array_set_size(self->answered, 0);
	self->next_us = 0;
	self->look_back_us = g_get_monotonic_time() + LOOK_BACK_US;
}

/* An op that could not be made: its bytes went away under us, as they do when it is deleted. */
static void unmade(Cache *cache, const CacheIntent *intent)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(CacheIntent) again = NULL;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn == NULL)
		return;
	bool is_good = cache_intent_get(conn, intent->node, &again, &error);
	if (is_good && again != NULL && cache_intent_is_unwanted(again)) {
		is_good = cache_outcome_unborn(cache, conn, again, &error);
	} else if (is_good && again != NULL) {
		again->state = CACHE_INTENT_QUEUED;
		again->doing = 0;
		again->fields |= again->sent_fields;
		again->sent_fields = 0;
		again->not_before = g_get_real_time() + G_USEC_PER_SEC;
		is_good = cache_intent_put(conn, again, false, &error);
	}
	if (is_good)
		(void)!cache_sync_commit(cache, &error);
	else
		cache_sync_rollback(cache);
}

static void submit(Cache *cache, const CacheCall *call)
{
	g_autoptr(GPtrArray) ops = g_ptr_array_new();
	g_autoptr(GPtrArray) users = g_ptr_array_new();
	Call *on_way = g_new0(Call, 1);
	for (guint i = 0; i < call->intents->len; i++) {
		const CacheIntent *intent = call->intents->pdata[i];
		EwsOp *op = call->kind == CACHE_KIND_DIR ? make_folder_op(intent, call->step)
							 : make_item_op(cache, intent, call->step);
		if (op == NULL) {
			unmade(cache, intent);
			continue;
		}
		Op *user = g_new0(Op, 1);
		user->sent = (CacheSent){
			.node = intent->node,
			.step = call->step,
			.kind = call->kind,
			.attempt = intent->attempt,
			.count = call->intents->len,
			.is_first = intent->is_first,
		};
		user->call = on_way;
		g_ptr_array_add(ops, op);
		g_ptr_array_add(users, user);
	}
	on_way->left = ops->len;
	if (ops->len == 0) {
		g_free(on_way);
		return;
	}
	cache->drain->calls++;
	/* fsync waits for a few; the rest is work in the background that should not stand behind
	 * prefetch. */
	cache_sync_submit_call(cache, (EwsOp *const *)ops->pdata, ops->len, EWS_PRIORITY_SCAN,
		answered, users->pdata, op_free);
}

/* --- looking ------------------------------------------------------------------------------ */

/* Nobody has changed what these remove. */
static void checked(Cache *cache, CacheTodo step, CacheKind kind, GPtrArray *leaving)
{
	CacheCall call = {.step = step, .kind = kind, .intents = leaving};
	cache->drain->calls--;
	cache->drain->next_us = 0;
	if (leaving->len > 0)
		submit(cache, &call);
}

static void send_call(Cache *cache, const CacheCall *planned)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) leaving =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_intent_free);
	if (!record(cache, planned, leaving, &error)) {
		g_warning("journal: %s", error->message);
		cache->drain->next_us = g_get_monotonic_time() + G_USEC_PER_SEC;
		return;
	}
	if (leaving->len == 0) {
		/* They are otherwise than when they were looked at. */
		cache->drain->next_us = g_get_monotonic_time() + LOOK_US;
		return;
	}
	cache_step(CACHE_STEP_SEND);
	if (cache_check_is_needed(planned->step, planned->kind)) {
		cache->drain->calls++;
		cache_check(cache, planned->step, planned->kind, g_steal_pointer(&leaving),
			checked);
		return;
	}
	CacheCall call = {.step = planned->step, .kind = planned->kind, .intents = leaving};
	submit(cache, &call);
}

/* More deletes than delete_max= within ten minutes wait for a person. */
static bool hold_deletes(Cache *cache, CacheConn *conn, GError **error)
{
	int64_t since = g_get_real_time() - FULL_US;
	int64_t recent = 0;
	if (cache->delete_max == 0)
		return true;
	if (!cache_conn_run(conn, error, "DELETE FROM deletion WHERE at < ?", "i", since) ||
		!cache_conn_run(conn, error,
			"INSERT OR IGNORE INTO deletion (node, at) SELECT node, since FROM intent"
			" WHERE todo & 64 != 0 AND state IN (0, 1) AND since >= ?",
			"i", since) ||
		!cache_conn_int(conn, 0, &recent, error, "SELECT count(*) FROM deletion", ""))
		return false;
	if (recent <= (int64_t)cache->delete_max)
		return true;
	return cache_conn_run(conn, error,
		"UPDATE intent SET state = 3 WHERE state = 0 AND doing = 0 AND todo & 64 != 0"
		" AND is_confirmed = 0",
		"");
}

static bool hold_in_transaction(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_sync_begin(cache, &error);
	if (conn == NULL)
		return false;
	if (hold_deletes(cache, conn, &error))
		return cache_sync_commit(cache, &error);
	cache_sync_rollback(cache);
	return false;
}

static GPtrArray *load(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	if (cache->delete_max != 0 && !hold_in_transaction(cache))
		return NULL;
	CacheConn *conn = cache_db_take_reader(cache->db, &error);
	if (conn == NULL)
		return NULL;
	GPtrArray *intents = cache_intent_list(conn, CACHE_INTENT_QUEUED, LOOK_MAX, &error);
	cache_db_put_reader(cache->db, conn);
	if (intents == NULL)
		g_warning("journal: %s", error->message);
	return intents;
}

static void fill_limits(Cache *cache, CachePlanLimits *ret_limits)
{
	EwsSession *session = cache->session;
	*ret_limits = (CachePlanLimits){
		.make = ews_call_size(session, EWS_CREATES_ITEM),
		.copy = ews_call_size(session, EWS_COPIES_ITEM),
		.move = ews_call_size(session, EWS_MOVES_ITEM),
		.update = ews_call_size(session, EWS_UPDATES_ITEM),
		.send = ews_call_size(session, EWS_SENDS_ITEM),
		.remove = ews_call_size(session, EWS_DELETES_ITEM),
		.folder = ews_call_size(session, EWS_CHANGES_FOLDER),
		.disposal = cache->disposal,
	};
}

/* Those that were in a call that was refused as a whole go in smaller ones; a full mailbox gets no
 * creates. */
static void restrain(Cache *cache, GPtrArray *intents, CachePlanLimits *limits)
{
	bool is_full = cache_drain_is_full(cache);
	for (guint i = intents->len; i > 0; i--) {
		const CacheIntent *intent = intents->pdata[i - 1];
		unsigned part =
			GPOINTER_TO_UINT(g_hash_table_lookup(cache->drain->parts, &intent->node));
		CacheTodo step = cache_intent_next(intent);
		if (part != 0 && intent->kind == CACHE_KIND_FILE) {
			limits->make = MIN(limits->make, part);
			limits->copy = MIN(limits->copy, part);
			limits->move = MIN(limits->move, part);
			limits->update = MIN(limits->update, part);
			limits->remove = MIN(limits->remove, part);
		}
		if (is_full && intent->kind == CACHE_KIND_FILE &&
			(step == CACHE_TODO_MAKE || step == CACHE_TODO_COPY))
			g_ptr_array_remove_index(intents, i - 1);
	}
}

static void look(Cache *cache, int64_t now)
{
	CacheDrain *self = cache->drain;
	CachePlanLimits limits;
	int64_t next = INT64_MAX;
	int64_t real = g_get_real_time();
	self->looked_us = now;
	self->next_us = INT64_MAX;
	g_autoptr(GPtrArray) intents = load(cache);
	if (intents == NULL || intents->len == 0)
		return;
	/* What Deleted Items and Drafts are must be known first. */
	if (!cache_distinguished_are_known(cache))
		return;
	fill_limits(cache, &limits);
	restrain(cache, intents, &limits);
	g_autoptr(GPtrArray) calls = cache_plan(intents, &limits, real, &next);
	for (guint i = 0; i < calls->len && self->calls < CALLS_MAX; i++)
		send_call(cache, calls->pdata[i]);
	if (next != INT64_MAX)
		self->next_us = MIN(self->next_us, now + MAX(next - real, LOOK_US));
	if (cache_drain_is_full(cache))
		self->next_us = MIN(self->next_us, self->full_us);
}

/* --- safe --------------------------------------------------------------------------------- */

static void make_safe(Cache *cache)
{
	g_autoptr(GError) error = NULL;
	CacheConn *conn = cache_db_take_reader(cache->db, &error);
	if (conn == NULL)
		return;
	g_autoptr(GArray) nodes = cache_conn_ids(conn, &error,
		"SELECT local.node FROM local JOIN intent ON intent.node = local.node"
		" WHERE is_finished = 1 AND intent.state = 0 LIMIT 500",
		"");
	cache_db_put_reader(cache->db, conn);
	if (nodes != NULL)
		(void)!cache_local_sync_all(cache->locals, (const int64_t *)(void *)nodes->data,
			nodes->len, NULL);
	/* One durable commit makes all before it durable. */
	conn = cache_db_begin_durable(cache->db, &error);
	if (conn == NULL)
		return;
	g_autofree char *at = g_strdup_printf("%" G_GINT64_FORMAT, g_get_real_time());
	if (cache_conn_set_meta(conn, "safe_at", at, &error))
		(void)!cache_db_commit(cache->db, &error);
	else
		cache_db_rollback(cache->db);
}

bool cache_drain_is_sending(Cache *cache)
{
	return cache->drain->calls > 0 || cache->drain->look_back_us != INT64_MAX;
}

int64_t cache_drain_tick(Cache *cache, int64_t now)
{
	CacheDrain *self = cache->drain;
	if (!cache->is_writable || self->is_stopped)
		return INT64_MAX;
	if (self->calls < CALLS_MAX && now >= self->next_us)
		look(cache, now);
	if (self->is_unsafe && now >= self->safe_us + SAFE_US) {
		self->is_unsafe = false;
		self->safe_us = now;
		make_safe(cache);
	}
	if (now >= self->look_back_us && self->calls == 0) {
		self->look_back_us = INT64_MAX;
		cache_refresh_ask_soon(cache);
	}
	int64_t next = self->calls < CALLS_MAX ? self->next_us : INT64_MAX;
	next = MIN(next, cache_distinguished_tick(cache, now));
	if (self->is_unsafe)
		next = MIN(next, self->safe_us + SAFE_US);
	if (self->calls == 0)
		next = MIN(next, self->look_back_us);
	next = MIN(next, cache_doubt_tick(cache, now));
	next = MIN(next, cache_sent_mail_tick(cache, now));
	return MIN(next, cache_flush_tick(cache, now));
}

void cache_drain_stop(Cache *cache)
{
	cache->drain->is_stopped = true;
	cache_flush_stop(cache);
}
