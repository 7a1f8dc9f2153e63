/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot: the first process. Takes its place, reads the policy, starts the roles, and then only
 * reacts: to deaths (supervise.c), to SIGHUP, RELOAD and changed files (a reload), to a policy
 * that expires, and to SIGTERM or SIGINT. It never reads a request.
 *
 * Invariants
 *   1. A reload that fails changes nothing: the bundle in force stays, also for roles that
 *      start later, and consent is told until a reload succeeds.
 *   2. A reload that finds the same policy makes no new generation: open questions go on.
 *   3. Every reload makes cloud read the provider keys again, also one that fails or finds the
 *      same policy: a key that was taken away is not used any more.
 *   4. Sockets are unlinked only after the last role is gone.
 */
#include "boot/boot.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "boot/notify.h"
#include "boot/options.h"
#include "boot/places.h"
#include "boot/policies.h"
#include "boot/supervise.h"
#include "boot/users.h"
#include "boot/watch.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "proc/egress.h"
#include "proc/environment.h"
#include "proc/jail.h"
#include "proc/resident.h"
#include "proc/spawn.h"

#define SAME_STOP_MS       500
#define STOP_DEADLINE_MS   5000
#define PROBLEMS_MAX_BYTES (64u << 10)
#define EXPIRY_STEP_MS     3600000 /* a timer counts no suspend: look at the clock every hour */

struct boot {
	struct options options;
	struct policies_from from;
	struct policies_bundle policy; /* in force; its descriptor belongs to the supervisor */
	struct landlock_grants egress; /* what cloud's jail is open for */
	struct places places;
	struct users users; /* of the roles; `separate`: in use */
	bool separate;
	struct jail_report jail;
	int config_fd;
	uv_loop_t loop;
	struct supervisor *supervisor;
	struct watch *watch;
	uv_signal_t term, interrupt, hangup;
	uv_timer_t expiry, alive;
	uint64_t stop_ms; /* of the last SIGTERM or SIGINT; 0: none */
	int exit_code;
};

/* --- policy ----------------------------------------------------------------------------------
 */

