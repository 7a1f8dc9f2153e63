/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges (RFC 9110 section 14): "Range: bytes=N-" asks for the rest. 206 with a Content-Range
 * that starts at N is appended; 200 means the server sends everything, so the file starts anew;
 * 416 means that what is here is not the start of it, so it is thrown away and asked for once
 * more. A transfer that breaks after it brought something is tried again, ATTEMPTS times in a
 * row without progress at most.
 */
#include "cli/download.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/progress.h"

#define ATTEMPTS      3
#define CONNECT_S     20L
#define STALL_S       60L /* less than STALL_BYTES_S for this long is a failure */
#define STALL_BYTES_S 1000L
#define REDIRECTS     5L

struct transfer {
	CURL *curl;
	struct progress *progress;
	int fd;
	uint64_t have, bytes; /* in the file; in the end */
	uint64_t range_start; /* of the reply's Content-Range; UINT64_MAX: none */
	bool begun;           /* the first body byte was seen */
	enum err err;         /* our own reason to stop */
	char message[CURL_ERROR_SIZE];
};

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;

	if (size * n > 5 && memcmp(line, "HTTP/", 5) == 0)
		t->range_start = UINT64_MAX; /* of a redirect before */
	if (size * n > 21 && strncasecmp(line, "content-range: bytes ", 21) == 0) {
		char number[24] = "";

		memcpy(number, line + 21, size * n - 21 < 23 ? size * n - 21 : 23);
		t->range_start = strtoull(number, NULL, 10);
	}
	return size * n;
}

/* The first byte of the body decides whether it goes on or starts anew. */
static bool begin_body(struct transfer *t)
{
	long status = 0;

	t->begun = true;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 206 && t->range_start == t->have)
		return true;
	if (status != 200 && status != 206) {
		t->err = ERR_PROTOCOL;
		return false;
	}
	if (status == 206) {
		t->err = ERR_PROTOCOL; /* another part than was asked for */
		return false;
	}
	if (ftruncate(t->fd, 0) != 0) {
		t->err = ERR_SYSTEM;
		return false;
	}
	t->have = 0;
	return true;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t left = size * n;

	if (!t->begun && !begin_body(t))
		return 0;
	if (left > t->bytes - t->have) {
		t->err = ERR_MISMATCH;
		return 0;
	}
	while (left > 0) {
		ssize_t w = pwrite(t->fd, data, left, (off_t)t->have);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			t->err = ERR_SYSTEM;
			return 0;
		}
		data += w;
		left -= (size_t)w;
		t->have += (uint64_t)w;
	}
	progress_at(t->progress, t->have);
	return size * n;
}

static void set_options(struct transfer *t, const char *url)
{
	const char *authorities = getenv("SSL_CERT_FILE");
	CURL *c = t->curl;

	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, STALL_S);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, STALL_BYTES_S);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "hither/" HITHER_VERSION);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->message);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (authorities != NULL && authorities[0] != '\0')
		curl_easy_setopt(c, CURLOPT_CAINFO, authorities);
}

static enum err classify(const struct transfer *t, CURLcode code, long status)
{
	if (t->err != ERR_OK)
		return t->err;
	switch (code) {
	case CURLE_OK:
		return t->have == t->bytes ? ERR_OK : ERR_MISMATCH;
	case CURLE_HTTP_RETURNED_ERROR:
		return status == 404 || status == 410                    ? ERR_NOT_FOUND
		       : status >= 500 || status == 429 || status == 408 ? ERR_PEER_GONE
									 : ERR_DENIED;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_TOO_MANY_REDIRECTS:
		return ERR_DENIED;
	default:
		return ERR_PEER_GONE;
	}
}

