/* SPDX-License-Identifier: Apache-2.0 */
/* A frame that decodes encodes to the same bytes again. */
#include <stdlib.h>

#include "ipc/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span f = { (const char *)data, size };
	uint8_t again[MSG_BYTES_MAX];

	if (size > MSG_BYTES_MAX)
		return 0;
	switch (msg_type_of(f)) {
#define MESSAGE(NAME, from, to, fds, text)                                                     \
	case MSG_##NAME: {                                                                     \
		struct msg_##NAME m;                                                           \
		if (msg_##NAME##_decode(f, &m) != ERR_OK)                                      \
			return 0;                                                              \
		if (msg_##NAME##_encode(&m, again, sizeof again) != size ||                    \
		    memcmp(again, data, size) != 0)                                            \
			abort();                                                               \
		return 0;                                                                      \
	}
#define FIELD(kind, name, limit, text)
#define END(NAME)
#include "ipc/messages.def"
#undef MESSAGE
#undef FIELD
#undef END
	case MSG_NONE:
	case MSG_TYPES:
		break;
	}
	return 0;
}
