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
