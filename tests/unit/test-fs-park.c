/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/park.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/budget.h"
#include "tests/unit/fake-fuse.h"

/* Answers with a number that says how it came. */
static void reply(FsParked *parked, FsParkedHow how, const GError *error)
{
	fuse_reply_err(parked->req, how == FS_PARKED_DONE ? 1001 : how == FS_PARKED_LATE ? 1002
		: error->code + 2000);
}

typedef struct Fixture {
	FsBudget *budget;
	FsPark *park;
	Fs fs;
	fuse_req_t req;
} Fixture;

static void set_up(Fixture *self, gconstpointer data)
{
	self->budget = fs_budget_new();
	self->park = fs_park_new(self->budget);
	self->req = fake_req_new(&self->fs);
	self->req->ctx.pid = getpid();
}

static void tear_down(Fixture *self, gconstpointer data)
{
	fs_park_free(self->park);
	fs_budget_free(self->budget);
	fake_req_free(self->req);
}

static FsParked *enter(Fixture *self, int64_t deadline_us)
{
	FsParked *parked = fs_parked_new(self->park, self->req, 42, reply);

	fs_parked_enter(parked, deadline_us);
	return parked;
}

static void test_done(Fixture *self, gconstpointer data)
{
	FsParked *parked = enter(self, 0);

	g_assert_cmpuint(fs_park_count(self->park), ==, 1);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	fs_parked_done(parked, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, 1001);
	g_assert_cmpuint(fs_park_count(self->park), ==, 0);
}

static void test_failed(Fixture *self, gconstpointer data)
{
	g_autoptr(GError) error = g_error_new(EWS_ERROR, EWS_ERROR_OFFLINE, "x");

	fs_parked_done(enter(self, 0), error);
	g_assert_cmpint(fake_req_error(self->req), ==, 2000 + EWS_ERROR_OFFLINE);
}

/* The fetch goes on, and its done callback comes to a request that is gone. */
static void test_late(Fixture *self, gconstpointer data)
{
	int64_t now_us = g_get_monotonic_time();
	FsParked *parked = enter(self, now_us + 50 * 1000);

	fake_req_wait(self->req);
	g_assert_cmpint(fake_req_error(self->req), ==, 1002);
	g_assert_cmpint(g_get_monotonic_time() - now_us, >=, 50 * 1000);
	fs_parked_done(parked, NULL);
}

static void test_drain(Fixture *self, gconstpointer data)
{
	fuse_req_t second = fake_req_new(&self->fs);
	FsParked *parked = enter(self, 0);

	fs_park_drain(self->park);
	g_assert_cmpint(fake_req_error(self->req), ==, ENOTCONN);
	fs_parked_done(parked, NULL);
	FsParked *too_late = fs_parked_new(self->park, second, 1, reply);
	fs_parked_enter(too_late, 0);
	g_assert_cmpint(fake_req_error(second), ==, ENOTCONN);
	fs_parked_done(too_late, NULL);
	fake_req_free(second);
}

/* --- interrupts ---------------------------------------------------------- */

/* A process that does nothing, with the signal waiting for it. */
static pid_t child_with(int number)
{
	pid_t pid = fork();

	if (pid == 0) {
		sigset_t all;
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
		for (;;)
			pause();
	}
	/* Until it blocks what is coming. */
	g_usleep(50 * 1000);
	if (number != 0)
		kill(pid, number);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_deadly_signals(Fixture *self, gconstpointer data)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		pid_t pid = child_with(numbers[i]);
		fuse_req_t req = fake_req_new(&self->fs);
		req->ctx.pid = pid;
		FsParked *parked = fs_parked_new(self->park, req, 1, reply);
		fs_parked_enter(parked, 0);
		fake_req_interrupt(req);
		fake_req_wait(req);
		g_assert_cmpint(fake_req_error(req), ==, EINTR);
		fs_parked_done(parked, NULL);
		fake_req_free(req);
		end_child(pid);
	}
}

