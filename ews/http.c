/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <string.h>

#include "ews/auth.h"
#include "ews/cause.h"
#include "ews/easy.h"
#include "ews/error.h"
#include "ews/loop.h"
#include "ews/offer.h"
#include "ews/reading.h"
#include "ews/redact.h"

/* TCP and TLS together; a silent server is another matter (EwsConfig.timeout_s). */
#define CONNECT_TIMEOUT_S 20
/* What drips is silence too: else a byte now and then would hold a reader for ever. */
#define CRAWL_BYTES_PER_S 100L
#define BUFFER_SIZE       (128L * 1024)
#define UPLOAD_SIZE       (64L * 1024)
#define UNSENT_MAX        (128 * 1024)

struct EwsHttp {
	/* set at start, then const */
	char *url; /* own */
	char *tls_words[4]; /* own: what tls says */
	EwsTls tls;
	char *user;         /* own, as is the next; NULL: not said */
	char *impersonated;
	EwsAuthKind kind;
	long timeout_s;
	EwsAuth *auth;              /* own */
	CURLM *multi;               /* own */
	CURLSH *share;              /* own: cookies and TLS sessions */
	EwsLoop *loop;              /* own */

	/* ews thread only */
	GPtrArray *idle; /* own, of CURL: handles for the next posts */
	EwsWhose whose;
	char *mailbox;              /* own; NULL: nobody else's */
	struct curl_slist *headers;   /* own */
	struct curl_slist *hierarchy; /* own; to that mailbox; NULL: as all others */
	GHashTable *contents; /* own; address → curl_slist (own): to mailboxes with content */
	GPtrArray *stale; /* own; headers that a post under way may still have */
	EwsHttpCounts counts;
	unsigned token; /* the number of the one in auth */
	unsigned fresh; /* so many posts yet must not take a kept connection */
	unsigned max_conns;

	atomic_int_least64_t last_progress;
	atomic_int_least64_t last_change;
};

struct EwsHttpPost {
	EwsHttp *http; /* borrowed */
	CURL *easy;    /* own while it runs */
	EwsBody *body; /* own */
	EwsHttpEvents events;
	unsigned token;
	bool is_once;
	bool is_stream;
	bool has_begun; /* a byte of the body was given away */
	bool is_denied; /* what was sent last was answered with 401 */
	size_t header_bytes;
	int64_t body_bytes;
	bool is_refused; /* the reader, or a cap, ended it */
	EwsOffer *offer;   /* own: what the last answer offers; NULL: nothing */
	char *diagnostics; /* own: what it says of its reasons; NULL: nothing */
	char detail[CURL_ERROR_SIZE];
};

/* --- start and stop ---------------------------------------------------------------------- */

/* An address that can stand in a header. */
static bool is_address(const char *user)
{
	for (const char *at = user; *at; at++)
		if (!g_ascii_isgraph(*at))
			return false;
	return strchr(user, '@') != NULL;
}

/* Events are told by the server that the subscription was made on: of a farm, ask for that one. */
static struct curl_slist *add_affinity(struct curl_slist *list, const char *user)
{
	g_autofree char *anchor = NULL;

	if (user && is_address(user)) {
		anchor = g_strconcat("X-AnchorMailbox: ", user, NULL);
		list = curl_slist_append(list, anchor);
	}
	return curl_slist_append(list, "X-PreferServerAffinity: true");
}

static struct curl_slist *make_headers(const char *user, const char *public_mailbox)
{
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: text/xml; charset=utf-8");

	list = curl_slist_append(list, "Accept: text/xml");
	list = add_affinity(list, user);
	if (public_mailbox) {
		g_autofree char *line =
			g_strconcat("X-PublicFolderMailbox: ", public_mailbox, NULL);

		list = curl_slist_append(list, line);
	}
	/* Some servers never answer "100-continue"; curl would wait a second for it. */
	return curl_slist_append(list, "Expect:");
}

/* On which of a farm's servers the mailbox is, its address tells. */
static const char *anchor(const EwsHttp *self)
{
	const EwsWhose *whose = &self->whose;

	return whose->mailbox ? whose->mailbox
			      : whose->impersonate ? whose->impersonate : self->user;
}

