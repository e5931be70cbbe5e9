/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/fs.h"
#include "tests/unit/fake-cache.h"
#include "tests/unit/fake-fuse.h"

/* A whole fs/ on a fake cache and fake requests, as a GTest fixture. */
typedef struct World {
	FsConfig *config; /* own */
	Cache *cache;     /* own */
	Fs fs;
	fuse_req_t req; /* own */
} World;

typedef void (*WorldTest)(World *self, gconstpointer data);

/* Registers @test with a fixture of its own. */
void world_add(const char *path, WorldTest test);

/* A new request in place of the last one. */
fuse_req_t world_next(World *self);

/* --- what many of the tests ask ---------------------------------------------------------- */

/* The number of @name in @parent, which is there. */
fuse_ino_t world_look_up(World *self, fuse_ino_t parent, const char *name);
void world_expect_missing(World *self, fuse_ino_t parent, const char *name);

/* How the last request was answered, or is at last. */
void world_expect_error(World *self, int error);
void world_expect_bytes(World *self, const char *wanted);

/* A message called a.eml in a folder called Inbox that is listed; its bytes are here where @bytes
 * are given. */
#define WORLD_DIR 5
#define WORLD_ID 7
CacheNode *world_add_message(World *self, const char *bytes);
