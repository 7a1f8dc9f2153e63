/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scripts that tell the language, by Unicode block (Blocks.txt). A text belongs to the script
 * of most of its first letters beyond Latin; Japanese is told from Chinese by its kana.
 */
#include <stdbool.h>
#include <stdint.h>

#include "router/classify/fold.h"
#include "router/classify/trained.h"

#define LOOK_AT_BYTES 600

static const struct {
	uint16_t first, last;
	const char *language;
} scripts[] = {
	{ 0x0370, 0x03ff, "el" }, { 0x0400, 0x052f, "ru" }, { 0x0590, 0x05ff, "he" },
	{ 0x0600, 0x06ff, "ar" }, { 0x0900, 0x097f, "hi" }, { 0x0e00, 0x0e7f, "th" },
	{ 0x3040, 0x30ff, "ja" }, { 0x4e00, 0x9fff, "zh" }, { 0xac00, 0xd7af, "ko" },
};

#define JA 6
#define ZH 7

const char *language_of_script(struct span text)
{
	const uint8_t *p = (const uint8_t *)text.ptr;
	size_t n = text.len < LOOK_AT_BYTES ? text.len : LOOK_AT_BYTES;
	uint32_t count[LEN(scripts)] = { 0 }, latin = 0;
	size_t best = 0;

	for (size_t i = 0; i < n;) {
		uint32_t c = p[i];
		enum fold_kind kind;

		if (c < 0x80) {
			latin += (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
			i++;
			continue;
		}
		i += fold_wide(p + i, n - i, &c, &kind);
		for (size_t s = 0; s < LEN(scripts); s++)
			count[s] += c >= scripts[s].first && c <= scripts[s].last;
	}
	if (count[JA] > 0)
		count[JA] += count[ZH];
	for (size_t s = 1; s < LEN(scripts); s++)
		if (count[s] > count[best])
			best = s;
	/* A sign of Chinese or Japanese says as much as several letters. */
	return count[best] > 0 && count[best] * (best >= JA ? 4 : 1) > latin
		       ? scripts[best].language
		       : NULL;
}
