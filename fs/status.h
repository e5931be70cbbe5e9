/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "fs/fs.h"

/*
 * What is going on, for people and for programs. Pure rendering: takes a snapshot from the cache
 * and from main, and never waits. docs/ewsfs.1.scd says what the words mean.
 */
char *fs_status_text(const Fs *fs);
char *fs_status_json(const Fs *fs);

/* One line of JSON while somebody waits: what is done and to do. */
char *fs_status_progress(const Fs *fs);

/* The member "queue" of an object: how much is only here. */
void fs_status_put_queue(JsonBuilder *json, const Fs *fs);
