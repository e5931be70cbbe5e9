/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <glib.h>
#include <string.h>

#include "cache/name.h"

/*
 * What things are called: safe for a shell, a terminal and a backup tool whatever a stranger
 * wrote in a subject, the same on every machine, and for folders readable back.
 */

#define LETTERS "k3f9q2zt7a"
#define OWNER "owner@example.org"

/* 2026-11-20T10:15:00Z */
#define NOON (INT64_C(1795169700) * G_USEC_PER_SEC)

static EwsItem *make_item(const char *from, const char *subject)
{
	EwsItem *item = ews_item_new();
	item->id = g_strdup("AAMk");
	item->item_class = g_strdup("IPM.Note");
	item->from_name = g_strdup(from);
	item->subject = g_strdup(subject);
	item->received = NOON;
	return item;
}

static CacheTemplate *make_template(const char *words)
{
	g_autoptr(GError) error = NULL;
	CacheTemplate *template = cache_template_new(words, &error);
	g_assert_no_error(error);
	return template;
}

static char *make_name(const char *words, const EwsItem *item)
{
	g_autoptr(CacheTemplate) template = make_template(words);
	g_autofree char *again = cache_name_item(template, item, LETTERS, OWNER);
	char *name = cache_name_item(template, item, LETTERS, OWNER);
	g_assert_cmpstr(name, ==, again);
	return name;
}

static void assert_name_by(const char *words, const EwsItem *item, const char *expected)
{
	g_autofree char *name = make_name(words, item);
	g_assert_cmpstr(name, ==, expected);
}

static void assert_name(const EwsItem *item, const char *expected)
{
	assert_name_by(NULL, item, expected);
}

/* Every promise that a generated name makes, whatever it was made of. */
static void assert_safe(const char *name)
{
	g_assert_cmpuint(strlen(name), <=, CACHE_NAME_MAX);
	g_assert_true(g_utf8_validate(name, -1, NULL));
	g_assert_false(strstr(name, "..") != NULL);
	g_assert_false(name[0] == '.' || name[0] == '-');
	g_autofree char *composed = g_utf8_normalize(name, -1, G_NORMALIZE_NFC);
	g_assert_cmpstr(name, ==, composed);
	for (const char *p = name; *p != '\0'; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);
		if (c < 128)
			g_assert_true(g_ascii_isalnum(c) || strchr("._-", (int)c) != NULL);
		else
			g_assert_true(g_unichar_isalnum(c) || g_unichar_ismark(c));
		g_assert_false(c == 0x115f || c == 0x1160 || c == 0x3164 || c == 0xffa0);
	}
}

static void test_example(void)
{
	g_autoptr(EwsItem) item = make_item("Sender Name", "Budget review");
	assert_name(item, "2026-11-20T101500Z_Sender-Name_Budget-review.k3f9q2zt7a.eml");
}

static void test_extension(void)
{
	g_assert_cmpstr(cache_name_extension("IPM.Appointment"), ==, ".ics");
	g_assert_cmpstr(cache_name_extension("ipm.appointment.Occurrence"), ==, ".ics");
	g_assert_cmpstr(cache_name_extension("IPM.Contact"), ==, ".vcf");
	g_assert_cmpstr(cache_name_extension("IPM.Task"), ==, ".ics");
	g_assert_cmpstr(cache_name_extension("ipm.task.Special"), ==, ".ics");
	g_assert_cmpstr(cache_name_extension("IPM.TaskRequest.Accept"), ==, ".eml");
	g_assert_cmpstr(cache_name_extension("IPM.StickyNote"), ==, ".eml");
	g_assert_cmpstr(cache_name_extension("IPM.Note.SMIME"), ==, ".eml");
	g_assert_cmpstr(cache_name_extension("IPM.Schedule.Meeting.Request"), ==, ".eml");
	g_assert_cmpstr(cache_name_extension(""), ==, ".eml");
	g_assert_cmpstr(cache_name_extension(NULL), ==, ".eml");
}

