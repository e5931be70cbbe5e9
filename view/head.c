/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/head.h"

#include <stdbool.h>
#include <string.h>

#include "view/charset.h"
#include "view/source.h"

static void write_line(ViewOut *out, const char *name, const char *value)
{
	if (value == NULL)
		return;
	view_out_fresh(out);
	view_out_words(out, name);
	view_out_words(out, ": ");
	view_out_words(out, value);
	view_out_fresh(out);
}

/* As it stands in the message; NULL: it has none. */
static const char *raw_of(GMimeMessage *message, const char *name)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
	GMimeHeader *header = g_mime_header_list_get_header(headers, name);

	return header != NULL ? g_mime_header_get_raw_value(header) : NULL;
}

/* Decoded. Owned. */
static char *decode(const char *raw)
{
	GMimeParserOptions *options = view_source_options();
	g_autofree char *unfolded = g_mime_utils_header_unfold(raw);
	g_autofree char *text = g_mime_utils_header_decode_text(options, unfolded);
	g_mime_parser_options_free(options);
	return g_strstrip(view_charset_guess(text));
}

/* ... decoded: for what GMime cannot make sense of. Owned. */
static char *text_of(GMimeMessage *message, const char *name)
{
	const char *raw = raw_of(message, name);

	return raw != NULL ? decode(raw) : NULL;
}

/* Bytes that want to be guessed at, within words that say what they are: in addresses GMime guesses
 * first, and decodes what it guessed. */
static bool is_mixed(const char *raw)
{
	return raw != NULL && strstr(raw, "=?") != NULL && !g_str_is_ascii(raw);
}

static void write_addresses(ViewOut *out, GMimeMessage *message, const char *name,
	GMimeAddressType type)
{
	InternetAddressList *list = g_mime_message_get_addresses(message, type);
	bool is_list = list != NULL && internet_address_list_length(list) > 0;
	g_autofree char *value = NULL;

	if (is_list && !is_mixed(raw_of(message, name)))
		value = internet_address_list_to_string(list, NULL, FALSE);
	else
		value = text_of(message, name);
	g_autofree char *valid = value != NULL ? g_utf8_make_valid(value, -1) : NULL;
	write_line(out, name, valid);
}

/* --- dates ------------------------------------------------------------------------------- */

/* In the words of mail, whatever the language here is. */
static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
	"Oct", "Nov", "Dec"};

static char *date_text(GDateTime *date, GTimeZone *zone)
{
	g_autoptr(GDateTime) here = g_date_time_to_timezone(date, zone);
	g_autoptr(GDateTime) utc = g_date_time_to_utc(date);
	g_autofree char *time = here != NULL ? g_date_time_format(here, "%H:%M:%S %z") : NULL;
	g_autofree char *same = utc != NULL ? g_date_time_format(utc, "%Y-%m-%dT%H:%M:%SZ") : NULL;

	if (time == NULL || same == NULL)
		return NULL;
	return g_strdup_printf("%s, %d %s %d %s (%s)", days[g_date_time_get_day_of_week(here) - 1],
		g_date_time_get_day_of_month(here), months[g_date_time_get_month(here) - 1],
		g_date_time_get_year(here), time, same);
}

static void write_date(ViewOut *out, GMimeMessage *message, GTimeZone *zone)
{
	GDateTime *date = g_mime_message_get_date(message);
	g_autofree char *value = date != NULL ? date_text(date, zone) : NULL;

	if (value == NULL)
		value = text_of(message, "Date");
	write_line(out, "Date", value);
}

/* --- the whole --------------------------------------------------------------------------- */

static void write_id(ViewOut *out, GMimeMessage *message)
{
	g_autofree char *value = text_of(message, "Message-ID");

	write_line(out, "Message-ID", value);
}

static void write_subject(ViewOut *out, GMimeMessage *message)
{
	const char *subject = g_mime_message_get_subject(message);
	g_autofree char *value = subject != NULL ? g_utf8_make_valid(subject, -1) : NULL;

	write_line(out, "Subject", value);
}

void view_head_write(GMimeMessage *message, const ViewFacts *facts, ViewOut *out)
{
	if (message != NULL) {
		write_addresses(out, message, "From", GMIME_ADDRESS_TYPE_FROM);
		write_addresses(out, message, "To", GMIME_ADDRESS_TYPE_TO);
		write_addresses(out, message, "Cc", GMIME_ADDRESS_TYPE_CC);
		write_addresses(out, message, "Bcc", GMIME_ADDRESS_TYPE_BCC);
		write_date(out, message, facts->zone);
		write_subject(out, message);
		write_id(out, message);
	}
	write_line(out, "Flags", facts->flags);
	write_line(out, "Categories", facts->categories);
}

/* --- all of it --------------------------------------------------------------------------- */

static void gather(GMimeObject *object, GPtrArray *all)
{
	GMimeHeaderList *headers = g_mime_object_get_header_list(object);

	for (int i = 0; i < g_mime_header_list_get_count(headers); i++)
		g_ptr_array_add(all, g_mime_header_list_get_header_at(headers, i));
}

static int compare_places(gconstpointer left, gconstpointer right)
{
	gint64 a = g_mime_header_get_offset(*(GMimeHeader *const *)left);
	gint64 b = g_mime_header_get_offset(*(GMimeHeader *const *)right);

	return (a > b) - (a < b);
}

/* What concerns the body is with that to GMime. */
void view_head_write_all(GMimeMessage *message, ViewOut *out)
{
	GMimeObject *body = g_mime_message_get_mime_part(message);
	g_autoptr(GPtrArray) all = g_ptr_array_new();

	gather(GMIME_OBJECT(message), all);
	if (body != NULL)
		gather(body, all);
	g_ptr_array_sort(all, compare_places);
	for (guint i = 0; i < all->len; i++) {
		GMimeHeader *header = g_ptr_array_index(all, i);
		g_autofree char *name = g_utf8_make_valid(g_mime_header_get_name(header), -1);
		g_autofree char *value = decode(g_mime_header_get_raw_value(header));
		write_line(out, name, value);
	}
}
