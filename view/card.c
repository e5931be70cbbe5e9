/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "view/lines.h"
#include "view/pim.h"
#include "view/said.h"

/*
 * vCard 3.0, which address books read best.
 */

/* Exchange's telephones; three of them have no word in a vCard but what they are. */
static const struct {
	const char *key;
	const char *types;
} phones[] = {
	{"BusinessPhone", "WORK,VOICE"},
	{"BusinessPhone2", "WORK,VOICE"},
	{"MobilePhone", "CELL,VOICE"},
	{"HomePhone", "HOME,VOICE"},
	{"HomePhone2", "HOME,VOICE"},
	{"PrimaryPhone", "PREF,VOICE"},
	{"OtherTelephone", "VOICE"},
	{"CompanyMainPhone", "WORK,VOICE,X-COMPANY"},
	{"AssistantPhone", "WORK,VOICE,X-ASSISTANT"},
	{"CarPhone", "CAR,VOICE"},
	{"RadioPhone", "VOICE,X-RADIO"},
	{"Callback", "VOICE,X-CALLBACK"},
	{"Pager", "PAGER"},
	{"BusinessFax", "WORK,FAX"},
	{"HomeFax", "HOME,FAX"},
	{"OtherFax", "FAX"},
	{"Isdn", "ISDN"},
	{"Telex", "X-TELEX"},
	{"TtyTddPhone", "X-TTY-TDD"},
};

static const char *of_name(const char *const *said, const char *own, const char *complete)
{
	const char *value = view_said(said, own);

	return value != NULL ? value : view_said(said, complete);
}

/* A name is what a card must have. */
static char *full_name(const char *const *said, const char *const *parts)
{
	static const char *const names[] = {"DisplayName", "CompleteName/FullName", "FileAs"};
	static const char *const others[] = {"CompanyName", "EmailAddresses/EmailAddress1",
		"Subject"};
	g_autoptr(GString) joined = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		if (view_said(said, names[i]) != NULL)
			return g_strdup(view_said(said, names[i]));
	}
	if (parts[1] != NULL)
		g_string_append(joined, parts[1]);
	if (parts[0] != NULL)
		g_string_append_printf(joined, "%s%s", joined->len > 0 ? " " : "", parts[0]);
	if (joined->len > 0)
		return g_string_free(g_steal_pointer(&joined), FALSE);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		if (view_said(said, others[i]) != NULL)
			return g_strdup(view_said(said, others[i]));
	}
	return g_strdup("unnamed");
}

static void add_names(const char *const *said, GString *out)
{
	const char *parts[] = {
		of_name(said, "Surname", "CompleteName/LastName"),
		of_name(said, "GivenName", "CompleteName/FirstName"),
		of_name(said, "MiddleName", "CompleteName/MiddleName"),
		view_said(said, "CompleteName/Title"),
		of_name(said, "Generation", "CompleteName/Suffix"),
	};
	g_autofree char *name = full_name(said, parts);
	gsize before = out->len;

	view_lines_text(out, "FN", name);
	before = out->len;
	view_lines_texts(out, "N", parts, G_N_ELEMENTS(parts), ';');
	/* N must be there, though nothing is known of it. */
	if (out->len == before) {
		const char *alone[] = {name, NULL, NULL, NULL, NULL};

		view_lines_texts(out, "N", alone, G_N_ELEMENTS(alone), ';');
	}
	view_lines_text(out, "NICKNAME", of_name(said, "Nickname", "CompleteName/Nickname"));
}

static void add_mail(const char *const *said, GString *out)
{
	bool is_first = true;

	for (int i = 1; i <= 3; i++) {
		g_autofree char *key = g_strdup_printf("EmailAddresses/EmailAddress%d", i);
		const char *address = view_said(said, key);

		/* A server's own address (X.500) is none that anybody could write to. */
		if (address == NULL || strchr(address, '@') == NULL)
			continue;
		view_lines_text(out, is_first ? "EMAIL;TYPE=INTERNET,PREF" : "EMAIL;TYPE=INTERNET",
			address);
		is_first = false;
	}
}