EwsHttp *ews_http_new(const EwsConfig *config)
{
	EwsHttp *self = g_new0(EwsHttp, 1);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	self->url = g_strdup(config->url);
	self->tls = (EwsTls){
		.cacert = self->tls_words[0] = g_strdup(config->tls.cacert),
		.pinned_pubkey = self->tls_words[1] = g_strdup(config->tls.pinned_pubkey),
		.client_cert = self->tls_words[2] = g_strdup(config->tls.client_cert),
		.client_key = self->tls_words[3] = g_strdup(config->tls.client_key),
	};
	self->timeout_s = (long)config->timeout_s;
	self->max_conns = config->max_conns;
	self->kind = config->auth;
	self->auth = ews_auth_new(
		&(EwsCredentials){ config->auth, config->user, config->password });
	self->user = g_strdup(config->user);
	self->impersonated = g_strdup(config->impersonate);
	self->whose.impersonate = self->impersonated;
	self->whose.is_archive = config->is_archive;
	self->headers = make_headers(anchor(self), NULL);
	if (config->route)
		self->hierarchy = make_headers(config->route->anchor, config->route->mailbox);
	self->contents = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
		(GDestroyNotify)curl_slist_free_all);
	self->stale = g_ptr_array_new_with_free_func((GDestroyNotify)curl_slist_free_all);
	self->idle = g_ptr_array_new_with_free_func((GDestroyNotify)curl_easy_cleanup);
	self->multi = curl_multi_init();
	self->share = curl_share_init();
	/* One more, for a stream: it must not cost a kept connection its place. */
	curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long)config->max_conns + 1);
	curl_multi_setopt(self->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	self->loop = ews_loop_new(self->multi);
	/* One thread uses all of it: no lock functions. */
	curl_share_setopt(self->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
	curl_share_setopt(self->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return self;
}

void ews_http_free(EwsHttp *self)
{
	if (!self)
		return;
	g_ptr_array_unref(self->idle);
	ews_loop_free(self->loop);
	curl_multi_cleanup(self->multi);
	curl_share_cleanup(self->share);
	curl_slist_free_all(self->headers);
	curl_slist_free_all(self->hierarchy);
	g_hash_table_unref(self->contents);
	g_ptr_array_unref(self->stale);
	ews_auth_free(self->auth);
	for (size_t i = 0; i < G_N_ELEMENTS(self->tls_words); i++)
		g_free(self->tls_words[i]);
	g_free(self->impersonated);
	g_free(self->mailbox);
	g_free(self->user);
	g_free(self->url);
	g_free(self);
}

const EwsWhose *ews_http_whose(const EwsHttp *self)
{
	return &self->whose;
}

void ews_http_set_mailbox(EwsHttp *self, const char *address)
{
	g_free(self->mailbox);
	self->whose.mailbox = self->mailbox = g_strdup(address);
	g_ptr_array_add(self->stale, self->headers);
	self->headers = make_headers(anchor(self), NULL);
}

static struct curl_slist *content_headers(EwsHttp *self, const char *address)
{
	struct curl_slist *headers = g_hash_table_lookup(self->contents, address);

	if (headers)
		return headers;
	headers = make_headers(address, address);
	g_hash_table_insert(self->contents, g_strdup(address), headers);
	return headers;
}

/* What is posted so says. */
static struct curl_slist *headers_for(EwsHttp *self, EwsAim aim)
{
	if (aim.to == EWS_TO_HIERARCHY && self->hierarchy)
		return self->hierarchy;
	return aim.to == EWS_TO_CONTENT && aim.address ? content_headers(self, aim.address)
						       : self->headers;
}

void ews_http_set_token(EwsHttp *self, const char *token, unsigned number)
{
	ews_auth_replace(self->auth, token);
	self->token = number;
}

/* --- one post ---------------------------------------------------------------------------- */

/* A stream only shows that there is a server, not that it gets on with what it was asked. */
static void progressed(EwsHttpPost *post)
{
	EwsHttp *self = post->http;
	int64_t now;

	if (post->is_stream)
		return;
	now = g_get_monotonic_time();
	atomic_store_explicit(&self->last_progress, now, memory_order_relaxed);
	if (post->is_once)
		atomic_store_explicit(&self->last_change, now, memory_order_relaxed);
}

/* What leaves is no word of the server's, but a long body that goes on leaving is not stuck. */
static void advanced(EwsHttpPost *post)
{
	if (post->is_once)
		atomic_store_explicit(&post->http->last_change, g_get_monotonic_time(),
			memory_order_relaxed);
}

static bool is_status_line(const char *data, size_t len)
{
	return len > 5 && memcmp(data, "HTTP/", 5) == 0;
}

/* @code with the blank before it. */
static bool is_status(const char *line, size_t len, const char *code)
{
	const char *at = memchr(line, ' ', len);
	size_t code_len = strlen(code);

	return at && (size_t)(line + len - at) > code_len && memcmp(at, code, code_len) == 0;
}

static void forget_reasons(EwsHttpPost *post)
{
	g_clear_pointer(&post->offer, ews_offer_free);
	g_clear_pointer(&post->diagnostics, g_free);
}

/* The value of a header of this @name (with its colon), or NULL; owned. */
static char *value_of(const char *line, size_t len, const char *name)
{
	size_t name_len = strlen(name);

	if (len < name_len || g_ascii_strncasecmp(line, name, name_len) != 0)
		return NULL;
	return g_strstrip(g_strndup(line + name_len, len - name_len));
}

/* Why we are refused stands in headers. */
static void note_reason(EwsHttpPost *post, const char *line, size_t len)
{
	g_autofree char *challenges = value_of(line, len, "WWW-Authenticate:");
	g_autofree char *diagnostics = value_of(line, len, "X-MS-DIAGNOSTICS:");

	if (challenges && !post->offer)
		post->offer = ews_offer_new();
	if (challenges)
		ews_offer_add(post->offer, challenges);
	if (diagnostics && !post->diagnostics)
		post->diagnostics = g_steal_pointer(&diagnostics);
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
	EwsHttpPost *post = user;

	progressed(post);
	if (is_status_line(data, size * count)) {
		forget_reasons(post);
		post->is_denied = is_status(data, size * count, " 401");
	}
	note_reason(post, data, size * count);
	post->header_bytes += size * count;
	post->is_refused = post->header_bytes > EWS_CAP_HEADERS;
	return post->is_refused ? 0 : size * count;
}

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
	EwsHttpPost *post = user;
	size_t len = size * count;

	progressed(post);
	post->body_bytes += (int64_t)len;
	post->is_refused = post->body_bytes > EWS_CAP_BODY ||
		!post->events.data(post->events.user, data, len);
	return post->is_refused ? 0 : len;
}

/* --- a body that is sent once ------------------------------------------------------------ */

/*
 * When a kept connection dies before a byte of the answer, curl sends the request again by itself,
 * though the server may have read it all. To do so it has to begin the body anew, which the seek
 * function refuses: the transfer fails. As that is curl's business and may change, the function
 * that is called before each sending refuses the second one as well.
 *
 * A sending that was answered with 401 is certainly not done, and some ways to sign in take
 * several: then, and only then, the body begins anew. (NTLM's first message goes without a body,
 * Kerberos' with it, and a server may forget at any time that it knew a connection.)
 */

static size_t on_read(char *buffer, size_t size, size_t count, void *user)
{
	EwsHttpPost *post = user;
	ssize_t got = ews_body_read(post->body, buffer, size * count);

	if (got < 0)
		return CURL_READFUNC_ABORT;
	post->has_begun = post->has_begun || got > 0;
	advanced(post);
	return (size_t)got;
}

/* FALSE: it was sent, and how that ended is not known. */
static bool begin_anew(EwsHttpPost *post)
{
	if (post->has_begun && !post->is_denied)
		return false;
	ews_body_rewind(post->body);
	post->has_begun = false;
	return true;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
	EwsHttpPost *post = user;

	if (offset != 0 || origin != SEEK_SET || !begin_anew(post))
		return CURL_SEEKFUNC_FAIL;
	return CURL_SEEKFUNC_OK;
}

static int before_sending(void *user, char *here, char *there, int our_port, int their_port)
{
	EwsHttpPost *post = user;

	if (post->is_once && !begin_anew(post))
		return CURL_PREREQFUNC_ABORT;
	post->is_denied = false;
	post->header_bytes = 0;
	return CURL_PREREQFUNC_OK;
}

static void give_body(EwsHttpPost *post)
{
	CURL *easy = post->easy;

	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ews_body_len(post->body));
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
		post->is_once ? NULL : ews_body_text(post->body));
	curl_easy_setopt(easy, CURLOPT_READDATA, post);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, post);
	curl_easy_setopt(easy, CURLOPT_SEEKDATA, post);
}

