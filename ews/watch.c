/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/watch.h"

#include <string.h>

#include "ews/error.h"
#include "ews/listener.h"
#include "ews/op/events.h"

/*
 * One life:
 *
 *     REST ─► SUBSCRIBING ─► SUBSCRIBED ─► OPENING ─► STREAMING ─┐    (STREAM)
 *      ▲           └───────► PULLING ◄─► PAUSE ──────────────────┤    (PULL)
 *      └─────────────────────────────────────────────────────────┘
 *
 * Whatever goes wrong leads back to REST, by way of fail(), which knows four degrees: what passes
 * (the session is away or busy), what breaks (five times in a row, and this way is given up for the
 * next), what the server cannot do (given up at once), and a stream that was closed as it should
 * be. From REST on it is always a new Subscribe: what a stream did not tell is not told later.
 *
 * A mailbox that is not the account's own is subscribed to folder by folder: not before they are
 * known, and anew when they are others.
 *
 * A way that was given up is tried again after an hour, together with those above it.
 */

#define DELAY_MIN_US (1 * G_USEC_PER_SEC)
#define DELAY_MAX_US (60 * G_USEC_PER_SEC)
#define UPWARD_US (INT64_C(3600) * G_USEC_PER_SEC)
/* What did not hold so long has not held at all. */
#define SHORT_US (10 * G_USEC_PER_SEC)
/* In a row: ends before that; streams that say nothing though the server is there. */
#define BREAKS_MAX 5
#define MUTE_MAX 2
/* How often in a row the session's coming back is taken as a reason not to wait. */
#define EAGER_MAX 3
/* Times timeout_s without a byte: servers send one a minute. */
#define SILENCE 5
#define PULL_LIFE_MIN 30

typedef enum Phase {
	PHASE_REST,        /* until due_us, and until the session is online */
	PHASE_SUBSCRIBING, /* the op is on its way */
	PHASE_SUBSCRIBED,  /* the stream is to be asked for, by the next turn */
	PHASE_OPENING,     /* the stream was asked for */
	PHASE_STREAMING,   /* and has begun */
	PHASE_PULLING,     /* the op is on its way */
	PHASE_PAUSE,       /* until due_us: between two GetEvents */
	PHASE_OVER,
} Phase;

typedef enum Degree {
	DEGREE_CLOSED,
	DEGREE_PASSES,
	DEGREE_BREAKS,
	DEGREE_UNABLE,
} Degree;

struct EwsWatch {
	EwsNews news;
	EwsWatchOut out;
	unsigned pull_s;

	EwsPush push;
	EwsPush found; /* what was told; PUSH_UNTOLD: nothing yet */
	Phase phase;
	int64_t due_us;    /* REST, PAUSE: when to go on; OPENING, STREAMING: when to give up */
	int64_t upward_us; /* when to try STREAM again; INT64_MAX: no need */
	int64_t opened_us; /* listening since */
	int64_t sent_us;   /* the stream was asked for */
	bool is_listening;
	bool was_offline; /* the session, since the last try */
	bool is_by_folder;
	bool is_outdated; /* the op on its way is about other folders */
	char **folders;   /* own; NULL: not known */

	unsigned tries;  /* in a row that came to nothing: the delay */
	unsigned breaks; /* of those, the ones that count */
	unsigned mutes;

	uint64_t serial;       /* of the op on its way */
	char *id;              /* own; the subscription; NULL: none, or lost */
	char *watermark;       /* own */
	EwsListener *listener; /* own; OPENING, STREAMING */
};

#define PUSH_UNTOLD ((EwsPush)(EWS_PUSH_NONE + 1))

/* --- how things stand ---------------------------------------------------------------------- */

/* A pause at the server's wish ends with somebody's request: it may be ours. Who asks a server that
 * is away, or one that never answered, is somebody else. */
static bool is_usable(const EwsWatch *self, int64_t now)
{
	const EwsGovernor *governor = self->out.governor;

	if (governor->is_signing_in)
		return false;
	return governor->state == EWS_STATE_ONLINE ||
	       (governor->state == EWS_STATE_BUSY && now >= governor->resume_us);
}

static void be_found(EwsWatch *self)
{
	if (self->found == self->push)
		return;
	self->found = self->push;
	self->out.changed(self->out.user);
	self->news.found(self->news.user, self->push);
}