static void test_dates(void)
{
	g_autoptr(EwsItem) item = make_item("A", "B");
	item->received = EWS_TIME_NONE;
	assert_name(item, "undated_A_B.k3f9q2zt7a.eml");
	item->created = NOON;
	assert_name(item, "2026-11-20T101500Z_A_B.k3f9q2zt7a.eml");
	item->sent = NOON + G_USEC_PER_SEC;
	assert_name(item, "2026-11-20T101501Z_A_B.k3f9q2zt7a.eml");
	item->received = NOON + 2 * G_USEC_PER_SEC + 999999;
	assert_name(item, "2026-11-20T101502Z_A_B.k3f9q2zt7a.eml");
	item->received = -1;
	assert_name(item, "1969-12-31T235959Z_A_B.k3f9q2zt7a.eml");
	item->received = -G_USEC_PER_SEC;
	assert_name(item, "1969-12-31T235959Z_A_B.k3f9q2zt7a.eml");
	item->received = INT64_MAX;
	assert_name(item, "undated_A_B.k3f9q2zt7a.eml");
	item->received = INT64_MIN + 1;
	assert_name(item, "undated_A_B.k3f9q2zt7a.eml");
	item->is_draft = true;
	assert_name(item, "draft_A_B.k3f9q2zt7a.eml");
}

static void test_absent(void)
{
	g_autoptr(EwsItem) item = make_item(NULL, NULL);
	assert_name(item, "2026-11-20T101500Z_unknown.k3f9q2zt7a.eml");
	item->from_name = g_strdup("");
	item->subject = g_strdup("");
	assert_name(item, "2026-11-20T101500Z_unknown.k3f9q2zt7a.eml");
	item->from_address = g_strdup("jo.doe@example.org");
	assert_name(item, "2026-11-20T101500Z_jo.doe.k3f9q2zt7a.eml");
	g_free(item->from_name);
	item->from_name = g_strdup("<>!");
	g_free(item->subject);
	item->subject = g_strdup("?!  \t…");
	assert_name(item, "2026-11-20T101500Z_jo.doe.k3f9q2zt7a.eml");
	g_free(item->from_address);
	item->from_address = g_strdup("@");
	assert_name(item, "2026-11-20T101500Z_unknown.k3f9q2zt7a.eml");
}

static void test_own_mail(void)
{
	g_autoptr(EwsItem) item = make_item("Owner", "Hello");
	item->from_address = g_strdup("Owner@Example.ORG");
	item->display_to = g_strdup("First Person; Second Person");
	assert_name(item, "2026-11-20T101500Z_to-First-Person_Hello.k3f9q2zt7a.eml");
	/* The server does not say to whom: then who it is from. */
	g_clear_pointer(&item->display_to, g_free);
	assert_name(item, "2026-11-20T101500Z_Owner_Hello.k3f9q2zt7a.eml");
	item->display_to = g_strdup("");
	assert_name(item, "2026-11-20T101500Z_to-nobody_Hello.k3f9q2zt7a.eml");
	g_free(item->display_to);
	item->display_to = g_strdup(" ; Second");
	assert_name(item, "2026-11-20T101500Z_to-nobody_Hello.k3f9q2zt7a.eml");
	g_free(item->display_to);
	item->display_to = g_strdup("A");
	g_free(item->from_address);
	item->from_address = g_strdup("other@example.org");
	assert_name(item, "2026-11-20T101500Z_Owner_Hello.k3f9q2zt7a.eml");
}

