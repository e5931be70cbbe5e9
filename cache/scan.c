/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/scan.h"

#include "cache/private.h"

/* A reader who was away longer begins anew. */
#define PAUSE_MAX_US (10 * G_USEC_PER_SEC)

/* How far ahead of where the reader was seen. */
#define AHEAD_ITEMS 2000
#define AHEAD_BYTES (INT64_C(128) << 20)

typedef enum Order {
	ORDER_ID_UP,
	ORDER_NAME_UP,
	ORDER_ID_DOWN,
	ORDER_NAME_DOWN,
	ORDER_COUNT,
	ORDER_UNKNOWN = ORDER_COUNT,
} Order;

struct CacheScan {
	int64_t dir;
	Order order;
	bool is_guess;   /* the order is none that was seen */
	bool has_wrapped; /* a guess went on at the beginning */
	bool is_done;    /* nothing is left to hand out until the next miss */
	unsigned missed; /* misses in a row that were not foreseen */
	bool for_length;
	int64_t seen_us;      /* monotonic, of the last miss */
	int64_t last_id;      /* the last miss; 0: none */
	char *last_name;      /* own */
	int64_t ahead_id;     /* the last item handed out */
	char *ahead_name;     /* own */
	unsigned ahead_items; /* handed out beyond the reader */
	int64_t ahead_bytes;
};

#define NEXT_HEAD                                                                                  \
	"SELECT node.id, node.name, item.item_id, node.size_hint FROM node"                        \
	" JOIN item ON item.node = node.id"                                                        \
	" WHERE node.parent = ?1 AND node.state = 0 AND node.parent > 0"
/* 2: NODE_HERE, 8: NODE_ERROR */
#define NEXT_WANTED                                                                                \
	" AND node.flags & 8 = 0 AND CASE WHEN ?4 THEN node.size < 0 ELSE node.flags & 2 = 0 END"
#define NEXT_TAIL " LIMIT ?5"

/* ?2 is the id, ?3 the name to start after. */
static const char *const next_sql[ORDER_COUNT] = {
	[ORDER_ID_UP] = NEXT_HEAD " AND node.id > ?2 AND ?3 NOT NULL" NEXT_WANTED
				  " ORDER BY node.id" NEXT_TAIL,
	[ORDER_NAME_UP] = NEXT_HEAD " AND node.name > ?3 AND ?2 NOT NULL" NEXT_WANTED
				    " ORDER BY node.name" NEXT_TAIL,
	[ORDER_ID_DOWN] = NEXT_HEAD " AND node.id < ?2 AND ?3 NOT NULL" NEXT_WANTED
				    " ORDER BY node.id DESC" NEXT_TAIL,
	[ORDER_NAME_DOWN] = NEXT_HEAD " AND node.name < ?3 AND ?2 NOT NULL" NEXT_WANTED
				      " ORDER BY node.name DESC" NEXT_TAIL,
};

void cache_scan_item_free(CacheScanItem *self)
{
	g_free(self->item_id);
	g_free(self);
}

CacheScan *cache_scan_new(int64_t dir)
{
	CacheScan *self = g_new0(CacheScan, 1);
	self->dir = dir;
	self->order = ORDER_UNKNOWN;
	return self;
}

void cache_scan_free(CacheScan *self)
{
	if (self == NULL)
		return;
	g_free(self->last_name);
	g_free(self->ahead_name);
	g_free(self);
}

static sqlite3_stmt *query_next(CacheScan *self, CacheConn *conn, Order order, int64_t id,
	const char *name, int64_t limit, GError **error)
{
	return cache_conn_query(conn, error, next_sql[order], "iitii", self->dir, id, name,
		(int64_t)self->for_length, limit);
}

/* Whether @node is the first after the last miss in this order. */
static bool follows(CacheScan *self, CacheConn *conn, Order order, int64_t node, bool *ret_follows,
	GError **error)
{
	sqlite3_stmt *stmt =
		query_next(self, conn, order, self->last_id, self->last_name, 1, error);
	bool has_row = false;
	if (stmt == NULL || !cache_conn_step(conn, stmt, &has_row, error))
		return false;
	*ret_follows = has_row && sqlite3_column_int64(stmt, 0) == node;
	sqlite3_reset(stmt);
	return true;
}

static bool find_order(CacheScan *self, CacheConn *conn, const CacheNode *node, GError **error)
{
	for (Order order = ORDER_ID_UP; order < ORDER_COUNT; order++) {
		bool is_it = false;
		if (!follows(self, conn, order, node->id, &is_it, error))
			return false;
		if (is_it) {
			self->order = order;
			self->is_guess = false;
			return true;
		}
	}
	self->order = ORDER_NAME_UP;
	self->is_guess = true;
	return true;
}

static void set_ahead(CacheScan *self, const CacheNode *node)
{
	self->ahead_id = node->id;
	g_free(self->ahead_name);
	self->ahead_name = g_strdup(node->name);
}

