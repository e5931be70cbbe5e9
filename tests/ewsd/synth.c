/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/ewsd/synth.h"

#include <math.h>
#include <string.h>

#include "tests/ewsd/mime.h"

/* The newest synthetic message came then: 2026-10-01, and the oldest eight years before. */
#define NEWEST_MS INT64_C(1790812800000)
#define SPAN_S UINT64_C(252460800)

typedef struct Rng {
	uint64_t state;
} Rng;

static uint64_t next(Rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static unsigned below(Rng *rng, unsigned n)
{
	return (unsigned)(next(rng) % n);
}

static double unit(Rng *rng)
{
	return ((double)(next(rng) >> 11) + 1) / 9007199254740993.0;
}

static const char *const FIRST[] = {"Anna", "Boris", "Chen", "Dörte", "Elif", "Farid", "Grace",
	"Hélène", "Igor", "Jürgen", "Kenji", "Lucía", "Мария", "Nils", "Olga", "太郎"};
static const char *const LAST[] = {"Adler", "Berg", "Castro", "Demir", "Eriksen", "Fischer",
	"García", "Huber", "Ito", "Jansen", "Кузнецова", "Larsen", "Müller", "Novak", "Okafor",
	"Park"};
static const char *const TOPIC[] = {"Budget", "Meeting notes", "Re: schedule", "Rechnung",
	"Отчёт за месяц", "会議の予定", "Fwd: photos", "Reise nach Köln", "Build failed",
	"Lunch on Friday?", "Προσφορά", "Release plan", "Your order", "RE: RE: draft contract",
	"Größe & Gewicht <neu>", "weekly report"};
static const char *const WORDS[] = {"the", "and", "with", "project", "please", "report", "week",
	"would", "server", "message", "attached", "today", "figures", "über", "naïve", "change",
	"before", "customer", "working", "plan", "данные", "first", "about", "number", "again",
	"letter", "office", "in", "to", "of", "a", "is"};

typedef enum SynthForm { FORM_PLAIN, FORM_HTML, FORM_ALTERNATIVE, FORM_MIXED } SynthForm;

typedef struct Meta {
	const char *first;
	const char *last;
	char addr[48];
	char subject[96];
	char msgid[64];
	char thread[64];
	int64_t received;
	SynthForm form;
	uint64_t target;
	unsigned recipient;
} Meta;

static void meta_make(uint64_t seed, uint64_t median, Meta *m)
{
	Rng rng = {seed * 0x2545f4914f6cdd1du + 1};
	unsigned who = below(&rng, 4096);
	unsigned kind = below(&rng, 100);
	double z;

	m->first = FIRST[who % 16];
	m->last = LAST[who / 16 % 16];
	g_snprintf(m->addr, sizeof(m->addr), "person%u@example.%s", who,
		who & 1 ? "com" : "net");
	g_snprintf(m->subject, sizeof(m->subject), "%s %u", TOPIC[below(&rng, 16)],
		below(&rng, 100000));
	g_snprintf(m->msgid, sizeof(m->msgid), "<%016" G_GINT64_MODIFIER "x.%" G_GINT64_MODIFIER
		"u@mail.example.com>", next(&rng), seed);
	g_snprintf(m->thread, sizeof(m->thread), "<%016" G_GINT64_MODIFIER "x@example.org>",
		next(&rng));
	m->received = NEWEST_MS - (int64_t)(next(&rng) % SPAN_S) * 1000;
	m->form = kind < 45 ? FORM_PLAIN : kind < 60 ? FORM_HTML : kind < 85 ? FORM_ALTERNATIVE
		: FORM_MIXED;
	z = sqrt(-2 * log(unit(&rng))) * cos(2 * G_PI * unit(&rng));
	m->target = (uint64_t)((double)median * exp(CLAMP(z, -3.5, 3.5)));
	m->recipient = below(&rng, 40);
}

void synth_describe(uint64_t seed, uint64_t median, Item *item)
{
	Meta m;

	meta_make(seed, median, &m);
	item->seed = (int64_t)seed;
	item->seed_bytes = (int64_t)median;
	item->class = g_strdup("IPM.Note");
	item->subject = g_strdup(m.subject);
	item->from_name = g_strconcat(m.first, " ", m.last, NULL);
	item->from_addr = g_strdup(m.addr);
	item->to = g_strdup_printf("Reader %u\treader%u@example.org", m.recipient, m.recipient);
	item->display_to = g_strdup_printf("Reader %u", m.recipient);
	item->display_cc = g_strdup("");
	item->msgid = g_strdup(m.msgid);
	item->in_reply_to = seed % 3 ? NULL : g_strdup(m.thread);
	item->received = item->created = item->modified = m.received;
	item->sent = m.received - 4000;
	item->has_attach = m.form == FORM_MIXED;
	item->is_read = seed % 5 != 0;
	item->importance = seed % 41 ? 1 : 2;
	item->size = mime_mapi_size(MAX(m.target, 900), (int64_t)(seed & 1023));
}

static void append_date(GString *to, int64_t ms)
{
	g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(ms / 1000);
	static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
		"Aug", "Sep", "Oct", "Nov", "Dec"};

	g_string_append_printf(to, "%s, %d %s %d %02d:%02d:%02d +0000",
		days[g_date_time_get_day_of_week(when) - 1], g_date_time_get_day_of_month(when),
		months[g_date_time_get_month(when) - 1], g_date_time_get_year(when),
		g_date_time_get_hour(when), g_date_time_get_minute(when),
		g_date_time_get_second(when));
}

