/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/slept.h"

#include <errno.h>
#include <glib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* A sleep that connections survive. */
#define SHORT_US (5 * G_USEC_PER_SEC)
/* A calendar is also set by hand, or a little by a time server: that is no sleep. */
#define SET_US (60 * G_USEC_PER_SEC)

struct EwsSlept {
	int fd; /* own */
	EwsClocks last;
};

static int64_t read_clock(clockid_t id)
{
	struct timespec time = {0};

	clock_gettime(id, &time);
	return (int64_t)time.tv_sec * G_USEC_PER_SEC + time.tv_nsec / 1000;
}

static EwsClocks read_clocks(void)
{
	return (EwsClocks){
		.monotonic = read_clock(CLOCK_MONOTONIC),
		.boot = read_clock(CLOCK_BOOTTIME),
		.calendar = read_clock(CLOCK_REALTIME),
	};
}

/* A timer that never ends, but is cancelled when the calendar is set, which waking up does too. */
static void arm(EwsSlept *self)
{
	struct itimerspec never = {.it_value.tv_sec = G_MAXINT32};

	if (self->fd < 0)
		return;
	/* It says that it was cancelled before, and is armed all the same. */
	if (timerfd_settime(self->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) <
			0 &&
		errno != ECANCELED)
		g_warning("timerfd: %s", g_strerror(errno));
}

EwsSlept *ews_slept_new(void)
{
	EwsSlept *self = g_new0(EwsSlept, 1);

	self->fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	self->last = read_clocks();
	arm(self);
	return self;
}

void ews_slept_free(EwsSlept *self)
{
	if (!self)
		return;
	if (self->fd >= 0)
		close(self->fd);
	g_free(self);
}

int ews_slept_fd(const EwsSlept *self)
{
	return self->fd;
}

int64_t ews_slept_between(const EwsClocks *before, const EwsClocks *now)
{
	int64_t awake = now->monotonic - before->monotonic;
	int64_t by_boot = now->boot - before->boot - awake;
	int64_t by_calendar = now->calendar - before->calendar - awake;

	if (by_boot > SHORT_US)
		return by_boot;
	return by_calendar > SET_US ? by_calendar : 0;
}

int64_t ews_slept_look(EwsSlept *self)
{
	EwsClocks now = read_clocks();
	int64_t slept = ews_slept_between(&self->last, &now);
	uint64_t count;

	self->last = now;
	if (self->fd >= 0 && (read(self->fd, &count, sizeof(count)) >= 0 || errno == ECANCELED))
		arm(self);
	return slept;
}