/* The kernel would take megabytes from us at once and be busy with them for longer than we wait
 * for a sign of life: it holds little more than what is on its way, so that what we gave away has
 * left. */
static int on_socket_made(void *user, curl_socket_t fd, curlsocktype purpose)
{
	int waiting = UNSENT_MAX;

	/* Where that cannot be had, slow ways need a longer timeout=. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &waiting, sizeof(waiting));
	return CURL_SOCKOPT_OK;
}

static CURL *new_easy(EwsHttp *self)
{
	CURL *easy = ews_easy_new(self->url, &self->tls);

	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(easy, CURLOPT_SHARE, self->share);
	curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_SIZE);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_SIZE);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_sending);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT,
		(long)MIN(self->timeout_s, CONNECT_TIMEOUT_S));
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, CRAWL_BYTES_PER_S);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, self->timeout_s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	return easy;
}

static CURL *take_easy(EwsHttp *self)
{
	CURL *easy;

	if (self->idle->len == 0)
		return new_easy(self);
	easy = g_ptr_array_steal_index_fast(self->idle, self->idle->len - 1);
	curl_easy_setopt(easy, CURLOPT_URL, self->url);
	return easy;
}

static EwsHttpPost *begin_post(EwsHttp *self, CURL *easy, EwsBody *body, EwsAim aim,
	const EwsHttpEvents *events)
{
	EwsHttpPost *post = g_new0(EwsHttpPost, 1);

	post->http = self;
	post->easy = easy;
	post->body = body;
	post->events = *events;
	post->token = self->token;
	ews_auth_apply(self->auth, easy);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_for(self, aim));
	curl_easy_setopt(easy, CURLOPT_PRIVATE, post);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, post);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, post);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, post->detail);
	return post;
}

static void send_post(EwsHttpPost *post)
{
	EwsHttp *self = post->http;

	give_body(post);
	self->counts.requests++;
	curl_multi_add_handle(self->multi, post->easy);
}

EwsHttpPost *ews_http_post(EwsHttp *self, EwsBody *body, bool is_once, EwsAim aim,
	const EwsHttpEvents *events)
{
	EwsHttpPost *post = begin_post(self, take_easy(self), body, aim, events);

	post->is_once = is_once;
	curl_easy_setopt(post->easy, CURLOPT_FRESH_CONNECT, self->fresh > 0 ? 1L : 0L);
	if (self->fresh > 0)
		self->fresh--;
	send_post(post);
	return post;
}

EwsHttpPost *ews_http_stream(EwsHttp *self, EwsBody *body, const EwsHttpEvents *events)
{
	EwsHttpPost *post = begin_post(self, new_easy(self), body,
		(EwsAim){.to = EWS_TO_MAILBOX}, events);

	post->is_stream = true;
	curl_easy_setopt(post->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(post->easy, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(post->easy, CURLOPT_LOW_SPEED_LIMIT, 0L);
	curl_easy_setopt(post->easy, CURLOPT_LOW_SPEED_TIME, 0L);
	curl_easy_setopt(post->easy, CURLOPT_ACCEPT_ENCODING, NULL);
	send_post(post);
	return post;
}

static void free_post(EwsHttpPost *post)
{
	EwsHttp *self = post->http;

	curl_multi_remove_handle(self->multi, post->easy);
	curl_easy_setopt(post->easy, CURLOPT_ERRORBUFFER, NULL);
	if (post->is_stream)
		curl_easy_cleanup(post->easy);
	else
		g_ptr_array_add(self->idle, post->easy);
	forget_reasons(post);
	ews_body_free(post->body);
	g_free(post);
}

bool ews_http_is_sent(const EwsHttpPost *post)
{
	return post->is_once ? ews_body_is_read(post->body) : true;
}

void ews_http_cancel(EwsHttpPost *post)
{
	free_post(post);
}

/* --- how it ended ------------------------------------------------------------------------ */

static void count(EwsHttp *self, CURL *easy)
{
	self->counts.bytes_out += (uint64_t)ews_easy_number(easy, CURLINFO_SIZE_UPLOAD_T) +
		(uint64_t)ews_easy_long(easy, CURLINFO_REQUEST_SIZE);
	self->counts.bytes_in += (uint64_t)ews_easy_number(easy, CURLINFO_SIZE_DOWNLOAD_T) +
		(uint64_t)ews_easy_long(easy, CURLINFO_HEADER_SIZE);
}

static EwsHttpFate fate_of(const EwsHttpPost *post, CURLcode code, const GError *error)
{
	bool is_connected = ews_easy_number(post->easy, CURLINFO_PRETRANSFER_TIME_T) > 0;

	if (code == CURLE_OK || post->is_refused)
		return EWS_HTTP_ANSWERED;
	if (ews_body_error(post->body, NULL))
		return EWS_HTTP_UNREAD;
	if (!is_connected || ews_error_is(error, EWS_ERROR_TLS))
		return EWS_HTTP_UNREACHED;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return EWS_HTTP_SILENT;
	return post->header_bytes > 0 ? EWS_HTTP_CUT : EWS_HTTP_BROKEN;
}

static GError *refusal_error(const EwsHttpPost *post, long status)
{
	EwsRefusal refusal = {
		.url = post->http->url,
		.status = status,
		.is_signed = true,
		.kind = post->http->kind,
		.offered = post->offer ? post->offer->kinds : 0,
		.diagnostics = post->diagnostics,
	};

	return ews_cause_error(&refusal);
}

static GError *error_of(const EwsHttpPost *post, CURLcode code, long status)
{
	EwsHttp *self = post->http;

	if (post->is_refused)
		return g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "%s: the answer is too long",
			self->url);
	if (code != CURLE_OK && ews_body_error(post->body, NULL))
		return g_error_copy(ews_body_error(post->body, NULL));
	/* Our own refusal of a second sending. */
	if (code == CURLE_ABORTED_BY_CALLBACK)
		code = CURLE_SEND_FAIL_REWIND;
	if (code != CURLE_OK)
		return ews_error_from_curl(code, post->detail, self->url);
	if (status >= 300 && status < 400) {
		char *target = NULL;

		curl_easy_getinfo(post->easy, CURLINFO_REDIRECT_URL, &target);
		return ews_cause_redirect(self->url, status, target);
	}
	if (status == 401 || status == 403)
		return refusal_error(post, status);
	return status == 200 ? NULL : ews_error_from_http(status, self->url);
}

