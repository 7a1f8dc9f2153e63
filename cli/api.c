/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP over the daemon's three sockets, with libcurl's easy interface. */
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define REPLY_BYTES_MAX (256u << 20)

struct transfer {
	const struct cli_request *request;
	struct cli_reply *reply;
	CURL *curl;
	bool stopped;
};

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
	struct transfer *t = user;
	long status = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->request->on_data != NULL && status >= 200 && status < 300) {
		t->stopped =
			!t->request->on_data(t->request->ctx, (struct span){ data, size * n });
		return t->stopped ? 0 : size * n;
	}
	buf_add(&t->reply->body, (struct span){ data, size * n });
	return t->reply->body.failed ? 0 : size * n;
}

static size_t on_header(char *data, size_t size, size_t n, void *user)
{
	struct transfer *t = user;

	buf_add(&t->reply->headers, (struct span){ data, size * n });
	return size * n;
}

static const char *socket_name(enum cli_socket s)
{
	switch (s) {
	case CLI_SOCKET_CONSENT:
		return "consent.sock";
	case CLI_SOCKET_ADMIN:
		return "admin.sock";
	case CLI_SOCKET_API:
	default:
		return "hither.sock";
	}
}

void cli_socket_path(const struct cli *cli, enum cli_socket s, char *ret, size_t bytes)
{
	struct stat st;

	if (s == CLI_SOCKET_API) {
		snprintf(ret, bytes, "%s", cli->host);
		return;
	}
	snprintf(ret, bytes, "%s/consent/%u.sock", cli->runtime_dir, (unsigned)getuid());
	if (s != CLI_SOCKET_CONSENT || stat(ret, &st) != 0 || st.st_uid != getuid())
		snprintf(ret, bytes, "%s/%s", cli->runtime_dir, socket_name(s));
}

static struct curl_slist *request_fields(const struct cli_request *r)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	if (r->body.len > 0)
		list = curl_slist_append(list, "Content-Type: application/json");
	for (unsigned i = 0; r->fields != NULL && r->fields[i] != NULL; i++)
		list = curl_slist_append(list, r->fields[i]);
	return list;
}

static enum err err_of(CURLcode code, const struct transfer *t)
{
	switch (code) {
	case CURLE_OK:
		return ERR_OK;
	case CURLE_COULDNT_CONNECT:
		return ERR_NOT_FOUND;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_TIMEOUT;
	case CURLE_WRITE_ERROR:
		return t->stopped ? ERR_OK : ERR_TOO_BIG;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
		return ERR_PEER_GONE;
	default:
		return ERR_SYSTEM;
	}
}

enum err cli_call(const struct cli *cli, const struct cli_request *request,
		  struct cli_reply *ret)
{
	struct transfer t = { .request = request, .reply = ret };
	struct curl_slist *fields;
	char path[600], url[1200];
	long status = 0;
	CURLcode code;

