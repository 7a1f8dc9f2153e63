/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests as JSON: in a file's tests, in `policy eval`, in the ledger's facts. null is
 * unknown, absent keeps what lies below, "device" merges one level.
 */
#include <assert.h>
#include <stdio.h>

#include "common/clock.h"
#include "policy/policy_impl.h"

void policy_request_base(struct policy_request *ret)
{
	static const struct span text[] = { { "text", 4 } };

	*ret = (struct policy_request){
		.identity = POLICY_IDENTITY_ATTESTED,
		.user = SPAN_LITERAL("alice"),
		.groups = { .known = true },
		.interactive = POLICY_TRUE,
		.score = { true, 0.7 },
		.confidence = { true, 0.9 },
		.input_tokens = { true, 500 },
		.modality = { true, text, 1 },
		.tools = POLICY_FALSE,
		.device = { .power = POLICY_POWER_AC,
			    .network = POLICY_NETWORK_UNMETERED,
			    .thermal = POLICY_THERMAL_NOMINAL,
			    .locked = POLICY_FALSE },
		.time = { true, 2, 10 * 60 },
	};
}

/* ---------------------------------------------------------------- reading */

static bool on_span(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct span *out = field;
	const char *copy;

	(void)k;
	*out = (struct span){ 0 };
	if (cJSON_IsNull(v))
		return true;
	if (!read_copy(r, v, TEXT_MAX_BYTES, &copy))
		return false;
	*out = span_of(copy);
	return true;
}

static bool on_list(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_words *out = field;
	struct span *items;
	size_t n;

	(void)k;
	*out = (struct policy_words){ 0 };
	if (cJSON_IsNull(v))
		return true;
	if (!read_is_array(r, v, 4096, &n))
		return false;
	items = arena_array(r->arena, n, sizeof *items);
	if (items == NULL)
		return reader_no_memory(r);
	for (const cJSON *kid = v->child; kid != NULL; kid = kid->next) {
		const char *copy;

		if (!read_copy(r, kid, TEXT_MAX_BYTES, &copy))
			return false;
		items[out->n++] = span_of(copy);
	}
	out->items = items;
	out->known = true;
	return true;
}

static bool on_number(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_number *out = field;

	(void)k;
	*out = (struct policy_number){ 0 };
	if (cJSON_IsNull(v))
		return true;
	if (!cJSON_IsNumber(v))
		return reader_fail(r, v, "a number or null", "wrong type");
	*out = (struct policy_number){ true, v->valuedouble };
	return true;
}

static bool on_tri(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	*(enum policy_tri *)field = POLICY_UNKNOWN;
	return cJSON_IsNull(v) || field_tri(r, v, field, k);
}

/* k->arg: a vocabulary whose first word stands for unknown and is not for writing. */
static bool on_known_word(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	const struct vocabulary *all = k->arg;
	const struct vocabulary known = { all->words + 1, all->n - 1 };
	int value = -1;

	if (!cJSON_IsNull(v) && !read_word(r, v, &known, &value))
		return false;
	*(int *)field = value + 1;
	return true;
}

static bool digits(const char *p, int n, int *ret)
{
	*ret = 0;
	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		*ret = *ret * 10 + (p[i] - '0');
	}
	return true;
}

/* Monday is 0. Sakamoto's method for the Gregorian calendar. */
static int weekday(int year, int month, int day)
{
	static const int offsets[] = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 };

	if (month < 3)
		year--;
	return (year + year / 4 - year / 100 + year / 400 + offsets[month - 1] + day + 6) % 7;
}

struct date {
	int year, month, day;
};

/* What begins as "2026-11-18" does, whether the calendar has that day or not. */
static bool date_shape(const char *s, struct date *ret)
{
	return digits(s, 4, &ret->year) && s[4] == '-' && digits(s + 5, 2, &ret->month) &&
	       s[7] == '-' && digits(s + 8, 2, &ret->day);
}

static bool in_calendar(const struct date *d)
{
	return d->month >= 1 && d->month <= 12 && d->day >= 1 &&
	       d->day <= clock_days_in_month(d->year, d->month);
}

/* ISO 8601, local: "2026-11-18T10:00", seconds and zone allowed and not looked at. */
static bool local_time(const char *s, struct policy_request *q)
{
	struct date d;
	int hour, minute;

	/* In order: what ends early ends at the first byte that is not as it should be. */
	if (!date_shape(s, &d) || (s[10] != 'T' && s[10] != ' ') || !digits(s + 11, 2, &hour) ||
	    s[13] != ':' || !digits(s + 14, 2, &minute))
		return false;
	if (d.year < 1 || !in_calendar(&d) || hour > 23 || minute > 59)
		return false;
	q->time.known = true;
	q->time.weekday = (uint8_t)weekday(d.year, d.month, d.day);
	q->time.minute = (int16_t)(hour * 60 + minute);
	return true;
}

bool time_fail(struct reader *r, const cJSON *v, const char *expected)
{
	struct date d;

	if (cJSON_IsString(v) && date_shape(v->valuestring, &d) && !in_calendar(&d))
		return reader_fail(r, v, expected, "the calendar has no %.10s", v->valuestring);
	return reader_fail(r, v, expected, "not a time");
}

static bool on_time(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_request *q = field;

	(void)k;
	q->time.known = false;
	if (cJSON_IsNull(v) || (cJSON_IsString(v) && local_time(v->valuestring, q)))
		return true;
	return time_fail(r, v, "a local time such as \"2026-11-18T10:00\"");
}