static void end_post(EwsHttpPost *post, CURLcode code)
{
	EwsHttp *self = post->http;
	EwsHttpEvents events = post->events;
	long status = ews_easy_long(post->easy, CURLINFO_RESPONSE_CODE);
	g_autoptr(GError) error = error_of(post, code, status);
	EwsHttpEnd end = {
		.fate = fate_of(post, code, error),
		.status = status,
		.retry_after_s = -1,
		.is_sent = ews_http_is_sent(post),
		.token = post->token,
		.error = error,
	};

	ews_body_error(post->body, &end.owner);
	if (ews_easy_number(post->easy, CURLINFO_RETRY_AFTER) > 0)
		end.retry_after_s = ews_easy_number(post->easy, CURLINFO_RETRY_AFTER);
	/* After trouble, a connection that was kept proves nothing: ask over new ones. */
	if (end.fate != EWS_HTTP_ANSWERED && end.fate != EWS_HTTP_UNREAD && !post->is_refused &&
		!post->is_stream)
		self->fresh = self->max_conns;
	count(self, post->easy);
	free_post(post);
	events.end(events.user, &end);
}

static void reap(EwsHttp *self)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(self->multi, &left))) {
		EwsHttpPost *post = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&post);
		end_post(post, message->data.result);
	}
}

