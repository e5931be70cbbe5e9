/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/password.h"

#include <unistd.h>

#include "ews/error.h"
#include "fs/config.h"
#include "fs/keyring.h"
#include "fs/secret.h"
#include "fs/source.h"

static char *from_keyring(const FsConfig *config)
{
	g_autofree char *host = config->url != NULL ? fs_source_host(config->url) : NULL;
	const FsKeyringKey key = {.kind = "password", .user = config->user, .server = host};

	return host != NULL ? fs_keyring_find(&key) : NULL;
}

char *fs_password_find(const FsConfig *config, GError **error)
{
	const FsSecretCommand command = {
		.option = "password_command",
		.command = config->password_command,
		.failure = EWS_ERROR_AUTH,
	};
	g_autoptr(GError) problem = NULL;

	if (config->password_file != NULL)
		return fs_secret_from_file("password_file", config->password_file, error);
	if (config->password_command != NULL)
		return fs_secret_from_command(&command, error);
	char *password = fs_secret_from_systemd("password", config->account, &problem);
	if (problem != NULL)
		g_propagate_error(error, g_steal_pointer(&problem));
	else if (password == NULL)
		password = from_keyring(config);
	return password;
}

char *fs_password_ask(const FsConfig *config, GError **error)
{
	if (!isatty(STDIN_FILENO)) {
		g_set_error_literal(error, EWS_ERROR, EWS_ERROR_AUTH,
			"there is no password: give -o password_file=FILE or "
			"password_command=COMMAND (and nobody can be asked: this is no terminal)");
		return NULL;
	}
	/* While the server is looked for, it has no name yet. */
	g_autofree char *host = config->url != NULL ? fs_source_host(config->url) : NULL;
	g_autofree char *question = g_strdup_printf("Password for %s%s%s: ", config->user,
		host != NULL ? " at " : "", host != NULL ? host : "");
	return fs_secret_from_person(question, false, error);
}

char *fs_password_get(const FsConfig *config, GError **error)
{
	g_autoptr(GError) problem = NULL;
	char *password = fs_password_find(config, &problem);

	if (password != NULL)
		return password;
	if (problem == NULL)
		return fs_password_ask(config, error);
	g_propagate_error(error, g_steal_pointer(&problem));
	return NULL;
}
