/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People are kept in one table, looked through from the front: this process's own user comes
 * first, which on a personal daemon is everybody who asks.
 */
#include "proc/surroundings.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/arena.h"

#define ARENA_BYTES  ((size_t)16 << 20)
#define PCT_UNKNOWN  255u
#define PCT_FULL     100u
#define DAYS_IN_WEEK 7
#define MINUTE_MS    60000

struct person {
	uid_t uid;
	struct span name;
	struct policy_words groups;
};

struct surroundings {
	struct arena *arena; /* names */
	struct person *people;
	size_t n_people, max_people;
	struct msg_DEVICE_STATE device;
	int64_t minute; /* that `time` was made for; local time changes by whole minutes */
	bool time_kept;
	struct policy_time time;
};

/* --- people ------------------------------------------------------------------------------- */

static const struct person *find(const struct surroundings *s, uid_t uid)
{
	for (size_t i = 0; i < s->n_people; i++)
		if (s->people[i].uid == uid)
			return &s->people[i];
	return NULL;
}

/* A group without a name cannot be one that a policy names. */
static void take_groups(struct surroundings *s, const char *name, gid_t primary,
			struct policy_words *ret)
{
	gid_t ids[SURROUNDINGS_GROUPS_MAX];
	int n = LEN(ids);

	if (getgrouplist(name, primary, ids, &n) < 0)
		return;
	struct span *items = arena_array(s->arena, (size_t)n, sizeof *items);
	size_t used = 0;

	for (int i = 0; items != NULL && i < n; i++) {
		const struct group *g = getgrgid(ids[i]);
		char *copy = g != NULL ? arena_strdup(s->arena, span_of(g->gr_name)) : NULL;

		if (g != NULL && copy == NULL)
			return;
		if (copy != NULL)
			items[used++] = span_of(copy);
	}
	if (items != NULL)
		*ret = (struct policy_words){ true, items, used };
}

static void take(struct surroundings *s, const struct passwd *p)
{
	if (p == NULL || s->n_people == s->max_people || find(s, p->pw_uid) != NULL)
		return;
	struct person *new = &s->people[s->n_people];
	char *name = arena_strdup(s->arena, span_of(p->pw_name));

	if (name == NULL)
		return;
	*new = (struct person){ .uid = p->pw_uid, .name = span_of(name) };
	take_groups(s, name, p->pw_gid, &new->groups);
	s->n_people++;
}

/* The list must be copied: looking up one of its names reuses its memory. */
static void take_members(struct surroundings *s, const char *group)
{
	const struct group *g = getgrnam(group);
	size_t n = 0;

	while (g != NULL && n < SURROUNDINGS_PEOPLE_MAX && g->gr_mem[n] != NULL)
		n++;
	char **names = n > 0 ? arena_array(s->arena, n, sizeof *names) : NULL;

	for (size_t i = 0; names != NULL && i < n; i++)
		names[i] = arena_strdup(s->arena, span_of(g->gr_mem[i]));
	for (size_t i = 0; names != NULL && i < n; i++)
		if (names[i] != NULL)
			take(s, getpwnam(names[i]));
}

/* --- life --------------------------------------------------------------------------------- */

struct surroundings *surroundings_new(const char *group)
{
	struct surroundings *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->device.battery_pct = PCT_UNKNOWN;
	s->arena = arena_new("surroundings", ARENA_BYTES);
	s->max_people = group != NULL ? SURROUNDINGS_PEOPLE_MAX : 2;
	if (s->arena != NULL)
		s->people = arena_array(s->arena, s->max_people, sizeof *s->people);
	if (s->people == NULL) {
		surroundings_free(s);
		return NULL;
	}
	tzset();
	take(s, getpwuid(getuid()));
	take(s, getpwuid(0));
	if (group != NULL)
		take_members(s, group);
	return s;
}

void surroundings_free(struct surroundings *s)
{
	if (s == NULL)
		return;
	arena_free(s->arena);
	free(s);
}

/* --- facts -------------------------------------------------------------------------------- */

void surroundings_device(struct surroundings *s, const struct msg_DEVICE_STATE *m)
{
	s->device = *m;
}

static struct policy_time local_time(int64_t wall_ms)
{
	time_t now = (time_t)(wall_ms / 1000);
	struct policy_time ret = { .known = false };
	struct tm t;

	if (localtime_r(&now, &t) == NULL)
		return ret;
	ret.known = true;
	ret.weekday = (uint8_t)((t.tm_wday + DAYS_IN_WEEK - 1) % DAYS_IN_WEEK);
	ret.minute = (int16_t)(t.tm_hour * 60 + t.tm_min);
	return ret;
}

void surroundings_fill(struct surroundings *s, uid_t uid, int64_t wall_ms,
		       struct policy_request *io)
{
	const struct msg_DEVICE_STATE *d = &s->device;
	const struct person *p = find(s, uid);

	io->user = p != NULL ? p->name : (struct span){ NULL, 0 };
	io->groups = p != NULL ? p->groups : (struct policy_words){ 0 };
	io->device.power = (enum policy_power)d->power;
	io->device.battery_pct =
		(struct policy_number){ d->battery_pct <= PCT_FULL, d->battery_pct };
	io->device.network = (enum policy_network)d->network;
	io->device.thermal = (enum policy_thermal)d->thermal;
	io->device.locked = (enum policy_tri)d->locked;
	io->device.vpn = (enum policy_tri)d->vpn;
	if (!s->time_kept || s->minute != wall_ms / MINUTE_MS) {
		s->time = local_time(wall_ms);
		s->minute = wall_ms / MINUTE_MS;
		s->time_kept = true;
	}
	io->time = s->time;
}
