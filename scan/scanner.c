/* SPDX-License-Identifier: Apache-2.0 */
/* Building a scanner: the trie over all literals, the credential formats, the site's part. */
#include <stdlib.h>

#include "common/fault.h"
#include "common/text.h"
#include "scan/lexicon.h"
#include "scan/scan_impl.h"
#include "scan/secret_regexes.h"
#include "scan/secrets.h"
#include "scan/site.h"

static const char *const category_names[] = {
#define X(id, name, placeholder) [SCAN_##id] = name,
	SCAN_CATEGORY_MAP(X)
#undef X
};

static const char *const detector_names[] = {
#define X(id, name) [DETECTOR_##id] = name,
	SCAN_DETECTOR_MAP(X)
#undef X
};

static const struct {
	enum scan_lead lead;
	const char *words;
} leads[] = {
	{ LEAD_PASSWORD,
	  "password|passwd|passphrase|passwort|kennwort|pwd|contrasena|contraseña|"
	  "motdepasse|mot de passe" },
	{ LEAD_BEARER, "bearer" },
	{ LEAD_BASIC, "basic" },
	{ LEAD_CURL, "curl" },
};

/* Adds each word of a list separated by '|'. */
static size_t add_words(struct trie_literal *out, const char *words, uint32_t value)
{
	size_t n = 0;

	while (*words != '\0') {
		size_t len = strcspn(words, "|");

		if (len > 0) {
			if (out != NULL)
				out[n] = (struct trie_literal){ { words, len }, value };
			n++;
		}
		words += len + (words[len] == '|');
	}
	return n;
}

static size_t gather(struct trie_literal *out)
{
	size_t n = 0;

	for (size_t i = 0; i < secret_formats_count; i++, n++) {
		if (out != NULL)
			out[n] = (struct trie_literal){ span_of(secret_formats[i].literal),
							LITERAL(LITERAL_FORMAT, i) };
	}
	for (size_t i = 0; i < scan_contexts_count; i++)
		n += add_words(out != NULL ? out + n : NULL, scan_contexts[i].words,
			       LITERAL(LITERAL_CONTEXT, i));
	for (size_t i = 0; i < LEN(leads); i++)
		n += add_words(out != NULL ? out + n : NULL, leads[i].words,
			       LITERAL(LITERAL_LEAD, leads[i].lead));
	for (size_t i = 0; i < scan_terms_count; i++)
		n += add_words(out != NULL ? out + n : NULL, scan_terms[i].words,
			       LITERAL(LITERAL_TERM, i));
	return n;
}

static struct trie *build_trie(void)
{
	size_t n = gather(NULL);
	struct trie_literal *literals = fault_here() ? NULL : calloc(n, sizeof *literals);
	struct trie *t = NULL;

	if (literals != NULL) {
		gather(literals);
		t = trie_new(literals, n);
	}
	free(literals);
	return t;
}

enum err scanner_new(const struct scan_site_category *site, size_t site_count,
		     struct scanner **ret, struct scan_site_error *reterr)
{
	struct scanner *s = fault_here() ? NULL : calloc(1, sizeof *s);
	enum err e = ERR_OK;

	if (s == NULL)
		return ERR_NO_MEMORY;
	s->trie = build_trie();
	s->secrets = secret_regexes_new();
	s->lexicon = lexicon_new();
	if (s->trie == NULL || s->secrets == NULL || s->lexicon == NULL)
		e = ERR_NO_MEMORY;
	else if (site_count > 0)
		e = site_new(site, site_count, &s->site, reterr);
	if (e != ERR_OK) {
		scanner_free(s);
		return e;
	}
	*ret = s;
	return ERR_OK;
}

void scanner_free(struct scanner *s)
{
	if (s == NULL)
		return;
	trie_free(s->trie);
	secret_regexes_free(s->secrets);
	lexicon_free(s->lexicon);
	site_free(s->site);
	free(s);
}

size_t scanner_categories(const struct scanner *s)
{
	return SCAN_BUILTIN_CATEGORIES + site_categories(s->site);
}

const char *scanner_category_name(const struct scanner *s, unsigned category)
{
	return category < SCAN_BUILTIN_CATEGORIES
		       ? category_names[category]
		       : site_category_name(s->site, category - SCAN_BUILTIN_CATEGORIES);
}

const char *scanner_site_placeholder(const struct scanner *s, unsigned category)
{
	return site_placeholder(s->site, category - SCAN_BUILTIN_CATEGORIES);
}

const char *scanner_detector_name(const struct scanner *s, unsigned detector)
{
	(void)s;
	if (detector < DETECTOR_FORMATS)
		return detector_names[detector];
	detector -= DETECTOR_FORMATS;
	if (detector < secret_formats_count)
		return secret_formats[detector].name;
	return "site";
}

static bool covers(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (n >= 2 && strcmp(pattern + n - 2, ".*") == 0)
		return strncmp(pattern, name, n - 1) == 0;
	if (strchr(pattern, '*') != NULL || strchr(pattern, '?') != NULL)
		return text_glob(pattern, span_of(name));
	return strncmp(pattern, name, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

size_t scan_set_add_pattern(struct scan_set *set, const struct scanner *s, const char *pattern)
{
	size_t n = 0;

	for (unsigned i = 0; i < scanner_categories(s); i++) {
		if (covers(pattern, scanner_category_name(s, i))) {
			scan_set_add(set, i);
			n++;
		}
	}
	return n;
}
