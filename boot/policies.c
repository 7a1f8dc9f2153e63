/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Only reading, writing and remembering; every judgement is policy_load()'s. A file that exists
 * and cannot be read is passed on with the reason, never left out: a mandatory file that became
 * unreadable must not look like one that was never there.
 */
#include "boot/policies.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "proc/detectors.h"

#define LAST_GOOD   "policy-last-good"
#define SEEN        "policy-seen.json"
#define SEEN_BYTES  (1u << 20)
#define KEY_BYTES   (8u << 10)
#define WORDS_BYTES (4u << 20)
#define KEYS_MAX    16u
#define LISTS_MAX   64u
#define FOUND_MAX   (POLICY_SET_MAX_FILES + 1u) /* one too many is policy_load's to refuse */
#define SEEN_MAX    1024u
#define ARENA_BYTES (512u << 20)

struct gathering {
	const struct policies_from *from;
	struct arena *arena; /* every text and path below */
	struct policy_found found[FOUND_MAX];
	struct policy_attachment lists[LISTS_MAX];
	struct policy_serial serials[SEEN_MAX];
	struct policy_mandatory mandatory[SEEN_MAX];
	struct policy_load in;
	bool failed; /* memory is out */
};

void policies_folder(const struct policies_from *from, enum policy_layer layer, char *out)
{
	static const char *const names[POLICY_LAYERS] = {
		[POLICY_VENDOR_MANDATORY] = "mandatory.d",
		[POLICY_MANDATORY] = "mandatory.d",
		[POLICY_VENDOR] = "policy.d",
		[POLICY_RECOMMENDED] = "recommended.d",
		[POLICY_USER] = "policy.d",
	};
	const char *above = from->config_dir;

	if (layer == POLICY_VENDOR_MANDATORY || layer == POLICY_VENDOR)
		above = from->lib_dir;
	else if (layer == POLICY_MANDATORY || layer == POLICY_RECOMMENDED)
		above = from->etc_dir;
	snprintf(out, PATH_MAX, "%s/%s", above, names[layer]);
}

/* --- files -----------------------------------------------------------------------------------
 */

static bool ends_in(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);

	return name[0] != '.' && n > m && strcmp(name + n - m, suffix) == 0;
}

static int is_policy(const struct dirent *d)
{
	return ends_in(d->d_name, ".json");
}

static int is_key(const struct dirent *d)
{
	return ends_in(d->d_name, ".pem");
}

static void free_names(struct dirent **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
}

/* The whole file into the arena; ERR_NO_MEMORY also notes the failure. */
static enum err slurp(struct gathering *g, const char *path, size_t max_bytes, struct span *ret)
{
	struct buf b;

	buf_init(&b, max_bytes);
	enum err e = file_read(path, max_bytes, &b);
	if (e == ERR_OK) {
		/* never NULL, also for an empty file: that is a fact of its own */
		struct span copy = { arena_strdup(g->arena, SPAN_LITERAL("")), 0 };

		if (b.len > 0)
			copy = arena_span(g->arena, buf_span(&b));
		if (copy.ptr == NULL) {
			g->failed = true;
			e = ERR_NO_MEMORY;
		}
		*ret = copy;
	}
	buf_free(&b);
	return e;
}

static const char *kept(struct gathering *g, const char *text)
{
	const char *copy = arena_strdup(g->arena, span_of(text));

	if (copy == NULL)
		g->failed = true;
	return copy;
}

/* Who can write a policy can let prompts out: nobody but root or this user, in any layer. */
static const char *wrong_owner(const char *path, enum policy_layer layer)
{
	struct stat st;

	if (stat(path, &st) != 0 || S_ISCHR(st.st_mode))
		return NULL;
	if ((st.st_uid == 0 || st.st_uid == geteuid()) && (st.st_mode & 022) == 0)
		return NULL;
	if (layer == POLICY_USER)
		return "others may write it; make it this user's and chmod 600 (or 644) it";
	return "others may write it; make it root's with mode 0644";
}

