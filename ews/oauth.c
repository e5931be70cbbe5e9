/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/oauth.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "ews/easy.h"
#include "ews/error.h"
#include "ews/fetch.h"
#include "ews/secret.h"

#define ANSWER_MAX (256 << 10)
#define PASTED_MAX (32 << 10)
#define RANDOM_LEN 32
#define LOOK_US (200 * 1000) /* how soon a wait is given up */
#define SLOW_DOWN_S 5        /* RFC 8628, 3.5 */

bool ews_oauth_check(const EwsOauth *self, GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(self->authority, G_URI_FLAGS_HAS_PASSWORD, NULL);
	const char *scheme = uri ? g_uri_get_scheme(uri) : "";
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	const char *problem = NULL;

	if (!host || !*host)
		problem = "it is no address";
	else if (strcmp(scheme, "https") != 0 &&
		 !(strcmp(scheme, "http") == 0 && ews_easy_is_loopback(host)))
		problem = "it must begin with https://";
	else if (g_uri_get_userinfo(uri) || g_uri_get_query(uri) || g_uri_get_fragment(uri))
		problem = "it must be a plain address, without user, \"?\" or \"#\"";
	if (!problem)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "authority: %s", problem);
	return false;
}

/* --- one request ------------------------------------------------------------------------- */

static char *place(const EwsOauth *self, const char *name)
{
	size_t len = strlen(self->authority);

	while (len > 0 && self->authority[len - 1] == '/')
		len--;
	return g_strdup_printf("%.*s/%s", (int)len, self->authority, name);
}

/* A form as it is built; wiped, since what it holds is secret. Sized at once: nothing of it is left
 * behind where it grew. */
typedef struct Form {
	char *text; /* own */
	size_t len, size;
} Form;

static void add(Form *form, const char *name, const char *value)
{
	char *escaped = g_uri_escape_string(value ? value : "", NULL, FALSE);

	if (value)
		form->len += (size_t)g_snprintf(form->text + form->len, form->size - form->len,
			"%s%s=%s", form->len > 0 ? "&" : "", name, escaped);
	ews_secret_free(escaped);
}

/* Pairs of name and value; those without a value are left out. */
static char *form_of(const char *const pairs[][2], size_t count)
{
	Form form = {.size = 1};

	for (size_t i = 0; i < count; i++)
		form.size += pairs[i][1] ? strlen(pairs[i][0]) + 3 * strlen(pairs[i][1]) + 2 : 0;
	form.text = g_malloc0(form.size);
	for (size_t i = 0; i < count; i++)
		add(&form, pairs[i][0], pairs[i][1]);
	return form.text;
}

/* Takes and wipes @form. */
static EwsFetched *post(const EwsOauth *self, const char *name, char *form, GError **error)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	g_autofree char *url = place(self, name);
	const EwsFetch fetch = {
		.url = url,
		.body = form,
		.content_type = "application/x-www-form-urlencoded",
		.headers = headers,
		.tls = {.cacert = self->cacert},
		.timeout_ms = self->timeout_s * 1000,
		.body_max = ANSWER_MAX,
	};
	EwsFetched *got = ews_oauth_check(self, error) ? ews_fetch(&fetch, error) : NULL;

	ews_secret_free(form);
	return got;
}

static EwsAnswer answer_of(const EwsFetched *got)
{
	return (EwsAnswer){
		.status = got->status,
		.body = got->body,
		.len = got->len,
		.now_us = g_get_real_time(),
	};
}

/* Takes @form. */
static EwsTokens *ask_for_tokens(const EwsOauth *self, char *form, char **ret_code, GError **error)
{
	g_autoptr(EwsFetched) got = post(self, "token", form, error);

	if (!got)
		return NULL;
	EwsAnswer answer = answer_of(got);
	return ews_grant_tokens(&answer, ret_code, error);
}

/* --- a code entered elsewhere ------------------------------------------------------------ */

