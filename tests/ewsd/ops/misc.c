/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What clients ask for beside mail, answered as briefly as they bear it. */
#include <string.h>

#include "tests/ewsd/ops/ops.h"

static const char *convert_id(Request *request, xmlNode *node)
{
	g_autofree char *id = xml_attr(node, "Id");
	g_autofree char *format = xml_attr(request->op, "DestinationFormat");

	request_ok(request);
	/* The ids of this server have one form: what is converted comes back. */
	out_raw(request->out, "<m:AlternateId xsi:type=\"t:AlternateIdType\" Format=\"");
	out_text(request->out, format ? format : "EwsId");
	out_raw(request->out, "\" Id=\"");
	out_text(request->out, id ? id : "");
	out_raw(request->out, "\" Mailbox=\"");
	out_text(request->out, request->world->owner);
	out_raw(request->out, "\"/>");
	request_ok_end(request);
	return NULL;
}

void op_convert_id(Request *request)
{
	request_each(request, xml_child(request->op, "SourceIds"), convert_id, REQUEST_READ);
}

void op_get_user_configuration(Request *request)
{
	request->items = 1;
	request_error(request, "ErrorItemNotFound");
}

void op_get_server_time_zones(Request *request)
{
	request->items = 1;
	request_ok(request);
	out_raw(request->out, "<m:TimeZoneDefinitions><t:TimeZoneDefinition Id=\"UTC\""
		" Name=\"(UTC) Coordinated Universal Time\"><t:Periods>"
		"<t:Period Bias=\"P0DT0H0M0.0S\""
		" Name=\"Standard\" Id=\"trule:Microsoft/Registry/UTC-Standard\"/></t:Periods>"
		"<t:TransitionsGroups><t:TransitionsGroup Id=\"0\">"
		"<t:Transition><t:To Kind=\"Period\">"
		"trule:Microsoft/Registry/UTC-Standard</t:To></t:Transition></t:TransitionsGroup>"
		"</t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind=\"Group\">0</t:To>"
		"</t:Transition></t:Transitions></t:TimeZoneDefinition></m:TimeZoneDefinitions>");
	request_ok_end(request);
}
