/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/check.h"

#include "cache/apply.h"
#include "cache/ident.h"
#include "cache/item.h"
#include "cache/outcome.h"
#include "cache/sync.h"
#include "ews/error.h"

/* A question that could not be answered is asked again after so long. */
#define RETRY_US ((int64_t)G_USEC_PER_SEC)

/* The questions about one call. */
typedef struct Check {
	CacheTodo step;
	CacheKind kind;
	CacheChecked checked;
	GPtrArray *intents; /* own */
	GPtrArray *passed;  /* own */
	unsigned left;
} Check;

typedef struct Question {
	Check *check;
	CacheIntent *intent; /* borrowed from check->intents */
} Question;

bool cache_check_is_needed(CacheTodo step, CacheKind kind)
{
	return kind == CACHE_KIND_DIR ? step == CACHE_TODO_DELETE : step == CACHE_TODO_REMOVE_OLD;
}

/* Nothing was sent: the step waits again. */
static bool put_off(CacheConn *conn, CacheIntent *intent, GError **error)
{
	intent->doing = 0;
	intent->state = CACHE_INTENT_QUEUED;
	intent->not_before = g_get_real_time() + RETRY_US;
	return cache_intent_put(conn, intent, false, error);
}

/* Somebody changed what we replaced: theirs stays beside ours, as a message of its own. */
static bool keep_both(Cache *cache, CacheConn *conn, CacheIntent *intent, const EwsItem *item,
	GError **error)
{
	CacheApply apply = {.cache = cache, .conn = conn, .mailbox = "", .is_listed = true};
	bool has_row = false;
	int64_t folder = intent->old_folder;
	g_message("%s: it was changed elsewhere too: both are kept", intent->name);
	intent->doing = 0;
	intent->state = CACHE_INTENT_QUEUED;
	cache_intent_forget_old(intent);
	if (!cache_intent_put(conn, intent, false, error))
		return false;
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT folder.node, folder.run, folder.rights, (SELECT value FROM meta WHERE"
		" key = 'mailbox') FROM folder WHERE folder.id = ?",
		"i", folder);
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	if (!has_row)
		return true;
	g_autofree char *mailbox = cache_column_dup(stmt, 3);
	apply.folder = folder;
	apply.dir = sqlite3_column_int64(stmt, 0);
	apply.run = sqlite3_column_int64(stmt, 1);
	apply.rights = (unsigned)sqlite3_column_int(stmt, 2);
	sqlite3_reset(stmt);
	if (mailbox != NULL) {
		apply.mailbox = mailbox;
		apply.mailbox_hash = cache_ident_mailbox(mailbox);
	}
	cache_note(cache, CACHE_CHANGE_MEMBERS, apply.dir, 0);
	return cache_apply_item(&apply, item, error);
}

/* *ret_passed: the step may be taken. */
static bool judge_item(Cache *cache, CacheConn *conn, CacheIntent *intent, EwsOp *op,
	bool *ret_passed, GError **error)
{
	const GError *failed = ews_op_error(op);
	g_autoptr(EwsItem) item = failed == NULL ? ews_get_item_take(op) : NULL;
	if (item == NULL && !ews_error_is(failed, EWS_ERROR_NOT_FOUND))
		return put_off(conn, intent, error);
	/* What is gone needs no saving. */
	*ret_passed = item == NULL || cache_item_print(item) == intent->old_print;
	return *ret_passed || keep_both(cache, conn, intent, item, error);
}

static bool judge_folder(Cache *cache, CacheConn *conn, CacheIntent *intent, EwsOp *op,
	bool *ret_passed, GError **error)
{
	const GError *failed = ews_op_error(op);
	g_autoptr(EwsFolder) folder = failed == NULL ? ews_get_folder_take(op) : NULL;
	if (folder == NULL && !ews_error_is(failed, EWS_ERROR_NOT_FOUND))
		return put_off(conn, intent, error);
	*ret_passed = folder == NULL || (folder->total_count <= 0 && folder->child_count <= 0);
	if (*ret_passed)
		return true;
	g_message("%s is not empty any more: it stays", intent->old_name);
	return cache_outcome_take_back(cache, conn, intent, error);
}

