/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>

#include "ews/doubt.h"

static const EwsChange changes[] = {
	EWS_CREATES_ITEM, EWS_UPDATES_ITEM, EWS_DELETES_ITEM, EWS_MOVES_ITEM, EWS_COPIES_ITEM,
	EWS_SENDS_ITEM, EWS_CHANGES_FOLDER,
};

static bool makes_two(EwsChange change)
{
	return change == EWS_CREATES_ITEM || change == EWS_COPIES_ITEM || change == EWS_SENDS_ITEM;
}

/* Of a change of each sort: one that makes two when it is repeated, and any other. */
static void expect_message(const char *code, bool is_busy, unsigned count, EwsCertainty two,
	EwsCertainty other)
{
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
		g_assert_cmpint(ews_doubt_message(changes[i], code, is_busy, count), ==,
			makes_two(changes[i]) ? two : other);
}

static void expect_call(const EwsCallEnd *end, EwsCertainty two, EwsCertainty other)
{
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
		g_assert_cmpint(ews_doubt_call(changes[i], end), ==,
			makes_two(changes[i]) ? two : other);
}

static void test_messages(void)
{
	static const char *const said_no[] = {
		"ErrorItemNotFound", "ErrorQuotaExceeded", "ErrorAccessDenied", "ErrorServerBusy",
		"ErrorBatchProcessingStopped", "ErrorInsufficientResources", "ErrorOfTomorrow",
	};
	static const char *const failed[] = {
		"ErrorInternalServerError", "ErrorInternalServerTransientError",
		"ErrorTimeoutExpired", "ErrorMailboxStoreUnavailable", "ErrorMailboxFailover", "",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(said_no); i++)
		expect_message(said_no[i], false, 5, EWS_CERTAIN, EWS_CERTAIN);
	for (size_t i = 0; i < G_N_ELEMENTS(failed); i++)
		expect_message(failed[i], false, 1, EWS_DOUBTED, EWS_CERTAIN);
	/* Busy inside of something else. */
	expect_message("ErrorInternalServerError", true, 5, EWS_CERTAIN, EWS_CERTAIN);
	expect_message("ErrorMessageSizeExceeded", false, 5, EWS_REFUSED, EWS_REFUSED);
	expect_message("ErrorMessageSizeExceeded", false, 1, EWS_CERTAIN, EWS_CERTAIN);
}

static void test_connections(void)
{
	static const EwsHttpFate fates[] = {
		EWS_HTTP_UNREACHED, EWS_HTTP_BROKEN, EWS_HTTP_CUT, EWS_HTTP_SILENT,
	};

	for (size_t i = 0; i < G_N_ELEMENTS(fates); i++) {
		EwsCallEnd end = { .fate = fates[i], .count = 3 };

		/* Of a request that did not leave as a whole nothing is done. */
		expect_call(&end, EWS_CERTAIN, EWS_CERTAIN);
		end.is_sent = true;
		expect_call(&end, EWS_DOUBTED, EWS_DOUBTED);
	}
	expect_call(&(EwsCallEnd){ .fate = EWS_HTTP_UNREAD, .count = 3 }, EWS_REFUSED,
		EWS_REFUSED);
}

static void test_pages(void)
{
	static const struct {
		long status;
		EwsCertainty certainty;
	} pages[] = {
		{ 200, EWS_DOUBTED }, { 301, EWS_CERTAIN }, { 400, EWS_REFUSED },
		{ 401, EWS_CERTAIN }, { 403, EWS_CERTAIN }, { 404, EWS_CERTAIN },
		{ 405, EWS_REFUSED }, { 408, EWS_CERTAIN }, { 413, EWS_REFUSED },
		{ 429, EWS_CERTAIN }, { 500, EWS_DOUBTED }, { 502, EWS_DOUBTED },
		{ 503, EWS_CERTAIN }, { 504, EWS_DOUBTED },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
		EwsCallEnd end = { .fate = EWS_HTTP_ANSWERED, .status = pages[i].status,
			.is_sent = true, .count = 3 };

		expect_call(&end, pages[i].certainty, pages[i].certainty);
		if (pages[i].certainty != EWS_DOUBTED)
			continue;
		end.is_sent = false;
		expect_call(&end, EWS_CERTAIN, EWS_CERTAIN);
	}
	expect_call(&(EwsCallEnd){ .fate = EWS_HTTP_ANSWERED, .status = 302, .is_passing = true,
			    .is_sent = true }, EWS_DOUBTED, EWS_DOUBTED);
}

static void test_answers(void)
{
	EwsCallEnd end = { .fate = EWS_HTTP_ANSWERED, .status = 200, .is_sent = true,
		.is_soap = true, .count = 3 };

	expect_call(&end, EWS_DOUBTED, EWS_DOUBTED);
	end.is_whole = true;
	/* All whose id is another afterwards, or which make two. */
	for (size_t i = 0; i < G_N_ELEMENTS(changes); i++)
		g_assert_cmpint(ews_doubt_call(changes[i], &end), ==,
			makes_two(changes[i]) || changes[i] == EWS_MOVES_ITEM ? EWS_DOUBTED
									     : EWS_CERTAIN);
}

static void expect_fault(const EwsFault *fault, unsigned count, EwsCertainty two,
	EwsCertainty other)
{
	EwsCallEnd end = { .fate = EWS_HTTP_ANSWERED, .status = 500, .is_sent = true,
		.is_soap = true, .is_whole = true, .fault = fault, .count = count };

	expect_call(&end, two, other);
}

static void test_faults(void)
{
	EwsFault busy = { .code = (char *)"ErrorServerBusy", .is_busy = true };
	EwsFault schema = { .code = (char *)"ErrorSchemaValidation" };
	EwsFault denied = { .code = (char *)"ErrorAccessDenied" };
	EwsFault version = { .code = (char *)"ErrorInvalidServerVersion" };
	EwsFault expired = { .code = (char *)"ErrorPasswordExpired" };
	EwsFault internal = { .code = (char *)"ErrorInternalServerError" };
	EwsFault unknown = { .code = (char *)"ErrorOfTomorrow" };
	EwsFault client = { .is_client = true };
	EwsFault server = { .text = (char *)"words" };

	expect_fault(&busy, 3, EWS_CERTAIN, EWS_CERTAIN);
	expect_fault(&schema, 3, EWS_REFUSED, EWS_REFUSED);
	expect_fault(&client, 3, EWS_REFUSED, EWS_REFUSED);
	/* In smaller calls it would be the same. */
	expect_fault(&denied, 3, EWS_CERTAIN, EWS_CERTAIN);
	expect_fault(&version, 3, EWS_CERTAIN, EWS_CERTAIN);
	expect_fault(&expired, 3, EWS_CERTAIN, EWS_CERTAIN);
	expect_fault(&internal, 3, EWS_DOUBTED, EWS_DOUBTED);
	expect_fault(&unknown, 3, EWS_DOUBTED, EWS_DOUBTED);
	expect_fault(&server, 3, EWS_DOUBTED, EWS_DOUBTED);
	/* The only one of a call has its answer. */
	expect_fault(&internal, 1, EWS_DOUBTED, EWS_CERTAIN);
	expect_fault(&server, 1, EWS_DOUBTED, EWS_CERTAIN);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/doubt/what-the-server-says-of-one", test_messages);
	g_test_add_func("/ews/doubt/how-the-connection-ended", test_connections);
	g_test_add_func("/ews/doubt/pages", test_pages);
	g_test_add_func("/ews/doubt/answers-that-lack-something", test_answers);
	g_test_add_func("/ews/doubt/faults", test_faults);
	return g_test_run();
}