static void be_listening(EwsWatch *self)
{
	if (self->is_listening)
		return;
	self->is_listening = true;
	self->opened_us = g_get_monotonic_time();
	self->mutes = 0;
	g_debug("watch: listening (%d)", self->push);
	be_found(self);
	self->out.changed(self->out.user);
	self->news.listening(self->news.user);
}

static void be_deaf(EwsWatch *self)
{
	if (!self->is_listening)
		return;
	self->is_listening = false;
	self->out.changed(self->out.user);
	self->news.deaf(self->news.user);
}

static void hint(EwsWatch *self, const EwsEvents *events)
{
	GHashTableIter iter;
	gpointer id;

	g_hash_table_iter_init(&iter, events->folder_ids);
	while (g_hash_table_iter_next(&iter, &id, NULL))
		self->news.hint(self->news.user, id);
	if (events->is_anywhere)
		self->news.hint(self->news.user, NULL);
}

/* --- what went wrong ----------------------------------------------------------------------- */

static int64_t delay_us(unsigned tries)
{
	int64_t delay = tries >= 6 ? DELAY_MAX_US : DELAY_MIN_US << tries;

	return delay + (int64_t)(g_random_double() * 0.25 * (double)delay);
}

static void step_down(EwsWatch *self, int64_t now)
{
	self->push++;
	self->tries = self->breaks = self->mutes = 0;
	self->upward_us = now + UPWARD_US;
	self->due_us = now;
	if (self->push < EWS_PUSH_NONE)
		return;
	self->due_us = self->upward_us;
	be_found(self);
}

static void fail(EwsWatch *self, Degree degree, const GError *error)
{
	int64_t now = g_get_monotonic_time();
	bool is_short = !self->is_listening || now - self->opened_us < SHORT_US;

	g_debug("watch: %d ended in phase %d, degree %d: %s", self->push, self->phase, degree,
		error ? error->message : "");
	g_clear_pointer(&self->listener, ews_listener_close);
	self->phase = PHASE_REST;
	be_deaf(self);
	if (!is_short)
		self->tries = self->breaks = 0;
	if (degree == DEGREE_CLOSED && !is_short) {
		self->due_us = now;
		return;
	}
	if (degree == DEGREE_CLOSED || degree == DEGREE_BREAKS)
		self->breaks++;
	self->due_us = now + delay_us(self->tries++);
	if (degree == DEGREE_UNABLE || self->breaks >= BREAKS_MAX)
		step_down(self, now);
}

static void lose(EwsWatch *self)
{
	g_clear_pointer(&self->id, g_free);
	g_clear_pointer(&self->watermark, g_free);
}

/* A fault without a code is about the request; of one with a subscription's id, about that. */
static Degree degree_of_corrupt(const char *code, bool is_subscribe)
{
	if (g_strcmp0(code, "ErrorInternalServerError") == 0)
		return DEGREE_BREAKS;
	return is_subscribe || code ? DEGREE_UNABLE : DEGREE_BREAKS;
}

static Degree degree_of(const EwsWatch *self, const GError *error, const char *code)
{
	bool is_away = self->out.governor->state == EWS_STATE_OFFLINE;

	if (strstr(error->message, "Unknown request") ||
		ews_error_is(error, EWS_ERROR_UNSUPPORTED) ||
		ews_error_is(error, EWS_ERROR_INVALID) || ews_error_is(error, EWS_ERROR_DENIED))
		return DEGREE_UNABLE;
	if (ews_error_is(error, EWS_ERROR_CORRUPT))
		return degree_of_corrupt(code, self->phase == PHASE_SUBSCRIBING);
	if (ews_error_is(error, EWS_ERROR_AUTH) || ews_error_is(error, EWS_ERROR_CANCELLED))
		return DEGREE_PASSES;
	if (ews_error_is(error, EWS_ERROR_BUSY) &&
		g_strcmp0(code, "ErrorExceededConnectionCount") != 0)
		return DEGREE_PASSES;
	if (ews_error_is(error, EWS_ERROR_OFFLINE) || ews_error_is(error, EWS_ERROR_TLS))
		return is_away ? DEGREE_PASSES : DEGREE_BREAKS;
	return DEGREE_BREAKS;
}

