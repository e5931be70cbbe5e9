/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>
#include <stdint.h>

#include "ews/grant.h"
#include "ews/oauth.h"

/*
 * What an OAuth2 authority, a token_command and a person's browser hand over. The first byte is the
 * HTTP status; what comes out as a token must fit into a header, and every refusal on one line.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int statuses[] = {200, 400, 401, 500};

static void judge(const EwsTokens *tokens, const GError *error)
{
	g_assert((tokens == NULL) == (error != NULL));
	if (tokens == NULL) {
		g_assert(g_utf8_validate(error->message, -1, NULL));
		for (const char *c = error->message; *c != '\0'; c++)
			g_assert(!g_ascii_iscntrl(*c));
		return;
	}
	g_assert(ews_grant_is_token(tokens->access));
	g_assert(tokens->refresh == NULL || ews_grant_is_token(tokens->refresh));
	g_assert(tokens->expires_us >= 0);
}

static void read_tokens(const EwsAnswer *answer)
{
	g_autofree char *code = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsTokens) tokens = ews_grant_tokens(answer, &code, &error);

	judge(tokens, error);
}

static void read_device(const EwsAnswer *answer)
{
	g_autoptr(EwsDeviceCode) code = ews_grant_device_code(answer, NULL);

	if (code == NULL)
		return;
	g_assert(code->interval_s >= 1 && code->interval_s <= EWS_DEVICE_INTERVAL_MAX_S);
	g_assert(code->expires_s >= 1 && code->expires_s <= EWS_DEVICE_EXPIRES_MAX_S);
	g_assert(ews_grant_is_token(code->user_code) && ews_grant_is_token(code->address));
}

static void read_printed(const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(EwsTokens) tokens = ews_grant_printed(text, 0, &error);

	judge(tokens, error);
}

static void read_pasted(const char *text)
{
	char state[] = "state";
	char redirect[] = "http://localhost";
	EwsBrowser browser = {.state = state, .redirect = redirect};
	g_autofree char *code = ews_oauth_pasted_code(&browser, text, NULL);

	g_assert(code == NULL || ews_grant_is_token(code));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	g_autofree char *text = g_strndup((const char *)data + 1, size - 1);
	EwsAnswer answer = {
		.status = statuses[data[0] % G_N_ELEMENTS(statuses)],
		.body = (const char *)data + 1,
		.len = size - 1,
	};

	read_tokens(&answer);
	read_device(&answer);
	read_printed(text);
	read_pasted(text);
	return 0;
}
