/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/text.h"

#include <gmime/gmime.h>
#include <libxml/parser.h>
#include <string.h>

#include "view/body.h"
#include "view/head.h"
#include "view/out.h"
#include "view/source.h"

#define DEPTH_MAX 24 /* of parts in parts, messages among them */

void view_init(void)
{
	g_mime_init();
	xmlInitParser();
}

/* One rendering. */
typedef struct Render {
	ViewOut *out;
	const ViewFacts *facts;
	unsigned depth;
} Render;

static void render_part(Render *self, GMimeObject *part);

/* --- what a part is ---------------------------------------------------------------------- */

typedef enum Kind {
	KIND_OTHER, /* a line says that it is there */
	KIND_TEXT,
	KIND_HTML,
} Kind;

static bool is_type(GMimeObject *part, const char *type, const char *subtype)
{
	return g_mime_content_type_is_type(g_mime_object_get_content_type(part), type, subtype);
}

/* Of text, what is not markup for a program. And what is called a message and is none to GMime:
 * what a server says of a delivery, a piece of one, one in base64. */
static Kind kind_of(GMimeObject *part)
{
	if (!GMIME_IS_PART(part))
		return KIND_OTHER;
	if (is_type(part, "text", "html"))
		return KIND_HTML;
	if (is_type(part, "text", "rtf") || is_type(part, "text", "richtext"))
		return KIND_OTHER;
	if (is_type(part, "text", "*") || is_type(part, "message", "*"))
		return KIND_TEXT;
	return KIND_OTHER;
}

static bool is_attachment(GMimePart *part)
{
	const char *name = g_mime_part_get_filename(part);

	return g_mime_part_is_attachment(part) || (name != NULL && *name != '\0');
}

/* --- attachments ------------------------------------------------------------------------- */

/* A part's, or a message's; owned. */
static char *name_of(GMimeObject *part)
{
	const char *name =
		GMIME_IS_PART(part)
			? g_mime_part_get_filename(GMIME_PART(part))
			: g_mime_object_get_content_disposition_parameter(part, "filename");

	return name != NULL && *name != '\0' ? g_utf8_make_valid(name, -1) : g_strdup("unnamed");
}

static char *type_of(GMimeObject *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(part);
	g_autofree char *text = g_mime_content_type_get_mime_type(type);

	return g_utf8_make_valid(text, -1);
}

/* A message has no size but that of what follows it. */
static void say_attachment(Render *self, GMimeObject *part)
{
	g_autofree char *name = name_of(part);
	g_autofree char *type = type_of(part);
	g_autoptr(GString) line = g_string_new("[attachment: ");

	g_string_append_printf(line, "%s, %s", name, type);
	if (GMIME_IS_PART(part))
		g_string_append_printf(line, ", %" G_GINT64_FORMAT " bytes",
			view_body_size(GMIME_PART(part)));
	g_string_append_c(line, ']');
	view_out_gap(self->out);
	view_out_words(self->out, line->str);
	view_out_fresh(self->out);
}

/* --- alternatives ------------------------------------------------------------------------ */

/* How good a part is to be read: the best of what is in it. */
typedef enum Worth {
	WORTH_NOTHING,
	WORTH_HTML,
	WORTH_TEXT,
} Worth;

static Worth worth_of(GMimeObject *part, unsigned depth)
{
	Worth best = WORTH_NOTHING;

	if (GMIME_IS_MULTIPART(part) && depth < DEPTH_MAX) {
		int count = g_mime_multipart_get_count(GMIME_MULTIPART(part));
		for (int i = 0; i < count && best < WORTH_TEXT; i++) {
			Worth worth = worth_of(g_mime_multipart_get_part(GMIME_MULTIPART(part), i),
				depth + 1);
			best = MAX(best, worth);
		}
		return best;
	}
	if (kind_of(part) == KIND_HTML && !is_attachment(GMIME_PART(part)))
		return WORTH_HTML;
	if (is_type(part, "text", "calendar") || kind_of(part) != KIND_TEXT ||
		is_attachment(GMIME_PART(part)) || view_body_is_blank(GMIME_PART(part)))
		return WORTH_NOTHING;
	return WORTH_TEXT;
}

/* What is in an alternative that is not read: its texts are told by the other. */
static void say_rest(Render *self, GMimeObject *part, unsigned depth)
{
	if (GMIME_IS_MULTIPART(part) && depth < DEPTH_MAX) {
		int count = g_mime_multipart_get_count(GMIME_MULTIPART(part));
		for (int i = 0; i < count; i++)
			say_rest(self, g_mime_multipart_get_part(GMIME_MULTIPART(part), i),
				depth + 1);
		return;
	}
	if (!GMIME_IS_PART(part) || is_attachment(GMIME_PART(part)) ||
		is_type(part, "text", "calendar") || kind_of(part) == KIND_OTHER)
		say_attachment(self, part);
}

