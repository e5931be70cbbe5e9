/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/html.h"

#include <libxml/HTMLparser.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MARK "<!["
#define NAME_BYTES 100 /* where the parser ends a name by itself */
#define LISTS_MAX 16
#define QUOTES_MAX 16
#define LINK_MAX 2048 /* bytes of an address that are shown, and of its text that are compared */

/* One document. */
typedef struct ViewHtml {
	ViewOut *out;        /* borrowed */
	htmlParserCtxt *xml; /* own */
	ViewRead read;
	void *user;
	GString *piece; /* own; as it was read */
	GString *clean; /* own; as the parser is to see it */
	size_t given;   /* bytes of it that it has seen */
	size_t taken;
	size_t splits; /* read since the parser last told of something */
	uint64_t squares;
	size_t mark;          /* bytes of MARK that were taken; all: in one */
	unsigned mark_dashes; /* that it ends with so far */
	unsigned depth;
	unsigned hidden; /* elements that are open, the outermost of which is not shown */
	unsigned raw;    /* <pre> that are open */
	unsigned quotes;
	unsigned lists;
	unsigned numbers[LISTS_MAX]; /* of the next entry; 0: it has none */
	unsigned breaks;             /* line ends that are due: 2 is an empty line */
	bool wants_blank;
	bool has_text;  /* in this document */
	bool is_inside; /* of a line */
	bool is_ended;
	char *link;    /* own; the address of the link that is open */
	GString *name; /* own; its text */
} ViewHtml;

/* --- text -------------------------------------------------------------------------------- */

static void write_breaks(ViewHtml *self)
{
	if (self->breaks > 0 && self->has_text) {
		if (self->breaks > 1)
			view_out_gap(self->out);
		else
			view_out_fresh(self->out);
	}
	if (self->breaks > 0)
		self->is_inside = false;
	self->breaks = 0;
}

static void write_text(ViewHtml *self, const char *text, size_t len)
{
	if (len == 0)
		return;
	write_breaks(self);
	if (self->wants_blank && self->is_inside)
		view_out_text(self->out, " ", 1);
	self->wants_blank = false;
	self->is_inside = self->has_text = true;
	view_out_text(self->out, text, len);
	if (self->link != NULL && self->name->len < LINK_MAX)
		g_string_append_len(self->name, text, (gssize)len);
}

static void want_breaks(ViewHtml *self, unsigned count)
{
	self->breaks = MAX(self->breaks, count);
	self->wants_blank = false;
}

static bool is_space(char byte)
{
	return byte == ' ' || byte == '\n' || byte == '\t' || byte == '\r' || byte == '\f';
}

/* What takes no room is there to be found by nobody: it would only come between the letters of a
 * word that is looked for. Joiners of letters, which scripts need, stay. */
static const char *const invisible[] = {
	"\xc2\xad",
	"\xcd\x8f",
	"\xe2\x80\x8b",
	"\xe2\x81\xa0",
	"\xef\xbb\xbf",
};

static size_t invisible_at(const char *text, const char *end)
{
	for (size_t i = 0; i < G_N_ELEMENTS(invisible); i++) {
		size_t len = strlen(invisible[i]);
		if ((size_t)(end - text) >= len && memcmp(text, invisible[i], len) == 0)
			return len;
	}
	return 0;
}

/* Blanks that do not break a line are blanks. */
static size_t blank_at(const char *text, const char *end)
{
	if (is_space(*text))
		return 1;
	return end - text > 1 && memcmp(text, "\xc2\xa0", 2) == 0 ? 2 : 0;
}

static void write_flowing(ViewHtml *self, const char *text, size_t len)
{
	const char *end = text + len;
	const char *start = text;

	while (text < end) {
		size_t blank = blank_at(text, end);
		size_t nothing = blank == 0 ? invisible_at(text, end) : 0;
		if (blank + nothing == 0) {
			text++;
			continue;
		}
		write_text(self, start, (size_t)(text - start));
		if (blank > 0)
			self->wants_blank = true;
		text += blank + nothing;
		start = text;
	}
	write_text(self, start, (size_t)(text - start));
}

static void stop(ViewHtml *self)
{
	if (self->is_ended)
		return;
	self->is_ended = true;
	view_out_cut(self->out);
	xmlStopParser(self->xml);
}

/* The parser told of something: so far it has come. */
static void note_progress(ViewHtml *self)
{
	self->squares += (uint64_t)self->splits * self->splits;
	self->splits = 0;
	if (self->squares > HTML_SQUARES_MAX)
		stop(self);
}

