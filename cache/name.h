/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include "cache/template.h"
#include "ews/types.h"

/*
 * What things are called in the tree. Pure functions, any thread; results are the caller's.
 *
 * A message is called by a template (template.h), usually DATE_PARTY_SUBJECT.LETTERS, and its
 * extension, as 2026-11-20T101500Z_Sender-Name_Budget-review.k3f9q2zt7a.eml: letters and digits of
 * any script (with the marks that belong to them), `.`, `_` and `-`, nothing else, so that no
 * shell, no terminal and no backup tool has to be told about it. At most CACHE_NAME_MAX bytes: what
 * people wrote is cut, between characters, the letters and the extension never are. A field that is
 * empty goes with what joins it to the one before. The same item gives the same name everywhere.
 *
 * A folder keeps its DisplayName as far as a directory can: what cannot stand in a file name is
 * %XX, and so is `%` itself, so that the name can be read back.
 */

#define CACHE_NAME_MAX 120
#define CACHE_NAME_PARTY_MAX 32 /* bytes of whoever it is from, or to */

/* Whether names hold @c. @after_word: the character before it is of a word. */
bool cache_name_is_word(gunichar c, bool after_word);

/* The file name's extension by ItemClass: ".ics", ".vcf", else ".eml". */
const char *cache_name_extension(const char *item_class);

/* @letters: of the item's identity. @owner: the mailbox's address, to tell mail that its owner
 * sent. An item's file_name (a user's own choice) is taken over where it is a good name. */
char *cache_name_item(const CacheTemplate *template, const EwsItem *item, const char *letters,
	const char *owner);

/* @name with @others where the template puts @letters; NULL: they are not there, so a user gave it.
 * Owned. */
char *cache_name_exchange(const CacheTemplate *template, const char *name, const char *letters,
	const char *others);

/* The same where names tell marks (fs/maildirname.h): SECONDS.ewsfs.LETTERS.EXT. A user's own is
 * taken over where programs that know Maildirs would not misread it. */
char *cache_name_item_marked(const EwsItem *item, const char *letters);

/* @name with @letters before the extension: for the second of two equal names. */
char *cache_name_with_letters(const char *name, const char *letters);

/* The directory's name; @is_top: below the root, where names of ours (.ewsfs) are taken. */
char *cache_name_folder(const char *display_name, bool is_top);

/* The DisplayName that shows as @name; NULL where none does. Owned. */
char *cache_name_folder_decode(const char *name);
