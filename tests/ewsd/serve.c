/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/serve.h"

#include <string.h>

#include "tests/ewsd/clock.h"
#include "tests/ewsd/mailbox.h"

enum { LATE_ITEM_MS = 10 };

static const char HTML[] =
	"<!DOCTYPE html><html><head><title>Runtime Error</title></head><body>"
	"<h1>Server Error in '/EWS' Application.</h1><p>&nbsp;</body></html>";

static void answer_html(Serve *self, Request *request, unsigned status)
{
	self->content_type = "text/html; charset=utf-8";
	request->status = status;
	out_raw(self->out, HTML);
}

/* True when the operation is not to be run. */
static bool is_refused(Serve *self, Request *request)
{
	const FaultPlan *plan = request->plan;

	if (plan->http) {
		self->retry_s = plan->retry_s;
		if (plan->location)
			g_strlcpy(self->location, plan->location, sizeof(self->location));
		answer_html(self, request, (unsigned)plan->http);
	} else if (plan->garbage) {
		answer_html(self, request, 200);
	} else if (plan->soap_code) {
		request_fault(request, plan->soap_code, NULL);
		if (plan->is_soap_200)
			request->status = 200;
	} else {
		return false;
	}
	return true;
}

static const char *ending(Serve *self, const FaultPlan *plan)
{
	if (plan->late_ms >= 0)
		return "late";
	if (plan->is_lost)
		return "lost";
	if (plan->cut >= 0 && out_total(self->out) >= (uint64_t)plan->cut)
		return "cut";
	if (plan->truncate)
		return "truncated";
	return out_is_gone(self->out) ? "gone" : NULL;
}

static void prepare(Serve *self, FaultPlan *plan)
{
	if (plan->late_ms >= 0) {
		out_set_deaf(self->out);
		self->hang_up(self->data);
		clock_sleep((unsigned)plan->late_ms);
		if (plan->slow_ms == 0)
			plan->slow_ms = LATE_ITEM_MS;
	}
	if (plan->is_lost)
		out_set_deaf(self->out);
	if (plan->truncate)
		out_set_hold(self->out);
	if (plan->cut >= 0)
		out_set_cut(self->out, (uint64_t)plan->cut);
	if (plan->wrong_type)
		self->content_type = "text/plain";
	if (plan->delay_ms > 0)
		out_sleep(self->out, (unsigned)plan->delay_ms);
}

static void run(Serve *self, Request *request)
{
	g_autoptr(FaultPlan) plan = fault_list_pick(self->world->faults, request->name,
		self->body);

	request->plan = plan;
	prepare(self, plan);
	if (!is_refused(self, request)) {
		if (soap_is_known(request->name))
			soap_run(request);
		else
			request_fault(request, "ErrorInvalidRequest", NULL);
	}
	if (plan->truncate)
		g_string_truncate(out_buf(self->out), out_buf(self->out)->len / 2);
	/* Once something was flushed the head may be on its way, and is what it was. */
	if (self->status != request->status)
		self->status = request->status;
	request_log(request, ending(self, plan));
	if (plan->is_lost)
		self->hang_up(self->data);
	request->plan = NULL;
}

static void bad(Serve *self, Request *request, const char *error)
{
	request_fault(request, "ErrorSchemaValidation", error);
	self->status = request->status;
	request->schema_error = error;
	request_log(request, NULL);
}

/* There is one mailbox, so everybody may be its owner and nobody anybody else. */
static void deny(Serve *self, Request *request)
{
	request_fault(request, "ErrorImpersonateUserDenied",
		"The account does not have permission to impersonate the requested user.");
	self->status = request->status;
	request_log(request, NULL);
}

void serve(Serve *self)
{
	g_autoptr(GString) codes = g_string_new(NULL);
	g_autoptr(xmlDoc) doc = NULL;
	g_autofree char *error = NULL;
	g_autofree char *impersonated = NULL;
	static const FaultPlan no_plan = {.busy_ms = -1};
	Request request = {.world = self->world, .store = self->world->store,
		.events = self->world->events, .out = self->out, .anchor = self->anchor,
		.content = self->content,
		.codes = codes, .time = self->time,
		.in = g_bytes_get_size(self->body), .status = 200, .name = "", .plan = &no_plan};
	gsize length;
	const char *data = g_bytes_get_data(self->body, &length);

	if (self->latency_ms)
		out_sleep(self->out, self->latency_ms);
	doc = soap_parse(data ? data : "", length);
	request.op = doc ? soap_operation(doc) : NULL;
	if (!request.op) {
		bad(self, &request, "The request is not well-formed SOAP.");
		out_end(self->out);
		return;
	}
	request.name = (const char *)request.op->name;
	request.with_ms = soap_wants_ms(doc);
	mailbox_choose(&request, self->user);
	error = self->schema ? soap_schema_check(self->schema, doc) : NULL;
	impersonated = soap_impersonated(doc);
	if (error)
		bad(self, &request, error);
	else if (impersonated && g_ascii_strcasecmp(impersonated, self->world->owner) != 0)
		deny(self, &request);
	else
		run(self, &request);
	out_end(self->out);
}