/* After an error the subscription may be there or not; when it is named as the reason, not. */
static void fail_with(EwsWatch *self, const GError *error, const char *code)
{
	Degree degree = degree_of(self, error, code);

	if (ews_error_is(error, EWS_ERROR_STALE) ||
		(self->phase != PHASE_SUBSCRIBING && ews_error_is(error, EWS_ERROR_CORRUPT)))
		lose(self);
	fail(self, degree, error);
}

/* Nothing is wrong, but it is to be subscribed otherwise. */
static void begin_anew(EwsWatch *self)
{
	g_clear_pointer(&self->listener, ews_listener_close);
	self->phase = PHASE_REST;
	be_deaf(self);
	if (self->push != EWS_PUSH_NONE)
		self->due_us = g_get_monotonic_time();
}

/* --- the stream ---------------------------------------------------------------------------- */

static int64_t silence_us(const EwsWatch *self)
{
	return SILENCE * (int64_t)self->out.timeout_s * G_USEC_PER_SEC;
}

static void on_stream_alive(void *user)
{
	EwsWatch *self = user;

	if (self->phase == PHASE_STREAMING)
		self->due_us = g_get_monotonic_time() + silence_us(self);
}

static void on_stream_told(void *user, const EwsEvents *events)
{
	EwsWatch *self = user;

	if (self->phase == PHASE_OPENING && !events->is_lost) {
		self->phase = PHASE_STREAMING;
		on_stream_alive(self);
		be_listening(self);
	}
	hint(self, events);
}

/* What everybody has to know of a stream's end. */
static void tell_governor(EwsWatch *self, const EwsListenerEnd *end)
{
	EwsGovernor *governor = self->out.governor;
	EwsSigned how = {self->out.bearer, end->token, self->sent_us};
	int64_t now = g_get_monotonic_time();
	EwsErrorAction action = end->code ? ews_error_action(end->code) : EWS_ERROR_ACTION_FAIL;

	/* That is a limit on streams, not on requests. */
	if (g_strcmp0(end->code, "ErrorExceededConnectionCount") == 0)
		return;
	if (end->status == 401)
		(void)ews_bearer_judge(&how, governor, end->error, now);
	else if (action == EWS_ERROR_ACTION_STOP)
		ews_governor_stop(governor, end->error);
	else if (end->is_busy || action == EWS_ERROR_ACTION_WAIT)
		ews_governor_busy(governor, end->backoff_ms, end->error, self->sent_us, now);
}

static void on_stream_end(void *user, const EwsListenerEnd *end)
{
	EwsWatch *self = user;
	g_autoptr(GError) error = end->error ? g_error_copy(end->error) : NULL;
	g_autofree char *code = g_strdup(end->code);
	bool is_closed = end->is_closed;

	if (end->is_lost)
		lose(self);
	if (error)
		tell_governor(self, end);
	if (error)
		fail_with(self, error, code);
	else
		fail(self, is_closed ? DEGREE_CLOSED : DEGREE_BREAKS, NULL);
}

static void open_stream(EwsWatch *self)
{
	EwsListenerEvents events = {on_stream_alive, on_stream_told, on_stream_end, self};

	self->phase = PHASE_OPENING;
	self->sent_us = g_get_monotonic_time();
	self->due_us = self->sent_us + (int64_t)self->out.timeout_s * G_USEC_PER_SEC;
	self->listener = ews_listener_open(self->out.http, self->id, &events);
}

/* The server is there, but what it says is kept back on the way. */
static void give_up_opening(EwsWatch *self, int64_t now)
{
	if (is_usable(self, now))
		self->mutes++;
	fail(self, self->mutes >= MUTE_MAX ? DEGREE_UNABLE : DEGREE_PASSES, NULL);
}

/* --- asking from time to time -------------------------------------------------------------- */

static void on_pulled(EwsOp *op, void *user);

static void pull(EwsWatch *self)
{
	self->phase = PHASE_PULLING;
	self->serial = self->out.send(self->out.user, ews_get_events_new(self->id, self->watermark),
		on_pulled, self);
}

