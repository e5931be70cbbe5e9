/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "ews/error.h"
#include "fs/mountinfo.h"

G_GNUC_PRINTF(2, 3)
static bool refuse(GError **error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	g_autofree char *text = g_strdup_vprintf(format, args);
	va_end(args);
	g_set_error_literal(error, EWS_ERROR, EWS_ERROR_LOCAL, text);
	return false;
}

/* realpath, but of the directory above: the last part may be a dead mount that answers ENOTCONN
 * to everything. The last part being a link is for the plain realpath. */
static char *resolve(const char *path)
{
	char *whole = realpath(path, NULL);

	if (whole != NULL) {
		char *copy = g_strdup(whole);
		free(whole);
		return copy;
	}
	int failure = errno;
	g_autofree char *absolute = g_canonicalize_filename(path, NULL);
	g_autofree char *above = g_path_get_dirname(absolute);
	g_autofree char *name = g_path_get_basename(absolute);
	char *parent = realpath(above, NULL);
	char *joined = parent != NULL ? g_build_filename(parent, name, NULL) : NULL;
	free(parent);
	errno = failure;
	return joined;
}

bool fs_mountpoint_detach(const char *path)
{
	g_autofree char *output = NULL;
	const char *argv[] = {"fusermount3", "-u", "-z", "-q", "--", path, NULL};
	int status = -1;

	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return true;
	return g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
		&output, &status, NULL) && g_spawn_check_wait_status(status, NULL);
}

static bool is_ours(const char *path)
{
	g_autoptr(GPtrArray) entries = fs_mountinfo_read(NULL);

	return entries != NULL && fs_mountinfo_is_ours(fs_mountinfo_at(entries, path));
}

/* Whether the process behind a mount is gone. Of statfs the kernel keeps nothing: stat may well be
 * answered for a day by what a dead one said. */
static bool is_dead(const char *path)
{
	struct statvfs space;

	return statvfs(path, &space) < 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

/* As often as it happened: they lie on top of each other. */
static bool take_away_dead(const char *path, GError **error)
{
	while (is_ours(path) && is_dead(path)) {
		g_message("taking away the dead mount at %s", path);
		if (!fs_mountpoint_detach(path))
			return refuse(error, "mount point %s holds a dead mount that cannot be "
				"taken away: try \"fusermount3 -uz %s\"", path, path);
	}
	return true;
}

static bool check_directory(const char *path, GError **error)
{
	struct stat attr;

	if (stat(path, &attr) < 0)
		return refuse(error, "mount point %s: %s", path, g_strerror(errno));
	if (!S_ISDIR(attr.st_mode))
		return refuse(error, "mount point %s is not a directory", path);
	if (is_ours(path))
		return refuse(error,
			"mount point %s is busy: a mailbox is mounted there; unmount it "
			"with \"fusermount3 -u %s\"",
			path, path);
	/* fusermount3 asks for the same, in other words. */
	if (geteuid() != 0 && access(path, W_OK) < 0)
		return refuse(error, "mount point %s: not permitted to write there", path);
	return true;
}

char *fs_mountpoint_prepare(const char *path, GError **error)
{
	g_autofree char *resolved = resolve(path);

	if (resolved == NULL) {
		refuse(error, "mount point %s: %s", path, g_strerror(errno));
		return NULL;
	}
	if (!take_away_dead(resolved, error) || !check_directory(resolved, error))
		return NULL;
	return g_steal_pointer(&resolved);
}
