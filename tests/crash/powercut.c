/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dlfcn.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What a power cut would leave, for LD_PRELOAD.
 *
 * Of all files below EWSFS_TEST_DISK there is a second picture in EWSFS_TEST_SHADOW, which only
 * fsync and fdatasync touch: fsync of a file copies its bytes as they are then, and makes its name
 * known; fsync of a directory makes known which names are in it, and which are no more. After a
 * SIGKILL a test builds the directory anew from that picture (tests/crash/powercut.py): all that
 * was written since the last fsync is gone. No other call is looked at, so that nothing that the
 * program does can pass by unseen.
 *
 *   data/INO-BIRTH   the bytes of an inode at its last fsync
 *   names/PATH       a link to INO-BIRTH, PATH relative to the disk with / as %
 *
 * The boot id is another after a power cut: EWSFS_TEST_BOOT_ID is the file that open finds instead.
 */

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

typedef int (*OpenCall)(const char *path, int flags, ...);

/* set once, then const */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *disk;
static const char *shadow;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf; the picture */

static void fail(const char *what)
{
	fprintf(stderr, "powercut: %s: %s\n", what, strerror(errno));
	abort();
}

static int open_next(const char *name, const char *path, int flags, mode_t mode)
{
	OpenCall call;
	void *found = dlsym(RTLD_NEXT, name);
	if (found == NULL)
		abort();
	memcpy(&call, &found, sizeof call);
	return call(path, flags, mode);
}

static void set_up(void)
{
	char path[PATH_MAX];
	disk = getenv("EWSFS_TEST_DISK");
	shadow = getenv("EWSFS_TEST_SHADOW");
	if (disk == NULL || shadow == NULL) {
		disk = NULL;
		return;
	}
	mkdir(shadow, 0700);
	snprintf(path, sizeof path, "%s/data", shadow);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/names", shadow);
	mkdir(path, 0700);
}

/* --- the picture --------------------------------------------------------------------------- */

/* An inode number is used again; with the time of its birth it is not. */
static void key_of(int dir_fd, const char *name, char *ret_key, size_t size)
{
	struct statx info;
	int flags = name[0] == '\0' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
	if (statx(dir_fd, name, flags, STATX_INO | STATX_BTIME, &info) != 0)
		fail("statx");
	snprintf(ret_key, size, "%llu-%lld.%u", (unsigned long long)info.stx_ino,
		(long long)info.stx_btime.tv_sec, info.stx_btime.tv_nsec);
}

static void copy_bytes(int fd, const char *key)
{
	static char piece[1 << 16];
	char temp[PATH_MAX], path[PATH_MAX], own[64];
	ssize_t len;
	off_t at = 0;
	snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
	int from = open_next("open", own, O_RDONLY | O_CLOEXEC, 0);
	snprintf(temp, sizeof temp, "%s/data/temp", shadow);
	snprintf(path, sizeof path, "%s/data/%s", shadow, key);
	int to = open_next("open", temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (from < 0 || to < 0)
		fail(path);
	while ((len = pread(from, piece, sizeof piece, at)) > 0) {
		if (pwrite(to, piece, (size_t)len, at) != len)
			fail(temp);
		at += len;
	}
	close(from);
	close(to);
	if (len < 0 || rename(temp, path) != 0)
		fail(path);
}

/* The path below the disk, with / as %; false for what is elsewhere. */
static bool flatten(const char *path, char *ret_name, size_t size)
{
	size_t len = strlen(disk);
	if (strncmp(path, disk, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return false;
	snprintf(ret_name, size, "%s", path[len] == '/' ? path + len + 1 : "");
	for (char *c = ret_name; *c != '\0'; c++) {
		if (*c == '/')
			*c = '%';
	}
	return true;
}

static void set_name(const char *flat, const char *key)
{
	/* What was flattened is shorter than a path may be; the compiler takes it for longer. */
	char temp[PATH_MAX], path[3 * PATH_MAX];
	snprintf(temp, sizeof temp, "%s/names/.temp", shadow);
	snprintf(path, sizeof path, "%s/names/%s", shadow, flat);
	unlink(temp);
	if (symlink(key, temp) != 0 || rename(temp, path) != 0)
		fail(path);
}

static void keep_file(int fd, const char *path)
{
	char key[64], flat[PATH_MAX];
	if (!flatten(path, flat, sizeof flat))
		return;
	key_of(fd, "", key, sizeof key);
	copy_bytes(fd, key);
	if (strstr(path, " (deleted)") == NULL)
		set_name(flat, key);
}

/* Names that the picture has of this directory and the directory has no more. */
static void drop_names(int fd, const char *prefix)
{
	char path[PATH_MAX];
	size_t len = strlen(prefix);
	snprintf(path, sizeof path, "%s/names", shadow);
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		const char *name = entry->d_name + len;
		if (strncmp(entry->d_name, prefix, len) != 0 || strchr(name, '%') != NULL ||
			entry->d_name[0] == '.')
			continue;
		if (faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

static void keep_names(int fd, const char *path)
{
	char prefix[PATH_MAX], flat[2 * PATH_MAX], key[64], own[64];
	struct stat st;
	struct dirent *entry;
	if (!flatten(path, prefix, sizeof prefix - 1))
		return;
	if (prefix[0] != '\0')
		strcat(prefix, "%");
	snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
	DIR *dir = opendir(own);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
			!S_ISREG(st.st_mode))
			continue;
		key_of(fd, entry->d_name, key, sizeof key);
		snprintf(flat, sizeof flat, "%s%s", prefix, entry->d_name);
		set_name(flat, key);
	}
	if (dir != NULL)
		closedir(dir);
	drop_names(fd, prefix);
}

static void keep(int fd)
{
	char own[64], path[PATH_MAX];
	struct stat st;
	pthread_once(&once, set_up);
	if (disk == NULL || fstat(fd, &st) != 0)
		return;
	snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
	ssize_t len = readlink(own, path, sizeof path - 1);
	if (len < 0)
		return;
	path[len] = '\0';
	pthread_mutex_lock(&lock);
	if (S_ISDIR(st.st_mode))
		keep_names(fd, path);
	else if (S_ISREG(st.st_mode))
		keep_file(fd, path);
	pthread_mutex_unlock(&lock);
}

/* --- what is called instead ----------------------------------------------------------------- */

int fsync(int fd)
{
	int errnum = errno;
	keep(fd);
	errno = errnum;
	return 0;
}

int fdatasync(int fd)
{
	return fsync(fd);
}

static const char *path_for(const char *path)
{
	const char *other = strcmp(path, BOOT_ID) == 0 ? getenv("EWSFS_TEST_BOOT_ID") : NULL;
	return other != NULL ? other : path;
}

static mode_t mode_of(int flags, va_list args)
{
	bool is_made = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
	return is_made ? va_arg(args, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_next("open", path_for(path), flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	va_start(args, flags);
	mode_t mode = mode_of(flags, args);
	va_end(args);
	return open_next("open64", path_for(path), flags, mode);
}
