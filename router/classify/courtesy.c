/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words are read from both ends inwards as long as they belong to a closed list: words of
 * courtesy and small talk, and the function words around them, in English, German, French,
 * Spanish, Italian, Portuguese and Dutch, folded as the classifier folds (no case, accents or
 * apostrophes). The first other word, digit or sign of another sort ends the reading. What is
 * left out are whole sentences with a word or pair of words that makes them courtesy ("hope",
 * "how are"); function words alone never go. Words of thanks also go without a mark before
 * them, "hi" without one behind it, as people write so.
 */
#include "router/classify/courtesy.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "router/classify/fold.h"

#define WORD_BYTES 16
#define LOOK_BYTES 2048

/* What a word can be; bits. */
enum {
	LISTED = 1,
	HEAD = 2,   /* makes its sentence courtesy */
	THANKS = 4, /* courtesy may start here without a mark before */
	HI = 8,     /* and may end here without one behind */
	F = LISTED,
	H = F | HEAD,
	T = H | THANKS,
	G = H | HI,
};

struct word {
	char text[WORD_BYTES]; /* NUL-padded */
	uint8_t is;
};

/* In the order of memcmp(). */
/* clang-format off */
static const struct word words[] = {
	{ "a", F }, { "aan", F }, { "abend", F }, { "abends", F }, { "aber", F },
	{ "about", F }, { "abracos", H }, { "absolutely", F }, { "adelantado", F },
	{ "adiantado", F }, { "adios", H }, { "advance", F }, { "afternoon", H },
	{ "again", F }, { "agradezco", H }, { "aide", F }, { "aiuto", F }, { "ajuda", F },
	{ "al", F }, { "algo", F }, { "all", F }, { "alla", F }, { "alle", F },
	{ "allemaal", F }, { "alles", F }, { "allez", F }, { "alsjeblieft", F },
	{ "alstublieft", F }, { "alvast", F }, { "always", F }, { "am", F }, { "amazing", F },
	{ "an", F }, { "anche", F }, { "and", F }, { "antecipadamente", F }, { "anticipo", F },
	{ "anyway", F }, { "apologies", H }, { "appreciate", T }, { "appreciated", H },
	{ "aqui", F }, { "are", F }, { "around", F }, { "as", F }, { "asi", F }, { "at", F },
	{ "au", F }, { "auch", F }, { "auf", F }, { "aujourdhui", F }, { "avance", F },
	{ "avec", F }, { "avez", F }, { "awesome", F }, { "ayuda", F }, { "be", F },
	{ "beau", F }, { "beaucoup", F }, { "beautiful", F }, { "bedankt", T }, { "been", F },
	{ "bei", F }, { "bel", F }, { "bella", F }, { "belle", F }, { "bello", F },
	{ "bem", F }, { "ben", F }, { "bene", F }, { "bent", F }, { "best", F }, { "bien", F },
	{ "big", F }, { "bin", F }, { "bis", F }, { "bit", F }, { "bitte", F }, { "boa", H },
	{ "bom", H }, { "bon", F }, { "bonjour", H }, { "bonne", F }, { "bonsoir", H },
	{ "bother", F }, { "bothering", F }, { "bright", F }, { "buen", F }, { "buena", F },
	{ "buenas", H }, { "buenos", H }, { "buon", F }, { "buona", F }, { "buonasera", H },
	{ "buongiorno", H }, { "busy", F }, { "but", F }, { "bye", H }, { "ca", F },
	{ "can", F }, { "car", F }, { "care", F }, { "ce", F }, { "cela", F }, { "cette", F },
	{ "chance", F }, { "che", F }, { "cheers", T }, { "ciao", H }, { "com", F },
	{ "come", F }, { "coming", F }, { "comment", F }, { "como", F }, { "con", F },
	{ "consider", F }, { "cordialement", H }, { "cosa", F }, { "coucou", H },
	{ "could", F }, { "cuando", F }, { "cuidate", F }, { "dag", H }, { "dank", H },
	{ "danke", T }, { "dankjewel", T }, { "dankuwel", T }, { "das", F }, { "dat", F },
	{ "day", F }, { "days", F }, { "de", F }, { "dear", H }, { "dein", F }, { "deine", F },
	{ "del", F }, { "della", F }, { "den", F }, { "der", F }, { "des", F },
	{ "desculpe", H }, { "desole", H }, { "di", F }, { "dia", F }, { "dias", F },
	{ "dich", F }, { "did", F }, { "die", F }, { "dies", F }, { "diese", F }, { "dir", F },
	{ "disculpa", H }, { "dit", F }, { "do", F }, { "doing", F }, { "domanda", F },
	{ "done", F }, { "du", F }, { "e", F }, { "een", F }, { "ein", F }, { "eine", F },
	{ "einem", F }, { "einen", F }, { "einer", F }, { "el", F }, { "ella", F },
	{ "elle", F }, { "en", F }, { "encore", F }, { "enjoy", F }, { "enjoyed", F },
	{ "enjoying", F }, { "entschuldigung", H }, { "er", F }, { "es", F },
	{ "esperant", H }, { "espere", T }, { "espero", T }, { "est", F }, { "esta", F },
	{ "estas", F }, { "este", F }, { "esteja", F }, { "estejam", F }, { "esten", F },
	{ "estes", F }, { "et", F }, { "etes", F }, { "eu", F }, { "euch", F }, { "eure", F },
	{ "even", F }, { "evening", H }, { "ever", F }, { "every", F }, { "everybody", F },
	{ "everyone", F }, { "everyones", F }, { "everything", F }, { "excellent", F },
	{ "excellente", F }, { "fait", F }, { "family", F }, { "fantastic", F },
	{ "favor", F }, { "favore", F }, { "favour", F }, { "feel", F }, { "feeling", F },
	{ "fijn", F }, { "fijne", F }, { "fim", F }, { "fin", F }, { "fine", F },
	{ "first", F }, { "folks", F }, { "for", F }, { "frage", F }, { "friend", F },
	{ "friends", F }, { "from", F }, { "fuer", F }, { "fun", F }, { "fur", F },
	{ "gaat", F }, { "ganz", F }, { "geht", F }, { "gehts", F }, { "gentile", F },
	{ "gerade", F }, { "gern", F }, { "gerne", F }, { "get", F }, { "geval", F },
	{ "giornata", F }, { "giorno", F }, { "give", F }, { "glad", F }, { "go", F },
	{ "goed", F }, { "goede", F }, { "goedemiddag", H }, { "goedemorgen", H },
	{ "goedenavond", H }, { "goeie", F }, { "goes", F }, { "going", F }, { "good", F },
	{ "goodbye", H }, { "gracias", T }, { "gran", F }, { "grand", F }, { "grande", F },
	{ "grateful", H }, { "grazie", T }, { "great", F }, { "greetings", H },
	{ "groeten", H }, { "gruesse", H }, { "gruss", H }, { "grusse", H }, { "gut", F },
	{ "guten", H }, { "guter", F }, { "guys", F }, { "ha", F }, { "haben", F },
	{ "had", F }, { "hallo", H }, { "happy", F }, { "has", F }, { "hast", F },
	{ "have", F }, { "having", F }, { "haya", F }, { "health", F }, { "heb", F },
	{ "hebt", F }, { "heel", F }, { "hello", H }, { "help", F }, { "helpful", F },
	{ "here", F }, { "herzlich", F }, { "het", F }, { "heute", F }, { "hey", G },
	{ "hi", G }, { "hilfe", F }, { "hiya", G }, { "ho", F }, { "hoe", F }, { "hoffe", T },
	{ "hoffentlich", H }, { "hoi", G }, { "hola", H }, { "holiday", F }, { "holidays", F },
	{ "hope", T }, { "hopelijk", H }, { "hoping", H }, { "how", F }, { "howdy", H },
	{ "hows", F }, { "hoy", F }, { "hulp", F }, { "i", F }, { "ich", F }, { "id", F },
	{ "iedereen", F }, { "ihnen", F }, { "ihr", F }, { "ihre", F }, { "ihren", F },
	{ "ik", F }, { "il", F }, { "ill", F }, { "im", F }, { "immer", F }, { "in", F },
	{ "io", F }, { "is", F }, { "ist", F }, { "it", F }, { "its", F }, { "ive", F },
	{ "jai", F }, { "je", F }, { "jespere", F }, { "jij", F }, { "jou", F },
	{ "journee", F }, { "jouw", F }, { "jullie", F }, { "just", F }, { "keep", F },
	{ "kids", F }, { "kind", F }, { "kindly", F }, { "know", F }, { "kurz", F },
	{ "kurze", F }, { "la", F }, { "las", F }, { "last", F }, { "later", F }, { "le", F },
	{ "lei", F }, { "lekker", F }, { "les", F }, { "let", F }, { "leuk", F },
	{ "liebe", H }, { "life", F }, { "linda", F }, { "lindo", F }, { "little", F },
	{ "lo", F }, { "long", F }, { "los", F }, { "lot", F }, { "lots", F }, { "love", F },
	{ "lovely", F }, { "luck", F }, { "ma", F }, { "maar", F }, { "mal", F },
	{ "manha", F }, { "mas", F }, { "mate", F }, { "me", F }, { "mee", F }, { "meine", F },
	{ "merci", T }, { "met", F }, { "mi", F }, { "mich", F }, { "mij", F }, { "mijn", F },
	{ "mille", F }, { "mir", F }, { "mit", F }, { "mogen", F }, { "moin", H },
	{ "molte", F }, { "molto", F }, { "moment", F }, { "mon", F }, { "mooi", F },
	{ "mooie", F }, { "morning", H }, { "much", F }, { "mucha", F }, { "muchas", F },
	{ "mucho", F }, { "muchos", F }, { "muita", F }, { "muito", F }, { "muy", F },
	{ "my", F }, { "nachmittag", F }, { "nett", F }, { "nice", F }, { "noch", F },
	{ "noches", F }, { "nog", F }, { "noite", F }, { "nos", F }, { "nous", F },
	{ "now", F }, { "o", F }, { "ob", F }, { "obrigada", T }, { "obrigado", T },
	{ "of", F }, { "off", F }, { "oggi", F }, { "oi", H }, { "ok", F }, { "okay", F },
	{ "ola", H }, { "om", F }, { "on", F }, { "one", F }, { "ook", F }, { "os", F },
	{ "other", F }, { "our", F }, { "out", F }, { "over", F }, { "par", F }, { "para", F },
	{ "pardon", H }, { "pase", F }, { "pases", F }, { "passe", F }, { "passer", F },
	{ "passez", F }, { "patience", F }, { "pela", F }, { "pelo", F }, { "per", F },
	{ "perdon", H }, { "perfect", F }, { "pergunta", F }, { "petite", F },
	{ "piacere", F }, { "plait", F }, { "pleasant", F }, { "please", F },
	{ "pleasure", F }, { "por", F }, { "pour", F }, { "pregunta", F }, { "pretty", F },
	{ "que", F }, { "question", F }, { "questions", F }, { "qui", F }, { "quick", F },
	{ "quite", F }, { "rapida", F }, { "really", F }, { "regards", T }, { "remercie", H },
	{ "rest", F }, { "safe", F }, { "saludo", F }, { "saludos", H }, { "salut", H },
	{ "saluti", H }, { "salve", H }, { "sante", F }, { "say", F }, { "says", F },
	{ "schoenen", F }, { "schon", F }, { "schone", F }, { "schonen", F }, { "schones", F },
	{ "scusa", H }, { "scusi", H }, { "se", F }, { "see", F }, { "seems", F },
	{ "sehr", F }, { "sei", F }, { "seid", F }, { "sein", F }, { "semaine", F },
	{ "semana", F }, { "ser", F }, { "serata", F }, { "servus", H }, { "settimana", F },
	{ "si", F }, { "sia", F }, { "sie", F }, { "sil", F }, { "sincerely", T },
	{ "sind", F }, { "snelle", F }, { "so", F }, { "soiree", F }, { "sois", F },
	{ "soit", F }, { "some", F }, { "soon", F }, { "sorry", H }, { "soyez", F },
	{ "spero", T }, { "stai", F }, { "state", F }, { "stay", F }, { "stia", F },
	{ "still", F }, { "sto", F }, { "su", F }, { "sua", F }, { "such", F }, { "sun", F },
	{ "sunny", F }, { "super", F }, { "support", F }, { "sure", F }, { "tag", F },
	{ "tage", F }, { "take", F }, { "tal", F }, { "talk", F }, { "tarde", F },
	{ "tardes", F }, { "tarea", F }, { "te", F }, { "team", F }, { "tempo", F },
	{ "temps", F }, { "tenga", F }, { "tengas", F }, { "tenha", F }, { "than", F },
	{ "thank", T }, { "thanks", T }, { "that", F }, { "thats", F }, { "the", F },
	{ "there", F }, { "these", F }, { "they", F }, { "thing", F }, { "things", F },
	{ "this", F }, { "thx", T }, { "ti", F }, { "tiempo", F }, { "tijd", F },
	{ "time", F }, { "times", F }, { "to", F }, { "today", F }, { "todo", F },
	{ "todos", F }, { "toi", F }, { "tomorrow", F }, { "ton", F }, { "tonight", F },
	{ "too", F }, { "tous", F }, { "tout", F }, { "toute", F }, { "toutes", F },
	{ "tres", F }, { "trouble", F }, { "truly", F }, { "tschuess", H }, { "tschuss", H },
	{ "tu", F }, { "tudo", F }, { "tus", F }, { "tutti", F }, { "tutto", F }, { "u", F },
	{ "um", F }, { "uma", F }, { "un", F }, { "una", F }, { "und", F }, { "une", F },
	{ "uns", F }, { "us", F }, { "usted", F }, { "uw", F }, { "va", F }, { "vai", F },
	{ "vais", F }, { "van", F }, { "vandaag", F }, { "vas", F }, { "veel", F },
	{ "veloce", F }, { "very", F }, { "vi", F }, { "viel", F }, { "viele", F },
	{ "vielen", H }, { "voce", F }, { "voces", F }, { "von", F }, { "voor", F },
	{ "voraus", F }, { "votre", F }, { "vous", F }, { "vraag", F }, { "vriendelijke", F },
	{ "warm", F }, { "was", F }, { "wat", F }, { "way", F }, { "we", F }, { "weather", F },
	{ "week", F }, { "weekend", F }, { "weer", F }, { "wel", F }, { "welcome", H },
	{ "well", F }, { "wens", F }, { "were", F }, { "wetter", F }, { "while", F },
	{ "wie", F }, { "will", F }, { "wir", F }, { "wird", F }, { "wish", F },
	{ "wishes", H }, { "with", F }, { "woche", F }, { "wochenende", F }, { "wonder", F },
	{ "wonderful", F }, { "wondering", F }, { "work", F }, { "would", F },
	{ "wunderbar", F }, { "wunderschonen", F }, { "y", F }, { "yesterday", F },
	{ "yo", F }, { "you", F }, { "your", F }, { "youre", F }, { "yours", F },
	{ "yourself", F }, { "zeit", F }, { "zijn", F }, { "zu", F }, { "zum", F },
};
/* clang-format on */

