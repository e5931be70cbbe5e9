/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/ctl/ctl.h"

#include <stdio.h>
#include <unistd.h>

CtlExit ctl_say(CtlExit status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	ctl_show(NULL);
	fprintf(stderr, "ewsfsctl: %s\n", text);
	return status;
}

void ctl_show(const char *line)
{
	static bool is_shown;

	if (!isatty(STDERR_FILENO) || (line == NULL && !is_shown))
		return;
	fprintf(stderr, "\r\033[K%s", line != NULL ? line : "");
	fflush(stderr);
	is_shown = line != NULL;
}
