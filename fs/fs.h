/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "fs/config.h"

/*
 * Private to the room: what every FUSE operation needs at hand. Filled in by main before the
 * session starts and const from then on; what its members guard is their own business.
 */

/* The server as people want to hear of it; main asks the session, which fs/ does not know. */
typedef struct FsServer {
	const char *state; /* "online", "offline" … */
	char url[256];     /* where it is asked */
	char error[256];   /* what was wrong last; "" */
	char version[64];  /* "" until it told */
	uint64_t requests;
	uint64_t bytes_in;
	uint64_t bytes_out;
	unsigned in_flight;
	unsigned conns; /* in use at most; fewer than configured while it finds them too many */
	unsigned page;  /* changes asked for at a time */
	bool is_page_small;
	unsigned queued;
	int64_t resume_s; /* seconds until it is asked again; 0: now */
	bool is_away;     /* nothing that is sent now arrives */
} FsServer;

typedef void (*FsServerLook)(FsServer *ret_server, void *user);

struct FsAhead;
struct FsPark;
struct FsBudget;
struct FsNotify;
struct FsControl;
struct FsHandles;
struct FsMaildir;
struct FsSearches;
struct FsShelf;
struct FsWatch;
struct FsWorkshop;

typedef struct Fs {
	const FsConfig *config;    /* borrowed: from main, like all below */
	Cache *cache;
	struct FsPark *park;
	struct FsBudget *budget;
	struct fuse_session *session; /* NULL: not mounted yet */
	struct FsNotify *notify;
	struct FsWatch *watch;
	struct FsControl *control;
	struct FsHandles *handles;
	struct FsSearches *searches;
	struct FsWorkshop *workshop;
	struct FsAhead *ahead;
	struct FsShelf *contents; /* lists of parts, see contents.h */
	GTimeZone *zone; /* in which dates are told */
	struct FsMaildir *maildir; /* NULL: another layout */
	FsServerLook look;
	void *look_user;
	const char *socket_path;
	int64_t mounted_at; /* microseconds since 1970 */
	bool has_open;      /* false: OPEN is answered ENOSYS, and READ opens the blob itself */
} Fs;

/* The kernel is told of every change, so what it knows it may keep. */
#define FS_KEEP_S 86400.0

/* Of the attributes of a file that was created just now: open() and fstat() look at them at once,
 * and what is done to the file by then comes through the kernel, which forgets them with it. */
#define FS_KEEP_NEW_S 0.1

#define FS_NAME_MAX 255

static inline Fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}
