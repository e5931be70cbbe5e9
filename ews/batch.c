/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/batch.h"

#include <string.h>

#include "ews/contents.h"
#include "ews/doubt.h"
#include "ews/error.h"
#include "ews/settle.h"
#include "ews/soap_read.h"

/*
 * The rules of a call's end (which op is to blame, who is asked again) are told in three steps:
 *
 *   1. While the answer streams, each response message either ends its op, or leaves a note of
 *      its trouble in the op's place (`Place`).
 *   2. At the end, `judge` looks at the call as a whole and gives all ops that got no message
 *      one trouble in common.
 *   3. `settle_all` asks ews/settle.c for each op that is left: again, or its error.
 *
 * A whole call that came to nothing may be one op's fault, so its ops come back in batches half
 * as big, until that one stands alone.
 *
 * Calls that change something go through the same, as the governor is concerned, but nothing is
 * asked again: each op ends with its message, or in step 3 with what ews/doubt.c knows of it.
 */

/* The beginning of an answer that is no SOAP, to see what it is. */
#define SNIFF_MAX 2048

/* An op and what is known of its answer. */
typedef struct Place {
	EwsOp *op; /* own; NULL: given back */
	EwsTrouble trouble;
	GError *error; /* own; if there is no asking again */
	EwsCertainty certainty; /* of a change that was told of */
	bool is_told; /* its response message came */
} Place;

struct EwsBatch {
	const EwsBatchShared *shared; /* borrowed: from the session */
	const EwsOpKind *kind;
	EwsPriority priority;
	int64_t sent_us;
	EwsHttpPost *post; /* borrowed: from http, until it ends */
	EwsSoapReader *reader; /* own */
	GString *sniff;        /* own */
	size_t ignored;        /* bytes that came after the reader gave up */

	unsigned count;
	unsigned next;   /* the place the next response message is for */
	unsigned served; /* places whose op got an answer, whatever it was */
	unsigned page; /* entries asked for in one answer; 0: the kind has no pages */
	bool is_change;
	Place places[];
};

/* --- while the answer streams ------------------------------------------------------------ */

static void give_back(EwsBatch *self, Place *place, GError *error)
{
	EwsOp *op = g_steal_pointer(&place->op);

	g_clear_error(&place->error);
	ews_op_done(op, error);
}

static void note(Place *place, EwsTrouble trouble, GError *error)
{
	place->trouble = trouble;
	g_clear_error(&place->error);
	place->error = error;
}

static EwsOp *on_message_begin(void *user)
{
	EwsBatch *self = user;

	return self->next < self->count ? self->places[self->next].op : NULL;
}

/* Ends an op that changes something, and says how sure that is. */
static void give_back_change(EwsBatch *self, Place *place, EwsCertainty certainty, GError *error)
{
	place->op->is_in_doubt = certainty == EWS_DOUBTED;
	place->op->is_refused_whole = certainty == EWS_REFUSED;
	give_back(self, place, error);
}

/* Answers come in order; a server that drops or swaps one gives an op what another asked for. */
static bool is_misdealt(const EwsBatch *self, unsigned index)
{
	const EwsOp *op = self->places[index].op;

	if (!self->kind->is_about || self->kind->is_about(op, op))
		return false;
	for (unsigned i = index + 1; i < self->count; i++)
		if (self->places[i].op && self->kind->is_about(op, self->places[i].op))
			return true;
	return false;
}

/* Whoever gets an answer finds the session online, though the call is not over. */
static void note_online(EwsBatch *self)
{
	if (self->shared->governor->state == EWS_STATE_ONLINE)
		return;
	ews_governor_answered(self->shared->governor, g_get_monotonic_time());
	self->shared->judged(self->shared->user);
}

static void take_success(EwsBatch *self, Place *place)
{
	bool is_wrong = is_misdealt(self, self->next);

	if (is_wrong && self->is_change) {
		place->certainty = EWS_DOUBTED;
		place->error = g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
			"%s: the answer is about another item", self->kind->name);
		return;
	}
	if (is_wrong) {
		note(place, EWS_TROUBLE_REJECTED,
			g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
				"%s: the answer is about another item", self->kind->name));
		return;
	}
	self->served++;
	note_online(self);
	if (!self->is_change)
		give_back(self, place, NULL);
}

