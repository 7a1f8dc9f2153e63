/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what lies on disk to what takes effect: the fail-closed table (policy.h, "what to
 * load") as one function.
 *
 *   each file   readable, signed where it must be, parses, serial not lower, in force yet
 *   together    no clash between files, every file's own tests hold
 *   the host    nothing expired, the clock has not gone back, no mandatory file is gone
 *
 * Invariants
 *   1. A refused file leaves nothing behind: the set is built without it, from the start.
 *   2. What takes effect always comes out of the bundle that the roles will read.
 *   3. Whatever goes wrong here ends in the set in force, the last-good or a lockdown; never
 *      in fewer mandatory files than there should be.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "common/clock.h"
#include "common/text.h"
#include "policy/policy_impl.h"

#define CLOCK_BACK_MS ((int64_t)24 * 60 * 60 * 1000)

struct loader {
	const struct policy_load *in;
	struct policy_loaded *out;
	size_t max_problems;
	struct policy_file *files[POLICY_SET_MAX_FILES]; /* accepted so far */
	size_t n_files;
	bool bad_mandatory, bad_other;
	char lockdown[200]; /* why; "" when not */
};

static bool is_ceiling(enum policy_layer layer)
{
	return layer <= POLICY_MANDATORY;
}

static void problem(struct loader *l, enum policy_problem_kind kind, enum policy_layer layer,
		    const struct policy_error *error)
{
	assert(l->out->n_problems < l->max_problems);
	l->out->problems[l->out->n_problems++] = (struct policy_problem){ kind, layer, *error };
}

static struct policy_error say(const char *file, const char *text, const char *expected)
{
	struct policy_error e = { .line = 0 };

	snprintf(e.file, sizeof e.file, "%s", file);
	snprintf(e.problem, sizeof e.problem, "%s", text);
	snprintf(e.expected, sizeof e.expected, "%s", expected);
	return e;
}

static void refuse(struct loader *l, enum policy_problem_kind kind, enum policy_layer layer,
		   const struct policy_error *error)
{
	problem(l, kind, layer, error);
	if (is_ceiling(layer))
		l->bad_mandatory = true;
	else
		l->bad_other = true;
}

/* The first reason is the one that status shows. */
static void lock(struct loader *l, const char *file, const char *why)
{
	if (text_empty(l->lockdown))
		snprintf(l->lockdown, sizeof l->lockdown, "%.60s%s%.130s", file,
			 !text_empty(file) ? ": " : "", why);
}

/* ---------------------------------------------------------------- one file */

void policy_serial_key(const struct policy_file *f, char *out, size_t out_bytes)
{
	snprintf(out, out_bytes, "%s%s", f->info.layer == POLICY_USER ? "user/" : "",
		 f->info.id);
}

static int64_t highest_serial(const struct policy_load *in, const struct policy_file *f)
{
	char key[80];
	int64_t highest = 0;

	policy_serial_key(f, key, sizeof key);
	for (size_t i = 0; i < in->n_serials; i++) {
		int64_t serial =
			strcmp(in->serials[i].key, key) == 0 ? in->serials[i].serial : 0;

		if (serial > highest)
			highest = serial;
	}
	return highest;
}

static bool serial_holds(const struct policy_load *in, const struct policy_file *f,
			 struct policy_error *error)
{
	int64_t highest = highest_serial(in, f);

	if (f->info.serial >= highest)
		return true;
	*error = say(f->info.name, "", "the file that was last in force, or a newer one");
	snprintf(error->problem, sizeof error->problem,
		 "serial %" PRId64 " of \"%s\" is lower than %" PRId64
		 ", which this machine has seen",
		 f->info.serial, f->info.id, highest);
	return false;
}

/* Only an administrator's mandatory files are signed; vendor files come with their package. */
static bool signature_holds(const struct policy_load *in, enum policy_layer layer,
			    const char *name, struct span text, struct span signature,
			    char *signer, struct policy_error *error)
{
	if (layer != POLICY_MANDATORY)
		return true;
	if (in->trust_unreadable != NULL) {
		*error = say(name, in->trust_unreadable, "trust anchors that can be read");
		return false;
	}
	if (in->trust == NULL)
		return true;
	if (signature.ptr == NULL) {
		*error = say(name, "the signature is missing",
			     "FILE.sig, because there are trust anchors");
		return false;
	}
	if (policy_verify(in->trust, text, signature, signer, error) == ERR_OK)
		return true;
	snprintf(error->file, sizeof error->file, "%s", name);
	return false;
}

static bool dictionaries_there(const struct policy_load *in, const struct policy_file *f,
			       struct policy_error *error)
{
	for (size_t c = 0; c < f->n_categories; c++) {
		const char *path = f->categories[c].dictionary;
		bool found = path == NULL;

		for (size_t i = 0; i < in->n_attachments && !found; i++)
			found = strcmp(in->attachments[i].path, path) == 0;
		if (found)
			continue;
		*error = say(f->info.name, "", "a file that can be read");
		snprintf(error->problem, sizeof error->problem,
			 "the dictionary of %s, %.80s, could not be read",
			 f->categories[c].name, path);
		return false;
	}
	return true;
}

static bool in_force_yet(const struct policy_load *in, const struct policy_file *f,
			 struct policy_error *error)
{
	if (f->info.not_before_ms <= in->now_ms)
		return true;
	*error = say(f->info.name, "its not_before lies in the future", "");
	return false;
}

static enum err file_take(struct loader *l, const struct policy_found *found)
{
	struct policy_error error;
	struct policy_file *f = NULL;
	char signer[17] = "";
	enum err e;

	if (l->n_files == LEN(l->files)) {
		error = say(found->name, "too many policy files", "at most 256");
		refuse(l, POLICY_PROBLEM_FILE, found->layer, &error);
		return ERR_OK;
	}
	if (!signature_holds(l->in, found->layer, found->name, found->text, found->signature,
			     signer, &error)) {
		refuse(l, POLICY_PROBLEM_FILE, found->layer, &error);
		return ERR_OK;
	}
	e = policy_file_parse(found->text, found->layer, found->name, found->path, 0, &f,
			      &error);
	if (e == ERR_NO_MEMORY)
		return e;
	if (e == ERR_OK && serial_holds(l->in, f, &error) && in_force_yet(l->in, f, &error) &&
	    dictionaries_there(l->in, f, &error)) {
		l->files[l->n_files++] = f;
		return !text_empty(signer) ? policy_file_set_signer(f, signer, found->signature)
					   : ERR_OK;
	}
	policy_file_free(f);
	refuse(l, POLICY_PROBLEM_FILE, found->layer, &error);
	return ERR_OK;
}

/* ---------------------------------------------------------------- all files */

static bool is_empty(const struct policy_found *f)
{
	return f->unreadable == NULL && span_trim(f->text).len == 0;
}

/* The file of /etc that stands in for this one of /usr/lib. */
static bool is_masked(const struct policy_load *in, const struct policy_found *f)
{
	enum policy_layer over =
		f->layer == POLICY_VENDOR ? POLICY_RECOMMENDED : POLICY_MANDATORY;

	if (f->layer != POLICY_VENDOR && f->layer != POLICY_VENDOR_MANDATORY)
		return false;
	for (size_t i = 0; i < in->n_found; i++) {
		if (in->found[i].layer == over && strcmp(in->found[i].name, f->name) == 0)
			return true;
	}
	return false;
}

static enum err files_take(struct loader *l)
{
	for (size_t i = 0; i < l->in->n_found; i++) {
		const struct policy_found *f = &l->in->found[i];
		struct policy_error error;
		enum err e = ERR_OK;

		if (is_masked(l->in, f)) {
			error = say(f->name, "masked by the file of the same name in /etc", "");
			if (is_ceiling(f->layer))
				problem(l, POLICY_PROBLEM_MASKED, f->layer, &error);
		} else if (f->unreadable != NULL) {
			error = say(f->name, f->unreadable, "a file that can be read");
			refuse(l, POLICY_PROBLEM_FILE, f->layer, &error);
		} else if (!is_empty(f)) {
			e = file_take(l, f);
		}
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}

static void drop(struct loader *l, const struct policy_file *culprit)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n_files; i++) {
		if (l->files[i] == culprit)
			policy_file_free(l->files[i]);
		else
			l->files[kept++] = l->files[i];
	}
	l->n_files = kept;
}

