/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/governor.h"

#include "ews/error.h"

/*
 * States: NEW until the first answer, ONLINE while answers come, BUSY while the server wants
 * rest, OFFLINE while it is not reached, STOPPED when sign-in was refused.
 *
 * While it is not known how the next call will go (NEW, after BUSY, after OFFLINE, after a doubted
 * 401, after a broken connection), one call at a time is let through, and its answer opens the
 * gate: a wrong password is tried once and not four times, and a server that was just overrun is
 * not overrun again.
 *
 * Silences in a row make OFFLINE too, but a server may take minutes for GetItem and no time for
 * DeleteItem: such an OFFLINE refuses what only asks, while changes go on, one call at a time,
 * until one of them meets silence itself.
 */

#define BATCH_START    10
#define AIM_US         (3 * G_USEC_PER_SEC)
#define BUSY_MIN_US    (1 * G_USEC_PER_SEC)
#define BUSY_MAX_US    (60 * G_USEC_PER_SEC)
#define OFFLINE_MIN_US (1 * G_USEC_PER_SEC)
#define OFFLINE_MAX_US (30 * G_USEC_PER_SEC)
#define DOUBT_US       (5 * G_USEC_PER_SEC)
/* Sync* calls at a time: five are known to be too many for Exchange Online. */
#define SYNCS_MAX      4
/* Connections broken in a row, and silences in a row, until the server counts as away. */
#define BROKEN_MAX     2
#define SILENT_MAX     3
/* Answers in a row that nothing could be made of, from which on each costs a pause. So many may be
 * the fault of one item that is being found by halving. */
#define GARBLED_MAX    6
/* Calls answered until one more connection is used again. */
#define CALM_MIN       64
/* So long pages stay small; each time that was too short, twice as long. */
#define SMALL_MIN_US   (60 * G_USEC_PER_SEC)
#define SMALL_MAX_US   (INT64_C(3600) * G_USEC_PER_SEC)

void ews_governor_init(EwsGovernor *self, unsigned max_conns)
{
	*self = (EwsGovernor){ .max_conns = MAX(max_conns, 1), .conns = MAX(max_conns, 1) };
	for (int i = 0; i < EWS_KIND_COUNT; i++)
		self->sizes[i] = BATCH_START;
}

void ews_governor_clear(EwsGovernor *self)
{
	g_clear_error(&self->error);
}

static void remember(EwsGovernor *self, const GError *error)
{
	GError *copy = error ? g_error_copy(error) : NULL;

	g_clear_error(&self->error);
	self->error = copy;
}

/* 1, 2, 4, ... times @min, at most @max. */
static int64_t doubling(int64_t min, int64_t max, unsigned count)
{
	return count >= 16 ? max : MIN(min << count, max);
}

/* --- questions --------------------------------------------------------------------------- */

static bool has_slot(const EwsGovernor *self, EwsPriority priority, const EwsTraffic *traffic)
{
	unsigned limit = self->conns;

	if (self->state != EWS_STATE_ONLINE || self->broken_count > 0)
		return traffic->in_flight == 0;
	if (priority != EWS_PRIORITY_BACKGROUND)
		return traffic->in_flight < limit;
	if (traffic->has_foreground && traffic->background > 0)
		return false;
	return traffic->in_flight < MAX(limit - 1, 1);
}

bool ews_governor_may_send(const EwsGovernor *self, EwsPriority priority, const EwsTraffic *traffic,
	int64_t now)
{
	if (self->state == EWS_STATE_STOPPED || now < self->resume_us || self->is_signing_in)
		return false;
	return has_slot(self, priority, traffic);
}

bool ews_governor_may_send_change(const EwsGovernor *self, EwsPriority priority,
	const EwsTraffic *traffic, int64_t now)
{
	if (self->state == EWS_STATE_OFFLINE && self->is_only_slow && !self->is_signing_in)
		return has_slot(self, priority, traffic);
	return ews_governor_may_send(self, priority, traffic, now);
}

unsigned ews_governor_barred(const EwsTraffic *traffic)
{
	if (traffic->syncs < SYNCS_MAX)
		return 0;
	return 1u << EWS_KIND_SYNC_FOLDER_ITEMS | 1u << EWS_KIND_SYNC_FOLDER_HIERARCHY;
}

