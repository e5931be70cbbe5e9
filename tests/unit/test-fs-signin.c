/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/secret.h"
#include "fs/signin.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "ews/error.h"
#include "ews/offer.h"
#include "fs/config.h"
#include "fs/secret.h"
#include "fs/token.h"

/*
 * Which way is chosen, of what a server offers and what the person has. The server is made of the
 * variables below; nothing is asked over a network, and nobody at a terminal.
 */

#define URL "https://mail.example.org/EWS/Exchange.asmx"
#define BASIC EWS_OFFER(EWS_AUTH_BASIC)
#define NTLM EWS_OFFER(EWS_AUTH_NTLM)
#define NEGOTIATE EWS_OFFER(EWS_AUTH_NEGOTIATE)
#define BEARER EWS_OFFER(EWS_AUTH_BEARER)

static struct {
	unsigned kinds;
	bool is_away;
	bool takes_ticket;
	bool has_no_ntlm; /* our libcurl */
	unsigned asked;
} server;

EwsOffer *ews_offer_ask(const EwsAsked *asked, GError **error)
{
	g_assert_cmpstr(asked->url, ==, URL);
	server.asked++;
	if (server.is_away) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_OFFLINE, "it is away");
		return NULL;
	}
	EwsOffer *offer = g_new0(EwsOffer, 1);
	offer->kinds = server.kinds;
	return offer;
}

bool ews_offer_try(const EwsAsked *asked, const EwsCredentials *credentials, GError **error)
{
	g_assert_cmpint(credentials->kind, ==, EWS_AUTH_NEGOTIATE);
	return server.takes_ticket;
}

bool ews_offer_can(EwsAuthKind kind)
{
	return kind != EWS_AUTH_NTLM || !server.has_no_ntlm;
}

const char *ews_offer_name(EwsAuthKind kind)
{
	static const char *const names[] = {"Basic", "NTLM", "Negotiate", "Bearer"};

	return names[kind];
}

char *ews_offer_words(unsigned kinds)
{
	return g_strdup_printf("%#x", kinds);
}

void ews_offer_free(EwsOffer *self)
{
	g_free(self);
}

/* --- a person ------------------------------------------------------------ */

static char *directory; /* own; of this run */

static FsConfig *nobody(void)
{
	FsConfig *config = fs_config_new_default();

	config->source = g_strdup(URL);
	config->url = g_strdup(URL);
	config->user = g_strdup("ines");
	config->state_dir = g_build_filename(directory, "state", NULL);
	return config;
}

static FsConfig *with_password(void)
{
	FsConfig *config = nobody();

	config->password_command = g_strdup("echo secret");
	return config;
}

/* Nothing is remembered. */
static void serve(unsigned kinds)
{
	g_autoptr(FsConfig) config = nobody();

	fs_signin_forget(config);
	memset(&server, 0, sizeof(server));
	server.kinds = kinds;
}

static void end(FsSignin *signin)
{
	ews_secret_free(signin->password);
	fs_token_free(signin->token);
}

/* Takes @config. @questions: so often the server was asked, for all since serve(). */
static void expect(FsConfig *config, EwsAuthKind kind, unsigned questions)
{
	g_autoptr(GError) error = NULL;
	FsSignin signin = {0};
	bool is_done = fs_signin(&signin, config, &error);

	g_assert_no_error(error);
	g_assert_true(is_done);
	g_assert_cmpint(signin.kind, ==, kind);
	g_assert_cmpstr(signin.password, ==,
		kind == EWS_AUTH_BASIC || kind == EWS_AUTH_NTLM ? "secret" : NULL);
	g_assert_true((signin.token != NULL) == (kind == EWS_AUTH_BEARER));
	g_assert_cmpuint(server.asked, ==, questions);
	end(&signin);
	fs_config_free(config);
}

/* Takes @config. */
static void refuse(FsConfig *config, EwsErrorCode code, const char *because)
{
	g_autoptr(GError) error = NULL;
	FsSignin signin = {0};

	g_assert_false(fs_signin(&signin, config, &error));
	g_assert_error(error, EWS_ERROR, (int)code);
	if (strstr(error->message, because) == NULL)
		g_error("\"%s\" does not say \"%s\"", error->message, because);
	end(&signin);
	fs_config_free(config);
}

/* --- claims -------------------------------------------------------------- */

static void test_password(void)
{
	serve(BASIC | NTLM | NEGOTIATE | BEARER);
	server.takes_ticket = true;
	expect(with_password(), EWS_AUTH_BASIC, 1);
	serve(NTLM | NEGOTIATE);
	expect(with_password(), EWS_AUTH_NTLM, 1);
	/* Servers that say nothing of what they want. */
	serve(0);
	expect(with_password(), EWS_AUTH_BASIC, 1);
}

static void test_no_way(void)
{
	serve(BEARER);
	refuse(with_password(), EWS_ERROR_UNSUPPORTED, "ewsfsctl login");
	serve(NEGOTIATE);
	refuse(with_password(), EWS_ERROR_UNSUPPORTED, "kinit");
	serve(NTLM);
	server.has_no_ntlm = true;
	refuse(with_password(), EWS_ERROR_UNSUPPORTED, "without NTLM");
}

