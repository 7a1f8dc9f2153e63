/* SPDX-License-Identifier: Apache-2.0 */
/* Written by training/train.py together with models/classifier.bin: the file this build is for.
 */
#ifndef HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H
#define HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H

#define WEIGHTS_SHA256 "08efdcdd0545b06492997baded8590236f76a5a4b669f618d2fa0481929cead2"

#endif
