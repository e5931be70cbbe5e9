/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/board.h"

void ews_board_init(EwsBoard *self, const char *url)
{
	*self = (EwsBoard){0};
	pthread_mutex_init(&self->lock, NULL);
	ews_board_set_url(self, url);
}

void ews_board_clear(EwsBoard *self)
{
	pthread_mutex_destroy(&self->lock);
}

void ews_board_put(EwsBoard *self, const EwsStatus *status)
{
	EwsStatus next = *status;

	pthread_mutex_lock(&self->lock);
	g_strlcpy(next.url, self->status.url, sizeof(next.url));
	g_strlcpy(next.server, self->status.server, sizeof(next.server));
	self->status = next;
	pthread_mutex_unlock(&self->lock);
}

void ews_board_set_url(EwsBoard *self, const char *url)
{
	pthread_mutex_lock(&self->lock);
	g_strlcpy(self->status.url, url, sizeof(self->status.url));
	pthread_mutex_unlock(&self->lock);
}

void ews_board_set_server(EwsBoard *self, const char *server)
{
	pthread_mutex_lock(&self->lock);
	g_strlcpy(self->status.server, server, sizeof(self->status.server));
	pthread_mutex_unlock(&self->lock);
}

void ews_board_get(EwsBoard *self, EwsStatus *ret_status)
{
	pthread_mutex_lock(&self->lock);
	*ret_status = self->status;
	pthread_mutex_unlock(&self->lock);
}

void ews_board_on_wake(EwsBoard *self, EwsWoke woke, void *user)
{
	pthread_mutex_lock(&self->lock);
	self->woke = woke;
	self->woke_user = user;
	pthread_mutex_unlock(&self->lock);
}

void ews_board_woke(EwsBoard *self)
{
	pthread_mutex_lock(&self->lock);
	EwsWoke woke = self->woke;
	void *user = self->woke_user;
	pthread_mutex_unlock(&self->lock);
	if (woke)
		woke(user);
}
