/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile texts to the classifier and the scanner: N inputs, each made from its own number, so
 * that one can be tried again alone.
 *
 *   hostile_texts SEED FIRST COUNT SECONDS      0 for SECONDS: until COUNT is reached
 *
 * Kinds: random bytes; random code points, with surrogates, overlong and cut sequences; what
 * detectors look for, spliced; such a text padded, spaced, repeated, wrapped in base64 or
 * percent signs; text of one kind of byte. Most have up to 4 KiB, one in a hundred up to 64 KiB
 * and one in 50,000 up to 8 MiB and a little more, which the scanner's budget refuses.
 *
 * Each must get a score in its range from the linear and the trained model, the same twice, and
 * spans that are sorted, inside the text and apart, or a reason why there are none. A text that
 * takes a minute of processor time ends the program, as a crash does; the last line then says
 * which it was. Prints the number done, the slowest by size (processor time), and the most
 * memory held.
 */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "common/arena.h"
#include "common/text.h"
#include "router/classify/classify.h"
#include "scan/scan.h"

#define MOST_BYTES    ((size_t)9 << 20)
#define HANG_S        60
#define CHECK_TIME_AT 64 /* inputs */

enum size_class { SMALL, MEDIUM, HUGE_TEXT, SIZE_CLASSES };
static const char *const class_names[] = { "4KiB", "64KiB", "8MiB" };

static uint64_t state, current;

static uint64_t next(void)
{
	uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return (size_t)(next() % n);
}

/* What detectors and the classifier look for, and what stands around it. */
static const char *const pieces[] = {
	"bob.ross@example.org",
	"4111 1111 1111 1111",
	"DE89 3704 0044 0532 0130 00",
	"AKIAIOSFODNN7EXAMPLE",
	"password: ",
	"Authorization: Bearer ",
	"-----BEGIN RSA PRIVATE KEY-----\n",
	"eyJhbGciOiJIUzI1NiJ9.",
	"https://user:pw@host/",
	"My name is ",
	"Dr. Anna Kowalski",
	"12 Garden Street, ",
	"12345",
	"+44 20 7946 0958",
	"born 12 March 1975 ",
	"00:1a:2b:3c:4d:5e",
	"::ffff:10.1.2.3",
	"[EMAIL_1]",
	"[SECRET_",
	"```c\n",
	"def f(x):\n",
	"\\u0061\\ud800",
	"%41%2525",
	"&#x40;&#9999999;",
	"Prove that ",
	"Translate: ",
	"A) yes B) no",
	"\xef\xbc\x91\xef\xbc\x92",
	"\xe2\x80\x8b",
	"\xf0\x9d\x9f\x8e",
	"e\xcc\x81\xcc\x81",
	"\xc0\xaf",
	"\xed\xa0\x80",
	"\xf4\x90\x80\x80",
	"\xff\xfe",
	"\r\n",
	"''--''",
	"(((((",
	"a@a@a@",
	"1-1-1-1",
	"x=x=x=",
};

static size_t put(char *out, size_t at, size_t len, const char *bytes, size_t n)
{
	n = n < len - at ? n : len - at;
	memcpy(out + at, bytes, n);
	return at + n;
}

static void random_bytes(char *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (char)next();
}

/* One kind of byte, with another one now and then. */
static void one_byte(char *out, size_t len)
{
	static const char kinds[] = "a1 .-@=:[{\"'\\%&/+_\n\t\x80\xc3";
	char most = kinds[below(sizeof kinds)], other = kinds[below(sizeof kinds)];
	size_t every = 2 + below(200);

	for (size_t i = 0; i < len; i++)
		out[i] = i % every == 0 ? other : most;
}

