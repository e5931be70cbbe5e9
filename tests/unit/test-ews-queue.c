/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/contents.h"
#include "ews/error.h"
#include "ews/queue.h"

static bool begin(void *user, GError **error)
{
	return true;
}

static bool take(void *user, const void *data, size_t len, GError **error)
{
	return true;
}

static EwsOp *make(uint64_t serial, EwsPriority priority, int64_t size)
{
	EwsSink sink = { begin, take, NULL };
	EwsOp *op = ews_get_item_mime_new("id", size, &sink);

	op->serial = serial;
	op->priority = priority;
	return op;
}

static EwsOp *make_other(uint64_t serial, EwsPriority priority)
{
	EwsOp *op = ews_get_folder_new("id");

	op->serial = serial;
	op->priority = priority;
	return op;
}

/* Takes a batch and says its serials, "1 2 3". */
static char *take_batch(EwsQueue *queue, EwsPriority priority, unsigned max)
{
	EwsOp *ops[EWS_QUEUE_BATCH_MAX];
	const EwsOpKind *kind = ews_queue_next(queue, priority, 0);
	GString *serials = g_string_new(NULL);
	unsigned count = kind ? ews_queue_take(queue, priority, kind, max, ops) : 0;

	for (unsigned i = 0; i < count; i++) {
		g_string_append_printf(serials, "%s%d", i ? " " : "", (int)ops[i]->serial);
		ews_op_free(ops[i]);
	}
	return g_string_free(serials, FALSE);
}

static void expect(EwsQueue *queue, EwsPriority priority, unsigned max, const char *wanted)
{
	g_autofree char *got = take_batch(queue, priority, max);

	g_assert_cmpstr(got, ==, wanted);
}

static void test_groups(void)
{
	EwsQueue *queue = ews_queue_new();

	ews_queue_push(queue, make(1, EWS_PRIORITY_SCAN, 10));
	ews_queue_push(queue, make_other(2, EWS_PRIORITY_SCAN));
	ews_queue_push(queue, make(3, EWS_PRIORITY_WAITING, 10));
	ews_queue_push(queue, make(4, EWS_PRIORITY_SCAN, 10));
	ews_queue_push(queue, make_other(5, EWS_PRIORITY_SCAN));
	g_assert_cmpuint(ews_queue_count(queue), ==, 5);
	expect(queue, EWS_PRIORITY_BACKGROUND, 10, "");
	expect(queue, EWS_PRIORITY_SCAN, 10, "1 4");
	expect(queue, EWS_PRIORITY_SCAN, 10, "2 5");
	expect(queue, EWS_PRIORITY_WAITING, 10, "3");
	ews_queue_free(queue);
}

static void test_sizes(void)
{
	EwsQueue *queue = ews_queue_new();

	for (uint64_t i = 1; i <= 6; i++)
		ews_queue_push(queue, make(i, EWS_PRIORITY_SCAN, 7 << 20));
	ews_queue_push(queue, make(7, EWS_PRIORITY_SCAN, INT64_C(1) << 40));
	ews_queue_push(queue, make(8, EWS_PRIORITY_SCAN, -1));
	expect(queue, EWS_PRIORITY_SCAN, 1, "1");
	expect(queue, EWS_PRIORITY_SCAN, 10, "2 3"); /* 3 would be 28 MB in base64 */
	expect(queue, EWS_PRIORITY_SCAN, 10, "4 5");
	expect(queue, EWS_PRIORITY_SCAN, 10, "6");
	expect(queue, EWS_PRIORITY_SCAN, 10, "7"); /* alone, however heavy */
	expect(queue, EWS_PRIORITY_SCAN, 10, "8");
	ews_queue_free(queue);
}

static void test_small_batches(void)
{
	EwsQueue *queue = ews_queue_new();
	EwsOp *suspect = make(3, EWS_PRIORITY_SCAN, 10);

	suspect->batch_max = 1;
	ews_queue_push(queue, make(1, EWS_PRIORITY_SCAN, 10));
	ews_queue_push(queue, make(2, EWS_PRIORITY_SCAN, 10));
	ews_queue_push(queue, suspect);
	ews_queue_push(queue, make(4, EWS_PRIORITY_SCAN, 10));
	expect(queue, EWS_PRIORITY_SCAN, 10, "1 2");
	expect(queue, EWS_PRIORITY_SCAN, 10, "3");
	expect(queue, EWS_PRIORITY_SCAN, 10, "4");
	ews_queue_free(queue);
}