static void append_encoded(GString *to, const char *text)
{
	g_autofree char *base64 = NULL;

	if (g_str_is_ascii(text)) {
		g_string_append(to, text);
		return;
	}
	base64 = g_base64_encode((const guchar *)text, strlen(text));
	g_string_append_printf(to, "=?utf-8?B?%s?=", base64);
}

static void append_words(GString *to, Rng *rng, size_t until)
{
	size_t line = to->len;

	while (to->len < until) {
		uint64_t bits = next(rng);

		for (int i = 0; i < 12; i++, bits >>= 5) {
			g_string_append(to, WORDS[bits & 31]);
			g_string_append_c(to, ' ');
		}
		if (to->len - line > 60) {
			g_string_append(to, "\r\n");
			line = to->len;
		}
	}
	g_string_append(to, "\r\n");
}

static void append_attachment(GString *to, Rng *rng, size_t until)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	while (to->len < until) {
		for (int word = 0; word < 19; word++) {
			uint64_t bits = next(rng);

			for (int i = 0; i < 4; i++, bits >>= 6)
				g_string_append_c(to, letters[bits & 63]);
		}
		g_string_append(to, "\r\n");
	}
}

static void append_headers(GString *to, const Meta *m, uint64_t seed)
{
	g_autofree char *from = g_strconcat(m->first, " ", m->last, NULL);

	g_string_append_printf(to, "Received: from mx%u.example.com (mx%u.example.com"
		" [192.0.2.%u])\r\n\tby mail.example.org with ESMTPS id %08x\r\n"
		"\tfor <reader%u@example.org>; ", m->recipient, m->recipient, m->recipient + 1,
		(unsigned)seed, m->recipient);
	append_date(to, m->received);
	g_string_append(to, "\r\nFrom: ");
	append_encoded(to, from);
	g_string_append_printf(to, " <%s>\r\nTo: Reader %u <reader%u@example.org>\r\nSubject: ",
		m->addr, m->recipient, m->recipient);
	append_encoded(to, m->subject);
	g_string_append(to, "\r\nDate: ");
	append_date(to, m->received - 4000);
	g_string_append_printf(to, "\r\nMessage-ID: %s\r\n", m->msgid);
	if (seed % 3 == 0)
		g_string_append_printf(to, "In-Reply-To: %s\r\n", m->thread);
	if (seed % 41 == 0)
		g_string_append(to, "Importance: high\r\n");
	g_string_append(to, "MIME-Version: 1.0\r\n");
}

static const char PLAIN[] = "Content-Type: text/plain; charset=utf-8\r\n"
	"Content-Transfer-Encoding: 8bit\r\n\r\n";
static const char HTML[] = "Content-Type: text/html; charset=utf-8\r\n"
	"Content-Transfer-Encoding: 8bit\r\n\r\n<html><body><p>\r\n";

static void append_multipart(GString *to, const Meta *m, Rng *rng)
{
	char b[32];
	bool mixed = m->form == FORM_MIXED;

	g_snprintf(b, sizeof(b), "=_part_%016" G_GINT64_MODIFIER "x", next(rng));
	g_string_append_printf(to, "Content-Type: multipart/%s; boundary=\"%s\"\r\n\r\n--%s\r\n%s",
		mixed ? "mixed" : "alternative", b, b, PLAIN);
	append_words(to, rng, mixed ? to->len + 200 : MAX(m->target / 2, to->len + 40));
	g_string_append_printf(to, "--%s\r\n", b);
	if (mixed) {
		g_string_append(to, "Content-Type: application/octet-stream; name=\"data.bin\"\r\n"
			"Content-Disposition: attachment; filename=\"data.bin\"\r\n"
			"Content-Transfer-Encoding: base64\r\n\r\n");
		append_attachment(to, rng, MAX(m->target, to->len + 70));
	} else {
		g_string_append(to, HTML);
		append_words(to, rng, MAX(m->target, to->len + 40));
		g_string_append(to, "</p></body></html>\r\n");
	}
	g_string_append_printf(to, "--%s--\r\n", b);
}

static GString *build(uint64_t seed, uint64_t median, Meta *m)
{
	Rng rng = {seed ^ 0x5851f42d4c957f2du};
	GString *to;

	meta_make(seed, median, m);
	to = g_string_sized_new(m->target + 1024);
	append_headers(to, m, seed);
	if (m->form == FORM_PLAIN) {
		g_string_append(to, PLAIN);
		append_words(to, &rng, MAX(m->target, to->len + 40));
	} else if (m->form == FORM_HTML) {
		g_string_append(to, HTML);
		append_words(to, &rng, MAX(m->target, to->len + 40));
		g_string_append(to, "</p></body></html>\r\n");
	} else {
		append_multipart(to, m, &rng);
	}
	return to;
}

GBytes *synth_mime(uint64_t seed, uint64_t median)
{
	Meta m;

	return g_string_free_to_bytes(build(seed, median, &m));
}
