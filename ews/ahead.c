/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/ahead.h"

/* Runners that wait to be claimed: folders that are gone through at the same time. */
#define ENTRIES_MAX 4

typedef struct Entry {
	EwsOp *runner;   /* own once it is done; before, the session's */
	EwsOp *claimant; /* own */
	bool is_done;
	bool is_forgotten; /* freed as soon as it is done */
} Entry;

struct EwsAhead {
	EwsAheadOut out;
	GPtrArray *entries; /* own, of Entry; the oldest first */
};

EwsAhead *ews_ahead_new(const EwsAheadOut *out)
{
	EwsAhead *self = g_new0(EwsAhead, 1);

	self->out = *out;
	self->entries = g_ptr_array_new_with_free_func(g_free);
	return self;
}

void ews_ahead_free(EwsAhead *self)
{
	if (!self)
		return;
	for (guint i = 0; i < self->entries->len; i++) {
		Entry *entry = self->entries->pdata[i];

		g_assert(entry->is_done && !entry->claimant);
		ews_op_free(entry->runner);
	}
	g_ptr_array_unref(self->entries);
	g_free(self);
}

static Entry *find_runner(EwsAhead *self, const EwsOp *runner)
{
	for (guint i = 0; i < self->entries->len; i++) {
		Entry *entry = self->entries->pdata[i];

		if (entry->runner == runner)
			return entry;
	}
	return NULL;
}

static void remove_entry(EwsAhead *self, Entry *entry)
{
	if (entry->is_done)
		ews_op_free(entry->runner);
	g_ptr_array_remove(self->entries, entry);
}

/* Makes room for one more; FALSE: there is none. */
static bool make_room(EwsAhead *self)
{
	guint live = 0;
	Entry *oldest = NULL;

	for (guint i = 0; i < self->entries->len; i++) {
		Entry *entry = self->entries->pdata[i];

		live += !entry->is_forgotten;
		if (!oldest && !entry->is_forgotten && !entry->claimant)
			oldest = entry;
	}
	if (live < ENTRIES_MAX)
		return true;
	if (!oldest)
		return false;
	oldest->is_forgotten = true;
	if (oldest->is_done)
		remove_entry(self, oldest);
	return true;
}

/* The claimant gets what its runner got; or, if that was an error, asks for itself. */
static void hand_over(EwsAhead *self, Entry *entry)
{
	EwsOp *claimant = g_steal_pointer(&entry->claimant);
	bool is_good = !ews_op_error(entry->runner);

	if (is_good)
		claimant->kind->adopt(claimant, entry->runner);
	remove_entry(self, entry);
	if (!is_good) {
		self->out.send(self->out.user, claimant);
		return;
	}
	/* The page after the next one may be known by now. */
	ews_ahead_foresee(self, claimant);
	ews_op_done(claimant, NULL);
}

static void on_runner_done(EwsOp *runner, void *user)
{
	EwsAhead *self = user;
	Entry *entry = find_runner(self, runner);

	entry->is_done = true;
	if (entry->is_forgotten)
		remove_entry(self, entry);
	else if (entry->claimant)
		hand_over(self, entry);
}

void ews_ahead_foresee(EwsAhead *self, EwsOp *op)
{
	const Entry *own = find_runner(self, op);
	Entry *entry;
	EwsOp *runner;

	if (!op->follow || (own && !own->claimant) || !make_room(self))
		return;
	runner = g_steal_pointer(&op->follow);
	runner->serial = self->out.serial(self->out.user);
	runner->priority = op->priority;
	runner->content = op->content;
	runner->done = on_runner_done;
	runner->user = self;
	entry = g_new0(Entry, 1);
	entry->runner = runner;
	g_ptr_array_add(self->entries, entry);
	self->out.send(self->out.user, runner);
}

static Entry *find_same(EwsAhead *self, const EwsOp *op)
{
	for (guint i = 0; i < self->entries->len; i++) {
		Entry *entry = self->entries->pdata[i];

		if (entry->runner->kind == op->kind && !entry->claimant && !entry->is_forgotten &&
			op->kind->is_same(op, entry->runner))
			return entry;
	}
	return NULL;
}

bool ews_ahead_claim(EwsAhead *self, EwsOp *op)
{
	Entry *entry = op->kind->adopt ? find_same(self, op) : NULL;

	if (!entry)
		return false;
	entry->claimant = op;
	if (entry->is_done) {
		hand_over(self, entry);
		return true;
	}
	if (op->priority < entry->runner->priority)
		self->out.raise(self->out.user, entry->runner->serial, op->priority);
	/* It may know already what comes after it. */
	ews_ahead_foresee(self, entry->runner);
	return true;
}

void ews_ahead_raise(EwsAhead *self, uint64_t serial, EwsPriority priority)
{
	for (guint i = 0; i < self->entries->len; i++) {
		Entry *entry = self->entries->pdata[i];
		EwsOp *claimant = entry->claimant;

		if (!claimant || claimant->serial != serial || claimant->priority <= priority)
			continue;
		claimant->priority = priority;
		self->out.raise(self->out.user, entry->runner->serial, priority);
	}
}
