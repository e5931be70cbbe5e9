/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <glib.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Requests that wait for the server. A FUSE worker never does: it parks the request, asks the
 * cache, and goes on with the next one. (There are ten workers, and the requests that wait are
 * what the queue in ews/ makes batches of.)
 *
 * A parked request is answered exactly once, by whoever comes first:
 *
 *   the cache       its done callback, on the sync thread, with the outcome. It may come before
 *                   the call that asked has returned.
 *   the clock       a request with a deadline of its own (a scan that wants sizes, see budget.h)
 *                   is told that it is late. The fetch goes on; the next one profits.
 *   the caller      who was interrupted. The kernel says INTERRUPT for every signal, a handled
 *                   SIGALRM too, and a stat that fails with EINTR because of a timer is a fault in
 *                   most programs. So EINTR is given only when INT, TERM, HUP, QUIT or KILL wait to
 *                   be delivered to the caller (/proc/TID/status). The kernel says INTERRUPT once;
 *                   a Ctrl-C after a SIGALRM comes without it: once interrupted, the caller is
 *                   looked at ten times a second for as long as he is parked. A caller in another
 *                   pid namespace cannot be looked at and is believed. The fetch goes on.
 *   the end         fs_park_drain, when the mount goes away: ENOTCONN.
 *
 * An object has a reference for the list of those who wait and one for the done callback that is
 * still to come. The winner is decided by an atomic flag; only he touches the fuse request, which
 * is gone after the reply. libfuse calls the interrupt function with the request locked, so it
 * only marks the object; the park's own thread does the looking. Before any reply the function is
 * taken off the request, which waits for a call that is under way: no call finds a dead object.
 */
typedef struct FsPark FsPark;
typedef struct FsParked FsParked;

typedef enum FsParkedHow {
	FS_PARKED_DONE, /* the cache did what was asked */
	FS_PARKED_FAILED,
	FS_PARKED_LATE, /* the deadline passed */
} FsParkedHow;

/* Answers self->req. @error only when FAILED. On the sync thread or the park's; must not block. */
typedef void (*FsParkedReply)(FsParked *self, FsParkedHow how, const GError *error);

struct FsParked {
	/* set by the op before it enters, then const */
	fuse_req_t req;
	fuse_ino_t ino;
	struct fuse_file_info info; /* of OPEN, OPENDIR */
	off_t offset;               /* of READ */
	size_t size;
	int64_t dir; /* of a wait for a size: whose budget it is on; 0: nobody's */
	void *extra; /* own, freed with g_free: what else the reply needs; NULL */
	FsParkedReply reply;

	/* set in fs_parked_new, then const */
	FsPark *park; /* borrowed: outlives all parked */
	pid_t tid;    /* the caller; the request may be gone when he is looked at */
	atomic_int refs;
	atomic_bool is_answered;

	/* guarded by the park's lock */
	GList link; /* in the park's waiting */
	int64_t deadline_us;
	bool is_waiting; /* in the list */
	bool is_interrupted;
};

/* @budget may be NULL; parked with a dir give their time back to it. */
struct FsBudget;
FsPark *fs_park_new(struct FsBudget *budget);

/* Answers all who wait, and from now on all who come, with ENOTCONN. When it returns no thread is
 * in the middle of a reply. The done callbacks may still come, until cache_stop. */
void fs_park_drain(FsPark *self);

/* After cache_stop. */
void fs_park_free(FsPark *self);

/* How many wait now. */
unsigned fs_park_count(FsPark *self);

FsParked *fs_parked_new(FsPark *park, fuse_req_t req, fuse_ino_t ino, FsParkedReply reply);

/* From now on the clock, the caller and the end may answer; @deadline_us is monotonic, 0 for none.
 * Call right before the cache is asked with fs_parked_done, and do not touch @self after. */
void fs_parked_enter(FsParked *self, int64_t deadline_us);

/* A CacheDone; @user is the FsParked. */
void fs_parked_done(void *user, const GError *error);
