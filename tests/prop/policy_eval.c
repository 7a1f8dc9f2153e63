/* SPDX-License-Identifier: Apache-2.0 */
/* The batch evaluator on its own: lines on stdin to lines on stdout, without the command line.
 * Exit 1 when some line was refused. */
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy.h"

int main(int argc, char **argv)
{
	bool strict = argc > 1 && strcmp(argv[1], "--strict") == 0;
	bool all_well = true;
	char *line = NULL;
	size_t room = 0;
	struct buf out;

	buf_init(&out, (size_t)64 << 20);
	for (ssize_t n; (n = getline(&line, &room, stdin)) > 0;) {
		buf_clear(&out);
		all_well &= policy_eval_line(span_trim((struct span){ line, (size_t)n }),
					     strict, &out);
		buf_add_char(&out, '\n');
		if (out.failed || fwrite(out.ptr, 1, out.len, stdout) != out.len)
			return 2;
	}
	free(line);
	buf_free(&out);
	return fflush(stdout) == 0 && all_well ? 0 : 1;
}
