/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "view/parts.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/test-view-kit.h"

/* --- kit --------------------------------------------------------------------------------- */

static int open_bytes(const void *bytes, size_t len)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	g_assert_cmpint(write(fd, bytes, len), ==, (ssize_t)len);
	return fd;
}

static bool take(void *user, const char *text, size_t len)
{
	g_string_append_len(user, text, (gssize)len);
	return true;
}

static void add_path(const ViewParts *parts, unsigned number, GString *path)
{
	if (number == 0)
		return;
	const ViewPart *part = view_parts_get(parts, number);
	add_path(parts, part->parent, path);
	g_string_append_printf(path, "%s%s", path->len > 0 ? "/" : "", part->name);
}

/* "PATH: BYTES" of each, bytes with | for line ends; directories as "PATH/". raw is left out where
 * @has_raw is not. */
static char *describe(const char *message, size_t len, bool has_raw)
{
	int fd = open_bytes(message, len);
	g_autoptr(ViewParts) parts = view_parts_new(fd);
	GString *all = g_string_new(NULL);

	g_assert_nonnull(parts);
	for (unsigned i = 1; i < view_parts_count(parts); i++) {
		const ViewPart *part = view_parts_get(parts, i);
		g_autoptr(GString) path = g_string_new(NULL);
		g_autoptr(GString) bytes = g_string_new(NULL);
		if (part->kind == VIEW_PART_RAW && !has_raw)
			continue;
		add_path(parts, i, path);
		if (!view_part_is_dir(part)) {
			g_assert_true(view_parts_write(parts, i, fd, take, bytes));
			g_assert_cmpint((int64_t)bytes->len, ==, part->size);
		}
		g_strdelimit(bytes->str, "\n", '|');
		g_string_append_printf(all, "%s%s%s\n", path->str,
			view_part_is_dir(part) ? "/" : ": ", bytes->str);
	}
	close(fd);
	return g_string_free(all, FALSE);
}

static void expect(const char *message, const char *wanted)
{
	g_autofree char *parts = describe(message, strlen(message), false);

	g_assert_cmpstr(parts, ==, wanted);
}

static void expect_all(const char *message, const char *wanted)
{
	g_autofree char *parts = describe(message, strlen(message), true);

	g_assert_cmpstr(parts, ==, wanted);
}

#define MIXED "Subject: m\nContent-Type: multipart/mixed; boundary=b\n\n"
#define MIXED_HEAD "headers: Subject: m|Content-Type: multipart/mixed; boundary=b|\n"

/* --- tests ------------------------------------------------------------------------------- */

static void test_plain(void)
{
	expect_all("Subject: =?utf-8?B?w5xiZXI=?=\nReceived: from a\n\tby b\n\nHello.\n",
		"headers: Subject: \xC3\x9C"
		"ber|Received: from a by b|\n"
		"raw: Subject: =?utf-8?B?w5xiZXI=?=|Received: from a|\tby b||Hello.|\n"
		"body.txt: Hello.|\n");
}

static void test_charsets(void)
{
	expect("Content-Type: text/plain; charset=iso-8859-1\n\n\xDC"
	       "ber\n",
		"headers: Content-Type: text/plain; charset=iso-8859-1|\n"
		"body.txt: \xC3\x9C"
		"ber|\n");
	expect("Content-Type: text/html\n\n<meta charset=iso-8859-1>\xDC\n",
		"headers: Content-Type: text/html|\n"
		"body.html: \xEF\xBB\xBF<meta charset=iso-8859-1>\xC3\x9C|\n");
	expect("Content-Type: text/html; charset=utf-8\n\n\xEF\xBB\xBF<p>\xC3\x9C\n",
		"headers: Content-Type: text/html; charset=utf-8|\n"
		"body.html: \xEF\xBB\xBF<p>\xC3\x9C|\n");
	/* An attachment is as it is. */
	expect(MIXED
		"--b\nContent-Type: text/plain; charset=iso-8859-1; name=a.txt\n\n\xDC\n--b--\n",
		MIXED_HEAD "attachments/\nattachments/a.txt: \xDC\n");
}