static void pause_all(EwsBatch *self, int64_t hint_ms, const GError *error)
{
	ews_governor_busy(self->shared->governor, hint_ms, error, self->sent_us,
		g_get_monotonic_time());
}

/* Fewer at once, where that is what it says. */
static void pause_for(EwsBatch *self, const char *code, int64_t hint_ms, const GError *error)
{
	if (g_strcmp0(code, "ErrorExceededConnectionCount") == 0)
		ews_governor_crowded(self->shared->governor, self->sent_us,
			g_get_monotonic_time());
	pause_all(self, hint_ms, error);
}

/* The next page is to be smaller. @code: the server's reason, or NULL. */
static void shrink_page(EwsBatch *self, const char *code)
{
	bool is_limit = g_strcmp0(code, "ErrorExceededFindCountLimit") == 0;

	if (self->page > 0)
		ews_governor_shrink_page(self->shared->governor, self->kind, self->page, is_limit,
			g_get_monotonic_time());
}

/* A server that is busy for some after it answered others has a limit on the call's size. */
static void take_busy(EwsBatch *self, Place *place, EwsMessage *message)
{
	bool is_surplus = self->served > 0 && message->is_busy && message->backoff_ms < 0;

	if (is_surplus)
		ews_governor_limit(self->shared->governor, self->kind, self->served);
	else
		pause_for(self, message->code, message->backoff_ms, message->error);
	note(place, is_surplus ? EWS_TROUBLE_SURPLUS : EWS_TROUBLE_BUSY,
		g_steal_pointer(&message->error));
}

static void take_failure(EwsBatch *self, Place *place, EwsMessage *message)
{
	EwsErrorAction action = ews_error_action(message->code);

	if (message->is_busy)
		action = EWS_ERROR_ACTION_WAIT;
	switch (action) {
	case EWS_ERROR_ACTION_WAIT:
		take_busy(self, place, message);
		return;
	case EWS_ERROR_ACTION_SMALLER:
		shrink_page(self, message->code);
		note(place, EWS_TROUBLE_TOO_MUCH, g_steal_pointer(&message->error));
		return;
	case EWS_ERROR_ACTION_AGAIN:
		note(place, EWS_TROUBLE_STOPPED, g_steal_pointer(&message->error));
		return;
	case EWS_ERROR_ACTION_ONCE:
		note(place, EWS_TROUBLE_BROKEN, g_steal_pointer(&message->error));
		return;
	case EWS_ERROR_ACTION_STOP:
		ews_governor_stop(self->shared->governor, message->error);
		break;
	case EWS_ERROR_ACTION_FAIL:
		break;
	}
	self->served++;
	give_back(self, place, g_steal_pointer(&message->error));
}

/* What the governor hears of it is the same as of what only asks. */
static void take_change_failure(EwsBatch *self, Place *place, EwsMessage *message)
{
	EwsErrorAction action = ews_error_action(message->code);
	bool is_wait = message->is_busy || action == EWS_ERROR_ACTION_WAIT;
	EwsCertainty certainty = ews_doubt_message(ews_op_kind_change(self->kind), message->code,
		message->is_busy, self->count);

	if (is_wait)
		take_busy(self, place, message);
	else if (action == EWS_ERROR_ACTION_STOP)
		ews_governor_stop(self->shared->governor, message->error);
	if (!is_wait && action != EWS_ERROR_ACTION_AGAIN)
		self->served++;
	if (!place->error) /* else take_busy left it there */
		place->error = g_steal_pointer(&message->error);
	place->certainty = certainty;
}

static void on_message_end(void *user, EwsOp *op, EwsMessage *message)
{
	EwsBatch *self = user;
	Place *place = &self->places[self->next];

	g_assert(place->op == op);
	place->is_told = true;
	if (message->error && g_str_has_prefix(message->code, "Error"))
		op->response_code = g_strdup(message->code);
	if (message->error && self->is_change)
		take_change_failure(self, place, message);
	else if (message->error)
		take_failure(self, place, message);
	else
		take_success(self, place);
	self->next++;
}

