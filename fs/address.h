/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/*
 * Unix sockets by path, of any length: sun_path ends after 108 bytes and a state directory may
 * well be longer, so the directory is opened and the socket named through /proc/self/fd.
 * Shared by ewsfs and ewsfsctl.
 */

/* A listening socket at @path that only the user may connect to; what was there is replaced.
 * -1 and errno. */
int fs_address_listen(const char *path);

/* A connection to the one who listens at @path. -1 and errno. */
int fs_address_connect(const char *path);