#define REQUEST(field) offsetof(struct policy_request, field)
static const struct key device_keys[] = {
	{ "power", on_known_word, REQUEST(device.power), &vocab_power },
	{ "battery_pct", on_number, REQUEST(device.battery_pct), NULL },
	{ "network", on_known_word, REQUEST(device.network), &vocab_network },
	{ "thermal", on_known_word, REQUEST(device.thermal), &vocab_thermal },
	{ "locked", on_tri, REQUEST(device.locked), NULL },
	{ "vpn", on_tri, REQUEST(device.vpn), NULL },
};

static bool on_device(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_request *q = field;

	(void)k;
	if (!cJSON_IsNull(v))
		return read_object(r, v, device_keys, LEN(device_keys), q);
	memset(&q->device, 0, sizeof q->device);
	return true;
}

static const struct key restrict_keys[] = {
	{ "max_tier", field_word, REQUEST(max_tier), &vocab_tier },
};

static bool on_restrict(struct reader *r, const cJSON *v, void *field, const struct key *k)
{
	struct policy_request *q = field;

	(void)k;
	q->restricted = false;
	if (cJSON_IsNull(v))
		return true;
	if (!read_object(r, v, restrict_keys, LEN(restrict_keys), q))
		return false;
	q->restricted = v->child != NULL;
	return true;
}

static const struct key request_keys[] = {
	{ "app", on_span, REQUEST(app), NULL },
	{ "identity", on_known_word, REQUEST(identity), &vocab_identity },
	{ "user", on_span, REQUEST(user), NULL },
	{ "groups", on_list, REQUEST(groups), NULL },
	{ "interactive", on_tri, REQUEST(interactive), NULL },
	{ "task", on_span, REQUEST(task), NULL },
	{ "data", on_list, REQUEST(data), NULL },
	{ "score", on_number, REQUEST(score), NULL },
	{ "confidence", on_number, REQUEST(confidence), NULL },
	{ "input_tokens", on_number, REQUEST(input_tokens), NULL },
	{ "modality", on_list, REQUEST(modality), NULL },
	{ "tools", on_tri, REQUEST(tools), NULL },
	WHOLE("device", on_device),
	WHOLE("time", on_time),
	WHOLE("app_restrict", on_restrict),
};

bool request_read(struct reader *r, const cJSON *object, struct policy_request *io)
{
	return read_object(r, object, request_keys, LEN(request_keys), io);
}

enum err policy_request_apply(struct policy_request *io, const cJSON *object,
			      struct arena *arena, struct policy_error *reterr)
{
	struct reader r = { .root = object, .arena = arena, .name = "", .error = reterr };

	*reterr = (struct policy_error){ .line = 0 };
	bool ok = request_read(&r, object, io);

	assert(ok == (r.e == ERR_OK)); /* who gives false has said why */
	return ok ? ERR_OK : r.e;
}

/* ---------------------------------------------------------------- writing */

static void put_span(struct buf *out, const char *key, struct span s)
{
	if (s.ptr == NULL)
		json_put_key_cstr(out, key, NULL);
	else
		json_put_key_string(out, key, s);
}

static void put_list(struct buf *out, const char *key, struct policy_words w)
{
	json_put_key(out, key);
	if (!w.known) {
		buf_add_str(out, "null");
		return;
	}
	buf_add_char(out, '[');
	for (size_t i = 0; i < w.n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		json_put_string(out, w.items[i]);
	}
	buf_add_char(out, ']');
}

static void put_number(struct buf *out, const char *key, struct policy_number n)
{
	if (n.known)
		json_put_key_number(out, key, n.value);
	else
		json_put_key_cstr(out, key, NULL);
}

static void put_tri(struct buf *out, const char *key, enum policy_tri t)
{
	if (t == POLICY_UNKNOWN)
		json_put_key_cstr(out, key, NULL);
	else
		json_put_key_bool(out, key, t == POLICY_TRUE);
}

static void put_word(struct buf *out, const char *key, const struct vocabulary *v, unsigned i)
{
	json_put_key_cstr(out, key, i == 0 ? NULL : v->words[i]);
}

/* Only the weekday and the minute are known; any date with that weekday says the same. The
 * 16th of November 2026 is a Monday. */
static void put_time(struct buf *out, const struct policy_request *q)
{
	json_put_key(out, "time");
	if (q->time.known)
		buf_printf(out, "\"2026-11-%02dT%02d:%02d\"", 16 + q->time.weekday,
			   q->time.minute / 60, q->time.minute % 60);
	else
		buf_add_str(out, "null");
}

void policy_device_write(const struct policy_request *q, struct buf *out)
{
	buf_add_char(out, '{');
	put_word(out, "power", &vocab_power, q->device.power);
	put_number(out, "battery_pct", q->device.battery_pct);
	put_word(out, "network", &vocab_network, q->device.network);
	put_word(out, "thermal", &vocab_thermal, q->device.thermal);
	put_tri(out, "locked", q->device.locked);
	put_tri(out, "vpn", q->device.vpn);
	buf_add_char(out, '}');
}

void policy_request_write(const struct policy_request *q, struct buf *out)
{
	buf_add_char(out, '{');
	put_span(out, "app", q->app);
	put_word(out, "identity", &vocab_identity, q->identity);
	put_span(out, "user", q->user);
	put_list(out, "groups", q->groups);
	put_tri(out, "interactive", q->interactive);
	put_span(out, "task", q->task);
	put_list(out, "data", q->data);
	put_number(out, "score", q->score);
	put_number(out, "confidence", q->confidence);
	put_number(out, "input_tokens", q->input_tokens);
	put_list(out, "modality", q->modality);
	put_tri(out, "tools", q->tools);
	json_put_key(out, "device");
	policy_device_write(q, out);
	put_time(out, q);
	json_put_key(out, "app_restrict");
	if (q->restricted)
		buf_printf(out, "{\"max_tier\":\"%s\"}", policy_tier_name(q->max_tier));
	else
		buf_add_str(out, "null");
	buf_add_char(out, '}');
}