struct first_failure {
	struct policy_error error;
	bool seen;
};

static void on_test(void *ctx, const struct policy_test_result *r)
{
	struct first_failure *f = ctx;

	if (r->ok || f->seen)
		return;
	f->seen = true;
	f->error = say(policy_file_info(r->file).name, "", "");
	f->error.line = r->line;
	f->error.column = 1;
	snprintf(f->error.problem, sizeof f->error.problem,
		 "its test \"%.60s\" fails at %.30s: %.70s", r->test, r->destination, r->got);
	snprintf(f->error.expected, sizeof f->error.expected, "%.150s", r->wanted);
}

/* Drops the first file whose tests fail; *ret_all when every test holds. */
static enum err tests_hold(struct loader *l, struct policy_set *s, bool *ret_all)
{
	*ret_all = false;
	for (size_t i = 0; i < l->n_files; i++) {
		struct first_failure first = { .seen = false };
		struct policy_file *f = l->files[i];

		if (policy_tests_run(s, f, on_test, &first, NULL) == 0)
			continue;
		if (!first.seen)
			return ERR_NO_MEMORY;
		refuse(l, POLICY_PROBLEM_TEST, f->info.layer, &first.error);
		drop(l, f);
		return ERR_OK;
	}
	*ret_all = true;
	return ERR_OK;
}

