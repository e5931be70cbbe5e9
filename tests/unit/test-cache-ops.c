/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/test-cache-ops.h"

#include <stdlib.h>
#include <string.h>

#define MS (G_USEC_PER_SEC / 1000)
#define LONG_AFTER (60 * (int64_t)G_USEC_PER_SEC)

/* A message or folder. */
typedef struct Thing {
	char *name;          /* own, as all below */
	CacheIntent *intent; /* always there; with nothing to do it is not planned */
	char *dir;           /* the folder that it is in */
	char *after;
	bool is_rewritten; /* since it left */
	int64_t folder;    /* where the server has it; 0: nowhere */
} Thing;

typedef struct Table {
	GPtrArray *things; /* own; of Thing, oldest first */
	GPtrArray *away;   /* own; of Thing, borrowed: sent and not answered */
	GString *said;     /* own */
	int64_t now;
	int64_t made; /* ids */
	bool was_looked;
	CacheDisposal disposal;
} Table;

const CachePlanLimits ops_limits =
	{.make = 10, .copy = 6, .move = 7, .update = 8, .send = 5, .remove = 9, .folder = 4,
	 .has_trash = true};

static void thing_free(void *data)
{
	Thing *self = data;
	cache_intent_free(self->intent);
	g_free(self->name);
	g_free(self->dir);
	g_free(self->after);
	g_free(self);
}

static Thing *find(const Table *table, const char *name)
{
	for (guint i = 0; i < table->things->len; i++) {
		Thing *thing = table->things->pdata[i];
		if (strcmp(thing->name, name) == 0)
			return thing;
	}
	return NULL;
}

static Thing *need(const Table *table, const char *name)
{
	Thing *thing = find(table, name);
	if (thing == NULL)
		g_error("the row has no %s", name);
	return thing;
}

static int64_t number_of(const Table *table, const char *folder)
{
	const Thing *thing = find(table, folder);
	if (thing != NULL)
		return thing->folder;
	/* F1 … are there from the start. */
	g_assert_true(folder[0] == 'F' || strcmp(folder, "TOP") == 0);
	return (int64_t)g_str_hash(folder);
}

static void put_into(Table *table, Thing *thing, const char *folder)
{
	g_free(thing->dir);
	thing->dir = g_strdup(folder);
	thing->intent->dir = 1;
	thing->intent->target = number_of(table, folder);
}

static Thing *add(Table *table, const char *name, CacheKind kind, const char *folder)
{
	Thing *thing = g_new0(Thing, 1);
	g_assert_null(find(table, name));
	thing->name = g_strdup(name);
	thing->intent = cache_intent_new((int64_t)table->things->len + 1, kind);
	g_ptr_array_add(table->things, thing);
	put_into(table, thing, folder);
	return thing;
}

static void exist(Table *table, Thing *thing)
{
	CacheIntent *intent = thing->intent;
	g_free(intent->id);
	intent->id = g_strdup_printf("id%d", (int)++table->made);
	intent->folder = intent->target;
	thing->folder = intent->kind == CACHE_KIND_DIR ? table->made : intent->target;
}

/* What the journal's row would say of the time. */
static void touch(Table *table, Thing *thing)
{
	CacheIntent *intent = thing->intent;
	intent->touched = table->now;
	if (intent->since == 0)
		intent->since = table->now;
}

/* --- sending -------------------------------------------------------------------------------- */

static const char *call_name(const CacheCall *call)
{
	static const struct {
		CacheTodo step;
		const char *item, *folder;
	} names[] = {
		{CACHE_TODO_MAKE, "CreateItem", "CreateFolder"},
		{CACHE_TODO_COPY, "CopyItem", NULL},
		{CACHE_TODO_MOVE, "MoveItem", "MoveFolder"},
		{CACHE_TODO_UPDATE, "UpdateItem", "UpdateFolder"},
		{CACHE_TODO_SEND, "SendItem", NULL},
		{CACHE_TODO_REMOVE_OLD, "DeleteItem old", NULL},
		{CACHE_TODO_DELETE, "DeleteItem", "DeleteFolder"},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (names[i].step == call->step)
			return call->kind == CACHE_KIND_DIR ? names[i].folder : names[i].item;
	}
	return NULL;
}

