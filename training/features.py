# SPDX-License-Identifier: Apache-2.0
"""Reads texts with the very C code that hither uses (built by train.sh into one library)."""
import ctypes
import os

import numpy as np
import scipy.sparse as sp

BITS, COUNTS, MAX, VERSION = 15, 24, 8200, 4  # as text_features.h
COUNT_LINES = 2
ROWS = 1 << BITS


class Features(ctypes.Structure):
    _fields_ = [("n", ctypes.c_uint32), ("piece", ctypes.c_uint16 * MAX), ("count", ctypes.c_float * COUNTS)]


class Span(ctypes.Structure):
    _fields_ = [("ptr", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Input(ctypes.Structure):
    _fields_ = [("last_user", Span), ("system", Span), ("history_bytes", ctypes.c_uint64),
                ("messages", ctypes.c_uint32), ("tools", ctypes.c_uint32), ("attachments", ctypes.c_uint32),
                ("tool_results", ctypes.c_bool)]


class Result(ctypes.Structure):
    _fields_ = [("score", ctypes.c_float), ("confidence", ctypes.c_float), ("task", ctypes.c_int),
                ("output_tokens", ctypes.c_uint32), ("fresh", ctypes.c_bool), ("language", ctypes.c_char_p),
                ("reasons", ctypes.c_char_p * 4), ("lean", ctypes.c_int8 * 4), ("n_reasons", ctypes.c_uint32)]


lib = ctypes.CDLL(os.environ["HITHER_CLASSIFY_LIB"])
lib.features_read.argtypes = [Span, ctypes.POINTER(Features)]
lib.classify_task_name.restype = ctypes.c_char_p


def span(text):
    raw = text.encode("utf8", "replace")
    return Span(raw, len(raw))


def read(texts):
    """-> presence matrix scaled by 1/sqrt(distinct pieces), counts"""
    f, index, sizes = Features(), [], []
    counts = np.zeros((len(texts), COUNTS), np.float32)
    for i, t in enumerate(texts):
        lib.features_read(span(t), ctypes.byref(f))
        index.append(np.array(f.piece[: f.n], dtype=np.int32))
        sizes.append(f.n)
        counts[i] = f.count[:]
    sizes = np.array(sizes)
    data = np.repeat((1 / np.sqrt(np.maximum(sizes, 1))).astype(np.float32), sizes)
    ptr = np.concatenate([[0], np.cumsum(sizes)])
    return sp.csr_matrix((data, np.concatenate(index), ptr), shape=(len(texts), ROWS)), counts


def score(weights_path, texts):
    """What hither itself says with this weights file: list of dicts."""
    c = ctypes.c_void_p()
    if lib.classifier_open(str(weights_path).encode(), ctypes.byref(c)) != 0:
        raise SystemExit(f"{weights_path}: refused by the classifier")
    out = []
    for t in texts:
        i, r = Input(last_user=span(t), messages=1), Result()
        lib.classify(c, ctypes.byref(i), ctypes.byref(r))
        out.append(dict(score=r.score, confidence=r.confidence, task=lib.classify_task_name(r.task).decode(),
                        fresh=r.fresh, language=(r.language or b"").decode(), output=r.output_tokens))
    lib.classifier_free(c)
    return out