void ews_http_run(EwsHttp *self, int timeout_ms)
{
	ews_loop_run(self->loop, timeout_ms);
	reap(self);
}

void ews_http_hurry(EwsHttp *self)
{
	ews_loop_hurry(self->loop);
}

void ews_http_heed(EwsHttp *self, int fd)
{
	ews_loop_heed(self->loop, fd);
}

void ews_http_move(EwsHttp *self, const char *url)
{
	g_free(self->url);
	self->url = g_strdup(url);
	ews_http_renew(self);
}

void ews_http_renew(EwsHttp *self)
{
	self->fresh = self->max_conns;
}

void ews_http_wake(EwsHttp *self)
{
	ews_loop_wake(self->loop);
}

const char *ews_http_url(const EwsHttp *self)
{
	return self->url;
}

const EwsTls *ews_http_tls(const EwsHttp *self)
{
	return &self->tls;
}

EwsCredentials ews_http_credentials(const EwsHttp *self)
{
	return ews_auth_credentials(self->auth);
}

const EwsHttpCounts *ews_http_counts(const EwsHttp *self)
{
	return &self->counts;
}

int64_t ews_http_last_progress(EwsHttp *self)
{
	return atomic_load_explicit(&self->last_progress, memory_order_relaxed);
}

int64_t ews_http_last_change(EwsHttp *self)
{
	return atomic_load_explicit(&self->last_change, memory_order_relaxed);
}
