/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/mime.h"

#include <gmime/gmime.h>
#include <string.h>
#include <strings.h>

#include "tests/ewsd/clock.h"

void mime_start(void)
{
	g_mime_init();
}

int64_t mime_fallback_date(GBytes *mime)
{
	/* 2001-01-01 and some days, so that such messages differ. */
	return 978307200000 + (int64_t)(g_bytes_hash(mime) % 31536000u) * 1000;
}

int64_t mime_mapi_size(size_t length, int64_t salt)
{
	return (int64_t)((double)length * 0.7) + 1500 + (salt * 37) % 211;
}

static char *addresses(InternetAddressList *list)
{
	g_autoptr(GString) lines = g_string_new(NULL);

	for (int i = 0; list && i < internet_address_list_length(list); i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);
		const char *name = internet_address_get_name(one);
		const char *addr = INTERNET_ADDRESS_IS_MAILBOX(one)
			? internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)) : NULL;
		g_autofree char *clean_name = g_utf8_make_valid(name ? name : "", -1);
		g_autofree char *clean_addr = g_utf8_make_valid(addr ? addr : "", -1);

		g_strdelimit(clean_name, "\t\r\n", ' ');
		g_string_append_printf(lines, "%s%s\t%s", i ? "\n" : "", clean_name, clean_addr);
	}
	return lines->len ? g_string_free(g_steal_pointer(&lines), FALSE) : NULL;
}

char *mime_display(const char *lines)
{
	g_auto(GStrv) all = g_strsplit(lines ? lines : "", "\n", -1);

	for (char **one = all; *one; one++) {
		char *tab = strchr(*one, '\t');

		if (tab == *one)
			memmove(*one, tab + 1, strlen(tab));
		else if (tab)
			*tab = '\0';
	}
	return g_strjoinv("; ", all);
}

static void take(char **to, char *value)
{
	if (*to)
		g_free(value);
	else
		*to = value;
}

static char *header(GMimeObject *message, const char *name)
{
	const char *value = g_mime_object_get_header(message, name);

	return value && *value ? g_utf8_make_valid(value, -1) : NULL;
}

static char *bracketed(char *id)
{
	char *whole = id && *id && *id != '<' ? g_strdup_printf("<%s>", id) : g_strdup(id);

	g_free(id);
	return whole;
}

static int64_t date_ms(GDateTime *when)
{
	int64_t ms = when ? g_date_time_to_unix(when) * 1000 : 0;

	/* Garbage such as the year 9000 is no date. */
	return ms > 0 && ms < 4102444800000 ? ms : 0;
}

static int64_t received_date(GMimeObject *message)
{
	g_autofree char *line = header(message, "Received");
	const char *date = line ? strrchr(line, ';') : NULL;
	g_autoptr(GDateTime) when = date ? g_mime_utils_header_decode_date(date + 1) : NULL;

	return date_ms(when);
}

static void look_at_part(GMimeObject *parent, GMimeObject *part, gpointer data)
{
	Item *item = data;

	if (GMIME_IS_MESSAGE_PART(part))
		item->has_attach = 1;
	if (GMIME_IS_PART(part) && (g_mime_part_is_attachment(GMIME_PART(part))
		|| g_mime_part_get_filename(GMIME_PART(part))))
		item->has_attach = 1;
}

static char *class_of(GMimeMessage *message)
{
	GMimeObject *top = g_mime_message_get_mime_part(message);
	GMimeContentType *type = top ? g_mime_object_get_content_type(top) : NULL;

	if (type && g_mime_content_type_is_type(type, "multipart", "report"))
		return g_strdup("REPORT.IPM.Note.NDR");
	if (type && g_mime_content_type_is_type(type, "multipart", "signed"))
		return g_strdup("IPM.Note.SMIME.MultipartSigned");
	return g_strdup("IPM.Note");
}

static void importance_of(GMimeObject *object, Item *item)
{
	g_autofree char *importance = header(object, "Importance");
	g_autofree char *priority = header(object, "X-Priority");

	if (item->importance != 1)
		return;
	if ((importance && strcasecmp(importance, "high") == 0)
		|| (priority && (*priority == '1' || *priority == '2')))
		item->importance = 2;
	else if ((importance && strcasecmp(importance, "low") == 0)
		|| (priority && (*priority == '4' || *priority == '5')))
		item->importance = 0;
}

static void from_of(GMimeMessage *message, Item *item)
{
	g_autofree char *lines = addresses(g_mime_message_get_from(message));
	char *end = lines ? strchr(lines, '\n') : NULL;
	char *tab = lines ? strchr(lines, '\t') : NULL;

	if (!tab)
		return;
	if (end)
		*end = '\0';
	take(&item->from_addr, g_strdup(tab + 1));
	*tab = '\0';
	take(&item->from_name, g_strdup(*lines ? lines : item->from_addr));
}

static char *subject_of(GMimeMessage *message)
{
	const char *subject = g_mime_message_get_subject(message);
	char *clean = g_utf8_make_valid(subject ? subject : "", -1);

	return g_strdelimit(clean, "\r\n", ' ');
}

