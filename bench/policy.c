/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a policy takes: loading, and one evaluation of a request at five destinations,
 * for stacks of 10, 50 and 512 rules.
 *
 * usage: bench_policy                 table of times
 *        bench_policy RULES COUNT     COUNT evaluations and nothing printed: run under
 *                                     `valgrind --tool=callgrind` or `perf stat` to count
 *                                     instructions (bench/policy.sh does both)
 *
 * The rules are of the mixture that the example policies have: data, app and task patterns,
 * tiers, scores, device state. Requests vary, so that nothing is learnt by heart.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/rounds.h"
#include "common/clock.h"
#include "policy/policy.h"

#define DESTINATIONS 5
#define REQUESTS     64

static const char *const whens[] = {
	"{\"data\":{\"any\":[\"secret.*\"]}}",
	"{\"data\":{\"any\":[\"health.*\",\"financial.*\",\"personal.id.*\"]},\"tier\":["
	"\"cloud\"]}",
	"{\"app\":[\"org.example.App%u\",\"org.example.Other*\"],\"task\":[\"code*\"],\"data\":"
	"{\"only\":[\"source_code\"]}}",
	"{\"interactive\":false}",
	"{\"tier\":[\"cloud\"],\"device\":{\"network\":\"metered\"},\"modality\":[\"image\","
	"\"audio\"]}",
	"{\"tier\":[\"trusted\",\"cloud\"],\"app\":[\"com.bank.App%u*\"]}",
	"{\"tier\":[\"cloud\"],\"any\":[{\"not\":{\"region\":[\"eu\",\"eu-*\"]}},{\"retention_"
	"days\":{\"gt\":0}},{\"trains\":true}]}",
	"{\"app\":[\"code\",\"org.libreoffice.App%u\"],\"identity\":\"attested\",\"group\":["
	"\"staff-eu\"],\"score\":{\"gte\":0.7},"
	"\"input_tokens\":{\"lte\":16000}}",
	"{\"device\":{\"locked\":true}}",
	"{\"task\":[\"task%u.*\",\"summarize\"],\"time\":{\"hours\":\"20:00-06:00\"}}",
};

static void write_policy(unsigned rules, struct buf *out)
{
	static const char *const effects[] = { "deny", "local_only", "ask", "allow" };

	buf_add_str(out, "{\"hither_policy\":1,\"id\":\"bench\",\"default\":{\"cloud\":\"ask\"}"
			 ",\"destinations\":{"
			 "\"a\":{\"tier\":\"cloud\",\"api\":\"openai\",\"region\":\"eu\","
			 "\"retention_days\":0,\"trains\":false},"
			 "\"b\":{\"tier\":\"cloud\",\"api\":\"anthropic\",\"region\":\"us\","
			 "\"retention_days\":30,\"trains\":false},"
			 "\"c\":{\"tier\":\"trusted\",\"api\":\"ollama\",\"region\":\"home\","
			 "\"retention_days\":0,\"trains\":false},"
			 "\"d\":{\"tier\":\"cloud\",\"api\":\"openai\",\"region\":\"eu-west\"}}"
			 ",\"rules\":[");
	for (unsigned i = 0; i < rules; i++) {
		buf_printf(out,
			   "%s{\"id\":\"rule-%u\",\"effect\":\"%s\",\"because\":\"because of "
			   "%u\",\"when\":",
			   i > 0 ? "," : "", i, effects[i % LEN(effects)], i);
		buf_printf(out, whens[i % LEN(whens)], i);
		buf_add_str(out, i % 4 == 2 ? ",\"with\":{\"redact\":[\"personal.*\"]}}" : "}");
	}
	buf_add_str(out, "]}");
}

static struct policy_set *load(struct span text)
{
	struct policy_file *f = NULL;
	struct policy_set *s = NULL;
	struct policy_error e;

	if (policy_file_parse(text, POLICY_USER, "bench", NULL, 0, &f, &e) != ERR_OK ||
	    policy_set_build(&f, 1, NULL, 0, &s, &e) != ERR_OK) {
		fprintf(stderr, "%u: %s\n", e.line, e.problem);
		exit(1);
	}
	policy_file_free(f);
	return s;
}

