/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/error.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "ews/redact.h"

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
	{ "ErrorAffectedTaskOccurrencesRequired", EWS_ERROR_INVALID, FAIL },
	{ "ErrorAttachmentNestLevelLimitExceeded", EWS_ERROR_TOO_BIG, FAIL },
	{ "ErrorAttachmentSizeLimitExceeded", EWS_ERROR_TOO_BIG, FAIL },
	{ "ErrorBatchProcessingStopped", EWS_ERROR_BUSY, AGAIN },
	{ "ErrorCalendarDurationIsTooLong", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCalendarEndDateIsEarlierThanStartDate", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCalendarInvalidAttributeValue", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCalendarInvalidPropertyValue", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCalendarInvalidRecurrence", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCalendarInvalidTimeZone", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCannotAccessDeletedPublicFolder", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorCannotCreateCalendarItemInNonCalendarFolder", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCannotCreateContactInNonContactFolder", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCannotCreatePostItemInNonMailFolder", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCannotCreateTaskInNonTaskFolder", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCannotDeleteObject", EWS_ERROR_FORBIDDEN, FAIL },
	{ "ErrorCannotUseFolderIdForItemId", EWS_ERROR_INVALID, FAIL },
	{ "ErrorCannotUseItemIdForFolderId", EWS_ERROR_INVALID, FAIL },
	{ "ErrorChangeKeyRequired", EWS_ERROR_STALE, FAIL },
	{ "ErrorChangeKeyRequiredForWriteOperations", EWS_ERROR_STALE, FAIL },
	{ "ErrorClientDisconnected", EWS_ERROR_BUSY, WAIT },
	{ "ErrorConnectionFailed", EWS_ERROR_BUSY, WAIT },
	{ "ErrorContentConversionFailed", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorCorruptData", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorCreateItemAccessDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorCreateSubfolderAccessDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorCrossMailboxMoveCopy", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorDataSizeLimitExceeded", EWS_ERROR_TOO_BIG, FAIL },
	{ "ErrorDeleteDistinguishedFolder", EWS_ERROR_FORBIDDEN, FAIL },
	{ "ErrorDuplicateInputFolderNames", EWS_ERROR_EXISTS, FAIL },
	{ "ErrorEventNotFound", EWS_ERROR_STALE, FAIL },
	{ "ErrorExceededConnectionCount", EWS_ERROR_BUSY, WAIT },
	{ "ErrorExceededFindCountLimit", EWS_ERROR_TOO_BIG, SMALLER },
	{ "ErrorExceededSubscriptionCount", EWS_ERROR_QUOTA, FAIL },
	{ "ErrorExpiredSubscription", EWS_ERROR_STALE, FAIL },
	{ "ErrorFolderCorrupt", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorFolderExists", EWS_ERROR_EXISTS, FAIL },
	{ "ErrorFolderNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorFolderPropertyRequestFailed", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorFolderSavePropertyError", EWS_ERROR_DENIED, FAIL },
	{ "ErrorImpersonateUserDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorIncorrectSchemaVersion", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorIncorrectUpdatePropertyCount", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInsufficientResources", EWS_ERROR_BUSY, WAIT },
	{ "ErrorInternalServerError", EWS_ERROR_CORRUPT, ONCE },
	{ "ErrorInternalServerTransientError", EWS_ERROR_BUSY, WAIT },
	{ "ErrorInvalidArgument", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidChangeKey", EWS_ERROR_STALE, FAIL },
	{ "ErrorInvalidExtendedProperty", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidExtendedPropertyValue", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidFolderId", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidFolderTypeForOperation", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidId", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdEmpty", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdMalformed", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdMalformedEwsLegacyIdFormat", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdNotAnItemAttachmentId", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidIdStoreObjectIdTooLong", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorInvalidItemForOperationCreateItem", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidItemForOperationSendItem", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidOperation", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorInvalidParentFolder", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidPropertyDelete", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidPropertyForOperation", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidPropertyRequest", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidPropertySet", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidPropertyUpdateSentMessage", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidPullSubscriptionId", EWS_ERROR_STALE, FAIL },
	{ "ErrorInvalidRecipients", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidRequest", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidSchemaVersionForMailboxVersion", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorInvalidSendItemSaveSettings", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidServerVersion", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorInvalidSmtpAddress", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidSubscription", EWS_ERROR_STALE, FAIL },
	{ "ErrorInvalidSubscriptionRequest", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidSyncStateData", EWS_ERROR_STALE, FAIL },
	{ "ErrorInvalidValueForProperty", EWS_ERROR_INVALID, FAIL },
	{ "ErrorInvalidWatermark", EWS_ERROR_STALE, FAIL },
	{ "ErrorIrresolvableConflict", EWS_ERROR_STALE, FAIL },
	{ "ErrorItemCorrupt", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorItemNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorItemPropertyRequestFailed", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorMailboxFailover", EWS_ERROR_BUSY, WAIT },
	{ "ErrorMailboxMoveInProgress", EWS_ERROR_BUSY, WAIT },
	{ "ErrorMailboxStoreUnavailable", EWS_ERROR_BUSY, WAIT },
	{ "ErrorMessageDispositionRequired", EWS_ERROR_INVALID, FAIL },
	{ "ErrorMessagePerFolderCountReceiveQuotaExceeded", EWS_ERROR_QUOTA, FAIL },
	{ "ErrorMessageSizeExceeded", EWS_ERROR_TOO_BIG, SMALLER },
	{ "ErrorMessageSubmissionBlocked", EWS_ERROR_DENIED, FAIL },
	{ "ErrorMimeContentConversionFailed", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorMimeContentInvalid", EWS_ERROR_INVALID, FAIL },
	{ "ErrorMimeContentInvalidBase64String", EWS_ERROR_INVALID, FAIL },
	{ "ErrorMissedNotificationEvents", EWS_ERROR_STALE, FAIL },
	{ "ErrorMissingArgument", EWS_ERROR_INVALID, FAIL },
	{ "ErrorMissingEmailAddress", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorMissingRecipients", EWS_ERROR_INVALID, FAIL },
	{ "ErrorMoveDistinguishedFolder", EWS_ERROR_FORBIDDEN, FAIL },
	{ "ErrorNameResolutionMultipleResults", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNameResolutionNoMailbox", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNameResolutionNoResults", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNoFolderClassOverride", EWS_ERROR_INVALID, FAIL },
	{ "ErrorNoPublicFolderReplicaAvailable", EWS_ERROR_CORRUPT, ONCE },
	{ "ErrorNoPublicFolderServerAvailable", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorNoRespondingCASInDestinationSite", EWS_ERROR_BUSY, WAIT },
	{ "ErrorNonExistentMailbox", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNonPrimarySmtpAddress", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorNotEnoughMemory", EWS_ERROR_BUSY, WAIT },
	{ "ErrorObjectTypeChanged", EWS_ERROR_STALE, FAIL },
	{ "ErrorOperationNotAllowedWithPublicFolderRoot", EWS_ERROR_FORBIDDEN, FAIL },
	{ "ErrorParentFolderIdRequired", EWS_ERROR_INVALID, FAIL },
	{ "ErrorParentFolderNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorPasswordChangeRequired", EWS_ERROR_AUTH, STOP },
	{ "ErrorPasswordExpired", EWS_ERROR_AUTH, STOP },
	{ "ErrorPropertyUpdate", EWS_ERROR_INVALID, FAIL },
	{ "ErrorPropertyValidationFailure", EWS_ERROR_INVALID, FAIL },
	{ "ErrorPublicFolderMailboxDiscoveryFailed", EWS_ERROR_CORRUPT, ONCE },
	{ "ErrorPublicFolderOperationFailed", EWS_ERROR_CORRUPT, ONCE },
	{ "ErrorPublicFolderRequestProcessingFailed", EWS_ERROR_CORRUPT, ONCE },
	{ "ErrorPublicFolderServerNotFound", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorPublicFolderSyncException", EWS_ERROR_CORRUPT, ONCE },
	{ "ErrorQuotaExceeded", EWS_ERROR_QUOTA, FAIL },
	{ "ErrorQuotaExceededOnDelete", EWS_ERROR_QUOTA, FAIL },
	{ "ErrorReadEventsFailed", EWS_ERROR_STALE, FAIL },
	{ "ErrorRequestStreamTooBig", EWS_ERROR_TOO_BIG, SMALLER },
	{ "ErrorRequiredPropertyMissing", EWS_ERROR_INVALID, FAIL },
	{ "ErrorSavedItemFolderNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorSchemaValidation", EWS_ERROR_INVALID, FAIL },
	{ "ErrorSendAsDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorSendMeetingCancellationsRequired", EWS_ERROR_INVALID, FAIL },
	{ "ErrorSendMeetingInvitationsOrCancellationsRequired", EWS_ERROR_INVALID, FAIL },
	{ "ErrorSendMeetingInvitationsRequired", EWS_ERROR_INVALID, FAIL },
	{ "ErrorServerBusy", EWS_ERROR_BUSY, WAIT },
	{ "ErrorStaleObject", EWS_ERROR_STALE, FAIL },
	{ "ErrorSubmissionQuotaExceeded", EWS_ERROR_QUOTA, FAIL },
	{ "ErrorSubscriptionAccessDenied", EWS_ERROR_DENIED, FAIL },
	{ "ErrorSubscriptionDelegateAccessNotSupported", EWS_ERROR_UNSUPPORTED, FAIL },
	{ "ErrorSubscriptionNotFound", EWS_ERROR_STALE, FAIL },
	{ "ErrorSubscriptionUnsubscribed", EWS_ERROR_STALE, FAIL },
	{ "ErrorSyncFolderNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorTimeoutExpired", EWS_ERROR_BUSY, SMALLER },
	{ "ErrorToFolderNotFound", EWS_ERROR_NOT_FOUND, FAIL },
	{ "ErrorTooManyObjectsOpened", EWS_ERROR_BUSY, WAIT },
	{ "ErrorUnsupportedMimeConversion", EWS_ERROR_CORRUPT, FAIL },
	{ "ErrorUpdatePropertyMismatch", EWS_ERROR_INVALID, FAIL },
	{ "ErrorValueOutOfRange", EWS_ERROR_INVALID, FAIL },
	{ "ErrorVirusDetected", EWS_ERROR_INVALID, FAIL },
	{ "ErrorVirusMessageDeleted", EWS_ERROR_INVALID, FAIL },
};

/* Sorted as well. */
static const char *const maybe_done[] = {
	"ErrorClientDisconnected",
	"ErrorConnectionFailed",
	"ErrorInternalServerError",
	"ErrorInternalServerTransientError",
	"ErrorMailboxFailover",
	"ErrorMailboxStoreUnavailable",
	"ErrorProxyCallFailed",
	"ErrorProxyRequestProcessingFailed",
	"ErrorPublicFolderOperationFailed",
	"ErrorPublicFolderRequestProcessingFailed",
	"ErrorPublicFolderSyncException",
	"ErrorRequestAborted",
	"ErrorServiceUnavailable",
	"ErrorTimeoutExpired",
};

typedef struct Number {
	int number;
	EwsErrorCode error;
	const char *words; /* NULL: only the number */
} Number;

static const Number statuses[] = {
	{ 400, EWS_ERROR_PROTOCOL, "the server finds the request bad" },
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
	{ CURLE_SSL_PINNEDPUBKEYNOTMATCH, EWS_ERROR_TLS, "the server has another public key" },
	{ CURLE_SSL_CACERT_BADFILE, EWS_ERROR_TLS, "the file of trusted certificates is bad" },
	{ CURLE_SSL_CERTPROBLEM, EWS_ERROR_TLS, NULL },
	{ CURLE_SSL_CIPHER, EWS_ERROR_TLS, NULL },
	{ CURLE_SSL_ISSUER_ERROR, EWS_ERROR_TLS, NULL },
	{ CURLE_SSL_INVALIDCERTSTATUS, EWS_ERROR_TLS, NULL },
	{ CURLE_USE_SSL_FAILED, EWS_ERROR_TLS, NULL },
	{ CURLE_SEND_FAIL_REWIND, EWS_ERROR_OFFLINE, "the connection broke, it is not sent again" },
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
	g_autofree char *said = ews_redact(message);
	return g_error_new(EWS_ERROR, error, "%s (%s)", said, code);
}

EwsErrorAction ews_error_action(const char *code)
{
	const Response *found = find_response(code);

	return found ? found->action : EWS_ERROR_ACTION_FAIL;
}

gboolean ews_error_is_known(const char *code)
{
	return find_response(code) != NULL;
}

gboolean ews_error_may_be_done(const char *code)
{
	for (size_t i = 0; i < G_N_ELEMENTS(maybe_done); i++)
		if (strcmp(maybe_done[i], code) == 0)
			return TRUE;
	return FALSE;
}

gboolean ews_error_is_for_all(const char *code)
{
	const Response *found = find_response(code);

	return found && (found->action == STOP || found->error == EWS_ERROR_UNSUPPORTED ||
				found->error == EWS_ERROR_DENIED);
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
	g_autofree char *said = ews_redact(detail);
	return g_error_new(EWS_ERROR, error, "%s: %s (%s)", url, words, said);
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
