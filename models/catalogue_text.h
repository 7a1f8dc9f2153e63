/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue.json as it was when the program was built; made by embed.py. */
#ifndef HITHER_MODELS_CATALOGUE_TEXT_H
#define HITHER_MODELS_CATALOGUE_TEXT_H

#include <stddef.h>

extern const unsigned char models_catalogue_text[];
extern const size_t models_catalogue_text_bytes;

#endif
