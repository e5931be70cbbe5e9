/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Mailboxes beside that of the owner: other people's, of which he sees what they share, his
 * archive, and the public folders, which are like one. Each has a store and subscriptions of its
 * own; a request is about one of them, which its ids and its Mailbox elements name. Made at start,
 * then const.
 */
#pragma once

#include "tests/ewsd/request.h"

struct Mailbox {
	StoreKind kind;
	char *address;	/* own; the primary one; NULL: none: an archive, public folders */
	char *alias;	/* own; another address, by which only ResolveNames knows it; NULL: none */
	Store *store;	/* own; but of the owner's, which is the world's */
	Events *events;	/* own; likewise */
};

/* The owner's own mailbox becomes the first, which borrows the world's store and events. */
void mailbox_add_own(World *world);
/* `spec`: "ADDRESS[,ALIAS]" of STORE_MAILBOX, else NULL. `state`: the file of the owner's, NULL for
 * none. */
bool mailbox_add(World *world, StoreKind kind, const char *spec, const char *state,
	bool *ret_fresh, GError **error);
void mailbox_free_all(World *world);
/* "ADDRESS[:FOLDER/PATH]=read|edit": what everybody else may do there. */
bool mailbox_share(World *world, const char *spec, GError **error);
/* The mailbox that "NAME:FOLDER/PATH=…" begins with, and the rest of it; else the owner's. */
Mailbox *mailbox_of_spec(World *world, const char *spec, const char **ret_rest);
/* By its primary address or an alias of it. NULL: nobody's. */
Mailbox *mailbox_find(const World *world, const char *address);

/* Of "NAME:PASSWORD": NAME, or NAME@example.org. */
char *mailbox_address_of(const char *user);

/* Settles whose mailbox the request is about, and what who asks may see there. */
void mailbox_choose(Request *request, const char *user);
