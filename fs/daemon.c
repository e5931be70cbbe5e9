/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/exit.h"

/* Never returns. */
static G_GNUC_NORETURN void wait_for_child(pid_t child, int ready)
{
	char byte;
	ssize_t got;
	int status = 0;

	do {
		got = read(ready, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got == 1)
		_exit(FS_EXIT_OK);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		_exit(WEXITSTATUS(status));
	if (WIFSIGNALED(status))
		fprintf(stderr, "ewsfs: ended by signal %d (%s) before it was mounted\n",
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	_exit(FS_EXIT_LOCAL);
}

bool fs_daemon_start(int *ret_ready, GError **error)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "pipe"));
		return false;
	}
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0) {
		g_propagate_error(error, ews_error_from_errno(errno, "fork"));
		close(ends[0]);
		close(ends[1]);
		return false;
	}
	if (pid > 0) {
		close(ends[1]);
		wait_for_child(pid, ends[0]);
	}
	close(ends[0]);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(FS_EXIT_LOCAL);
	*ret_ready = ends[1];
	return true;
}

void fs_daemon_ready(int ready)
{
	int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, 0);
	setsid();
	if (chdir("/") < 0)
		g_warning("cannot leave the current directory: %s", g_strerror(errno));
	if (nowhere >= 0) {
		dup2(nowhere, STDIN_FILENO);
		dup2(nowhere, STDOUT_FILENO);
		dup2(nowhere, STDERR_FILENO);
		if (nowhere > STDERR_FILENO)
			close(nowhere);
	}
	/* A parent that was killed in the meantime is no reason to give up: EPIPE is ignored. */
	if (write(ready, "", 1) < 0)
		g_debug("nobody waits for the mount any more");
	close(ready);
}