static const char *const word_cases[][2] = {
	{"a.b_c-d", "a.b_c-d"}, {"..a", "a"}, {"a..b", "a-b"}, {"a.", "a"}, {"-rf /", "rf"},
	{"a - b", "a-b"}, {"$(reboot); `id` | x > y & z", "reboot-id-x-y-z"},
	{"../../etc/passwd", "etc-passwd"}, {"a\nb\tc\rd\033[31m", "a-b-c-d-31m"},
	{"a\342\200\256gnp.exe", "a-gnp.exe"},       /* right-to-left override */
	{"a\342\201\246b\342\201\251c", "a-b-c"},    /* isolates */
	{"a\342\200\213b", "a-b"},                   /* zero width space */
	{"a\302\240b\343\200\200c", "a-b-c"},        /* wide blanks */
	{"e\314\201t\303\251", "\303\251t\303\251"}, /* composed */
	{"\314\201x", "x"},                          /* a mark without a letter */
	{"\340\244\271\340\244\277\340\244\250", "\340\244\271\340\244\277\340\244\250"},
	{"\346\227\245\346\234\254", "\346\227\245\346\234\254"}, {"a\360\237\230\200b", "a-b"},
	{"a\377b", "a-b"}, {"\357\274\217x", "x"}, /* a full-width solidus is no letter either */
	{"a\343\205\244b", "a-b"},                 /* a letter that is blank: Hangul filler */
};

static void test_words(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(word_cases); i++) {
		g_autoptr(EwsItem) item = make_item("F", word_cases[i][0]);
		g_autofree char *expected =
			g_strdup_printf("2026-11-20T101500Z_F_%s." LETTERS ".eml",
				word_cases[i][1]);
		assert_name(item, expected);
	}
}

static void test_limit(void)
{
	static const char *const letters[] = {"x", "\303\251", "\346\227\245", "\360\240\200\200"};
	for (size_t i = 0; i < G_N_ELEMENTS(letters); i++) {
		for (size_t lead = 0; lead < 4; lead++) {
			GString *text = g_string_new(NULL);
			for (size_t k = 0; k < lead; k++)
				g_string_append_c(text, 'a');
			for (size_t k = 0; k < 500; k++)
				g_string_append(text, letters[i]);
			g_autoptr(EwsItem) item = make_item(text->str, text->str);
			g_autofree char *name = make_name(NULL, item);
			assert_safe(name);
			/* Cut as late as whole characters allow. */
			g_assert_cmpuint(strlen(name), >, CACHE_NAME_MAX - strlen(letters[i]));
			g_assert_true(g_str_has_suffix(name, "." LETTERS ".eml"));
			g_string_free(text, TRUE);
		}
	}
}

/* Text of all that is nasty, with some letters between. */
static char *random_text(GRand *rand, size_t max)
{
	static const gunichar odd[] = {'/', '.', '-', '_', ' ', '%', '\n', '$', '"', 0x7f, 0x85,
		0xa0, 0x301, 0x327, 0x200b, 0x200d, 0x200e, 0x202e, 0x2028, 0x2066, 0x3164, 0x115f,
		0xfeff, 0xfffd, 0xe000, 0x1f600, 0x10ffff, 0xac00, 0x1100, 0x1161, 0x11a8, 0x915,
		0x93f, 0x5d0, 0x627};
	GString *text = g_string_new(NULL);
	size_t count = (size_t)g_rand_int_range(rand, 0, (gint32)max + 1);
	for (size_t i = 0; i < count; i++) {
		gunichar c = 0;
		int kind = g_rand_int_range(rand, 0, 3);
		if (kind == 0)
			c = odd[g_rand_int_range(rand, 0, G_N_ELEMENTS(odd))];
		else if (kind == 1)
			c = (gunichar)g_rand_int_range(rand, 'a', 'z' + 1);
		while (c == 0 || !g_unichar_validate(c))
			c = (gunichar)g_rand_int_range(rand, 1, 0x110000);
		g_string_append_unichar(text, c);
	}
	return g_string_free(text, FALSE);
}

static void test_random(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(1);
	for (int i = 0; i < 20000; i++) {
		g_autofree char *from = random_text(rand, 40);
		g_autofree char *subject = random_text(rand, 120);
		g_autofree char *to = random_text(rand, 40);
		g_autoptr(EwsItem) item = make_item(from, subject);
		item->display_to = g_steal_pointer(&to);
		if (i % 2 == 0)
			item->from_address = g_strdup(OWNER);
		g_autofree char *name = make_name(NULL, item);
		assert_safe(name);
	}
}