static void describe(GMimeMessage *message, Item *item)
{
	GMimeObject *object = GMIME_OBJECT(message);

	take(&item->class, class_of(message));
	take(&item->subject, subject_of(message));
	from_of(message, item);
	take(&item->to, addresses(g_mime_message_get_to(message)));
	take(&item->cc, addresses(g_mime_message_get_cc(message)));
	take(&item->bcc, addresses(g_mime_message_get_bcc(message)));
	take(&item->reply_to, addresses(g_mime_message_get_reply_to(message)));
	take(&item->msgid, bracketed(header(object, "Message-Id")));
	take(&item->in_reply_to, header(object, "In-Reply-To"));
	take(&item->refs, header(object, "References"));
	if (!item->sent)
		item->sent = date_ms(g_mime_message_get_date(message));
	if (!item->received)
		item->received = received_date(object);
	if (g_mime_object_get_header(object, "Disposition-Notification-To"))
		item->wants_receipt = 1;
	importance_of(object, item);
	g_mime_message_foreach(message, look_at_part, item);
}

static GMimeMessage *parse(GBytes *mime)
{
	gsize length;
	const char *data = g_bytes_get_data(mime, &length);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(data ? data : "", length);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

void mime_describe(GBytes *mime, Item *item)
{
	GMimeMessage *message = parse(mime);

	if (message)
		describe(message, item);
	take(&item->class, g_strdup("IPM.Note"));
	take(&item->subject, g_strdup(""));
	take(&item->display_to, mime_display(item->to));
	take(&item->display_cc, mime_display(item->cc));
	item->size = mime_mapi_size(g_bytes_get_size(mime), item->received / 1000);
	g_clear_object(&message);
}

typedef struct Boundary {
	const char *old;	/* borrowed: from the message */
	size_t length;
	char *fresh;
} Boundary;

static void boundary_clear(gpointer data)
{
	g_free(((Boundary *)data)->fresh);
}

static char *random_word(size_t length)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789__";
	char *word = g_malloc(length + 1);

	for (size_t i = 0; i < length; i++)
		word[i] = letters[g_random_int() & 63];
	word[length] = '\0';
	return word;
}

static void note_boundary(GArray *list, const char *p, const char *end)
{
	bool quoted = p < end && *p == '"';
	Boundary b = {p + quoted, 0, NULL};

	for (p += quoted; p < end && *p != '\r' && *p != '\n'; p++) {
		if (quoted ? *p == '"' : (*p == ';' || *p == ' ' || *p == '\t'))
			break;
		b.length++;
	}
	/* A short one could be part of ordinary text. */
	if (b.length < 8 || b.length > 70)
		return;
	for (guint i = 0; i < list->len; i++) {
		Boundary *have = &g_array_index(list, Boundary, i);

		if (have->length == b.length && memcmp(have->old, b.old, b.length) == 0)
			return;
	}
	b.fresh = random_word(b.length);
	g_array_append_val(list, b);
}

static int longest_first(gconstpointer a, gconstpointer b)
{
	const Boundary *x = a;
	const Boundary *y = b;

	return x->length < y->length ? 1 : x->length > y->length ? -1 : 0;
}

static void replace_at(GArray *list, char *p, const char *end)
{
	for (guint i = 0; i < list->len; i++) {
		const Boundary *b = &g_array_index(list, Boundary, i);

		if ((size_t)(end - p) >= b->length && memcmp(p, b->old, b->length) == 0) {
			memcpy(p, b->fresh, b->length);
			return;
		}
	}
}

static const char *find_parameter(const char *p, const char *end)
{
	static const char name[] = "oundary=";

	while ((size_t)(end - p) > sizeof(name)) {
		const char *hit = memmem(p, (size_t)(end - p), name, sizeof(name) - 1);

		if (!hit)
			return NULL;
		p = hit + sizeof(name) - 1;
		if (hit[-1] == 'b' || hit[-1] == 'B')
			return p;
	}
	return NULL;
}

GBytes *mime_new_boundaries(GBytes *mime)
{
	g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(Boundary));
	gsize length;
	const char *data = g_bytes_get_data(mime, &length);
	const char *from_end = data + length;
	char *copy;
	char *end;

	g_array_set_clear_func(list, boundary_clear);
	for (const char *p = length > 16 ? find_parameter(data + 1, from_end) : NULL; p;
		p = find_parameter(p, from_end))
		note_boundary(list, p, from_end);
	if (list->len == 0)
		return g_bytes_ref(mime);
	g_array_sort(list, longest_first);
	copy = g_memdup2(data, length);
	end = copy + length;
	for (const char *p = find_parameter(data + 1, from_end); p;
		p = find_parameter(p, from_end))
		replace_at(list, copy + (p - data) + (*p == '"'), end);
	for (char *p = copy; p && end - p > 4; p = memchr(p, '\n', (size_t)(end - p))) {
		p += *p == '\n';
		if (end - p > 2 && p[0] == '-' && p[1] == '-')
			replace_at(list, p + 2, end);
	}
	return g_bytes_new_take(copy, length);
}

