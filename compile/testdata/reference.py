#!/usr/bin/env python3
"""An independent forward pass of the network of Auto-DeepLab (specification §2 to §4), in NumPy, for comparison with
what the compiler writes and the engines run. It takes only the weights from the .onnx file, by name; the graph comes
from the specification.

    autodeeplab compile --filters 4 --classes 5 --input-size 33x33 --seed 3 --form training -o a.onnx
    autodeeplab compile --filters 4 --classes 5 --input-size 48x40 --seed 3 --form training -o b.onnx
    python3 reference.py a.onnx b.onnx > reference.json

Needs numpy and onnx."""
import json
import sys

import numpy as np
import onnx
from onnx import numpy_helper

PATH = [0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1]
CELL = [[(1, "atr5"), (0, "sep3")], [(1, "sep3"), (0, "atr3")], [(3, "sep3"), (1, "sep3")],
        [(4, "sep5"), (2, "sep5")], [(3, "sep5"), (5, "atr5")]]
NAMES = {"sep3": "sep_conv_3x3", "sep5": "sep_conv_5x5", "atr3": "atr_conv_3x3", "atr5": "atr_conv_5x5"}


def statistics(n):
    """What the comparison puts into every batch normalisation of n channels, so that activations keep their size."""
    i = np.arange(n)
    return {"scale": 0.8 + 0.1 * (i % 4), "bias": 0.05 * (i * 3 % 7 - 3), "mean": 0.02 * (i * 7 % 5 - 2),
            "variance": 0.15 + 0.02 * (i % 5)}


class Net:
    def __init__(self, model):
        self.w = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in model.graph.initializer}

    def conv(self, name, x, stride=1, rate=1, groups=1):
        w = self.w[name + "/weight"]
        out, _, k, _ = w.shape
        c, h, wd = x.shape
        ho, wo = -(-h // stride), -(-wd // stride)
        span = (k - 1) * rate + 1
        ph, pw = max((ho - 1) * stride + span - h, 0), max((wo - 1) * stride + span - wd, 0)
        x = np.pad(x, ((0, 0), (ph // 2, ph - ph // 2), (pw // 2, pw - pw // 2)))
        y = np.zeros((out, ho, wo))
        for i in range(k):
            for j in range(k):
                part = x[:, i * rate:i * rate + (ho - 1) * stride + 1:stride, j * rate:j * rate + (wo - 1) * stride + 1:stride]
                if groups == 1:
                    y += np.tensordot(w[:, :, i, j], part, axes=1)
                else:
                    y += w[:, 0, i, j][:, None, None] * part
        return y

    def bn(self, name, x, eps):
        s = {k: v.astype(np.float32).astype(np.float64)[:, None, None] for k, v in statistics(x.shape[0]).items()}
        return (x - s["mean"]) / np.sqrt(s["variance"] + eps) * s["scale"] + s["bias"]

    def cbn(self, name, x, eps=1e-3, **kw):
        return self.bn(name + "/bn", self.conv(name, x, **kw), eps)

    def operator(self, name, op, x, stride):
        k = int(op[3])
        if op[:3] == "sep":
            for i in range(2):
                x = self.conv("%s/depthwise%d" % (name, i), relu(x), stride=stride if i == 0 else 1, groups=x.shape[0])
                x = self.cbn("%s/pointwise%d" % (name, i), x)
            return x
        if stride == 2:
            x = resize(relu(x), -(-x.shape[1] // 2), -(-x.shape[2] // 2))
            return self.cbn(name, x)
        return self.cbn(name, relu(x), rate=2)

    def cell(self, l, h1, h2, level, before, f):
        at = "cell%d" % l
        if level < before:
            h1 = resize(h1, (h1.shape[1] - 1) * 2 + 1, (h1.shape[2] - 1) * 2 + 1)
        if h2.shape[1:] != h1.shape[1:]:
            h2 = resize(h2, *h1.shape[1:])
        if h2.shape[0] != f << level:
            h2 = self.cbn(at + "/input1", relu(h2))
        states = [self.cbn(at + "/input0", relu(h1)), h2]
        for b, block in enumerate(CELL):
            y = 0
            for j, (state, op) in enumerate(block):
                stride = 2 if level > before and state < 2 else 1
                y = y + self.operator("%s/block%d/branch%d/%s" % (at, b, j, NAMES[op]), op, states[state], stride)
            states.append(y)
        return np.concatenate(states[2:])

    def forward(self, x, f):
        h, w = x.shape[1:]
        x = x * 2 / 255 - 1
        x = relu(self.cbn("stem/conv0", x, stride=2))
        prev = self.cbn("stem/conv1", x)
        x = self.cbn("stem/conv2", relu(prev), stride=2)
        before = 0
        for l, level in enumerate(PATH):
            prev, x = x, self.cell(l, x, prev, level, before, f)
            before = level
            if l == 2:
                low = x
        x = relu(x)
        e = dict(eps=1e-5)
        pool = relu(self.cbn("aspp/pool", x.mean(axis=(1, 2), keepdims=True), **e))
        parts = [np.broadcast_to(pool, (256,) + x.shape[1:]), relu(self.cbn("aspp/conv1x1", x, **e))]
        parts += [relu(self.cbn("aspp/atrous%d" % i, x, rate=r, **e)) for i, r in enumerate((12, 24, 36))]
        x = relu(self.cbn("aspp/project", np.concatenate(parts), **e))
        low = relu(self.cbn("decoder/low_level", low, **e))
        x = np.concatenate([resize(x, *low.shape[1:]), low])
        x = relu(self.cbn("decoder/conv0", x, **e))
        x = relu(self.cbn("decoder/conv1", x, **e))
        x = self.conv("logits/conv", x) + self.w["logits/conv/bias"][:, None, None]
        return resize(x, h, w)


def relu(x):
    return np.maximum(x, 0)


def resize(x, h, w):
    """Bilinear, align_corners."""
    for axis, n in ((1, h), (2, w)):
        m = x.shape[axis]
        at = np.arange(n) * ((m - 1) / (n - 1)) if n > 1 else np.zeros(1)
        lo = np.minimum(at.astype(int), m - 1)
        hi = np.minimum(lo + 1, m - 1)
        t = (at - lo).reshape([-1 if a == axis else 1 for a in range(3)])
        x = np.take(x, lo, axis) * (1 - t) + np.take(x, hi, axis) * t
    return x


def main():
    cases = []
    for path in sys.argv[1:]:
        model = onnx.load(path)
        dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
        f = int(next(p.value for p in model.metadata_props if p.key == "autodeeplab.filters"))
        n = int(np.prod(dims[1:]))
        image = (np.arange(n) * 37 % 256).reshape(dims[1:]).astype(np.float64)
        logits = Net(model).forward(image, f).ravel()
        at = list(range(0, logits.size, 41))
        cases.append({"height": dims[2], "width": dims[3], "filters": f, "min": logits.min(), "max": logits.max(),
                      "every": 41, "logits": [float("%.7g" % v) for v in logits[at]]})
    json.dump({"seed": 3, "classes": 5, "image": "i*37 % 256 in NCHW order", "cases": cases}, sys.stdout)


main()
