/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "fs/config.h"

/*
 * Where g_warning, g_info and their like go: in front to stderr (the journal, where that is what
 * listens there), in the background to syslog, from the beginning: at the terminal there is to be
 * one line when the mount fails, and none when it does not. What looks like a secret is taken out
 * of each line, whatever its level. Any thread logs; set up once, before there are others.
 */
void fs_log_start(FsLogLevel level, bool is_foreground);
