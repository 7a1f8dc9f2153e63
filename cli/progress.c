/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes, rate and time left. The rate is that of this run: bytes found from an earlier one do
 * not count. */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

#define REDRAW_MS 200
#define PLAIN_MS  10000
#define BAR_CELLS 24

static void put_bar(const struct progress *p, char *out)
{
	unsigned full = (unsigned)(p->bytes * BAR_CELLS / p->total);

	for (unsigned i = 0; i < BAR_CELLS; i++)
		out[i] = i < full ? '#' : '.';
	out[BAR_CELLS] = '\0';
}

void progress_line(const struct progress *p, uint64_t elapsed_ms, char out[PROGRESS_LINE_BYTES])
{
	double mb = (double)p->bytes / 1e6;
	double rate = elapsed_ms > 0 ? (double)(p->bytes - p->start_bytes) * 1000.0 /
					       (double)elapsed_ms
				     : 0.0;
	char bar[BAR_CELLS + 1], left[32] = "";

	if (p->total == 0) {
		snprintf(out, PROGRESS_LINE_BYTES, "%.60s  %.1f MB  %.1f MB/s", p->label, mb,
			 rate / 1e6);
		return;
	}
	if (rate >= 1.0 && p->bytes < p->total) {
		uint64_t s = (uint64_t)((double)(p->total - p->bytes) / rate) + 1;

		if (s < 360000)
			snprintf(left, sizeof left, "  %u:%02u left", (unsigned)(s / 60),
				 (unsigned)(s % 60));
	}
	put_bar(p, bar);
	snprintf(out, PROGRESS_LINE_BYTES, "%.60s  %s%s%3u%%  %.1f / %.1f MB  %.1f MB/s%s",
		 p->label, p->terminal ? bar : "", p->terminal ? " " : "",
		 (unsigned)(p->bytes * 100 / p->total), mb, (double)p->total / 1e6, rate / 1e6,
		 left);
}

static void show(struct progress *p, uint64_t now)
{
	char line[PROGRESS_LINE_BYTES];

	progress_line(p, now - p->start_ms, line);
	if (p->terminal)
		fprintf(stderr, "\r\033[K%s", line);
	else
		fprintf(stderr, "%s\n", line);
	fflush(stderr);
	p->shown_ms = now;
	p->shown_tenth = p->total > 0 ? (unsigned)(p->bytes * 10 / p->total) : 0;
}

void progress_begin(struct progress *p, const struct cli *cli, const char *label,
		    uint64_t total, uint64_t already)
{
	*p = (struct progress){
		.label = label, .total = total, .start_bytes = already, .bytes = already
	};
	p->off = cli->quiet;
	p->terminal = isatty(STDERR_FILENO) && !cli->plain;
	p->start_ms = clock_mono_ms();
	p->open = true;
	if (!p->off)
		show(p, p->start_ms);
}

void progress_at(struct progress *p, uint64_t bytes)
{
	uint64_t now = clock_mono_ms();
	unsigned tenth;

	p->bytes = p->total > 0 && bytes > p->total ? p->total : bytes;
	if (p->bytes < p->start_bytes)
		p->start_bytes = p->bytes; /* it began anew */
	tenth = p->total > 0 ? (unsigned)(p->bytes * 10 / p->total) : 0;
	if (p->off)
		return;
	if (p->terminal ? now - p->shown_ms >= REDRAW_MS
			: tenth > p->shown_tenth || now - p->shown_ms >= PLAIN_MS)
		show(p, now);
}

void progress_end(struct progress *p)
{
	if (!p->open || p->off)
		return;
	p->open = false;
	if (p->terminal) {
		show(p, clock_mono_ms());
		fputc('\n', stderr);
	}
}
