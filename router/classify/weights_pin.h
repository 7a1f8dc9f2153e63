/* SPDX-License-Identifier: Apache-2.0 */
/* Written by training/train.py together with models/classifier.bin: the file this build is for.
 */
#ifndef HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H
#define HITHER_ROUTER_CLASSIFY_WEIGHTS_PIN_H

#define WEIGHTS_SHA256 "3646a27f546c318a30d799d8725e4d59b67177cc485a531263037a19aa231a8e"

#endif