static void code_points(char *out, size_t len)
{
	uint32_t base = (uint32_t)below(0x110000), span = 1 + (uint32_t)below(0x3000);
	bool bad = below(4) == 0;

	for (size_t i = 0; i < len;) {
		uint32_t c = base + (uint32_t)below(span);
		char b[4] = { (char)(0xf0 | c >> 18), (char)(0x80 | (c >> 12 & 0x3f)),
			      (char)(0x80 | (c >> 6 & 0x3f)), (char)(0x80 | (c & 0x3f)) };
		size_t n = bad && below(16) == 0 ? 1 + below(3) : 4;

		if (c < 0x800) {
			b[0] = (char)(0xc0 | (c >> 6 & 0x1f));
			b[1] = b[3];
			n = n < 2 ? n : 2;
		} else if (c < 0x10000) {
			b[0] = (char)(0xe0 | c >> 12);
			b[1] = b[2];
			b[2] = b[3];
			n = n < 3 ? n : 3;
		}
		i = put(out, i, len, b, n);
	}
}

static void spliced(char *out, size_t len)
{
	size_t noise = below(4);

	for (size_t i = 0; i < len;) {
		const char *piece = pieces[below(LEN(pieces))];
		size_t n = strlen(piece);

		i = put(out, i, len, piece, below(8) == 0 ? below(n) + 1 : n);
		for (size_t k = below(noise * 8 + 1); k > 0; k--) {
			char c = (char)(below(2) == 0 ? ' ' : next());

			i = put(out, i, len, &c, 1);
		}
	}
}

/* A short spliced text, padded with one of many fillers. */
static void padded(char *out, size_t len)
{
	static const char *const fillers[] = {
		" ", "\xc2\xa0", "\xe2\x80\x8b", "\n", "very ", "0", "\xe2\x80\xae",
		"(", "%20",      "a-",
	};
	const char *filler = fillers[below(LEN(fillers))];
	size_t core = 1 + below(len < 400 ? len : 400), before = below(len - core + 1);

	for (size_t i = 0; i < len;)
		i = put(out, i, len, filler, strlen(filler));
	spliced(out + before, core);
}

/* A text within itself, as base64 or percent signs, up to eight times. */
static size_t wrapped(char *out, size_t len)
{
	struct buf text, coded;
	size_t n = 1 + below(len < 600 ? len : 600);

	buf_init(&text, MOST_BYTES);
	spliced(out, n);
	buf_add(&text, (struct span){ out, n });
	for (size_t times = 1 + below(8); times > 0 && text.len * 3 < len; times--) {
		buf_init(&coded, MOST_BYTES);
		if (below(2) == 0)
			text_base64(&coded, buf_span(&text));
		else
			for (size_t i = 0; i < text.len; i++)
				buf_printf(&coded, "%%%02x", (unsigned char)text.ptr[i]);
		buf_free(&text);
		text = coded;
	}
	n = put(out, 0, len, text.ptr, text.len);
	buf_free(&text);
	return n;
}

static size_t make(char *out, enum size_class size)
{
	static const size_t most[] = { 4096, 65536, MOST_BYTES };
	size_t len = size == SMALL ? below((size_t)1 << below(13)) : below(most[size]);

	if (len == 0)
		return 0;
	switch (below(6)) {
	case 0:
		random_bytes(out, len);
		return len;
	case 1:
		one_byte(out, len);
		return len;
	case 2:
		code_points(out, len);
		return len;
	case 3:
		padded(out, len);
		return len;
	case 4:
		return wrapped(out, len);
	default:
		spliced(out, len);
		return len;
	}
}

static void must(bool right, const char *what)
{
	if (right)
		return;
	printf("WRONG: %llu %s\n", (unsigned long long)current, what);
	fflush(stdout);
	_exit(1);
}

static void judge(const struct classifier *c, struct span text)
{
	struct classify_input in = { .last_user = text, .messages = 1 };
	struct classify_result r, again;

	classify(c, &in, &r);
	must(isfinite(r.score) && r.score >= 0 && r.score <= 1, "score");
	must(isfinite(r.confidence) && r.confidence >= 0 && r.confidence <= 1, "confidence");
	must((unsigned)r.task < CLASSIFY_TASK_COUNT && r.n_reasons <= CLASSIFY_REASONS_MAX,
	     "task or reasons");
	classify(c, &in, &again);
	must(r.score == again.score && r.task == again.task, "two scores for one text");
}

