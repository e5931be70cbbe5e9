/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>

/*
 * The exit codes of ewsfs, as ewsfs(1) lists them, and the line that goes with each.
 */
typedef enum FsExit {
	FS_EXIT_OK = 0,
	FS_EXIT_USAGE = 1,      /* command line, option or configuration file */
	FS_EXIT_MOUNTPOINT = 2, /* missing, no directory, not permitted, busy */
	FS_EXIT_OFFLINE = 3,    /* the server is not reached, or asks to wait */
	FS_EXIT_TLS = 4,        /* its certificate is not trusted */
	FS_EXIT_AUTH = 5,       /* sign-in refused, or no password to be had */
	FS_EXIT_NOT_EWS = 6,    /* something answers, but it is no EWS server */
	FS_EXIT_MAILBOX = 7,    /* no such mailbox or folder, or no right to it */
	FS_EXIT_LOCAL = 8,      /* this machine: directories, disk, lock, FUSE */
	FS_EXIT_BY_ERROR = -1,  /* in a table of steps: fs_exit_of says which */
} FsExit;

FsExit fs_exit_of(const GError *error);

/* What a person can do about it, to follow the error after "; ". NULL where the error says all. */
const char *fs_exit_advice(FsExit status);
