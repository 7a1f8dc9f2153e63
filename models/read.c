/* SPDX-License-Identifier: Apache-2.0 */
/* Typed readers of single values; each copies what it keeps, or fails with the value's place.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "common/text.h"
#include "models/read_impl.h"

void models_read_fail(struct reader *r, enum err e, const char *problem)
{
	size_t offset;

	if (r->err != ERR_OK)
		return;
	offset = json_offset_of(r->text, r->path);
	r->err = e;
	r->at = (struct json_where){ .offset = offset == SIZE_MAX ? 0 : offset,
				     .problem = problem };
	json_line_column(r->text, r->at.offset, &r->at.line, &r->at.column);
	/* The end of the path says most; what is cut is its beginning. */
	size_t n = strlen(r->path), room = sizeof r->at.detail - 1;
	snprintf(r->at.detail, sizeof r->at.detail, "%s", r->path + (n > room ? n - room : 0));
}

void *models_read_claim(struct reader *r, size_t count, size_t each_bytes)
{
	void *p = r->err == ERR_OK ? arena_array(r->arena, count, each_bytes) : NULL;

	if (p == NULL)
		models_read_fail(r, ERR_NO_MEMORY, "needs too much memory");
	return p;
}

/* Lengthens the path; the result goes to models_read_path_leave(). Keys are ours or checked, so
 * no escaping. */
size_t models_read_path_enter(struct reader *r, const char *key)
{
	size_t n = strlen(r->path);

	snprintf(r->path + n, sizeof r->path - n, "/%s", key);
	return n;
}

size_t models_read_path_enter_index(struct reader *r, unsigned i)
{
	char number[12];

	snprintf(number, sizeof number, "%u", i);
	return models_read_path_enter(r, number);
}

void models_read_path_leave(struct reader *r, size_t n)
{
	r->path[n] = '\0';
}

void models_read_unknown_key(struct reader *r, const char *key)
{
	models_read_fail(r, ERR_SYNTAX, "holds an unknown key");
	if (r->at.detail[0] == '\0')
		snprintf(r->at.detail, sizeof r->at.detail, "%.70s", key);
}

void models_read_object(struct reader *r, const cJSON *v, const struct field *fields, size_t n,
			void *into)
{
	const cJSON *child;

	if (!cJSON_IsObject(v)) {
		models_read_fail(r, ERR_SYNTAX, "is not an object");
		return;
	}
	cJSON_ArrayForEach (child, v) {
		size_t i = 0;

		while (i < n && ((fields[i].allowed & r->where) == 0 ||
				 strcmp(fields[i].key, child->string) != 0))
			i++;
		if (i == n) {
			models_read_unknown_key(r, child->string);
			return;
		}
		size_t mark = models_read_path_enter(r, fields[i].key);
		fields[i].read(r, child, (char *)into + fields[i].offset);
		models_read_path_leave(r, mark);
	}
	for (size_t i = 0; i < n; i++)
		if ((fields[i].required & r->where) != 0 &&
		    json_get(v, fields[i].key) == NULL) {
			models_read_fail(r, ERR_SYNTAX, "lacks a required key");
			snprintf(r->at.detail, sizeof r->at.detail, "%s", fields[i].key);
		}
}

/* Walks an array; `each` reads element i into the i-th slot of a fresh array. */
void *models_read_list(struct reader *r, const cJSON *v, size_t each_bytes, read_value *each,
		       uint32_t most, uint32_t *ret_n)
{
	int n = cJSON_IsArray(v) ? cJSON_GetArraySize(v) : -1;
	unsigned i = 0;
	const cJSON *child;

	if (n < 0) {
		models_read_fail(r, ERR_SYNTAX, "is not an array");
		return NULL;
	}
	if ((uint32_t)n > most) {
		models_read_fail(r, ERR_TOO_BIG, "has too many elements");
		return NULL;
	}
	char *out = models_read_claim(r, (size_t)n, each_bytes);
	if (out == NULL)
		return NULL;
	cJSON_ArrayForEach (child, v) {
		size_t mark = models_read_path_enter_index(r, i);
		each(r, child, out + i * each_bytes);
		models_read_path_leave(r, mark);
		i++;
	}
	*ret_n = i;
	return out;
}

