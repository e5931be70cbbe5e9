/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/person.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <unistd.h>

bool fs_person_agrees(const char *question)
{
	char answer[64];
	int fd = isatty(STDIN_FILENO) ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1;

	if (fd < 0)
		return false;
	dprintf(fd, "%s [y/N] ", question);
	ssize_t got = read(fd, answer, sizeof(answer));
	close(fd);
	return got > 0 && (*answer == 'y' || *answer == 'Y');
}

bool fs_person_trusts(const char *address, const char *from, const char *to)
{
	g_autofree char *question = g_strdup_printf(
		"%s\nsays that the mailbox of %s is looked after by\n%s\n"
		"which is somebody else, who would be given the password. Is that right?",
		from, address, to);

	return fs_person_agrees(question);
}