static void look_ahead(EwsBatch *self)
{
	EwsOp *op = self->next < self->count ? self->places[self->next].op : NULL;

	if (op && op->follow)
		self->shared->foreseen(self->shared->user, op);
}

static bool on_data(void *user, const char *data, size_t len)
{
	EwsBatch *self = user;
	bool is_good;

	if (self->sniff->len < SNIFF_MAX)
		g_string_append_len(self->sniff, data,
			(gssize)MIN(len, SNIFF_MAX - self->sniff->len));
	is_good = ews_soap_reader_feed(self->reader, data, len);
	look_ahead(self);
	if (is_good)
		return true;
	/* A short rest is read away, which keeps the connection. */
	self->ignored += len;
	return self->ignored < EWS_CAP_HEADERS;
}

/* --- how the call went ------------------------------------------------------------------- */

typedef struct Verdict {
	EwsTrouble trouble; /* of all that got no message */
	GError *error;      /* own */
	bool is_again;      /* it is certain that nothing was done, and what to do about it: changes
	                     * too are asked for again here */
} Verdict;

/* Nothing, or not all, of the answer could be used. */
static void note_garbled(EwsBatch *self, const GError *error)
{
	EwsGovernor *governor = self->shared->governor;
	int64_t now = g_get_monotonic_time();

	if (self->served > 0)
		ews_governor_answered(governor, now);
	else
		ews_governor_garbled(governor, error, self->sent_us, now);
	ews_governor_shrink(governor, self->kind);
}

static Verdict verdict(EwsTrouble trouble, GError *error)
{
	return (Verdict){ trouble, error, false };
}

static Verdict judge_fault(EwsBatch *self, const EwsFault *fault)
{
	EwsGovernor *governor = self->shared->governor;
	const char *code = fault->code ? fault->code : "fault";
	EwsErrorAction action = fault->is_busy ? EWS_ERROR_ACTION_WAIT : ews_error_action(code);
	GError *error = ews_error_from_response(code, fault->text, self->count == 1);

	if (action == EWS_ERROR_ACTION_WAIT) {
		pause_for(self, fault->code, fault->backoff_ms, error);
		return verdict(EWS_TROUBLE_BUSY, error);
	}
	ews_governor_answered(governor, g_get_monotonic_time());
	if (action == EWS_ERROR_ACTION_STOP)
		ews_governor_stop(governor, error);
	/* Halving cannot help against what is wrong with all calls. */
	if (action == EWS_ERROR_ACTION_STOP || ews_error_is(error, EWS_ERROR_UNSUPPORTED) ||
		ews_error_is(error, EWS_ERROR_DENIED))
		return verdict(EWS_TROUBLE_NONE, error);
	if (action == EWS_ERROR_ACTION_ONCE)
		return verdict(EWS_TROUBLE_BROKEN, error);
	ews_governor_shrink(governor, self->kind);
	if (action != EWS_ERROR_ACTION_SMALLER)
		return verdict(EWS_TROUBLE_REJECTED, error);
	shrink_page(self, fault->code);
	return verdict(EWS_TROUBLE_TOO_MUCH, error);
}

/* What went with a token that is not taken goes again, with another. */
static Verdict judge_401(EwsBatch *self, const EwsHttpEnd *end)
{
	EwsGovernor *governor = self->shared->governor;
	EwsSigned how = { self->shared->bearer, end->token, self->sent_us };
	Verdict verdict = { EWS_TROUBLE_BUSY, .is_again = true };

	if (ews_bearer_judge(&how, governor, end->error, g_get_monotonic_time())) {
		verdict.error = g_error_new(EWS_ERROR, EWS_ERROR_BUSY,
			"the server wants another access token");
		return verdict;
	}
	if (governor->state == EWS_STATE_STOPPED)
		verdict.trouble = EWS_TROUBLE_NONE;
	verdict.is_again = false;
	verdict.error = g_error_copy(end->error);
	return verdict;
}

