/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/kind.h"

#include <string.h>

bool view_kind_is(GMimeObject *part, const char *type, const char *subtype)
{
	return g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype);
}

bool view_kind_is_attachment(GMimePart *part)
{
	const char *name = g_mime_part_get_filename(part);

	return g_mime_part_is_attachment(part) || (name != NULL && *name != '\0');
}

char *view_kind_name(GMimeObject *part)
{
	const char *name =
		GMIME_IS_PART(part)
			? g_mime_part_get_filename(GMIME_PART(part))
			: g_mime_object_get_content_disposition_parameter(part, "filename");

	return name != NULL && *name != '\0' ? g_utf8_make_valid(name, -1) : NULL;
}

char *view_kind_type(GMimeObject *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(part);
	g_autofree char *text = g_mime_content_type_get_mime_type(type);

	return g_utf8_make_valid(text, -1);
}

bool view_kind_is_card(GMimeStream *stream)
{
	char begin[16] = "";

	g_mime_stream_reset(stream);
	ssize_t got = g_mime_stream_read(stream, begin, sizeof(begin) - 1);
	g_mime_stream_reset(stream);
	return got > 0 && g_ascii_strncasecmp(begin, "BEGIN:V", strlen("BEGIN:V")) == 0;
}