static void test_not_utf8(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(2);
	for (int i = 0; i < 5000; i++) {
		char bytes[200];
		for (size_t k = 0; k < sizeof bytes - 1; k++)
			bytes[k] = (char)g_rand_int_range(rand, 1, 256);
		bytes[g_rand_int_range(rand, 0, sizeof bytes)] = '\0';
		bytes[sizeof bytes - 1] = '\0';
		g_autoptr(EwsItem) item = make_item(bytes, bytes);
		g_autofree char *name = make_name(NULL, item);
		assert_safe(name);
	}
}

static void test_users_name(void)
{
	g_autoptr(EwsItem) item = make_item("F", "S");
	item->file_name = g_strdup("My own: name (2).eml");
	assert_name(item, "My own: name (2).eml");
	g_free(item->file_name);
	item->file_name = g_strdup("\346\227\245\346\234\254.eml");
	assert_name(item, "\346\227\245\346\234\254.eml");
	g_free(item->item_class);
	item->item_class = g_strdup("IPM.Contact");
	assert_name(item, "2026-11-20T101500Z_F_S.k3f9q2zt7a.vcf");
}

static void test_users_name_hostile(void)
{
	static const char *const names[] = {"", ".eml", "..", ".hidden.eml", "../../x.eml",
		"a/b.eml", "/etc/passwd", "a\nb.eml", "a\033[2Jb.eml", "a\177b.eml",
		"a\342\200\256lme.eml", "a\342\201\246b.eml", "a\377.eml", "x.sh", "x.eml.exe",
		"x.ics", "x", "a\357\273\277.eml", "a\302\205.eml", "a\342\200\250b.eml"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autoptr(EwsItem) item = make_item("F", "S");
		item->file_name = g_strdup(names[i]);
		assert_name(item, "2026-11-20T101500Z_F_S.k3f9q2zt7a.eml");
	}
	g_autoptr(EwsItem) item = make_item("F", "S");
	g_autofree char *stem = g_strnfill(300, 'a');
	item->file_name = g_strconcat(stem, ".eml", NULL);
	assert_name(item, "2026-11-20T101500Z_F_S.k3f9q2zt7a.eml");
	/* The longest that is taken, with letters and a number, still is a file name. */
	strcpy(item->file_name + 236, ".eml");
	g_autofree char *name = make_name(NULL, item);
	g_autofree char *longer = cache_name_with_letters(name, LETTERS "-99");
	g_assert_cmpuint(strlen(name), ==, 240);
	g_assert_cmpuint(strlen(longer), <=, 255);
}

static void test_with_letters(void)
{
	static const char *const cases[][2] = {{"a.eml", "a.LL.eml"}, {"a.b.eml", "a.b.LL.eml"},
		{"a", "a.LL"}, {".a", ".a.LL"}};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *name = cache_name_with_letters(cases[i][0], "LL");
		g_assert_cmpstr(name, ==, cases[i][1]);
	}
}

/* --- templates -------------------------------------------------------------------------- */

static EwsItem *make_full_item(void)
{
	EwsItem *item = make_item("Sender Name", "Budget review");
	item->from_address = g_strdup("sender@example.org");
	item->display_to = g_strdup("First Person; Second Person");
	return item;
}