static FsConfig *with_token(FsConfig *config)
{
	config->token_command = g_strdup("echo token");
	return config;
}

static void test_token(void)
{
	serve(BASIC | BEARER);
	expect(with_token(nobody()), EWS_AUTH_BEARER, 0);
	expect(with_token(with_password()), EWS_AUTH_BASIC, 1);
}

static void test_ticket(void)
{
	serve(BASIC | NEGOTIATE);
	server.takes_ticket = true;
	expect(nobody(), EWS_AUTH_NEGOTIATE, 1);
	/* It may end; a password would not. */
	expect(nobody(), EWS_AUTH_NEGOTIATE, 2);
	server.takes_ticket = false;
	refuse(nobody(), EWS_ERROR_AUTH, "there is no password");
}

static void test_remembered(void)
{
	serve(NTLM);
	expect(with_password(), EWS_AUTH_NTLM, 1);
	expect(with_password(), EWS_AUTH_NTLM, 1);
	g_autoptr(FsConfig) config = nobody();
	fs_signin_forget(config);
	server.kinds = BASIC;
	expect(with_password(), EWS_AUTH_BASIC, 2);
	/* Of another server's ways nothing is known. */
	g_autofree char *path = g_build_filename(config->state_dir, "signin", NULL);
	g_assert_true(g_file_set_contents(path,
		"[sign-in]\nurl=https://other.example.org/EWS/Exchange.asmx\nauth=NTLM\n", -1,
		NULL));
	expect(with_password(), EWS_AUTH_BASIC, 3);
}

static void test_away(void)
{
	serve(0);
	server.is_away = true;
	expect(with_password(), EWS_AUTH_BASIC, 1);
	refuse(nobody(), EWS_ERROR_AUTH, "there is no password");
	serve(NEGOTIATE);
	server.takes_ticket = true;
	expect(nobody(), EWS_AUTH_NEGOTIATE, 1);
	server.is_away = true;
	expect(nobody(), EWS_AUTH_NEGOTIATE, 2);
	/* Who gives a password means it. */
	expect(with_password(), EWS_AUTH_BASIC, 3);
}

static FsConfig *told(FsConfig *config, FsAuth auth)
{
	config->auth = auth;
	return config;
}

static void test_told(void)
{
	serve(BASIC);
	expect(told(with_password(), FS_AUTH_BASIC), EWS_AUTH_BASIC, 0);
	expect(told(with_password(), FS_AUTH_NTLM), EWS_AUTH_NTLM, 0);
	expect(told(nobody(), FS_AUTH_NEGOTIATE), EWS_AUTH_NEGOTIATE, 0);
	expect(told(with_token(nobody()), FS_AUTH_OAUTH2), EWS_AUTH_BEARER, 0);
	refuse(told(nobody(), FS_AUTH_OAUTH2), EWS_ERROR_AUTH, "is not signed in");
	refuse(told(nobody(), FS_AUTH_BASIC), EWS_ERROR_AUTH, "there is no password");
}

/* The search for the server asked for it: nobody is asked twice. */
static void test_known(void)
{
	g_autoptr(FsConfig) config = nobody();
	g_autoptr(GError) error = NULL;
	FsSignin signin = {.password = g_strdup("typed")};

	serve(BASIC);
	g_assert_true(fs_signin(&signin, config, &error));
	g_assert_no_error(error);
	g_assert_cmpint(signin.kind, ==, EWS_AUTH_BASIC);
	g_assert_cmpstr(signin.password, ==, "typed");
	end(&signin);
}

int main(int argc, char **argv)
{
	int nowhere = open("/dev/null", O_RDONLY);

	/* Nobody is at the terminal of a test, even where there is one. */
	g_assert_cmpint(dup2(nowhere, STDIN_FILENO), ==, STDIN_FILENO);
	directory = g_dir_make_tmp("ewsfs-signin-XXXXXX", NULL);
	g_setenv("XDG_DATA_HOME", directory, TRUE);
	g_setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:", TRUE);
	g_unsetenv("CREDENTIALS_DIRECTORY");
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fs/signin/a-password", test_password);
	g_test_add_func("/fs/signin/no-way-for-a-password", test_no_way);
	g_test_add_func("/fs/signin/a-token", test_token);
	g_test_add_func("/fs/signin/a-ticket", test_ticket);
	g_test_add_func("/fs/signin/what-was-found-the-last-time", test_remembered);
	g_test_add_func("/fs/signin/a-server-that-is-away", test_away);
	g_test_add_func("/fs/signin/what-it-is-told", test_told);
	g_test_add_func("/fs/signin/a-password-that-is-known", test_known);
	int status = g_test_run();
	serve(0);
	g_autofree char *state = g_build_filename(directory, "state", NULL);
	rmdir(state);
	rmdir(directory);
	g_free(directory);
	return status;
}
