/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/drain.h"

#include "cache/check.h"
#include "cache/distinguished.h"
#include "cache/doubt.h"
#include "cache/flush.h"
#include "cache/local.h"
#include "cache/op.h"
#include "cache/outcome.h"
#include "cache/record.h"
#include "cache/refresh.h"
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

/* Deletes are counted for so long; see delete_max=. */
#define DELETES_US (600 * (int64_t)G_USEC_PER_SEC)

/* What lies in the journal and has not left is made safe against a power cut so often. */
#define SAFE_US ((int64_t)G_USEC_PER_SEC)

/* After our own changes the folders are looked at once they have settled. */
#define LOOK_BACK_US ((int64_t)G_USEC_PER_SEC)

/* What could not be written down is tried again after so long; doubled each time. */
#define LOST_US ((int64_t)G_USEC_PER_SEC)
#define LOST_MAX_US (60 * (int64_t)G_USEC_PER_SEC)

struct CacheDrain {
	atomic_bool is_poked;

	/* sync thread only */
	int64_t next_us; /* of the next look; monotonic */
	int64_t looked_us;
	int64_t safe_us;
	bool is_unsafe; /* something was committed since safe_us */
	unsigned calls; /* on their way */
	int64_t full_us; /* monotonic: no creates before */
	int64_t look_back_us;
	GPtrArray *answered; /* own; of Op, to be settled */
	GHashTable *parts;   /* own; node → how many with it in a call */
	bool is_lost;        /* see cache_drain_lost: nothing leaves meanwhile */
	int64_t lost_us;     /* not before; monotonic */
	unsigned losses;     /* in a row */
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

void cache_drain_lost(Cache *cache)
{
	CacheDrain *self = cache->drain;
	if (self->is_lost)
		return;
	self->is_lost = true;
	self->lost_us =
		g_get_monotonic_time() + MIN(LOST_US << MIN(self->losses, 10), LOST_MAX_US);
	self->losses++;
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

/* --- sending ------------------------------------------------------------------------------ */

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
	if (cache_outcomes(cache, self->answered))
		self->losses = 0;
	else
		cache_drain_lost(cache);
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
	bool is_good = conn != NULL && cache_intent_get(conn, intent->node, &again, &error);
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
		is_good = cache_sync_commit(cache, &error);
	else if (conn != NULL)
		cache_sync_rollback(cache);
	if (is_good)
		return;
	g_warning("journal: %s", error->message);
	cache_drain_lost(cache);
}

static void submit(Cache *cache, const CacheCall *call)
{
	g_autoptr(GPtrArray) ops = g_ptr_array_new();
	g_autoptr(GPtrArray) users = g_ptr_array_new();
	Call *on_way = g_new0(Call, 1);
	for (guint i = 0; i < call->intents->len; i++) {
		const CacheIntent *intent = call->intents->pdata[i];
		EwsOp *op = cache_op_new(cache, intent, call->step);
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
	if (!cache_record(cache, planned, leaving, &error)) {
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
	int64_t since = g_get_real_time() - DELETES_US;
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
		.has_trash = !cache->is_public,
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

static void find_lost(Cache *cache)
{
	CacheDrain *self = cache->drain;
	g_autoptr(GError) error = NULL;
	self->is_lost = false;
	if (cache_drain_recover_sent(cache, &error)) {
		self->next_us = 0;
		return;
	}
	g_warning("journal: %s", error->message);
	cache_drain_lost(cache);
}

int64_t cache_drain_tick(Cache *cache, int64_t now)
{
	CacheDrain *self = cache->drain;
	if (!cache->is_writable || self->is_stopped)
		return INT64_MAX;
	if (self->is_lost && self->calls == 0 && now >= self->lost_us)
		find_lost(cache);
	bool may_send = !self->is_lost && self->calls < CALLS_MAX;
	if (may_send && now >= self->next_us)
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
	may_send = !self->is_lost && self->calls < CALLS_MAX;
	int64_t next = may_send ? self->next_us : INT64_MAX;
	if (self->is_lost && self->calls == 0)
		next = self->lost_us;
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
