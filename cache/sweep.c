/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/sweep.h"

#include "cache/sync.h"
#include "ews/error.h"

#define SWEEP_MANY 100
#define SWEEP_PART 5 /* one in so many is many */
#define UNDER_WAY 200

typedef struct Missing {
	int64_t node;
	char *item_id; /* own */
	bool is_gone;
} Missing;

struct CacheSweep {
	char *folder_id;    /* own */
	int64_t named;      /* items that the run named */
	int64_t total;      /* TotalCount now; -1: not known */
	GPtrArray *missing; /* own; of Missing */
	bool is_counted;    /* GetFolder was asked */
	bool needs_check;   /* each must be asked for */
	guint next;         /* of missing, to be asked for */
	unsigned under_way;
	GError *error; /* own */
};

static void missing_free(void *data)
{
	Missing *missing = data;
	g_free(missing->item_id);
	g_free(missing);
}

static bool load(CacheSweep *self, CacheConn *conn, const CacheSweepOf *of, GError **error)
{
	sqlite3_stmt *stmt = cache_conn_query(conn, error,
		"SELECT item.node, item.item_id, item.run FROM node JOIN item ON item.node = "
		"node.id"
		" WHERE node.parent = ? AND node.state = 0 AND node.parent > 0"
		" AND item.folder = (SELECT id FROM folder WHERE folder_id = ?)"
		" AND (item.run = ? OR item.written_at < ?)",
		"itii", of->dir, self->folder_id, of->run, of->began_at);
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return false;
	while (has_row) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return false;
		if (!has_row)
			break;
		if (sqlite3_column_int64(stmt, 2) == of->run) {
			self->named++;
			continue;
		}
		Missing *missing = g_new0(Missing, 1);
		missing->node = sqlite3_column_int64(stmt, 0);
		missing->item_id = cache_column_dup(stmt, 1);
		g_ptr_array_add(self->missing, missing);
	}
	guint count = self->missing->len;
	int64_t all = self->named + count;
	self->needs_check = count > SWEEP_MANY || (count > 1 && (int64_t)count * SWEEP_PART > all);
	return true;
}

CacheSweep *cache_sweep_new(CacheConn *conn, const CacheSweepOf *of, GError **error)
{
	CacheSweep *self = g_new0(CacheSweep, 1);
	self->folder_id = g_strdup(of->folder_id);
	self->total = of->total;
	self->is_counted = of->total >= 0;
	self->missing = g_ptr_array_new_with_free_func(missing_free);
	if (load(self, conn, of, error))
		return self;
	cache_sweep_free(self);
	return NULL;
}

void cache_sweep_free(CacheSweep *self)
{
	if (self == NULL)
		return;
	g_free(self->folder_id);
	g_ptr_array_unref(self->missing);
	g_clear_error(&self->error);
	g_free(self);
}

static bool is_believed(const CacheSweep *self)
{
	return self->total >= 0 && self->total == self->named;
}

EwsOp *cache_sweep_next(CacheSweep *self)
{
	if (self->error != NULL)
		return NULL;
	if (!self->is_counted) {
		self->is_counted = true;
		self->under_way++;
		EwsOp *op = ews_get_folder_new(self->folder_id);
		ews_op_set_tag(op, -1);
		return op;
	}
	bool is_asking = is_believed(self) && self->needs_check;
	if (!is_asking || self->next >= self->missing->len || self->under_way >= UNDER_WAY)
		return NULL;
	const Missing *missing = self->missing->pdata[self->next];
	EwsOp *op = ews_get_item_new(missing->item_id);
	ews_op_set_tag(op, self->next);
	self->next++;
	self->under_way++;
	return op;
}

void cache_sweep_answer(CacheSweep *self, EwsOp *op)
{
	const GError *error = ews_op_error(op);
	int64_t tag = ews_op_tag(op);
	self->under_way--;
	if (tag < 0) {
		g_autoptr(EwsFolder) folder = error == NULL ? ews_get_folder_take(op) : NULL;
		if (folder != NULL)
			self->total = folder->total_count;
		else if (self->error == NULL)
			self->error = g_error_copy(error);
		return;
	}
	Missing *missing = self->missing->pdata[tag];
	missing->is_gone = error != NULL && ews_error_is(error, EWS_ERROR_NOT_FOUND);
	/* Anything else that is not an item's own trouble leaves the question open. */
	if (error != NULL && !missing->is_gone && cache_sync_is_passing(error) &&
		self->error == NULL)
		self->error = g_error_copy(error);
}

bool cache_sweep_is_done(const CacheSweep *self)
{
	if (self->under_way > 0 || !self->is_counted)
		return false;
	bool is_asking = is_believed(self) && self->needs_check && self->error == NULL;
	return !is_asking || self->next >= self->missing->len;
}

bool cache_sweep_is_open(const CacheSweep *self)
{
	return self->error == NULL && self->missing->len > 0 && !is_believed(self);
}

const GError *cache_sweep_error(const CacheSweep *self)
{
	return self->error;
}

bool cache_sweep_apply(CacheSweep *self, CacheApply *apply, GError **error)
{
	if (!is_believed(self)) {
		if (self->missing->len > 0)
			g_message("folder counts %" G_GINT64_FORMAT
				  " items but listed %" G_GINT64_FORMAT ": nothing is removed",
				self->total, self->named);
		return true;
	}
	for (guint i = 0; i < self->missing->len; i++) {
		const Missing *missing = self->missing->pdata[i];
		if (self->needs_check && !missing->is_gone)
			continue;
		if (!cache_apply_vanished(apply, missing->node, error))
			return false;
	}
	return true;
}

int64_t cache_sweep_surplus(const CacheSweep *self)
{
	return self->total >= 0 ? self->total - self->named : 0;
}
