/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ews/error.h"
#include "ews/op.h"

/*
 * ResolveNames: the primary SMTP address behind a sign-in name.
 *
 * The server looks for anything that begins with what it is given, so several may come (with the
 * warning ErrorNameResolutionMultipleResults): then the one whose address, or the part before the
 * "@", is the name asked for; else nobody.
 */

#define RESOLUTIONS_MAX 128

typedef struct ResolveNames {
	EwsOp op;
	char *entry;          /* own */
	GPtrArray *addresses; /* own, of strings */
	char *routing;        /* own; of the resolution being read */
	char *candidate;      /* own; likewise */
	char *address;        /* own: the answer */
} ResolveNames;

static void write_request(EwsWriter *writer, EwsOp *const *ops, unsigned count)
{
	const ResolveNames *self = (const ResolveNames *)ops[0];

	ews_writer_attribute(writer, "ReturnFullContactData", "true");
	ews_writer_attribute(writer, "SearchScope", "ActiveDirectory");
	ews_writer_text(writer, "m:UnresolvedEntry", self->entry);
}

static void end_address(EwsReading *reading)
{
	ResolveNames *self = (ResolveNames *)reading->op;

	g_free(self->candidate);
	self->candidate = g_strdup(reading->text->str);
}

static void end_routing(EwsReading *reading)
{
	ResolveNames *self = (ResolveNames *)reading->op;

	g_free(self->routing);
	self->routing = g_strdup(reading->text->str);
}

static void end_resolution(EwsReading *reading)
{
	ResolveNames *self = (ResolveNames *)reading->op;
	bool is_smtp = !self->routing || g_ascii_strcasecmp(self->routing, "SMTP") == 0;

	if (self->candidate && is_smtp && strchr(self->candidate, '@') &&
		self->addresses->len < RESOLUTIONS_MAX)
		g_ptr_array_add(self->addresses, g_steal_pointer(&self->candidate));
	g_clear_pointer(&self->candidate, g_free);
	g_clear_pointer(&self->routing, g_free);
}

static void reset(EwsOp *op)
{
	ResolveNames *self = (ResolveNames *)op;

	g_ptr_array_set_size(self->addresses, 0);
	g_clear_pointer(&self->candidate, g_free);
	g_clear_pointer(&self->routing, g_free);
	g_clear_pointer(&self->address, g_free);
}

static bool is_exact(const char *address, const char *entry)
{
	const char *domain = strchr(entry, '\\');
	const char *name = domain ? domain + 1 : entry;
	size_t len = strlen(name);

	return g_ascii_strncasecmp(address, name, len) == 0 &&
		(address[len] == '\0' || (address[len] == '@' && !strchr(name, '@')));
}

static bool finish(EwsOp *op, GError **error)
{
	ResolveNames *self = (ResolveNames *)op;
	const GPtrArray *addresses = self->addresses;

	if (addresses->len == 1)
		self->address = g_strdup(addresses->pdata[0]);
	for (guint i = 0; i < addresses->len && !self->address; i++)
		if (is_exact(addresses->pdata[i], self->entry))
			self->address = g_strdup(addresses->pdata[i]);
	if (self->address)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_NOT_FOUND,
		"the server knows %u addresses for \"%s\", none of them for certain",
		addresses->len, self->entry);
	return false;
}

static void clear(EwsOp *op)
{
	ResolveNames *self = (ResolveNames *)op;

	reset(op);
	g_ptr_array_unref(self->addresses);
	g_free(self->entry);
}

/* clang-format off */
static const EwsElement mailbox[] = {
	{ .name = EWS_NAME_EmailAddress, .type = EWS_FIELD_TEXT, .text_max = 1024,
	  .end = end_address },
	{ .name = EWS_NAME_RoutingType, .type = EWS_FIELD_TEXT, .text_max = 64,
	  .end = end_routing },
	{ 0 },
};

static const EwsElement resolution[] = {
	{ .name = EWS_NAME_Mailbox, .children = mailbox },
	{ 0 },
};

static const EwsElement resolutions[] = {
	{ .name = EWS_NAME_Resolution, .children = resolution, .end = end_resolution },
	{ 0 },
};

static const EwsElement message[] = {
	{ .name = EWS_NAME_ResolutionSet, .children = resolutions },
	{ 0 },
};
/* clang-format on */

static const EwsOpKind kind = {
	.id = EWS_KIND_RESOLVE_NAMES,
	.name = "ResolveNames",
	.batch_max = 1,
	.elements = message,
	.also_success = "ErrorNameResolutionMultipleResults",
	.write = write_request,
	.reset = reset,
	.finish = finish,
	.clear = clear,
};

EwsOp *ews_resolve_names_new(const char *entry)
{
	ResolveNames *self = g_new0(ResolveNames, 1);

	ews_op_init(&self->op, &kind);
	self->entry = g_strdup(entry);
	self->addresses = g_ptr_array_new_with_free_func(g_free);
	return &self->op;
}

const char *ews_resolve_names_address(const EwsOp *op)
{
	const ResolveNames *self = (const ResolveNames *)op;

	g_assert(op->kind == &kind);
	return op->error ? NULL : self->address;
}