static void test_return(void)
{
	EwsQueue *queue = ews_queue_new();

	ews_queue_push(queue, make(3, EWS_PRIORITY_SCAN, 10));
	ews_queue_return(queue, make(2, EWS_PRIORITY_SCAN, 10));
	ews_queue_return(queue, make(1, EWS_PRIORITY_SCAN, 10));
	expect(queue, EWS_PRIORITY_SCAN, 10, "1 2 3");
	ews_queue_free(queue);
}

static void test_raise_and_remove(void)
{
	EwsQueue *queue = ews_queue_new();

	for (uint64_t i = 1; i <= 4; i++)
		ews_queue_push(queue, make(i, EWS_PRIORITY_BACKGROUND, 10));
	ews_queue_raise(queue, 3, EWS_PRIORITY_WAITING);
	ews_queue_raise(queue, 3, EWS_PRIORITY_SCAN); /* no way down */
	ews_queue_raise(queue, 99, EWS_PRIORITY_WAITING);
	ews_op_free(ews_queue_remove(queue, 2));
	g_assert_null(ews_queue_remove(queue, 2));
	expect(queue, EWS_PRIORITY_WAITING, 10, "3");
	expect(queue, EWS_PRIORITY_SCAN, 10, "");
	expect(queue, EWS_PRIORITY_BACKGROUND, 10, "1 4");
	g_assert_null(ews_queue_pop(queue));
	ews_queue_free(queue);
}

static EwsCall *make_call(uint64_t serial, EwsPriority priority, unsigned count)
{
	EwsCall *call = g_malloc(sizeof(*call) + count * sizeof(EwsOp *));

	*call = (EwsCall){ .serial = serial, .priority = priority, .count = count };
	for (unsigned i = 0; i < count; i++)
		call->ops[i] = ews_delete_item_new("id", EWS_DISPOSAL_TRASH);
	return call;
}

static void expect_call(EwsQueue *queue, EwsPriority priority, unsigned serial)
{
	EwsCall *call = ews_queue_take_call(queue, priority, 0);

	g_assert_cmpuint(call ? (unsigned)call->serial : 0, ==, serial);
	for (unsigned i = 0; call && i < call->count; i++)
		ews_op_free(call->ops[i]);
	g_free(call);
}

/* Neither split nor merged, and in turn with what only asks. */
static void test_calls(void)
{
	EwsQueue *queue = ews_queue_new();

	ews_queue_push(queue, make(1, EWS_PRIORITY_SCAN, 10));
	ews_queue_push_call(queue, make_call(2, EWS_PRIORITY_SCAN, 300));
	ews_queue_push_call(queue, make_call(3, EWS_PRIORITY_SCAN, 2));
	ews_queue_push(queue, make(4, EWS_PRIORITY_SCAN, 10));
	ews_queue_push_call(queue, make_call(5, EWS_PRIORITY_WAITING, 3));
	g_assert_cmpuint(ews_queue_count(queue), ==, 307);
	expect_call(queue, EWS_PRIORITY_BACKGROUND, 0);
	expect_call(queue, EWS_PRIORITY_SCAN, 0);
	expect(queue, EWS_PRIORITY_SCAN, 1, "1");
	expect_call(queue, EWS_PRIORITY_SCAN, 2);
	expect_call(queue, EWS_PRIORITY_SCAN, 3);
	expect_call(queue, EWS_PRIORITY_SCAN, 0);
	g_assert_cmpuint(ews_queue_count(queue), ==, 4);
	for (int i = 0; i < 3; i++)
		ews_op_free(ews_queue_pop_call(queue));
	g_assert_null(ews_queue_pop_call(queue));
	ews_op_free(ews_queue_pop(queue));
	g_assert_null(ews_queue_pop(queue));
	ews_queue_free(queue);
}