/* Nobody in particular is at fault when there is too much in all. */
static void blame(struct loader *l, const struct policy_file *culprit,
		  const struct policy_error *error)
{
	if (culprit != NULL) {
		refuse(l, POLICY_PROBLEM_FILE, culprit->info.layer, error);
		drop(l, culprit);
		return;
	}
	refuse(l, POLICY_PROBLEM_FILE, POLICY_MANDATORY, error);
	while (l->n_files > 0)
		drop(l, l->files[0]);
}

/* Without clashes and failing tests. Each round that is not the last drops a file. */
static enum err files_settle(struct loader *l)
{
	bool settled = false;

	while (!settled) {
		const struct policy_file *culprit;
		struct policy_error error;
		struct policy_set *s = NULL;
		enum err e = set_build(l->files, l->n_files, NULL, 0, &s, &culprit, &error);

		if (e == ERR_OK)
			e = tests_hold(l, s, &settled);
		else if (e != ERR_NO_MEMORY)
			blame(l, culprit, &error);
		policy_set_free(s);
		if (e == ERR_NO_MEMORY)
			return e;
	}
	return ERR_OK;
}

/* ---------------------------------------------------------------- the host */

static bool is_there(const struct policy_load *in, const struct policy_mandatory *m)
{
	for (size_t i = 0; i < in->n_found; i++) {
		const struct policy_found *f = &in->found[i];

		if (f->layer == m->layer && strcmp(f->name, m->name) == 0)
			return !is_empty(f);
	}
	return false;
}

static void look_for_removed(struct loader *l)
{
	for (size_t i = 0; i < l->in->n_mandatory; i++) {
		const struct policy_mandatory *m = &l->in->mandatory[i];
		struct policy_error error;

		if (is_there(l->in, m))
			continue;
		error = say(m->name, "this mandatory file is gone",
			    "the file, or `hither policy accept-removal` by root");
		problem(l, POLICY_PROBLEM_REMOVED, m->layer, &error);
		lock(l, m->name, error.problem);
	}
}