static bool is_dropped(const char *line)
{
	static const char *const names[] = {"X-", "Received:", "DKIM-", "List-", "Bcc:",
		"Authentication-Results:", "Return-Path:", "Delivered-To:"};

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strncasecmp(line, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static const char *end_of_line(const char *p, const char *end)
{
	const char *nl = memchr(p, '\n', (size_t)(end - p));

	return nl ? nl : end;
}

static void append_line(GString *to, const char *p, const char *nl)
{
	size_t n = (size_t)(nl - p);

	if (n > 0 && p[n - 1] == '\r')
		n--;
	g_string_append_len(to, p, (gssize)n);
	g_string_append(to, "\r\n");
}

GBytes *mime_as_stored(GBytes *mime)
{
	gsize length;
	const char *p = g_bytes_get_data(mime, &length);
	const char *end = p + length;
	GString *to = g_string_sized_new(length + length / 32 + 256);
	bool in_header = true;
	bool drop = false;

	g_string_append(to, "Received: from mbx.example.org by mbx.example.org;"
		" Thu, 1 Jan 2026 00:00:00 +0000\r\n");
	while (p < end) {
		const char *nl = end_of_line(p, end);

		if (in_header && (nl == p || (nl == p + 1 && *p == '\r'))) {
			in_header = false;
			g_string_append(to, "X-MS-Exchange-Organization-SCL: -1\r\n");
		}
		if (in_header && *p != ' ' && *p != '\t')
			drop = is_dropped(p);
		if (!in_header || !drop)
			append_line(to, p, nl);
		p = nl < end ? nl + 1 : end;
	}
	return g_string_free_to_bytes(to);
}

GBytes *mime_decorate(GBytes *mime, const Item *item)
{
	static const char *const words[] = {"low", "normal", "high"};
	gsize length;
	const char *data = g_bytes_get_data(mime, &length);
	GString *to;

	if (!item->categories && item->importance == 1)
		return g_bytes_ref(mime);
	to = g_string_sized_new(length + 128);
	if (item->importance != 1)
		g_string_append_printf(to, "Importance: %s\r\n", words[item->importance % 3]);
	if (item->categories) {
		g_autofree char *list = g_strdelimit(g_strdup(item->categories), "\n", ',');
		g_autofree char *encoded = g_mime_utils_header_encode_text(NULL, list, "utf-8");

		g_string_append_printf(to, "Keywords: %s\r\n", encoded);
	}
	g_string_append_len(to, data, (gssize)length);
	return g_string_free_to_bytes(to);
}

static void compose_addresses(GString *to, const char *name, const char *lines)
{
	g_auto(GStrv) all = g_strsplit(lines ? lines : "", "\n", -1);

	for (char **one = all; *one; one++) {
		g_auto(GStrv) pair = g_strsplit(*one, "\t", 2);
		g_autofree char *phrase = pair[0] && *pair[0]
			? g_mime_utils_header_encode_phrase(NULL, pair[0], "utf-8") : NULL;

		g_string_append_printf(to, "%s%s <%s>", one == all ? name : ",\r\n ",
			phrase ? phrase : "", pair[0] && pair[1] ? pair[1] : "");
	}
	if (*all)
		g_string_append(to, "\r\n");
}

GBytes *mime_compose(const Item *item, const char *body, bool is_html)
{
	GString *to = g_string_new(NULL);
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(
		(item->sent ? item->sent : clock_now()) / 1000);
	g_autofree char *date = g_mime_utils_header_format_date(when);
	g_autofree char *subject = g_mime_utils_header_encode_text(NULL,
		item->subject ? item->subject : "", "utf-8");

	if (item->from_addr)
		g_string_append_printf(to, "From: <%s>\r\n", item->from_addr);
	compose_addresses(to, "To:", item->to);
	compose_addresses(to, "Cc:", item->cc);
	g_string_append_printf(to, "Subject: %s\r\nDate: %s\r\n", subject, date);
	if (item->msgid)
		g_string_append_printf(to, "Message-ID: %s\r\n", item->msgid);
	g_string_append_printf(to, "MIME-Version: 1.0\r\nContent-Type: text/%s; charset=utf-8\r\n"
		"Content-Transfer-Encoding: 8bit\r\n\r\n", is_html ? "html" : "plain");
	g_string_append_printf(to, "%s\r\n", body ? body : "");
	return g_string_free_to_bytes(to);
}

static void add_text(GMimeObject *parent, GMimeObject *part, gpointer user)
{
	g_autofree char *text = GMIME_IS_TEXT_PART(part)
		? g_mime_text_part_get_text(GMIME_TEXT_PART(part)) : NULL;

	if (text)
		g_string_append_printf(user, "%s\n", text);
}

char *mime_text(GBytes *mime)
{
	GMimeMessage *message = parse(mime);
	GString *text = g_string_new(NULL);

	if (message) {
		g_mime_message_foreach(message, add_text, text);
		g_object_unref(message);
	}
	return g_string_free(text, FALSE);
}
