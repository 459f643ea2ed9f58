#!/usr/bin/env python3
"""Training steps of ONNX models in PyTorch, as the oracle of package train's tests: this file walks the ONNX graph with
operators of PyTorch, in training mode, and records losses, gradients, statistics and updated weights.

  step.py REPOSITORY   writes foreign.onnx and step-*.json beside itself; needs Go, torch, onnx and numpy

A reference is float64. Beside each gradient and weight stands the relative error of the same computation in float32, by
which the Go test judges its own float32: deep networks with batch statistics over few pixels amplify rounding.

Conventions (train/step_test.go repeats them): uniform(name, n) are numbers in [0, 1) from FNV-1a and splitmix64; the
weights are those of the model but for normalisations and biases, which are drawn by name; of a tensor x, its norm and
its product with 2·uniform(name + "/probe") − 1 are recorded. A step is SGD with momentum and decay on kernels:
v ← momentum·v + (g + decay·w), w ← w − rate·v.
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
RATE, MOMENTUM, DECAY, STEPS, SEED, IGNORE = 0.05, 0.9, 4e-3, 2, 11, 255
MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(x):
    """The finaliser of splitmix64, of integers or of arrays of them."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def uniform(name, n):
    seed = 0xCBF29CE484222325
    for b in name.encode():
        seed = ((seed ^ b) * 0x100000001B3) & MASK
    with np.errstate(over="ignore"):
        x = np.uint64(seed) + np.arange(n, dtype=np.uint64) * np.uint64(GOLDEN)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(40)).astype(np.float64) / (1 << 24)


class Chance:
    """internal/gorgoniaop's source of random numbers."""

    def __init__(self, *of, state=0):
        self.state = state
        for v in of:
            self.state = self.at(v).state

    def at(self, i):
        return Chance(state=mix((self.state + i * GOLDEN + 0x632BE59BD9B4E019) & MASK))

    def uniform(self, i):
        return (mix((self.state + i * GOLDEN) & MASK) >> 11) / (1 << 53)


def initial(name, value):
    """What a tensor of the model begins as."""
    u = uniform(name, value.size).reshape(value.shape)
    last = name.split("/")[-1]
    if last in ("scale", "variance"):
        value = 0.5 + u
    elif last in ("bias", "mean"):
        value = 0.4 * u - 0.2
    return value.astype(np.float32)