static void take_events(EwsWatch *self, const EwsEvents *events)
{
	bool is_empty = g_hash_table_size(events->folder_ids) == 0 && !events->is_anywhere;

	if (events->watermark) {
		g_free(self->watermark);
		self->watermark = g_strdup(events->watermark);
	}
	be_listening(self);
	hint(self, events);
	self->phase = PHASE_PAUSE;
	self->due_us = g_get_monotonic_time();
	/* A server that always has more, and nothing in it, is not asked for ever. */
	if (!events->has_more || is_empty)
		self->due_us += (int64_t)self->pull_s * G_USEC_PER_SEC;
}

static void on_pulled(EwsOp *given, void *user)
{
	EwsWatch *self = user;
	g_autoptr(EwsOp) op = given;

	if (self->phase != PHASE_PULLING)
		return;
	if (ews_op_error(op))
		fail_with(self, ews_op_error(op), ews_op_response_code(op));
	else if (self->is_outdated)
		begin_anew(self);
	else
		take_events(self, ews_get_events_told(op));
}

/* --- subscribing --------------------------------------------------------------------------- */

static void on_unsubscribed(EwsOp *op, void *user)
{
	ews_op_free(op);
}

static void on_subscribed(EwsOp *given, void *user)
{
	EwsWatch *self = user;
	g_autoptr(EwsOp) op = given;

	if (self->phase != PHASE_SUBSCRIBING)
		return;
	if (ews_op_error(op)) {
		fail_with(self, ews_op_error(op), ews_op_response_code(op));
		return;
	}
	self->id = g_strdup(ews_subscribe_id(op));
	self->watermark = g_strdup(ews_subscribe_watermark(op));
	if (self->is_outdated) {
		begin_anew(self);
		return;
	}
	/* While an answer is read, nothing can be sent but through the queue. */
	if (self->push == EWS_PUSH_STREAM)
		self->phase = PHASE_SUBSCRIBED;
	else
		pull(self);
}

/* How long the server remembers one who does not ask. */
static unsigned pull_life_min(const EwsWatch *self)
{
	return MAX(PULL_LIFE_MIN, self->pull_s / 60 * 3);
}

static void subscribe(EwsWatch *self)
{
	/* What is left behind counts as one of the few that a server allows. */
	if (self->id)
		self->out.send(self->out.user, ews_unsubscribe_new(self->id), on_unsubscribed,
			self);
	lose(self);
	self->was_offline = self->is_outdated = false;
	self->phase = PHASE_SUBSCRIBING;
	self->serial = self->out.send(self->out.user,
		ews_subscribe_new(self->push, pull_life_min(self),
			(const char *const *)self->folders),
		on_subscribed, self);
}

static void go_up(EwsWatch *self)
{
	self->push = EWS_PUSH_STREAM;
	self->upward_us = INT64_MAX;
	self->tries = self->breaks = self->mutes = 0;
	be_deaf(self);
	subscribe(self);
}

/* --- turns --------------------------------------------------------------------------------- */

static bool is_waiting(const EwsWatch *self)
{
	return self->is_by_folder && !self->folders;
}

/* Nobody may ask, or it is for others to ask first. */
static void run_away(EwsWatch *self)
{
	const EwsGovernor *governor = self->out.governor;
	bool is_stopped = governor->state == EWS_STATE_STOPPED;
	bool is_streaming = self->phase >= PHASE_SUBSCRIBED && self->phase <= PHASE_STREAMING;

	self->was_offline = true;
	if (self->phase == PHASE_SUBSCRIBING || self->phase == PHASE_PULLING)
		self->out.withdraw(self->out.user, self->serial);
	else if (self->phase == PHASE_PAUSE || (is_streaming && is_stopped))
		fail(self, DEGREE_PASSES, governor->error);
}

static void run_rest(EwsWatch *self, int64_t now)
{
	if (self->was_offline && self->push != EWS_PUSH_NONE && self->tries <= EAGER_MAX)
		self->due_us = MIN(self->due_us, now);
	self->was_offline = false;
	if (now >= self->upward_us)
		go_up(self);
	else if (now >= self->due_us)
		subscribe(self);
}