static void look_for_expired(struct loader *l, const struct policy_file *f)
{
	struct policy_error error;
	char when[CLOCK_RFC3339_BYTES];

	if (f->info.not_after_ms > l->in->now_ms)
		return;
	clock_rfc3339(f->info.not_after_ms, when);
	error = say(f->info.name, "", "a renewed file");
	snprintf(error.problem, sizeof error.problem, "it was valid until %s", when);
	problem(l, POLICY_PROBLEM_EXPIRED, f->info.layer, &error);
	lock(l, f->info.name, error.problem);
}

static void look_at_clock(struct loader *l)
{
	int64_t newest = l->in->newest_record_ms;
	struct policy_error error;

	if (newest == INT64_MIN || l->in->now_ms >= newest - CLOCK_BACK_MS)
		return;
	error = say("", "the clock is more than a day behind the newest record",
		    "the right time");
	problem(l, POLICY_PROBLEM_CLOCK, POLICY_MANDATORY, &error);
	lock(l, "", error.problem);
}

/* ---------------------------------------------------------------- results */

/* Write the bundle and take the set out of it. */
static enum err settle(struct loader *l, enum policy_state state, const char *reason,
		       struct policy_file *const *files, size_t n_files,
		       const struct policy_attachment *attachments, size_t n_attachments)
{
	struct policy_loaded *out = l->out;
	struct policy_error error;
	const struct policy_bundle b = {
		.generation = l->in->generation,
		.state = state,
		.reason = reason,
		.files = files,
		.n_files = n_files,
		.attachments = attachments,
		.n_attachments = n_attachments,
	};

	policy_bundle_write(&b, &out->bundle);
	if (out->bundle.failed)
		return ERR_NO_MEMORY;
	out->state = state;
	out->changed = true;
	out->persist = state == POLICY_ACTIVE;
	/* Also when something of lower authority is wrong: what took effect must not go back.
	 */
	out->remember = state != POLICY_LOCKDOWN && !out->from_last_good;
	snprintf(out->reason, sizeof out->reason, "%s", reason);
	return policy_bundle_read(buf_span(&out->bundle), &out->set, &error);
}

static enum err settle_found(struct loader *l, enum policy_state state, const char *reason)
{
	return settle(l, state, reason, l->files, l->n_files, l->in->attachments,
		      l->in->n_attachments);
}

/* The first that counts; there is one, since a file was refused. */
static void first_problem(const struct loader *l, char *out, size_t out_bytes)
{
	const struct policy_problem *p = l->out->problems;

	while (p->kind == POLICY_PROBLEM_MASKED)
		p++;
	snprintf(out, out_bytes, "%.60s: %.120s", p->error.file, p->error.problem);
}

/* Signature, serial and not_after of what was good the last time, judged today. */
static bool last_good_holds(struct loader *l, const struct policy_set *s,
			    struct policy_error *error)
{
	for (size_t i = 0; i < s->n_files; i++) {
		struct policy_file *f = s->files[i];
		char signer[17] = "";

		if (!signature_holds(l->in, f->info.layer, f->info.name, f->info.text,
				     f->info.signature, signer, error) ||
		    !serial_holds(l->in, f, error))
			return false;
		if (f->info.not_after_ms <= l->in->now_ms) {
			*error = say(f->info.name, "the last good policy has expired",
				     "a renewed file");
			return false;
		}
	}
	return true;
}

static enum err settle_last_good_set(struct loader *l, const struct policy_set *s,
				     const char *reason)
{
	struct policy_attachment *a = arena_array(l->out->arena, s->n_categories, sizeof *a);
	size_t n = 0;

	if (a == NULL)
		return ERR_NO_MEMORY;
	for (size_t i = 0; i < s->n_categories; i++) {
		const struct policy_category *c = &s->categories[i];

		if (c->dictionary != NULL)
			a[n++] = (struct policy_attachment){ c->dictionary, c->words };
	}
	l->out->from_last_good = true;
	return settle(l, POLICY_DEGRADED, reason, s->files, s->n_files, a, n);
}

static enum err settle_last_good(struct loader *l, const char *reason)
{
	struct policy_error error;
	struct policy_set *s = NULL;
	enum err e = ERR_NOT_FOUND;

