/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ews/body.h"
#include "ews/error.h"

static int file_of(const char *bytes, size_t len)
{
	int fd = memfd_create("mime", MFD_CLOEXEC);

	g_assert_cmpint(write(fd, bytes, len), ==, (ssize_t)len);
	return fd;
}

/* Takes @fd. */
static EwsSource *source_of(int fd, int64_t size)
{
	EwsSource *source = ews_source_new(&(EwsUpload){ fd, size });

	close(fd);
	return source;
}

/* Everything that is read from @source in pieces of at most @max, decoded. */
static GString *read_all(EwsSource *source, size_t max)
{
	GString *letters = g_string_new(NULL);
	GString *bytes = g_string_new(NULL);
	g_autofree char *piece = g_malloc(max);
	g_autofree guchar *decoded = NULL;
	GError *error = NULL;
	gsize len = 0;
	ssize_t got;

	while ((got = ews_source_read(source, piece, max, &error)) > 0) {
		g_assert_cmpint(got, <=, (ssize_t)max);
		g_string_append_len(letters, piece, got);
	}
	g_assert_no_error(error);
	g_assert_cmpint(ews_source_read(source, piece, max, &error), ==, 0);
	g_assert_cmpint((int64_t)letters->len, ==, ews_source_len(source));
	g_assert_null(strpbrk(letters->str, "\r\n "));
	decoded = g_base64_decode(letters->str, &len);
	g_string_append_len(bytes, (const char *)decoded, (gssize)len);
	g_string_free(letters, TRUE);
	return bytes;
}

static void expect(const char *bytes, const char *wanted)
{
	for (size_t max = 1; max < 7; max++) {
		size_t len = strlen(bytes);
		g_autoptr(EwsSource) source = source_of(file_of(bytes, len), (int64_t)len);
		g_autoptr(GString) got = read_all(source, max);

		g_assert_no_error(ews_source_flaw(source));
		g_assert_cmpstr(got->str, ==, wanted);
	}
}

static void test_line_ends(void)
{
	expect("", "");
	expect("a", "a");
	expect("a\r\nb", "a\r\nb");
	expect("a\nb\n", "a\r\nb\r\n");
	expect("a\rb\r", "a\r\nb\r\n");
	expect("\n", "\r\n");
	expect("\r", "\r\n");
	expect("\r\r\n\n\r", "\r\n\r\n\r\n\r\n");
	expect("\n\r", "\r\n\r\n");
}

/* Line ends across the pieces in which it is read; bytes of all values. */
static void test_big(void)
{
	g_autoptr(GString) bytes = g_string_new(NULL);
	g_autoptr(GString) wanted = g_string_new(NULL);
	g_autoptr(GRand) rand = g_rand_new_with_seed(7);
	g_autoptr(EwsSource) source = NULL;
	g_autoptr(GString) got = NULL;

	for (int i = 0; i < 200000; i++) {
		static const char *const ends[] = { "\n", "\r", "\r\n" };
		char c = (char)g_rand_int_range(rand, 14, 256);

		g_string_append_c(bytes, c);
		g_string_append_c(wanted, c);
		if (g_rand_int_range(rand, 0, 3) > 0)
			continue;
		/* A bare CR before a bare LF would be one end. */
		g_string_append(bytes, ends[g_rand_int_range(rand, 0, 3)]);
		g_string_append(bytes, "x");
		g_string_append(wanted, "\r\nx");
	}
	source = source_of(file_of(bytes->str, bytes->len), (int64_t)bytes->len);
	got = read_all(source, 65536);
	g_assert_cmpmem(got->str, got->len, wanted->str, wanted->len);
}

/* Only the beginning of the file counts. */
static void test_size(void)
{
	g_autoptr(EwsSource) source = source_of(file_of("abcdef", 6), 4);
	g_autoptr(GString) got = read_all(source, 100);

	g_assert_cmpstr(got->str, ==, "abcd");
}

static void test_flaws(void)
{
	g_autoptr(EwsSource) closed = ews_source_new(&(EwsUpload){ -1, 4 });
	g_autoptr(EwsSource) brief = source_of(file_of("abc", 3), 4);
	g_autoptr(GString) head = ews_source_head(closed, 100);

	g_assert_error(ews_source_flaw(closed), EWS_ERROR, EWS_ERROR_LOCAL);
	g_assert_error(ews_source_flaw(brief), EWS_ERROR, EWS_ERROR_LOCAL);
	g_assert_cmpstr(head->str, ==, "");
}