/* Comments may be as long as they like. */
static void on_comment(void *user, const xmlChar *text)
{
	ViewHtml *self = user;

	self->splits = 0;
}

static void on_text(void *user, const xmlChar *text, int len)
{
	ViewHtml *self = user;

	note_progress(self);
	if (self->hidden > 0 || len <= 0)
		return;
	if (self->raw == 0)
		write_flowing(self, (const char *)text, (size_t)len);
	else
		write_text(self, (const char *)text, (size_t)len);
}

static void write_line(ViewHtml *self, const char *text)
{
	write_text(self, text, strlen(text));
}

/* --- elements ---------------------------------------------------------------------------- */

static const char *value_of(const xmlChar **attributes, const char *name)
{
	for (; attributes != NULL && attributes[0] != NULL; attributes += 2) {
		if (g_ascii_strcasecmp((const char *)attributes[0], name) == 0)
			return attributes[1] != NULL ? (const char *)attributes[1] : "";
	}
	return NULL;
}

static void start_break(ViewHtml *self, const xmlChar **attributes)
{
	self->breaks = MIN(self->breaks + 1, 2);
	self->wants_blank = false;
}

static void start_rule(ViewHtml *self, const xmlChar **attributes)
{
	want_breaks(self, 1);
	write_line(self, "----");
	want_breaks(self, 1);
}

static void start_cell(ViewHtml *self, const xmlChar **attributes)
{
	self->wants_blank = true;
}

static void start_raw(ViewHtml *self, const xmlChar **attributes)
{
	self->raw++;
}

static void end_raw(ViewHtml *self)
{
	self->raw--;
}

static void start_quote(ViewHtml *self, const xmlChar **attributes)
{
	if (self->quotes++ >= QUOTES_MAX)
		return;
	write_breaks(self);
	view_out_fresh(self->out);
	view_out_indent(self->out, "> ");
}

static void end_quote(ViewHtml *self)
{
	if (self->quotes-- > QUOTES_MAX)
		return;
	view_out_fresh(self->out);
	view_out_outdent(self->out);
}

static void start_list(ViewHtml *self, unsigned first)
{
	if (self->lists++ < LISTS_MAX)
		self->numbers[self->lists - 1] = first;
}

static void start_plain_list(ViewHtml *self, const xmlChar **attributes)
{
	start_list(self, 0);
}

static void start_numbered_list(ViewHtml *self, const xmlChar **attributes)
{
	start_list(self, 1);
}

static void end_list(ViewHtml *self)
{
	self->lists--;
}

static void start_entry(ViewHtml *self, const xmlChar **attributes)
{
	unsigned *number = self->lists > 0 && self->lists <= LISTS_MAX
				   ? &self->numbers[self->lists - 1]
				   : NULL;
	char mark[32] = "*";

	if (number != NULL && *number > 0)
		g_snprintf(mark, sizeof(mark), "%u.", (*number)++);
	write_line(self, mark);
	self->wants_blank = true;
}

/* Only what a person could go to himself. */
static bool is_worth_showing(const char *address)
{
	static const char *const schemes[] = {"http:", "https:", "mailto:", "ftp:", "tel:", "sip:"};

	for (size_t i = 0; i < G_N_ELEMENTS(schemes); i++) {
		if (g_ascii_strncasecmp(address, schemes[i], strlen(schemes[i])) == 0)
			return strlen(address) <= LINK_MAX;
	}
	return false;
}

static void start_link(ViewHtml *self, const xmlChar **attributes)
{
	const char *address = value_of(attributes, "href");

	g_clear_pointer(&self->link, g_free);
	g_string_truncate(self->name, 0);
	if (address == NULL)
		return;
	address += strspn(address, " \t\r\n");
	if (is_worth_showing(address))
		self->link = g_strstrip(g_strdup(address));
}

/* A link whose text says where it leads need not be told twice. */
static bool is_named_by(const char *address, const char *name)
{
	const char *rest =
		g_str_has_prefix(address, "mailto:") ? address + strlen("mailto:") : address;
	return g_str_equal(name, rest) || g_str_equal(name, address);
}

static void end_link(ViewHtml *self)
{
	g_autofree char *address = g_steal_pointer(&self->link);

	if (address == NULL || self->name->len == 0 || is_named_by(address, self->name->str))
		return;
	self->wants_blank = true;
	write_line(self, "<");
	write_line(self, address);
	write_line(self, ">");
}

