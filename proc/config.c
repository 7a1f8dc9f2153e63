/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table says everything about a setting: group, key, kind, place in the struct, range,
 * default and the comment for people. Defaults, reading, writing, error texts and the shipped
 * file all walk this table, so none of them can know a setting the others do not.
 *
 * The file is one object of groups: { "limits": { "headers": 100, … }, "engine": { … }, … }.
 */
#include "proc/config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "common/log.h"
#include "common/text.h"
#include "ipc/role.h"

#define SOCKET_PATH_MAX (sizeof((struct sockaddr_un *)0)->sun_path - 1)

enum kind { U32, U16, BOOL, TEXT, DIR, SOCKET, TCP, WORD, LEVEL, FORMAT, APPS };

struct setting {
	const char *group, *key;
	size_t offset;
	enum kind kind;
	uint32_t min, max;
	uint32_t number; /* default of U32, U16, BOOL, LEVEL, FORMAT */
	const char *comment;
};

#define NUM(group, key, min, max, def, text)                                                   \
	{                                                                                      \
#group, #key, offsetof(struct config, group.key), U32, min, max, def, text     \
	}
#define STR(group, key, text)                                                                  \
	{                                                                                      \
#group, #key, offsetof(struct config, group.key), TEXT, 0, 0, 0, text          \
	}
#define PATH(key, text)                                                                        \
	{                                                                                      \
		"paths", #key, offsetof(struct config, key), DIR, 0, 0, 0, text                \
	}