/* An answer that is not SOAP: a page of some kind, from the server or something before it. */
static Verdict judge_page(EwsBatch *self, const EwsHttpEnd *end, GError *error)
{
	EwsGovernor *governor = self->shared->governor;

	if (end->error) {
		g_clear_error(&error);
		error = g_error_copy(end->error);
	} else if (strstr(self->sniff->str, "<html") || strstr(self->sniff->str, "<HTML")) {
		g_prefix_error(&error, "a web page instead of an answer; ");
	}
	if ((end->status == 200 || end->status == 500) &&
		strstr(self->sniff->str, "Server Error in '/EWS'")) {
		g_clear_error(&error);
		error = g_error_new(EWS_ERROR, EWS_ERROR_BUSY, "Server Error in '/EWS'");
	}
	/* What stands before the server lost patience, perhaps with how much was asked for. */
	if (end->status == 408 || end->status == 504) {
		ews_governor_shrink(governor, self->kind);
		shrink_page(self, NULL);
	}
	if (ews_error_is(error, EWS_ERROR_BUSY)) {
		pause_all(self, end->retry_after_s > 0 ? end->retry_after_s * 1000 : -1, error);
		return verdict(EWS_TROUBLE_BUSY, error);
	}
	/* 413, 400, 500, 200 with rubbish may be one op's fault; the rest is everybody's. One
	 * server answers 400 now and then to what it takes the next time. */
	note_garbled(self, error);
	if (end->status == 413)
		return verdict(EWS_TROUBLE_REJECTED, error);
	if (end->status == 200 || end->status == 400 || end->status == 500)
		return verdict(EWS_TROUBLE_BROKEN, error);
	return verdict(EWS_TROUBLE_NONE, error);
}

static Verdict judge_answer(EwsBatch *self, const EwsHttpEnd *end)
{
	EwsGovernor *governor = self->shared->governor;
	const EwsFault *fault = ews_soap_reader_fault(self->reader);
	GError *error = NULL;
	bool is_whole;

	if (end->status == 401)
		return judge_401(self, end);
	if (self->shared->bearer)
		ews_bearer_accepted(self->shared->bearer, end->token);
	is_whole = ews_soap_reader_finish(self->reader, &error);
	fault = ews_soap_reader_fault(self->reader);
	if (fault) {
		g_clear_error(&error);
		return judge_fault(self, fault);
	}
	if (!is_whole && !ews_soap_reader_is_soap(self->reader))
		return judge_page(self, end, error);
	if (!is_whole) {
		note_garbled(self, error);
		return verdict(EWS_TROUBLE_BROKEN, error);
	}
	ews_governor_answered(governor, g_get_monotonic_time());
	return verdict(EWS_TROUBLE_MISSING, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
		"%s: the answer has no message for this", self->kind->name));
}