static void test_bodies(void)
{
	expect("Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	       "Content-Type: multipart/alternative; boundary=c\n\n"
	       "--c\n\ntext\n--c\nContent-Type: text/html\n\n<p>html\n"
	       "--c\nContent-Type: text/calendar\n\nBEGIN:VCALENDAR\n--c--\n"
	       "--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\nAAEC\n"
	       "--b\n\nfooter\n--b--\n",
		"headers: Content-Type: multipart/mixed; boundary=b|\n"
		"body.txt: text\nbody.html: \xEF\xBB\xBF<p>html\n"
		"attachments/\nattachments/calendar.ics: BEGIN:VCALENDAR\n"
		"attachments/unnamed.png: \nbody-2.txt: footer\n");
}

static void test_encodings(void)
{
	expect(MIXED "--b\nContent-Type: x/y; name=a\nContent-Transfer-Encoding: base64\n\n"
		     "SGVs\nbG8h\n--b\nContent-Type: x/y; name=a\n"
		     "Content-Transfer-Encoding: quoted-printable\n\n=48al=\nlo\n"
		     "--b\nContent-Disposition: attachment; filename=a\n\nplain\n\n--b--\n",
		MIXED_HEAD "attachments/\nattachments/a: Hello!\nattachments/a-2: Hallo\n"
			   "attachments/a-3: plain|\n");
}

static void test_names(void)
{
	expect(MIXED
		"--b\nContent-Disposition: attachment; filename=\"../../x\"\n\n1\n"
		"--b\nContent-Disposition: attachment; filename*=utf-8''a%E2%80%AEb%0A%2Fc\n\n2\n"
		"--b\nContent-Type: text/calendar; name=\"meet\"\n\n3\n"
		"--b\nContent-Disposition: attachment; filename=\"\"\n\n4\n"
		"--b\nContent-Type: application/x-unheard\n\n5\n--b--\n",
		MIXED_HEAD "attachments/\nattachments/_._.._x: 1\nattachments/ab _c: 2\n"
			   "attachments/meet.ics: 3\nattachments/unnamed.txt: 4\n"
			   "attachments/unnamed.bin: 5\n");
}

/* A message in a message, and one in that; its bytes are exact. */
static void test_nested(void)
{
	expect_all(MIXED
		"--b\nContent-Type: message/rfc822\n\n"
		"Subject: a/b\nContent-Type: multipart/mixed; boundary=c\n\npre\n--c\n\none\n"
		"--c\nContent-Type: message/rfc822\n"
		"Content-Disposition: attachment; filename=two.eml\n\n"
		"Subject: two\n\n2\n\n--c--\nepilogue\n\n--b--\nafter\n",
		MIXED_HEAD
		"raw: "
		"Subject: m|Content-Type: multipart/mixed; boundary=b||"
		"--b|Content-Type: message/rfc822||"
		"Subject: a/b|Content-Type: multipart/mixed; boundary=c||pre|--c||one|"
		"--c|Content-Type: message/rfc822|"
		"Content-Disposition: attachment; filename=two.eml||"
		"Subject: two||2||--c--|epilogue||--b--|after|\n"
		"attachments/\nattachments/a_b/\n"
		"attachments/a_b/headers: Subject: a/b|Content-Type: multipart/mixed; boundary=c|\n"
		"attachments/a_b/raw: "
		"Subject: a/b|Content-Type: multipart/mixed; boundary=c||pre|--c||one|"
		"--c|Content-Type: message/rfc822|"
		"Content-Disposition: attachment; filename=two.eml||"
		"Subject: two||2||--c--|epilogue|\n"
		"attachments/a_b/body.txt: one\n"
		"attachments/a_b/attachments/\nattachments/a_b/attachments/two/\n"
		"attachments/a_b/attachments/two/headers: Subject: two|\n"
		"attachments/a_b/attachments/two/raw: Subject: two||2|\n"
		"attachments/a_b/attachments/two/body.txt: 2|\n");
}