void ews_watch_run(EwsWatch *self, int64_t now)
{
	EwsState state = self->out.governor->state;
	bool is_away = state == EWS_STATE_OFFLINE || state == EWS_STATE_STOPPED;

	if (is_away && self->phase != PHASE_OVER)
		run_away(self);
	switch (self->phase) {
	case PHASE_REST:
		if (is_usable(self, now) && !is_waiting(self))
			run_rest(self, now);
		break;
	case PHASE_SUBSCRIBED:
		open_stream(self);
		break;
	case PHASE_OPENING:
		if (now >= self->due_us)
			give_up_opening(self, now);
		break;
	case PHASE_STREAMING:
		if (now >= self->due_us)
			fail(self, DEGREE_PASSES, NULL);
		break;
	case PHASE_PAUSE:
		if (now >= self->upward_us && is_usable(self, now))
			go_up(self);
		else if (now >= self->due_us && is_usable(self, now))
			pull(self);
		break;
	case PHASE_SUBSCRIBING:
	case PHASE_PULLING:
	case PHASE_OVER:
		break;
	}
}

void ews_watch_woke(EwsWatch *self, int64_t now)
{
	if (self->phase == PHASE_OPENING || self->phase == PHASE_STREAMING)
		fail(self, DEGREE_PASSES, NULL);
	if (self->phase != PHASE_REST && self->phase != PHASE_PAUSE)
		return;
	/* None of its own trouble, and what went wrong before was before. */
	self->tries = 0;
	if (self->push != EWS_PUSH_NONE)
		self->due_us = MIN(self->due_us, now);
}

void ews_watch_choose(EwsWatch *self, char **ids)
{
	const char *const *old = (const char *const *)self->folders;
	guint count = g_strv_length(ids);

	if (count == 0 || count > EWS_WATCH_FOLDERS_MAX ||
		(old && g_strv_equal(old, (const char *const *)ids))) {
		g_strfreev(ids);
		return;
	}
	g_strfreev(self->folders);
	self->folders = ids;
	if (self->phase == PHASE_SUBSCRIBING || self->phase == PHASE_PULLING)
		self->is_outdated = true;
	else if (self->phase != PHASE_OVER)
		begin_anew(self);
}

int64_t ews_watch_due(const EwsWatch *self)
{
	const EwsGovernor *governor = self->out.governor;
	int64_t due = self->due_us;

	if (self->phase == PHASE_REST && is_waiting(self))
		return INT64_MAX;
	switch (self->phase) {
	case PHASE_REST:
	case PHASE_PAUSE:
		due = MIN(due, self->upward_us);
		if (governor->state == EWS_STATE_BUSY)
			return MAX(due, governor->resume_us);
		return governor->state == EWS_STATE_ONLINE ? due : INT64_MAX;
	case PHASE_SUBSCRIBED:
		return 0;
	case PHASE_OPENING:
	case PHASE_STREAMING:
		return due;
	case PHASE_SUBSCRIBING:
	case PHASE_PULLING:
	case PHASE_OVER:
		return INT64_MAX;
	}
	return INT64_MAX;
}

/* --- begin and end ------------------------------------------------------------------------- */

EwsWatch *ews_watch_new(const EwsWatchSetup *setup, const EwsWatchOut *out)
{
	EwsWatch *self = g_new0(EwsWatch, 1);
	const EwsWhose *whose = ews_http_whose(out->http);
	int64_t now = g_get_monotonic_time();

	self->news = setup->news;
	self->out = *out;
	self->pull_s = MAX(setup->pull_s, 1);
	self->is_by_folder = whose->mailbox || whose->is_archive;
	self->push = setup->first;
	self->found = PUSH_UNTOLD;
	self->upward_us = self->push == EWS_PUSH_STREAM ? INT64_MAX : now + UPWARD_US;
	self->due_us = self->push == EWS_PUSH_NONE ? self->upward_us : now;
	return self;
}

void ews_watch_free(EwsWatch *self)
{
	if (!self)
		return;
	ews_listener_close(self->listener);
	lose(self);
	g_strfreev(self->folders);
	g_free(self);
}

EwsPush ews_watch_push(const EwsWatch *self)
{
	return self->push;
}

bool ews_watch_is_listening(const EwsWatch *self)
{
	return self->is_listening;
}

EwsOp *ews_watch_stop(EwsWatch *self)
{
	bool is_online = self->out.governor->state == EWS_STATE_ONLINE;
	EwsOp *op = is_online && self->id ? ews_unsubscribe_new(self->id) : NULL;

	self->phase = PHASE_OVER;
	g_clear_pointer(&self->listener, ews_listener_close);
	lose(self);
	return op;
}
