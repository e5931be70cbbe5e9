/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine that sleeps, for a program that is loaded with this before libc: the clock since boot
 * is ahead by as many seconds as the file $EWSFS_TEST_SLEEP says, and when that changes, a timer of
 * the calendar's clock says that it was cancelled, as the kernel does after sleep.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static atomic_long ahead_s;
static int fd = -1;

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
	long failed = syscall(SYS_clock_gettime, id, ret_time);

	if (failed == 0 && id == CLOCK_BOOTTIME)
		ret_time->tv_sec += atomic_load(&ahead_s);
	return (int)failed;
}

static long wanted(void)
{
	const char *path = getenv("EWSFS_TEST_SLEEP");
	FILE *file = path != NULL ? fopen(path, "r") : NULL;
	long seconds = 0;

	if (file == NULL || fscanf(file, "%ld", &seconds) != 1)
		seconds = 0;
	if (file != NULL)
		fclose(file);
	return seconds;
}

static void *look(void *unused)
{
	for (;;) {
		long seconds = wanted();

		if (seconds > atomic_load(&ahead_s)) {
			atomic_store(&ahead_s, seconds);
			eventfd_write(fd, 1);
		}
		usleep(20000);
	}
	return unused;
}

int timerfd_create(int clock, int flags)
{
	pthread_t thread;

	if (fd >= 0 || clock != CLOCK_REALTIME)
		return (int)syscall(SYS_timerfd_create, clock, flags);
	fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (pthread_create(&thread, NULL, look, NULL) == 0)
		pthread_detach(thread);
	return fd;
}

int timerfd_settime(int which, int flags, const struct itimerspec *wanted_time,
	struct itimerspec *ret_old)
{
	if (which == fd)
		return 0;
	return (int)syscall(SYS_timerfd_settime, which, flags, wanted_time, ret_old);
}