/* A link to /dev/null counts as an empty file. */
static bool is_null_device(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

static void gather_file(struct gathering *g, enum policy_layer layer, const char *path,
			const char *name)
{
	struct policy_found *f = &g->found[g->in.n_found];
	char sig[PATH_MAX];

	if (g->in.n_found == FOUND_MAX)
		return;
	g->in.n_found++;
	*f = (struct policy_found){ .layer = layer,
				    .name = kept(g, name),
				    .path = kept(g, path),
				    .text = SPAN_LITERAL("") };
	if (is_null_device(path))
		return;
	enum err e = slurp(g, path, POLICY_FILE_MAX_BYTES + 1, &f->text);
	f->unreadable = e != ERR_OK ? err_text(e) : wrong_owner(path, layer);
	if (snprintf(sig, sizeof sig, "%s.sig", path) >= (int)sizeof sig)
		return;
	if (slurp(g, sig, KEY_BYTES, &f->signature) != ERR_OK)
		f->signature = (struct span){ NULL, 0 };
}

static void gather_layer(struct gathering *g, enum policy_layer layer)
{
	struct dirent **names = NULL;
	char folder[PATH_MAX], path[PATH_MAX + 300];

	policies_folder(g->from, layer, folder);
	int n = scandir(folder, &names, is_policy, alphasort);
	if (n < 0 && errno != ENOENT && errno != ENOTDIR && g->in.n_found < FOUND_MAX)
		g->found[g->in.n_found++] =
			(struct policy_found){ .layer = layer,
					       .name = kept(g, folder),
					       .path = kept(g, folder),
					       .unreadable = strerror(errno) };
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
		gather_file(g, layer, path, names[i]->d_name);
	}
	free_names(names, n);
}

static void on_dictionary(void *ctx, const char *path)
{
	struct gathering *g = ctx;
	struct span words;

	for (size_t i = 0; i < g->in.n_attachments; i++)
		if (strcmp(g->lists[i].path, path) == 0)
			return;
	/* one that cannot be read is missing from the attachments, which policy_load refuses */
	if (g->in.n_attachments == LISTS_MAX || slurp(g, path, WORDS_BYTES, &words) != ERR_OK)
		return;
	g->lists[g->in.n_attachments++] = (struct policy_attachment){ kept(g, path), words };
}

/* --- keys ------------------------------------------------------------------------------------
 */

/* ETC_DIR/trust.d/threshold: how many of the keys must agree; 1 when there is no such file. A
 * file that says anything else than a number gives 0, which no set of keys satisfies. */
static unsigned gather_threshold(struct gathering *g, const char *folder)
{
	char path[PATH_MAX + 16];
	struct span text;
	unsigned n = 0;

	snprintf(path, sizeof path, "%s/threshold", folder);
	enum err e = slurp(g, path, 16, &text);
	if (e == ERR_NOT_FOUND)
		return 1;
	text = e == ERR_OK ? span_trim(text) : (struct span){ "x", 1 };
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9' || i > 3)
			return 0;
		n = n * 10 + (unsigned)(text.ptr[i] - '0');
	}
	return n;
}

/* ETC_DIR/trust.d/NAME.pem: with one there, the administrator's mandatory files must be signed.
 */
static void gather_trust(struct gathering *g, struct policy_trust **ret)
{
	struct dirent **names = NULL;
	struct span pems[KEYS_MAX];
	char folder[PATH_MAX], path[PATH_MAX + 300];
	struct policy_error why = { 0 };
	size_t n = 0;

	snprintf(folder, sizeof folder, "%s/trust.d", g->from->etc_dir);
	int found = scandir(folder, &names, is_key, alphasort);
	if (found < 0 && errno != ENOENT && errno != ENOTDIR)
		g->in.trust_unreadable = strerror(errno);
	for (int i = 0; i < found && n < KEYS_MAX; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
		enum err e = slurp(g, path, KEY_BYTES, &pems[n]);
		if (e == ERR_OK)
			n++;
		else
			g->in.trust_unreadable = err_text(e);
	}
	if (n > 0 &&
	    policy_trust_new(pems, n, gather_threshold(g, folder), ret, &why) != ERR_OK)
		g->in.trust_unreadable = kept(g, why.problem);
	g->in.trust = *ret;
	free_names(names, found);
}

/* --- memory of earlier loads -----------------------------------------------------------------
 */

static bool state_path(const struct policies_from *from, const char *name, char *out)
{
	return from->state_dir != NULL &&
	       snprintf(out, PATH_MAX, "%s/%s", from->state_dir, name) < PATH_MAX;
}

static void gather_serials(struct gathering *g, const cJSON *serials)
{
	const cJSON *s;

	cJSON_ArrayForEach (s, serials) {
		if (!cJSON_IsNumber(s) || g->in.n_serials == SEEN_MAX)
			continue;
		g->serials[g->in.n_serials++] =
			(struct policy_serial){ kept(g, s->string), (int64_t)s->valuedouble };
	}
}

static void gather_mandatory(struct gathering *g, const cJSON *mandatory)
{
	const cJSON *m;

	cJSON_ArrayForEach (m, mandatory) {
		const char *layer = json_get_string(m, "layer");
		const char *name = json_get_string(m, "name");
		enum policy_layer l;

		if (layer == NULL || name == NULL || !policy_layer_from(span_of(layer), &l) ||
		    g->in.n_mandatory == SEEN_MAX)
			continue;
		g->mandatory[g->in.n_mandatory++] =
			(struct policy_mandatory){ l, kept(g, name) };
	}
}