	memset(ret, 0, sizeof *ret);
	buf_init(&ret->body, REPLY_BYTES_MAX);
	buf_init(&ret->headers, 1 << 16);
	cli_socket_path(cli, request->socket, path, sizeof path);
	snprintf(url, sizeof url, "http://localhost%s", request->path);
	t.curl = curl_easy_init();
	if (t.curl == NULL)
		return ERR_NO_MEMORY;
	fields = request_fields(request);
	curl_easy_setopt(t.curl, CURLOPT_URL, url);
	curl_easy_setopt(t.curl, CURLOPT_UNIX_SOCKET_PATH, path);
	curl_easy_setopt(t.curl, CURLOPT_PROXY, "");
	curl_easy_setopt(t.curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t.curl, CURLOPT_HTTPHEADER, fields);
	if (request->body.len > 0) {
		curl_easy_setopt(t.curl, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)request->body.len);
		curl_easy_setopt(t.curl, CURLOPT_POSTFIELDS, request->body.ptr);
	} else if (strcmp(request->method, "POST") == 0) {
		curl_easy_setopt(t.curl, CURLOPT_POSTFIELDSIZE, 0L);
		curl_easy_setopt(t.curl, CURLOPT_POSTFIELDS, "");
	}
	curl_easy_setopt(t.curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(t.curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t.curl, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(t.curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t.curl, CURLOPT_HEADERDATA, &t);
	curl_easy_setopt(t.curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
	code = curl_easy_perform(t.curl);
	curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, &status);
	ret->status = (int)status;
	curl_slist_free_all(fields);
	curl_easy_cleanup(t.curl);
	return err_of(code, &t);
}

void cli_reply_free(struct cli_reply *r)
{
	buf_free(&r->body);
	buf_free(&r->headers);
}

bool cli_reply_header(struct cli_reply *r, const char *name, char *out, size_t out_bytes)
{
	const char *line = buf_cstr(&r->headers);
	size_t n = strlen(name);

	out[0] = '\0';
	for (; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n');

		if (end == NULL)
			break;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return span_copy(span_trim((struct span){
						 line + n + 1, (size_t)(end - line) - n - 1 }),
					 out, out_bytes);
	}
	return false;
}

int cli_call_failed(const struct cli *cli, enum err e)
{
	switch (e) {
	case ERR_NOT_FOUND:
		return cli_error(cli, CLI_NO_DAEMON, "daemon_not_running", "hitherd --user &",
				 "no daemon answers at %s", cli->host);
	case ERR_TIMEOUT:
		return cli_error(cli, CLI_TEMPORARY, "timeout", "hither status",
				 "the daemon did not answer in time");
	case ERR_PEER_GONE:
		return cli_error(cli, CLI_TEMPORARY, "stream_cut", "hither status",
				 "the answer broke off before its end");
	default:
		return cli_error(cli, CLI_FAILED, "internal_error", "hither doctor",
				 "talking to the daemon failed: %s", err_text(e));
	}
}

static int exit_code_for(int status, const char *code)
{
	static const struct {
		const char *code;
		int exit;
	} table[] = {
		{ "policy_denied", CLI_POLICY_DENIED },
		{ "consent_denied", CLI_CONSENT_DENIED },
		{ "consent_required", CLI_CONSENT_OPEN },
		{ "consent_timeout", CLI_CONSENT_OPEN },
		{ "no_agent", CLI_CONSENT_OPEN },
		{ "policy_invalid", CLI_POLICY_INVALID },
		{ "budget_exceeded", CLI_BUDGET },
		{ "engine_unavailable", CLI_TEMPORARY },
		{ "authentication_required", CLI_AUTH },
	};

	for (size_t i = 0; i < LEN(table); i++)
		if (strcmp(table[i].code, code) == 0)
			return table[i].exit;
	if (status == 400 || status == 404 || status == 413 || status == 422)
		return CLI_USAGE;
	if (status == 401)
		return CLI_AUTH;
	return status == 502 || status == 503 || status == 504 ? CLI_TEMPORARY : CLI_FAILED;
}

/* What to do next where the daemon's message does not say it. */
static const char *next_for(const char *code)
{
	static const struct {
		const char *code, *next;
	} table[] = {
		{ "model_not_found", "hither model list" },
		{ "model_damaged", "hither model pull" },
		{ "engine_missing", "./quickstart" },
		{ "engine_unavailable", "hither status" },
		{ "policy_denied", "hither route PROMPT" },
		{ "consent_required", "hither consent list" },
		{ "consent_timeout", "hither consent watch" },
		{ "no_agent", "hither consent watch" },
		{ "consent_denied", "hither consent grants" },
		{ "budget_exceeded", "hither ledger left" },
	};

	for (size_t i = 0; i < LEN(table); i++)
		if (strcmp(table[i].code, code) == 0)
			return table[i].next;
	return NULL;
}

int cli_reply_failed(const struct cli *cli, struct cli_reply *r)
{
	struct json_where where;
	cJSON *tree = NULL;
	const cJSON *error;
	const char *message, *code, *next;
	int exit_code;

	if (json_parse(buf_span(&r->body), &json_limits_api, &tree, &where) != ERR_OK)
		return cli_error(cli, CLI_FAILED, "internal_error", "hither doctor",
				 "the daemon answered %d without saying why", r->status);
	error = json_get_object(tree, "error");
	message = json_get_string(error, "message");
	code = json_get_string(error, "code");
	if (code == NULL)
		code = json_get_string(error, "type");
	next = json_get_string(error, "next");
	exit_code = exit_code_for(r->status, code != NULL ? code : "");
	if (next == NULL)
		next = next_for(code != NULL ? code : "");
	exit_code = cli_error_of(
		cli, exit_code, code != NULL ? code : "internal_error", next,
		message != NULL ? message : "the daemon refused without saying why", error);
	cJSON_Delete(tree);
	return exit_code;
}

int cli_call_tree(const struct cli *cli, const struct cli_request *request, bool print,
		  cJSON **ret)
{
	struct json_where where;
	struct cli_reply reply;
	int code = CLI_OK;
	enum err e = cli_call(cli, request, &reply);

	if (ret != NULL)
		*ret = NULL;
	if (e != ERR_OK)
		code = cli_call_failed(cli, e);
	else if (reply.status < 200 || reply.status > 299)
		code = cli_reply_failed(cli, &reply);
	else if (print)
		cli_print_json(cli, span_trim(buf_span(&reply.body)));
	else if (ret != NULL &&
		 json_parse(buf_span(&reply.body), &json_limits_api, ret, &where) != ERR_OK)
		code = cli_error(cli, CLI_FAILED, "internal_error", "hither doctor",
				 "the daemon's reply could not be read: %s", where.problem);
	cli_reply_free(&reply);
	return code;
}

cJSON *cli_fetch(const struct cli *cli, enum cli_socket socket, const char *path,
		 long timeout_ms)
{
	struct cli_request request = {
		.socket = socket, .method = "GET", .path = path, .timeout_ms = timeout_ms
	};
	struct json_where where;
	struct cli_reply reply;
	cJSON *tree = NULL;

	if (cli_call(cli, &request, &reply) == ERR_OK && reply.status == 200 &&
	    json_parse(buf_span(&reply.body), &json_limits_api, &tree, &where) != ERR_OK)
		tree = NULL;
	cli_reply_free(&reply);
	return tree;
}

cJSON *cli_fetch_decision(const struct cli *cli, const char *id, long timeout_ms)
{
	char path[128];

	snprintf(path, sizeof path, "/hither/v1/decisions/%s", id);
	return cli_fetch(cli, CLI_SOCKET_API, path, timeout_ms);
}