static int compare(const void *a, const void *b)
{
	return memcmp(((const struct word *)a)->text, ((const struct word *)b)->text,
		      WORD_BYTES);
}

static bool pair_is_head(const char *first, const char *second)
{
	static const char pairs[][2][WORD_BYTES] = {
		{ "how", "are" },       { "hows", "it" },         { "how", "have" },
		{ "quick", "one" },     { "quick", "question" },  { "have", "a" },
		{ "weather", "is" },    { "great", "day" },       { "nice", "day" },
		{ "help", "me" },       { "help", "with" },       { "take", "care" },
		{ "lovely", "day" },    { "your", "help" },       { "your", "time" },
		{ "good", "day" },      { "guten", "tag" },       { "guten", "abend" },
		{ "gute", "zeit" },     { "geht", "es" },         { "gehts", "dir" },
		{ "kurze", "frage" },   { "schonen", "tag" },     { "wetter", "ist" },
		{ "comment", "vas" },   { "comment", "allez" },   { "ca", "va" },
		{ "bonne", "journee" }, { "petite", "question" }, { "comment", "va" },
		{ "como", "estas" },    { "como", "esta" },       { "que", "tal" },
		{ "buen", "dia" },      { "pregunta", "rapida" }, { "come", "stai" },
		{ "come", "va" },       { "come", "sta" },        { "buona", "giornata" },
		{ "tudo", "bem" },      { "como", "vai" },        { "pergunta", "rapida" },
		{ "hoe", "gaat" },      { "fijne", "dag" },       { "goede", "dag" },
		{ "snelle", "vraag" },
	};

	for (size_t i = 0; i < LEN(pairs); i++)
		if (first[0] == pairs[i][0][0] && strcmp(first, pairs[i][0]) == 0 &&
		    strcmp(second, pairs[i][1]) == 0)
			return true;
	return false;
}

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '\'' ||
	       (uint8_t)c >= 0x80;
}

