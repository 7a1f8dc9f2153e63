/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A word is a run of ASCII letters, folded to lower case; other bytes end it. The table is
 * sorted, found by binary search. English words with the most common German, French and
 * Spanish ones: other languages fall back to the counts.
 */
#include "router/classify/words.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 16384
#define TAIL_BYTES 4096
#define WORD_BYTES 20

struct entry {
	const char *word;
	enum signal signal;
};

/* clang-format off */
static const struct entry table[] = {
	{ "alarm", SIGNAL_REMINDER }, { "algorithm", SIGNAL_CODE }, { "algorithms", SIGNAL_CODE },
	{ "analyse", SIGNAL_ANALYSIS }, { "analysis", SIGNAL_ANALYSIS }, { "analyze", SIGNAL_ANALYSIS },
	{ "answer", SIGNAL_REPLY }, { "antworte", SIGNAL_REPLY }, { "api", SIGNAL_CODE },
	{ "appointment", SIGNAL_REMINDER }, { "architecture", SIGNAL_DESIGN }, { "argue", SIGNAL_ANALYSIS },
	{ "assess", SIGNAL_ANALYSIS }, { "asynchronous", SIGNAL_CODE }, { "beweise", SIGNAL_PROOF },
	{ "bibliography", SIGNAL_RESEARCH }, { "brightness", SIGNAL_DEVICE }, { "bug", SIGNAL_FIX },
	{ "bugs", SIGNAL_FIX }, { "calculus", SIGNAL_MATH }, { "calendar", SIGNAL_REMINDER },
	{ "citations", SIGNAL_RESEARCH }, { "cite", SIGNAL_RESEARCH }, { "class", SIGNAL_CODE },
	{ "clinical", SIGNAL_EXPERT }, { "code", SIGNAL_CODE }, { "codebase", SIGNAL_CODE },
	{ "compare", SIGNAL_ANALYSIS }, { "compile", SIGNAL_CODE }, { "compiler", SIGNAL_CODE },
	{ "complexity", SIGNAL_CODE }, { "comprehensive", SIGNAL_LENGTH }, { "concise", SIGNAL_REWRITE },
	{ "concurrency", SIGNAL_DESIGN }, { "concurrent", SIGNAL_DESIGN }, { "consider", SIGNAL_STEPS },
	{ "constraint", SIGNAL_STEPS }, { "constraints", SIGNAL_STEPS }, { "contract", SIGNAL_EXPERT },
	{ "contrast", SIGNAL_ANALYSIS }, { "convergence", SIGNAL_MATH }, { "corollary", SIGNAL_PROOF },
	{ "crash", SIGNAL_FIX }, { "critique", SIGNAL_ANALYSIS }, { "current", SIGNAL_FRESH },
	{ "currently", SIGNAL_FRESH }, { "database", SIGNAL_DESIGN }, { "deadlock", SIGNAL_FIX },
	{ "debug", SIGNAL_FIX }, { "demuestra", SIGNAL_PROOF }, { "derivation", SIGNAL_PROOF },
	{ "derivative", SIGNAL_MATH }, { "derive", SIGNAL_PROOF }, { "describe", SIGNAL_EXPLAIN },
	{ "design", SIGNAL_DESIGN }, { "detailed", SIGNAL_LENGTH }, { "diagnosis", SIGNAL_EXPERT },
	{ "differential", SIGNAL_MATH }, { "dim", SIGNAL_DEVICE }, { "dissertation", SIGNAL_RESEARCH },
	{ "distributed", SIGNAL_DESIGN }, { "eigenvalue", SIGNAL_MATH }, { "eigenvalues", SIGNAL_MATH },
	{ "email", SIGNAL_REPLY }, { "equation", SIGNAL_MATH }, { "equations", SIGNAL_MATH },
	{ "error", SIGNAL_FIX }, { "essay", SIGNAL_LENGTH }, { "evaluate", SIGNAL_ANALYSIS },
	{ "exception", SIGNAL_FIX }, { "exhaustive", SIGNAL_LENGTH }, { "explain", SIGNAL_EXPLAIN },
	{ "extract", SIGNAL_EXTRACT }, { "fix", SIGNAL_FIX }, { "formally", SIGNAL_PROOF },
	{ "formula", SIGNAL_MATH }, { "framework", SIGNAL_CODE }, { "function", SIGNAL_CODE },
	{ "grammar", SIGNAL_REWRITE }, { "haiku", SIGNAL_CREATIVE }, { "how", SIGNAL_QUESTION },
	{ "implement", SIGNAL_CODE }, { "implementation", SIGNAL_CODE }, { "implications", SIGNAL_ANALYSIS },
	{ "induction", SIGNAL_PROOF }, { "inequality", SIGNAL_MATH }, { "integral", SIGNAL_MATH },
	{ "integrate", SIGNAL_MATH }, { "javascript", SIGNAL_CODE }, { "jurisdiction", SIGNAL_EXPERT },
	{ "justify", SIGNAL_ANALYSIS }, { "kubernetes", SIGNAL_DESIGN }, { "latest", SIGNAL_FRESH },
	{ "legal", SIGNAL_EXPERT }, { "lemma", SIGNAL_PROOF }, { "light", SIGNAL_DEVICE },
	{ "lights", SIGNAL_DEVICE }, { "literature", SIGNAL_RESEARCH }, { "lock", SIGNAL_DEVICE },
	{ "lyrics", SIGNAL_CREATIVE }, { "mail", SIGNAL_REPLY }, { "matrices", SIGNAL_MATH },
	{ "matrix", SIGNAL_MATH }, { "meeting", SIGNAL_REMINDER }, { "message", SIGNAL_REPLY },
	{ "methodology", SIGNAL_RESEARCH }, { "microservices", SIGNAL_DESIGN }, { "module", SIGNAL_CODE },
	{ "modules", SIGNAL_CODE }, { "montre", SIGNAL_PROOF }, { "music", SIGNAL_DEVICE },
	{ "mute", SIGNAL_DEVICE }, { "mutex", SIGNAL_CODE }, { "news", SIGNAL_FRESH },
	{ "novel", SIGNAL_CREATIVE }, { "now", SIGNAL_FRESH }, { "open", SIGNAL_DEVICE },
	{ "optimise", SIGNAL_DESIGN }, { "optimize", SIGNAL_DESIGN }, { "parser", SIGNAL_CODE },
	{ "patent", SIGNAL_EXPERT }, { "pause", SIGNAL_DEVICE }, { "philosophy", SIGNAL_EXPERT },
	{ "play", SIGNAL_DEVICE }, { "playlist", SIGNAL_DEVICE }, { "poem", SIGNAL_CREATIVE },
	{ "polynomial", SIGNAL_MATH }, { "price", SIGNAL_FRESH }, { "probability", SIGNAL_MATH },
	{ "program", SIGNAL_CODE }, { "proof", SIGNAL_PROOF }, { "proofread", SIGNAL_REWRITE },
	{ "prove", SIGNAL_PROOF }, { "python", SIGNAL_CODE }, { "quantum", SIGNAL_EXPERT },
	{ "que", SIGNAL_QUESTION }, { "recursion", SIGNAL_CODE }, { "refactor", SIGNAL_CODE },
	{ "regression", SIGNAL_MATH }, { "remind", SIGNAL_REMINDER }, { "reminder", SIGNAL_REMINDER },
	{ "rephrase", SIGNAL_REWRITE }, { "reply", SIGNAL_REPLY }, { "report", SIGNAL_LENGTH },
	{ "research", SIGNAL_RESEARCH }, { "respond", SIGNAL_REPLY }, { "response", SIGNAL_REPLY },
	{ "resume", SIGNAL_SUMMARIZE }, { "rewrite", SIGNAL_REWRITE }, { "rigorous", SIGNAL_PROOF },
	{ "rigorously", SIGNAL_PROOF }, { "rust", SIGNAL_CODE }, { "scalable", SIGNAL_DESIGN },
	{ "schedule", SIGNAL_REMINDER }, { "scheduler", SIGNAL_CODE }, { "schema", SIGNAL_CODE },
	{ "script", SIGNAL_CODE }, { "shorten", SIGNAL_REWRITE }, { "simulate", SIGNAL_STEPS },
	{ "solve", SIGNAL_MATH }, { "sonnet", SIGNAL_CREATIVE }, { "sources", SIGNAL_RESEARCH },
	{ "sql", SIGNAL_CODE }, { "stacktrace", SIGNAL_FIX }, { "statute", SIGNAL_EXPERT },
	{ "step", SIGNAL_STEPS }, { "steps", SIGNAL_STEPS }, { "story", SIGNAL_CREATIVE },
	{ "strategy", SIGNAL_ANALYSIS }, { "summarise", SIGNAL_SUMMARIZE }, { "summarize", SIGNAL_SUMMARIZE },
	{ "summary", SIGNAL_SUMMARIZE }, { "survey", SIGNAL_RESEARCH }, { "synthesis", SIGNAL_RESEARCH },
	{ "synthesize", SIGNAL_RESEARCH }, { "theorem", SIGNAL_PROOF }, { "therefore", SIGNAL_STEPS },
	{ "thermostat", SIGNAL_DEVICE }, { "thesis", SIGNAL_RESEARCH }, { "thread", SIGNAL_CODE },
	{ "timer", SIGNAL_REMINDER }, { "tldr", SIGNAL_SUMMARIZE }, { "today", SIGNAL_FRESH },
	{ "tonight", SIGNAL_FRESH }, { "traceback", SIGNAL_FIX }, { "tradeoffs", SIGNAL_DESIGN },
	{ "traduce", SIGNAL_TRANSLATE }, { "traduis", SIGNAL_TRANSLATE }, { "translate", SIGNAL_TRANSLATE },
	{ "translation", SIGNAL_TRANSLATE }, { "turn", SIGNAL_DEVICE }, { "typescript", SIGNAL_CODE },
	{ "uebersetze", SIGNAL_TRANSLATE }, { "volume", SIGNAL_DEVICE }, { "wake", SIGNAL_REMINDER },
	{ "was", SIGNAL_QUESTION }, { "weather", SIGNAL_FRESH }, { "what", SIGNAL_QUESTION },
	{ "when", SIGNAL_QUESTION }, { "where", SIGNAL_QUESTION }, { "which", SIGNAL_QUESTION },
	{ "who", SIGNAL_QUESTION }, { "why", SIGNAL_EXPLAIN },
};
/* clang-format on */

