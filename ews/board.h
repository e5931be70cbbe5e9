/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <pthread.h>

#include "ews/ews.h"

/*
 * What a session shows of itself: written by the ews thread, read by any. The lock is a leaf:
 * nothing else is locked under it.
 */
typedef struct EwsBoard {
	pthread_mutex_t lock;
	/* guarded by lock */
	EwsStatus status;
	EwsWoke woke;    /* NULL: nobody asked */
	void *woke_user; /* borrowed: from the listener */
} EwsBoard;

void ews_board_init(EwsBoard *self, const char *url);
void ews_board_clear(EwsBoard *self);

/* All but url and server, which are set by themselves. */
void ews_board_put(EwsBoard *self, const EwsStatus *status);
void ews_board_set_url(EwsBoard *self, const char *url);
void ews_board_set_server(EwsBoard *self, const char *server);
void ews_board_get(EwsBoard *self, EwsStatus *ret_status);

/* Who wants to know when the machine has slept; and tells him. */
void ews_board_on_wake(EwsBoard *self, EwsWoke woke, void *user);
void ews_board_woke(EwsBoard *self);