static void gather_memory(struct gathering *g)
{
	char path[PATH_MAX];
	struct json_where w;
	struct span text;
	cJSON *seen = NULL;

	if (state_path(g->from, LAST_GOOD, path) &&
	    slurp(g, path, POLICY_BUNDLE_MAX_BYTES, &text) == ERR_OK)
		g->in.last_good = text;
	if (!state_path(g->from, SEEN, path) || slurp(g, path, SEEN_BYTES, &text) != ERR_OK)
		return;
	if (json_parse(text, &json_limits_file, &seen, &w) != ERR_OK) {
		log_error("boot.policy", "file=%s is damaged: older policies cannot be told",
			  path);
		return;
	}
	gather_serials(g, json_get_object(seen, "serials"));
	gather_mandatory(g, json_get_array(seen, "mandatory"));
	cJSON_Delete(seen);
}

static int64_t highest(const struct gathering *g, const char *key, int64_t now)
{
	for (size_t i = 0; i < g->in.n_serials; i++)
		if (strcmp(g->serials[i].key, key) == 0 && g->serials[i].serial > now)
			return g->serials[i].serial;
	return now;
}

static bool in_set(const struct policy_set *set, const char *key)
{
	for (size_t i = 0; i < policy_set_n_files(set); i++) {
		char mine[256];

		policy_serial_key(policy_set_file(set, i), mine, sizeof mine);
		if (policy_file_info(policy_set_file(set, i)).serial > 0 &&
		    strcmp(mine, key) == 0)
			return true;
	}
	return false;
}

static void write_seen(const struct gathering *g, const struct policy_set *set, struct buf *b)
{
	buf_add_str(b, "{\"serials\":{");
	for (size_t i = 0; i < g->in.n_serials; i++)
		if (!in_set(set, g->serials[i].key))
			json_put_key_i64(b, g->serials[i].key, g->serials[i].serial);
	for (size_t i = 0; i < policy_set_n_files(set); i++) {
		const struct policy_file *f = policy_set_file(set, i);
		int64_t serial = policy_file_info(f).serial;
		char key[256];

		policy_serial_key(f, key, sizeof key);
		if (serial > 0)
			json_put_key_i64(b, key, highest(g, key, serial));
	}
	buf_add_str(b, "},\"mandatory\":[");
	bool first = true;
	for (size_t i = 0; i < policy_set_n_files(set); i++) {
		struct policy_file_info info = policy_file_info(policy_set_file(set, i));

		if (info.layer != POLICY_MANDATORY && info.layer != POLICY_VENDOR_MANDATORY)
			continue;
		buf_add_str(b, first ? "{" : ",{");
		first = false;
		json_put_key_cstr(b, "layer", policy_layer_name(info.layer));
		json_put_key_cstr(b, "name", info.name);
		buf_add_char(b, '}');
	}
	buf_add_str(b, "]}");
}

static void store(const struct policies_from *from, const char *name, struct span bytes)
{
	char path[PATH_MAX];

	if (state_path(from, name, path) && file_write(path, bytes, 0600) != ERR_OK)
		log_error("boot.policy", "file=%s cannot be written: %s", path,
			  strerror(errno));
}

static void remember(const struct gathering *g, const struct policy_loaded *l)
{
	struct buf seen;

	if (l->persist)
		store(g->from, LAST_GOOD, buf_span(&l->bundle));
	if (!l->remember)
		return;
	buf_init(&seen, SEEN_BYTES);
	write_seen(g, l->set, &seen);
	if (!seen.failed)
		store(g->from, SEEN, buf_span(&seen));
	buf_free(&seen);
}

/* --- the whole -------------------------------------------------------------------------------
 */

/* Errors name a file by its base name; people want to open it. */
static void print_problem(const struct gathering *g, const struct policy_problem *p,
			  struct buf *out)
{
	struct policy_error e = p->error;

	for (size_t i = 0; i < g->in.n_found; i++)
		if (g->found[i].layer == p->layer && strcmp(g->found[i].name, e.file) == 0 &&
		    strlen(g->found[i].path) < sizeof e.file) {
			snprintf(e.file, sizeof e.file, "%s", g->found[i].path);
			break;
		}
	policy_error_print(&e, out);
	buf_add_char(out, '\n');
}

static void list_problems(const struct gathering *g, const struct policy_loaded *l,
			  struct buf *out)
{
	for (size_t i = 0; i < l->n_problems; i++)
		print_problem(g, &l->problems[i], out);
	if (l->n_problems == 0 && l->reason[0] != '\0')
		buf_printf(out, "%s\n", l->reason);
}