EwsDeviceCode *ews_oauth_begin_device(const EwsOauth *self, GError **error)
{
	const char *const pairs[][2] = {
		{"client_id", self->client_id},
		{"scope", self->scope},
	};
	g_autoptr(EwsFetched) got =
		post(self, "devicecode", form_of(pairs, G_N_ELEMENTS(pairs)), error);

	if (!got)
		return NULL;
	EwsAnswer answer = answer_of(got);
	return ews_grant_device_code(&answer, error);
}

static EwsTokens *ask_for_device(const EwsOauth *self, const EwsDeviceCode *device, char **ret_code,
	GError **error)
{
	const char *const pairs[][2] = {
		{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"},
		{"client_id", self->client_id},
		{"client_secret", self->client_secret},
		{"device_code", device->code},
	};

	return ask_for_tokens(self, form_of(pairs, G_N_ELEMENTS(pairs)), ret_code, error);
}

/* FALSE: given up. */
static bool rest(unsigned seconds, const atomic_bool *is_given_up)
{
	int64_t until_us = g_get_monotonic_time() + (int64_t)seconds * G_USEC_PER_SEC;
	bool is_over = false;

	while (!is_over && g_get_monotonic_time() < until_us) {
		g_usleep(LOOK_US);
		is_over = is_given_up && atomic_load(is_given_up);
	}
	return !is_over;
}

/* How long until it is asked again; 0: it is decided. */
static unsigned wait_after(const GError *problem, const char *code, unsigned interval_s)
{
	if (code && strcmp(code, "slow_down") == 0)
		return MIN(interval_s + SLOW_DOWN_S, EWS_DEVICE_INTERVAL_MAX_S);
	return ews_error_is_temporary(problem) ? interval_s : 0;
}

EwsTokens *ews_oauth_wait_device(const EwsOauth *self, const EwsDeviceCode *device,
	const atomic_bool *is_given_up, GError **error)
{
	int64_t end_us = g_get_monotonic_time() + (int64_t)device->expires_s * G_USEC_PER_SEC;
	unsigned interval_s = device->interval_s;

	while (rest(interval_s, is_given_up)) {
		g_autoptr(GError) problem = NULL;
		g_autofree char *code = NULL;
		EwsTokens *tokens = ask_for_device(self, device, &code, &problem);
		if (tokens)
			return tokens;
		interval_s = wait_after(problem, code, interval_s);
		if (interval_s == 0) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return NULL;
		}
		if (g_get_monotonic_time() > end_us) {
			g_propagate_error(error, ews_grant_error("expired_token", NULL));
			return NULL;
		}
	}
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_CANCELLED, "given up");
	return NULL;
}

/* --- a browser elsewhere ----------------------------------------------------------------- */

/* Without what addresses and forms would have to escape (RFC 4648, 5). */
static char *base64url(const guint8 *data, gsize len)
{
	char *text = g_base64_encode(data, len);

	g_strdelimit(text, "+", '-');
	g_strdelimit(text, "/", '_');
	text[strcspn(text, "=")] = '\0';
	return text;
}

static char *random_text(GError **error)
{
	guint8 bytes[RANDOM_LEN];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) {
		g_propagate_error(error, ews_error_from_errno(errno, "no random numbers"));
		return NULL;
	}
	char *text = base64url(bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return text;
}

static char *challenge_of(const char *verifier)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 digest[32];
	gsize len = sizeof(digest);

	g_checksum_update(sum, (const guchar *)verifier, (gssize)strlen(verifier));
	g_checksum_get_digest(sum, digest, &len);
	return base64url(digest, len);
}

/* Where nothing of ours listens. Microsoft has a page for that; elsewhere the browser will say that
 * it cannot go there, and its address is as good. */
static char *redirect_of(const EwsOauth *self)
{
	g_autoptr(GUri) uri = g_uri_parse(self->authority, G_URI_FLAGS_NONE, NULL);
	const char *host = g_uri_get_host(uri);

	if (strstr(host, "microsoftonline"))
		return g_strdup_printf("https://%s/common/oauth2/nativeclient", host);
	return g_strdup("http://localhost");
}