GError *ews_governor_refusal(const EwsGovernor *self, int64_t now)
{
	if (self->state == EWS_STATE_STOPPED ||
		(self->state == EWS_STATE_OFFLINE && now < self->resume_us))
		return g_error_copy(self->error);
	return NULL;
}

GError *ews_governor_change_refusal(const EwsGovernor *self, int64_t now)
{
	if (self->state == EWS_STATE_OFFLINE && self->is_only_slow)
		return NULL;
	return ews_governor_refusal(self, now);
}

unsigned ews_governor_call_size(const EwsGovernor *self, EwsChange change)
{
	int id = EWS_KIND_FIRST_CHANGE + (int)change;
	unsigned ceiling = self->ceilings[id];

	return ceiling > 0 ? MIN(self->sizes[id], ceiling) : self->sizes[id];
}

unsigned ews_governor_size(const EwsGovernor *self, const EwsOpKind *kind)
{
	unsigned size = MIN(self->sizes[kind->id], kind->batch_max);
	unsigned ceiling = self->ceilings[kind->id];

	return ceiling > 0 ? MIN(size, ceiling) : size;
}

unsigned ews_governor_page(const EwsGovernor *self, EwsKindId id, unsigned page_max)
{
	const EwsPages *pages = &self->pages[id];
	unsigned size = pages->size > 0 ? MIN(pages->size, page_max) : page_max;

	return pages->ceiling > 0 ? MIN(size, pages->ceiling) : size;
}

/* --- news -------------------------------------------------------------------------------- */

void ews_governor_answered(EwsGovernor *self, int64_t now)
{
	/* An answer to what left before the pause does not end the pause. */
	if (self->state == EWS_STATE_STOPPED ||
		(self->state == EWS_STATE_BUSY && now < self->resume_us))
		return;
	self->state = EWS_STATE_ONLINE;
	self->resume_us = 0;
	self->is_proven = true;
	self->is_doubted = false;
	self->busy_count = 0;
	self->offline_count = 0;
	self->broken_count = 0;
	self->silent_count = 0;
	self->garbled_count = 0;
	if (self->conns < self->max_conns && ++self->calm >= CALM_MIN) {
		self->conns++;
		self->calm = 0;
	}
}

void ews_governor_took(EwsGovernor *self, const EwsOpKind *kind, unsigned count, int64_t took_us)
{
	unsigned size = self->sizes[kind->id];

	if (took_us > AIM_US && count > 1)
		self->sizes[kind->id] = MAX(count / 2, 1);
	else if (took_us * 3 / 2 <= AIM_US && count >= size)
		self->sizes[kind->id] = MIN(size + MAX(size / 2, 1), kind->batch_max);
}

void ews_governor_limit(EwsGovernor *self, const EwsOpKind *kind, unsigned count)
{
	self->ceilings[kind->id] = MAX(count, 1);
}

void ews_governor_shrink(EwsGovernor *self, const EwsOpKind *kind)
{
	self->sizes[kind->id] = MAX(self->sizes[kind->id] / 2, 1);
}

void ews_governor_paged(EwsGovernor *self, const EwsOpKind *kind, int64_t now)
{
	EwsPages *pages = &self->pages[kind->id];

	if (pages->size == 0 || now < pages->grow_us)
		return;
	pages->has_grown = true;
	pages->grow_us = now + pages->wait_us;
	pages->size *= 2;
	if (pages->size >= kind->page_max)
		pages->size = 0;
}

void ews_governor_shrink_page(EwsGovernor *self, const EwsOpKind *kind, unsigned size,
	bool is_limit, int64_t now)
{
	EwsPages *pages = &self->pages[kind->id];
	unsigned half = MAX(size / 2, EWS_PAGE_MIN);

	/* Pages that were on their way together are one trouble, not several. */
	if (half >= ews_governor_page(self, kind->id, kind->page_max))
		return;
	if (is_limit) {
		pages->ceiling = half;
		return;
	}
	if (pages->has_grown)
		pages->wait_us *= 2;
	pages->has_grown = false;
	pages->wait_us = CLAMP(pages->wait_us, SMALL_MIN_US, SMALL_MAX_US);
	pages->grow_us = now + pages->wait_us;
	pages->size = half;
}

void ews_governor_crowded(EwsGovernor *self, int64_t sent, int64_t now)
{
	/* What left before that says nothing new. */
	if (sent < self->crowded_us && self->crowded_us != 0)
		return;
	self->crowded_us = now;
	self->calm = 0;
	self->conns = MAX(self->conns / 2, 1);
}

