/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/grant.h"

#include <stdbool.h>
#include <string.h>

#include "ews/easy.h"
#include "ews/error.h"
#include "ews/json.h"
#include "ews/redact.h"
#include "ews/secret.h"

#define TOKEN_MAX (64 << 10)
#define EXPIRES_MAX_S (INT64_C(366) * 24 * 3600)
#define EPOCH_MAX_S (INT64_C(1) << 40)
#define WORDS_MAX 300 /* bytes of what the authority says */

/* --- why it is refused ------------------------------------------------------------------- */

typedef struct Reason {
	const char *mark; /* in the error's name or in its description */
	const char *words;
} Reason;

/* Microsoft's numbers, the first that fits. What they mean is in "Microsoft Entra authentication
 * and authorization error codes". */
static const Reason numbers[] = {
	{"AADSTS65001", "nobody has consented to this application: sign in once with "
			"\"ewsfsctl login\", or an administrator consents for all"},
	{"AADSTS90094", "an administrator must consent to this application"},
	{"AADSTS90095", "an administrator must consent to this application"},
	{"AADSTS650052", "the tenant has no such service: is Exchange Online licensed there?"},
	{"AADSTS500011", "the tenant does not know the server that the scope names: check scope= "
			 "and the address"},
	{"AADSTS70011", "the scope is not valid: check scope="},
	{"AADSTS50105", "this user is not assigned to the application: an administrator does that"},
	{"AADSTS53003", "conditional access forbids it: the organisation's rules ask for another "
			"device, place or program"},
	{"AADSTS530033", "the organisation's rules forbid signing in by a code: try "
			 "\"ewsfsctl login --browser\""},
	{"AADSTS50199", "the sign-in was not confirmed"},
	{"AADSTS53000", "conditional access wants a managed device"},
	{"AADSTS53001", "conditional access wants a domain-joined device"},
	{"AADSTS50076", "the organisation asks for a second factor: sign in again with "
			"\"ewsfsctl login\""},
	{"AADSTS50079", "the organisation asks for a second factor: sign in again with "
			"\"ewsfsctl login\""},
	{"AADSTS70008", "the sign-in is too old: sign in again with \"ewsfsctl login\""},
	{"AADSTS700082", "the sign-in was not used for too long: sign in again with "
			 "\"ewsfsctl login\""},
	{"AADSTS700084", "the sign-in is over: sign in again with \"ewsfsctl login\""},
	{"AADSTS70043", "the organisation's rules ended the sign-in: sign in again with "
			"\"ewsfsctl login\""},
	{"AADSTS50173", "the password was changed or the sign-in revoked: sign in again with "
			"\"ewsfsctl login\""},
	{"AADSTS7000218", "the application is not a public client: set \"Allow public client "
			  "flows\" in its registration"},
	{"AADSTS700016", "the tenant does not know this application: check client_id= and tenant="},
	{"AADSTS7000215", "the client secret is wrong: check client_secret_file="},
	{"AADSTS7000222", "the client secret has expired: make a new one"},
	{"AADSTS90002", "there is no such tenant: check tenant="},
	{"AADSTS900023", "there is no such tenant: check tenant="},
	{"AADSTS50059", "the tenant is not known: give tenant="},
	{"AADSTS50034", "the tenant has no such user"},
	{"AADSTS50020", "this is a personal account, or one of another tenant: EWS is for those of "
			"an organisation"},
	{"AADSTS9002331", "this application is for personal accounts only, and EWS for those of an "
			  "organisation"},
	{"AADSTS50057", "the account is disabled"},
	{"AADSTS50055", "the password has expired"},
	{"AADSTS50011", "the application's registration lacks the redirect address that "
			"\"ewsfsctl login --browser\" names"},
	{"AADSTS500113", "the application's registration lacks the redirect address that "
			 "\"ewsfsctl login --browser\" names"},
};

