/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "cache/plan.h"

/*
 * What programs do, and the calls that come of it: the table of docs/semantics.md as a test of pure
 * functions, without a database, a thread or a clock.
 *
 * A row is a sequence of operations, divided by `;`, and the calls that leave until nothing is left
 * to do, as "CreateItem F1 3, DeleteItem trash 2". `leave` sends all that may leave at that moment,
 * and keeps the answers back until `answer`; `look` tells what the plan says now, in brackets,
 * with the milliseconds until it wants to be asked again, and ends the row without sending. What
 * the answers do to an intent is told here anew, in a few lines (answer_one): that is what
 * outcome.c and own.c must do too.
 *
 *     item A F1          the server has a message A in folder F1
 *     create A F1 [N]    a new message is finished, of N bytes
 *     write A            its content is written anew
 *     copy A B F2        cp A F2/B
 *     move A F2, rename A, flag A, read A, delete A, send A
 *     over A B           mv A B: the new message A takes B's place
 *     folder F3 TOP      the server has a folder;  mkdir F3 TOP: it has not yet
 *     trash A            A is inside Deleted Items
 *     after A B          A comes after B;  urgent A: somebody waits for it
 *     later A MS         the server asked for patience
 *     wait MS            time passes
 *
 * "3*create A F1" is create A1 F1, A2, A3.
 */

#define MS (G_USEC_PER_SEC / 1000)
#define BEGIN (INT64_C(1795169700) * G_USEC_PER_SEC)
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

static const CachePlanLimits limits =
	{.make = 10, .copy = 6, .move = 7, .update = 8, .send = 5, .remove = 9, .folder = 4};

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
		more = ways[cache_plan_disposal(first, table->disposal)];
	else if (call->step <= CACHE_TODO_MOVE)
		more = first->target_id;
	bool is_first = table->said->len == 0 || g_str_has_suffix(table->said->str, "[");
	g_string_append_printf(table->said, "%s%s%s%s %u", is_first ? "" : ", ", call_name(call),
		*more != '\0' ? " " : "", more, call->intents->len);
}

/* What the journal looks up beside the row. */
static GPtrArray *load(Table *table)
{
	GPtrArray *intents = g_ptr_array_new();
	for (guint i = 0; i < table->things->len; i++) {
		Thing *thing = table->things->pdata[i];
		CacheIntent *intent = thing->intent;
		const Thing *first = thing->after != NULL ? need(table, thing->after) : NULL;
		intent->target = intent->dir != 0 ? number_of(table, thing->dir) : 0;
		g_free(intent->target_id);
		intent->target_id = intent->target != 0 ? g_strdup(thing->dir) : NULL;
		intent->is_blocked = first != NULL && !cache_intent_is_over(first->intent);
		if (!cache_intent_is_over(intent))
			g_ptr_array_add(intents, intent);
	}
	return intents;
}