/* Only INTERRUPT's first signal is announced; what comes after it has to be looked for. */
static void test_alarm_then_deadly(Fixture *self, gconstpointer data)
{
	pid_t pid = child_with(SIGALRM);

	self->req->ctx.pid = pid;
	FsParked *parked = enter(self, 0);
	fake_req_interrupt(self->req);
	g_usleep(250 * 1000);
	g_assert_cmpint(fake_req_kind(self->req), ==, FAKE_NONE);
	kill(pid, SIGINT);
	fake_req_wait(self->req);
	g_assert_cmpint(fake_req_error(self->req), ==, EINTR);
	fs_parked_done(parked, NULL);
	end_child(pid);
}

static void test_alarm_then_done(Fixture *self, gconstpointer data)
{
	pid_t pid = child_with(SIGALRM);

	self->req->ctx.pid = pid;
	FsParked *parked = enter(self, 0);
	fake_req_interrupt(self->req);
	g_usleep(150 * 1000);
	fs_parked_done(parked, NULL);
	g_assert_cmpint(fake_req_error(self->req), ==, 1001);
	end_child(pid);
}

static void test_unknown_caller(Fixture *self, gconstpointer data)
{
	self->req->ctx.pid = 0;
	FsParked *parked = enter(self, 0);

	fake_req_interrupt(self->req);
	fake_req_wait(self->req);
	g_assert_cmpint(fake_req_error(self->req), ==, EINTR);
	fs_parked_done(parked, NULL);
}

static void test_interrupted_before(Fixture *self, gconstpointer data)
{
	self->req->ctx.pid = 0;
	fake_req_interrupt(self->req);
	FsParked *parked = enter(self, 0);

	fake_req_wait(self->req);
	g_assert_cmpint(fake_req_error(self->req), ==, EINTR);
	fs_parked_done(parked, NULL);
}

/* --- everybody at once --------------------------------------------------- */

#define CROWD 400

typedef struct Crowd {
	FsParked *parked[CROWD];
	unsigned from, step;
} Crowd;

static void *answer_some(void *user)
{
	const Crowd *crowd = user;

	for (unsigned i = crowd->from; i < CROWD; i += crowd->step)
		fs_parked_done(crowd->parked[i], NULL);
	return NULL;
}

/* The cache, the clock, the callers and the end race for the same requests: one answer each (the
 * fake fails on a second), and nothing is left. */
static void test_race(Fixture *self, gconstpointer data)
{
	fuse_req_t reqs[CROWD];
	Crowd crowd = {.step = 2};
	pthread_t thread;

	for (unsigned i = 0; i < CROWD; i++) {
		reqs[i] = fake_req_new(&self->fs);
		crowd.parked[i] = fs_parked_new(self->park, reqs[i], i, reply);
		crowd.parked[i]->dir = 1 + i % 3;
		fs_budget_begin(self->budget, 1 + i % 3, g_get_monotonic_time());
		fs_parked_enter(crowd.parked[i], g_get_monotonic_time() + i * 20);
	}
	Crowd other = crowd;
	other.from = 1;
	pthread_create(&thread, NULL, answer_some, &crowd);
	for (unsigned i = 0; i < CROWD; i += 7)
		fake_req_interrupt(reqs[i]);
	fs_park_drain(self->park);
	answer_some(&other);
	pthread_join(thread, NULL);
	g_assert_cmpuint(fs_park_count(self->park), ==, 0);
	for (unsigned i = 0; i < CROWD; i++) {
		g_assert_cmpint(fake_req_wait(reqs[i]), ==, FAKE_ERROR);
		fake_req_free(reqs[i]);
	}
}

static void add(const char *path, void (*test)(Fixture *self, gconstpointer data))
{
	g_test_add(path, Fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("/fs/park/the-cache-answers", test_done);
	add("/fs/park/errors-reach-the-reply", test_failed);
	add("/fs/park/the-clock-answers", test_late);
	add("/fs/park/the-end-answers", test_drain);
	add("/fs/park/deadly-signals-interrupt", test_deadly_signals);
	add("/fs/park/an-alarm-does-not-hide-ctrl-c", test_alarm_then_deadly);
	add("/fs/park/an-alarm-does-not-fail-a-request", test_alarm_then_done);
	add("/fs/park/callers-out-of-sight-are-believed", test_unknown_caller);
	add("/fs/park/interrupted-before-it-waits", test_interrupted_before);
	add("/fs/park/one-answer-each", test_race);
	return g_test_run();
}
