/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/scratch.h"

#include <glib.h>
#include <stdbool.h>
#include <string.h>

/*
 * Which tools make which names, as seen with strace or read in their sources. Whatever begins with
 * a dot (rsync's `.name.eml.XXXXXX`, `.name.swp`, `.#name`, `.goutputstream-XXXXXX`, `.nfsXXXX`,
 * `.fuse_hiddenXXXX`, `.~tmp~/`, syncthing, unison) needs no row; nor has a name without a dot
 * (vim's 4913, `sedXXXXXX`, Python's `tmpXXXXXXXX`, `#name#` of what has none).
 */

static const char *const endings[] = {
	"~",           /* editors' backups, cp --backup, install -b, patch */
	".tmp",        /* LibreOffice, Office, atomic writers */
	".temp",       /* the same, spelt out */
	".part",       /* curl, Firefox, KDE, lftp */
	".partial",    /* rclone, wget wrappers */
	".crdownload", /* Chromium */
	".download",   /* Safari */
	".aria2",      /* aria2's control file */
	".filepart",   /* WinSCP */
	".swp",        /* vim; nano's lock */
	".swo",        /* vim, the second one */
	".swx",        /* vim, testing whether it can make a swap file */
	".swpx",       /* the same */
	".bak",        /* sed -i.bak, perl -i.bak, many editors */
	".old",        /* logrotate and install scripts */
	".orig",       /* patch, merge tools */
	".rej",        /* patch */
	".new",        /* dpkg, install scripts that rename into place */
	".dpkg-new",   /* dpkg */
	".dpkg-tmp",   /* dpkg */
	".lock",       /* git, dotlocking */
	".lck",        /* dotlocking */
};

static const char *const messages[] = {".eml", ".ics", ".vcf"};

static bool ends_with(const char *name, size_t len, const char *ending)
{
	size_t ending_len = strlen(ending);
	return len > ending_len &&
	       g_ascii_strncasecmp(name + len - ending_len, ending, ending_len) == 0;
}

static bool is_message(const char *name, size_t len)
{
	for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
		if (ends_with(name, len, messages[i]))
			return true;
	}
	return false;
}

/* mkstemp on top of a message's name: `name.eml.XXXXXX`, GLib's and Qt's way to write a file, and
 * patch's `name.eml.oXXXXXX`. */
static bool is_drawn(const char *name, size_t len)
{
	size_t letters = 0;
	while (letters < len && g_ascii_isalnum(name[len - letters - 1]))
		letters++;
	size_t end = len - letters;
	bool is_patch = letters == 7 && strchr("orp", name[end]) != NULL;
	if ((letters != 6 && !is_patch) || end == 0 || name[end - 1] != '.')
		return false;
	return is_message(name, end - 1);
}

static bool is_numbered(const char *name, size_t len)
{
	size_t end = len;
	while (end > 0 && g_ascii_isdigit(name[end - 1]))
		end--;
	/* `name.eml.1234567`: write-file-atomic and others that put a process id there. */
	return end < len && end > 1 && name[end - 1] == '.' && is_message(name, end - 1);
}

static bool is_scratch(const char *name, size_t len)
{
	/* `#name#`: Emacs saving by itself; `.~lock.name#`: LibreOffice. `~$name`: Office. */
	bool is_hashed = len > 1 && name[0] == '#' && name[len - 1] == '#';
	if (name[0] == '.' || is_hashed || (name[0] == '~' && name[1] == '$'))
		return true;
	if (strchr(name, '.') == NULL)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
		if (ends_with(name, len, endings[i]))
			return true;
	}
	return is_drawn(name, len) || is_numbered(name, len);
}

CacheNameKind cache_name_kind(const char *name)
{
	size_t len = strlen(name);
	if (is_scratch(name, len))
		return CACHE_NAME_SCRATCH;
	return is_message(name, len) ? CACHE_NAME_MESSAGE : CACHE_NAME_OTHER;
}