/* What parts the words of courtesy; bits of what else it does. */
enum { NO_MARK = 0, BREAKS = 1, ENDS = 2, OTHER_SIGN = 4 };

static unsigned what_separates(char c)
{
	switch (c) {
	case ' ':
	case '\t':
	case '\r':
	case '-':
		return NO_MARK;
	case ',':
	case ';':
	case '\n':
		return BREAKS;
	case '.':
	case '!':
	case '?':
	case ':':
		return BREAKS | ENDS;
	default:
		return OTHER_SIGN;
	}
}

/* Folds the word and looks it up; 0: not listed. Signs without letters are a word "". */
static uint8_t look_up(const uint8_t *s, size_t n, char text[WORD_BYTES])
{
	struct word key = { .is = 0 };
	const struct word *found;
	size_t length = 0;

	for (size_t i = 0; i < n;) {
		uint32_t c = s[i] | 0x20u;
		enum fold_kind kind = s[i] == '\'' ? FOLD_MARK : FOLD_LETTER;

		i += s[i] < 0x80 ? 1 : fold_wide(s + i, n - i, &c, &kind);
		if (kind != FOLD_LETTER)
			continue;
		if (c >= 0x80 || length == WORD_BYTES - 1)
			return 0;
		key.text[length++] = (char)c;
	}
	memcpy(text, key.text, WORD_BYTES);
	if (length == 0)
		return LISTED;
	found = bsearch(&key, words, LEN(words), sizeof words[0], compare);
	return found != NULL ? found->is : 0;
}