void ews_governor_busy(EwsGovernor *self, int64_t hint_ms, const GError *error, int64_t sent,
	int64_t now)
{
	int64_t wait = doubling(BUSY_MIN_US, BUSY_MAX_US, self->busy_count);
	int64_t hint = MIN(MAX(hint_ms, 0), EWS_CAP_WAIT_S * INT64_C(1000)) * 1000;
	int64_t until;

	if (self->state == EWS_STATE_STOPPED)
		return;
	wait = MAX(wait, hint);
	wait += (int64_t)(g_random_double() * 0.25 * (double)MIN(wait, BUSY_MAX_US));
	until = now + wait;
	/* Calls that were in flight together are one trouble, not several. */
	if (sent >= self->busy_us || self->busy_us == 0)
		self->busy_count++;
	else
		until = MAX(self->resume_us, now + hint);
	self->busy_us = now;
	self->resume_us = MAX(self->state == EWS_STATE_BUSY ? self->resume_us : 0, until);
	self->state = EWS_STATE_BUSY;
	remember(self, error);
}

void ews_governor_garbled(EwsGovernor *self, const GError *error, int64_t sent, int64_t now)
{
	unsigned count = self->garbled_count + 1;

	/* It speaks, and let us in. */
	if (count < GARBLED_MAX)
		ews_governor_answered(self, now);
	self->garbled_count = count;
	if (count >= GARBLED_MAX)
		ews_governor_busy(self, -1, error, sent, now);
}

static void go_offline(EwsGovernor *self, const GError *error, int64_t now)
{
	/* The second of two failures that were on their way together. */
	if (self->state == EWS_STATE_OFFLINE && now < self->resume_us)
		return;
	self->state = EWS_STATE_OFFLINE;
	self->resume_us = now + doubling(OFFLINE_MIN_US, OFFLINE_MAX_US, self->offline_count);
	self->offline_count++;
	remember(self, error);
}

void ews_governor_unreached(EwsGovernor *self, const GError *error, int64_t now)
{
	if (self->state == EWS_STATE_STOPPED)
		return;
	self->is_only_slow = false;
	go_offline(self, error, now);
}

void ews_governor_broken(EwsGovernor *self, const GError *error, int64_t sent, int64_t now)
{
	if (self->state == EWS_STATE_STOPPED || (sent < self->broken_us && self->broken_us != 0))
		return;
	self->broken_us = now;
	self->is_only_slow = false;
	if (++self->broken_count >= BROKEN_MAX || self->state == EWS_STATE_OFFLINE)
		go_offline(self, error, now);
}

void ews_governor_silent(EwsGovernor *self, bool is_change, const GError *error, int64_t sent,
	int64_t now)
{
	if (self->state == EWS_STATE_STOPPED || (sent < self->silent_us && self->silent_us != 0))
		return;
	self->silent_us = now;
	if (self->state != EWS_STATE_OFFLINE)
		self->is_only_slow = true;
	if (is_change)
		self->is_only_slow = false;
	if (++self->silent_count >= SILENT_MAX || self->state == EWS_STATE_OFFLINE)
		go_offline(self, error, now);
}

void ews_governor_refused(EwsGovernor *self, const GError *error, int64_t sent, int64_t now)
{
	if (self->is_doubted && sent < self->doubted_us)
		return;
	if (!self->is_proven || self->is_doubted) {
		ews_governor_stop(self, error);
		return;
	}
	/* They worked before: under load servers say 401 and do not mean it. Once. */
	self->is_doubted = true;
	self->doubted_us = now;
	self->state = EWS_STATE_BUSY;
	self->resume_us = MAX(self->resume_us, now + DOUBT_US);
	remember(self, error);
}

void ews_governor_woke(EwsGovernor *self, int64_t slept_us, int64_t now)
{
	if (self->state == EWS_STATE_OFFLINE) {
		self->offline_count = 0;
		self->resume_us = MIN(self->resume_us, now);
	} else if (self->resume_us > 0) {
		self->resume_us = MAX(self->resume_us - slept_us, MIN(self->resume_us, now));
	}
}

void ews_governor_stop(EwsGovernor *self, const GError *error)
{
	if (self->state == EWS_STATE_STOPPED)
		return;
	self->state = EWS_STATE_STOPPED;
	self->resume_us = 0;
	remember(self, error);
}