/* A picture of a point is no picture. */
static void start_picture(ViewHtml *self, const xmlChar **attributes)
{
	const char *text = value_of(attributes, "alt");
	const char *width = value_of(attributes, "width");
	const char *height = value_of(attributes, "height");
	bool is_point =
		(width != NULL && atoi(width) <= 1) || (height != NULL && atoi(height) <= 1);

	if (text == NULL || is_point)
		return;
	text += strspn(text, " \t\r\n");
	if (*text == '\0')
		return;
	write_line(self, "[");
	write_flowing(self, text, strlen(text));
	self->wants_blank = false;
	write_line(self, "]");
}

typedef struct Element {
	const char *name;
	unsigned breaks; /* before and after it */
	void (*start)(ViewHtml *self, const xmlChar **attributes);
	void (*end)(ViewHtml *self);
} Element;

static const Element elements[] = {
	{"a", 0, start_link, end_link},
	{"address", 1, NULL, NULL},
	{"article", 1, NULL, NULL},
	{"blockquote", 2, start_quote, end_quote},
	{"br", 0, start_break, NULL},
	{"caption", 1, NULL, NULL},
	{"center", 1, NULL, NULL},
	{"dd", 1, NULL, NULL},
	{"div", 1, NULL, NULL},
	{"dl", 2, NULL, NULL},
	{"dt", 1, NULL, NULL},
	{"fieldset", 1, NULL, NULL},
	{"footer", 1, NULL, NULL},
	{"form", 1, NULL, NULL},
	{"h1", 2, NULL, NULL},
	{"h2", 2, NULL, NULL},
	{"h3", 2, NULL, NULL},
	{"h4", 2, NULL, NULL},
	{"h5", 2, NULL, NULL},
	{"h6", 2, NULL, NULL},
	{"header", 1, NULL, NULL},
	{"hr", 1, start_rule, NULL},
	{"img", 0, start_picture, NULL},
	{"li", 1, start_entry, NULL},
	{"main", 1, NULL, NULL},
	{"nav", 1, NULL, NULL},
	{"ol", 1, start_numbered_list, end_list},
	{"p", 2, NULL, NULL},
	{"pre", 2, start_raw, end_raw},
	{"section", 1, NULL, NULL},
	{"table", 1, NULL, NULL},
	{"td", 0, start_cell, NULL},
	{"th", 0, start_cell, NULL},
	{"tr", 1, NULL, NULL},
	{"ul", 1, start_plain_list, end_list},
};

static const char *const unread[] = {"script", "style", "title", "template", "object", "applet",
	"svg", "math", "iframe", "noembed", "noframes", "audio", "video", "canvas", NULL};

static int compare_name(const void *name, const void *element)
{
	return g_ascii_strcasecmp(name, ((const Element *)element)->name);
}

static const Element *find_element(const xmlChar *name)
{
	return bsearch(name, elements, G_N_ELEMENTS(elements), sizeof(Element), compare_name);
}

/* "display: none", however it is spaced. */
static bool is_hiding(const char *style)
{
	g_autoptr(GString) squeezed = g_string_new(NULL);

	for (; *style != '\0'; style++) {
		if (!is_space(*style))
			g_string_append_c(squeezed, g_ascii_tolower(*style));
	}
	return strstr(squeezed->str, "display:none") != NULL;
}

static bool is_unread(const xmlChar *name, const xmlChar **attributes)
{
	const char *style = value_of(attributes, "style");

	for (size_t i = 0; unread[i] != NULL; i++) {
		if (g_ascii_strcasecmp((const char *)name, unread[i]) == 0)
			return true;
	}
	return value_of(attributes, "hidden") != NULL || (style != NULL && is_hiding(style));
}

static void on_start(void *user, const xmlChar *name, const xmlChar **attributes)
{
	ViewHtml *self = user;

	note_progress(self);
	if (++self->depth > HTML_DEPTH_MAX)
		stop(self);
	if (self->hidden > 0 || is_unread(name, attributes)) {
		self->hidden++;
		return;
	}
	const Element *element = find_element(name);
	if (element == NULL)
		return;
	if (element->breaks > 0)
		want_breaks(self, element->breaks);
	if (element->start != NULL)
		element->start(self, attributes);
}

