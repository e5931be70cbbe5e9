/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/*
 * The tables from what servers, HTTP and curl say to what is to be done about it.
 *
 * Codes are Microsoft's ResponseCodeType, plus those that other servers make up. What is not in
 * the table is permanent: an unknown code is never repeated (docs/wire.md, "Response codes").
 */

typedef struct Response {
	const char *code;
	EwsErrorCode error;
	EwsErrorAction action;
} Response;

#define FAIL    EWS_ERROR_ACTION_FAIL
#define WAIT    EWS_ERROR_ACTION_WAIT
#define SMALLER EWS_ERROR_ACTION_SMALLER
#define AGAIN   EWS_ERROR_ACTION_AGAIN
#define ONCE    EWS_ERROR_ACTION_ONCE
#define STOP    EWS_ERROR_ACTION_STOP

/* Sorted by strcmp: it is searched by halves. */
static const Response responses[] = {
	{ "ErrorADOperation", EWS_ERROR_BUSY, WAIT },
	{ "ErrorADUnavailable", EWS_ERROR_BUSY, WAIT },
	{ "ErrorAccessDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorAccountDisabled", EWS_ERROR_AUTH, STOP },
	{ "ErrorAttachmentSizeLimitExceeded", EWS_ERROR_TOO_BIG, FAIL },
	{ "ErrorBatchProcessingStopped", EWS_ERROR_BUSY, AGAIN },
	{ "ErrorCannotDeleteObject", EWS_ERROR_DENIED, FAIL },
	{ "ErrorClientDisconnected", EWS_ERROR_BUSY, WAIT },
	{ "ErrorConnectionFailed", EWS_ERROR_BUSY, WAIT },
	{ "ErrorContentConversionFailed", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorCorruptData", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorCreateItemAccessDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorCrossMailboxMoveCopy", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorDataSizeLimitExceeded", EWS_ERROR_TOO_BIG, FAIL },
	{ "ErrorDeleteDistinguishedFolder", EWS_ERROR_DENIED, FAIL },
	{ "ErrorExceededConnectionCount", EWS_ERROR_BUSY, WAIT },
	{ "ErrorExceededFindCountLimit", EWS_ERROR_TOO_BIG, SMALLER },
	{ "ErrorFolderCorrupt", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorFolderExists", EWS_ERROR_EXISTS, FAIL },
	{ "ErrorFolderNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorFolderPropertyRequestFailed", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorFolderSavePropertyError", EWS_ERROR_DENIED, FAIL },
	{ "ErrorImpersonateUserDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorIncorrectSchemaVersion", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorInsufficientResources", EWS_ERROR_BUSY, WAIT },
	{ "ErrorInternalServerError", EWS_ERROR_CORRUPT, ONCE },
	{ "ErrorInternalServerTransientError", EWS_ERROR_BUSY, WAIT },
	{ "ErrorInvalidChangeKey", EWS_ERROR_STALE, FAIL },
	{ "ErrorInvalidFolderId", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidId", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdEmpty", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdMalformed", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdMalformedEwsLegacyIdFormat", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdNotAnItemAttachmentId", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdStoreObjectIdTooLong", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidOperation", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorInvalidSchemaVersionForMailboxVersion", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorInvalidServerVersion", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorInvalidSyncStateData", EWS_ERROR_STALE, FAIL },
	{ "ErrorIrresolvableConflict", EWS_ERROR_STALE, FAIL },
	{ "ErrorItemCorrupt", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorItemNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorItemPropertyRequestFailed", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorMailboxFailover", EWS_ERROR_BUSY, WAIT },
	{ "ErrorMailboxMoveInProgress", EWS_ERROR_BUSY, WAIT },
	{ "ErrorMailboxStoreUnavailable", EWS_ERROR_BUSY, WAIT },
	{ "ErrorMessageSizeExceeded", EWS_ERROR_TOO_BIG, SMALLER },
	{ "ErrorMimeContentConversionFailed", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorMimeContentInvalid", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorMimeContentInvalidBase64String", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorMissingEmailAddress", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorMoveDistinguishedFolder", EWS_ERROR_DENIED, FAIL },
	{ "ErrorNameResolutionMultipleResults", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNameResolutionNoMailbox", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNameResolutionNoResults", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNoRespondingCASInDestinationSite", EWS_ERROR_BUSY, WAIT },
	{ "ErrorNonExistentMailbox", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNotEnoughMemory", EWS_ERROR_BUSY, WAIT },
	{ "ErrorObjectTypeChanged", EWS_ERROR_STALE, FAIL },
	{ "ErrorPasswordChangeRequired", EWS_ERROR_AUTH, STOP },
	{ "ErrorPasswordExpired", EWS_ERROR_AUTH, STOP },
	{ "ErrorQuotaExceeded", EWS_ERROR_NO_SPACE, FAIL },
	{ "ErrorQuotaExceededOnDelete", EWS_ERROR_NO_SPACE, FAIL },
	{ "ErrorServerBusy", EWS_ERROR_BUSY, WAIT },
	{ "ErrorStaleObject", EWS_ERROR_STALE, FAIL },
	{ "ErrorSyncFolderNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorTimeoutExpired", EWS_ERROR_BUSY, SMALLER },
	{ "ErrorTooManyObjectsOpened", EWS_ERROR_BUSY, WAIT },
	{ "ErrorUnsupportedMimeConversion", EWS_ERROR_CORRUPT, FAIL },
};

typedef struct Number {
	int number;
	EwsErrorCode error;
	const char *words; /* NULL: only the number */
} Number;

static const Number statuses[] = {
	{ 400, EWS_ERROR_PROTOCOL, "the server finds the request bad" },
	{ 401, EWS_ERROR_AUTH, "sign-in refused: wrong user name or password" },
	{ 403, EWS_ERROR_DENIED, "this account may not use EWS" },
	{ 404, EWS_ERROR_UNSUPPORTED, "not an EWS server: nothing is at this address" },
	{ 405, EWS_ERROR_UNSUPPORTED, "not an EWS server: it takes no POST here" },
	{ 407, EWS_ERROR_AUTH, "the proxy wants a sign-in" },
	{ 408, EWS_ERROR_BUSY, "the server waited too long for the request" },
	{ 413, EWS_ERROR_TOO_BIG, "the request is too big for the server" },
	{ 429, EWS_ERROR_BUSY, "too many requests" },
	{ 502, EWS_ERROR_BUSY, "the gateway got no answer" },
	{ 503, EWS_ERROR_BUSY, "the server is too busy" },
	{ 504, EWS_ERROR_BUSY, "the gateway waited too long" },
};

static const Number curl_codes[] = {
	{ CURLE_UNSUPPORTED_PROTOCOL, EWS_ERROR_UNSUPPORTED, NULL },
	{ CURLE_URL_MALFORMAT, EWS_ERROR_UNSUPPORTED, NULL },
	{ CURLE_COULDNT_RESOLVE_PROXY, EWS_ERROR_OFFLINE, NULL },
	{ CURLE_COULDNT_RESOLVE_HOST, EWS_ERROR_OFFLINE, "unknown host" },
	{ CURLE_COULDNT_CONNECT, EWS_ERROR_OFFLINE, "no connection" },
	{ CURLE_OPERATION_TIMEDOUT, EWS_ERROR_OFFLINE, "no answer" },
	{ CURLE_PARTIAL_FILE, EWS_ERROR_OFFLINE, "the answer broke off" },
	{ CURLE_GOT_NOTHING, EWS_ERROR_OFFLINE, "the connection was closed without an answer" },
	{ CURLE_SEND_ERROR, EWS_ERROR_OFFLINE, "the connection broke" },
	{ CURLE_RECV_ERROR, EWS_ERROR_OFFLINE, "the connection broke" },
	{ CURLE_SSL_CONNECT_ERROR, EWS_ERROR_TLS, "no secure connection" },
	{ CURLE_PEER_FAILED_VERIFICATION, EWS_ERROR_TLS, "the certificate is not trusted" },
	{ CURLE_SSL_CACERT_BADFILE, EWS_ERROR_TLS, "the file of trusted certificates is bad" },
	{ CURLE_SSL_CERTPROBLEM, EWS_ERROR_TLS, NULL },
	{ CURLE_SSL_CIPHER, EWS_ERROR_TLS, NULL },
	{ CURLE_SSL_ISSUER_ERROR, EWS_ERROR_TLS, NULL },
	{ CURLE_SSL_INVALIDCERTSTATUS, EWS_ERROR_TLS, NULL },
	{ CURLE_USE_SSL_FAILED, EWS_ERROR_TLS, NULL },
	{ CURLE_OUT_OF_MEMORY, EWS_ERROR_LOCAL, NULL },
	{ CURLE_FAILED_INIT, EWS_ERROR_LOCAL, NULL },
	{ CURLE_ABORTED_BY_CALLBACK, EWS_ERROR_CANCELLED, NULL },
};

G_DEFINE_QUARK(ews-error-quark, ews_error)

static const Response *find_response(const char *code)
{
	size_t low = 0;
	size_t high = G_N_ELEMENTS(responses);

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(code, responses[middle].code);

		if (order == 0)
			return &responses[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static const Number *find_number(const Number *table, size_t count, int number)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].number == number)
			return &table[i];
	return NULL;
}

GError *ews_error_from_response(const char *code, const char *message, gboolean is_item)
{
	const Response *found = find_response(code);
	EwsErrorCode error = is_item ? EWS_ERROR_CORRUPT : EWS_ERROR_PROTOCOL;

	if (found)
		error = found->error;
	if (!message || !*message)
		return g_error_new_literal(EWS_ERROR, error, code);
	return g_error_new(EWS_ERROR, error, "%s (%s)", message, code);
}

EwsErrorAction ews_error_action(const char *code)
{
	const Response *found = find_response(code);

	return found ? found->action : EWS_ERROR_ACTION_FAIL;
}

GError *ews_error_from_http(long status, const char *url)
{
	const Number *found = find_number(statuses, G_N_ELEMENTS(statuses), (int)status);

	if (found)
		return g_error_new(EWS_ERROR, found->error, "%s: %s (HTTP %ld)", url, found->words,
			status);
	return g_error_new(EWS_ERROR, EWS_ERROR_PROTOCOL, "%s: HTTP %ld", url, status);
}

/* A handshake that ends because the network does is curl's SSL_CONNECT_ERROR too. */
static bool is_network(const char *detail)
{
	static const char *const words[] = { "SYSCALL", "reset", "unexpected eof", "closed" };

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strstr(detail, words[i]))
			return true;
	return false;
}

GError *ews_error_from_curl(int code, const char *detail, const char *url)
{
	const Number *found = find_number(curl_codes, G_N_ELEMENTS(curl_codes), code);
	EwsErrorCode error = found ? found->error : EWS_ERROR_PROTOCOL;
	const char *words = found && found->words ? found->words : curl_easy_strerror(code);

	if (code == CURLE_SSL_CONNECT_ERROR && detail && is_network(detail))
		error = EWS_ERROR_OFFLINE;
	if (!detail || !*detail)
		return g_error_new(EWS_ERROR, error, "%s: %s", url, words);
	return g_error_new(EWS_ERROR, error, "%s: %s (%s)", url, words, detail);
}

GError *ews_error_from_errno(int errnum, const char *format, ...)
{
	bool is_full = errnum == ENOSPC || errnum == EDQUOT;
	g_autofree char *context = NULL;
	va_list args;

	va_start(args, format);
	context = g_strdup_vprintf(format, args);
	va_end(args);
	return g_error_new(EWS_ERROR, is_full ? EWS_ERROR_NO_SPACE : EWS_ERROR_LOCAL, "%s: %s",
		context, g_strerror(errnum));
}

gboolean ews_error_is(const GError *error, EwsErrorCode code)
{
	return g_error_matches(error, EWS_ERROR, code);
}

gboolean ews_error_is_temporary(const GError *error)
{
	return ews_error_is(error, EWS_ERROR_BUSY) || ews_error_is(error, EWS_ERROR_OFFLINE);
}