/* The names that the standards give. */
static const Reason names[] = {
	{"invalid_grant", "the sign-in is not valid any more: sign in again with "
			  "\"ewsfsctl login\""},
	{"access_denied", "the sign-in was refused"},
	{"authorization_declined", "the sign-in was refused"},
	{"expired_token", "the code was not entered in time"},
	{"code_expired", "the code was not entered in time"},
	{"bad_verification_code", "the authority does not know the code any more"},
	{"invalid_client", "the authority does not know this program: check client_id= and "
			   "client_secret_file="},
	{"unauthorized_client", "the authority does not let this program sign in so: check "
				"client_id= and its registration"},
	{"invalid_scope", "the scope is not valid: check scope="},
	{"invalid_resource",
		"the authority does not know the server: check scope= and the address"},
	{"invalid_request", "the authority does not understand the request: check client_id=, "
			    "tenant= and authority="},
	{"unsupported_grant_type", "the authority does not offer this way to sign in"},
	{"interaction_required", "a person must sign in again with \"ewsfsctl login\""},
	{"login_required", "a person must sign in again with \"ewsfsctl login\""},
	{"consent_required", "a person, or an administrator, must consent to this application: "
			     "\"ewsfsctl login\""},
};

/* Those that pass. */
static const char *const passing[] = {"temporarily_unavailable", "server_error",
	"authorization_pending", "slow_down", NULL};

/* The number that stands in @words, and not the beginning of a longer one. */
static bool has_mark(const char *words, const char *mark)
{
	const char *found = strstr(words, mark);

	return found && !g_ascii_isdigit(found[strlen(mark)]);
}

static const char *reason_for(const char *code, const char *words)
{
	for (size_t i = 0; words && i < G_N_ELEMENTS(numbers); i++)
		if (has_mark(words, numbers[i].mark))
			return numbers[i].words;
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (strcmp(code, names[i].mark) == 0)
			return names[i].words;
	return "the authority refuses";
}

