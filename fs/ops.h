/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <fuse_lowlevel.h>

/* The table of FUSE operations. What is not in it is ENOSYS, and the kernel's own business then:
 * locks, and where the holes of a file are (nowhere). */
extern const struct fuse_lowlevel_ops fs_ops;
