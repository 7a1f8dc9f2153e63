/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linear-1: a logistic model over counts that a person can check by hand.
 *
 *   score = 1 / (1 + exp(-z)),  z = BIAS + sum of weight * feature
 *
 * One pass over the first TEXT_BYTES of the last user turn cuts it into ASCII words (folded to
 * lower case; letters of other scripts count as letters) and looks each up in `words`. A word
 * adds to its feature and votes for its task. Features and weights:
 *
 *   length     log2(1 + words / 24), halved for tasks that only work on a given text  +0.30
 *   history    log2(1 + history_bytes / 2048)                                         +0.15
 *   proof      prove, theorem, lemma, …; at most 2                                    +1.90
 *   math       integral, equation, …; and signs of formulas; at most 3                +0.45
 *   code       code fences and lines that look like code, programming words; at most 4 +0.40
 *   project    refactor, codebase, modules, …: several files; at most 3               +0.75
 *   steps      analyse, compare, design, trade-offs, …; at most 5                     +0.45
 *   research   literature, survey, citations, …; at most 3                            +0.80
 *   limits     exactly, must, without, at least, …; at most 4                         +0.15
 *   tools      the request declares tools                                             +0.60
 *   attached   attachments                                                            +0.60
 *   errand     remind, timer, alarm, play, …                                          -2.20
 *   given      summarise, translate, reply, rewrite, extract, …                       -1.20
 *   simple     a short question that starts with what, who, when, where, how much …   -1.10
 *   greeting   hello, thanks and nothing much else                                    -1.80
 *
 * The weights were set so that everyday requests stay clearly below 0.62, the default
 * threshold, and proofs, work across files and research come out above it. They are not
 * trained. Confidence is the distance from the middle.
 */
#include <math.h>

#include "router/classify/classify_impl.h"

#define TEXT_BYTES ((size_t)32768)
#define BIAS       (-0.75f)

enum feature {
	F_PROOF,
	F_MATH,
	F_CODE,
	F_PROJECT,
	F_STEPS,
	F_RESEARCH,
	F_LIMITS,
	F_ERRAND,
	F_GIVEN,
	F_GREETING,
	F_FRESH,
	F_NONE,
	FEATURES
};

static const struct {
	float weight;
	uint32_t cap;
	const char *reason;
} features[FEATURES] = {
	[F_PROOF] = { 1.90f, 2, "asks for a proof" },
	[F_MATH] = { 0.45f, 3, "contains mathematics" },
	[F_CODE] = { 0.40f, 4, "is about program code" },
	[F_PROJECT] = { 0.75f, 3, "spans several files or parts" },
	[F_STEPS] = { 0.45f, 5, "needs several steps of thought" },
	[F_RESEARCH] = { 0.80f, 3, "asks for research" },
	[F_LIMITS] = { 0.15f, 4, "states many conditions" },
	[F_ERRAND] = { -2.20f, 1, "is an errand for this device" },
	[F_GIVEN] = { -1.20f, 1, "works on a text that is given" },
	[F_GREETING] = { -1.80f, 1, "is small talk" },
};

