/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/plan.h"

#include <string.h>

#include "ews/ews.h"

void cache_call_free(CacheCall *self)
{
	if (self == NULL)
		return;
	g_ptr_array_unref(self->intents);
	g_free(self);
}

CacheDisposal cache_plan_disposal(const CacheIntent *intent, CacheDisposal wanted, bool has_trash)
{
	/* Nothing of it can be had back: only what a person wants to be gone softly goes so. */
	if (!has_trash)
		return intent->kind == CACHE_KIND_DIR || wanted == CACHE_DISPOSAL_TRASH
			       ? CACHE_DISPOSAL_HARD
			       : wanted;
	/* A folder always goes to Deleted Items, where a person can bring it back. */
	if (intent->kind == CACHE_KIND_DIR)
		return intent->is_trash ? CACHE_DISPOSAL_HARD : CACHE_DISPOSAL_TRASH;
	return wanted == CACHE_DISPOSAL_TRASH && intent->is_trash ? CACHE_DISPOSAL_SOFT : wanted;
}

static unsigned limit_for(const CachePlanLimits *limits, CacheTodo step, CacheKind kind)
{
	if (kind == CACHE_KIND_DIR)
		return limits->folder;
	switch (step) {
	case CACHE_TODO_MAKE:
		return limits->make;
	case CACHE_TODO_COPY:
		return limits->copy;
	case CACHE_TODO_MOVE:
		return limits->move;
	case CACHE_TODO_UPDATE:
		return limits->update;
	case CACHE_TODO_SEND:
		return limits->send;
	case CACHE_TODO_REMOVE_OLD:
	case CACHE_TODO_DELETE:
		return limits->remove;
	}
	return 1;
}

static bool needs_target(CacheTodo step)
{
	return step == CACHE_TODO_MAKE || step == CACHE_TODO_COPY || step == CACHE_TODO_MOVE;
}

/* Steps with the same word travel together. */
static char *group_of(const CacheIntent *intent, CacheTodo step, const CachePlanLimits *limits)
{
	const char *content = cache_intent_content(intent, step);
	const char *where = content != NULL ? content : "";
	if (needs_target(step))
		return g_strdup_printf("%d %d %s %s", intent->kind, step, where,
			intent->target_id);
	if (step == CACHE_TODO_DELETE)
		return g_strdup_printf("%d %d %s %d", intent->kind, step, where,
			cache_plan_disposal(intent, limits->disposal, limits->has_trash));
	return g_strdup_printf("%d %d %s", intent->kind, step, where);
}

static int64_t wire_bytes(const CacheIntent *intent, CacheTodo step)
{
	/* Base64, and the properties around it. */
	return step == CACHE_TODO_MAKE ? intent->bytes / 3 * 4 + 2048 : 0;
}

/* May it leave at all, its linger apart? */
static bool is_possible(const CacheIntent *intent, CacheTodo step)
{
	if (step == 0 || intent->doing != 0 || intent->state != CACHE_INTENT_QUEUED)
		return false;
	/* Where that is, is not told yet (cache/content.h). */
	if (g_strcmp0(cache_intent_content(intent, step), "") == 0)
		return false;
	return !intent->is_blocked && (!needs_target(step) || intent->target_id != NULL);
}

static int64_t ready_at(const CacheIntent *intent)
{
	int64_t lingered =
		MIN(intent->touched + CACHE_LINGER_US, intent->since + CACHE_LINGER_MAX_US);
	return MAX(intent->is_urgent ? 0 : lingered, intent->not_before);
}

typedef struct Group {
	CacheTodo step;
	CacheKind kind;
	unsigned limit;
	int64_t ready;      /* of the one that is ready first */
	GPtrArray *intents; /* own; borrowed */
} Group;

static void group_free(void *data)
{
	Group *group = data;
	g_ptr_array_unref(group->intents);
	g_free(group);
}

static void add_to_group(GPtrArray *groups, GHashTable *by_word, const CachePlanLimits *limits,
	CacheIntent *intent, CacheTodo step)
{
	g_autofree char *word = group_of(intent, step, limits);
	Group *group = g_hash_table_lookup(by_word, word);
	if (group == NULL) {
		group = g_new0(Group, 1);
		group->step = step;
		group->kind = intent->kind;
		group->limit = MAX(limit_for(limits, step, intent->kind), 1);
		group->ready = INT64_MAX;
		group->intents = g_ptr_array_new();
		g_ptr_array_add(groups, group);
		g_hash_table_insert(by_word, g_steal_pointer(&word), group);
	}
	group->ready = MIN(group->ready, ready_at(intent));
	g_ptr_array_add(group->intents, intent);
}

static CacheCall *begin_call(GPtrArray *calls, const Group *group)
{
	CacheCall *call = g_new0(CacheCall, 1);
	call->step = group->step;
	call->kind = group->kind;
	call->intents = g_ptr_array_new();
	g_ptr_array_add(calls, call);
	return call;
}

/* Once one of a group is ready, those that linger go with it: the call costs the same. Before that
 * only full calls leave. */
static void cut_calls(GPtrArray *calls, const Group *group, int64_t now, int64_t *ret_next)
{
	CacheCall *call = NULL;
	guint room = group->intents->len;
	if (group->ready > now)
		room -= room % group->limit;
	if (room < group->intents->len)
		*ret_next = MIN(*ret_next, group->ready);
	for (guint i = 0; i < room; i++) {
		CacheIntent *intent = group->intents->pdata[i];
		int64_t bytes = wire_bytes(intent, group->step);
		if (intent->not_before > now) {
			*ret_next = MIN(*ret_next, intent->not_before);
			continue;
		}
		if (call == NULL || call->intents->len >= group->limit ||
			call->bytes + bytes > EWS_CALL_BYTES_MAX)
			call = begin_call(calls, group);
		g_ptr_array_add(call->intents, intent);
		call->bytes += bytes;
	}
}

GPtrArray *cache_plan(GPtrArray *intents, const CachePlanLimits *limits, int64_t now,
	int64_t *ret_next)
{
	GPtrArray *calls = g_ptr_array_new_with_free_func((GDestroyNotify)cache_call_free);
	g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(group_free);
	g_autoptr(GHashTable) by_word =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	*ret_next = INT64_MAX;
	for (guint i = 0; i < intents->len; i++) {
		CacheIntent *intent = intents->pdata[i];
		CacheTodo step = cache_intent_next(intent);
		if (is_possible(intent, step))
			add_to_group(groups, by_word, limits, intent, step);
	}
	for (guint i = 0; i < groups->len; i++)
		cut_calls(calls, groups->pdata[i], now, ret_next);
	return calls;
}
