/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ResolveNames: the directory has the mailboxes of this server, under each of their addresses. */
#include <string.h>

#include "tests/ewsd/mailbox.h"
#include "tests/ewsd/ops/ops.h"

static bool begins(const char *address, const char *word)
{
	return address && *word && g_ascii_strncasecmp(address, word, strlen(word)) == 0;
}

static bool is_meant(const Mailbox *mailbox, const char *entry)
{
	bool is_exact = g_ascii_strncasecmp(entry, "smtp:", 5) == 0;
	const char *word = is_exact ? entry + 5 : entry;

	if (!mailbox->address)
		return false;
	if (is_exact && strchr(word, '@'))
		return g_ascii_strcasecmp(mailbox->address, word) == 0 ||
			(mailbox->alias && g_ascii_strcasecmp(mailbox->alias, word) == 0);
	return begins(mailbox->address, word) || begins(mailbox->alias, word);
}

static void write_resolution(Request *request, const Mailbox *mailbox)
{
	g_autofree char *name = g_strndup(mailbox->address, strcspn(mailbox->address, "@"));

	out_raw(request->out, "<t:Resolution><t:Mailbox>");
	out_elem(request->out, "t:Name", name);
	out_elem(request->out, "t:EmailAddress", mailbox->address);
	out_raw(request->out, "<t:RoutingType>SMTP</t:RoutingType>"
		"<t:MailboxType>Mailbox</t:MailboxType></t:Mailbox>");
	if (xml_attr_is(request->op, "ReturnFullContactData", "true")) {
		out_raw(request->out, "<t:Contact>");
		out_elem(request->out, "t:DisplayName", name);
		out_raw(request->out, "<t:EmailAddresses><t:Entry Key=\"EmailAddress1\">");
		out_text(request->out, mailbox->address);
		out_raw(request->out, "</t:Entry></t:EmailAddresses></t:Contact>");
	}
	out_raw(request->out, "</t:Resolution>");
}

static void begin_answer(Request *request, guint count)
{
	if (count == 1) {
		request_ok(request);
		return;
	}
	out_raw(request->out, "<m:ResolveNamesResponseMessage ResponseClass=\"Warning\">"
		"<m:MessageText>Multiple results were found.</m:MessageText>"
		"<m:ResponseCode>ErrorNameResolutionMultipleResults</m:ResponseCode>"
		"<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>");
	request_note(request, "ErrorNameResolutionMultipleResults");
}

void op_resolve_names(Request *request)
{
	g_autofree char *entry = xml_child_text(request->op, "UnresolvedEntry");
	g_autoptr(GPtrArray) meant = g_ptr_array_new();

	request->items = 1;
	if (request->plan->is_busy_200) {
		request_error(request, "ErrorServerBusy");
		return;
	}
	for (guint i = 0; entry && i < request->world->mailboxes->len; i++) {
		if (is_meant(request->world->mailboxes->pdata[i], entry))
			g_ptr_array_add(meant, request->world->mailboxes->pdata[i]);
	}
	if (meant->len == 0) {
		request_error(request, "ErrorNameResolutionNoResults");
		return;
	}
	begin_answer(request, meant->len);
	out_printf(request->out, "<m:ResolutionSet TotalItemsInView=\"%u\""
		" IncludesLastItemInRange=\"true\">", meant->len);
	for (guint i = 0; i < meant->len; i++)
		write_resolution(request, meant->pdata[i]);
	out_raw(request->out, "</m:ResolutionSet>");
	request_ok_end(request);
}