static Verdict judge(EwsBatch *self, const EwsHttpEnd *end)
{
	EwsGovernor *governor = self->shared->governor;
	int64_t now = g_get_monotonic_time();

	switch (end->fate) {
	case EWS_HTTP_ANSWERED:
		return judge_answer(self, end);
	case EWS_HTTP_UNREACHED:
		ews_governor_unreached(governor, end->error, now);
		return verdict(EWS_TROUBLE_NONE, g_error_copy(end->error));
	case EWS_HTTP_BROKEN:
		ews_governor_broken(governor, end->error, self->sent_us, now);
		return verdict(EWS_TROUBLE_BROKEN, g_error_copy(end->error));
	case EWS_HTTP_UNREAD:
		return verdict(EWS_TROUBLE_NONE,
			g_error_new(EWS_ERROR, EWS_ERROR_BUSY,
				"%s: another message of the call could not be read",
				self->kind->name));
	case EWS_HTTP_SILENT:
		ews_governor_silent(governor, self->is_change, end->error, self->sent_us, now);
		ews_governor_shrink(governor, self->kind);
		shrink_page(self, NULL);
		return verdict(EWS_TROUBLE_TOO_MUCH, g_error_copy(end->error));
	case EWS_HTTP_CUT:
		note_garbled(self, end->error);
		return verdict(EWS_TROUBLE_BROKEN, g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the answer broke off: %s", end->error->message));
	}
	g_assert_not_reached();
}

static unsigned count_untold(const EwsBatch *self)
{
	unsigned count = 0;

	for (unsigned i = 0; i < self->count; i++)
		count += self->places[i].op && !self->places[i].is_told;
	return count;
}

/* From the last to the first, so that the queue's head is in their old order. */
static void settle_all(EwsBatch *self, const Verdict *common)
{
	/* One that is left of several has not stood alone yet. */
	unsigned untold = MAX(count_untold(self), MIN(self->count, 2));
	const EwsFault *fault = ews_soap_reader_fault(self->reader);

	for (unsigned i = self->count; i > 0; i--) {
		Place *place = &self->places[i - 1];
		unsigned shared = place->is_told ? self->count : untold;

		if (!place->op)
			continue;
		if (!place->is_told)
			note(place, common->trouble, g_error_copy(common->error));
		if (place->trouble == EWS_TROUBLE_SURPLUS)
			shared = self->served;
		if (ews_settle(place->op, place->trouble, shared)) {
			ews_queue_return(self->shared->queue, g_steal_pointer(&place->op));
			g_clear_error(&place->error);
			continue;
		}
		if (fault && fault->code && !place->is_told)
			place->op->response_code = g_strdup(fault->code);
		give_back(self, place, g_steal_pointer(&place->error));
	}
}

static EwsCertainty certainty_of(const EwsBatch *self, const EwsHttpEnd *end)
{
	GError *none = NULL;
	EwsCallEnd call = {
		.fate = end->fate,
		.is_sent = end->is_sent,
		.status = end->status,
		.is_passing = end->error && ews_error_is(end->error, EWS_ERROR_BUSY),
		.is_soap = ews_soap_reader_is_soap(self->reader),
		.fault = ews_soap_reader_fault(self->reader),
		.count = self->count,
	};

	call.is_whole = ews_soap_reader_finish(self->reader, &none);
	g_clear_error(&none);
	return ews_doubt_call(ews_op_kind_change(self->kind), &call);
}

static const GError *error_for(const Verdict *common, const EwsHttpEnd *end, unsigned index)
{
	return end->fate == EWS_HTTP_UNREAD && end->owner == index ? end->error : common->error;
}

/* The answer came to its end, and has fewer messages than there are ops. A new id fits each of
 * them: whose it is, nobody can tell, and another's for one's own would have the wrong message
 * changed or deleted. */
static bool is_one_left_out(const EwsBatch *self, const EwsHttpEnd *end)
{
	return ews_doubt_brings_id(ews_op_kind_change(self->kind)) &&
	       end->fate == EWS_HTTP_ANSWERED &&
	       ews_soap_reader_finish(self->reader, NULL) &&
	       !ews_soap_reader_fault(self->reader) && self->next < self->count;
}

static void give_back_told(EwsBatch *self, Place *place, bool is_one_left_out)
{
	if (is_one_left_out)
		give_back_change(self, place, EWS_DOUBTED,
			g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL,
				"%s: the answer has too few messages", self->kind->name));
	else
		give_back_change(self, place, place->certainty, g_steal_pointer(&place->error));
}

/* Whoever has waited longest is told first. */
static void end_changes(EwsBatch *self, const Verdict *common, const EwsHttpEnd *end)
{
	EwsCertainty certainty = certainty_of(self, end);
	const EwsFault *fault = ews_soap_reader_fault(self->reader);
	bool is_short = is_one_left_out(self, end);

	for (unsigned i = 0; i < self->count; i++) {
		Place *place = &self->places[i];

		if (place->is_told) {
			give_back_told(self, place, is_short);
			continue;
		}
		if (fault && fault->code)
			place->op->response_code = g_strdup(fault->code);
		give_back_change(self, place, certainty, g_error_copy(error_for(common, end, i)));
	}
}