static int compare(const void *key, const void *entry)
{
	return strcmp(key, ((const struct entry *)entry)->word);
}

struct pass {
	struct signals *s;
	char word[WORD_BYTES];
	uint32_t length; /* of the word; may exceed WORD_BYTES */
	uint32_t ticks;  /* consecutive back-ticks */
};

static void word_ends(struct pass *p)
{
	const struct entry *e;

	if (p->length == 0)
		return;
	p->s->words++;
	p->s->long_words += p->length >= 10;
	if (p->length < WORD_BYTES) {
		p->word[p->length] = '\0';
		e = bsearch(p->word, table, LEN(table), sizeof table[0], compare);
		if (e != NULL) {
			p->s->count[e->signal]++;
			if (p->s->words <= 6)
				p->s->first_words_bits |= 1u << e->signal;
		}
	}
	p->length = 0;
}

static void on_mark(struct pass *p, char c)
{
	word_ends(p);
	p->ticks = c == '`' ? p->ticks + 1 : 0;
	if (p->ticks == 3)
		p->s->fences++;
	if (c >= '0' && c <= '9')
		p->s->digits++;
	else if (c == '\n')
		p->s->lines++;
	else if (c == '?')
		p->s->questions++;
	else if (c != '\0' && strchr("{}[];=<>_#\\|&$@", c) != NULL)
		p->s->code_marks++;
	else if (c != '\0' && strchr("+*/^%", c) != NULL)
		p->s->math_marks++;
}

static void read_piece(struct pass *p, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = text[i];
		char folded = (char)(c | 0x20);

		if (folded >= 'a' && folded <= 'z') {
			if (p->length < WORD_BYTES)
				p->word[p->length] = folded;
			p->length++;
			p->ticks = 0;
		} else {
			on_mark(p, c);
		}
	}
	word_ends(p);
}

void signals_read(struct span text, struct signals *ret)
{
	struct pass p = { .s = ret };

	memset(ret, 0, sizeof *ret);
	ret->bytes = text.len;
	if (text.len <= HEAD_BYTES + TAIL_BYTES) {
		read_piece(&p, text.ptr, text.len);
	} else {
		read_piece(&p, text.ptr, HEAD_BYTES);
		read_piece(&p, text.ptr + text.len - TAIL_BYTES, TAIL_BYTES);
	}
}
