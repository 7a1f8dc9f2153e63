/* SPDX-License-Identifier: Apache-2.0 */
/* Small encodings. UTF-8 follows the table of RFC 3629 section 4; base64 is RFC 4648 section 4.
 */
#include "common/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void text_hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	out[2 * n] = '\0';
}

enum err text_unhex(struct span text, uint8_t *out, size_t n)
{
	if (text.len % 2 != 0 || text.len / 2 != n)
		return ERR_SYNTAX;
	for (size_t i = 0; i < text.len; i++) {
		if (hex_value(text.ptr[i]) < 0)
			return ERR_SYNTAX;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)((unsigned)hex_value(text.ptr[2 * i]) << 4 |
				   (unsigned)hex_value(text.ptr[2 * i + 1]));
	return ERR_OK;
}

void text_base64(struct buf *out, struct span bytes)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *p = (const uint8_t *)bytes.ptr;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t v = (uint32_t)p[i] << 16;

		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		char quad[4] = { alphabet[v >> 18], alphabet[v >> 12 & 63],
				 left > 1 ? alphabet[v >> 6 & 63] : '=',
				 left > 2 ? alphabet[v & 63] : '=' };
		buf_add(out, (struct span){ quad, sizeof quad });
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/* How many '=' end the text; only as many as RFC 4648 allows. */
static size_t base64_padding(struct span text)
{
	if (text.len == 0 || text.ptr[text.len - 1] != '=')
		return 0;
	return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

enum err text_unbase64(struct span text, struct buf *out)
{
	if (text.len % 4 != 0)
		return ERR_SYNTAX;
	size_t padding = base64_padding(text);
	for (size_t i = 0; i < text.len - padding; i++) {
		if (base64_value(text.ptr[i]) < 0)
			return ERR_SYNTAX;
	}
	/* Bits under the padding must be zero, so that a value has one spelling (section 3.5).
	 */
	if (padding == 2 && (base64_value(text.ptr[text.len - 3]) & 15) != 0)
		return ERR_SYNTAX;
	if (padding == 1 && (base64_value(text.ptr[text.len - 2]) & 3) != 0)
		return ERR_SYNTAX;

	for (size_t i = 0; i < text.len; i += 4) {
		size_t pads = i + 4 == text.len ? padding : 0;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++)
			v = v << 6 |
			    (k < 4 - pads ? (uint32_t)base64_value(text.ptr[i + k]) : 0);
		char bytes[3] = { (char)(v >> 16), (char)(v >> 8), (char)v };
		buf_add(out, (struct span){ bytes, 3 - pads });
	}
	return ERR_OK;
}

static void random_bytes(uint8_t *out, size_t n)
{
	while (n > 0) {
		ssize_t got = getrandom(out, n, 0);

		if (got < 0) {
			if (errno == EINTR)
				continue;
			abort(); /* identifiers that repeat are worse than no process */
		}
		out += got;
		n -= (size_t)got;
	}
}

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void text_ulid(char *out)
{
	static uint64_t last_ms;
	static uint8_t tail[10];
	uint64_t ms = (uint64_t)clock_wall_ms();

	if (ms > last_ms) {
		last_ms = ms;
		random_bytes(tail, sizeof tail);
		tail[0] &= 0x7f; /* room to count up within one millisecond */
	} else {
		for (size_t i = sizeof tail; i-- > 0 && ++tail[i] == 0;)
			;
	}

	uint8_t all[16];
	for (int i = 0; i < 6; i++)
		all[i] = (uint8_t)(last_ms >> (40 - 8 * i));
	memcpy(all + 6, tail, sizeof tail);

	/* 130 bits in 26 groups of 5: the first group has two leading zero bits. */
	uint32_t held = 0;
	int bits = 2;
	size_t at = 0;
	for (size_t i = 0; i < sizeof all; i++) {
		held = held << 8 | all[i];
		for (bits += 8; bits >= 5; bits -= 5)
			out[at++] = crockford[held >> (bits - 5) & 31];
	}
	out[at] = '\0';
}

bool text_is_ulid(struct span text)
{
	if (text.len != TEXT_ULID_BYTES - 1 || text.ptr[0] < '0' || text.ptr[0] > '7')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\0' || strchr(crockford, text.ptr[i]) == NULL)
			return false;
	}
	return true;
}

/* Length of the well-formed sequence at p (1 to 4), 0 when there is none. */
static size_t utf8_sequence(const uint8_t *p, size_t left)
{
	uint8_t c = p[0], low = 0x80, high = 0xbf;
	size_t n;

	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		n = 2;
	else if (c >= 0xe0 && c <= 0xef)
		n = 3;
	else if (c >= 0xf0 && c <= 0xf4)
		n = 4;
	else
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	if (left < n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

size_t text_utf8_first(struct span text)
{
	return text.len > 0 ? utf8_sequence((const uint8_t *)text.ptr, text.len) : 0;
}

bool text_is_utf8(struct span text)
{
	const uint8_t *p = (const uint8_t *)text.ptr;
	size_t left = text.len;

	while (left > 0) {
		uint64_t word;

		if (left >= sizeof word) {
			memcpy(&word, p, sizeof word);
			if ((word & UINT64_C(0x8080808080808080)) == 0) {
				p += sizeof word;
				left -= sizeof word;
				continue;
			}
		}
		size_t n = utf8_sequence(p, left);
		if (n == 0)
			return false;
		p += n;
		left -= n;
	}
	return true;
}

size_t text_code_points(struct span text)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++)
		n += ((uint8_t)text.ptr[i] & 0xc0) != 0x80;
	return n;
}

