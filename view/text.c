/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/text.h"

#include <gmime/gmime.h>
#include <libxml/parser.h>
#include <string.h>

#include "view/body.h"
#include "view/head.h"
#include "view/kind.h"
#include "view/out.h"
#include "view/source.h"

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

/* Of text, what is not markup for a program. And what is called a message and is none to GMime:
 * what a server says of a delivery, a piece of one, one in base64. */
static Kind kind_of(GMimeObject *part)
{
	if (!GMIME_IS_PART(part))
		return KIND_OTHER;
	if (view_kind_is(part, "text", "html"))
		return KIND_HTML;
	if (view_kind_is(part, "text", "rtf") || view_kind_is(part, "text", "richtext"))
		return KIND_OTHER;
	if (view_kind_is(part, "text", "*") || view_kind_is(part, "message", "*"))
		return KIND_TEXT;
	return KIND_OTHER;
}

/* --- attachments ------------------------------------------------------------------------- */

/* A message has no size but that of what follows it. */
static void say_attachment(Render *self, GMimeObject *part)
{
	g_autofree char *name = view_kind_name(part);
	g_autofree char *type = view_kind_type(part);
	g_autoptr(GString) line = g_string_new("[attachment: ");

	g_string_append_printf(line, "%s, %s", name != NULL ? name : "unnamed", type);
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

	if (GMIME_IS_MULTIPART(part) && depth < VIEW_DEPTH_MAX) {
		int count = g_mime_multipart_get_count(GMIME_MULTIPART(part));
		for (int i = 0; i < count && best < WORTH_TEXT; i++) {
			Worth worth = worth_of(g_mime_multipart_get_part(GMIME_MULTIPART(part), i),
				depth + 1);
			best = MAX(best, worth);
		}
		return best;
	}
	if (kind_of(part) == KIND_HTML && !view_kind_is_attachment(GMIME_PART(part)))
		return WORTH_HTML;
	if (view_kind_is(part, "text", "calendar") || kind_of(part) != KIND_TEXT ||
		view_kind_is_attachment(GMIME_PART(part)) || view_body_is_blank(GMIME_PART(part)))
		return WORTH_NOTHING;
	return WORTH_TEXT;
}

/* What is in an alternative that is not read: its texts are told by the other. */
static void say_rest(Render *self, GMimeObject *part, unsigned depth)
{
	if (GMIME_IS_MULTIPART(part) && depth < VIEW_DEPTH_MAX) {
		int count = g_mime_multipart_get_count(GMIME_MULTIPART(part));
		for (int i = 0; i < count; i++)
			say_rest(self, g_mime_multipart_get_part(GMIME_MULTIPART(part), i),
				depth + 1);
		return;
	}
	if (!GMIME_IS_PART(part) || view_kind_is_attachment(GMIME_PART(part)) ||
		view_kind_is(part, "text", "calendar") || kind_of(part) == KIND_OTHER)
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

	if (kind == KIND_OTHER || view_kind_is_attachment(GMIME_PART(part)))
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
	if (self->depth >= VIEW_DEPTH_MAX) {
		view_out_cut(self->out);
		return;
	}
	self->depth++;
	if (GMIME_IS_MESSAGE_PART(part))
		render_inner_message(self, GMIME_MESSAGE_PART(part));
	else if (GMIME_IS_MULTIPART(part) && view_kind_is(part, "multipart", "alternative"))
		render_alternatives(self, GMIME_MULTIPART(part));
	else if (GMIME_IS_MULTIPART(part))
		render_all(self, GMIME_MULTIPART(part));
	else
		render_leaf(self, part);
	self->depth--;
}

/* --- the whole --------------------------------------------------------------------------- */

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
	if (!view_kind_is_card(source->stream))
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
