/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/settle.h"

enum { SETTLE_MS = 200 };

typedef struct Settle {
	Store *store;	/* borrowed: ends after the main loop */
	int64_t id;
} Settle;

static gboolean settle(gpointer data)
{
	Settle *self = data;
	g_autoptr(Item) item = NULL;

	store_lock(self->store);
	item = item_get(self->store, self->id);
	if (item) {
		store_begin(self->store);
		item_save(self->store, item, ITEM_CHANGE_ANY);
		store_commit(self->store);
	}
	store_unlock(self->store);
	return G_SOURCE_REMOVE;
}

void settle_later(Store *store, int64_t item)
{
	Settle *self = g_new(Settle, 1);

	*self = (Settle){store, item};
	g_timeout_add_full(G_PRIORITY_DEFAULT, SETTLE_MS, settle, self, g_free);
}