static void say(Table *table, const CacheCall *call)
{
	static const char *const ways[] = {"trash", "soft", "hard"};
	const CacheIntent *first = call->intents->pdata[0];
	const char *more = "";
	if (call->step == CACHE_TODO_DELETE)
		more = ways[cache_plan_disposal(first, table->disposal, true)];
	else if (call->step <= CACHE_TODO_MOVE)
		more = first->target_id;
	bool is_first = table->said->len == 0 || g_str_has_suffix(table->said->str, "[");
	g_string_append_printf(table->said, "%s%s%s%s %u", is_first ? "" : ", ", call_name(call),
		*more != '\0' ? " " : "", more, call->intents->len);
}

/* What the journal looks up beside the row. */
static void look_beside(Table *table)
{
	for (guint i = 0; i < table->things->len; i++) {
		Thing *thing = table->things->pdata[i];
		CacheIntent *intent = thing->intent;
		const Thing *first = thing->after != NULL ? need(table, thing->after) : NULL;
		intent->target = intent->dir != 0 ? number_of(table, thing->dir) : 0;
		g_free(intent->target_id);
		intent->target_id = intent->target != 0 ? g_strdup(thing->dir) : NULL;
		intent->is_blocked = first != NULL && !cache_intent_is_over(first->intent);
	}
}

static GPtrArray *load(Table *table)
{
	GPtrArray *intents = g_ptr_array_new();
	look_beside(table);
	for (guint i = 0; i < table->things->len; i++) {
		const Thing *thing = table->things->pdata[i];
		if (!cache_intent_is_over(thing->intent))
			g_ptr_array_add(intents, thing->intent);
	}
	return intents;
}

static GPtrArray *plan(Table *table, int64_t *ret_next)
{
	CachePlanLimits all = ops_limits;
	g_autoptr(GPtrArray) intents = load(table);
	all.disposal = table->disposal;
	return cache_plan(intents, &all, table->now, ret_next);
}

static void leave_one(Table *table, CacheIntent *intent, CacheTodo step)
{
	intent->state = CACHE_INTENT_SENDING;
	intent->doing = step;
	intent->attempt++;
	intent->sent_folder = intent->target;
	if (step == CACHE_TODO_MAKE || step == CACHE_TODO_UPDATE) {
		intent->sent_fields = intent->fields;
		intent->fields = 0;
	}
	for (guint i = 0; i < table->things->len; i++) {
		Thing *thing = table->things->pdata[i];
		if (thing->intent == intent) {
			thing->is_rewritten = false;
			g_ptr_array_add(table->away, thing);
		}
	}
}

static unsigned leave(Table *table)
{
	int64_t next = 0;
	g_autoptr(GPtrArray) calls = plan(table, &next);
	for (guint i = 0; i < calls->len; i++) {
		const CacheCall *call = calls->pdata[i];
		g_assert_cmpuint(call->intents->len, >, 0);
		say(table, call);
		for (guint j = 0; j < call->intents->len; j++)
			leave_one(table, call->intents->pdata[j], call->step);
	}
	return calls->len;
}

static void answer_birth(Table *table, Thing *thing)
{
	CacheIntent *intent = thing->intent;
	g_free(intent->id);
	intent->id = g_strdup_printf("id%d", (int)++table->made);
	intent->folder = intent->sent_folder;
	thing->folder = intent->kind == CACHE_KIND_DIR ? table->made : intent->sent_folder;
	if (intent->kind == CACHE_KIND_FILE && intent->old_id != NULL)
		intent->todo |= CACHE_TODO_REMOVE_OLD;
	if (intent->dir != 0 && intent->target != intent->sent_folder)
		intent->todo |= CACHE_TODO_MOVE;
	if (intent->fields != 0 && intent->dir != 0)
		intent->todo |= CACHE_TODO_UPDATE;
	if (thing->is_rewritten && intent->dir != 0)
		cache_intent_ask_make(intent, intent->id, intent->sent_folder);
}