static void test_fields(void)
{
	static const char *const cases[][2] = {
		{"{date}_{party}_{subject}.{key}",
			"2026-11-20T101500Z_Sender-Name_Budget-review." LETTERS ".eml"},
		{"{date}.{key}", "2026-11-20T101500Z." LETTERS ".eml"},
		{"{day}.{key}", "2026-11-20." LETTERS ".eml"},
		{"{day}_{time}.{key}", "2026-11-20_101500Z." LETTERS ".eml"},
		{"{party}.{key}", "Sender-Name." LETTERS ".eml"},
		{"{from}.{key}", "Sender-Name." LETTERS ".eml"},
		{"{to}.{key}", "First-Person." LETTERS ".eml"},
		{"{subject}.{key}", "Budget-review." LETTERS ".eml"},
		{"{key}", LETTERS ".eml"},
		{"{key}_{subject}", LETTERS "_Budget-review.eml"},
		{"{day}-{key}-{subject}", "2026-11-20-" LETTERS "-Budget-review.eml"},
		{"mail.{key}", "mail." LETTERS ".eml"},
		{"{key}-work", LETTERS "-work.eml"},
		{"{from}-to-{to}_{key}", "Sender-Name-to-First-Person_" LETTERS ".eml"},
		{"{day}{time}{key}", "2026-11-20101500Z" LETTERS ".eml"},
		{"Gr\303\266\303\237e_{key}", "Gr\303\266\303\237e_" LETTERS ".eml"},
		{"Gro\314\210\303\237e_{key}", "Gr\303\266\303\237e_" LETTERS ".eml"},
	};
	g_autoptr(EwsItem) item = make_full_item();
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_name_by(cases[i][0], item, cases[i][1]);
	g_free(item->item_class);
	item->item_class = g_strdup("IPM.Contact");
	assert_name_by("{key}_{from}", item, LETTERS "_Sender-Name.vcf");
}

/* {party} turns round with the owner's own mail; {from} and {to} are what they say. */
static void test_fields_of_own_mail(void)
{
	g_autoptr(EwsItem) item = make_full_item();
	g_free(item->from_address);
	item->from_address = g_strdup(OWNER);
	assert_name_by("{party}.{key}", item, "to-First-Person." LETTERS ".eml");
	assert_name_by("{from}.{key}", item, "Sender-Name." LETTERS ".eml");
	assert_name_by("{to}.{key}", item, "First-Person." LETTERS ".eml");
}

/* What is empty goes with what joins it, so that names look as if it had not been asked for. */
static void test_fields_missing(void)
{
	static const char *const cases[][2] = {
		{"{from}_{to}.{key}", "unknown_nobody." LETTERS ".eml"},
		{"{day}_{time}.{key}", "undated." LETTERS ".eml"},
		{"{date}.{key}", "undated." LETTERS ".eml"},
		{"{subject}.{key}", LETTERS ".eml"},
		{"{subject}_{time}-{key}", LETTERS ".eml"},
		{"{key}._-{subject}", LETTERS ".eml"},
		{"{key}_{time}.{subject}", LETTERS ".eml"},
		{"re-{subject}-{key}", "re-" LETTERS ".eml"},
		{"{key}.{subject}.x", LETTERS ".x.eml"},
		{"{subject}{time}{key}", LETTERS ".eml"},
	};
	g_autoptr(EwsItem) item = make_item(NULL, NULL);
	item->received = EWS_TIME_NONE;
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		assert_name_by(cases[i][0], item, cases[i][1]);
	item->received = NOON;
	item->is_draft = true;
	assert_name_by("{day}_{time}_{from}.{key}", item, "draft_unknown." LETTERS ".eml");
}

/* Everything that people wrote is as long as can be, and of wide letters: the rest is all there. */
static void test_fields_cut(void)
{
	static const char *const cases[][3] = {
		{"{date}_{from}_{to}_{subject}.{key}", "2026-11-20T101500Z_", "." LETTERS ".eml"},
		{"{subject}-{key}-of-{from}", "", "\303\251.eml"},
		{"{key}_{subject}", LETTERS "_", "\303\251.eml"},
		{"{subject}.mail.{key}", "", ".mail." LETTERS ".eml"},
	};
	GString *text = g_string_new(NULL);
	for (size_t i = 0; i < 400; i++)
		g_string_append(text, "\303\251");
	g_autoptr(EwsItem) item = make_item(text->str, text->str);
	item->display_to = g_string_free(text, FALSE);
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *name = make_name(cases[i][0], item);
		assert_safe(name);
		g_assert_cmpuint(strlen(name), >=, CACHE_NAME_MAX - 1);
		g_assert_true(g_str_has_prefix(name, cases[i][1]));
		g_assert_true(g_str_has_suffix(name, cases[i][2]));
		g_assert_nonnull(strstr(name, LETTERS));
	}
}

