/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "ews/op.h"

/*
 * How much is asked of the server, and when nothing is: the one governor of a mailbox.
 *
 * It hears how each call went and answers three questions: may another call of this urgency leave
 * now, how much should it carry, and are ops to be refused on the spot. It holds no ops, does
 * no I/O and reads no clock: the time comes in as an argument (monotonic microseconds), so the
 * rules can be tested without waiting. ews thread only.
 */

/* How much an answer of a kind that has pages may bring. */
typedef struct EwsPages {
	unsigned size;    /* 0: all that the kind asks for */
	unsigned ceiling; /* what the server allows at all; 0: not known */
	int64_t wait_us;  /* so long it stays small */
	int64_t grow_us;  /* when a page that comes makes it grow */
	bool has_grown;   /* since it was last made smaller */
} EwsPages;

/* Pages are not made smaller than this: it is not their size then. */
#define EWS_PAGE_MIN 8

typedef struct EwsGovernor {
	unsigned max_conns; /* set at start, then const */
	unsigned conns;     /* of those in use: fewer after the server found them too many */

	EwsState state;
	int64_t resume_us; /* BUSY: nothing leaves before; OFFLINE: no probe before; else 0 */
	GError *error;     /* own: why OFFLINE or STOPPED; what was wrong last */
	bool is_proven;    /* the credentials have worked */
	bool is_doubted;   /* ... and were refused since */
	bool is_signing_in; /* the session's to set: nothing leaves before there is a token */
	bool is_only_slow; /* OFFLINE, but only because what was asked for took too long */

	/* consecutive troubles of a kind, and when the last one was heard of: what was sent before
	 * that says nothing new */
	unsigned busy_count, offline_count, broken_count, silent_count, garbled_count;
	int64_t busy_us, broken_us, silent_us, doubted_us;

	unsigned sizes[EWS_KIND_COUNT];
	unsigned ceilings[EWS_KIND_COUNT]; /* what the server was seen to take; 0: not known */
	EwsPages pages[EWS_KIND_COUNT];

	unsigned calm;      /* calls answered since conns moved */
	int64_t crowded_us; /* when conns was last lowered */
} EwsGovernor;

/* What is in flight when somebody asks for more. */
typedef struct EwsTraffic {
	unsigned in_flight;
	unsigned background; /* of those, in the background */
	unsigned syncs;      /* of those, Sync* */
	bool has_foreground; /* somebody asked for something within the last second */
} EwsTraffic;

void ews_governor_init(EwsGovernor *self, unsigned max_conns);
void ews_governor_clear(EwsGovernor *self);

/* May a call of this urgency leave now? */
bool ews_governor_may_send(const EwsGovernor *self, EwsPriority priority, const EwsTraffic *traffic,
	int64_t now);
/* The same for a call that changes something. A server that was too slow with what others asked
 * may still be quick with this. */
bool ews_governor_may_send_change(const EwsGovernor *self, EwsPriority priority,
	const EwsTraffic *traffic, int64_t now);
/* The kinds that may not leave now, whatever may_send says, as bits of EwsKindId: servers answer
 * few Sync* calls at a time. */
unsigned ews_governor_barred(const EwsTraffic *traffic);
/* The error for ops that are to be refused on the spot: OFFLINE (or TLS) until a probe is due,
 * AUTH for good. NULL: let them in. Owned. */
GError *ews_governor_refusal(const EwsGovernor *self, int64_t now);
GError *ews_governor_change_refusal(const EwsGovernor *self, int64_t now);
/* How many ops of this kind the next call should carry. */
unsigned ews_governor_size(const EwsGovernor *self, const EwsOpKind *kind);
unsigned ews_governor_call_size(const EwsGovernor *self, EwsChange change);
/* How many entries to ask for in one answer; 0: the kind has no pages. */
unsigned ews_governor_page(const EwsGovernor *self, EwsKindId id, unsigned page_max);

/* How calls went. @sent is when the call left. */
void ews_governor_answered(EwsGovernor *self, int64_t now);
void ews_governor_took(EwsGovernor *self, const EwsOpKind *kind, unsigned count, int64_t took_us);
/* The server took only @count ops of a call. */
void ews_governor_limit(EwsGovernor *self, const EwsOpKind *kind, unsigned count);
/* A call failed as a whole or timed out. */
void ews_governor_shrink(EwsGovernor *self, const EwsOpKind *kind);
/* A page of @size came; or was too much, for a moment or (@is_limit) for good. */
void ews_governor_paged(EwsGovernor *self, const EwsOpKind *kind, int64_t now);
void ews_governor_shrink_page(EwsGovernor *self, const EwsOpKind *kind, unsigned size,
	bool is_limit, int64_t now);
/* The server has too many requests of ours at once. */
void ews_governor_crowded(EwsGovernor *self, int64_t sent, int64_t now);
void ews_governor_busy(EwsGovernor *self, int64_t hint_ms, const GError *error, int64_t sent,
	int64_t now);
/* An answer that nothing could be made of: after some in a row a pause, as if it were busy. */
void ews_governor_garbled(EwsGovernor *self, const GError *error, int64_t sent, int64_t now);
void ews_governor_unreached(EwsGovernor *self, const GError *error, int64_t now);
void ews_governor_broken(EwsGovernor *self, const GError *error, int64_t sent, int64_t now);
/* @is_change: the call was one that changes something. */
void ews_governor_silent(EwsGovernor *self, bool is_change, const GError *error, int64_t sent,
	int64_t now);
/* A 401. */
void ews_governor_refused(EwsGovernor *self, const GError *error, int64_t sent, int64_t now);
/* The machine has slept for @slept_us: pauses go on in sleep, and the way may be there again. */
void ews_governor_woke(EwsGovernor *self, int64_t slept_us, int64_t now);
/* The account can do nothing any more. */
void ews_governor_stop(EwsGovernor *self, const GError *error);
