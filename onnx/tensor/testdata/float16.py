#!/usr/bin/env python3
"""Writes float16.bin: float32 bit patterns with what NumPy 2 and ml_dtypes round them to, as little-endian records
(uint32 float32, uint16 float16, uint16 bfloat16); and prints the SHA-256 of all 65536 float16 widened to float32."""
import hashlib
import pathlib

import ml_dtypes
import numpy as np

rng = np.random.default_rng(16)
bits = [rng.integers(0, 2**32, 1500, dtype=np.uint32)]  # anything, many NaN-free
# halfway between neighbours of float16 and of bfloat16, and one bit to either side
halves = rng.integers(0, 0x7c00, 600).astype(np.uint16).view(np.float16).astype(np.float64)
nexts = (halves.astype(np.float16).view(np.uint16) + 1).astype(np.uint16).view(np.float16).astype(np.float64)
with np.errstate(all="ignore"):
    mid = ((halves + nexts) / 2).astype(np.float32).view(np.uint32)
brain = (rng.integers(0, 0x7f80, 600).astype(np.uint32) << 16) | 0x8000
for b in (mid, brain):
    bits += [b, b - 1, b + 1, b | 0x80000000]
special = [0.0, -0.0, 1.0, 65504.0, 65519.0, 65519.99, 65520.0, 65536.0, 2.0**-24, 2.0**-25, 2.0**-25 * 1.0001, 2.0**-26,
           6.1e-5, 6.103515625e-05, 6.097555e-05, np.inf, -np.inf, np.nan, 3.4028234e38, 1e-45, np.pi, 1 / 3]
bits.append(np.array(special, np.float32).view(np.uint32))
b = np.concatenate(bits).astype(np.uint32)
f = b.view(np.float32)
with np.errstate(all="ignore"):
    h, g = f.astype(np.float16).view(np.uint16), f.astype(ml_dtypes.bfloat16).view(np.uint16)
rec = np.empty(len(b), dtype=[("f", "<u4"), ("h", "<u2"), ("b", "<u2")])
rec["f"], rec["h"], rec["b"] = b, h, g
pathlib.Path(__file__).with_name("float16.bin").write_bytes(rec.tobytes())
wide = np.arange(65536, dtype=np.uint16).view(np.float16).astype(np.float32)
nan = np.isnan(wide)
w = wide.view(np.uint32).copy()
w[nan] = 0  # payloads are the machine's affair
print(len(b), "records;", hashlib.sha256(w.astype("<u4").tobytes()).hexdigest())