class Graph:
    """The network of an ONNX file, in one type of float."""

    def __init__(self, model, case, dtype):
        self.graph, self.case, self.dtype = model.graph, case, dtype
        self.meta = {p.key: p.value for p in model.metadata_props}
        self.constants, self.params, self.moments = {}, {}, {}
        for t in self.graph.initializer:
            self.constants[t.name] = numpy_helper.to_array(t)
        for n in self.graph.node:
            if n.op_type == "Conv":
                for name in n.input[1:]:
                    self.learn(self.params, name).requires_grad_()
            elif n.op_type == "BatchNormalization":
                for name in n.input[1:3]:
                    self.learn(self.params, name).requires_grad_()
                for name in n.input[3:]:
                    self.learn(self.moments, name)
        self.values = {"": None}
        for name, c in self.constants.items():
            if name not in self.params and name not in self.moments:
                t = torch.tensor(c)
                self.values[name] = t.to(self.dtype) if t.is_floating_point() else t

    def learn(self, into, name):
        if name not in into:
            into[name] = torch.tensor(initial(name, self.constants[name])).to(self.dtype)
        return into[name]

    def forward(self, image, step):
        self.chance = Chance(SEED, step, 0)
        self.part = min(1, step / STEPS)
        values = {self.graph.input[0].name: image} | self.values | self.params | self.moments
        for index, n in enumerate(self.graph.node):
            a = {x.name: helper.get_attribute_value(x) for x in n.attribute}
            a = {k: v.decode() if isinstance(v, bytes) else v for k, v in a.items()}
            y = getattr(self, n.op_type)(index, n, a, *[values[i] for i in n.input])
            if n.name.startswith("aspp/project/") and n.op_type == "Relu":
                y = self.drop_out(index, y)
            values[n.output[0]] = y
        return values[self.graph.output[0].name]

    def pads(self, a, x, value=0.0):
        top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
        return F.pad(x, (left, right, top, bottom), value=value)

    def Conv(self, index, n, a, x, w, b=None):
        pads = a.get("pads", [0, 0, 0, 0])
        if pads[:2] != pads[2:]:
            x, pads = self.pads(a, x), [0, 0]
        return F.conv2d(x, w, b, a.get("strides", [1, 1]), pads[:2], a.get("dilations", [1, 1]), a.get("group", 1))

    def BatchNormalization(self, index, n, a, x, scale, shift, mean, variance):
        frozen = self.case["freeze_bn"]
        return F.batch_norm(x, mean, variance, scale, shift, not frozen, 1 - self.case["bn_decay"], a.get("epsilon", 1e-5))

    def Relu(self, index, n, a, x):
        return F.relu(x)

    def Add(self, index, n, a, x, y):
        p = self.case["drop_path"]
        if n.name.endswith("/add") and p < 1:
            arch = json.loads(self.meta["autodeeplab.architecture"])
            cell, block = n.name.split("/")[:2]
            layer, block = int(cell[4:]), arch["cell"][int(block[5:])]
            last = 1 - (layer + 1) / len(arch["path"]) * (1 - p)
            keep = 1 - self.part * (1 - last)
            branches = []
            for k, branch in enumerate((x, y)):
                if block[k]["op"] != "skip_connect":
                    c = self.chance.at(index).at(k)
                    f = [1 / keep if c.uniform(i) < keep else 0 for i in range(len(branch))]
                    branch = branch * torch.tensor(f, dtype=self.dtype).reshape(-1, 1, 1, 1)
                branches.append(branch)
            x, y = branches
        return x + y

    def Sub(self, index, n, a, x, y):
        return x - y

    def Mul(self, index, n, a, x, y):
        return x * y

    def Div(self, index, n, a, x, y):
        return x / y

    def Identity(self, index, n, a, x):
        return x

    def Concat(self, index, n, a, *x):
        return torch.cat(x, a["axis"])

    def Resize(self, index, n, a, x, roi=None, scales=None, sizes=None):
        size = [int(v) for v in sizes[2:]]
        mode = {"linear": "bilinear", "nearest": "nearest", "cubic": "bicubic"}[a["mode"]]
        if mode == "nearest":
            assert a["coordinate_transformation_mode"] == "asymmetric" and a["nearest_mode"] == "floor"
            return F.interpolate(x, size, mode=mode)
        align = {"align_corners": True, "half_pixel": False}[a["coordinate_transformation_mode"]]
        return F.interpolate(x, size, mode=mode, align_corners=align)

    def GlobalAveragePool(self, index, n, a, x):
        return x.mean((2, 3), keepdim=True)

    def MaxPool(self, index, n, a, x):
        return F.max_pool2d(self.pads(a, x, -math.inf), a["kernel_shape"], a.get("strides", [1, 1]))

    def AveragePool(self, index, n, a, x):
        pool = lambda x: F.avg_pool2d(self.pads(a, x), a["kernel_shape"], a.get("strides", [1, 1]))
        if a.get("count_include_pad"):
            return pool(x)
        return pool(x) / pool(torch.ones_like(x))

    def Expand(self, index, n, a, x, shape):
        return x.expand([int(v) for v in shape])

    def Dropout(self, index, n, a, x, *rest):
        return self.drop_out(index, x)

    def drop_out(self, index, x):
        rate = self.case["dropout"]
        if rate == 0:
            return x
        batch, channels, h, w = x.shape
        c = self.chance.at(index)
        keep = np.array([c.uniform(i) >= rate for i in range(x.numel())], dtype=np.float64) / (1 - rate)
        keep = torch.tensor(keep.reshape(channels, batch, h, w)).permute(1, 0, 2, 3)
        return x * keep.to(self.dtype)


