/* SPDX-License-Identifier: Apache-2.0 */
/* What the translators of this folder share. */
#ifndef HITHER_DIALECT_IMPL_H
#define HITHER_DIALECT_IMPL_H

#include "common/json.h"
#include "dialect/dialect.h"

/* --- reading a client's body --------------------------------------------------------- */

#define CHAT_MAX_MESSAGES     2048
#define CHAT_MAX_PARTS        1024 /* of one message */
#define CHAT_MAX_TOOLS        128
#define CHAT_MAX_CALLS        128 /* of one message */
#define CHAT_MAX_STOPS        4
#define CHAT_MAX_ANSWERS      8
#define CHAT_MAX_MODEL_BYTES  128
#define CHAT_MAX_NAME_BYTES   64
#define CHAT_PARAM_BYTES      96
#define CHAT_MAX_TOKENS_LIMIT 100000000
#define CHAT_MANY_STOPS       16 /* where a dialect names no limit of its own */

struct reading {
	struct arena *arena;
	struct arena *nodes; /* of the tree, until reading_done() */
	struct chat *chat;
	struct chat_problem *problem;
	bool no_memory;
};

/* Fills the problem once (the first counts) and returns false. `param` NULL: none. */
bool reading_fail(struct reading *r, const char *code, const char *param, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));
/* The same for a full arena. */
bool reading_fail_memory(struct reading *r);
/* "`param`: expected WHAT." */
bool reading_fail_type(struct reading *r, const char *param, const char *expected);

/*
 * Gate and parse, then the fields nobody may send at any depth. NULL with the problem filled.
 * The tree lives until reading_done(), which is called in any case; what its strings say lives
 * as long as r->arena and needs no copy (reading_keep).
 */
const cJSON *reading_parse(struct reading *r, struct span body);
void reading_done(struct reading *r);

/* Copies into the arena. False when it is full; an empty span stays one. */
bool reading_copy(struct reading *r, struct span text, struct span *ret);
/* A string of the tree, as it is; an empty span has no address. */
struct span reading_keep(const char *valuestring);
bool reading_copy_tree(struct reading *r, const cJSON *tree, struct span *ret);