/* Whether the reader is beyond what was handed out: what lies between was here already. */
static bool has_passed(const CacheScan *self, const CacheNode *node)
{
	switch (self->order) {
	case ORDER_ID_UP:
		return node->id > self->ahead_id;
	case ORDER_ID_DOWN:
		return node->id < self->ahead_id;
	case ORDER_NAME_UP:
		return g_strcmp0(node->name, self->ahead_name) > 0;
	case ORDER_NAME_DOWN:
		return g_strcmp0(node->name, self->ahead_name) < 0;
	case ORDER_UNKNOWN:
		break;
	}
	return true;
}

/* Whether what was thought of the reader still holds; if not, it is found out anew. */
static bool find_out(CacheScan *self, CacheConn *conn, const CacheScanMiss *miss, bool is_first,
	bool *ret_is_new, GError **error)
{
	self->missed = miss->was_foreseen ? 0 : self->missed + 1;
	*ret_is_new = is_first || self->order == ORDER_UNKNOWN || self->missed > 2;
	if (is_first)
		self->order = ORDER_UNKNOWN;
	else if (*ret_is_new && miss->node->id != self->last_id)
		return find_order(self, conn, miss->node, error);
	return true;
}

bool cache_scan_miss(CacheScan *self, CacheConn *conn, const CacheScanMiss *miss,
	bool *ret_is_scan, GError **error)
{
	int64_t now = g_get_monotonic_time();
	bool is_first = self->last_id == 0 || cache_scan_is_over(self, now);
	bool is_new = false;
	self->for_length = miss->for_length;
	if (!find_out(self, conn, miss, is_first, &is_new, error))
		return false;
	self->seen_us = now;
	self->last_id = miss->node->id;
	g_free(self->last_name);
	self->last_name = g_strdup(miss->node->name);
	if (is_new || (!self->has_wrapped && has_passed(self, miss->node))) {
		set_ahead(self, miss->node);
		self->has_wrapped = false;
	}
	if (is_new)
		self->missed = 0;
	self->ahead_items = 0;
	self->ahead_bytes = 0;
	self->is_done = self->is_done && miss->was_foreseen;
	*ret_is_scan = self->order != ORDER_UNKNOWN;
	return true;
}

void cache_scan_hits(CacheScan *self, unsigned hits)
{
	unsigned passed = MIN(hits, self->ahead_items);
	if (self->order == ORDER_UNKNOWN)
		return;
	self->seen_us = g_get_monotonic_time();
	if (passed > 0)
		self->ahead_bytes -= self->ahead_bytes / self->ahead_items * passed;
	self->ahead_items -= passed;
}

/* Appends what comes next to @items. */
static bool take_next(
	CacheScan *self, CacheConn *conn, GPtrArray *items, unsigned max, GError **error)
{
	sqlite3_stmt *stmt = query_next(self, conn, self->order, self->ahead_id, self->ahead_name,
		(int64_t)max, error);
	bool has_row = stmt != NULL;
	if (stmt == NULL)
		return false;
	while (has_row && self->ahead_bytes < AHEAD_BYTES) {
		if (!cache_conn_step(conn, stmt, &has_row, error))
			return false;
		if (!has_row)
			break;
		CacheScanItem *item = g_new0(CacheScanItem, 1);
		item->node = sqlite3_column_int64(stmt, 0);
		item->item_id = cache_column_dup(stmt, 2);
		item->size_hint = sqlite3_column_int64(stmt, 3);
		g_ptr_array_add(items, item);
		self->ahead_id = item->node;
		g_free(self->ahead_name);
		self->ahead_name = cache_column_dup(stmt, 1);
		self->ahead_items++;
		self->ahead_bytes += item->size_hint;
	}
	sqlite3_reset(stmt);
	return true;
}

GPtrArray *cache_scan_next(CacheScan *self, CacheConn *conn, unsigned max, GError **error)
{
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func((GDestroyNotify)cache_scan_item_free);
	if (self->order == ORDER_UNKNOWN || self->is_done)
		return g_steal_pointer(&items);
	unsigned left = AHEAD_ITEMS - MIN(AHEAD_ITEMS, self->ahead_items);
	unsigned wanted = MIN(max, left);
	if (!take_next(self, conn, items, wanted, error))
		return NULL;
	/* A guess began somewhere: what stands before that may be wanted as well. */
	if (items->len < wanted && self->is_guess && !self->has_wrapped) {
		self->has_wrapped = true;
		self->ahead_id = 0;
		g_free(self->ahead_name);
		self->ahead_name = g_strdup("");
		if (!take_next(self, conn, items, wanted - items->len, error))
			return NULL;
	}
	/* Looking once more would go over all that is here. */
	self->is_done = items->len < wanted && self->ahead_bytes < AHEAD_BYTES;
	return g_steal_pointer(&items);
}

bool cache_scan_is_over(const CacheScan *self, int64_t now_us)
{
	return now_us - self->seen_us > PAUSE_MAX_US;
}
