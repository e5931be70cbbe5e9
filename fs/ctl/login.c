/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ews/error.h"
#include "ews/oauth.h"
#include "ews/secret.h"
#include "fs/authority.h"
#include "fs/config.h"
#include "fs/ctl/ctl.h"
#include "fs/discover.h"
#include "fs/login.h"
#include "fs/secret.h"

/*
 * Signing in by OAuth2, once, by a person; what comes of it is stored (fs/login.h), and the mounts
 * of the account go on with it (fs/token.c). Talks to the authority, and to no mount.
 */

#define PASTE_TRIES 3

static CtlExit complain(const GError *error)
{
	return ctl_say(ews_error_is(error, EWS_ERROR_UNSUPPORTED) ? CTL_EXIT_USAGE
								  : CTL_EXIT_NOT_DONE,
		"%s", error->message);
}

/* --- by a code ----------------------------------------------------------- */

static EwsTokens *sign_in_by_code(const EwsOauth *oauth, const char *user, GError **error)
{
	g_autoptr(EwsDeviceCode) device = ews_oauth_begin_device(oauth, error);

	if (device == NULL)
		return NULL;
	printf("To sign in as %s, open\n\n    %s\n\nin a browser on any machine, and enter the "
	       "code\n\n    %s\n\nThis waits for it; Ctrl-C gives up.\n",
		user, device->address, device->user_code);
	fflush(stdout);
	return ews_oauth_wait_device(oauth, device, NULL, error);
}

/* --- by a browser -------------------------------------------------------- */

static char *read_address(GError **error)
{
	if (!isatty(STDIN_FILENO))
		return fs_secret_read_line(STDIN_FILENO, error);
	return fs_secret_from_person("Paste that address here (it is not shown): ", true, error);
}

/* What is pasted wrong can be pasted again. */
static char *get_code(const EwsBrowser *browser, GError **error)
{
	for (int tries = PASTE_TRIES; tries > 0; tries--) {
		g_autoptr(GError) problem = NULL;
		char *pasted = read_address(error);
		if (pasted == NULL)
			return NULL;
		char *code = ews_oauth_pasted_code(browser, pasted, &problem);
		ews_secret_free(pasted);
		if (code != NULL)
			return code;
		if (tries == 1 || !ews_error_is(problem, EWS_ERROR_INVALID)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return NULL;
		}
		ctl_say(CTL_EXIT_DONE, "%s", problem->message);
	}
	return NULL;
}

static EwsTokens *sign_in_by_browser(const EwsOauth *oauth, const char *user, GError **error)
{
	g_autoptr(EwsBrowser) browser = ews_oauth_begin_browser(oauth, user, error);

	if (browser == NULL)
		return NULL;
	printf("To sign in as %s, open\n\n    %s\n\nin a browser. It ends at an address that "
	       "begins with\n%s and may show nothing, or an error: copy that\n"
	       "address whole.\n",
		user, browser->address, browser->redirect);
	fflush(stdout);
	char *code = get_code(browser, error);
	if (code == NULL)
		return NULL;
	EwsTokens *tokens = ews_oauth_end_browser(oauth, browser, code, error);
	ews_secret_free(code);
	return tokens;
}

/* --- both ---------------------------------------------------------------- */

static FsLogin *login_of(const FsConfig *config, const FsAuthority *authority, EwsTokens *tokens)
{
	FsLogin *login = g_new0(FsLogin, 1);

	login->user = g_strdup(config->user);
	login->server = g_strdup(authority->server);
	login->authority = g_strdup(authority->authority);
	login->client_id = g_strdup(authority->client_id);
	login->scope = g_strdup(authority->scope);
	login->refresh = g_steal_pointer(&tokens->refresh);
	login->access = g_steal_pointer(&tokens->access);
	login->issued_us = g_get_real_time();
	login->expires_us = tokens->expires_us;
	/* The keyring is asked first. */
	login->is_in_keyring = true;
	return login;
}

/* Not while a mount renews what was there before. */
static bool store(FsLogin *login, unsigned timeout_s, GError **error)
{
	int lock = fs_login_lock(login->user, login->server, timeout_s, NULL, error);
	bool is_stored = lock >= 0 && fs_login_save(login, error);

	fs_login_unlock(lock);
	return is_stored;
}

static CtlExit keep(const FsConfig *config, const FsAuthority *authority, EwsTokens *tokens)
{
	g_autoptr(FsLogin) login = login_of(config, authority, tokens);
	g_autoptr(GError) error = NULL;

	if (!store(login, config->timeout_s, &error))
		return complain(error);
	printf("Signed in: %s at %s; kept in %s.\n", login->user, login->server,
		login->is_in_keyring ? "the keyring" : "a file that only you can read");
	if (login->refresh == NULL)
		ctl_say(CTL_EXIT_DONE, "the authority gave nothing to renew this with, so it ends "
				       "with the token, usually in an hour: should scope= have "
				       "\"offline_access\"?");
	return CTL_EXIT_DONE;
}

/* A sign-in is for one server. The password that may be asked for is for finding it alone. */
static bool find_server(FsConfig *config, GError **error)
{
	char *password = NULL;
	bool is_found = fs_discover(config, &password, error);

	ews_secret_free(password);
	return is_found;
}

/* Finding the server may want a password, whatever it is found for. */
static FsConfig *read_account(const CtlArguments *arguments, CtlExit *ret_status)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	g_autoptr(GError) error = NULL;

	fs_secret_harden();
	if (arguments->operands[0] == NULL) {
		*ret_status = ctl_say(CTL_EXIT_USAGE, "which account, or whose address?");
		return NULL;
	}
	FsConfig *config = fs_config_new_account(arguments->operands[0],
		arguments->mount_options != NULL ? arguments->mount_options : none, &error);
	if (config == NULL)
		*ret_status = ctl_say(CTL_EXIT_USAGE, "%s", error->message);
	else if (!find_server(config, &error)) {
		*ret_status = ctl_say(CTL_EXIT_NOT_DONE, "%s", error->message);
		g_clear_pointer(&config, fs_config_free);
	}
	return config;
}

CtlExit ctl_do_login(const CtlArguments *arguments)
{
	CtlExit status = CTL_EXIT_DONE;
	g_autoptr(FsConfig) config = read_account(arguments, &status);
	g_autoptr(GError) error = NULL;

	if (config == NULL)
		return status;
	g_autoptr(FsAuthority) authority = fs_authority_new(config, false, &error);
	if (authority == NULL)
		return complain(error);
	g_autoptr(EwsTokens) tokens =
		arguments->is_by_browser
			? sign_in_by_browser(&authority->oauth, config->user, &error)
			: sign_in_by_code(&authority->oauth, config->user, &error);
	if (tokens == NULL)
		return complain(error);
	return keep(config, authority, tokens);
}

CtlExit ctl_do_logout(const CtlArguments *arguments)
{
	CtlExit status = CTL_EXIT_DONE;
	g_autoptr(FsConfig) config = read_account(arguments, &status);
	g_autoptr(GError) error = NULL;

	if (config == NULL)
		return status;
	g_autofree char *server = fs_authority_server(config);
	int lock = fs_login_lock(config->user, server, config->timeout_s, NULL, &error);
	bool is_gone = lock >= 0 && fs_login_forget(config->user, server, &error);
	fs_login_unlock(lock);
	if (!is_gone)
		return complain(error);
	printf("Signed out here: %s at %s.\n", config->user, server);
	return CTL_EXIT_DONE;
}