/* Hangul: what one field ends with and the next begins with are one letter. */
static void test_fields_touch(void)
{
	g_autoptr(EwsItem) item = make_item("\341\204\200", "\341\205\241");
	assert_name_by("{from}{subject}.{key}", item, "\352\260\200." LETTERS ".eml");
}

static void test_fields_random(void)
{
	static const char *const templates[] = {"{subject}{from}{to}{key}", "{key}{subject}",
		"{subject}.x_{time}-{key}", "{to}._-{subject}._-{day}._-{key}", "{subject}-{key}"};
	g_autoptr(GRand) rand = g_rand_new_with_seed(5);
	for (int i = 0; i < 10000; i++) {
		g_autofree char *from = random_text(rand, 40);
		g_autofree char *subject = random_text(rand, 120);
		g_autoptr(EwsItem) item = make_item(from, subject);
		item->display_to = random_text(rand, 40);
		item->is_draft = g_rand_boolean(rand);
		g_autofree char *name =
			make_name(templates[i % (int)G_N_ELEMENTS(templates)], item);
		assert_safe(name);
		g_assert_nonnull(strstr(name, LETTERS));
	}
}

static void test_template_and_users_name(void)
{
	g_autoptr(EwsItem) item = make_full_item();
	item->file_name = g_strdup("My own.eml");
	assert_name_by("{key}_{subject}", item, "My own.eml");
}

static void test_exchange(void)
{
	static const char *const cases[][3] = {
		{NULL, "2026-11-20T101500Z_A_B." LETTERS ".eml", "2026-11-20T101500Z_A_B.LL.eml"},
		{NULL, "My " LETTERS " own.eml", NULL},
		{NULL, "mine.eml", NULL},
		{NULL, "mine", NULL},
		{"{key}_{subject}", LETTERS "_B.eml", "LL_B.eml"},
		{"{key}_{subject}", "My " LETTERS ".eml", NULL},
		{"{key}", LETTERS ".eml", "LL.eml"},
		{"{key}", "x.eml", NULL},
		{"{day}_{key}_{subject}", "2026-11-20_" LETTERS "_B.eml", "2026-11-20_LL_B.eml"},
		{"{day}_{key}_{subject}", "mine.eml", NULL},
	};
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(CacheTemplate) template = make_template(cases[i][0]);
		g_autofree char *name = cache_name_exchange(template, cases[i][1], LETTERS, "LL");
		g_assert_cmpstr(name, ==, cases[i][2]);
	}
}

/* --- folders ---------------------------------------------------------------------------- */

/* The way back, as a person or a script would do it: %XX is a byte. */
static char *decode(const char *name)
{
	GString *out = g_string_new(NULL);
	for (const char *p = name; *p != '\0'; p++) {
		if (*p != '%') {
			g_string_append_c(out, *p);
			continue;
		}
		g_assert_true(g_ascii_isxdigit(p[1]) && g_ascii_isxdigit(p[2]));
		g_string_append_c(out,
			(char)(g_ascii_xdigit_value(p[1]) * 16 + g_ascii_xdigit_value(p[2])));
		p += 2;
	}
	return g_string_free(out, FALSE);
}

static void assert_folder(const char *display_name, bool is_top, const char *expected)
{
	g_autofree char *name = cache_name_folder(display_name, is_top);
	g_assert_cmpstr(name, ==, expected);
}

static void test_folder(void)
{
	assert_folder("Inbox", true, "Inbox");
	assert_folder("Sent Items", false, "Sent Items");
	assert_folder("\303\234bung & Co; rm -rf *", false, "\303\234bung & Co; rm -rf *");
	assert_folder("a/b", false, "a%2Fb");
	assert_folder("100%", false, "100%25");
	assert_folder("%2F", false, "%252F");
	assert_folder(".", false, "%2E");
	assert_folder("..", true, "%2E%2E");
	assert_folder("...", false, "...");
	assert_folder(".hidden", false, ".hidden");
	assert_folder("a\nb\033", false, "a%0Ab%1B");
	assert_folder("a\342\200\256b", false, "a%E2%80%AEb");
	assert_folder("a\342\200\250b", false, "a%E2%80%A8b");
	assert_folder("", false, "%00");
}

