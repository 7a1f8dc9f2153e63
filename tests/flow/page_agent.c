/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The web page with a made-up daemon behind it: page_agent DIR answers GET of an API path with
 * the file DIR/NAME (slashes as underscores), and writes what is posted to DIR/posted. Prints
 * the page's address.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "consent/page.h"
#include "crypto/crypto.h"

static enum err call(void *ctx, const char *method, const char *path, struct span body,
		     int *ret_status, struct buf *out)
{
	char name[512];
	int n = snprintf(name, sizeof name, "%s/", (const char *)ctx);

	snprintf(name + n, sizeof name - (size_t)n, "%s", path + 1);
	for (char *c = name + n; *c != '\0'; c++)
		*c = *c == '/' ? '_' : *c;
	if (strcmp(method, "POST") == 0) {
		snprintf(name + n, sizeof name - (size_t)n, "posted");
		*ret_status = 200;
		buf_add_str(out, "{\"outcome\":\"ok\",\"message\":\"the daemon heard it\"}");
		return file_write(name, body, 0600);
	}
	*ret_status = file_read(name, 1u << 20, out) == ERR_OK ? 200 : 404;
	return ERR_OK;
}

static void ready(void *ctx, const char *url)
{
	(void)ctx;
	printf("%s\n", url);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct page_setup setup = { .call = call, .ready = ready, .ctx = argv[1] };

	return argc == 2 && crypto_init() == ERR_OK && page_run(&setup) == ERR_OK ? 0 : 1;
}