static void answer_one(Table *table, Thing *thing)
{
	CacheIntent *intent = thing->intent;
	CacheTodo step = (CacheTodo)intent->doing;
	intent->todo &= ~(unsigned)step;
	intent->doing = 0;
	intent->sent_fields = 0;
	intent->state = CACHE_INTENT_QUEUED;
	if (step == CACHE_TODO_MAKE || step == CACHE_TODO_COPY)
		answer_birth(table, thing);
	if (step == CACHE_TODO_MOVE) {
		intent->folder = thing->folder = intent->sent_folder;
		if (intent->dir != 0 && intent->target != intent->folder)
			intent->todo |= CACHE_TODO_MOVE;
	}
	if (step == CACHE_TODO_UPDATE && intent->fields != 0)
		intent->todo |= CACHE_TODO_UPDATE;
	if (step == CACHE_TODO_REMOVE_OLD)
		g_clear_pointer(&intent->old_id, g_free);
}

static void answer(Table *table)
{
	look_beside(table);
	for (guint i = 0; i < table->away->len; i++)
		answer_one(table, table->away->pdata[i]);
	g_ptr_array_set_size(table->away, 0);
}

static void drain(Table *table)
{
	unsigned rounds = 0;
	answer(table);
	table->now += LONG_AFTER;
	while (leave(table) > 0) {
		answer(table);
		table->now += LONG_AFTER;
		g_assert_cmpuint(++rounds, <, 20);
	}
	/* Nothing hangs. */
	for (guint i = 0; i < table->things->len; i++) {
		const Thing *thing = table->things->pdata[i];
		g_assert_true(cache_intent_is_over(thing->intent));
	}
}

static void look(Table *table)
{
	int64_t next = 0;
	g_autoptr(GPtrArray) calls = plan(table, &next);
	g_string_append(table->said, table->said->len > 0 ? " [" : "[");
	for (guint i = 0; i < calls->len; i++)
		say(table, calls->pdata[i]);
	if (next != INT64_MAX)
		g_string_append_printf(table->said, "%s%d ms]", calls->len > 0 ? "; " : "",
			(int)((next - table->now) / MS));
	else
		g_string_append_c(table->said, ']');
	table->was_looked = true;
}

/* --- operations ------------------------------------------------------------------------------ */

static void op_item(Table *table, char **words)
{
	exist(table, add(table, words[1], CACHE_KIND_FILE, words[2]));
}

static void op_folder(Table *table, char **words)
{
	exist(table, add(table, words[1], CACHE_KIND_DIR, words[2]));
}

static void op_mkdir(Table *table, char **words)
{
	Thing *thing = add(table, words[1], CACHE_KIND_DIR, words[2]);
	cache_intent_ask_make(thing->intent, NULL, 0);
	touch(table, thing);
}

static void op_create(Table *table, char **words)
{
	Thing *thing = add(table, words[1], CACHE_KIND_FILE, words[2]);
	cache_intent_ask_make(thing->intent, NULL, 0);
	thing->intent->bytes = words[3] != NULL ? strtol(words[3], NULL, 10) : 1000;
	touch(table, thing);
}

static void op_write(Table *table, char **words)
{
	Thing *thing = need(table, words[1]);
	cache_intent_ask_make(thing->intent, thing->intent->id, thing->intent->folder);
	thing->is_rewritten = true;
	touch(table, thing);
}

static void op_copy(Table *table, char **words)
{
	Thing *thing = add(table, words[2], CACHE_KIND_FILE, words[3]);
	cache_intent_ask_make(thing->intent, NULL, 0);
	cache_intent_ask_copy(thing->intent, need(table, words[1])->intent->node);
	touch(table, thing);
}

static void op_move(Table *table, char **words)
{
	Thing *thing = need(table, words[1]);
	put_into(table, thing, words[2]);
	cache_intent_ask_move(thing->intent);
	touch(table, thing);
}

static void ask_fields(Table *table, const char *name, unsigned fields)
{
	Thing *thing = need(table, name);
	cache_intent_ask_fields(thing->intent, fields);
	touch(table, thing);
}

static void op_rename(Table *table, char **words)
{
	ask_fields(table, words[1], CACHE_INTENT_NAME);
}

static void op_flag(Table *table, char **words)
{
	ask_fields(table, words[1], CACHE_FIELD_FLAG);
}

static void op_read(Table *table, char **words)
{
	ask_fields(table, words[1], CACHE_FIELD_IS_READ);
}

static void op_delete(Table *table, char **words)
{
	Thing *thing = need(table, words[1]);
	cache_intent_ask_delete(thing->intent);
	thing->intent->dir = 0;
	touch(table, thing);
}