/* Where the courtesy at the start ends. */
static size_t start_ends(const uint8_t *s, size_t n)
{
	char before[WORD_BYTES] = "", word[WORD_BYTES];
	size_t i = 0, cut = 0;
	bool head = false, any = false; /* any: a word was read */

	for (int k = 0; k < COURTESY_WORDS; k++) {
		size_t from;
		unsigned mark = NO_MARK;
		uint8_t is;

		for (; i < n && (mark & OTHER_SIGN) == 0 && !is_word_byte((char)s[i]); i++)
			mark |= what_separates((char)s[i]);
		if ((mark & BREAKS) != 0 && head)
			cut = i - ((mark & OTHER_SIGN) != 0);
		if (i == n)
			return 0; /* nothing would remain */
		if ((mark & ENDS) != 0 && !head && any)
			break;
		if ((mark & OTHER_SIGN) != 0)
			break;
		head = head && (mark & ENDS) == 0;
		for (from = i; i < n && is_word_byte((char)s[i]); i++)
			;
		is = look_up(s + from, i - from, word);
		if (is == 0)
			break;
		head |= (is & HEAD) != 0 || pair_is_head(before, word);
		if ((is & HI) != 0 ||
		    (cut > 0 && cut == from - 1 && strcmp(word, "there") == 0))
			cut = i;
		any |= word[0] != '\0';
		memcpy(before, word, WORD_BYTES);
	}
	return cut;
}