static size_t append(char *out, size_t cap, size_t len, const char *text, size_t n)
{
	if (n > cap - 1 - len)
		n = cap - 1 - len;
	memcpy(out + len, text, n);
	out[len + n] = '\0';
	return len + n;
}

size_t text_append(char *out, size_t cap, size_t len, const char *text)
{
	return append(out, cap, len, text, strlen(text));
}

static size_t append_u64(char *out, size_t cap, size_t len, uint64_t n)
{
	char digits[20]; /* 2^64 - 1 has 20 digits */
	size_t at = sizeof digits;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	return append(out, cap, len, digits + at, sizeof digits - at);
}

size_t text_append_hundredths(char *out, size_t cap, size_t len, uint64_t hundredths)
{
	const char part[] = { '.', (char)('0' + hundredths / 10 % 10),
			      (char)('0' + hundredths % 10) };

	len = append_u64(out, cap, len, hundredths / 100);
	return append(out, cap, len, part, sizeof part);
}

/*
 * One bracket set against one byte. Returns what follows the set, NULL when the bracket is
 * never closed (then it is an ordinary character, as in fnmatch).
 */
static const char *match_set(const char *p, char c, bool *ret_hit)
{
	bool negate = *p == '!';
	bool hit = false;
	const char *first = p += negate;

	for (; *p != '\0' && (*p != ']' || p == first); p++) {
		uint8_t low = (uint8_t)*p, high = low;

		if (p[1] == '-' && p[2] != ']' && p[2] != '\0') {
			high = (uint8_t)p[2];
			p += 2;
		}
		if ((uint8_t)c >= low && (uint8_t)c <= high)
			hit = true;
	}
	if (*p != ']')
		return NULL;
	*ret_hit = hit != negate;
	return p + 1;
}

/* One pattern element against one byte; what follows the element, NULL when it does not match.
 */
static const char *match_one(const char *p, char c)
{
	if (*p == '?')
		return p + 1;
	if (*p == '[') {
		bool hit = false;
		const char *after = match_set(p + 1, c, &hit);

		if (after != NULL)
			return hit ? after : NULL;
	}
	return *p == c && *p != '\0' ? p + 1 : NULL;
}

/* Only the last '*' is ever retried, so the work is at most pattern times value. */
bool text_glob(const char *pattern, struct span value)
{
	const char *star = NULL;
	size_t at = 0, star_at = 0;

	while (at < value.len) {
		if (*pattern == '*') {
			star = ++pattern;
			star_at = at;
			continue;
		}
		const char *next = match_one(pattern, value.ptr[at]);
		if (next != NULL) {
			pattern = next;
			at++;
		} else if (star != NULL) {
			pattern = star;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

#define DISTANCE_MAX   15u
#define DISTANCE_BYTES 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment with three rolling rows. */
unsigned text_distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned rows[3][DISTANCE_BYTES + 1];

	if (na > DISTANCE_BYTES || nb > DISTANCE_BYTES)
		return strcmp(a, b) == 0 ? 0 : DISTANCE_MAX;
	for (size_t j = 0; j <= nb; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *up = rows[(i + 2) % 3], *up2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned cost = a[i - 1] != b[j - 1];

			row[j] = min3(up[j] + 1, row[j - 1] + 1, up[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    up2[j - 2] + 1 < row[j])
				row[j] = up2[j - 2] + 1;
		}
	}
	unsigned d = rows[na % 3][nb];
	return d < DISTANCE_MAX ? d : DISTANCE_MAX;
}

#define TEN_YEARS_MS (UINT64_C(3653) * 86400 * 1000)

enum err text_duration_ms(const char *text, uint64_t *ret_ms)
{
	uint64_t n = 0, unit;
	bool huge = false;

	if (*text < '0' || *text > '9')
		return ERR_SYNTAX;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = n * 10 + (uint64_t)(*text - '0');
		if (n > TEN_YEARS_MS) {
			huge = true;
			n = TEN_YEARS_MS;
		}
	}
	switch (*text) {
	case 's':
		unit = 1000;
		break;
	case 'm':
		unit = 60 * 1000;
		break;
	case 'h':
		unit = 3600 * 1000;
		break;
	case 'd':
		unit = 86400 * 1000;
		break;
	default:
		return ERR_SYNTAX;
	}
	if (text[1] != '\0')
		return ERR_SYNTAX;
	if (huge || n > TEN_YEARS_MS / unit)
		return ERR_TOO_BIG;
	*ret_ms = n * unit;
	return ERR_OK;
}