static struct policy_request requests[REQUESTS];

static void make_requests(void)
{
	static struct span data[][3] = {
		{ { "source_code", 11 } },
		{ { "source_code", 11 }, { "personal.name", 13 } },
		{ { "health.condition", 16 } },
		{ { "secret.api_key", 14 }, { "minor", 5 }, { "company.x", 9 } }
	};
	static const size_t n_data[] = { 1, 2, 1, 3 };
	static char apps[REQUESTS][40];

	for (unsigned i = 0; i < REQUESTS; i++) {
		struct policy_request *q = &requests[i];

		policy_request_base(q);
		snprintf(apps[i], sizeof apps[i], "org.example.App%u", i * 8);
		q->app = i % 3 == 0 ? SPAN_LITERAL("code") : span_of(apps[i]);
		q->task = i % 2 == 0 ? SPAN_LITERAL("code.fix") : SPAN_LITERAL("chat");
		q->data = (struct policy_words){ true, data[i % 4], n_data[i % 4] };
		q->score.value = (double)(i % 10) / 10;
		q->interactive = i % 7 == 0 ? POLICY_FALSE : POLICY_TRUE;
	}
}

static unsigned evaluate(struct policy_set *s, struct policy_decision *d, unsigned count)
{
	unsigned denied = 0;

	for (unsigned i = 0; i < count; i++) {
		policy_decide_all(s, &requests[i % REQUESTS], d);
		denied += d[1].verdict == POLICY_DENY;
	}
	return denied;
}

static void row(unsigned rules)
{
	double us[21], load_us[21];
	struct arena *a = arena_new("bench", (size_t)64 << 20);
	struct policy_set *s = NULL;
	unsigned count = rules > 100 ? 2000 : 20000, denied = 0;
	struct buf text;

	buf_init(&text, POLICY_FILE_MAX_BYTES);
	write_policy(rules, &text);
	for (size_t i = 0; i < LEN(load_us); i++) {
		uint64_t start = clock_mono_us();

		policy_set_free(s);
		s = load(buf_span(&text));
		load_us[i] = (double)(clock_mono_us() - start);
	}
	struct policy_decision *d = policy_decisions_new(s, DESTINATIONS, a);
	if (policy_destinations(s) != DESTINATIONS || d == NULL)
		exit(1);
	for (size_t i = 0; i < LEN(us); i++) {
		uint64_t start = clock_mono_us();

		denied += evaluate(s, d, count);
		us[i] = (double)(clock_mono_us() - start) / count;
	}
	rounds_sort(us, LEN(us));
	rounds_sort(load_us, LEN(load_us));
	printf("%u\t%d\t%zu\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\n", rules, DESTINATIONS, text.len,
	       load_us[LEN(load_us) / 2] / 1000, us[LEN(us) / 2], us[LEN(us) - 1],
	       us[LEN(us) / 2] / DESTINATIONS, us[LEN(us) / 2] / DESTINATIONS / rules * 50);
	if (denied == 0)
		exit(1); /* the work was not done */
	policy_set_free(s);
	buf_free(&text);
	arena_free(a);
}

int main(int argc, char **argv)
{
	make_requests();
	if (argc == 3) {
		struct arena *a = arena_new("bench", (size_t)64 << 20);
		struct buf text;

		buf_init(&text, POLICY_FILE_MAX_BYTES);
		write_policy((unsigned)atoi(argv[1]), &text);
		struct policy_set *s = load(buf_span(&text));
		struct policy_decision *d = policy_decisions_new(s, DESTINATIONS, a);
		unsigned denied = d != NULL ? evaluate(s, d, (unsigned)atoi(argv[2])) : 0;

		policy_set_free(s);
		buf_free(&text);
		arena_free(a);
		return denied > 0 || atoi(argv[2]) == 0 ? 0 : 1;
	}
	printf("rules\tdestinations\tbytes\tload_ms\trequest_us\trequest_us_worst\tdestination_"
	       "us\tus_per_50_rules\n");
	row(10);
	row(50);
	row(512);
	return 0;
}