/* Reads to the end, whatever that is. */
static void expect_change(EwsSource *source)
{
	g_autoptr(GError) error = NULL;
	char piece[1000];
	int64_t letters = 0;
	ssize_t got;

	while ((got = ews_source_read(source, piece, sizeof(piece), &error)) > 0)
		letters += got;
	g_assert_cmpint(got, ==, -1);
	g_assert_error(error, EWS_ERROR, EWS_ERROR_LOCAL);
	g_assert_cmpint(letters, <=, ews_source_len(source));
}

static void test_changes(void)
{
	int brief = file_of("a line\nand another\n", 19);
	int more = file_of("a line\nand another\n", 19);
	int less = file_of("a line\nand another\n", 19);
	g_autoptr(EwsSource) first = ews_source_new(&(EwsUpload){ brief, 19 });
	g_autoptr(EwsSource) second = ews_source_new(&(EwsUpload){ more, 19 });
	g_autoptr(EwsSource) third = ews_source_new(&(EwsUpload){ less, 19 });

	g_assert_cmpint(ftruncate(brief, 10), ==, 0);
	g_assert_cmpint(pwrite(more, "\n", 1, 0), ==, 1);
	g_assert_cmpint(pwrite(less, "x", 1, 6), ==, 1);
	expect_change(first);
	expect_change(second);
	expect_change(third);
	close(brief);
	close(more);
	close(less);
}

static void expect_head(const char *bytes, size_t max, const char *wanted)
{
	g_autoptr(EwsSource) source = source_of(file_of(bytes, strlen(bytes)),
		(int64_t)strlen(bytes));
	g_autoptr(GString) head = ews_source_head(source, max);

	g_assert_cmpstr(head->str, ==, wanted);
}

static void test_head(void)
{
	expect_head("A: 1\r\nB: 2\r\n\r\nbody", 100, "A: 1\r\nB: 2\r\n");
	expect_head("A: 1\nB: 2\n\nbody\r\n\r\n", 100, "A: 1\nB: 2\n");
	expect_head("A: 1\nno end", 100, "A: 1\nno end");
	expect_head("A: 1\nB: 2\n\nbody", 7, "A: 1\nB:");
	expect_head("", 7, "");
}

static void test_body(void)
{
	g_autoptr(EwsBody) body = ews_body_new();
	g_autoptr(GString) got = g_string_new(NULL);
	char piece[3];
	ssize_t len;

	ews_body_add_text(body, "<a>", 3);
	g_assert_cmpstr(ews_body_text(body), ==, "<a>");
	ews_body_add_source(body, source_of(file_of("x\n", 2), 2), 0);
	ews_body_add_text(body, "</a>", 4);
	ews_body_add_source(body, source_of(file_of("", 0), 0), 1);
	ews_body_add_text(body, "!", 1);
	g_assert_null(ews_body_text(body));
	while ((len = ews_body_read(body, piece, sizeof(piece))) > 0)
		g_string_append_len(got, piece, len);
	g_assert_cmpstr(got->str, ==, "<a>eA0K</a>!");
	g_assert_cmpint(ews_body_len(body), ==, (int64_t)got->len);
	g_assert_true(ews_body_is_read(body));
	g_assert_null(ews_body_error(body, NULL));
}

static void test_body_error(void)
{
	g_autoptr(EwsBody) body = ews_body_new();
	int fd = file_of("abc", 3);
	unsigned owner = 99;
	char piece[100];

	ews_body_add_text(body, "<a>", 3);
	ews_body_add_source(body, ews_source_new(&(EwsUpload){ fd, 3 }), 7);
	g_assert_cmpint(ftruncate(fd, 1), ==, 0);
	close(fd);
	g_assert_cmpint(ews_body_read(body, piece, sizeof(piece)), ==, -1);
	g_assert_cmpint(ews_body_read(body, piece, sizeof(piece)), ==, -1);
	g_assert_error(ews_body_error(body, &owner), EWS_ERROR, EWS_ERROR_LOCAL);
	g_assert_cmpuint(owner, ==, 7);
	g_assert_false(ews_body_is_read(body));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/ews/source/line-ends-become-crlf", test_line_ends);
	g_test_add_func("/ews/source/big", test_big);
	g_test_add_func("/ews/source/first-bytes-only", test_size);
	g_test_add_func("/ews/source/says-what-is-wrong-at-once", test_flaws);
	g_test_add_func("/ews/source/sees-changes", test_changes);
	g_test_add_func("/ews/source/headers", test_head);
	g_test_add_func("/ews/body/is-its-parts-in-order", test_body);
	g_test_add_func("/ews/body/says-whose-message-failed", test_body_error);
	return g_test_run();
}