static void note_served(EwsBatch *self)
{
	EwsGovernor *governor = self->shared->governor;

	int64_t now = g_get_monotonic_time();

	ews_governor_took(governor, self->kind, self->count, now - self->sent_us);
	ews_governor_paged(governor, self->kind, now);
}

/* The call goes back as it was; FALSE: it was there too often. */
static bool return_call(EwsBatch *self)
{
	EwsCall *call;

	if (!ews_settle(self->places[0].op, EWS_TROUBLE_BUSY, 1))
		return false;
	call = g_malloc(sizeof(*call) + self->count * sizeof(EwsOp *));
	*call = (EwsCall){ .priority = self->priority, .count = self->count };
	for (unsigned i = 0; i < self->count; i++)
		call->ops[i] = g_steal_pointer(&self->places[i].op);
	ews_queue_return_call(self->shared->queue, call);
	return true;
}

static void on_end(void *user, const EwsHttpEnd *end)
{
	EwsBatch *self = user;
	Verdict common;

	self->post = NULL;
	common = judge(self, end);
	g_debug("%s: %u of %u answered, HTTP %ld, %d ms%s%s", self->kind->name, self->served,
		self->count, end->status,
		(int)((g_get_monotonic_time() - self->sent_us) / 1000),
		self->served < self->count ? ": " : "",
		self->served < self->count && common.error ? common.error->message : "");
	if (ews_soap_reader_server(self->reader))
		self->shared->server(self->shared->user, ews_soap_reader_server(self->reader));
	if (self->served == self->count)
		note_served(self);
	self->shared->judged(self->shared->user);
	if (self->is_change && !(common.is_again && return_call(self)))
		end_changes(self, &common, end);
	else if (!self->is_change)
		settle_all(self, &common);
	g_clear_error(&common.error);
	self->shared->ended(self->shared->user, self);
}

/* --- sending ----------------------------------------------------------------------------- */

static EwsAim aim_of(const EwsOp *op)
{
	return (EwsAim){op->kind->to, op->content ? op->content->address : NULL};
}

EwsBatch *ews_batch_send(const EwsBatchShared *shared, EwsOp *const *ops, unsigned count)
{
	EwsBatch *self = g_malloc0(sizeof(*self) + count * sizeof(Place));
	EwsSoapEvents soap = { on_message_begin, on_message_end, self };
	EwsHttpEvents http = { on_data, on_end, self };

	self->shared = shared;
	self->kind = ops[0]->kind;
	self->is_change = ews_op_kind_is_change(self->kind);
	self->priority = ops[0]->priority;
	self->sent_us = g_get_monotonic_time();
	self->reader = ews_soap_reader_new(&soap);
	self->sniff = g_string_sized_new(SNIFF_MAX);
	self->count = count;
	self->page = ews_governor_page(shared->governor, self->kind->id,
		self->kind->page_max);
	for (unsigned i = 0; i < count; i++) {
		self->places[i].op = ops[i];
		ops[i]->sent++;
		ops[i]->page = self->page;
		g_clear_pointer(&ops[i]->response_code, g_free);
		ews_op_reset(ops[i]);
	}
	self->post = ews_http_post(shared->http,
		ews_op_write_call(ops, count, ews_http_whose(shared->http)), self->is_change,
		aim_of(ops[0]), &http);
	return self;
}

void ews_batch_free(EwsBatch *self)
{
	EwsCertainty certainty = EWS_CERTAIN;

	if (!self)
		return;
	if (self->post) {
		if (self->is_change && ews_http_is_sent(self->post))
			certainty = EWS_DOUBTED;
		ews_http_cancel(self->post);
	}
	for (unsigned i = 0; i < self->count; i++)
		if (self->places[i].op)
			give_back_change(self, &self->places[i], certainty,
				g_error_new(EWS_ERROR, EWS_ERROR_CANCELLED, "the session is over"));
	ews_soap_reader_free(self->reader);
	g_string_free(self->sniff, TRUE);
	g_free(self);
}

EwsPriority ews_batch_priority(const EwsBatch *self)
{
	return self->priority;
}

EwsKindId ews_batch_kind(const EwsBatch *self)
{
	return self->kind->id;
}