def inputs(case, classes, size):
    n = case["batch"]
    h, w = size
    image = np.floor(256 * uniform("image", n * 3 * h * w)).reshape(n, 3, h, w)
    labels = np.floor(classes * uniform("labels", n * h * w))
    labels[uniform("ignore", n * h * w) < 0.1] = IGNORE
    return image, labels.reshape(n, h, w).astype(np.int64)


def run(model, case, dtype):
    g = Graph(model, case, dtype)
    d = [x.dim_value for x in model.graph.output[0].type.tensor_type.shape.dim]
    image, labels = inputs(case, d[1], d[2:])
    image, labels = torch.tensor(image).to(dtype), torch.tensor(labels)
    weights = torch.tensor(case["class_weights"], dtype=dtype) if case["class_weights"] else None
    velocity, losses, first = {}, [], None
    for step in range(STEPS):
        logits = g.forward(image, step)
        loss = F.cross_entropy(logits, labels, weights, ignore_index=IGNORE, label_smoothing=case["smoothing"])
        for p in g.params.values():
            p.grad = None
        loss.backward()
        losses.append(loss.item())
        if first is None:
            first = {k: p.grad.clone() for k, p in g.params.items()}
        with torch.no_grad():
            for k, p in g.params.items():
                v = p.grad + (DECAY * p if p.dim() > 1 else 0)
                velocity[k] = MOMENTUM * velocity[k] + v if k in velocity else v
                p -= RATE * velocity[k]
    return losses, first, g.params, g.moments


def probes(name, x):
    x = x.detach().numpy().astype(np.float64).ravel()
    return [float(np.sqrt(x @ x)), float(x @ (2 * uniform(name + "/probe", x.size) - 1))]


def error(x, want):
    """The relative error of a tensor."""
    scale = float(want.norm())
    return float((x.double() - want).norm()) / scale if scale > 0 else 0.0


def record(case, model):
    losses, grads, weights, moments = run(model, case, torch.float64)
    losses32, grads32, weights32, moments32 = run(model, case, torch.float32)
    number = lambda x: float(f"{x:.11g}")
    rough = lambda x: float(f"{x:.2g}")
    with torch.no_grad():
        out = {
            "case": case, "losses": losses, "loss_error": rough(max(abs(a / b - 1) for a, b in zip(losses32, losses))),
            # gradient of the first step: norm, probe; weights at the end: norm, probe; errors in float32
            "parameters": {k: [number(v) for v in probes(k, grads[k]) + probes(k, weights[k])] +
                              [rough(error(grads32[k], grads[k])), rough(error(weights32[k], weights[k]))] for k in grads},
            "moments": {k: [number(v) for v in probes(k, moments[k])] + [rough(error(moments32[k], moments[k]))] for k in moments},
        }
    text = json.dumps(out)
    text = text.replace('], "', '],\n"')
    (HERE / f"step-{case['name']}.json").write_text(text + "\n")
    worst = max(v[4] for v in out["parameters"].values())
    print(case["name"], losses, "float32:", out["loss_error"], worst)


