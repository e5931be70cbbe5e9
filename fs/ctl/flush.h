/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "fs/ctl/target.h"

/* Until nothing waits to be sent, with a progress line; -1 seconds: as long as the mount's
 * flush_timeout= says. Whether it came to that is in the answer. */
CtlExit ctl_flush(FsTalk *talk, int64_t seconds, JsonObject **ret_answer);
