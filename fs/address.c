/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/address.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 16

typedef int (*Action)(int fd, const struct sockaddr *address, socklen_t len);

/* Opens the directory of @path, and runs @action with the short name. */
static int with_short_name(const char *path, int fd, Action action)
{
	g_autofree char *directory = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int directory_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (directory_fd < 0)
		return -1;
	int len = g_snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s",
		directory_fd, name);
	int result = -1;
	if (len < (int)sizeof(address.sun_path))
		result = action(fd, (const struct sockaddr *)&address, sizeof(address));
	else
		errno = ENAMETOOLONG;
	int failure = errno;
	close(directory_fd);
	errno = failure;
	return result;
}

/* Nobody else reaches the state directory, 0700; the mode is for those who moved it. */
static int bind_private(int fd, const struct sockaddr *address, socklen_t len)
{
	const struct sockaddr_un *local = (const struct sockaddr_un *)address;

	if (unlink(local->sun_path) < 0 && errno != ENOENT)
		return -1;
	mode_t before = umask(0177);
	int result = bind(fd, address, len);
	umask(before);
	return result;
}

static int open_socket(const char *path, Action action)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (with_short_name(path, fd, action) == 0)
		return fd;
	int failure = errno;
	close(fd);
	errno = failure;
	return -1;
}

int fs_address_listen(const char *path)
{
	int fd = open_socket(path, bind_private);

	if (fd >= 0 && listen(fd, BACKLOG) < 0) {
		int failure = errno;
		close(fd);
		errno = failure;
		return -1;
	}
	return fd;
}

int fs_address_connect(const char *path)
{
	return open_socket(path, connect);
}