/* It was written anew meanwhile, and what it replaced first is removed by itself. */
static bool is_outdated(const Question *question, const CacheIntent *intent)
{
	return question->check->kind == CACHE_KIND_FILE &&
	       g_strcmp0(intent->old_id, question->intent->old_id) != 0;
}

static bool drop_step(CacheConn *conn, CacheIntent *intent, GError **error)
{
	cache_intent_step_done(intent, CACHE_TODO_REMOVE_OLD);
	return cache_intent_put(conn, intent, false, error);
}

/* The intent as the journal has it now: *ret_passed only if it still waits for this. */
static bool judge(Cache *cache, CacheConn *conn, const Question *question, EwsOp *op,
	bool *ret_passed, GError **error)
{
	g_autoptr(CacheIntent) intent = NULL;
	if (!cache_intent_get(conn, question->intent->node, &intent, error))
		return false;
	if (intent == NULL || intent->doing != (unsigned)question->check->step)
		return true;
	if (is_outdated(question, intent))
		return drop_step(conn, intent, error);
	return question->check->kind == CACHE_KIND_DIR
		       ? judge_folder(cache, conn, intent, op, ret_passed, error)
		       : judge_item(cache, conn, intent, op, ret_passed, error);
}

static void check_free(Check *check)
{
	g_ptr_array_unref(check->passed);
	g_ptr_array_unref(check->intents);
	g_free(check);
}

/* The thread has ended: nothing is decided any more. */
static void question_free(void *data)
{
	Question *question = data;
	if (--question->check->left == 0)
		check_free(question->check);
	g_free(question);
}

static void finish(Cache *cache, Check *check)
{
	check->checked(cache, check->step, check->kind, check->passed);
	check_free(check);
}

static void answered(Cache *cache, EwsOp *op, void *user)
{
	g_autofree Question *question = user;
	g_autoptr(GError) error = NULL;
	Check *check = question->check;
	bool has_passed = false;
	CacheConn *conn = cache_sync_begin(cache, &error);
	bool is_good = conn != NULL && judge(cache, conn, question, op, &has_passed, &error);
	if (conn != NULL && !is_good)
		cache_sync_rollback(cache);
	else if (conn != NULL)
		is_good = cache_sync_commit(cache, &error);
	if (!is_good) {
		g_warning("journal: %s", error->message);
		cache_drain_lost(cache);
	}
	if (is_good && has_passed)
		g_ptr_array_add(check->passed, question->intent);
	if (--check->left == 0)
		finish(cache, check);
}

void cache_check(Cache *cache, CacheTodo step, CacheKind kind, GPtrArray *leaving,
	CacheChecked checked)
{
	Check *check = g_new0(Check, 1);
	check->step = step;
	check->kind = kind;
	check->checked = checked;
	check->intents = leaving;
	check->passed = g_ptr_array_new();
	check->left = 1;
	ews_hold(cache->session);
	for (guint i = 0; i < leaving->len; i++) {
		CacheIntent *intent = leaving->pdata[i];
		if (kind == CACHE_KIND_FILE && intent->old_print == 0) {
			g_ptr_array_add(check->passed, intent);
			continue;
		}
		check->left++;
		EwsOp *op = kind == CACHE_KIND_DIR ? ews_get_folder_new(intent->id)
						   : ews_get_item_new(intent->old_id);
		ews_op_set_content(op,
			kind == CACHE_KIND_DIR ? intent->content : intent->old_content);
		Question *question = g_new0(Question, 1);
		question->check = check;
		question->intent = intent;
		cache_sync_submit_owned(cache, op, EWS_PRIORITY_SCAN, answered, question,
			question_free);
	}
	ews_release(cache->session);
	if (--check->left == 0)
		finish(cache, check);
}
