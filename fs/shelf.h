/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * What was made lately, by a number that is never of anything else: who asked for one thing of it
 * asks for the next one soon. Counted things; the shelf has a reference to each that is on it. The
 * newest stays however large it is, of the others what there is room for.
 *
 * Any thread.
 */
typedef struct FsShelfKind {
	void *(*ref)(void *thing);
	void (*unref)(void *thing);
	unsigned count_max;
	uint64_t bytes_max;
} FsShelfKind;

typedef struct FsShelf FsShelf;

/* @kind is borrowed. */
FsShelf *fs_shelf_new(const FsShelfKind *kind);
void fs_shelf_free(FsShelf *self);

void fs_shelf_put(FsShelf *self, uint64_t number, void *thing, uint64_t bytes);

/* A reference for the caller, or NULL. */
void *fs_shelf_find(FsShelf *self, uint64_t number);