static void op_send(Table *table, char **words)
{
	Thing *thing = need(table, words[1]);
	thing->intent->todo |= CACHE_TODO_SEND;
	touch(table, thing);
}

/* A new message in the place of one that the server has: that one's node is forgotten. */
static void op_over(Table *table, char **words)
{
	Thing *thing = need(table, words[1]);
	const Thing *old = need(table, words[2]);
	put_into(table, thing, old->dir);
	cache_intent_ask_make(thing->intent, old->intent->id, old->intent->folder);
	old->intent->todo = 0;
	touch(table, thing);
}

static void op_trash(Table *table, char **words)
{
	need(table, words[1])->intent->is_trash = true;
}

static void op_after(Table *table, char **words)
{
	need(table, words[1])->after = g_strdup(words[2]);
}

static void op_urgent(Table *table, char **words)
{
	need(table, words[1])->intent->is_urgent = true;
}

static void op_later(Table *table, char **words)
{
	CacheIntent *intent = need(table, words[1])->intent;
	intent->not_before = table->now + strtol(words[2], NULL, 10) * MS;
}

static void op_wait(Table *table, char **words)
{
	table->now += strtol(words[1], NULL, 10) * MS;
}

static void op_leave(Table *table, char **words)
{
	leave(table);
}

static void op_answer(Table *table, char **words)
{
	answer(table);
}

/* The answers were refusals that pass: all of it once more. */
static void op_refuse(Table *table, char **words)
{
	for (guint i = 0; i < table->away->len; i++) {
		const Thing *thing = table->away->pdata[i];
		CacheIntent *intent = thing->intent;
		intent->state = CACHE_INTENT_QUEUED;
		intent->doing = 0;
		intent->fields |= intent->sent_fields;
		intent->sent_fields = 0;
	}
	g_ptr_array_set_size(table->away, 0);
}

static void op_look(Table *table, char **words)
{
	look(table);
}

static void op_disposal(Table *table, char **words)
{
	table->disposal = (CacheDisposal)strtol(words[1], NULL, 10);
}

static const struct {
	const char *word;
	void (*run)(Table *table, char **words);
} operations[] = {
	{"item", op_item},
	{"folder", op_folder},
	{"mkdir", op_mkdir},
	{"create", op_create},
	{"write", op_write},
	{"copy", op_copy},
	{"move", op_move},
	{"rename", op_rename},
	{"flag", op_flag},
	{"read", op_read},
	{"delete", op_delete},
	{"send", op_send},
	{"over", op_over},
	{"trash", op_trash},
	{"after", op_after},
	{"urgent", op_urgent},
	{"later", op_later},
	{"wait", op_wait},
	{"leave", op_leave},
	{"answer", op_answer},
	{"refuse", op_refuse},
	{"look", op_look},
	{"disposal", op_disposal},
};

static void run_words(Table *table, char **words)
{
	for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
		if (strcmp(operations[i].word, words[0]) == 0) {
			operations[i].run(table, words);
			return;
		}
	}
	g_error("no operation %s", words[0]);
}

static void run_op(Table *table, const char *text)
{
	char *star = strchr(text, '*');
	g_auto(GStrv) words = g_strsplit(star != NULL ? star + 1 : text, " ", -1);
	if (star == NULL) {
		run_words(table, words);
		return;
	}
	g_autofree char *stem = g_strdup(words[1]);
	for (long i = 1; i <= strtol(text, NULL, 10); i++) {
		g_free(words[1]);
		words[1] = g_strdup_printf("%s%ld", stem, i);
		run_words(table, words);
	}
}

void ops_check(const char *ops, const char *expected)
{
	Table table = {.now = OPS_BEGIN};
	g_auto(GStrv) texts = g_strsplit(ops, "; ", -1);
	table.things = g_ptr_array_new_with_free_func(thing_free);
	table.away = g_ptr_array_new();
	table.said = g_string_new(NULL);
	for (char **text = texts; *text != NULL; text++)
		run_op(&table, *text);
	if (!table.was_looked)
		drain(&table);
	if (strcmp(table.said->str, expected) != 0)
		g_test_fail_printf("%s: is %s, not %s", ops, table.said->str, expected);
	g_string_free(table.said, TRUE);
	g_ptr_array_unref(table.away);
	g_ptr_array_unref(table.things);
}