/* Whether it could be looked at whole. */
static bool look(const struct scanner *s, struct span text, struct arena *a)
{
	struct scan_result r;
	size_t at = 0;

	must(scan_text(s, text, &scan_budget_default, a, &r) == ERR_OK, "scan out of memory");
	for (size_t i = 0; i < r.count; i++) {
		must(r.spans[i].start >= at && r.spans[i].start < r.spans[i].end, "spans");
		at = r.spans[i].end;
	}
	must(at <= text.len, "a span outside the text");
	must(r.status == SCAN_COMPLETE || r.why[0] != '\0', "unknown without a reason");
	must(text.len <= scan_budget_default.max_bytes || r.status == SCAN_UNKNOWN,
	     "complete, and longer than the budget");
	return r.status == SCAN_COMPLETE;
}

static void on_end(int signal_number)
{
	char line[64] = "WRONG: 00000000000000000000 ";
	uint64_t n = current;

	for (size_t i = 26; i > 6; i--, n /= 10)
		line[i] = (char)('0' + n % 10);
	strcpy(line + 28, signal_number == SIGPROF ? "hangs\n" : "crashes\n");
	if (write(1, line, strlen(line)) > 0)
		_exit(1);
	_exit(1);
}

static double now_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum size_class size_of(uint64_t number)
{
	return number % 50000 == 7 ? HUGE_TEXT : number % 100 == 3 ? MEDIUM : SMALL;
}

int main(int argc, char **argv)
{
	struct classifier *linear, *trained;
	struct scanner *s = NULL;
	struct scan_site_error bad;
	char found[CLASSIFIER_PATH_BYTES];
	char *text = malloc(MOST_BYTES);
	struct arena *a = arena_new("texts", (size_t)256 << 20);
	double slowest[SIZE_CLASSES] = { 0 }, begun = now_s(CLOCK_MONOTONIC);
	uint64_t unknown = 0, done = 0;

	if (argc != 5 || text == NULL || a == NULL ||
	    classifier_open(NULL, &linear) != ERR_OK ||
	    classifier_open_default(&trained, found) != ERR_OK ||
	    scanner_new(NULL, 0, &s, &bad) != ERR_OK)
		return 2;
	uint64_t seed = strtoull(argv[1], NULL, 10), first = strtoull(argv[2], NULL, 10),
		 count = strtoull(argv[3], NULL, 10);
	double seconds = strtod(argv[4], NULL);

	for (int i = 0; i < 4; i++)
		signal((const int[]){ SIGPROF, SIGSEGV, SIGBUS, SIGABRT }[i], on_end);
	for (current = first; done < count; current++, done++) {
		if (seconds > 0 && done % CHECK_TIME_AT == 0 &&
		    now_s(CLOCK_MONOTONIC) - begun >= seconds)
			break;
		enum size_class size = size_of(current);
		double start;

		state = seed ^ current * UINT64_C(0xd1342543de82ef95);
		size_t len = make(text, size);
		if (size != SMALL || done % CHECK_TIME_AT == 0)
			setitimer(ITIMER_PROF, &(struct itimerval){ .it_value = { HANG_S, 0 } },
				  NULL);
		start = now_s(CLOCK_PROCESS_CPUTIME_ID);
		judge(linear, (struct span){ text, len });
		judge(trained, (struct span){ text, len });
		arena_reset(a);
		unknown += !look(s, (struct span){ text, len }, a);
		double took = now_s(CLOCK_PROCESS_CPUTIME_ID) - start;
		if (took > slowest[size])
			slowest[size] = took;
	}
	struct rusage used;
	getrusage(RUSAGE_SELF, &used);
	printf("%llu texts, %llu unknown, %ld KiB held at most", (unsigned long long)done,
	       (unsigned long long)unknown, used.ru_maxrss);
	for (int i = 0; i < SIZE_CLASSES; i++)
		printf(", %s %.1f ms", class_names[i], slowest[i] * 1e3);
	printf("\n");
	scanner_free(s);
	classifier_free(linear);
	classifier_free(trained);
	arena_free(a);
	free(text);
	return 0;
}
