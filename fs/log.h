/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>

#include "fs/config.h"

/*
 * Where g_warning, g_info and their like go: stderr in front, syslog in the background, the
 * journal where it listens. Any thread logs; set up once, before there are others.
 */
void fs_log_start(FsLogLevel level, bool is_foreground);
