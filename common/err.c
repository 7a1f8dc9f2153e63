/* SPDX-License-Identifier: Apache-2.0 */
/* The texts of enum err, from the same table as the enum. */
#include "common/err.h"

#include <stddef.h>

#include "common/span.h"

static const char *const texts[] = {
#define X(name, text) [ERR_##name] = text,
	ERR_MAP(X)
#undef X
};

const char *err_text(enum err e)
{
	return (size_t)e < LEN(texts) ? texts[e] : "unknown error";
}