static int64_t first_expiry(const struct policy_set *set)
{
	int64_t first = INT64_MAX;

	for (size_t i = 0; i < policy_set_n_files(set); i++) {
		int64_t t = policy_file_info(policy_set_file(set, i)).not_after_ms;

		if (t < first)
			first = t;
	}
	return first;
}

static enum err bundle_of(const struct policy_loaded *l, uint64_t generation,
			  struct policies_bundle *ret)
{
	struct policies_bundle b = { .set = l->set,
				     .fd = -1,
				     .generation = generation,
				     .state = l->state,
				     .not_after_ms = INT64_MAX };

	if (l->state != POLICY_LOCKDOWN)
		b.not_after_ms = first_expiry(l->set);
	if (l->changed) {
		crypto_sha256(buf_span(&l->bundle), &b.digest);
		b.fd = file_sealed("policy", buf_span(&l->bundle));
		if (b.fd < 0)
			return ERR_SYSTEM;
	}
	*ret = b;
	ret->set = policy_set_ref(l->set);
	return ERR_OK;
}

static void gather(struct gathering *g, struct policy_trust **ret_trust)
{
	g->in.found = g->found;
	g->in.attachments = g->lists;
	g->in.serials = g->serials;
	g->in.mandatory = g->mandatory;
	g->in.now_ms = clock_wall_ms();
	g->in.newest_record_ms = INT64_MIN; /* consent holds the ledger, and checks the clock */
	gather_trust(g, ret_trust);
	gather_memory(g);
	for (unsigned layer = 0; layer < POLICY_LAYERS; layer++)
		gather_layer(g, (enum policy_layer)layer);
	policy_load_dictionaries(g->found, g->in.n_found, on_dictionary, g);
}

/* --- detectors -------------------------------------------------------------------------------
 */

static struct policy_found *found_of(struct gathering *g, const struct policy_file *f)
{
	struct policy_file_info info = policy_file_info(f);

	for (size_t i = 0; i < g->in.n_found; i++)
		if (g->found[i].layer == info.layer && strcmp(g->found[i].name, info.name) == 0)
			return &g->found[i];
	return NULL;
}

/* A category that no scanner can look for would make all data unknown, and nobody would know
 * why. True: the file that has it is refused from now on. */
static bool refuse_detectors(struct gathering *g, const struct policy_set *set)
{
	size_t n = policy_categories(set);
	struct detectors_error why = { .category = SIZE_MAX };
	struct scanner *scanner = NULL;
	bool whole;

	if (n == 0)
		return false;
	enum err e = detectors_new(set, &scanner, &whole, &why);
	scanner_free(scanner);
	if (e == ERR_OK || e == ERR_NO_MEMORY)
		return false;
	/* too much in all: the file of least authority gives way */
	const struct policy_category *c =
		policy_category(set, why.category != SIZE_MAX ? why.category : n - 1);
	struct policy_found *f = found_of(g, c->file);
	if (f == NULL || f->unreadable != NULL)
		return false;
	f->unreadable = arena_printf(g->arena, "category %s: %s", c->name, why.problem);
	return f->unreadable != NULL;
}

static enum err load_what_can_be_found(struct gathering *g, struct policy_loaded *ret)
{
	for (;;) {
		enum err e = policy_load(&g->in, ret);

		if (e != ERR_OK || !ret->changed || !refuse_detectors(g, ret->set))
			return e;
		policy_loaded_free(ret);
	}
}

enum err policies_load(const struct policies_from *from, const struct policies_bundle *in_force,
		       uint64_t generation, struct policies_bundle *ret, struct buf *problems)
{
	struct gathering *g = calloc(1, sizeof *g);
	struct policy_trust *trust = NULL;
	struct policy_loaded l = { 0 };
	enum err e = ERR_NO_MEMORY;

	if (g == NULL)
		return e;
	g->from = from;
	g->arena = arena_new("policies", ARENA_BYTES);
	if (g->arena == NULL)
		goto out;
	gather(g, &trust);
	g->in.generation = generation;
	g->in.in_force = in_force != NULL ? in_force->set : NULL;
	e = g->failed ? ERR_NO_MEMORY : load_what_can_be_found(g, &l);
	if (e != ERR_OK)
		goto out;
	list_problems(g, &l, problems);
	e = bundle_of(&l, generation, ret);
	if (e == ERR_OK)
		remember(g, &l);
	policy_loaded_free(&l);
out:
	policy_trust_free(trust);
	arena_free(g->arena);
	free(g);
	return e;
}
