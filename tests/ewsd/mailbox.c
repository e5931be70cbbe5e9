/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/mailbox.h"

#include <string.h>

#include "tests/ewsd/events.h"

static Mailbox *at(const World *world, guint i)
{
	return world->mailboxes->pdata[i];
}

void mailbox_add_own(World *world)
{
	Mailbox *self = g_new0(Mailbox, 1);

	self->address = g_strdup(world->owner);
	self->store = world->store;
	self->events = world->events;
	g_ptr_array_add(world->mailboxes, self);
}

bool mailbox_add(World *world, StoreKind kind, const char *spec, const char *state,
	bool *ret_fresh, GError **error)
{
	static const char *const names[] = {[STORE_ARCHIVE] = "archive", [STORE_PUBLIC] = "public"};
	Mailbox *self = g_new0(Mailbox, 1);
	const char *comma = spec ? strchr(spec, ',') : NULL;
	g_autofree char *path = NULL;

	self->kind = kind;
	self->address = spec ? g_strndup(spec, strcspn(spec, ",")) : NULL;
	self->alias = comma ? g_strdup(comma + 1) : NULL;
	path = state ? g_strdup_printf("%s.%s", state, spec ? self->address : names[kind]) : NULL;
	g_ptr_array_add(world->mailboxes, self);
	self->store = store_open(path ? path : "", kind, ret_fresh, error);
	if (!self->store)
		return false;
	self->events = events_new(self->store);
	store_listen(self->store, events_hear, self->events);
	return true;
}

void mailbox_free_all(World *world)
{
	for (guint i = 0; world->mailboxes && i < world->mailboxes->len; i++) {
		Mailbox *self = at(world, i);

		if (self->store != world->store) {
			store_close(self->store);
			events_free(self->events);
		}
		g_free(self->address);
		g_free(self->alias);
		g_free(self);
	}
	g_clear_pointer(&world->mailboxes, g_ptr_array_unref);
}

static bool is_called(const Mailbox *self, const char *address)
{
	return self->address && g_ascii_strcasecmp(self->address, address) == 0;
}

static bool is_alias(const Mailbox *self, const char *address)
{
	return self->alias && g_ascii_strcasecmp(self->alias, address) == 0;
}

Mailbox *mailbox_find(const World *world, const char *address)
{
	for (guint i = 0; i < world->mailboxes->len; i++) {
		if (is_called(at(world, i), address) || is_alias(at(world, i), address))
			return at(world, i);
	}
	return NULL;
}

static Mailbox *of_kind(const World *world, StoreKind kind)
{
	for (guint i = 0; i < world->mailboxes->len; i++) {
		if (at(world, i)->kind == kind)
			return at(world, i);
	}
	return NULL;
}

Mailbox *mailbox_of_spec(World *world, const char *spec, const char **ret_rest)
{
	const char *colon = strchr(spec, ':');
	g_autofree char *name = colon ? g_strndup(spec, (gsize)(colon - spec)) : NULL;
	Mailbox *found = !name                          ? NULL
			 : strcmp(name, "archive") == 0 ? of_kind(world, STORE_ARCHIVE)
			 : strcmp(name, "public") == 0  ? of_kind(world, STORE_PUBLIC)
							: mailbox_find(world, name);

	*ret_rest = found ? colon + 1 : spec;
	return found ? found : at(world, 0);
}

bool mailbox_share(World *world, const char *spec, GError **error)
{
	const char *equals = strrchr(spec, '=');
	g_autofree char *where = g_strndup(spec, equals ? (gsize)(equals - spec) : 0);
	char *colon = strchr(where, ':');
	Mailbox *mailbox;

	if (colon)
		*colon = '\0';
	mailbox = mailbox_find(world, where);
	if (!mailbox || (strcmp(equals, "=read") != 0 && strcmp(equals, "=edit") != 0)) {
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			"not ADDRESS[:FOLDER/PATH]=read|edit: %s", spec);
		return false;
	}
	store_begin(mailbox->store);
	folder_share(mailbox->store, colon ? folder_make_path(mailbox->store, colon + 1) : 0,
		strcmp(equals, "=edit") == 0 ? FOLDER_SHARE_EDIT : FOLDER_SHARE_READ);
	store_commit(mailbox->store);
	return true;
}

char *mailbox_address_of(const char *user)
{
	g_autofree char *name = g_strndup(user, strcspn(user, ":"));

	return strchr(name, '@') ? g_strdup(name) : g_strconcat(name, "@example.org", NULL);
}

/* --- a request ------------------------------------------------------------ */

/* Two mailboxes in one request: the ids of one mean nothing in the other. */
static void take(Request *request, Mailbox *mailbox)
{
	if (request->mailbox && request->mailbox != mailbox && !request->refusal)
		request->refusal = "ErrorCrossMailboxMoveCopy";
	request->mailbox = mailbox;
}

static void by_address(Request *request, const char *address)
{
	Mailbox *found = mailbox_find(request->world, address);

	if (!found)
		request->refusal = "ErrorNonExistentMailbox";
	else if (is_alias(found, address))
		request->refusal = "ErrorNonPrimarySmtpAddress";
	else
		take(request, found);
}

static void by_id(Request *request, const char *id)
{
	int64_t number;

	for (guint i = 0; i < request->world->mailboxes->len; i++) {
		const IdsKey *key = store_key(at(request->world, i)->store);

		if (ids_decode(key, IDS_ITEM, id, &number) ||
			ids_decode(key, IDS_FOLDER, id, &number))
			take(request, at(request->world, i));
	}
}

/* "archiveinbox" is the inbox of the archive. NULL: that of whoever asks. */
static Mailbox *named(const World *world, const char *id)
{
	if (id && g_str_has_prefix(id, "archive"))
		return of_kind(world, STORE_ARCHIVE);
	return g_strcmp0(id, "publicfoldersroot") == 0 ? of_kind(world, STORE_PUBLIC) : NULL;
}

static void by_distinguished(Request *request, const xmlNode *node, Mailbox *home)
{
	g_autofree char *id = xml_attr(node, "Id");
	g_autofree char *address = xml_text(xml_path(node, "Mailbox/EmailAddress"));
	Mailbox *other = named(request->world, id);

	if (address)
		by_address(request, address);
	else
		take(request, other ? other : home);
}

static void by_subscription(Request *request, const char *id)
{
	for (guint i = 0; i < request->world->mailboxes->len; i++) {
		Mailbox *mailbox = at(request->world, i);

		if (events_is_known(mailbox->events, id, false) ||
			events_is_known(mailbox->events, id, true))
			take(request, mailbox);
	}
}

static void look(Request *request, const xmlNode *parent, Mailbox *home)
{
	for (const xmlNode *node = xml_first(parent); node; node = xml_next(node)) {
		g_autofree char *id = xml_attr(node, "Id");
		g_autofree char *text = xml_is(node, "SubscriptionId") ? xml_text(node) : NULL;

		if (text)
			by_subscription(request, text);
		if (xml_is(node, "DistinguishedFolderId")) {
			by_distinguished(request, node, home);
			continue;
		}
		if (id)
			by_id(request, id);
		look(request, node, home);
	}
}

void mailbox_choose(Request *request, const char *user)
{
	Mailbox *first = at(request->world, 0);
	Mailbox *home = user ? mailbox_find(request->world, user) : NULL;

	home = home ? home : first;
	look(request, request->op, home);
	if (!request->mailbox)
		request->mailbox = home;
	request->store = request->mailbox->store;
	request->events = request->mailbox->events;
	request->is_guest = request->mailbox != home && request->mailbox->address;
	folder_look_as(request->is_guest);
}