/* GMime finds no text in what has no head, and no end of what is not closed. */
static void test_broken(void)
{
	expect_all(MIXED "--b\nContent-Type: message/rfc822\n\nno head\n--b--\n",
		MIXED_HEAD "raw: Subject: m|Content-Type: multipart/mixed; boundary=b||"
			   "--b|Content-Type: message/rfc822||no head|--b--|\n"
			   "attachments/\nattachments/message/\nattachments/message/headers: \n"
			   "attachments/message/raw: no head\n"
			   "attachments/message/body.txt: no head\n");
	expect(MIXED "--b\n\nopen", MIXED_HEAD "body.txt: open\n");
	expect(MIXED "never\n", MIXED_HEAD);
	expect("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nshort\n--b--\r\n",
		"headers: Content-Type: multipart/mixed; boundary=b|\nbody.txt: short\n");
	expect_all("", "raw: \n");
	expect("Subject: old\r\rlines\rhere\r", "headers: Subject: old|\nbody.txt: lines|here|\n");
}

static void test_cards(void)
{
	expect_all("BEGIN:VCALENDAR\nEND:VCALENDAR\n",
		"raw: BEGIN:VCALENDAR|END:VCALENDAR|\nattachments/\n"
		"attachments/calendar.ics: BEGIN:VCALENDAR|END:VCALENDAR|\n");
	expect("begin:vcard\n", "attachments/\nattachments/contact.vcf: begin:vcard|\n");
}

/* --- bounds ------------------------------------------------------------------------------ */

static void test_many(void)
{
	g_autoptr(GString) text = g_string_new(MIXED);

	for (unsigned i = 0; i < 16000; i++)
		g_string_append(text, "--b\nContent-Type: message/rfc822\n\nSubject: s\n\nx\n");
	int fd = open_bytes(text->str, text->len);
	g_autoptr(ViewParts) parts = view_parts_new(fd);
	g_assert_cmpuint(view_parts_count(parts), ==, VIEW_PARTS_MAX);
	g_assert_cmpuint(view_parts_memory(parts), <, 4 * 1024 * 1024);
	close(fd);
}

static void test_deep(void)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (unsigned i = 0; i < 2000; i++)
		g_string_append_printf(text,
			"Content-Type: multipart/mixed; boundary=b%u\n\n--b%u\n", i, i);
	int fd = open_bytes(text->str, text->len);
	g_autoptr(ViewParts) parts = view_parts_new(fd);
	g_assert_cmpuint(view_parts_count(parts), ==, 3);
	close(fd);
}

/* A part is never in memory as a whole, neither when it is measured nor when it is read. */
static bool count(void *user, const char *text, size_t len)
{
	*(int64_t *)user += (int64_t)len;
	return true;
}

static void test_large(void)
{
	static const char line[] =
		"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\n";
	g_autofree char *piece = g_malloc(16384 * (sizeof(line) - 1));
	static const char head[] = MIXED "--b\nContent-Type: x/y\n"
					 "Content-Transfer-Encoding: base64\n\n";
	int fd = open_bytes(head, strlen(head));
	int64_t size = 0;

	for (size_t i = 0; i < 16384; i++)
		memcpy(piece + i * (sizeof(line) - 1), line, sizeof(line) - 1);
	for (unsigned i = 0; i < 100; i++)
		g_assert_cmpint(write(fd, piece, 16384 * (sizeof(line) - 1)), >, 0);
	(void)view_kit_memory();
	long before = view_kit_memory();
	g_autoptr(ViewParts) parts = view_parts_new(fd);
	g_assert_cmpint(view_parts_get(parts, 4)->size, ==, 100LL * 16384 * 48);
	g_assert_true(view_parts_write(parts, 4, fd, count, &size));
	g_assert_cmpint(size, ==, 100LL * 16384 * 48);
	g_assert_cmpint(view_kit_memory() - before, <, 8 * 1024);
	close(fd);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	view_init();
	g_test_add_func("/view/parts/plain", test_plain);
	g_test_add_func("/view/parts/charsets", test_charsets);
	g_test_add_func("/view/parts/bodies", test_bodies);
	g_test_add_func("/view/parts/encodings", test_encodings);
	g_test_add_func("/view/parts/names", test_names);
	g_test_add_func("/view/parts/nested", test_nested);
	g_test_add_func("/view/parts/broken", test_broken);
	g_test_add_func("/view/parts/cards", test_cards);
	g_test_add_func("/view/parts/many", test_many);
	g_test_add_func("/view/parts/deep", test_deep);
	g_test_add_func("/view/parts/large", test_large);
	return g_test_run();
}