static const struct setting settings[] = {
	PATH(runtime_dir, "sockets; user: $XDG_RUNTIME_DIR/hither, system: /run/hither"),
	PATH(state_dir,
	     "ledger, last good policy; user: $XDG_STATE_HOME/hither, system: /var/lib/hither"),
	PATH(config_dir,
	     "policy.d, apps, secrets.d; user: $XDG_CONFIG_HOME/hither, system: /etc/hither"),
	PATH(data_dir, "engine; user: $XDG_DATA_HOME/hither, system: /var/lib/hither"),
	PATH(models_dir, "model files; models in data_dir"),
	PATH(sys_dir, "where sys, proc and run of the machine are looked at; empty: /"),

	NUM(limits, request_line_bytes, 256, 65536, 8192, "longest request line"),
	NUM(limits, headers, 8, 1000, 100, "header fields of one request"),
	NUM(limits, header_bytes, 1024, 262144, 16384,
	    "all header fields of one request together"),
	NUM(limits, body_bytes, 1024, 67108864, 8388608, "one request body"),
	NUM(limits, header_timeout_ms, 100, 600000, 5000,
	    "for a request line and headers to arrive"),
	NUM(limits, body_timeout_ms, 100, 600000, 30000, "for a body to arrive"),
	NUM(limits, idle_timeout_ms, 100, 3600000, 60000, "between requests of one connection"),
	NUM(limits, total_timeout_ms, 1000, 3600000, 600000, "for one request with its answer"),
	NUM(limits, keepalive_ms, 100, 600000, 10000,
	    "between the comments of an event stream whose answer is waited for"),
	NUM(limits, connections, 1, 16384, 128, "at once, per socket"),
	NUM(limits, connections_per_uid, 1, 16384, 32, "at once, per user"),
	NUM(limits, queue, 1, 16384, 64, "requests in progress; more are refused"),
	NUM(limits, output_buffer_bytes, 4096, 8388608, 65536,
	    "unsent answer per connection; beyond it the source is paused"),

	{ "listen", "tcp", offsetof(struct config, listen.tcp), TCP, 0, 0, 0,
	  "127.0.0.1:PORT, [::1]:PORT or localhost:PORT for programs that only take a URL; "
	  "they "
	  "need the token in state_dir/tcp.token; empty: no TCP" },
	STR(listen, token_sha256, "set by hitherd from that file"),

	STR(engine, binary, "path of llama-server; empty: in data_dir, then on PATH"),
	{ "engine", "endpoint", offsetof(struct config, engine.endpoint), SOCKET, 0, 0, 0,
	  "unix:/PATH or http://127.0.0.1:PORT of an engine on this device that somebody else "
	  "runs; empty: start one" },
	STR(engine, model,
	    "name or path; empty: what `hither model use` chose, with engine.endpoint "
	    "what it has loaded"),
	NUM(engine, context_tokens, 512, 1048576, 4096,
	    "prompt and answer together; never more than the model was made for"),
	NUM(engine, parallel, 1, 4096, 1, "answers at once; they share context and memory"),
	NUM(engine, queue, 0, 1024, 16, "requests waiting beyond those"),
	NUM(engine, idle_stop_s, 0, 604800, 900,
	    "stop the engine after this long without work; 0: never"),
	NUM(engine, load_timeout_ms, 1000, 600000, 120000, "for a model to load"),
	NUM(engine, first_token_timeout_ms, 1000, 600000, 120000,
	    "for the first word of an answer"),
	NUM(engine, gap_timeout_ms, 1000, 600000, 30000, "between two words of an answer"),
	NUM(engine, restart_backoff_ms, 10, 60000, 200,
	    "before the first restart of a crashed engine"),
	NUM(engine, restart_backoff_max_ms, 10, 600000, 30000, "longest wait between restarts"),
	{ "engine", "embeddings", offsetof(struct config, engine.embeddings), WORD, 0, 0, 0,
	  "how vectors of tokens become one: mean, cls, last, or model for one that was made "
	  "for "
	  "embeddings and says so itself; off: none are made" },
	NUM(engine, threads, 0, 1024, 0, "0: the engine's choice"),

	NUM(cloud, connect_timeout_ms, 100, 600000, 10000, "for a connection with TLS"),
	NUM(cloud, first_byte_timeout_ms, 100, 600000, 60000, "for the first byte of a reply"),
	NUM(cloud, gap_timeout_ms, 100, 600000, 60000, "between two pieces of a reply"),
	NUM(cloud, total_timeout_ms, 1000, 600000, 600000, "for one exchange"),
	NUM(cloud, concurrent, 1, 64, 8, "sends at once"),
	NUM(cloud, event_bytes, 1024, 67108864, 8388608, "one event of a streamed reply"),
	NUM(cloud, total_bytes, 1024, 1073741824, 67108864, "one reply"),
	NUM(cloud, header_bytes, 1024, 1048576, 32768, "header fields of one reply"),
	{ "cloud", "allow_loopback", offsetof(struct config, cloud.allow_loopback), BOOL, 0, 1,
	  0, "a name may resolve to this machine; 127.0.0.1, [::1] and localhost always may" },
	STR(cloud, ca_file, "certificates to trust; empty: the system's"),

	{ "routing", "threshold_pm", offsetof(struct config, routing.threshold_pm), U16, 0,
	  1000, 620, "difficulty per mille at which the device is no longer enough" },
	{ "routing", "band_pm", offsetof(struct config, routing.band_pm), U16, 0, 1000, 80,
	  "a conversation moves to or from the device only this far past the threshold; 0: "
	  "each turn alone" },
	STR(routing, classifier, "weights file; empty: the one that comes with the program"),

	{ "log", "level", offsetof(struct config, log_level), LEVEL, 0, 0, LOG_LEVEL_INFO,
	  "error, warning, notice, info or debug; none of them shows text of prompts or "
	  "answers" },
	{ "log", "format", offsetof(struct config, log_json), FORMAT, 0, 0, 0, "text or json" },

	{ "daemon", "router_processes", offsetof(struct config, router_processes), U32, 0,
	  ROLE_ROUTERS_MAX, 1,
	  "processes that serve programs, on the same sockets; 0: one for each two cores, at "
	  "most 4" },
	{ "daemon", "system", offsetof(struct config, system_mode), BOOL, 0, 1, 0,
	  "set by --system and --user" },
	{ "daemon", "apps", offsetof(struct config, apps), APPS, 0, CONFIG_MAX_APPS, 0,
	  "ids that get a socket apps/ID.sock, besides those with a file in config_dir/apps" },
};

/* Values of engine.embeddings; the first is the default. */
static const char *const pooling[] = { "mean", "cls", "last", "model", "off" };

static const struct {
	const char *name;
	uint8_t level;
} levels[] = {
	{ "error", LOG_LEVEL_ERROR },   { "warning", LOG_LEVEL_WARNING },
	{ "notice", LOG_LEVEL_NOTICE }, { "info", LOG_LEVEL_INFO },
	{ "debug", LOG_LEVEL_DEBUG },
};

static void *place(struct config *c, const struct setting *s)
{
	return (char *)c + s->offset;
}

static const void *place_of(const struct config *c, const struct setting *s)
{
	return (const char *)c + s->offset;
}

static void set_number(struct config *c, const struct setting *s, uint32_t n)
{
	switch (s->kind) {
	case U32:
		*(uint32_t *)place(c, s) = n;
		break;
	case U16:
		*(uint16_t *)place(c, s) = (uint16_t)n;
		break;
	case BOOL:
	case FORMAT:
		*(bool *)place(c, s) = n != 0;
		break;
	case LEVEL:
		*(uint8_t *)place(c, s) = (uint8_t)n;
		break;
	case TEXT:
	case DIR:
	case SOCKET:
	case TCP:
	case WORD:
	case APPS:
		break;
	}
}

