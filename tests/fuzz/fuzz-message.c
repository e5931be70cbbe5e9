/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What looks into messages: is it one, what is it without its boundaries, whom does its Bcc name,
 * and the base64 that it travels as.
 *
 * The first byte says how it is called and in what pieces it comes, the rest is the message. What
 * comes in pieces must be the same as what comes whole.
 */
#include <fcntl.h>
#include <glib.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cache/digest.h"
#include "cache/local.h"
#include "ews/addresses.h"
#include "ews/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"a.eml", "a.ICS", "a.vcf", ".eml"};

static int hold(const uint8_t *data, size_t size)
{
	int fd = memfd_create("message", MFD_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(write(fd, data, size), ==, (ssize_t)size);
	return fd;
}

static void digest_in_pieces(const uint8_t *data, size_t size, size_t piece,
	uint8_t ret_digest[CACHE_DIGEST_LEN])
{
	g_autoptr(CacheDigest) digest = cache_digest_new();

	for (size_t at = 0; at < size; at += piece)
		cache_digest_update(digest, data + at, MIN(piece, size - at));
	cache_digest_finish(digest, ret_digest);
}

static void check_digest(const uint8_t *data, size_t size, size_t piece)
{
	uint8_t whole[CACHE_DIGEST_LEN], pieces[CACHE_DIGEST_LEN];

	digest_in_pieces(data, size, MAX(size, 1), whole);
	digest_in_pieces(data, size, piece, pieces);
	g_assert_cmpmem(whole, sizeof(whole), pieces, sizeof(pieces));
}

/* --- base64 ------------------------------------------------------------------------------- */

static bool begin(void *user, GError **error)
{
	g_byte_array_set_size(user, 0);
	return true;
}

static bool take(void *user, const void *data, size_t len, GError **error)
{
	g_byte_array_append(user, data, (guint)len);
	return true;
}

static bool decode(GByteArray *out, const char *text, size_t len, size_t piece)
{
	const EwsSink sink = {begin, take, out};
	EwsMime *mime = ews_mime_new(&sink);
	bool is_good = ews_mime_begin(mime, NULL);

	for (size_t at = 0; is_good && at < len; at += piece)
		is_good = ews_mime_feed(mime, text + at, MIN(piece, len - at), NULL);
	is_good = is_good && ews_mime_end(mime, NULL);
	ews_mime_free(mime);
	return is_good;
}

static void check_base64(const uint8_t *data, size_t size, size_t piece)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autofree char *text = g_base64_encode(data, size);

	g_assert_true(decode(out, text, strlen(text), piece));
	g_assert_cmpmem(out->data, out->len, data, size);
	/* And what is no base64 at all: any outcome is good. */
	decode(out, (const char *)data, size, piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t piece = 1 + data[0] / G_N_ELEMENTS(names);
	const char *name = names[data[0] % G_N_ELEMENTS(names)];
	int fd = hold(data + 1, size - 1);

	if (cache_local_flaw(fd, name) == NULL)
		g_assert_cmpuint(size, >, 1);
	check_digest(data + 1, size - 1, piece);
	check_base64(data + 1, size - 1, piece);
	g_autoptr(GPtrArray) bcc = ews_addresses_of((const char *)data + 1, size - 1, "Bcc");
	for (guint i = 0; i < bcc->len; i++) {
		const EwsAddress *address = g_ptr_array_index(bcc, i);
		g_assert_true(*address->address != '\0');
		g_assert_true(address->name == NULL || g_utf8_validate(address->name, -1, NULL));
	}
	close(fd);
	return 0;
}