static void on_end(void *user, const xmlChar *name)
{
	ViewHtml *self = user;

	note_progress(self);
	self->depth--;
	if (self->hidden > 0) {
		self->hidden--;
		return;
	}
	const Element *element = find_element(name);
	if (element == NULL)
		return;
	if (element->end != NULL)
		element->end(self);
	if (element->breaks > 0)
		want_breaks(self, element->breaks);
}

/* --- reading ----------------------------------------------------------------------------- */

static void end_mark(ViewHtml *self, GString *clean)
{
	if (self->mark_dashes >= 2)
		g_string_append(clean, "-->");
	self->mark = 0;
}

/* In a mark, or in what may become one. FALSE: the byte is not of it. */
static bool scrub_mark(ViewHtml *self, char byte, GString *clean)
{
	if (self->mark < strlen(MARK)) {
		if (byte == MARK[self->mark]) {
			self->mark++;
			self->mark_dashes = 0;
			return true;
		}
		g_string_append_len(clean, MARK, (gssize)self->mark);
		self->mark = 0;
		return false;
	}
	if (byte == '>')
		end_mark(self, clean);
	else
		self->mark_dashes = byte == '-' ? self->mark_dashes + 1 : 0;
	return true;
}

/* The parser takes a zero for the end, complains of other control characters, and shows what
 * Outlook puts around what is for others ("<![if !supportLists]>"). Within a comment the mark may
 * be what ends it. */
static void scrub(ViewHtml *self, const char *text, size_t len, GString *clean)
{
	for (size_t i = 0; i < len; i++) {
		char byte = text[i];
		if (self->mark > 0 && scrub_mark(self, byte, clean))
			continue;
		if (byte == MARK[0])
			self->mark = 1;
		else
			g_string_append_c(clean,
				(unsigned char)byte < 0x20 && !is_space(byte) ? ' ' : byte);
	}
}

static bool read_piece(ViewHtml *self)
{
	g_string_truncate(self->piece, 0);
	g_string_truncate(self->clean, 0);
	self->given = 0;
	if (view_out_is_closed(self->out) || !self->read(self->user, self->piece))
		return false;
	self->taken += self->piece->len;
	if (self->taken > HTML_BYTES_MAX) {
		view_out_cut(self->out);
		return false;
	}
	scrub(self, self->piece->str, self->piece->len, self->clean);
	return true;
}

/* What may end one attribute and begin another: blanks, quotes, and names that are too long. */
static size_t count_splits(const char *text, size_t len)
{
	size_t count = len / NAME_BYTES;

	for (size_t i = 0; i < len; i++)
		count += is_space(text[i]) || text[i] == '"' || text[i] == '\'';
	return count;
}

/* As much as the parser asks for: it believes less to be all that there is for now, and takes a
 * name that ends there for whole. 0 is the end. */
static int on_read(void *user, char *buffer, int len)
{
	ViewHtml *self = user;
	size_t room = (size_t)len;

	while (room > 0 && !self->is_ended) {
		size_t count = MIN(room, self->clean->len - self->given);
		memcpy(buffer, self->clean->str + self->given, count);
		self->splits += count_splits(buffer, count);
		self->given += count;
		buffer += count;
		room -= count;
		if (self->splits > HTML_SPLITS_MAX) {
			view_out_cut(self->out);
			self->is_ended = true;
		} else if (room > 0) {
			self->is_ended = !read_piece(self);
		}
	}
	return len - (int)room;
}

/* What a document says of its charset was believed, or not, before it came here. */
static void parse(ViewHtml *self)
{
	const htmlSAXHandler calls = {
		.startElement = on_start,
		.endElement = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.comment = on_comment,
	};

	self->xml = htmlNewParserCtxt();
	if (self->xml == NULL)
		return;
	*self->xml->sax = calls;
	self->xml->userData = self;
	htmlCtxtReadIO(self->xml, on_read, NULL, self, NULL, "UTF-8",
		HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET |
			HTML_PARSE_IGNORE_ENC);
	htmlFreeParserCtxt(self->xml);
}

void view_html_write(ViewOut *out, ViewRead read, void *user)
{
	ViewHtml self = {.out = out, .read = read, .user = user};

	self.piece = g_string_new(NULL);
	self.clean = g_string_new(NULL);
	self.name = g_string_new(NULL);
	parse(&self);
	while (self.quotes > 0)
		end_quote(&self);
	view_out_fresh(out);
	g_free(self.link);
	g_string_free(self.name, TRUE);
	g_string_free(self.clean, TRUE);
	g_string_free(self.piece, TRUE);
}
