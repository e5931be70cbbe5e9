/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

/*
 * Waits for a curl multi's sockets and decides which is served next.
 *
 * curl_multi_perform serves all connections a little each, so answers that come together end
 * together: then nothing is asked while they are read, and nothing is read while the next ones
 * are on their way. Here a connection is served as long as it has something (up to a quantum),
 * and the wait returns as soon as a transfer may have ended, so that the next request leaves
 * while the other answers are still being read. ews thread only, but for waking.
 */
typedef struct EwsLoop EwsLoop;

/* Sets the multi's callbacks; the multi must outlive it. */
EwsLoop *ews_loop_new(CURLM *multi);
void ews_loop_free(EwsLoop *self);

/* @fd (-1: none) being readable ends the wait; it is not read. Until it is closed. */
void ews_loop_heed(EwsLoop *self, int fd);

/* Waits for something to do, at most @timeout_ms, and does it; returns early when the number of
 * running transfers has changed. */
void ews_loop_run(EwsLoop *self, int timeout_ms);

/* From inside a callback of curl: the wait returns as soon as that has returned. */
void ews_loop_hurry(EwsLoop *self);

/* Any thread: ends the wait. */
void ews_loop_wake(EwsLoop *self);
