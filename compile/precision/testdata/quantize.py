"""Writes quantize.json: quantisation parameters, weights, biases and calibrated ranges, computed with NumPy from the
definitions of ONNX's QuantizeLinear (real = (stored − zero point)·scale, halves rounded to even) and of the calibration
methods, for the Go tests of compile/precision. Run it in this folder; it needs NumPy alone."""
import json

import numpy as np

f32 = np.float32


def activation(low, high):
    low, high = min(low, 0.0), max(high, 0.0)
    scale = f32((high - low) / 255)
    return float(scale), int(np.clip(np.rint(-low / float(scale)), 0, 255))


def weights(w):
    per_channel = np.abs(w.reshape(len(w), -1).astype(np.float64)).max(axis=1)
    scale = (per_channel / 127).astype(f32)
    scale[scale == 0] = 1
    stored = np.rint(w.reshape(len(w), -1).astype(np.float64) / scale.astype(np.float64)[:, None])
    return np.clip(stored, -127, 127).astype(int), scale


def percentile(x, percent, bins=2048):
    """The edges of the histogram outside of which lies no more than the share asked for, at each end."""
    h, edges = np.histogram(x, bins=bins, range=(x.min(), x.max()))
    cut = int(h.sum() * (100 - percent) / 200)
    low = int(np.argmax(np.cumsum(h) > cut))
    high = bins - int(np.argmax(np.cumsum(h[::-1]) > cut))
    return float(edges[low]), float(edges[high])


def entropy(x, bins=2048, levels=128):
    """Migacz's search, every 8th bin, by whole arrays: P with the outliers on its last bin, Q from the bins without them."""
    top = float(np.abs(x).max())
    h, _ = np.histogram(np.abs(x), bins=bins, range=(0, top))
    best, bound = np.inf, bins
    for i in range(levels, bins + 1, 8):
        inside = h[:i].astype(np.float64)
        p = inside.copy()
        p[-1] += h[i:].sum()
        edge = np.arange(levels + 1) * i // levels
        q = np.zeros(i)
        for a, b in zip(edge[:-1], edge[1:]):
            filled = inside[a:b] > 0
            if filled.any():
                q[a:b][filled] = inside[a:b].sum() / filled.sum()
        if q.sum() == 0 or np.any((p > 0) & (q == 0)):
            continue
        p, q = p / p.sum(), q / q.sum()
        at = p > 0
        divergence = np.sum(p[at] * np.log(p[at] / q[at]))
        if divergence < best - 1e-12:
            best, bound = divergence, i
    return top * bound / bins


def lcg(n, seed):
    """The same pseudo-random numbers as the Go test: uniform in −1…1, of 24 bits."""
    out, s = [], seed
    for _ in range(n):
        s = (s * 1664525 + 1013904223) % 2**32
        out.append((s >> 8) / 2**23 - 1)
    return np.array(out, dtype=f32)


cases = {"activation": [], "weights": [], "bias": [], "ranges": []}
for low, high in [(0, 6), (-1, 1), (-0.3, 12.5), (2, 5), (-7, -3), (-127.5, 127.5), (0, 1e-6), (-1e4, 3e4), (-0.001, 100)]:
    scale, zero = activation(low, high)
    cases["activation"].append({"low": low, "high": high, "scale": scale, "zero": zero})
for seed, shape in [(1, (4, 3, 3, 3)), (2, (6, 1, 5, 5)), (3, (3, 8, 1, 1))]:
    w = lcg(int(np.prod(shape)), seed).reshape(shape) * f32(0.25)
    w[1] = 0 if seed == 3 else w[1] * f32(1e-3)
    stored, scale = weights(w)
    cases["weights"].append({"seed": seed, "shape": shape, "zeroed": seed == 3, "stored": stored.ravel().tolist(), "scale": scale.tolist()})
    bias, x = lcg(shape[0], 10 + seed), f32(0.02)
    at = (x * scale).astype(f32)
    cases["bias"].append({"seed": 10 + seed, "input": float(x), "scale": scale.tolist(),
                          "stored": np.rint(bias.astype(np.float64) / at.astype(np.float64)).astype(int).tolist()})
for seed, power in [(21, 1), (22, 3), (23, 9)]:
    # Higher powers have longer tails. relu is the half that a Relu leaves.
    for relu in (False, True):
        x = (lcg(40000, seed).astype(np.float64) ** power).astype(f32)
        if relu:
            x = np.maximum(x, 0)
        x = x.astype(np.float64)
        cases["ranges"].append({"seed": seed, "power": power, "relu": relu, "percentile": {str(p): percentile(x, p) for p in (99.99, 99.0)},
                                "entropy": entropy(x)})
with open("quantize.json", "w") as f:
    json.dump(cases, f, indent=0)
    f.write("\n")
