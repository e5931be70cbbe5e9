/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/budget.h"

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>

#define PLACES 64 /* directories that are walked at the same time */

typedef struct Place {
	int64_t dir;      /* 0: free */
	unsigned waiting; /* how many wait now */
	int64_t since_us; /* when the first of them began */
	int64_t spent_us; /* waited before that */
	int64_t last_us;  /* asked about last */
} Place;

struct FsBudget {
	pthread_mutex_t lock;
	Place places[PLACES]; /* guarded by lock */
};

FsBudget *fs_budget_new(void)
{
	FsBudget *self = g_new0(FsBudget, 1);

	pthread_mutex_init(&self->lock, NULL);
	return self;
}

void fs_budget_free(FsBudget *self)
{
	if (self == NULL)
		return;
	pthread_mutex_destroy(&self->lock);
	g_free(self);
}

static Place *find(FsBudget *self, int64_t dir)
{
	for (size_t i = 0; i < PLACES; i++) {
		if (self->places[i].dir == dir)
			return &self->places[i];
	}
	return NULL;
}

/* A free place, else the one asked about longest ago. */
static Place *make_room(FsBudget *self)
{
	Place *oldest = &self->places[0];

	for (size_t i = 1; i < PLACES; i++) {
		if (self->places[i].last_us < oldest->last_us)
			oldest = &self->places[i];
	}
	return oldest;
}

static Place *enter(FsBudget *self, int64_t dir, int64_t now_us, bool *ret_is_new)
{
	Place *place = find(self, dir);
	bool is_old = place != NULL && place->waiting == 0 &&
		now_us - place->last_us > FS_BUDGET_RESET_US;

	*ret_is_new = place == NULL || is_old;
	if (place == NULL)
		place = make_room(self);
	if (*ret_is_new)
		*place = (Place){.dir = dir};
	place->last_us = now_us;
	return place;
}

int64_t fs_budget_begin(FsBudget *self, int64_t dir, int64_t now_us)
{
	bool is_first;

	pthread_mutex_lock(&self->lock);
	Place *place = enter(self, dir, now_us, &is_first);
	int64_t spent_us = place->spent_us + (place->waiting > 0 ? now_us - place->since_us : 0);
	int64_t left_us = is_first ? INT64_MAX : MAX(FS_BUDGET_SCAN_US - spent_us, 0);
	if (left_us > 0 && place->waiting++ == 0)
		place->since_us = now_us;
	pthread_mutex_unlock(&self->lock);
	return left_us;
}

void fs_budget_end(FsBudget *self, int64_t dir, int64_t now_us)
{
	pthread_mutex_lock(&self->lock);
	Place *place = find(self, dir);
	if (place != NULL && place->waiting > 0 && --place->waiting == 0)
		place->spent_us += now_us - place->since_us;
	pthread_mutex_unlock(&self->lock);
}