/* Path of a value in the body, for `param`. */
void reading_path(char out[CHAT_PARAM_BYTES], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* "LIST[i]". */
void reading_item(char out[CHAT_PARAM_BYTES], const char *list, uint32_t i);

/* NULL when absent or null: the published documents call most fields nullable. */
const cJSON *reading_get(const cJSON *obj, const char *key);

/*
 * Fields that cannot be honoured and change what the answer means: a 400 naming them (`within`
 * is the member that `obj` is, NULL for the body), unless the value is the one that means "as
 * usual".
 */
enum refused_unless {
	ANY_VALUE,
	UNLESS_FALSE,
	UNLESS_ZERO,
	UNLESS_ONE,
	UNLESS_EMPTY,
	UNLESS_NO_TEXT,
	UNLESS_MEDIUM,
	UNLESS_DISABLED
};
struct refused_field {
	const char *name;
	enum refused_unless unless;
};
bool reading_refuse(struct reading *r, const cJSON *obj, const char *within,
		    const struct refused_field *table, size_t n);

/* Known fields; absent and null leave the chat as it is. False with the problem filled. */
bool reading_number(struct reading *r, const cJSON *obj, const char *key, double min,
		    double max, double *ret, bool *ret_has);
bool reading_flag(struct reading *r, const cJSON *obj, const char *key, const char *param,
		  bool *ret);
bool reading_seed(struct reading *r, const cJSON *obj);
bool reading_max_tokens(struct reading *r, const cJSON *obj, const char *key);
/* `n`, how many answers. */
bool reading_n(struct reading *r, const cJSON *obj);
bool reading_stop(struct reading *r, const cJSON *obj, const char *key, int max);
bool reading_effort(struct reading *r, const cJSON *effort, const char *param);
/* OpenAI's service_tier, of which only a wrong word matters. */
bool reading_service_tier(struct reading *r, const cJSON *body);
bool reading_extension(struct reading *r, const cJSON *body);
bool reading_model_name(struct reading *r, const cJSON *body, const char *key,
			struct span *ret);

/*
 * One more message, part or call at the end of its list; NULL or false with the problem
 * filled. A pointer is good until the next one is added to the same list.
 */
struct chat_message *reading_add_message(struct reading *r, enum chat_role role,
					 const char *param);
struct chat_part *reading_add_part(struct reading *r, struct chat_message *m,
				   enum chat_part_kind kind, const char *param);
bool reading_add_text(struct reading *r, struct chat_message *m, enum chat_part_kind kind,
		      struct span text, const char *param);
bool reading_add_call(struct reading *r, struct chat_message *m, struct span id,
		      struct span name, struct span arguments, const char *param);
/* Each of `tools`, which may be NULL, by `read_tool`; `path` is its place, for errors. */
typedef bool reading_tool(struct reading *r, const cJSON *tool, const char *path);
bool reading_tools(struct reading *r, const cJSON *tools, reading_tool *read_tool);
/*
 * What the dialects say alike of a tool: `description` and `strict`, members of `tool`, and the
 * name and schema (NULL: none) that the caller has checked.
 */
bool reading_keep_tool(struct reading *r, const cJSON *tool, const char *path, struct span name,
		       const cJSON *schema);
/* The named tool must be there. */
bool reading_choose_tool(struct reading *r, struct span name, const char *param);
bool reading_check_required(struct reading *r);
/* Text of one JSON object. */
bool reading_check_arguments(struct reading *r, struct span text, const char *param);

/* Parses, calls `read_body` on an object that has no refused names, and fills one of the two.
 */
enum err reading_run(struct span body, struct arena *a, struct chat *ret,
		     struct chat_problem *reterr,
		     bool (*read_body)(struct reading *r, const cJSON *body));

/* [A-Za-z0-9_-]{1,64}: names of tools and formats. */
bool reading_is_name(struct span s);

/* RFC 4648 section 4 with padding, not empty. */
bool reading_is_base64(struct span s);
/* TYPE/SUBTYPE without parameters, at most 80 bytes. */
bool reading_is_media_type(struct span s);
/* "data:TYPE;base64,DATA" (RFC 2397) into its two halves; the data must be RFC 4648 base64. */
bool reading_data_url(struct span url, struct span *ret_type, struct span *ret_data);

/* The messages of an OpenAI chat body. */
bool openai_read_messages(struct reading *r, const cJSON *messages);
/* `tools` alone; NULL is none. */
bool openai_read_tool_list(struct reading *r, const cJSON *tools);
bool openai_read_tools(struct reading *r, const cJSON *body);
bool openai_read_format(struct reading *r, const cJSON *body);

/* dialect_openai_chat, in two files. */
enum err openai_chat_read(struct span body, struct arena *a, struct chat *ret,
			  struct chat_problem *reterr);

/* Upstream bodies, for the rows of the upstream dialects. */
enum err openai_chat_send(const struct chat *c, const char *model, struct buf *out);
bool azure_openai_path(const char *model, const char *version, bool stream, struct buf *out);
enum err llamacpp_chat_send(const struct chat *c, const char *model, struct buf *out);
enum err mistral_chat_send(const struct chat *c, const char *model, struct buf *out);
enum err openrouter_chat_send(const struct chat *c, const char *model, struct buf *out);

/* --- walking JSON that has passed the gate ------------------------------------------- */

/*
 * A cursor over text that json_check() has accepted: no tree, no allocation. What these
 * functions do on text that has not passed is bounded, but meaningless.
 */
struct walk {
	const char *p;
	const char *end;
};

enum walk_kind {
	WALK_NONE,
	WALK_OBJECT,
	WALK_ARRAY,
	WALK_STRING,
	WALK_NUMBER,
	WALK_TRUE,
	WALK_FALSE,
	WALK_NULL
};

struct walk walk_of(struct span text);
enum walk_kind walk_kind(struct walk *w);
/* The raw text of the value at the cursor, which moves past it. */
struct span walk_value(struct walk *w);
/* First call with the cursor on '{' or '['; then after each value. False at the closing one,
 * which is consumed. The key is raw text without its quotes. */
bool walk_member(struct walk *w, struct span *ret_raw_key);
bool walk_element(struct walk *w);
/* Raw value to text. A string without escapes is a view into it; else it is unescaped into
 * `scratch`, which is cleared first. False when it is not a string or does not fit. */
bool walk_string(struct span raw, struct buf *scratch, struct span *ret);
/* A whole number in [0, 2^53]; false otherwise. */
bool walk_count(struct span raw, int64_t *ret);
bool walk_number(struct span raw, double *ret);
/* One object's members by name: raw JSON, untouched when absent or null. */
struct walk_wanted {
	const char *key;
	struct span *ret;
};
void walk_members(struct span object, const struct walk_wanted *wanted, size_t n);
static inline bool walk_is_object(struct span raw)
{
	return raw.len > 0 && raw.ptr[0] == '{';
}
static inline bool walk_is_null(struct span raw)
{
	return raw.len == 0 || raw.ptr[0] == 'n';
}

#endif