/* What may not leave is passed by, and by those behind it. */
static void test_barred(void)
{
	EwsQueue *queue = ews_queue_new();
	unsigned barred = 1u << EWS_KIND_GET_FOLDER;

	ews_queue_push(queue, make_other(1, EWS_PRIORITY_SCAN));
	g_assert_null(ews_queue_next(queue, EWS_PRIORITY_SCAN, barred));
	ews_queue_push(queue, make(2, EWS_PRIORITY_SCAN, 10));
	g_assert_cmpint(ews_queue_next(queue, EWS_PRIORITY_SCAN, barred)->id, ==,
		EWS_KIND_GET_ITEM_MIME);
	g_assert_cmpint(ews_queue_next(queue, EWS_PRIORITY_SCAN, 0)->id, ==, EWS_KIND_GET_FOLDER);
	expect(queue, EWS_PRIORITY_SCAN, 10, "1");
	expect(queue, EWS_PRIORITY_SCAN, 10, "2");
	ews_queue_free(queue);
}

static EwsOp *make_for(uint64_t serial, const EwsContent *content)
{
	EwsOp *op = make(serial, EWS_PRIORITY_SCAN, 10);

	op->content = content;
	return op;
}

/* What is for different mailboxes never travels together; and is gathered from where it stands. */
static void test_mailboxes(void)
{
	EwsQueue *queue = ews_queue_new();
	const EwsContent one = {0}, two = {0};

	ews_queue_push(queue, make_for(1, &one));
	ews_queue_push(queue, make_for(2, &two));
	ews_queue_push(queue, make_for(3, NULL));
	ews_queue_push(queue, make_for(4, &one));
	ews_queue_push(queue, make_for(5, &two));
	ews_queue_push(queue, make_for(6, NULL));
	ews_queue_push(queue, make_for(7, &one));
	expect(queue, EWS_PRIORITY_SCAN, 2, "1 4");
	expect(queue, EWS_PRIORITY_SCAN, 10, "2 5");
	expect(queue, EWS_PRIORITY_SCAN, 10, "3 6");
	expect(queue, EWS_PRIORITY_SCAN, 10, "7");
	ews_queue_free(queue);
}

/* What waits for its way is passed by, but not lost. */
static void test_waiting(void)
{
	EwsQueue *queue = ews_queue_new();
	EwsContent asked = {.is_asked = true};
	EwsCall *call = make_call(3, EWS_PRIORITY_SCAN, 2);

	call->ops[0]->content = call->ops[1]->content = &asked;
	ews_queue_push(queue, make_for(1, &asked));
	g_assert_null(ews_queue_next(queue, EWS_PRIORITY_SCAN, 0));
	ews_queue_push(queue, make_for(2, NULL));
	ews_queue_push_call(queue, call);
	ews_queue_push_call(queue, make_call(4, EWS_PRIORITY_SCAN, 1));
	ews_queue_push(queue, make_for(5, &asked));
	expect(queue, EWS_PRIORITY_SCAN, 10, "2");
	expect(queue, EWS_PRIORITY_SCAN, 10, "");
	expect_call(queue, EWS_PRIORITY_SCAN, 4);
	expect_call(queue, EWS_PRIORITY_SCAN, 0);
	g_assert_cmpuint(ews_queue_count(queue), ==, 4);
	asked.is_asked = false;
	expect(queue, EWS_PRIORITY_SCAN, 10, "1 5");
	expect_call(queue, EWS_PRIORITY_SCAN, 3);
	g_assert_cmpuint(ews_queue_count(queue), ==, 0);
	/* Whatever it waits for, it can be taken out. */
	asked.is_asked = true;
	ews_queue_push(queue, make_for(6, &asked));
	ews_op_free(ews_queue_remove(queue, 6));
	ews_queue_push(queue, make_for(7, &asked));
	ews_op_free(ews_queue_pop(queue));
	ews_queue_free(queue);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/queue/groups-by-urgency-and-kind", test_groups);
	g_test_add_func("/ews/queue/batches-have-a-size", test_sizes);
	g_test_add_func("/ews/queue/suspects-go-in-small-batches", test_small_batches);
	g_test_add_func("/ews/queue/returned-ops-go-first", test_return);
	g_test_add_func("/ews/queue/raises-and-removes", test_raise_and_remove);
	g_test_add_func("/ews/queue/calls-leave-as-they-came", test_calls);
	g_test_add_func("/ews/queue/barred-kinds-wait", test_barred);
	g_test_add_func("/ews/queue/keeps-mailboxes-apart", test_mailboxes);
	g_test_add_func("/ews/queue/passes-by-who-waits", test_waiting);
	return g_test_run();
}
