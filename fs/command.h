/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "fs/fs.h"

/*
 * What ewsfsctl can ask for, over fs/socket.c:
 *
 *   {"command": "status"}                        nothing but the answer, which says how it stands
 *   {"command": "sync", "path": "Inbox", "fetch": true, "seconds": 600}
 *   {"command": "flush", "seconds": 60}          until nothing waits; seconds: flush_timeout=
 *   {"command": "fsync", "path": ".send/a.eml"}  until the server has this one
 *   {"command": "retry", "ids": [7, 9]}          or "all": true
 *   {"command": "discard", "ids": [7, 9]}        or "all": true
 *   {"command": "confirm"}
 *   {"command": "watch", "path": "Inbox"}        never done; served by fs/socket.c itself
 *
 * Members that are missing have a default, others are of no interest: an older ewsfsctl is
 * understood, and a newer one is told "unknown command".
 */

/* Calls @done exactly once, on this thread or on the sync thread. Any thread; waits for the disk
 * at most. */
void fs_command_run(const Fs *fs, JsonObject *request, CacheDone done, void *user);