static void test_folder_reserved(void)
{
	static const char *const names[] = {".ewsfs", ".text", ".parts", ".search", ".send",
		"Archive.ewsfs"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *top = cache_name_folder(names[i], true);
		g_autofree char *below = cache_name_folder(names[i], false);
		g_autofree char *back = decode(top);
		g_assert_cmpstr(top, !=, names[i]);
		g_assert_cmpstr(back, ==, names[i]);
		g_assert_cmpstr(below, ==, names[i]);
	}
}

static void test_folder_round_trip(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(3);
	for (int i = 0; i < 20000; i++) {
		g_autofree char *text = random_text(rand, 18);
		g_autofree char *name = cache_name_folder(text, i % 2 == 0);
		g_autofree char *back = decode(name);
		g_assert_cmpstr(back, ==, text);
		g_assert_null(strchr(name, '/'));
		g_assert_cmpstr(name, !=, ".");
		g_assert_cmpstr(name, !=, "..");
		g_assert_cmpuint(strlen(name), >, 0);
		for (const char *p = name; *p != '\0'; p = g_utf8_next_char(p))
			g_assert_true(g_unichar_isprint(g_utf8_get_char(p)));
	}
}

static void test_folder_long(void)
{
	g_autoptr(GRand) rand = g_rand_new_with_seed(4);
	for (int i = 0; i < 2000; i++) {
		g_autofree char *text = random_text(rand, 400);
		g_autofree char *name = cache_name_folder(text, false);
		g_autofree char *back = decode(name);
		g_assert_cmpuint(strlen(name), <=, 240);
		g_assert_true(g_utf8_validate(name, -1, NULL));
		g_assert_true(g_str_has_prefix(text, back));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/cache/name/is-as-the-design-shows", test_example);
	g_test_add_func("/cache/name/extension-tells-the-kind", test_extension);
	g_test_add_func("/cache/name/date-is-received-sent-created", test_dates);
	g_test_add_func("/cache/name/absent-and-empty-fields", test_absent);
	g_test_add_func("/cache/name/own-mail-says-to-whom", test_own_mail);
	g_test_add_func("/cache/name/keeps-words-only", test_words);
	g_test_add_func("/cache/name/is-cut-between-characters", test_limit);
	g_test_add_func("/cache/name/is-safe-whatever-comes", test_random);
	g_test_add_func("/cache/name/survives-bytes-that-are-no-text", test_not_utf8);
	g_test_add_func("/cache/name/keeps-a-users-name", test_users_name);
	g_test_add_func("/cache/name/refuses-a-hostile-users-name", test_users_name_hostile);
	g_test_add_func("/cache/name/letters-go-before-the-extension", test_with_letters);
	g_test_add_func("/cache/name/is-as-the-template-says", test_fields);
	g_test_add_func("/cache/name/template-and-own-mail", test_fields_of_own_mail);
	g_test_add_func("/cache/name/template-and-what-is-missing", test_fields_missing);
	g_test_add_func("/cache/name/template-cuts-what-people-wrote", test_fields_cut);
	g_test_add_func("/cache/name/template-composes-where-fields-touch", test_fields_touch);
	g_test_add_func("/cache/name/template-is-safe-whatever-comes", test_fields_random);
	g_test_add_func("/cache/name/template-leaves-a-users-name", test_template_and_users_name);
	g_test_add_func("/cache/name/letters-are-exchanged-in-place", test_exchange);
	g_test_add_func("/cache/name/folder-escapes-what-no-name-holds", test_folder);
	g_test_add_func("/cache/name/folder-leaves-our-names-free", test_folder_reserved);
	g_test_add_func("/cache/name/folder-can-be-read-back", test_folder_round_trip);
	g_test_add_func("/cache/name/folder-long-is-cut-between-characters", test_folder_long);
	return g_test_run();
}
