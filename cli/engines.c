/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked and what it means: dialect/engines.h. One that is silent once is not asked
 * again. */
#include "cli/engines.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define ANSWER_BYTES_MAX (1u << 20)
#define TABLE_BYTES_MAX  (8u << 20)
#define PATIENCE_MS      2000L

/* llama-server twice: its default port changed. */
static const uint16_t ports[] = { 11434, 8080, 9931, 1234, 8000, 13305, 9379, 5272 };

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	struct buf *b = user;

	buf_add(b, (struct span){ data, size * n });
	return b->failed ? 0 : size * n;
}

static CURLcode get(CURL *curl, const char *base, const char *path, struct buf *body,
		    int *ret_status)
{
	char url[160];
	long status = 0;
	CURLcode code;

	snprintf(url, sizeof url, "%s%s", base, path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	*ret_status = code == CURLE_OK ? (int)status : 0;
	return code;
}

static enum err ask_all(CURL *curl, const char *base, struct engine_found *ret)
{
	struct engine_answer answers[ENGINE_ASK_COUNT] = { 0 };
	struct buf bodies[ENGINE_ASK_COUNT];
	enum err e = ERR_OK;

	for (unsigned i = 0; i < ENGINE_ASK_COUNT; i++)
		buf_init(&bodies[i], ANSWER_BYTES_MAX);
	for (unsigned i = 0; i < ENGINE_ASK_COUNT && e == ERR_OK; i++) {
		CURLcode code = get(curl, base, engine_ask_path((enum engine_ask)i), &bodies[i],
				    &answers[i].status);

		answers[i].body = buf_span(&bodies[i]);
		if (code == CURLE_COULDNT_CONNECT)
			e = ERR_NOT_FOUND;
		else if (code == CURLE_OPERATION_TIMEDOUT)
			e = ERR_TIMEOUT;
	}
	if (e == ERR_OK)
		engine_read(answers, &ret->facts);
	for (unsigned i = 0; i < ENGINE_ASK_COUNT; i++)
		buf_free(&bodies[i]);
	return e;
}

static bool is_exposed(uint16_t port)
{
	static const char *const paths[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	bool exposed = false;

	for (size_t i = 0; i < LEN(paths) && !exposed; i++) {
		struct buf table;

		buf_init(&table, TABLE_BYTES_MAX);
		if (file_read(paths[i], TABLE_BYTES_MAX, &table) == ERR_OK)
			exposed = engines_exposed(buf_span(&table), port);
		buf_free(&table);
	}
	return exposed;
}

enum err engines_probe(const char *url, struct engine_found *ret)
{
	uint16_t port;
	bool v6;
	CURL *curl;
	enum err e = engine_address(url, &v6, &port);

	memset(ret, 0, sizeof *ret);
	if (e != ERR_OK)
		return e;
	snprintf(ret->url, sizeof ret->url, "http://%s:%u", v6 ? "[::1]" : "127.0.0.1", port);
	curl = curl_easy_init();
	if (curl == NULL)
		return ERR_NO_MEMORY;
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, PATIENCE_MS);
	e = ask_all(curl, ret->url, ret);
	curl_easy_cleanup(curl);
	if (e == ERR_OK)
		ret->exposed = is_exposed(port);
	return e;
}

/* OLLAMA_HOST may lack scheme and port, and names an address to bind as well. */
static bool from_environment(const char *variable, uint16_t port, char url[64])
{
	const char *text = getenv(variable);
	char host[48], with_port[64];
	bool v6;

	if (text == NULL || strncmp(text, "https:", 6) == 0)
		return false;
	if (strncmp(text, "http://", 7) == 0)
		text += 7;
	if (!span_copy((struct span){ text, strcspn(text, "/") }, host, sizeof host))
		return false;
	if (strncmp(host, "0.0.0.0", 7) == 0)
		snprintf(with_port, sizeof with_port, "http://127.0.0.1%s", host + 7);
	else
		snprintf(with_port, sizeof with_port, "http://%s", host);
	if (strchr(with_port + 7, ':') == NULL)
		snprintf(with_port + strlen(with_port), 8, ":%u", port);
	strcpy(url, with_port);
	return engine_address(url, &v6, &port) == ERR_OK;
}

bool engines_candidate(unsigned i, char url[64])
{
	static const struct {
		const char *variable;
		uint16_t port;
	} named[] = { { "OLLAMA_HOST", 11434 }, { "LM_STUDIO_BASE_URL", 1234 } };
	unsigned extra = 0;

	if (i < LEN(ports)) {
		snprintf(url, 64, "http://127.0.0.1:%u", ports[i]);
		return true;
	}
	i -= (unsigned)LEN(ports);
	for (size_t k = 0; k < LEN(named); k++) {
		bool v6, customary = false;
		uint16_t port = 0;

		if (!from_environment(named[k].variable, named[k].port, url) ||
		    engine_address(url, &v6, &port) != ERR_OK)
			continue;
		for (size_t p = 0; p < LEN(ports); p++)
			customary = customary || (ports[p] == port && !v6);
		if (!customary && extra++ == i)
			return true;
	}
	return false;
}

bool engines_exposed(struct span table, uint16_t port)
{
	char line[256], address[33];
	unsigned at, state;

	while (table.len > 0) {
		const char *end = memchr(table.ptr, '\n', table.len);
		size_t len = end != NULL ? (size_t)(end - table.ptr) : table.len;

		/* sl local remote state (0A: listening), proc_net_tcp(5) */
		if (span_copy((struct span){ table.ptr, len }, line, sizeof line) &&
		    sscanf(line, " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x", address, &at,
			   &state) == 3 &&
		    at == port && state == 0x0A && strspn(address, "0") == strlen(address))
			return true;
		table.ptr += len + (end != NULL);
		table.len -= len + (end != NULL);
	}
	return false;
}

/* --- hither doctor ------------------------------------------------------------------------ */

static void doctor_one(struct doctor *d, const struct engine_found *found)
{
	const struct engine_facts *f = &found->facts;
	const char *name = engine_kind_name(f->kind);

	if (found->exposed)
		doctor_say(d, DOCTOR_WARN, "engine nearby", NULL,
			   "%s at %s listens on every network: others can use it; bind it to "
			   "127.0.0.1",
			   name, found->url);
	if (f->kind == ENGINE_KIND_OLLAMA && !f->cloud_off)
		doctor_say(
			d, DOCTOR_WARN, "engine nearby",
			"set OLLAMA_NO_CLOUD=1 where Ollama is started",
			"Ollama %s at %s may pass prompts on to its operator: its cloud is not "
			"switched off",
			f->version, found->url);
	else if (f->kind == ENGINE_KIND_OLLAMA)
		doctor_say(d, DOCTOR_OK, "engine nearby", NULL,
			   "Ollama %s at %s, its cloud is switched off", f->version,
			   found->url);
	else
		doctor_say(d, DOCTOR_OK, "engine nearby", NULL,
			   "%s at %s; that it passes nothing on could not be verified", name,
			   found->url);
}

void engines_doctor(struct doctor *d)
{
	struct engine_found *found = malloc(sizeof *found);
	char url[64];

	for (unsigned i = 0; found != NULL && engines_candidate(i, url); i++)
		if (engines_probe(url, found) == ERR_OK &&
		    found->facts.kind != ENGINE_KIND_UNKNOWN)
			doctor_one(d, found);
	free(found);
}
