/* SPDX-License-Identifier: Apache-2.0 */
/* Written by training/train.py together with models/classifier.bin: the file this build is for.
 */
#ifndef HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H
#define HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H

#define WEIGHTS_SHA256 "af51f3ee3afca13ffea5a5b6b755f6b88363d33c84f84395da009d5b87c0ea0e"

#endif
