/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ews/easy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "ews/error.h"

bool ews_easy_is_loopback(const char *host)
{
	struct in_addr four;
	struct in6_addr six;

	if (!host)
		return false;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return g_ascii_strcasecmp(host, "localhost") == 0;
}

static bool is_loopback(const char *url)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);

	return uri && ews_easy_is_loopback(g_uri_get_host(uri));
}

bool ews_easy_check(const char *url, bool is_http_fine, GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_HAS_PASSWORD, NULL);
	const char *scheme = uri ? g_uri_get_scheme(uri) : NULL;
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	const char *wrong = NULL;

	if (!host || !*host)
		wrong = "not an address; it looks like https://host/EWS/Exchange.asmx";
	else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		wrong = "only https is spoken";
	else if (g_uri_get_userinfo(uri))
		wrong = "name the user with the option user=, not in the address";
	else if (strcmp(scheme, "http") == 0 && !is_http_fine && !ews_easy_is_loopback(host))
		wrong = "http would show the password to everybody on the way; use https";
	if (!wrong)
		return true;
	g_set_error(error, EWS_ERROR, EWS_ERROR_UNSUPPORTED, "%s: %s", url, wrong);
	return false;
}

static void apply_tls(CURL *easy, const EwsTls *tls)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (tls->cacert)
		curl_easy_setopt(easy, CURLOPT_CAINFO, tls->cacert);
	if (tls->pinned_pubkey)
		curl_easy_setopt(easy, CURLOPT_PINNEDPUBLICKEY, tls->pinned_pubkey);
	if (tls->client_cert)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, tls->client_cert);
	if (tls->client_key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, tls->client_key);
}

CURL *ews_easy_new(const char *url, const EwsTls *tls)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		g_error("curl: out of memory");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "ewsfs/" EWSFS_VERSION);
	apply_tls(easy, tls);
	if (is_loopback(url))
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	return easy;
}

curl_off_t ews_easy_number(CURL *easy, CURLINFO info)
{
	curl_off_t number = 0;

	curl_easy_getinfo(easy, info, &number);
	return number;
}

long ews_easy_long(CURL *easy, CURLINFO info)
{
	long number = 0;

	curl_easy_getinfo(easy, info, &number);
	return number;
}