void config_defaults(struct config *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < LEN(settings); i++) {
		const struct setting *s = &settings[i];

		if (s->kind == WORD)
			*(const char **)place(ret, s) = pooling[0];
		else if (s->kind == TEXT || s->kind == DIR || s->kind == SOCKET ||
			 s->kind == TCP)
			*(const char **)place(ret, s) = "";
		else
			set_number(ret, s, s->number);
	}
}

bool config_is_app_id(struct span id)
{
	if (id.len == 0 || id.len > 64 || id.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.ptr[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
			return false;
	}
	return true;
}

bool config_is_tcp(struct span text, struct config_tcp *ret)
{
	static const struct {
		const char *name;
		bool v4, v6;
	} addresses[] = {
		{ "127.0.0.1:", true, false },
		{ "[::1]:", false, true },
		{ "localhost:", true, true },
	};

	for (size_t i = 0; i < LEN(addresses); i++) {
		size_t n = strlen(addresses[i].name);
		uint32_t port = 0;

		if (!span_starts(text, addresses[i].name) || text.len == n || text.len > n + 5)
			continue;
		for (size_t k = n; k < text.len; k++) {
			if (text.ptr[k] < '0' || text.ptr[k] > '9')
				return false;
			port = port * 10 + (uint32_t)(text.ptr[k] - '0');
		}
		if (port > UINT16_MAX || (text.ptr[n] == '0' && text.len > n + 1))
			return false;
		*ret = (struct config_tcp){ addresses[i].v4, addresses[i].v6, (uint16_t)port };
		return true;
	}
	return false;
}

/* --- reading ------------------------------------------------------------------------- */

struct reading {
	struct span text;
	struct arena *arena;
	struct config c;
	struct json_where *where;
};

/* Fills *where with the place of /group or /group/key. */
static enum err complain(struct reading *r, const char *group, const char *key, bool at_key,
			 const char *problem)
{
	char path[160];

	snprintf(path, sizeof path, "/%s%s%s%s", group, key != NULL ? "/" : "",
		 key != NULL ? key : "", at_key ? "#" : "");
	size_t offset = json_offset_of(r->text, path);

	r->where->offset = offset != SIZE_MAX ? offset : 0;
	json_line_column(r->text, r->where->offset, &r->where->line, &r->where->column);
	r->where->problem = problem;
	return ERR_SYNTAX;
}

__attribute__((format(printf, 2, 3))) static void detail(struct reading *r, const char *format,
							 ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(r->where->detail, sizeof r->where->detail, format, ap);
	va_end(ap);
}

static enum err wrong_value(struct reading *r, const struct setting *s)
{
	if (s->kind == U32 || s->kind == U16)
		detail(r, "%s takes %" PRIu32 " to %" PRIu32, s->key, s->min, s->max);
	else if (s->kind == BOOL)
		detail(r, "%s takes true or false", s->key);
	else if (s->kind == LEVEL)
		detail(r, "%s takes error, warning, notice, info or debug", s->key);
	else if (s->kind == FORMAT)
		detail(r, "%s takes text or json", s->key);
	else if (s->kind == WORD)
		detail(r, "%s takes mean, cls, last, model or off", s->key);
	else if (s->kind == APPS)
		detail(r, "%s takes up to %u ids of letters, digits, . _ -", s->key, s->max);
	else if (s->kind == SOCKET)
		detail(r,
		       "%s takes http://127.0.0.1:PORT, or unix: and an absolute path of at "
		       "most %zu bytes",
		       s->key, SOCKET_PATH_MAX);
	else if (s->kind == TCP)
		detail(r, "%s takes 127.0.0.1:PORT, [::1]:PORT or localhost:PORT", s->key);
	else
		detail(r, "%s takes a string", s->key);
	return complain(r, s->group, s->key, false, "value is not one this setting takes");
}

static enum err no_room(struct reading *r)
{
	*r->where = (struct json_where){ .line = 1, .column = 1, .problem = "memory is out" };
	return ERR_NO_MEMORY;
}

/* A Unix socket, or a loopback port by its URL; nothing that a network lies in between of. */
static bool is_engine_address(const char *text)
{
	struct config_tcp tcp;

	if (strncmp(text, "http://", 7) == 0)
		return config_is_tcp(span_of(text + 7), &tcp) && tcp.port != 0;
	return strncmp(text, "unix:/", 6) == 0 && strlen(text + 5) <= SOCKET_PATH_MAX;
}

static enum err read_text(struct reading *r, const struct setting *s, const char *text)
{
	if (s->kind == DIR && text[0] == '\0')
		return ERR_OK;
	if (s->kind == DIR && text[0] != '/') {
		detail(r, "%s takes an absolute path", s->key);
		return complain(r, s->group, s->key, false, "path is relative");
	}
	if (s->kind == SOCKET && text[0] != '\0' && !is_engine_address(text))
		return wrong_value(r, s);
	struct config_tcp tcp;
	if (s->kind == TCP && text[0] != '\0' && !config_is_tcp(span_of(text), &tcp))
		return wrong_value(r, s);
	char *copy = arena_strdup(r->arena, span_of(text));
	if (copy == NULL)
		return no_room(r);
	*(const char **)place(&r->c, s) = copy;
	return ERR_OK;
}

static enum err read_apps(struct reading *r, const struct setting *s, const cJSON *list)
{
	const char **apps = arena_array(r->arena, CONFIG_MAX_APPS, sizeof *apps);
	uint32_t n = 0;
	const cJSON *item;

	if (apps == NULL)
		return no_room(r);
	cJSON_ArrayForEach (item, list) {
		if (!cJSON_IsString(item) || !config_is_app_id(span_of(item->valuestring)) ||
		    n == CONFIG_MAX_APPS)
			return wrong_value(r, s);
		apps[n] = arena_strdup(r->arena, span_of(item->valuestring));
		if (apps[n++] == NULL)
			return no_room(r);
	}
	r->c.apps = apps;
	r->c.n_apps = n;
	return ERR_OK;
}

static enum err read_word(struct reading *r, const struct setting *s, const char *word)
{
	if (s->kind == FORMAT && (strcmp(word, "text") == 0 || strcmp(word, "json") == 0)) {
		set_number(&r->c, s, strcmp(word, "json") == 0);
		return ERR_OK;
	}
	for (size_t i = 0; s->kind == WORD && i < LEN(pooling); i++)
		if (strcmp(word, pooling[i]) == 0) {
			*(const char **)place(&r->c, s) = pooling[i];
			return ERR_OK;
		}
	for (size_t i = 0; s->kind == LEVEL && i < LEN(levels); i++)
		if (strcmp(word, levels[i].name) == 0) {
			set_number(&r->c, s, levels[i].level);
			return ERR_OK;
		}
	return wrong_value(r, s);
}

static enum err read_value(struct reading *r, const struct setting *s, const cJSON *group,
			   const cJSON *v)
{
	int64_t n;

	switch (s->kind) {
	case U32:
	case U16:
		if (!json_get_int(group, s->key, s->min, s->max, &n))
			return wrong_value(r, s);
		set_number(&r->c, s, (uint32_t)n);
		return ERR_OK;
	case BOOL:
		if (!cJSON_IsBool(v))
			return wrong_value(r, s);
		set_number(&r->c, s, cJSON_IsTrue(v));
		return ERR_OK;
	case APPS:
		return cJSON_IsArray(v) ? read_apps(r, s, v) : wrong_value(r, s);
	case TEXT:
	case DIR:
	case SOCKET:
	case TCP:
		return cJSON_IsString(v) ? read_text(r, s, v->valuestring) : wrong_value(r, s);
	case WORD:
	case LEVEL:
	case FORMAT:
		return cJSON_IsString(v) ? read_word(r, s, v->valuestring) : wrong_value(r, s);
	}
	return ERR_SYNTAX;
}

/* The known word nearest to `word`: keys of `group`, or groups when that is NULL. */
static const char *nearest(const char *word, const char *group)
{
	const char *best = NULL;
	unsigned least = 4; /* further away it is no help */

	for (size_t i = 0; i < LEN(settings); i++) {
		if (group != NULL && strcmp(settings[i].group, group) != 0)
			continue;
		const char *known = group != NULL ? settings[i].key : settings[i].group;
		unsigned d = text_distance(word, known);
		if (d < least) {
			least = d;
			best = known;
		}
	}
	return best;
}

static enum err unknown(struct reading *r, const char *group, const char *key)
{
	const char *word = key != NULL ? key : group;
	const char *near = nearest(word, key != NULL ? group : NULL);

	if (near != NULL)
		detail(r, "%.30s; did you mean %s?", word, near);
	else
		detail(r, "%.60s", word);
	return complain(r, group, key, true,
			key != NULL ? "unknown setting" : "unknown group of settings");
}

static enum err read_group(struct reading *r, const cJSON *group)
{
	const cJSON *v;
	bool known = false;

	for (size_t i = 0; i < LEN(settings); i++)
		known = known || strcmp(settings[i].group, group->string) == 0;
	if (!known)
		return unknown(r, group->string, NULL);
	if (!cJSON_IsObject(group)) {
		detail(r, "%.60s takes an object", group->string);
		return complain(r, group->string, NULL, false, "value is not an object");
	}
	cJSON_ArrayForEach (v, group) {
		size_t i = 0;

		while (i < LEN(settings) && (strcmp(settings[i].group, group->string) != 0 ||
					     strcmp(settings[i].key, v->string) != 0))
			i++;
		if (i == LEN(settings))
			return unknown(r, group->string, v->string);
		enum err e = read_value(r, &settings[i], group, v);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

enum err config_parse(struct span text, struct arena *a, struct config *io,
		      struct json_where *reterr)
{
	struct json_where where = { 0 };
	struct reading r = { .text = text, .arena = a, .c = *io, .where = &where };
	cJSON *tree = NULL;
	const cJSON *group;
	enum err e = json_parse(text, &json_limits_file, &tree, &where);

	if (e == ERR_OK && !cJSON_IsObject(tree)) {
		where.problem = "the file is not an object";
		where.line = where.column = 1;
		e = ERR_SYNTAX;
	}
	if (e == ERR_OK) {
		cJSON_ArrayForEach (group, tree) {
			e = read_group(&r, group);
			if (e != ERR_OK)
				break;
		}
	}
	cJSON_Delete(tree);
	if (e == ERR_OK)
		*io = r.c;
	else
		*reterr = where;
	return e;
}

/* --- writing ------------------------------------------------------------------------- */

static const char *level_name(uint8_t level)
{
	for (size_t i = 0; i < LEN(levels); i++)
		if (levels[i].level == level)
			return levels[i].name;
	return "info";
}

static void write_value(const struct config *c, const struct setting *s, struct buf *out)
{
	const void *p = place_of(c, s);

	switch (s->kind) {
	case U32:
		buf_add_u64(out, *(const uint32_t *)p);
		break;
	case U16:
		buf_add_u64(out, *(const uint16_t *)p);
		break;
	case BOOL:
		buf_add_str(out, *(const bool *)p ? "true" : "false");
		break;
	case TEXT:
	case DIR:
	case SOCKET:
	case TCP:
	case WORD:
		json_put_string(out, span_of(*(const char *const *)p));
		break;
	case LEVEL:
		json_put_string(out, span_of(level_name(*(const uint8_t *)p)));
		break;
	case FORMAT:
		buf_add_str(out, *(const bool *)p ? "\"json\"" : "\"text\"");
		break;
	case APPS:
		buf_add_char(out, '[');
		for (uint32_t i = 0; i < c->n_apps; i++) {
			if (i > 0)
				buf_add_str(out, ", ");
			json_put_string(out, span_of(c->apps[i]));
		}
		buf_add_char(out, ']');
		break;
	}
}

static bool first_of_group(size_t i)
{
	return i == 0 || strcmp(settings[i].group, settings[i - 1].group) != 0;
}

static bool last_of_group(size_t i)
{
	return i + 1 == LEN(settings) || first_of_group(i + 1);
}

void config_write(const struct config *c, struct buf *out)
{
	buf_add_char(out, '{');
	for (size_t i = 0; i < LEN(settings); i++) {
		const struct setting *s = &settings[i];

		if (first_of_group(i))
			buf_printf(out, "%s\"%s\":{", i > 0 ? "," : "", s->group);
		buf_printf(out, "%s\"%s\":", first_of_group(i) ? "" : ",", s->key);
		write_value(c, s, out);
		if (last_of_group(i))
			buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

void config_print_default(struct buf *out)
{
	struct config c;

	config_defaults(&c);
	buf_add_str(
		out,
		"// hither's configuration: every setting at its default, with its range.\n"
		"// Leave out what you do not change. Unknown settings are errors; check with\n"
		"// `hitherd --check`. Read once at start.\n{\n");
	for (size_t i = 0; i < LEN(settings); i++) {
		const struct setting *s = &settings[i];

		if (first_of_group(i))
			buf_printf(out, "\t\"%s\": {\n", s->group);
		buf_printf(out, "\t\t\"%s\": ", s->key);
		write_value(&c, s, out);
		buf_add_str(out, last_of_group(i) ? " // " : ", // ");
		if (s->kind == U32 || s->kind == U16)
			buf_printf(out, "%" PRIu32 "..%" PRIu32 "; ", s->min, s->max);
		buf_printf(out, "%s\n", s->comment);
		if (last_of_group(i))
			buf_add_str(out, i + 1 == LEN(settings) ? "\t}\n" : "\t},\n");
	}
	buf_add_str(out, "}\n");
}