static void print_problems(struct buf *problems)
{
	const char *text = problems->len > 0 ? buf_cstr(problems) : NULL;

	while (text != NULL && *text != '\0') {
		size_t n = strcspn(text, "\n");

		fprintf(stderr, "hitherd: policy: %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void announce(const struct policies_bundle *p)
{
	if (p->state == POLICY_LOCKDOWN)
		fprintf(stderr,
			"hitherd: policy: LOCKDOWN: prompts are answered on this device "
			"only until the policy is repaired (hitherd --check)\n");
	else if (p->state == POLICY_DEGRADED)
		fprintf(stderr,
			"hitherd: policy: DEGRADED: not everything above is in force\n");
	log_notice("boot.policy", "generation=%llu state=%s files=%zu",
		   (unsigned long long)p->generation, policy_state_name(p->state),
		   policy_set_n_files(p->set));
}

static void watch_expiry(struct boot *b);

/* cloud's jail was opened for the policy that was in force when it started. */
static void renew_egress(struct boot *b, const struct policy_set *set)
{
	struct landlock_grants wanted = { .n_paths = 0 };

	egress_grants(set, &wanted);
	if (egress_covers(&b->egress, &wanted)) {
		landlock_grants_free(&wanted);
		return;
	}
	landlock_grants_free(&b->egress);
	b->egress = wanted;
	supervisor_renew_cloud(b->supervisor);
}

static void put_in_force(struct boot *b, const struct policies_bundle *p)
{
	policy_set_free(b->policy.set);
	b->policy = *p;
	announce(p);
	supervisor_policy(b->supervisor, p->generation, p->fd);
	renew_egress(b, p->set);
	watch_expiry(b);
}

static void drop(struct policies_bundle *p)
{
	if (p->fd >= 0)
		close(p->fd);
	policy_set_free(p->set);
	*p = (struct policies_bundle){ .fd = -1 };
}

/*
 * Loads with the generation in force first: the same bytes then mean the same policy
 * (invariant 2). *ret has no descriptor when what is in force stays.
 */
static enum err load_changes(struct boot *b, struct policies_bundle *ret, struct buf *problems)
{
	enum err e = policies_load(&b->from, &b->policy, b->policy.generation, ret, problems);

	if (e != ERR_OK || ret->fd < 0)
		return e;
	bool same = crypto_sha256_equal(&ret->digest, &b->policy.digest);
	drop(ret);
	ret->state = b->policy.state;
	if (same)
		return ERR_OK;
	buf_clear(problems);
	return policies_load(&b->from, &b->policy, b->policy.generation + 1, ret, problems);
}

static void reload(struct boot *b, uint64_t tag)
{
	struct policies_bundle fresh = { .fd = -1 };
	struct buf problems;

	buf_init(&problems, PROBLEMS_MAX_BYTES);
	notify_manager("RELOADING=1\nSTATUS=Reading the policy");
	if (b->watch != NULL)
		watch_renew(b->watch); /* first, so that a change while we read is seen */
	enum err e = load_changes(b, &fresh, &problems);
	if (e != ERR_OK)
		buf_printf(&problems, "the policy cannot be prepared: %s\n", err_text(e));
	print_problems(&problems);
	bool good = e == ERR_OK && fresh.state == POLICY_ACTIVE;
	if (fresh.fd >= 0) {
		put_in_force(b, &fresh);
	} else {
		drop(&fresh);
		supervisor_keys(b->supervisor);
		log_notice("boot.reload", "the policy in force stays%s",
			   good ? ": it has not changed" : "");
	}
	const char *detail = problems.len > 0 ? buf_cstr(&problems) : "";
	supervisor_reloaded(b->supervisor, tag, good, detail != NULL ? detail : "");
	notify_manager("READY=1\nSTATUS=Running");
	buf_free(&problems);
}

static void on_expiry(uv_timer_t *t)
{
	struct boot *b = t->data;

	if (clock_wall_ms() >= b->policy.not_after_ms)
		reload(b, 0);
	else
		watch_expiry(b);
}

static void watch_expiry(struct boot *b)
{
	int64_t left = b->policy.not_after_ms - clock_wall_ms();

	uv_timer_stop(&b->expiry);
	if (b->policy.not_after_ms == INT64_MAX)
		return;
	if (left < 0)
		left = 0;
	uv_timer_start(&b->expiry, on_expiry,
		       left < EXPIRY_STEP_MS ? (uint64_t)left + 1 : EXPIRY_STEP_MS, 0);
}

static void on_changed(void *ctx)
{
	reload(ctx, 0);
}

static enum err first_policy(struct boot *b, struct policies_bundle *ret)
{
	struct buf problems;

	buf_init(&problems, PROBLEMS_MAX_BYTES);
	enum err e = policies_load(&b->from, NULL, 1, ret, &problems);
	print_problems(&problems);
	if (e != ERR_OK)
		fprintf(stderr, "hitherd: the policy cannot be prepared: %s\n", err_text(e));
	buf_free(&problems);
	return e;
}

/* --- events ----------------------------------------------------------------------------------
 */

static void on_all_ready(void *ctx)
{
	struct boot *b = ctx;

	log_notice("boot.up", "runtime_dir=%s", b->options.config.runtime_dir);
	notify_manager("READY=1\nSTATUS=Running");
	resident_give_back();
}

static void on_reload(void *ctx, uint64_t tag)
{
	reload(ctx, tag);
}

static void on_stopped(void *ctx, bool clean)
{
	struct boot *b = ctx;

	b->exit_code = clean ? 0 : 1;
	uv_stop(&b->loop);
}

static const struct supervisor_handler handler = { on_all_ready, on_reload, on_stopped };

static void on_signal(uv_signal_t *signal, int number)
{
	struct boot *b = signal->data;

	if (number == SIGHUP) {
		reload(b, 0);
		return;
	}
	if (clock_mono_ms() - b->stop_ms < SAME_STOP_MS)
		return; /* one wish, told to the process and to its group */
	b->stop_ms = clock_mono_ms();
	log_notice("boot.stop", "signal=%d", number);
	notify_manager("STOPPING=1");
	supervisor_stop(b->supervisor, STOP_DEADLINE_MS);
}

static void on_alive(uv_timer_t *t)
{
	(void)t;
	notify_manager("WATCHDOG=1");
}

/* --- start -----------------------------------------------------------------------------------
 */

static void watch_folders(struct boot *b)
{
	char layers[POLICY_LAYERS][PATH_MAX], trust[PATH_MAX], secrets[PATH_MAX];
	const char *folders[POLICY_LAYERS + 5];
	unsigned n = 0;

	for (unsigned i = 0; i < POLICY_LAYERS; i++) {
		policies_folder(&b->from, (enum policy_layer)i, layers[i]);
		folders[n++] = layers[i];
	}
	snprintf(trust, sizeof trust, "%s/trust.d", b->from.etc_dir);
	folders[n++] = trust;
	snprintf(secrets, sizeof secrets, "%s/secrets.d", b->from.config_dir);
	folders[n++] = secrets;
	/* where those appear and vanish */
	folders[n++] = b->from.lib_dir;
	folders[n++] = b->from.etc_dir;
	folders[n++] = b->from.config_dir;
	b->watch = watch_new(&b->loop, folders, n, on_changed, b);
}

static void start_signal(struct boot *b, uv_signal_t *s, int number)
{
	uv_signal_init(&b->loop, s);
	s->data = b;
	uv_signal_start(s, on_signal, number);
}

static void start_timers(struct boot *b)
{
	const char *usec = getenv("WATCHDOG_USEC");
	unsigned long long every_ms = usec != NULL ? strtoull(usec, NULL, 10) / 2000 : 0;

	uv_timer_init(&b->loop, &b->expiry);
	uv_timer_init(&b->loop, &b->alive);
	b->expiry.data = b;
	if (every_ms > 0)
		uv_timer_start(&b->alive, on_alive, every_ms, every_ms);
}

/* What the file says of the digest counts for nothing. */
static enum err take_token(struct options *o)
{
	static char digest[CRYPTO_SHA256_HEX_BYTES];

	o->config.listen.token_sha256 = digest;
	return o->config.listen.tcp[0] != '\0' ? tcp_token(o->config.state_dir, digest)
					       : ERR_OK;
}

#define ROUTERS_AUTOMATIC_MAX 4

/* A router that is busy all the time is fed by as much work elsewhere: one for two cores. */
static uint32_t routers(uint32_t wanted)
{
	uint32_t cores = uv_available_parallelism();

	if (wanted != 0)
		return wanted;
	return cores < 4                           ? 1
	       : cores / 2 < ROUTERS_AUTOMATIC_MAX ? cores / 2
						   : ROUTERS_AUTOMATIC_MAX;
}

static enum err seal_config(struct boot *b)
{
	struct buf text;

	b->options.config.router_processes = routers(b->options.config.router_processes);

	buf_init(&text, CONFIG_MAX_BYTES);
	config_write(&b->options.config, &text);
	b->config_fd = text.failed ? -1 : file_sealed("config", buf_span(&text));
	buf_free(&text);
	return b->config_fd >= 0 ? ERR_OK : ERR_SYSTEM;
}

/* boot holds every wire: nobody may read its memory or take its descriptors either. */
static void confine_self(void)
{
	struct rlimit none = { 0, 0 };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &none);
	umask(077);
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static int run(struct boot *b, const bool runs[ROLE_COUNT])
{
	struct policies_bundle first;

	if (uv_loop_init(&b->loop) != 0)
		return 1;
	start_timers(b);
	watch_folders(b); /* before reading, so that a change meanwhile is seen */
	if (first_policy(b, &first) != ERR_OK)
		return 1;
	b->supervisor =
		supervisor_new(&b->loop, &handler, b, runs, b->options.config.router_processes,
			       b->config_fd, b->places.sockets, b->places.n);
	if (b->supervisor == NULL)
		return 1;
	supervisor_users(b->supervisor, b->separate ? &b->users : NULL);
	supervisor_jail(b->supervisor, &b->jail);
	start_signal(b, &b->term, SIGTERM);
	start_signal(b, &b->interrupt, SIGINT);
	start_signal(b, &b->hangup, SIGHUP);
	put_in_force(b, &first);
	supervisor_start(b->supervisor);
	uv_run(&b->loop, UV_RUN_DEFAULT);

	supervisor_free(b->supervisor);
	policy_set_free(b->policy.set);
	watch_free(b->watch);
	uv_walk(&b->loop, close_handle, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_loop_close(&b->loop);
	return b->exit_code;
}

static int check_only(struct boot *b)
{
	struct policies_bundle p;

	b->from.state_dir = NULL;
	if (first_policy(b, &p) != ERR_OK)
		return 1;
	printf("configuration: %s\n",
	       b->options.config_file[0] != '\0' ? b->options.config_file : "defaults");
	printf("policy: %s, %zu files\n", policy_state_name(p.state),
	       policy_set_n_files(p.set));
	int rc = p.state == POLICY_ACTIVE ? 0 : 1;
	drop(&p);
	return rc;
}

/* A system daemon that was started as root has a user for each role. */
static enum err find_users(struct boot *b)
{
	b->separate = b->options.config.system_mode && geteuid() == 0;
	return b->separate ? users_find(&b->users) : ERR_OK;
}

/* The last step before untrusted bytes: what boot opens once is open, its loop is not. */
static void close_jail(struct boot *b)
{
	jail_supervisor(b->separate, &b->jail);
	if (b->options.config.system_mode && !b->separate)
		jail_without(&b->jail,
			     "roles share one user: a system daemon has to start as root");
	log_info("boot.jail", "filter=%s%s%s",
		 b->jail.filter[0] != '\0' ? b->jail.filter : "none",
		 b->jail.detail[0] != '\0' ? " without: " : "", b->jail.detail);
}

static int run_boot(struct boot *b, const bool runs[ROLE_COUNT])
{
	int rc = 1;

	if (spawn_prepare() != ERR_OK) {
		fprintf(stderr, "hitherd: cannot find its own program file: %s\n",
			strerror(errno));
		return 1;
	}
	confine_self();
	environment_forget(environ, false); /* keys of other programs */
	if (find_users(b) != ERR_OK)
		return 1;
	if (spawner_start() != ERR_OK) {
		fprintf(stderr,
			"hitherd: the process that starts the others does not run: %s\n",
			strerror(errno));
		return 1;
	}
	if (places_take(&b->options, b->separate ? &b->users : NULL, &b->places) != ERR_OK)
		return 1;
	if (take_token(&b->options) == ERR_OK) {
		if (seal_config(b) != ERR_OK) {
			fprintf(stderr, "hitherd: no memory file: %s\n", strerror(errno));
		} else {
			close_jail(b);
			rc = run(b, runs);
		}
	}
	places_leave(&b->places);
	return rc;
}

static int as_boot(int argc, char **argv, role_main_fn *const roles[ROLE_COUNT])
{
	static struct boot b = { .config_fd = -1 };
	bool runs[ROLE_COUNT] = { false };

	switch (options_read(argc, argv, &b.options)) {
	case OPTIONS_GO:
		break;
	case OPTIONS_DONE:
		return 0;
	case OPTIONS_USAGE:
		return 2;
	case OPTIONS_BAD:
		return 1;
	}
	const struct config *c = &b.options.config;
	log_setup("boot", (enum log_level)c->log_level,
		  c->log_json ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
	b.from = (struct policies_from){ b.options.lib_dir, b.options.etc_dir, c->config_dir,
					 c->state_dir };
	for (unsigned r = ROLE_ROUTER; r < ROLE_COUNT; r++)
		runs[r] = roles[r] != NULL;
	int rc = 1;
	if (crypto_init() != ERR_OK)
		fputs("hitherd: the cryptographic library does not start\n", stderr);
	else
		rc = b.options.check ? check_only(&b) : run_boot(&b, runs);
	options_free(&b.options);
	return rc;
}

int boot_main(int argc, char **argv, role_main_fn *const roles[ROLE_COUNT])
{
	if (argc == 3 && strcmp(argv[1], "--role") == 0) {
		enum role r = role_from_name(argv[2]);

		if (r == ROLE_BOOT || r >= ROLE_COUNT || roles[r] == NULL) {
			fprintf(stderr, "hitherd: no such role\n");
			return 2;
		}
		return roles[r]();
	}
	return as_boot(argc, argv, roles);
}
