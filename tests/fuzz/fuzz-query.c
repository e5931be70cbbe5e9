/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What people may type into a search, and what it becomes for a server: AQS that means the same
 * when it is read again.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "ews/error.h"
#include "ews/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is said in full may be longer, and deeper, than what is read. */
static bool is_too_much(const char *aqs)
{
	unsigned groups = 0;

	for (const char *at = aqs; *at != '\0'; at++)
		groups += *at == '(';
	return groups > EWS_QUERY_DEPTH_MAX || strlen(aqs) > EWS_QUERY_BYTES_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsQuery) query = ews_query_parse(text, &error);

	if (query == NULL) {
		g_assert_error(error, EWS_ERROR, EWS_ERROR_INVALID);
		return 0;
	}
	g_autofree char *aqs = ews_query_aqs(query);
	g_assert_true(g_utf8_validate(aqs, -1, NULL));
	g_autoptr(EwsQuery) again = ews_query_parse(aqs, NULL);
	if (again == NULL) {
		g_assert_true(is_too_much(aqs));
		return 0;
	}
	g_autofree char *same = ews_query_aqs(again);
	g_assert_cmpstr(same, ==, aqs);
	return 0;
}
