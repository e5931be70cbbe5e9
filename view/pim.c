/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/pim.h"

#include <string.h>

#include "view/charset.h"
#include "view/source.h"

/* No calendar is as large, but with files in it: those are in its message beside it. */
#define CALENDAR_MAX_BYTES (16 * 1024 * 1024)
#define DEPTH_MAX 24 /* of parts in parts */

static bool begins_with(const void *start, size_t len, const char *word)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *text = start;

	if (len >= strlen(mark) && memcmp(text, mark, strlen(mark)) == 0) {
		text += strlen(mark);
		len -= strlen(mark);
	}
	return len >= strlen(word) && g_ascii_strncasecmp(text, word, strlen(word)) == 0;
}

bool view_pim_is_calendar(const void *start, size_t len)
{
	return begins_with(start, len, "BEGIN:VCALENDAR");
}

bool view_pim_is_card(const void *start, size_t len)
{
	return begins_with(start, len, "BEGIN:VCARD");
}

/* --- in a message ------------------------------------------------------------------------- */

/* The first one, as a reader of the message sees it: not one in a message that was attached. */
static GMimePart *find(GMimeObject *part, unsigned depth)
{
	GMimeContentType *type;

	if (part == NULL || depth > DEPTH_MAX)
		return NULL;
	type = g_mime_object_get_content_type(part);
	if (GMIME_IS_PART(part) && g_mime_content_type_is_type(type, "text", "calendar"))
		return GMIME_PART(part);
	if (!GMIME_IS_MULTIPART(part))
		return NULL;
	for (int i = 0; i < g_mime_multipart_get_count(GMIME_MULTIPART(part)); i++) {
		GMimePart *found =
			find(g_mime_multipart_get_part(GMIME_MULTIPART(part), i), depth + 1);

		if (found != NULL)
			return found;
	}
	return NULL;
}

static GByteArray *decode(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GByteArray *bytes = g_byte_array_new();
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);

	g_mime_stream_mem_set_owner(GMIME_STREAM_MEM(stream), FALSE);
	if (content != NULL)
		g_mime_data_wrapper_write_to_stream(content, stream);
	g_object_unref(stream);
	return bytes;
}

/* A text has no NUL; what comes after one must not be missed by those who end there. */
static void drop_nuls(GString *text)
{
	gsize kept = 0;

	for (gsize i = 0; i < text->len; i++) {
		if (text->str[i] != '\0')
			text->str[kept++] = text->str[i];
	}
	g_string_truncate(text, kept);
}

/* Some servers cut it in the middle: what has no end is of no use to anybody. */
static bool is_whole(const GString *text)
{
	const char *end = g_strrstr_len(text->str, (gssize)text->len, "END:VCALENDAR");

	return view_pim_is_calendar(text->str, text->len) && end != NULL;
}

static GBytes *calendar_of(GMimePart *part)
{
	const char *name = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
	g_autoptr(GByteArray) bytes = decode(part);
	g_autoptr(ViewCharset) charset = view_charset_new(name);
	g_autoptr(GString) text = g_string_new(NULL);

	if (bytes->len == 0)
		return NULL;
	view_charset_feed(charset, (const char *)bytes->data, bytes->len, text);
	view_charset_end(charset, text);
	drop_nuls(text);
	if (!is_whole(text))
		return NULL;
	if (text->str[text->len - 1] != '\n')
		g_string_append(text, "\r\n");
	return g_string_free_to_bytes(g_steal_pointer(&text));
}

GBytes *view_pim_calendar_in(int fd)
{
	ViewSource source;
	GMimePart *part = NULL;
	GBytes *calendar = NULL;

	if (!view_source_open(&source, fd))
		return NULL;
	view_source_parse(&source);
	if (source.message != NULL)
		part = find(g_mime_message_get_mime_part(source.message), 0);
	if (part != NULL && g_mime_part_get_content(part) != NULL &&
		g_mime_stream_length(g_mime_data_wrapper_get_stream(
			g_mime_part_get_content(part))) <= CALENDAR_MAX_BYTES)
		calendar = calendar_of(part);
	view_source_close(&source);
	return calendar;
}