static void explain(const struct transfer *t, enum err e, long status,
		    char why[DOWNLOAD_WHY_BYTES])
{
	if (t->err == ERR_SYSTEM)
		snprintf(why, DOWNLOAD_WHY_BYTES, "the file cannot be written: %s",
			 strerror(errno));
	else if (e == ERR_MISMATCH)
		snprintf(why, DOWNLOAD_WHY_BYTES,
			 "the server's file has another size than %" PRIu64 " bytes", t->bytes);
	else if (t->err == ERR_PROTOCOL)
		snprintf(why, DOWNLOAD_WHY_BYTES,
			 "the server answered the range with something else");
	else if (status >= 400)
		snprintf(why, DOWNLOAD_WHY_BYTES, "the server answered %ld", status);
	else
		snprintf(why, DOWNLOAD_WHY_BYTES, "%.200s",
			 t->message[0] != '\0' ? t->message : err_text(e));
}

static enum err attempt(struct transfer *t, const char *url, char why[DOWNLOAD_WHY_BYTES])
{
	char range[32];
	long status = 0;
	CURLcode code;
	enum err e;

	t->begun = false;
	t->range_start = UINT64_MAX;
	t->err = ERR_OK;
	t->message[0] = '\0';
	curl_easy_reset(t->curl);
	set_options(t, url);
	snprintf(range, sizeof range, "%" PRIu64 "-", t->have);
	if (t->have > 0)
		curl_easy_setopt(t->curl, CURLOPT_RANGE, range);
	code = curl_easy_perform(t->curl);
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status == 416 && t->have > 0) {
		t->have = 0;
		return ftruncate(t->fd, 0) == 0 ? ERR_AGAIN : ERR_SYSTEM;
	}
	e = classify(t, code, status);
	if (e != ERR_OK)
		explain(t, e, status, why);
	if (e == ERR_MISMATCH && ftruncate(t->fd, 0) == 0)
		t->have = 0; /* another file: nothing of it is worth keeping */
	return e;
}

static bool worth_repeating(enum err e)
{
	return e == ERR_PEER_GONE || e == ERR_TIMEOUT || e == ERR_AGAIN;
}

static enum err run(struct transfer *t, const char *url, char why[DOWNLOAD_WHY_BYTES])
{
	enum err e = ERR_PEER_GONE;

	for (unsigned fruitless = 0; fruitless < ATTEMPTS && worth_repeating(e);) {
		uint64_t before = t->have;

		e = attempt(t, url, why);
		fruitless = e != ERR_AGAIN && t->have > before ? 0 : fruitless + 1;
		if (worth_repeating(e) && fruitless > 0 && fruitless < ATTEMPTS)
			sleep(fruitless);
	}
	return e == ERR_AGAIN ? ERR_PEER_GONE : e;
}

enum err download(const struct cli *cli, const char *label, const char *url, const char *path,
		  uint64_t bytes, char why[DOWNLOAD_WHY_BYTES])
{
	struct progress progress;
	struct transfer t = { .bytes = bytes, .progress = &progress };
	struct stat st;
	enum err e = ERR_SYSTEM;

	t.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (t.fd < 0 || fstat(t.fd, &st) != 0 ||
	    ((uint64_t)st.st_size > bytes && ftruncate(t.fd, 0) != 0)) {
		snprintf(why, DOWNLOAD_WHY_BYTES, "%.150s: %s", path, strerror(errno));
		goto out;
	}
	t.have = (uint64_t)st.st_size > bytes ? 0 : (uint64_t)st.st_size;
	if (t.have == bytes) {
		e = ERR_OK;
		goto out;
	}
	t.curl = curl_easy_init();
	if (t.curl == NULL) {
		snprintf(why, DOWNLOAD_WHY_BYTES, "out of memory");
		e = ERR_NO_MEMORY;
		goto out;
	}
	progress_begin(&progress, cli, label, bytes, t.have);
	e = run(&t, url, why);
	progress_end(&progress);
	if (e == ERR_OK && fsync(t.fd) != 0)
		e = ERR_SYSTEM;
	curl_easy_cleanup(t.curl);
out:
	if (t.fd >= 0)
		close(t.fd);
	return e;
}