static void render_alternatives(Render *self, GMimeMultipart *all)
{
	int count = g_mime_multipart_get_count(all);
	Worth best = WORTH_NOTHING;
	int chosen = 0;

	for (int i = 0; i < count && best < WORTH_TEXT; i++) {
		Worth worth = worth_of(g_mime_multipart_get_part(all, i), self->depth);
		if (worth > best) {
			best = worth;
			chosen = i;
		}
	}
	if (count > 0)
		render_part(self, g_mime_multipart_get_part(all, chosen));
	for (int i = 0; i < count; i++) {
		if (i != chosen)
			say_rest(self, g_mime_multipart_get_part(all, i), self->depth);
	}
}

/* --- parts ------------------------------------------------------------------------------- */

static void render_all(Render *self, GMimeMultipart *all)
{
	int count = g_mime_multipart_get_count(all);

	for (int i = 0; i < count && !view_out_is_closed(self->out); i++)
		render_part(self, g_mime_multipart_get_part(all, i));
}

static void render_message(Render *self, GMimeMessage *message, const ViewFacts *facts)
{
	GMimeObject *body = g_mime_message_get_mime_part(message);

	view_head_write(message, facts, self->out);
	view_out_gap(self->out);
	if (body != NULL)
		render_part(self, body);
}

static void render_inner_message(Render *self, GMimeMessagePart *part)
{
	const ViewFacts facts = {.zone = self->facts->zone};
	GMimeMessage *message = g_mime_message_part_get_message(part);

	say_attachment(self, GMIME_OBJECT(part));
	view_out_indent(self->out, "    ");
	if (message != NULL)
		render_message(self, message, &facts);
	view_out_fresh(self->out);
	view_out_outdent(self->out);
}

static void render_leaf(Render *self, GMimeObject *part)
{
	Kind kind = kind_of(part);

	if (kind == KIND_OTHER || is_attachment(GMIME_PART(part)))
		say_attachment(self, part);
	else
		view_out_gap(self->out);
	if (kind == KIND_HTML)
		view_body_html(GMIME_PART(part), self->out);
	else if (kind == KIND_TEXT)
		view_body_text(GMIME_PART(part), self->out);
}

static void render_part(Render *self, GMimeObject *part)
{
	if (self->depth >= DEPTH_MAX) {
		view_out_cut(self->out);
		return;
	}
	self->depth++;
	if (GMIME_IS_MESSAGE_PART(part))
		render_inner_message(self, GMIME_MESSAGE_PART(part));
	else if (GMIME_IS_MULTIPART(part) && is_type(part, "multipart", "alternative"))
		render_alternatives(self, GMIME_MULTIPART(part));
	else if (GMIME_IS_MULTIPART(part))
		render_all(self, GMIME_MULTIPART(part));
	else
		render_leaf(self, part);
	self->depth--;
}

/* --- the whole --------------------------------------------------------------------------- */

/* A calendar entry or a contact, as some servers give them, is no message; to GMime anything is. */
static bool is_card(GMimeStream *stream)
{
	char begin[16] = "";

	g_mime_stream_reset(stream);
	ssize_t got = g_mime_stream_read(stream, begin, sizeof(begin) - 1);
	g_mime_stream_reset(stream);
	return got > 0 && g_ascii_strncasecmp(begin, "BEGIN:V", strlen("BEGIN:V")) == 0;
}

/* What is no message is text. */
static void render_bytes(Render *self, GMimeStream *stream)
{
	view_head_write(NULL, self->facts, self->out);
	view_out_gap(self->out);
	g_mime_stream_reset(stream);
	view_body_stream(stream, self->out);
}

static void render(Render *self, ViewSource *source)
{
	if (!is_card(source->stream))
		view_source_parse(source);
	if (source->message != NULL)
		render_message(self, source->message, self->facts);
	else
		render_bytes(self, source->stream);
	if (source->is_cut)
		view_out_cut(self->out);
}

bool view_text_render(int fd, const ViewFacts *facts, ViewWrite write, void *user)
{
	g_autoptr(ViewOut) out = view_out_new(write, user);
	Render self = {.out = out, .facts = facts};
	ViewSource source;

	if (!view_source_open(&source, fd))
		return false;
	render(&self, &source);
	view_source_close(&source);
	return view_out_end(out);
}