def foreign():
    """A small network of what package compile does not write: groups, uneven padding, strides without padding, other
    resizes, a normalisation behind a pool, one channel's constants."""
    nodes, weights = [], []

    def constant(name, x):
        weights.append(numpy_helper.from_array(np.asarray(x), name))
        return name

    def add(op, inputs, out, **attributes):
        nodes.append(helper.make_node(op, inputs, [out], name=out, **attributes))
        return out

    def conv(name, x, cin, cout, k, bias=False, group=1, **attributes):
        w = (uniform(name, cout * (cin // group) * k[0] * k[1]) * 2 - 1) * math.sqrt(3 / (cin // group * k[0] * k[1]))
        ins = [x, constant(name + "/weight", w.astype(np.float32).reshape(cout, cin // group, *k))]
        if bias:
            ins.append(constant(name + "/bias", np.zeros(cout, np.float32)))
        return add("Conv", ins, name + "/out", group=group, **attributes)

    def norm(name, x, c):
        stats = [constant(f"{name}/{s}", np.ones(c, np.float32)) for s in ("scale", "bias", "mean", "variance")]
        return add("BatchNormalization", [x] + stats, name, epsilon=1e-4)

    def resize(name, x, size, mode, coordinates):
        sizes = constant(name + "/sizes", np.array(size, np.int64))
        return add("Resize", [x, "", "", sizes], name, mode=mode, coordinate_transformation_mode=coordinates,
                   nearest_mode="floor", cubic_coeff_a=-0.75)

    x = add("Sub", ["image", constant("mean", np.array([100, 110, 120], np.float32).reshape(3, 1, 1))], "centred")
    x = add("Div", [x, constant("std", np.array([[[[60]], [[50]], [[70]]]], np.float32))], "scaled")
    x = conv("first", x, 3, 8, (3, 4), bias=True, strides=[2, 1], pads=[0, 1, 1, 2])
    a = add("Relu", [x], "a")
    b = add("MaxPool", [x], "pooled", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 0, 1, 1])
    b = add("Relu", [norm("pooled/bn", b, 8)], "b")
    c = conv("deep", b, 8, 8, (3, 5), group=8, dilations=[2, 1], pads=[2, 2, 2, 2], strides=[1, 2])
    c = norm("deep/bn", c, 8)
    c = resize("grown", c, [2, 8, 9, 12], "linear", "half_pixel")
    d = conv("grouped", b, 8, 12, (3, 3), group=4, pads=[1, 1, 1, 1])
    d = conv("wide", d, 12, 8, (1, 1), bias=True)
    d = add("AveragePool", [d], "averaged", kernel_shape=[2, 3], strides=[1, 1], pads=[1, 1, 0, 1], count_include_pad=1)
    d = resize("cubic", d, [2, 8, 9, 12], "cubic", "half_pixel")
    e = conv("multiplied", a, 8, 16, (3, 3), group=8, strides=[2, 2], pads=[1, 0, 1, 1])
    e = resize("nearest", e, [2, 16, 9, 12], "nearest", "asymmetric")
    f = add("Add", [add("Add", [c, d], "sum"), c], "sum_again")
    f = add("Mul", [f, constant("half", np.float32(0.5))], "halved")
    f = add("Dropout", [f], "dropped")
    g = add("GlobalAveragePool", [e], "mean_of_e")
    g = add("Expand", [g, constant("spread/shape", np.array([2, 16, 9, 12], np.int64))], "spread")
    x = add("Concat", [f, e, g, e], "joined", axis=1)
    x = conv("logits", x, 56, 4, (3, 3), bias=True, pads=[1, 1, 1, 1])
    resize("logits/resize", x, [2, 4, 21, 25], "linear", "half_pixel")
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "foreign", [info("image", [2, 3, 21, 25])], [info("logits/resize", [2, 4, 21, 25])], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, HERE / "foreign.onnx")
    return model


def compiled(repository, case):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "net.onnx"
        args = [str(HERE / case["architecture"])] if case["architecture"] else []
        subprocess.run(["go", "run", "./cmd/autodeeplab", "compile", *args, "--form", "training", "--filters", str(case["filters"]),
                        "--classes", str(case["classes"]), "--input-size", case["size"], "--batch", str(case["batch"]), "--seed", "5",
                        "-o", str(out)], cwd=repository, check=True)
        return onnx.load(out)


DEFAULT = {"architecture": "", "filters": 3, "classes": 5, "size": "65x65", "batch": 2, "freeze_bn": False, "bn_decay": 0.9,
           "smoothing": 0.0, "class_weights": [], "drop_path": 1.0, "dropout": 0.0}
CASES = [
    {"name": "published", "size": "97x97", "batch": 4, "filters": 2},
    {"name": "random", "architecture": "random.json", "size": "96x80", "drop_path": 0.6, "dropout": 0.1},
    {"name": "frozen", "architecture": "smooth.json", "size": "65x81", "freeze_bn": True, "smoothing": 0.1,
     "class_weights": [0.5, 1, 2, 0, 3]},
    {"name": "foreign", "classes": 4, "size": "21x25", "dropout": 0.25},
]


def main():
    torch.set_num_threads(2)
    for c in CASES:
        case = DEFAULT | c
        record(case, foreign() if case["name"] == "foreign" else compiled(sys.argv[1], case))


if __name__ == "__main__":
    main()