/* Sorted by word (strcmp), for the binary search. */
static const struct {
	const char *word;
	uint8_t feature;
	uint8_t task;
	uint8_t vote; /* weight of the vote for the task */
} words[] = {
	{ "alarm", F_ERRAND, CLASSIFY_TIMER, 4 },
	{ "algorithm", F_STEPS, CLASSIFY_CODE, 2 },
	{ "analyse", F_STEPS, CLASSIFY_REASONING, 2 },
	{ "analysis", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "analyze", F_STEPS, CLASSIFY_REASONING, 2 },
	{ "api", F_CODE, CLASSIFY_CODE, 1 },
	{ "architecture", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "argue", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "asymptotic", F_PROOF, CLASSIFY_MATH, 2 },
	{ "bug", F_CODE, CLASSIFY_CODE_FIX, 3 },
	{ "calculate", F_MATH, CLASSIFY_MATH, 2 },
	{ "citations", F_RESEARCH, CLASSIFY_RESEARCH, 3 },
	{ "class", F_NONE, CLASSIFY_CODE, 1 },
	{ "codebase", F_PROJECT, CLASSIFY_CODE, 3 },
	{ "compare", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "compile", F_CODE, CLASSIFY_CODE_FIX, 2 },
	{ "complexity", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "comprehensive", F_RESEARCH, CLASSIFY_RESEARCH, 1 },
	{ "concurrency", F_STEPS, CLASSIFY_CODE, 2 },
	{ "concurrent", F_STEPS, CLASSIFY_CODE, 2 },
	{ "consequences", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "contradiction", F_PROOF, CLASSIFY_MATH, 2 },
	{ "counterexample", F_PROOF, CLASSIFY_MATH, 3 },
	{ "critique", F_STEPS, CLASSIFY_REASONING, 2 },
	{ "database", F_CODE, CLASSIFY_CODE, 1 },
	{ "deadlock", F_STEPS, CLASSIFY_CODE_FIX, 2 },
	{ "debug", F_CODE, CLASSIFY_CODE_FIX, 3 },
	{ "derivation", F_PROOF, CLASSIFY_MATH, 3 },
	{ "derivative", F_MATH, CLASSIFY_MATH, 3 },
	{ "derive", F_PROOF, CLASSIFY_MATH, 3 },
	{ "design", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "distributed", F_STEPS, CLASSIFY_CODE, 1 },
	{ "draft", F_GIVEN, CLASSIFY_REPLY, 2 },
	{ "email", F_NONE, CLASSIFY_REPLY, 1 },
	{ "equation", F_MATH, CLASSIFY_MATH, 2 },
	{ "evaluate", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "every", F_LIMITS, CLASSIFY_CHAT, 0 },
	{ "evidence", F_RESEARCH, CLASSIFY_RESEARCH, 1 },
	{ "exactly", F_LIMITS, CLASSIFY_CHAT, 0 },
	{ "exhaustive", F_RESEARCH, CLASSIFY_RESEARCH, 1 },
	{ "extract", F_GIVEN, CLASSIFY_EXTRACT, 4 },
	{ "files", F_PROJECT, CLASSIFY_CODE, 1 },
	{ "fix", F_NONE, CLASSIFY_CODE_FIX, 1 },
	{ "function", F_CODE, CLASSIFY_CODE, 2 },
	{ "grammar", F_GIVEN, CLASSIFY_REWRITE, 3 },
	{ "hello", F_GREETING, CLASSIFY_CHAT, 2 },
	{ "hey", F_GREETING, CLASSIFY_CHAT, 2 },
	{ "hi", F_GREETING, CLASSIFY_CHAT, 2 },
	{ "hypothesis", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "implement", F_CODE, CLASSIFY_CODE, 3 },
	{ "implementation", F_CODE, CLASSIFY_CODE, 2 },
	{ "implications", F_STEPS, CLASSIFY_REASONING, 2 },
	{ "induction", F_PROOF, CLASSIFY_MATH, 3 },
	{ "inequality", F_PROOF, CLASSIFY_MATH, 2 },
	{ "infinitely", F_PROOF, CLASSIFY_MATH, 2 },
	{ "integral", F_MATH, CLASSIFY_MATH, 3 },
	{ "investigate", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "javascript", F_CODE, CLASSIFY_CODE, 3 },
	{ "latest", F_FRESH, CLASSIFY_QUESTION, 0 },
	{ "lemma", F_PROOF, CLASSIFY_MATH, 3 },
	{ "literature", F_RESEARCH, CLASSIFY_RESEARCH, 3 },
	{ "lock", F_NONE, CLASSIFY_CODE, 0 },
	{ "matrix", F_MATH, CLASSIFY_MATH, 2 },
	{ "methodology", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "migrate", F_PROJECT, CLASSIFY_CODE, 2 },
	{ "migration", F_PROJECT, CLASSIFY_CODE, 2 },
	{ "module", F_CODE, CLASSIFY_CODE, 1 },
	{ "modules", F_PROJECT, CLASSIFY_CODE, 2 },
	{ "must", F_LIMITS, CLASSIFY_CHAT, 0 },
	{ "news", F_FRESH, CLASSIFY_QUESTION, 1 },
	{ "optimise", F_STEPS, CLASSIFY_CODE, 1 },
	{ "optimize", F_STEPS, CLASSIFY_CODE, 1 },
	{ "paraphrase", F_GIVEN, CLASSIFY_REWRITE, 4 },
	{ "peer", F_RESEARCH, CLASSIFY_RESEARCH, 1 },
	{ "play", F_ERRAND, CLASSIFY_DEVICE, 3 },
	{ "poem", F_NONE, CLASSIFY_CREATIVE, 3 },
	{ "polynomial", F_MATH, CLASSIFY_MATH, 2 },
	{ "probability", F_MATH, CLASSIFY_MATH, 2 },
	{ "proof", F_PROOF, CLASSIFY_MATH, 4 },
	{ "proofread", F_GIVEN, CLASSIFY_REWRITE, 4 },
	{ "pros", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "prove", F_PROOF, CLASSIFY_MATH, 4 },
	{ "python", F_CODE, CLASSIFY_CODE, 3 },
	{ "race", F_NONE, CLASSIFY_CODE_FIX, 0 },
	{ "refactor", F_PROJECT, CLASSIFY_CODE_FIX, 4 },
	{ "regex", F_CODE, CLASSIFY_CODE, 3 },
	{ "remind", F_ERRAND, CLASSIFY_REMINDER, 5 },
	{ "reminder", F_ERRAND, CLASSIFY_REMINDER, 5 },
	{ "rephrase", F_GIVEN, CLASSIFY_REWRITE, 4 },
	{ "reply", F_GIVEN, CLASSIFY_REPLY, 4 },
	{ "repository", F_PROJECT, CLASSIFY_CODE, 2 },
	{ "research", F_RESEARCH, CLASSIFY_RESEARCH, 4 },
	{ "respond", F_GIVEN, CLASSIFY_REPLY, 3 },
	{ "rewrite", F_GIVEN, CLASSIFY_REWRITE, 4 },
	{ "rigorous", F_PROOF, CLASSIFY_MATH, 2 },
	{ "rigorously", F_PROOF, CLASSIFY_MATH, 2 },
	{ "rust", F_CODE, CLASSIFY_CODE, 2 },
	{ "scalable", F_STEPS, CLASSIFY_CODE, 1 },
	{ "scenarios", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "shorten", F_GIVEN, CLASSIFY_REWRITE, 3 },
	{ "solve", F_MATH, CLASSIFY_MATH, 2 },
	{ "sources", F_RESEARCH, CLASSIFY_RESEARCH, 1 },
	{ "sql", F_CODE, CLASSIFY_CODE, 3 },
	{ "story", F_NONE, CLASSIFY_CREATIVE, 3 },
	{ "strategy", F_STEPS, CLASSIFY_REASONING, 1 },
	{ "studies", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "summarise", F_GIVEN, CLASSIFY_SUMMARIZE, 5 },
	{ "summarize", F_GIVEN, CLASSIFY_SUMMARIZE, 5 },
	{ "summary", F_GIVEN, CLASSIFY_SUMMARIZE, 4 },
	{ "survey", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "synthesise", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "synthesize", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "systematic", F_RESEARCH, CLASSIFY_RESEARCH, 2 },
	{ "tests", F_PROJECT, CLASSIFY_CODE, 1 },
	{ "thanks", F_GREETING, CLASSIFY_CHAT, 2 },
	{ "theorem", F_PROOF, CLASSIFY_MATH, 4 },
	{ "thorough", F_RESEARCH, CLASSIFY_RESEARCH, 1 },
	{ "threads", F_STEPS, CLASSIFY_CODE, 1 },
	{ "timer", F_ERRAND, CLASSIFY_TIMER, 4 },
	{ "today", F_FRESH, CLASSIFY_CHAT, 0 },
	{ "tradeoffs", F_STEPS, CLASSIFY_REASONING, 2 },
	{ "translate", F_GIVEN, CLASSIFY_TRANSLATE, 5 },
	{ "translation", F_GIVEN, CLASSIFY_TRANSLATE, 3 },
	{ "turn", F_NONE, CLASSIFY_DEVICE, 1 },
	{ "unless", F_LIMITS, CLASSIFY_CHAT, 0 },
	{ "volume", F_NONE, CLASSIFY_DEVICE, 1 },
	{ "weather", F_FRESH, CLASSIFY_QUESTION, 2 },
	{ "without", F_LIMITS, CLASSIFY_CHAT, 0 },
};

