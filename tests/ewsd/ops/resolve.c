/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ResolveNames: the owner of the mailbox is all there is in the directory. */
#include <string.h>

#include "tests/ewsd/ops/ops.h"

static bool is_owner(const Request *request, const char *entry)
{
	const char *owner = request->world->owner;
	const char *word = g_ascii_strncasecmp(entry, "smtp:", 5) == 0 ? entry + 5 : entry;

	return *word && g_ascii_strncasecmp(owner, word, strlen(word)) == 0;
}

void op_resolve_names(Request *request)
{
	g_autofree char *entry = xml_child_text(request->op, "UnresolvedEntry");
	const char *owner = request->world->owner;
	g_autofree char *name = g_strndup(owner, strcspn(owner, "@"));

	request->items = 1;
	if (request->plan->is_busy_200) {
		request_error(request, "ErrorServerBusy");
		return;
	}
	if (!entry || !is_owner(request, entry)) {
		request_error(request, "ErrorNameResolutionNoResults");
		return;
	}
	request_ok(request);
	out_raw(request->out, "<m:ResolutionSet TotalItemsInView=\"1\""
		" IncludesLastItemInRange=\"true\"><t:Resolution><t:Mailbox>");
	out_elem(request->out, "t:Name", name);
	out_elem(request->out, "t:EmailAddress", owner);
	out_raw(request->out, "<t:RoutingType>SMTP</t:RoutingType>"
		"<t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>");
	if (xml_attr_is(request->op, "ReturnFullContactData", "true")) {
		out_raw(request->out, "<t:Contact>");
		out_elem(request->out, "t:DisplayName", name);
		out_raw(request->out, "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">");
		out_text(request->out, owner);
		out_raw(request->out, "</t:Entry></t:EmailAddresses></t:Contact>");
	}
	out_raw(request->out, "</t:Resolution></m:ResolutionSet>");
	request_ok_end(request);
}
