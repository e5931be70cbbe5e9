/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"

/*
 * What things are called in a Maildir, and what the index calls them. Pure functions, any thread;
 * results are the caller's.
 *
 *   in the Maildir            in the index, all in the folder's directory
 *   cur/UNIQUE:2,FS           UNIQUE.eml, and its marks
 *   new/UNIQUE                UNIQUE.eml, without any mark
 *   tmp/NAME                  .tmp.NAME: scratch
 *   NAME, a file beside them  .dir.NAME: scratch, as what mail programs note for themselves
 *   NAME, a directory         NAME; but a folder called "cur", "new" or "tmp" is %63ur, %6Eew,
 *                             %74mp, which nothing else in the index can be called
 *
 * Where UNIQUE ends in .ics or .vcf, the index calls it so. A message is in `new` as long as it has
 * no mark at all, so that nothing is left unsaid by a name without letters.
 */
typedef enum FsMaildirPart {
	FS_MAILDIR_NONE, /* the folder itself */
	FS_MAILDIR_CUR,
	FS_MAILDIR_NEW,
	FS_MAILDIR_TMP,
} FsMaildirPart;

#define FS_MAILDIR_PARTS 4

/* "cur", "new", "tmp"; and back: NONE for any other name. */
const char *fs_maildirname_of_part(FsMaildirPart part);
FsMaildirPart fs_maildirname_part(const char *name);

/* Letters may come in any order, and none may be said as ":2," or not at all: these are all names
 * of the same message. FALSE for what names no message. */
bool fs_maildirname_parse(const char *name, char **ret_stored, uint64_t *ret_marks);

/* The one name by which the message is listed. */
char *fs_maildirname_make(const char *stored, uint64_t marks);

/* cur or new. */
FsMaildirPart fs_maildirname_place(uint64_t marks);

/* Every name that what the index calls @stored may have had, whatever it is, while the server's own
 * marks were others than those of @marks. */
typedef void (*FsMaildirEach)(FsMaildirPart part, const char *name, void *user);
void fs_maildirname_each(const char *stored, uint64_t marks, FsMaildirEach each, void *user);

char *fs_maildirname_store_dir(const char *name);
char *fs_maildirname_show_dir(const char *stored);

/* Of a file of @part, TMP or NONE. show: borrowed from @stored; NULL when it is of another. */
char *fs_maildirname_store_file(FsMaildirPart part, const char *name);
const char *fs_maildirname_show_file(FsMaildirPart part, const char *stored);