	error = say("", "there is no last good policy", "");
	if (l->in->last_good.len > 0)
		e = policy_bundle_read(l->in->last_good, &s, &error);
	if (e == ERR_OK && last_good_holds(l, s, &error)) {
		e = settle_last_good_set(l, s, reason);
	} else {
		problem(l, POLICY_PROBLEM_LAST_GOOD, POLICY_MANDATORY, &error);
		e = settle_found(l, POLICY_LOCKDOWN, reason);
	}
	policy_set_free(s);
	return e;
}

static enum err keep(struct loader *l, const char *reason)
{
	struct policy_loaded *out = l->out;

	out->set = policy_set_ref(l->in->in_force);
	out->state = out->set->state == POLICY_LOCKDOWN ? POLICY_LOCKDOWN : POLICY_DEGRADED;
	snprintf(out->reason, sizeof out->reason, "%s", reason);
	return ERR_OK;
}

static enum err conclude(struct loader *l)
{
	char reason[200];

	if (!text_empty(l->lockdown))
		return settle_found(l, POLICY_LOCKDOWN, l->lockdown);
	if (!l->bad_mandatory && !l->bad_other)
		return settle_found(l, POLICY_ACTIVE, "");
	first_problem(l, reason, sizeof reason);
	if (l->in->in_force != NULL)
		return keep(l, reason);
	if (l->bad_mandatory)
		return settle_last_good(l, reason);
	return settle_found(l, POLICY_DEGRADED, reason);
}

static enum err load(struct loader *l)
{
	enum err e = files_take(l);

	if (e == ERR_OK)
		e = files_settle(l);
	if (e != ERR_OK)
		return e;
	look_for_removed(l);
	for (size_t i = 0; i < l->n_files; i++)
		look_for_expired(l, l->files[i]);
	/* What stays in force because its successor is wrong must not outlive its own date. */
	for (size_t i = 0; l->in->in_force != NULL && (l->bad_mandatory || l->bad_other) &&
			   i < l->in->in_force->n_files;
	     i++)
		look_for_expired(l, l->in->in_force->files[i]);
	look_at_clock(l);
	return conclude(l);
}

enum err policy_load(const struct policy_load *in, struct policy_loaded *ret)
{
	struct loader l = { .in = in, .out = ret };
	size_t in_force = in->in_force != NULL ? in->in_force->n_files : 0;
	enum err e = ERR_NO_MEMORY;

	*ret = (struct policy_loaded){ .arena = arena_new("policy.load", SET_BUDGET_BYTES) };
	buf_init(&ret->bundle, POLICY_BUNDLE_MAX_BYTES);
	l.max_problems = 3 * in->n_found + in->n_mandatory + in_force + 8;
	if (ret->arena != NULL)
		ret->problems = arena_array(ret->arena, l.max_problems, sizeof *ret->problems);
	if (ret->problems != NULL)
		e = load(&l);
	for (size_t i = 0; i < l.n_files; i++)
		policy_file_free(l.files[i]);
	if (e != ERR_OK)
		policy_loaded_free(ret);
	return e;
}

void policy_loaded_free(struct policy_loaded *l)
{
	policy_set_free(l->set);
	buf_free(&l->bundle);
	arena_free(l->arena);
	*l = (struct policy_loaded){ .set = NULL };
}

void policy_load_dictionaries(const struct policy_found *found, size_t n, policy_path_fn *fn,
			      void *ctx)
{
	for (size_t i = 0; i < n; i++) {
		struct policy_error ignored;
		struct policy_file *f = NULL;

		if (found[i].unreadable != NULL ||
		    policy_file_parse(found[i].text, found[i].layer, found[i].name, NULL, 0, &f,
				      &ignored) != ERR_OK)
			continue;
		for (size_t c = 0; c < f->n_categories; c++) {
			if (f->categories[c].dictionary != NULL)
				fn(ctx, f->categories[c].dictionary);
		}
		policy_file_free(f);
	}
}