static const char *const question_words[] = { "what",  "what's", "who",  "who's", "when",
					      "where", "which",  "how",  "is",    "are",
					      "does",  "can",    "will", "do",    "did" };

struct reading {
	uint32_t counts[FEATURES];
	uint32_t votes[CLASSIFY_TASK_COUNT];
	uint32_t words, code_lines, formula_signs;
	bool question_start, question_mark, fence;
};

/* ---------------------------------------------------------------- reading */

static bool word_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '\'' || c >= 0x80;
}

static void take_word(struct reading *r, const char *word)
{
	size_t low = 0, high = LEN(words);

	r->words++;
	if (r->words == 1) {
		for (size_t i = 0; i < LEN(question_words); i++)
			r->question_start |= strcmp(word, question_words[i]) == 0;
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(word, words[middle].word);

		if (order == 0) {
			r->counts[words[middle].feature]++;
			r->votes[words[middle].task] += words[middle].vote;
			return;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
}

static void take_mark(struct reading *r, struct span text, size_t i)
{
	char c = text.ptr[i];

	if (c == '?')
		r->question_mark = true;
	else if (c == '`' && i + 2 < text.len && text.ptr[i + 1] == '`' &&
		 text.ptr[i + 2] == '`')
		r->fence = true;
	else if ((c == ';' || c == '{' || c == '}') &&
		 (i + 1 == text.len || text.ptr[i + 1] == '\n'))
		r->code_lines++;
	else if (c == '^' || c == '=' || c == '\\' || c == '$')
		r->formula_signs++;
}

static void read_text(struct span text, struct reading *r)
{
	char word[24];
	size_t n = 0;
	bool too_long = false;

	if (text.len > TEXT_BYTES)
		text.len = TEXT_BYTES;
	for (size_t i = 0; i <= text.len; i++) {
		unsigned char c = i < text.len ? (unsigned char)text.ptr[i] : ' ';

		if (word_byte(c)) {
			if (n + 1 < sizeof word)
				word[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
			else
				too_long = true;
			continue;
		}
		if (n > 0) {
			word[n] = '\0';
			take_word(r, too_long ? "" : word);
			n = 0;
			too_long = false;
		}
		if (i < text.len)
			take_mark(r, text, i);
	}
}

/* ---------------------------------------------------------------- scoring */

static float log2_1p(double x)
{
	return (float)log2(1.0 + x);
}

static void add_reason(struct classify_result *ret, int8_t lean, const char *reason)
{
	if (ret->n_reasons >= CLASSIFY_REASONS_MAX)
		return;
	ret->lean[ret->n_reasons] = lean;
	ret->reasons[ret->n_reasons++] = reason;
}

static float weigh(const struct reading *r, const struct classify_input *in,
		   struct classify_result *ret)
{
	bool given = r->counts[F_GIVEN] > 0 && r->counts[F_PROOF] == 0;
	float length = log2_1p(r->words / 24.0);
	float z = BIAS + 0.30f * (given ? length / 2 : length) +
		  0.15f * log2_1p((double)in->history_bytes / 2048.0);

	for (int f = 0; f < FEATURES; f++) {
		uint32_t n = r->counts[f];

		if (n == 0 || features[f].weight == 0.0f)
			continue;
		/* What a long text mentions is not what it asks for. */
		if (f == F_GREETING && r->words > 12)
			continue;
		if (f == F_ERRAND && r->words > 40)
			continue;
		if (given && r->words > 60 && f != F_GIVEN && f != F_PROOF)
			continue;
		z += features[f].weight * (float)(n < features[f].cap ? n : features[f].cap);
		add_reason(ret, features[f].weight > 0 ? 1 : -1, features[f].reason);
	}
	if (in->tools > 0) {
		z += 0.60f;
		add_reason(ret, 1, "may call tools");
	}
	if (in->attachments > 0) {
		z += 0.60f;
		add_reason(ret, 1, "has attachments");
	}
	if (r->question_start && r->words <= 16 && r->counts[F_PROOF] == 0) {
		z -= 1.10f;
		add_reason(ret, -1, "is a short question");
	}
	if (length > 3.0f && !given)
		add_reason(ret, 1, "is long");
	return z;
}

static enum classify_task choose_task(const struct reading *r, const struct classify_input *in)
{
	enum classify_task best =
		r->question_start || r->question_mark ? CLASSIFY_QUESTION : CLASSIFY_CHAT;
	uint32_t most = 1; /* one vague word decides nothing */

	if (in->tool_results)
		return CLASSIFY_TOOL;
	for (int t = 0; t < CLASSIFY_TASK_COUNT; t++) {
		if (r->votes[t] > most) {
			most = r->votes[t];
			best = (enum classify_task)t;
		}
	}
	return best;
}

void classify_linear(const struct classify_input *in, struct classify_result *ret)
{
	struct reading r = { 0 };

	*ret = (struct classify_result){ 0 };
	read_text(in->last_user, &r);
	if (r.fence || r.code_lines >= 3) {
		r.counts[F_CODE] += 2;
		r.votes[CLASSIFY_CODE_EXPLAIN] += 2;
	}
	if (r.formula_signs >= 2 && r.code_lines == 0)
		r.counts[F_MATH]++;
	float z = weigh(&r, in, ret);

	ret->score = 1.0f / (1.0f + expf(-z));
	ret->confidence = 0.5f + fabsf(ret->score - 0.5f);
	ret->task = choose_task(&r, in);
	ret->output_tokens = classify_output_tokens(ret->task, in->last_user.len);
	ret->language = "";
	ret->fresh = r.counts[F_FRESH] > 0;
}
