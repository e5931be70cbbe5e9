/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A name server that can be switched off, for a program that is loaded with this before libc:
 * "mail.ewsfs.test" is this machine, or unknown while the file $EWSFS_TEST_NODNS exists.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*GetAddrInfo)(const char *, const char *, const struct addrinfo *,
	struct addrinfo **);

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret_found)
{
	const char *off = getenv("EWSFS_TEST_NODNS");
	GetAddrInfo next;

	/* What ISO C has no cast for. */
	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node == NULL || strcmp(node, "mail.ewsfs.test") != 0)
		return next(node, service, hints, ret_found);
	if (off == NULL || access(off, F_OK) == 0)
		return EAI_NONAME;
	return next("127.0.0.1", service, hints, ret_found);
}
