/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/secret.h"

#include <glib.h>
#include <string.h>

void ews_secret_free(char *secret)
{
	if (!secret)
		return;
	explicit_bzero(secret, strlen(secret));
	g_free(secret);
}
