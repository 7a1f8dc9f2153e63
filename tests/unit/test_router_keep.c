/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the router keeps between requests: slots of the engine (lease.c) and facts on their way
 * to consent (tell.c), with stand-ins for the connection and the channels.
 */
#include "tests/unit/check.h"

#include <string.h>

#include "router/lease.c"
#include "router/tell.c"

static struct router router;
static struct service service;
static uv_loop_t loop;
static char local_channel, consent_channel; /* addresses only */

static struct {
	bool consent_away, busy, reusable;
	unsigned dones, kept, cancelled, bundles, facts;
	uint64_t last_done;
	void (*on_lost)(void *ctx);
	void *lost_ctx;
} did;

/* ---------------------------------------------------------------- stand-ins */

struct channel *service_channel(struct service *s, enum role peer)
{
	(void)s;
	if (peer == ROLE_CONSENT)
		return did.consent_away ? NULL : (struct channel *)(void *)&consent_channel;
	return (struct channel *)(void *)&local_channel;
}

enum err channel_send(struct channel *c, const uint8_t *frame, size_t bytes, const int *fds,
		      unsigned n)
{
	struct msg_ENGINE_DONE m;

	(void)fds;
	assert_ptr_equal(c, &local_channel);
	assert_int_equal(n, 0);
	assert_int_equal(
		msg_ENGINE_DONE_decode((struct span){ (const char *)frame, bytes }, &m),
		ERR_OK);
	assert_int_equal(m.broken, 0);
	did.dones++;
	did.last_done = m.request_id;
	return ERR_OK;
}

enum err channel_send_bundle(struct channel *c, struct span entries, size_t *ret_taken)
{
	size_t taken = 0;

	*ret_taken = 0;
	if (c == NULL)
		return ERR_PEER_GONE;
	if (did.busy)
		return ERR_AGAIN;
	while (taken + 2 < entries.len) {
		size_t n = (unsigned char)entries.ptr[taken] |
			   (size_t)(unsigned char)entries.ptr[taken + 1] << 8;
		struct msg_DECIDED m;

		if (taken + 2 + n > 8000)
			break;
		assert_int_equal(
			msg_DECIDED_decode((struct span){ entries.ptr + taken + 2, n }, &m),
			ERR_OK);
		assert_int_equal(m.input_tokens, did.facts); /* in order, none twice */
		did.facts++;
		taken += 2 + n;
	}
	did.bundles++;
	*ret_taken = taken;
	return ERR_OK;
}

bool http_call_keep(struct http_call *c, void (*lost)(void *ctx), void *ctx)
{
	(void)c;
	did.kept += did.reusable;
	did.on_lost = lost;
	did.lost_ctx = ctx;
	return did.reusable;
}

void http_call_cancel(struct http_call *c)
{
	(void)c;
	did.cancelled++;
}

/* ---------------------------------------------------------------- slots */

static struct request served(uint64_t slot_id)
{
	return (struct request){ .router = &router,
				 .slot_id = slot_id,
				 .slot_epoch = router.lease_epoch };
}

static int setup(void **state)
{
	(void)state;
	memset(&did, 0, sizeof did);
	memset(&router, 0, sizeof router);
	did.reusable = true;
	assert_int_equal(uv_loop_init(&loop), 0);
	service.loop = &loop;
	router.service = &service;
	tell_init(&router);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lease_drop_all(&router);
	buf_free(&router.untold);
	uv_close((uv_handle_t *)&router.tell, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

static void slots_go_round(void **state)
{
	struct request a = served(7), b = served(8);

	(void)state;
	CHECK(lease_put(&a, "") && lease_put(&b, "other"), "two are kept");
	CHECK(lease_take(&router, "third") == NULL, "none for a model nobody asked for");
	struct lease *l = lease_take(&router, "");
	CHECK(l != NULL && l->slot_id == 7, "the one for this model");
	CHECK(did.dones == 0, "local is told nothing");
	lease_free(l);
	CHECK(lease_take(&router, "") == NULL, "once");
	lease_give_back(&router);
	CHECK(did.dones == 1 && did.last_done == 8 && did.cancelled == 1,
	      "given back means closed and told");
}

static void slots_are_not_kept(void **state)
{
	struct request a = served(1);

	(void)state;
	router.n_waiting = 1;
	CHECK(!lease_put(&a, ""), "while somebody waits for local");
	router.n_waiting = 0;
	router.stopping = true;
	CHECK(!lease_put(&a, ""), "at the end");
	router.stopping = false;
	did.reusable = false;
	CHECK(!lease_put(&a, ""), "on a connection that is no good");
	did.reusable = true;
	lease_drop_all(&router);
	CHECK(!lease_put(&a, ""), "from before the models changed or local died");
	CHECK(router.leases == NULL && did.dones == 0, "and nothing is left");
}

static void slots_end(void **state)
{
	struct request a = served(3), b = served(4);

	(void)state;
	CHECK(lease_put(&a, ""), "kept");
	did.on_lost(did.lost_ctx);
	CHECK(router.leases == NULL && did.dones == 1 && did.last_done == 3,
	      "one whose connection ends is given back");
	CHECK(lease_put(&b, ""), "kept");
	CHECK(lease_tick(&router) && did.dones == 1, "for a while");
	router.leases->since_ms -= LEASE_MS;
	CHECK(!lease_tick(&router) && did.dones == 2 && did.last_done == 4,
	      "and no longer than that");
}

/* ---------------------------------------------------------------- facts */

static void tell(unsigned n)
{
	static unsigned number;

	if (n == 0)
		number = 0;
	for (unsigned i = 0; i < n; i++) {
		struct msg_DECIDED m = { .input_tokens = number++, .outcome = "answered" };

		tell_add(&router, &m);
	}
}

static void facts_wait_for_consent(void **state)
{
	(void)state;
	tell(0);
	tell(3);
	CHECK(did.bundles == 0 && uv_is_active((uv_handle_t *)&router.tell),
	      "a few wait for more");
	tell_flush(&router);
	CHECK(did.bundles == 1 && did.facts == 3 && router.untold.len == 0, "and go together");
	tell(1000);
	CHECK(did.bundles > 2 && did.facts > 800, "a bundle goes when it is full");
	did.busy = true;
	tell(5000);
	CHECK(did.facts < 1003 && !tell_is_full(&router), "consent may take its time");
	did.busy = false;
	tell_flush(&router);
	CHECK(did.facts == 6003 && router.untold.len == 0, "nothing was lost");
}

static void facts_have_a_bound(void **state)
{
	(void)state;
	tell(0);
	did.busy = true;
	while (!tell_is_full(&router))
		tell(100);
	CHECK(router.lost == 0, "requests are refused before anything is lost");
	did.consent_away = true;
	CHECK(!tell_is_full(&router), "the device answers while consent is away");
	tell(60000);
	CHECK(router.lost > 0 && router.untold.len <= UNTOLD_BYTES, "within bounds");
	did.busy = did.consent_away = false;
	did.facts = 0;
	router.untold.len = 0;
	tell(0);
	tell(1);
	tell_flush(&router);
	CHECK(router.lost == 0, "what was lost is said once");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(slots_go_round),         CASE(slots_are_not_kept), CASE(slots_end),
		CASE(facts_wait_for_consent), CASE(facts_have_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
