/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "fs/config.h"
#include "fs/ctl/ctl.h"
#include "fs/discover.h"
#include "fs/secret.h"

/*
 * The search for the server of a mail address, shown step by step. Nothing is mounted, nothing is
 * remembered.
 */
CtlExit ctl_do_discover(const CtlArguments *arguments)
{
	g_autoptr(GPtrArray) none = g_ptr_array_new();
	g_autoptr(GError) error = NULL;

	if (arguments->operands[0] == NULL)
		return ctl_say(CTL_EXIT_USAGE, "discover: whose address?");
	fs_secret_harden();
	g_autoptr(FsConfig) config = fs_config_new_account(arguments->operands[0],
		arguments->mount_options != NULL ? arguments->mount_options : none, &error);
	if (config == NULL)
		return ctl_say(CTL_EXIT_USAGE, "%s", error->message);
	if (config->address == NULL)
		return ctl_say(CTL_EXIT_USAGE, "the server is given already: %s", config->url);
	g_autofree char *url = fs_discover_show(config, &error);
	/* What was tried has been shown. */
	if (url == NULL)
		return ctl_say(CTL_EXIT_NOT_DONE, "%.*s", (int)strcspn(error->message, ";"),
			error->message);
	printf("%s\n", url);
	return CTL_EXIT_DONE;
}
