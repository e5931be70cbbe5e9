/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/queue.h"

#include "ews/contents.h"

/* What an op weighs whose size nobody knows: a bit more than the usual message. */
#define WEIGHT_UNKNOWN (64 * 1024)

G_STATIC_ASSERT(EWS_KIND_COUNT <= 32);

struct EwsQueue {
	GQueue lists[EWS_PRIORITY_COUNT][EWS_KIND_COUNT]; /* of EwsOp.link; own the ops */
	GQueue calls[EWS_PRIORITY_COUNT];                 /* of EwsCall; own */
	unsigned called;                                  /* ops in them */
	GHashTable *by_serial; /* of EwsOp.serial; borrowed: from the lists */
};

EwsQueue *ews_queue_new(void)
{
	EwsQueue *self = g_new0(EwsQueue, 1);

	self->by_serial = g_hash_table_new(g_int64_hash, g_int64_equal);
	return self;
}

void ews_queue_free(EwsQueue *self)
{
	if (!self)
		return;
	g_assert(ews_queue_count(self) == 0);
	g_hash_table_unref(self->by_serial);
	g_free(self);
}

static GQueue *list_of(EwsQueue *self, const EwsOp *op)
{
	return &self->lists[op->priority][op->kind->id];
}

void ews_queue_push(EwsQueue *self, EwsOp *op)
{
	g_queue_push_tail_link(list_of(self, op), &op->link);
	g_hash_table_add(self->by_serial, &op->serial);
}

void ews_queue_return(EwsQueue *self, EwsOp *op)
{
	g_queue_push_head_link(list_of(self, op), &op->link);
	g_hash_table_add(self->by_serial, &op->serial);
}

static EwsOp *find(EwsQueue *self, uint64_t serial)
{
	uint64_t *key = g_hash_table_lookup(self->by_serial, &serial);

	return key ? (EwsOp *)(void *)((char *)key - offsetof(EwsOp, serial)) : NULL;
}

static void unlink_op(EwsQueue *self, EwsOp *op)
{
	g_queue_unlink(list_of(self, op), &op->link);
	g_hash_table_remove(self->by_serial, &op->serial);
}

void ews_queue_raise(EwsQueue *self, uint64_t serial, EwsPriority priority)
{
	EwsOp *op = find(self, serial);

	if (!op || op->priority <= priority)
		return;
	unlink_op(self, op);
	op->priority = priority;
	ews_queue_push(self, op);
}

EwsOp *ews_queue_remove(EwsQueue *self, uint64_t serial)
{
	EwsOp *op = find(self, serial);

	if (op)
		unlink_op(self, op);
	return op;
}

EwsOp *ews_queue_pop(EwsQueue *self)
{
	for (int priority = 0; priority < EWS_PRIORITY_COUNT; priority++) {
		for (int kind = 0; kind < EWS_KIND_COUNT; kind++) {
			EwsOp *op = g_queue_peek_head(&self->lists[priority][kind]);

			if (!op)
				continue;
			unlink_op(self, op);
			return op;
		}
	}
	return NULL;
}

unsigned ews_queue_count(const EwsQueue *self)
{
	return g_hash_table_size(self->by_serial) + self->called;
}

void ews_queue_push_call(EwsQueue *self, EwsCall *call)
{
	g_queue_push_tail(&self->calls[call->priority], call);
	self->called += call->count;
}

void ews_queue_return_call(EwsQueue *self, EwsCall *call)
{
	g_queue_push_head(&self->calls[call->priority], call);
	self->called += call->count;
}

EwsOp *ews_queue_pop_call(EwsQueue *self)
{
	for (int priority = 0; priority < EWS_PRIORITY_COUNT; priority++) {
		EwsCall *call = g_queue_peek_head(&self->calls[priority]);
		EwsOp *op;

		if (!call)
			continue;
		op = call->ops[--call->count];
		self->called--;
		if (call->count == 0)
			g_free(g_queue_pop_head(&self->calls[priority]));
		return op;
	}
	return NULL;
}

/* Which way it goes is being asked for. */
static bool is_waiting(const EwsOp *op)
{
	return op->content && op->content->is_asked;
}

/* From @link on, the first that may leave; NULL: there is none. */
static GList *first_ready(GList *link)
{
	while (link && is_waiting(link->data))
		link = link->next;
	return link;
}

static const EwsOp *oldest_op(const EwsQueue *self, EwsPriority priority, unsigned barred)
{
	const EwsOp *oldest = NULL;

	for (int kind = 0; kind < EWS_KIND_COUNT; kind++) {
		const GList *first = first_ready(self->lists[priority][kind].head);
		const EwsOp *op = first ? first->data : NULL;

		if (op && !(barred & 1u << kind) && (!oldest || op->serial < oldest->serial))
			oldest = op;
	}
	return oldest;
}

const EwsOpKind *ews_queue_next(const EwsQueue *self, EwsPriority priority, unsigned barred)
{
	const EwsOp *oldest = oldest_op(self, priority, barred);

	return oldest ? oldest->kind : NULL;
}

EwsCall *ews_queue_take_call(EwsQueue *self, EwsPriority priority, unsigned barred)
{
	GList *link = self->calls[priority].head;
	const EwsOp *oldest = oldest_op(self, priority, barred);
	EwsCall *call;

	while (link && is_waiting(((const EwsCall *)link->data)->ops[0]))
		link = link->next;
	call = link ? link->data : NULL;
	if (!call || (oldest && oldest->serial < call->serial))
		return NULL;
	self->called -= call->count;
	g_queue_delete_link(&self->calls[priority], link);
	return call;
}

/* Bytes on the wire. */
static int64_t weight_of(const EwsOp *op)
{
	int64_t weight = op->kind->weight ? op->kind->weight(op) : 0;

	if (weight < 0)
		weight = WEIGHT_UNKNOWN;
	return MIN(weight, EWS_QUEUE_BYTES_MAX) * 137 / 100;
}

unsigned ews_queue_take(EwsQueue *self, EwsPriority priority, const EwsOpKind *kind, unsigned max,
	EwsOp **ret_ops)
{
	GList *link = first_ready(self->lists[priority][kind->id].head);
	unsigned count = 0;
	int64_t bytes = 0;

	max = MIN(max, EWS_QUEUE_BATCH_MAX);
	while (link) {
		EwsOp *op = link->data;

		link = link->next;
		/* What is for another mailbox goes by itself. */
		if (count > 0 && op->content != ret_ops[0]->content)
			continue;
		max = MIN(max, op->batch_max);
		bytes += weight_of(op);
		if (count > 0 && (count + 1 > max || bytes > EWS_QUEUE_BYTES_MAX))
			break;
		if (count > 0 && kind->is_alike && !kind->is_alike(ret_ops[0], op))
			break;
		unlink_op(self, op);
		ret_ops[count++] = op;
		if (count >= max)
			break;
	}
	return count;
}