void models_read_text(struct reader *r, const cJSON *v, void *into)
{
	if (!cJSON_IsString(v)) {
		models_read_fail(r, ERR_SYNTAX, "is not a string");
		return;
	}
	if (strlen(v->valuestring) > STRING_BYTES) {
		models_read_fail(r, ERR_TOO_BIG, "is too long");
		return;
	}
	const char *copy = arena_strdup(r->arena, span_of(v->valuestring));
	if (copy == NULL)
		models_read_fail(r, ERR_NO_MEMORY, "needs too much memory");
	else
		*(const char **)into = copy;
}

void models_read_name(struct reader *r, const cJSON *v, void *into)
{
	if (!cJSON_IsString(v) || !models_name_valid(v->valuestring))
		models_read_fail(r, ERR_SYNTAX,
				 "is not a model name: [a-z0-9][a-z0-9._-]{0,63}");
	else
		models_read_text(r, v, into);
}

/* A plain file name; it is joined to the models folder. */
void models_read_file_name(struct reader *r, const cJSON *v, void *into)
{
	const char *s = cJSON_IsString(v) ? v->valuestring : "";

	if (s[0] == '\0' || s[0] == '.' || strchr(s, '/') != NULL || strlen(s) > 200)
		models_read_fail(r, ERR_SYNTAX, "is not a file name");
	else
		models_read_text(r, v, into);
}

void models_read_digest(struct reader *r, const cJSON *v, void *into)
{
	uint8_t bytes[32];

	if (!cJSON_IsString(v) || text_unhex(span_of(v->valuestring), bytes, 32) != ERR_OK)
		models_read_fail(r, ERR_SYNTAX, "is not a SHA-256 in hex");
	else
		text_hex(bytes, 32, into);
}

static bool whole_number(struct reader *r, const cJSON *v, int64_t min, int64_t max,
			 int64_t *ret)
{
	double d = cJSON_IsNumber(v) ? v->valuedouble : NAN;

	/* All bounds here are below 2^53, so the comparison is exact. */
	if (!(d >= (double)min && d <= (double)max) || d != floor(d)) {
		models_read_fail(r, ERR_SYNTAX, "is not a whole number within its range");
		return false;
	}
	*ret = (int64_t)d;
	return true;
}

void models_read_bytes(struct reader *r, const cJSON *v, void *into)
{
	int64_t n;

	if (whole_number(r, v, 0, (int64_t)1 << 50, &n))
		*(uint64_t *)into = (uint64_t)n;
}

void models_read_u32(struct reader *r, const cJSON *v, void *into)
{
	int64_t n;

	if (whole_number(r, v, 0, 100000000, &n))
		*(uint32_t *)into = (uint32_t)n;
}

void models_read_rank(struct reader *r, const cJSON *v, void *into)
{
	int64_t n;

	if (whole_number(r, v, 0, 1000, &n))
		*(uint32_t *)into = (uint32_t)n;
}

void models_read_top_k(struct reader *r, const cJSON *v, void *into)
{
	int64_t n;

	if (whole_number(r, v, 0, 1000000, &n))
		*(int32_t *)into = (int32_t)n;
}

void models_read_bool(struct reader *r, const cJSON *v, void *into)
{
	if (!cJSON_IsBool(v))
		models_read_fail(r, ERR_SYNTAX, "is not true or false");
	else
		*(bool *)into = cJSON_IsTrue(v);
}

static void read_fraction(struct reader *r, const cJSON *v, double max, double *into)
{
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0 && v->valuedouble <= max))
		models_read_fail(r, ERR_SYNTAX, "is not a number within its range");
	else
		*into = v->valuedouble;
}

void models_read_temperature(struct reader *r, const cJSON *v, void *into)
{
	read_fraction(r, v, 2.0, into);
}

void models_read_probability(struct reader *r, const cJSON *v, void *into)
{
	read_fraction(r, v, 1.0, into);
}

void models_read_penalty(struct reader *r, const cJSON *v, void *into)
{
	read_fraction(r, v, 10.0, into);
}