static void add_phones(const char *const *said, GString *out)
{
	for (size_t i = 0; i < G_N_ELEMENTS(phones); i++) {
		g_autofree char *key = g_strconcat("PhoneNumbers/", phones[i].key, NULL);
		g_autofree char *name = g_strconcat("TEL;TYPE=", phones[i].types, NULL);

		view_lines_text(out, name, view_said(said, key));
	}
}

static void add_address(const char *const *said, GString *out, const char *key, const char *name)
{
	static const char *const members[] = {"Street", "City", "State", "PostalCode",
		"CountryOrRegion"};
	const char *parts[7] = {NULL};

	for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
		g_autofree char *path =
			g_strconcat("PhysicalAddresses/", key, "/", members[i], NULL);

		parts[i + 2] = view_said(said, path);
	}
	view_lines_texts(out, name, parts, G_N_ELEMENTS(parts), ';');
}

/* Given as the moment when it began somewhere. */
static void add_day(const char *const *said, GString *out, const char *property, const char *name)
{
	g_autofree char *day = NULL;
	int64_t seconds;

	if (!view_said_time_of(said, property, &seconds))
		return;
	day = view_said_print_date(view_said_nearest_day(seconds));
	if (day != NULL && strlen(day) == strlen("20261201")) {
		g_autofree char *dashed = g_strdup_printf("%.4s-%.2s-%.2s", day, day + 4, day + 6);

		view_lines_add(out, name, dashed);
	}
}

static void add_messaging(const char *const *said, GString *out)
{
	for (int i = 1; i <= 3; i++) {
		g_autofree char *key = g_strdup_printf("ImAddresses/ImAddress%d", i);

		view_lines_text(out, "X-IM", view_said(said, key));
	}
}

static void add_work(const char *const *said, GString *out)
{
	const char *const company[] = {view_said(said, "CompanyName"),
		view_said(said, "Department")};

	/* Without a department, without its semicolon. */
	view_lines_texts(out, "ORG", company, company[1] != NULL ? 2 : 1, ';');
	view_lines_text(out, "TITLE", view_said(said, "JobTitle"));
	view_lines_text(out, "ROLE", view_said(said, "Profession"));
	view_lines_text(out, "X-OFFICE", view_said(said, "OfficeLocation"));
	view_lines_text(out, "X-MANAGER", view_said(said, "Manager"));
	view_lines_text(out, "X-ASSISTANT", view_said(said, "AssistantName"));
}

GBytes *view_pim_card(const char *const *said, const char *uid)
{
	GString *out = g_string_new(NULL);
	const char *page = view_said(said, "BusinessHomePage");

	view_lines_add(out, "BEGIN", "VCARD");
	view_lines_add(out, "VERSION", "3.0");
	view_lines_add(out, "PRODID", "-//ewsfs//ewsfs//EN");
	view_lines_text(out, "UID", uid);
	add_names(said, out);
	add_work(said, out);
	add_mail(said, out);
	add_phones(said, out);
	add_messaging(said, out);
	add_address(said, out, "Business", "ADR;TYPE=WORK");
	add_address(said, out, "Home", "ADR;TYPE=HOME");
	add_address(said, out, "Other", "ADR");
	if (page != NULL)
		view_lines_add(out, "URL", page);
	add_day(said, out, "Birthday", "BDAY");
	add_day(said, out, "WeddingAnniversary", "X-ANNIVERSARY");
	view_lines_text(out, "X-SPOUSE", view_said(said, "SpouseName"));
	view_lines_text(out, "NOTE", view_said(said, "Body"));
	view_said_categories(said, out);
	view_said_class(said, out);
	view_lines_add(out, "END", "VCARD");
	return g_string_free_to_bytes(out);
}
