/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/events.h"

#include <pthread.h>

struct Events {
	pthread_mutex_t lock;
};

Events *events_new(void)
{
	Events *self = g_new0(Events, 1);

	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void events_free(Events *self)
{
	if (!self)
		return;
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

void events_hear(const StoreNews *news, void *data)
{
}