/* Where the courtesy at the end starts. */
static size_t end_starts(const uint8_t *s, size_t n, size_t least)
{
	char after[WORD_BYTES] = "", word[WORD_BYTES];
	size_t i = n, cut = n, at = n; /* `at`: start of the word behind */
	bool head = false, any = false;

	for (int k = 0; k < COURTESY_WORDS; k++) {
		size_t to;
		unsigned mark = NO_MARK;
		uint8_t is;

		while (i > least && !is_word_byte((char)s[i - 1])) {
			unsigned sign = what_separates((char)s[i - 1]);

			mark |= sign;
			if (sign == OTHER_SIGN)
				break;
			i--;
		}
		if ((mark & BREAKS) != 0 && head)
			cut = at;
		if (i == least)
			return least > 0 ? cut : n;
		if ((mark & OTHER_SIGN) != 0 || (any && (mark & ENDS) != 0 && !head))
			break;
		head = head && (mark & ENDS) == 0;
		for (to = i; i > least && is_word_byte((char)s[i - 1]); i--)
			;
		is = look_up(s + i, to - i, word);
		if (is == 0)
			break;
		head |= (is & HEAD) != 0 || pair_is_head(word, after);
		if ((is & THANKS) != 0 || (strcmp(word, "i") == 0 && cut == at && any))
			cut = i;
		any |= word[0] != '\0';
		at = i;
		memcpy(after, word, WORD_BYTES);
	}
	return cut;
}

struct span without_courtesy(struct span text)
{
	const uint8_t *s = (const uint8_t *)text.ptr;
	size_t near = text.len < LOOK_BYTES ? text.len : LOOK_BYTES;
	size_t from = start_ends(s, near);
	size_t least = text.len - near > from ? text.len - near : from;
	size_t to = end_starts(s, text.len, least);

	return (struct span){ text.ptr + from, to - from };
}
