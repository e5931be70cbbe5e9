/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/fetch.h"

#include <curl/curl.h>
#include <string.h>

#include "ews/auth.h"
#include "ews/easy.h"
#include "ews/error.h"
#include "ews/reading.h"

/* What is under way. */
typedef struct Fetching {
	const EwsFetch *fetch; /* borrowed */
	CURL *easy;            /* own */
	EwsFetched *got;       /* own */
	GByteArray *body;      /* own */
	size_t body_max;
	size_t header_bytes;
	bool is_too_long;
	char detail[CURL_ERROR_SIZE];
} Fetching;

/* Of several answers (a sign-in takes more than one) the last one counts. */
static size_t on_header(char *data, size_t size, size_t count, void *user)
{
	Fetching *self = user;
	size_t len = size * count;
	g_autofree char *line = g_strstrip(g_strndup(data, len));

	self->header_bytes += len;
	self->is_too_long = self->header_bytes > EWS_CAP_HEADERS;
	if (self->is_too_long)
		return 0;
	if (g_str_has_prefix(line, "HTTP/"))
		g_ptr_array_set_size(self->got->headers, 0);
	else if (*line)
		g_ptr_array_add(self->got->headers, g_steal_pointer(&line));
	return len;
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
	Fetching *self = user;
	size_t len = size * count;

	self->is_too_long = len > self->body_max - self->body->len;
	if (self->is_too_long)
		return 0;
	g_byte_array_append(self->body, (const guint8 *)data, (guint)len);
	return len;
}

static int on_progress(void *user, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
	curl_off_t up)
{
	const Fetching *self = user;

	return atomic_load(self->fetch->is_given_up) ? 1 : 0;
}

static struct curl_slist *make_headers(const EwsFetch *fetch)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	if (fetch->body) {
		g_autofree char *type = g_strconcat("Content-Type: ", fetch->content_type, NULL);

		list = curl_slist_append(list, type);
	}
	for (guint i = 0; fetch->headers && fetch->headers[i]; i++)
		list = curl_slist_append(list, fetch->headers[i]);
	return list;
}

static void sign_in(CURL *easy, const EwsCredentials *credentials)
{
	EwsAuth *auth = ews_auth_new(credentials);

	ews_auth_apply(auth, easy);
	ews_auth_free(auth);
}

static void set_up(Fetching *self, struct curl_slist *headers)
{
	const EwsFetch *fetch = self->fetch;
	CURL *easy = self->easy;
	unsigned timeout_ms = fetch->timeout_ms > 0 ? fetch->timeout_ms : EWS_FETCH_TIMEOUT_MS;

	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, self->detail);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, self);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, self);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	if (fetch->body) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			(curl_off_t)strlen(fetch->body));
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, fetch->body);
	}
	if (fetch->is_given_up) {
		curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(easy, CURLOPT_XFERINFODATA, self);
		curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	}
	if (fetch->credentials)
		sign_in(easy, fetch->credentials);
}

static GError *error_of(const Fetching *self, CURLcode code)
{
	if (code == CURLE_OK)
		return NULL;
	if (self->is_too_long)
		return g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "%s: the answer is too long",
			self->fetch->url);
	return ews_error_from_curl((int)code, self->detail, self->fetch->url);
}

/* What stands in @self->body becomes the answer's, with an end. */
static void take_answer(Fetching *self)
{
	EwsFetched *got = self->got;
	char *target = NULL;

	got->status = (int)ews_easy_long(self->easy, CURLINFO_RESPONSE_CODE);
	curl_easy_getinfo(self->easy, CURLINFO_REDIRECT_URL, &target);
	got->location = g_strdup(target);
	got->len = self->body->len;
	got->body = g_malloc(got->len + 1);
	if (got->len > 0)
		memcpy(got->body, self->body->data, got->len);
	got->body[got->len] = '\0';
}

static GError *perform(Fetching *self)
{
	struct curl_slist *headers = make_headers(self->fetch);
	GError *error;

	set_up(self, headers);
	error = error_of(self, curl_easy_perform(self->easy));
	if (!error)
		take_answer(self);
	curl_easy_cleanup(self->easy);
	curl_slist_free_all(headers);
	return error;
}

EwsFetched *ews_fetch(const EwsFetch *fetch, GError **error)
{
	size_t body_max = fetch->body_max > 0 ? fetch->body_max : EWS_FETCH_BODY_MAX;
	Fetching self = {.fetch = fetch, .body_max = body_max};
	GError *wrong;

	if (!ews_easy_check(fetch->url, fetch->is_http_fine && !fetch->credentials, error))
		return NULL;
	if (fetch->credentials && !ews_auth_check(fetch->credentials->kind, error))
		return NULL;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	self.easy = ews_easy_new(fetch->url, &fetch->tls);
	self.got = g_new0(EwsFetched, 1);
	self.got->headers = g_ptr_array_new_with_free_func(g_free);
	/* At its full size from the start: growing would leave copies of a token behind. */
	self.body = g_byte_array_sized_new((guint)body_max);
	wrong = perform(&self);
	explicit_bzero(self.body->data, self.body->len);
	g_byte_array_unref(self.body);
	if (!wrong)
		return self.got;
	ews_fetched_free(self.got);
	g_propagate_error(error, wrong);
	return NULL;
}

const char *ews_fetched_header(const EwsFetched *self, const char *name, unsigned index)
{
	size_t len = strlen(name);

	for (guint i = 0; i < self->headers->len; i++) {
		const char *line = self->headers->pdata[i];

		if (g_ascii_strncasecmp(line, name, len) != 0 || line[len] != ':')
			continue;
		if (index-- == 0)
			return line + len + 1 + strspn(line + len + 1, " \t");
	}
	return NULL;
}

void ews_fetched_free(EwsFetched *self)
{
	if (!self)
		return;
	if (self->body)
		explicit_bzero(self->body, self->len);
	g_free(self->body);
	g_free(self->location);
	g_ptr_array_unref(self->headers);
	g_free(self);
}