EwsBrowser *ews_oauth_begin_browser(const EwsOauth *self, const char *user, GError **error)
{
	g_autoptr(EwsBrowser) browser = g_new0(EwsBrowser, 1);

	if (!ews_oauth_check(self, error))
		return NULL;
	browser->redirect = redirect_of(self);
	browser->state = random_text(error);
	browser->verifier = browser->state ? random_text(error) : NULL;
	if (!browser->verifier)
		return NULL;
	g_autofree char *challenge = challenge_of(browser->verifier);
	const char *const pairs[][2] = {
		{"client_id", self->client_id},
		{"response_type", "code"},
		{"redirect_uri", browser->redirect},
		{"scope", self->scope},
		{"state", browser->state},
		{"code_challenge", challenge},
		{"code_challenge_method", "S256"},
		{"login_hint", user},
	};
	g_autofree char *query = form_of(pairs, G_N_ELEMENTS(pairs));
	g_autofree char *address = place(self, "authorize");
	browser->address = g_strdup_printf("%s?%s", address, query);
	return g_steal_pointer(&browser);
}

void ews_browser_free(EwsBrowser *self)
{
	if (!self)
		return;
	ews_secret_free(self->verifier);
	g_free(self->state);
	g_free(self->redirect);
	g_free(self->address);
	g_free(self);
}

static char *code_of(const EwsBrowser *browser, GHashTable *words, GError **error)
{
	const char *problem = g_hash_table_lookup(words, "error");
	const char *code = g_hash_table_lookup(words, "code");
	const char *state = g_hash_table_lookup(words, "state");

	if (problem)
		g_propagate_error(error,
			ews_grant_error(problem, g_hash_table_lookup(words, "error_description")));
	else if (!code || !ews_grant_is_token(code))
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_INVALID,
			"there is no code in this address: it is wanted whole, as it stands in "
			"the browser at the end");
	else if (!state || strcmp(state, browser->state) != 0)
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_INVALID,
			"this address belongs to another sign-in");
	else
		return g_strdup(code);
	return NULL;
}

char *ews_oauth_pasted_code(const EwsBrowser *browser, const char *pasted, GError **error)
{
	g_autofree char *text = g_strstrip(g_strndup(pasted, PASTED_MAX));
	const char *query = strpbrk(text, "?#");

	if (!strpbrk(text, "?#:=") && ews_grant_is_token(text))
		return g_steal_pointer(&text);
	g_autoptr(GHashTable) words =
		query ? g_uri_parse_params(query + 1, (gssize)strcspn(query + 1, "#"), "&",
				G_URI_PARAMS_WWW_FORM, NULL)
		      : NULL;
	if (words)
		return code_of(browser, words, error);
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_INVALID, "this is no address with a code");
	return NULL;
}

EwsTokens *ews_oauth_end_browser(const EwsOauth *self, const EwsBrowser *browser, const char *code,
	GError **error)
{
	const char *const pairs[][2] = {
		{"grant_type", "authorization_code"},
		{"client_id", self->client_id},
		{"client_secret", self->client_secret},
		{"code", code},
		{"redirect_uri", browser->redirect},
		{"code_verifier", browser->verifier},
		{"scope", self->scope},
	};

	return ask_for_tokens(self, form_of(pairs, G_N_ELEMENTS(pairs)), NULL, error);
}

/* --- without anybody --------------------------------------------------------------------- */

EwsTokens *ews_oauth_refresh(const EwsOauth *self, const char *refresh_token, GError **error)
{
	const char *const pairs[][2] = {
		{"grant_type", "refresh_token"},
		{"client_id", self->client_id},
		{"client_secret", self->client_secret},
		{"refresh_token", refresh_token},
		{"scope", self->scope},
	};

	return ask_for_tokens(self, form_of(pairs, G_N_ELEMENTS(pairs)), NULL, error);
}

EwsTokens *ews_oauth_sign_in_app(const EwsOauth *self, GError **error)
{
	const char *const pairs[][2] = {
		{"grant_type", "client_credentials"},
		{"client_id", self->client_id},
		{"client_secret", self->client_secret},
		{"scope", self->scope},
	};

	return ask_for_tokens(self, form_of(pairs, G_N_ELEMENTS(pairs)), NULL, error);
}