static GPtrArray *plan(Table *table, int64_t *ret_next)
{
	CachePlanLimits all = limits;
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
	/* Where things are by now. */
	g_autoptr(GPtrArray) intents = load(table);
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

static void check_row(const char *ops, const char *expected)
{
	Table table = {.now = BEGIN};
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

/* --- the rows --------------------------------------------------------------------------------- */

typedef struct Row {
	const char *ops;
	const char *calls;
} Row;

static void check_rows(const Row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_row(rows[i].ops, rows[i].calls);
}

#define CHECK_ROWS(rows) check_rows(rows, G_N_ELEMENTS(rows))

/* The columns of the table in cache/intent.h. */
static void test_unsent(void)
{
	static const Row rows[] = {
		{"create a F1", "CreateItem F1 1"},
		{"create a F1; write a", "CreateItem F1 1"},
		{"create a F1; move a F2", "CreateItem F2 1"},
		{"create a F1; rename a; flag a; read a", "CreateItem F1 1"},
		{"create a F1; flag a; move a F2; write a; rename a", "CreateItem F2 1"},
		{"create a F1; delete a", ""},
		{"create a F1; flag a; move a F2; delete a", ""},
		{"item b F1; copy b a F2", "CopyItem F2 1, UpdateItem 1"},
		{"item b F1; copy b a F2; rename a; flag a", "CopyItem F2 1, UpdateItem 1"},
		{"item b F1; copy b a F2; move a F3", "CopyItem F3 1, UpdateItem 1"},
		{"item b F1; copy b a F2; write a", "CreateItem F2 1"},
		{"item b F1; copy b a F2; delete a", ""},
		{"mkdir d TOP", "CreateFolder TOP 1"},
		{"mkdir d TOP; rename d", "CreateFolder TOP 1"},
		{"mkdir d TOP; move d F1; delete d", ""},
		/* What the unsent one was to replace goes all the same: the program removed it. */
		{"item a F1; create b F1; over b a; delete b", "DeleteItem old 1"},
	};
	CHECK_ROWS(rows);
}

static void test_on_its_way(void)
{
	static const Row rows[] = {
		{"create a F1; wait 300; leave; write a",
			"CreateItem F1 1, CreateItem F1 1, DeleteItem old 1"},
		{"create a F1; wait 300; leave; move a F2", "CreateItem F1 1, MoveItem F2 1"},
		{"create a F1; wait 300; leave; move a F2; move a F1", "CreateItem F1 1"},
		{"create a F1; wait 300; leave; rename a; flag a", "CreateItem F1 1, UpdateItem 1"},
		{"create a F1; wait 300; leave; move a F2; flag a",
			"CreateItem F1 1, MoveItem F2 1, UpdateItem 1"},
		{"create a F1; wait 300; leave; delete a", "CreateItem F1 1, DeleteItem trash 1"},
		{"create a F1; wait 300; leave; flag a; move a F2; write a; delete a",
			"CreateItem F1 1, DeleteItem trash 1"},
		{"create a F1; wait 300; leave; write a; move a F2; flag a",
			"CreateItem F1 1, CreateItem F2 1, DeleteItem old 1"},
		{"item a F1; move a F2; wait 300; leave; move a F1",
			"MoveItem F2 1, MoveItem F1 1"},
		{"item a F1; move a F2; wait 300; leave; delete a",
			"MoveItem F2 1, DeleteItem trash 1"},
		{"item a F1; flag a; wait 300; leave; read a", "UpdateItem 1, UpdateItem 1"},
		{"item a F1; flag a; wait 300; leave; delete a",
			"UpdateItem 1, DeleteItem trash 1"},
		{"mkdir d TOP; wait 300; leave; rename d", "CreateFolder TOP 1, UpdateFolder 1"},
		{"mkdir d TOP; wait 300; leave; delete d",
			"CreateFolder TOP 1, DeleteFolder trash 1"},
		{"item b F1; copy b a F2; wait 300; leave; write a",
			"CopyItem F2 1, CreateItem F2 1, DeleteItem old 1"},
	};
	CHECK_ROWS(rows);
}

static void test_on_the_server(void)
{
	static const Row rows[] = {
		{"item a F1; write a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; write a; write a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; move a F2", "MoveItem F2 1"},
		{"item a F1; move a F2; move a F3", "MoveItem F3 1"},
		{"item a F1; move a F2; move a F1", ""},
		{"item a F1; flag a; read a; flag a; rename a", "UpdateItem 1"},
		{"item a F1; move a F2; flag a", "MoveItem F2 1, UpdateItem 1"},
		{"item a F1; delete a", "DeleteItem trash 1"},
		{"item a F1; flag a; move a F2; delete a", "DeleteItem trash 1"},
		/* Written anew and deleted: what goes is the one that is there. */
		{"item a F1; write a; delete a", "DeleteItem trash 1"},
		{"item a F1; flag a; write a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; move a F2; write a", "CreateItem F2 1, DeleteItem old 1"},
		{"item a F1; write a; move a F2; flag a", "CreateItem F2 1, DeleteItem old 1"},
		{"item a F1; create b F1; over b a", "CreateItem F1 1, DeleteItem old 1"},
		{"item a F1; send a", "SendItem 1"},
		{"create a F1; send a", "CreateItem F1 1, SendItem 1"},
		{"folder d TOP; rename d", "UpdateFolder 1"},
		{"folder d TOP; move d F1", "MoveFolder F1 1"},
		{"folder d TOP; move d F1; rename d", "MoveFolder F1 1, UpdateFolder 1"},
		{"folder d TOP; delete d", "DeleteFolder trash 1"},
		{"folder d TOP; rename d; move d F1; delete d", "DeleteFolder trash 1"},
	};
	CHECK_ROWS(rows);
}

static void test_linger(void)
{
	static const Row rows[] = {
		{"create a F1; look", "[250 ms]"},
		{"create a F1; wait 249; look", "[1 ms]"},
		{"create a F1; wait 250; look", "[CreateItem F1 1]"},
		/* Each word prolongs it, up to a second. */
		{"create a F1; wait 200; flag a; look", "[250 ms]"},
		{"create a F1; wait 200; flag a; wait 200; flag a; wait 200; flag a; wait 200;"
		 " flag a; wait 150; look",
			"[50 ms]"},
		{"create a F1; wait 200; flag a; wait 200; flag a; wait 200; flag a; wait 200;"
		 " flag a; wait 200; flag a; look",
			"[CreateItem F1 1]"},
		/* One that is ready takes those along that linger still. */
		{"create a F1; wait 200; create b F1; wait 50; look", "[CreateItem F1 2]"},
		/* ... but not those of another call. */
		{"create a F1; wait 200; create b F2; wait 50; look", "[CreateItem F1 1; 200 ms]"},
		{"create a F1; urgent a; look", "[CreateItem F1 1]"},
		{"create a F1; create b F1; urgent b; create c F2; look",
			"[CreateItem F1 2; 250 ms]"},
	};
	CHECK_ROWS(rows);
}

static void test_batches(void)
{
	static const Row rows[] = {
		/* A full call leaves at once; the rest lingers. */
		{"9*create a F1; look", "[250 ms]"},
		{"10*create a F1; look", "[CreateItem F1 10]"},
		{"25*create a F1; look", "[CreateItem F1 10, CreateItem F1 10; 250 ms]"},
		{"25*create a F1", "CreateItem F1 10, CreateItem F1 10, CreateItem F1 5"},
		{"5*create a F1; 5*create b F2; look", "[250 ms]"},
		{"13*item a F1; 13*delete a", "DeleteItem trash 9, DeleteItem trash 4"},
		{"13*item a F1; 13*flag a", "UpdateItem 8, UpdateItem 5"},
		{"13*item a F1; 13*move a F2", "MoveItem F2 7, MoveItem F2 6"},
		{"item b F2; 7*item a F1; 7*send a", "SendItem 5, SendItem 2"},
		{"5*mkdir d TOP", "CreateFolder TOP 4, CreateFolder TOP 1"},
		/* Of any folder. */
		{"3*item a F1; 3*item b F2; 3*delete a; 3*delete b; 3*item c F1; 3*item d F2;"
		 " 3*flag c; 3*flag d",
			"DeleteItem trash 6, UpdateItem 6"},
		{"3*item a F1; 3*item b F2; 3*move a F3; 3*move b F4",
			"MoveItem F3 3, MoveItem F4 3"},
		{"3*create a F1; 2*create b F2; 2*item c F2; 2*delete c",
			"CreateItem F1 3, CreateItem F2 2, DeleteItem trash 2"},
		/* Oldest first. */
		{"create b F2; create a F1; wait 300; look", "[CreateItem F2 1, CreateItem F1 1]"},
	};
	CHECK_ROWS(rows);
}

static void test_bytes(void)
{
	static const Row rows[] = {
		/* 9 MB are 12 on the wire. */
		{"3*create a F1 9000000", "CreateItem F1 2, CreateItem F1 1"},
		{"2*create a F1 9500000", "CreateItem F1 1, CreateItem F1 1"},
		/* One that is larger than a call goes alone. */
		{"create a F1; create b F1 40000000; create c F1",
			"CreateItem F1 1, CreateItem F1 1, CreateItem F1 1"},
		/* Moves carry no bytes. */
		{"create a F1 40000000; create b F1 40000000; wait 300; leave; answer;"
		 " move a F2; move b F2",
			"CreateItem F1 1, CreateItem F1 1, MoveItem F2 2"},
	};
	CHECK_ROWS(rows);
}

static void test_order(void)
{
	static const Row rows[] = {
		/* A folder exists before anything enters it. */
		{"mkdir d TOP; create a d; wait 300; look", "[CreateFolder TOP 1]"},
		{"mkdir d TOP; create a d; create b d", "CreateFolder TOP 1, CreateItem d 2"},
		{"mkdir d TOP; item a F1; move a d", "CreateFolder TOP 1, MoveItem d 1"},
		{"mkdir d TOP; mkdir e d; create a e",
			"CreateFolder TOP 1, CreateFolder d 1, CreateItem e 1"},
		/* What came before must be over, all of it. */
		{"item a F1; item b F1; delete a; rename b; after b a; wait 300; look",
			"[DeleteItem trash 1]"},
		{"item a F1; item b F1; delete a; rename b; after b a",
			"DeleteItem trash 1, UpdateItem 1"},
		{"item a F1; item b F1; delete a; rename b; after b a; urgent b; look", "[250 ms]"},
		/* A step at a time. */
		{"item a F1; move a F2; flag a; wait 300; look", "[MoveItem F2 1]"},
		{"item a F1; move a F2; flag a; wait 300; leave; wait 300; look",
			"MoveItem F2 1 []"},
	};
	CHECK_ROWS(rows);
}

static void test_patience(void)
{
	static const Row rows[] = {
		{"create a F1; later a 5000; wait 300; look", "[4700 ms]"},
		{"create a F1; later a 5000; urgent a; wait 300; look", "[4700 ms]"},
		{"create a F1; later a 5000; wait 5000; look", "[CreateItem F1 1]"},
		/* Others need not wait for it. */
		{"create a F1; later a 5000; create b F1; wait 300; look",
			"[CreateItem F1 1; 4700 ms]"},
	};
	CHECK_ROWS(rows);
}

static void test_disposal(void)
{
	static const Row rows[] = {
		{"item a F1; item b F1; trash b; delete a; delete b",
			"DeleteItem trash 1, DeleteItem soft 1"},
		{"disposal 1; item a F1; item b F1; trash b; delete a; delete b",
			"DeleteItem soft 2"},
		{"disposal 2; item a F1; item b F1; trash b; delete a; delete b",
			"DeleteItem hard 2"},
		/* A folder can always be brought back, unless it is in Deleted Items itself. */
		{"disposal 2; folder d TOP; delete d", "DeleteFolder trash 1"},
		{"disposal 1; folder d TOP; trash d; delete d", "DeleteFolder hard 1"},
	};
	CHECK_ROWS(rows);
}

/* Only what is queued is planned, whatever else a row says. */
static void test_states(void)
{
	for (int state = CACHE_INTENT_QUEUED; state <= CACHE_INTENT_MAYBE_SENT; state++) {
		g_autoptr(GPtrArray) intents = g_ptr_array_new();
		g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
		int64_t next = 0;
		intent->id = g_strdup("id");
		cache_intent_ask_delete(intent);
		intent->state = (CacheIntentState)state;
		g_ptr_array_add(intents, intent);
		g_autoptr(GPtrArray) calls = cache_plan(intents, &limits, BEGIN, &next);
		g_assert_cmpuint(calls->len, ==, state == CACHE_INTENT_QUEUED ? 1 : 0);
		g_assert_cmpint(next, ==, INT64_MAX);
	}
}

static void test_reopen(void)
{
	g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
	cache_intent_ask_make(intent, NULL, 0);
	g_autofree char *guid = g_strdup(intent->guid);
	intent->state = CACHE_INTENT_FAILED;
	intent->tries = 5;
	intent->not_before = BEGIN;
	intent->error = g_strdup("refused");
	/* A program that writes it again has another try. */
	cache_intent_ask_make(intent, NULL, 0);
	g_assert_cmpint(intent->state, ==, CACHE_INTENT_QUEUED);
	g_assert_cmpuint(intent->tries, ==, 0);
	g_assert_cmpint(intent->not_before, ==, 0);
	g_assert_null(intent->error);
	g_assert_cmpstr(intent->guid, ==, guid);
}

/* A create that may have arrived is not unsent, and is not forgotten by a delete. */
static void test_doubt(void)
{
	g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
	cache_intent_ask_make(intent, NULL, 0);
	g_assert_true(cache_intent_is_unsent(intent));
	intent->attempt = 1;
	intent->state = CACHE_INTENT_DOUBT;
	g_assert_false(cache_intent_is_unsent(intent));
	cache_intent_ask_delete(intent);
	g_assert_cmpint(intent->state, ==, CACHE_INTENT_DOUBT);
	g_assert_cmpuint(intent->todo, ==, CACHE_TODO_MAKE | CACHE_TODO_DELETE);
}

static void test_describe(void)
{
	g_autoptr(CacheIntent) intent = cache_intent_new(1, CACHE_KIND_FILE);
	intent->todo = CACHE_TODO_MAKE | CACHE_TODO_REMOVE_OLD;
	g_autofree char *first = cache_intent_describe(intent);
	g_assert_cmpstr(first, ==, "create, replace");
	intent->todo = CACHE_TODO_COPY | CACHE_TODO_MOVE | CACHE_TODO_UPDATE | CACHE_TODO_SEND |
		       CACHE_TODO_DELETE;
	g_autofree char *second = cache_intent_describe(intent);
	g_assert_cmpstr(second, ==, "copy, move, update, send, delete");
	g_assert_cmpint(cache_intent_next(intent), ==, CACHE_TODO_COPY);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/plan/what-is-unsent-merges", test_unsent);
	g_test_add_func("/cache/plan/what-is-on-its-way-is-followed", test_on_its_way);
	g_test_add_func("/cache/plan/what-is-on-the-server-is-changed", test_on_the_server);
	g_test_add_func("/cache/plan/lingers", test_linger);
	g_test_add_func("/cache/plan/groups-and-cuts", test_batches);
	g_test_add_func("/cache/plan/minds-the-wire", test_bytes);
	g_test_add_func("/cache/plan/keeps-the-order", test_order);
	g_test_add_func("/cache/plan/waits-when-asked-to", test_patience);
	g_test_add_func("/cache/plan/deletes-as-told", test_disposal);
	g_test_add_func("/cache/plan/only-what-is-queued", test_states);
	g_test_add_func("/cache/intent/asked-anew-is-tried-anew", test_reopen);
	g_test_add_func("/cache/intent/doubt-is-not-forgotten", test_doubt);
	g_test_add_func("/cache/intent/describes-itself", test_describe);
	return g_test_run();
}
