/* SPDX-License-Identifier: Apache-2.0 */
/* Written by training/train.py together with models/classifier.bin: the file this build is for.
 */
#ifndef HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H
#define HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H

#define WEIGHTS_SHA256 "38126504267bb13d1c4c3056f7c56288bb98d5fe67e9125ccb1d054da9eadfb5"

#endif
