/* SPDX-License-Identifier: Apache-2.0 */
/* Written by training/train.py together with models/classifier.bin: the file this build is for.
 */
#ifndef HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H
#define HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H

#define WEIGHTS_SHA256 "0d4670310306a0a9ee67462f6c56063e10ead0f913b0d64fbffcf53cd6a9b6b5"

#endif
