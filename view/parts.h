/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "view/text.h"

/*
 * What is in a message, as files and directories (the other door of view/, see view/text.h):
 *
 *     headers            every header, decoded, one a line, UTF-8
 *     raw                the bytes of the message
 *     body.txt           a text to be read, in UTF-8; several are body.txt, body-2.txt …
 *     body.html          likewise; it begins with U+FEFF, since a browser believes that rather than
 *                        what a document says of the charset that it once had
 *     attachments/NAME   every other part as it is, out of its transfer encoding
 *     attachments/NAME/  a message, in which it is as above; NAME is its file name or subject
 *
 * The list says where in the message each part is, so that who wants one reads no more than its
 * bytes, piece by piece. It is the same for the same bytes, always: the number of a part is a name
 * for it. Parts that GMime does not find in what is broken, or beyond the bounds of view/source.h,
 * are in raw only. What is no message (a card) has no headers: raw, and an attachment.
 *
 * Any thread; immutable, counted. Blocks on the disk only.
 */
#define VIEW_PARTS_MAX 16383 /* in a message, directories and all; what is beyond is in raw only */

typedef enum ViewPartKind {
	VIEW_PART_MESSAGE,     /* a directory; the first of all is the message itself */
	VIEW_PART_ATTACHMENTS, /* a directory */
	VIEW_PART_RAW,
	VIEW_PART_HEADERS,
	VIEW_PART_TEXT,
	VIEW_PART_HTML,
	VIEW_PART_ATTACHMENT,
} ViewPartKind;

typedef struct ViewPart {
	ViewPartKind kind;
	unsigned parent; /* the directory that it is in: a lower number, but for the first's own */
	int64_t size;    /* of what view_parts_write gives */
	char *name;      /* own; safe (view/name.h), and once in its directory; of the first "" */

	/* for view_parts_write: where in the message, and in what */
	int64_t start;
	int64_t end;
	int encoding;
	char *charset; /* own; NULL: as declared: not at all */
} ViewPart;

typedef struct ViewParts ViewParts;

/* Of the message in @fd, whose offset is left alone. NULL when it could not be read at all. */
ViewParts *view_parts_new(int fd);
ViewParts *view_parts_ref(ViewParts *self);
void view_parts_unref(ViewParts *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ViewParts, view_parts_unref)

unsigned view_parts_count(const ViewParts *self);
const ViewPart *view_parts_get(const ViewParts *self, unsigned number);
bool view_part_is_dir(const ViewPart *self);

/* What it takes of our memory. */
size_t view_parts_memory(const ViewParts *self);

/* The bytes of the @number-th, which is no directory, out of the message that the list was made of.
 * FALSE when they could not be read, or @write said so. */
bool view_parts_write(const ViewParts *self, unsigned number, int fd, ViewWrite write, void *user);
