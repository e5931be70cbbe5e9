/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What autodiscover services and name servers answer. The first byte chooses who reads the rest:
 * POX, SOAP, JSON, SRV, or a whole search in which everybody answers just that.
 */
#include <stdint.h>
#include <string.h>

#include "ews/discover.h"
#include "ews/discover_read.h"
#include "ews/discover_srv.h"
#include "ews/fetch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct Answer {
	const uint8_t *data;
	size_t len;
} Answer;

static EwsFetched *answer(void *user, const EwsFetch *fetch, GError **error)
{
	const Answer *self = user;
	EwsFetched *got = g_new0(EwsFetched, 1);

	g_assert_true(fetch->credentials == NULL || g_str_has_prefix(fetch->url, "https://"));
	got->headers = g_ptr_array_new_with_free_func(g_free);
	got->status = 200;
	got->body = g_strndup((const char *)self->data, self->len);
	got->len = strlen(got->body);
	return got;
}

static GPtrArray *answer_srv(void *user, const char *domain, GError **error)
{
	const Answer *self = user;

	return ews_discover_srv_read(self->data, self->len, error);
}

static void search(const Answer *what)
{
	const EwsDiscoverMeans means = {
		.fetch = answer, .srv = answer_srv, .user = (void *)what};
	const EwsDiscover setup = {.address = "me@example.org", .means = &means};
	g_autoptr(EwsDiscovered) found = ews_discover(&setup, NULL);

	if (!found)
		return;
	g_assert_true(g_str_has_prefix(found->url, "https://"));
	for (const char *c = found->url; *c; c++)
		g_assert_true(g_ascii_isgraph(*c));
}

static void read_said(EwsDiscoverReader read, const Answer *what)
{
	g_auto(EwsDiscoverSaid) said = {0};
	g_autoptr(GError) error = NULL;
	bool is_read = read((const char *)what->data, what->len, &said, &error);
	const char *texts[] = {said.url, said.redirect_url, said.redirect_address, said.problem};

	g_assert_true(is_read == (error == NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_assert_true(is_read || !texts[i]);
		g_assert_true(!texts[i] || *texts[i]);
		g_assert_true(!texts[i] || strlen(texts[i]) <= EWS_DISCOVER_TEXT_MAX);
	}
	g_assert_cmpint((said.url != NULL) + (said.redirect_url != NULL) +
		(said.redirect_address != NULL), <=, 1);
	g_assert_true(!said.problem || g_utf8_validate(said.problem, -1, NULL));
}

static void read_srv(const Answer *what)
{
	g_autoptr(GPtrArray) hosts = ews_discover_srv_read(what->data, what->len, NULL);

	for (guint i = 0; hosts && i < hosts->len; i++)
		g_assert_null(strpbrk(hosts->pdata[i], "/\\@ \t\n?#"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const EwsDiscoverReader readers[] = {
		ews_discover_read_pox, ews_discover_read_soap, ews_discover_read_json};

	if (size == 0)
		return 0;
	const Answer what = {.data = data + 1, .len = size - 1};
	unsigned choice = data[0] % 5;
	if (choice < G_N_ELEMENTS(readers))
		read_said(readers[choice], &what);
	else if (choice == 3)
		read_srv(&what);
	else
		search(&what);
	return 0;
}