/* The first line of what a stranger says, for a terminal and a log. */
static char *line_of(const char *text)
{
	g_autofree char *line = g_strndup(text, strcspn(text, "\r\n"));

	if (strlen(line) > WORDS_MAX)
		line[WORDS_MAX] = '\0';
	for (char *c = line; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	return ews_redact(line);
}

GError *ews_grant_error(const char *code, const char *words)
{
	bool is_passing = g_strv_contains(passing, code);
	g_autofree char *name = line_of(code);
	g_autofree char *said = line_of(words ? words : "");

	return g_error_new(EWS_ERROR, is_passing ? EWS_ERROR_BUSY : EWS_ERROR_AUTH, "%s (%s%s%s)",
		is_passing ? "the authority asks for patience" : reason_for(code, words), name,
		*said ? ": " : "", said);
}

/* An answer that is no success, whatever it is. */
static void refuse(const EwsAnswer *answer, JsonObject *object, char **ret_code, GError **error)
{
	const char *code = object ? ews_json_text(object, "error") : NULL;
	bool is_passing = answer->status >= 500 || answer->status == 429 || answer->status == 408;

	/* With such a status even a refusal is but a failure. */
	if (code && !is_passing) {
		if (ret_code)
			*ret_code = g_strdup(code);
		g_propagate_error(error,
			ews_grant_error(code, ews_json_text(object, "error_description")));
		return;
	}
	g_set_error(error, EWS_ERROR, is_passing ? EWS_ERROR_BUSY : EWS_ERROR_PROTOCOL,
		"the authority answers HTTP %d%s", answer->status,
		is_passing ? ""
			   : ", and not as an OAuth2 authority does: check authority= and "
			     "tenant=");
}

/* --- what is given ----------------------------------------------------------------------- */

void ews_tokens_free(EwsTokens *self)
{
	if (!self)
		return;
	ews_secret_free(self->access);
	ews_secret_free(self->refresh);
	g_free(self);
}

void ews_device_code_free(EwsDeviceCode *self)
{
	if (!self)
		return;
	ews_secret_free(self->code);
	g_free(self->user_code);
	g_free(self->address);
	g_free(self);
}

gboolean ews_grant_is_token(const char *text)
{
	size_t len = 0;

	for (; text[len]; len++)
		if (!g_ascii_isgraph(text[len]) || len >= TOKEN_MAX)
			return FALSE;
	return len > 0;
}

/* NULL where it is not there; *ret_bad: it is there, and none that can be used. */
static const char *token_of(JsonObject *object, const char *name, bool *ret_bad)
{
	const char *text = ews_json_text(object, name);

	if (text && ews_grant_is_token(text))
		return text;
	*ret_bad = *ret_bad || text;
	return NULL;
}

static int64_t expiry_of(JsonObject *object, int64_t now_us)
{
	int64_t in_s = ews_json_number(object, "expires_in", 1, EXPIRES_MAX_S, 0);
	int64_t on_s = ews_json_number(object, "expires_on", 1, EPOCH_MAX_S, 0);

	if (in_s > 0)
		return now_us + in_s * G_USEC_PER_SEC;
	return on_s * G_USEC_PER_SEC;
}

/* NULL without an error: there is no token in it. */
static EwsTokens *tokens_of(JsonObject *object, int64_t now_us, GError **error)
{
	bool is_bad = false;
	const char *refresh = token_of(object, "refresh_token", &is_bad);
	const char *access = token_of(object, "access_token", &is_bad);
	const char *type = ews_json_text(object, "token_type");

	if (!access)
		access = token_of(object, "accessToken", &is_bad);
	if (!is_bad && !access)
		return NULL;
	if (is_bad || (type && g_ascii_strcasecmp(type, "bearer") != 0)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the token that was given is none that can be used");
		return NULL;
	}
	EwsTokens *self = g_new0(EwsTokens, 1);
	self->access = g_strdup(access);
	self->refresh = g_strdup(refresh);
	self->expires_us = expiry_of(object, now_us);
	return self;
}

EwsTokens *ews_grant_tokens(const EwsAnswer *answer, char **ret_code, GError **error)
{
	g_autoptr(JsonObject) object = ews_json_parse(answer->body, answer->len, NULL);
	g_autoptr(GError) problem = NULL;
	EwsTokens *tokens = NULL;

	if (ret_code)
		*ret_code = NULL;
	if (object && answer->status == 200)
		tokens = tokens_of(object, answer->now_us, &problem);
	if (problem)
		g_propagate_error(error, g_steal_pointer(&problem));
	else if (!tokens)
		refuse(answer, object, ret_code, error);
	return tokens;
}

/* Somebody will be told to go there. */
static bool is_address(const char *text)
{
	return ews_grant_is_token(text) && strlen(text) <= WORDS_MAX &&
	       ews_easy_check(text, false, NULL);
}

EwsDeviceCode *ews_grant_device_code(const EwsAnswer *answer, GError **error)
{
	g_autoptr(JsonObject) object = ews_json_parse(answer->body, answer->len, NULL);
	bool is_bad = false;

	if (!object || answer->status != 200) {
		refuse(answer, object, NULL, error);
		return NULL;
	}
	const char *code = token_of(object, "device_code", &is_bad);
	const char *user_code = token_of(object, "user_code", &is_bad);
	const char *address = ews_json_text(object, "verification_uri");
	/* The name before the standard was one. */
	if (!address)
		address = ews_json_text(object, "verification_url");
	if (!code || !user_code || strlen(user_code) > WORDS_MAX || !address ||
		!is_address(address)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"the authority gave no code that can be used");
		return NULL;
	}
	EwsDeviceCode *self = g_new0(EwsDeviceCode, 1);
	self->code = g_strdup(code);
	self->user_code = g_strdup(user_code);
	self->address = g_strdup(address);
	self->interval_s = (unsigned)ews_json_number(object, "interval", 1,
		EWS_DEVICE_INTERVAL_MAX_S, EWS_DEVICE_INTERVAL_S);
	self->expires_s = (unsigned)ews_json_number(object, "expires_in", 1,
		EWS_DEVICE_EXPIRES_MAX_S, EWS_DEVICE_EXPIRES_MAX_S);
	return self;
}

EwsTokens *ews_grant_printed(const char *text, int64_t now_us, GError **error)
{
	g_autoptr(JsonObject) object = NULL;
	g_autoptr(GError) problem = NULL;
	EwsTokens *tokens = NULL;

	text += strspn(text, " \t\r\n");
	if (*text == '{') {
		object = ews_json_parse(text, strlen(text), &problem);
		tokens = object ? tokens_of(object, now_us, &problem) : NULL;
	} else {
		tokens = g_new0(EwsTokens, 1);
		tokens->access = g_strndup(text, strcspn(text, "\r\n"));
		g_strchomp(tokens->access);
		if (!ews_grant_is_token(tokens->access))
			g_clear_pointer(&tokens, ews_tokens_free);
	}
	if (problem)
		g_propagate_error(error, g_steal_pointer(&problem));
	else if (!tokens)
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_PROTOCOL,
			"there is no token in it");
	return tokens;
}
