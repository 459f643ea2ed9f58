#!/usr/bin/env python3
"""The search's supernet and one step of its two-level optimisation in PyTorch, written from the paper (Liu et al., CVPR
2019, sections 3 and 4) and not from this project's Go code, as the oracle of its tests. README.md has the conventions.

  supernet.py          writes supernet-*.json beside itself
  supernet.py --check  holds this file to finite differences and to a second forward pass in NumPy

Everything is float64. Images are [N, 3, H, W], kernels [out, in / groups, height, width].
"""
import json
import math
import pathlib
import sys
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

EPSILON = 1e-3
HEAD_RATE = 96
IGNORE = 255
STEM_CHANNELS = 64
OPERATORS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "atr_conv_3x3",
             "atr_conv_5x5"]
UP, SAME, DOWN = 0, 1, 2  # the last axis of beta


@dataclass(frozen=True)
class Space:
    layers: int
    blocks: int
    filters: int
    levels: int
    classes: int
    own_weights: bool = False  # each transition into a node has operators of its own

    def operators(self, node, k):
        """Where the weights of the operators are that serve the transition from level k."""
        return f"{node}/from{k}" if self.own_weights else node

    def exists(self, layer, level):
        """Layer -1 is the stem, which ends at level 0."""
        if layer == -1:
            return level == 0
        return 0 <= layer < self.layers and 0 <= level < self.levels and level <= layer + 1

    def incoming(self, layer, level):
        """The levels of the layer before that lead to a node, finest first."""
        return [k for k in (level - 1, level, level + 1) if self.exists(layer - 1, k)]

    def nodes(self):
        return [(layer, level) for layer in range(self.layers) for level in range(self.levels) if self.exists(layer, level)]

    def channels(self, level):
        return self.filters * 2 ** level

    def width(self, level):
        return self.blocks * self.channels(level)

    def edges(self):
        """Pairs of block and state in the order of alpha's rows."""
        return [(block, state) for block in range(self.blocks) for state in range(block + 2)]

    def live_moves(self):
        """Which elements of beta stand for a transition of the trellis."""
        live = torch.zeros(self.layers, self.levels, 3, dtype=torch.bool)
        for layer, level in self.nodes():
            for k in self.incoming(layer, level):
                live[layer, k, level - k + 1] = True
        return live

    def shapes(self):
        """Names and shapes of the weights, alpha and beta not among them."""
        shapes = {}
        into = 3
        for i, out in enumerate((STEM_CHANNELS, STEM_CHANNELS, self.width(0))):
            shapes[f"stem/{i}"] = (out, into, 3, 3)
            into = out
        for layer, level in self.nodes():
            node, c = f"layer{layer}/level{level}", self.channels(level)
            for k in self.incoming(layer, level):
                shapes[f"{node}/from{k}"] = (c, self.width(k), 1, 1)
            previous = self.exists(layer - 2, level)
            if previous:
                shapes[f"{node}/previous"] = (c, self.width(level), 1, 1)
            for owner in dict.fromkeys(self.operators(node, k) for k in self.incoming(layer, level)):
                for block, state in self.edges():
                    if state == 1 and not previous:
                        continue
                    edge = f"{owner}/block{block}/state{state}"
                    for size in (3, 5):
                        for i in (0, 1):
                            shapes[f"{edge}/sep_conv_{size}x{size}/depthwise{i}"] = (c, 1, size, size)
                            shapes[f"{edge}/sep_conv_{size}x{size}/pointwise{i}"] = (c, c, 1, 1)
                    for size in (3, 5):
                        shapes[f"{edge}/atr_conv_{size}x{size}"] = (c, c, size, size)
        for level in range(self.levels):
            if self.exists(self.layers - 1, level):
                c = self.width(level)
                shapes[f"head/level{level}/conv1x1"] = (c, c, 1, 1)
                shapes[f"head/level{level}/conv3x3"] = (c, c, 3, 3)
                shapes[f"head/level{level}/pooling"] = (c, c, 1, 1)
                shapes[f"head/level{level}/logits"] = (self.classes, 3 * c, 1, 1)
                shapes[f"head/level{level}/bias"] = (self.classes,)
        return shapes


class Supernet:
    """The relaxed network. p maps names to tensors, "alpha" and "beta" among them. The last two arguments change nothing
    in the result: share computes what depends on state 1 alone once a node and not once a transition, and moments, a
    dictionary, gets the moving averages that a search keeps."""

    def __init__(self, space, p, share=False, moments=None):
        self.space, self.p, self.share, self.moments = space, p, share, moments

    def norm(self, x, name):
        if self.moments is None:
            return F.batch_norm(x, None, None, training=True, eps=EPSILON)
        if name not in self.moments:
            self.moments[name] = x.new_zeros(x.shape[1]), x.new_ones(x.shape[1])
        return F.batch_norm(x, *self.moments[name], training=True, momentum=0.1, eps=EPSILON)

    def conv(self, x, name, stride=1):
        """A 1x1 or 3x3 convolution with SAME padding, whose odd pixel goes to the bottom and the right."""
        kernel = self.p[name]
        pads = []
        for n, k in ((x.shape[3], kernel.shape[3]), (x.shape[2], kernel.shape[2])):
            total = max((math.ceil(n / stride) - 1) * stride + k - n, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads) if any(pads) else x, kernel, stride=stride)

    def mixed(self, x, edge, alpha, instance):
        """The weighted sum of the operators of an edge."""
        def sep(size):
            y = x
            for i in (0, 1):
                name = f"{edge}/sep_conv_{size}x{size}"
                y = F.conv2d(F.relu(y), self.p[f"{name}/depthwise{i}"], padding=size // 2, groups=x.shape[1])
                y = self.norm(F.conv2d(y, self.p[f"{name}/pointwise{i}"]), f"{name}/{i}/{instance}")
            return y

        def atr(size):
            name = f"{edge}/atr_conv_{size}x{size}"
            return self.norm(F.conv2d(F.relu(x), self.p[name], padding=size // 2 * 2, dilation=2), f"{name}/{instance}")

        values = [F.max_pool2d(x, 3, 1, 1), F.avg_pool2d(x, 3, 1, 1, count_include_pad=False), x, sep(3), sep(5), atr(3), atr(5)]
        return sum(a * v for a, v in zip(alpha[1:], values))  # alpha[0] is that of none

    def cell(self, node, state0, state1, alpha, instance, cache):
        states, outputs, row = [state0, state1], [], 0
        for block in range(self.space.blocks):
            total = 0
            for j, x in enumerate(states):
                if x is not None:
                    edge = f"{node}/block{block}/state{j}"
                    if j == 1 and self.share:
                        if edge not in cache:
                            cache[edge] = self.mixed(x, edge, alpha[row], "shared")
                        total = total + cache[edge]
                    else:
                        total = total + self.mixed(x, edge, alpha[row], instance)
                row += 1
            states.append(total)
            outputs.append(total)
        return torch.cat(outputs, 1)

    def logits(self, image):
        s, size = self.space, image.shape[2:]
        alpha = self.p["alpha"].softmax(1).unbind(0)
        alpha = [a.unbind(0) for a in alpha]
        beta = self.p["beta"].masked_fill(~s.live_moves(), -math.inf)
        beta = torch.where(s.live_moves().any(2, keepdim=True), beta, torch.zeros_like(beta)).softmax(2)

        x = F.relu(self.norm(self.conv(image, "stem/0", stride=2), "stem/0"))
        x = F.relu(self.norm(self.conv(x, "stem/1"), "stem/1"))
        x = self.norm(self.conv(x, "stem/2", stride=2), "stem/2")

        sizes = [tuple(x.shape[2:])]
        while len(sizes) < s.levels:
            sizes.append(tuple(math.ceil(n / 2) for n in sizes[-1]))

        before, last = {}, {0: x}
        for layer in range(s.layers):
            layer_out = {}
            for level in range(s.levels):
                if not s.exists(layer, level):
                    continue
                node = f"layer{layer}/level{level}"
                state1 = None
                if level in before:
                    state1 = self.norm(self.conv(F.relu(before[level]), f"{node}/previous"), f"{node}/previous")
                out, cache = 0, {}
                for k in s.incoming(layer, level):
                    x = last[k]
                    if k > level:
                        x = F.interpolate(x, size=sizes[level], mode="bilinear", align_corners=True)
                    x = self.conv(F.relu(x), f"{node}/from{k}", stride=2 if k < level else 1)
                    x = self.norm(x, f"{node}/from{k}")
                    out = out + beta[layer, k, level - k + 1] * self.cell(s.operators(node, k), x, state1, alpha, k, cache)
                layer_out[level] = out
            before, last = last, layer_out

        total = 0
        for level, x in last.items():
            name = f"head/level{level}"
            x = F.relu(x)
            rate = HEAD_RATE // (4 * 2 ** level)
            one = F.relu(self.norm(self.conv(x, f"{name}/conv1x1"), f"{name}/conv1x1"))
            three = F.conv2d(x, self.p[f"{name}/conv3x3"], padding=rate, dilation=rate)
            three = F.relu(self.norm(three, f"{name}/conv3x3"))
            pooling = F.relu(self.conv(x.mean((2, 3), keepdim=True), f"{name}/pooling")).expand_as(x)
            y = F.conv2d(torch.cat([one, three, pooling], 1), self.p[f"{name}/logits"], self.p[f"{name}/bias"])
            total = total + F.interpolate(y, size=tuple(size), mode="bilinear", align_corners=True)
        return total

    def loss(self, image, labels):
        logits = self.logits(image)
        return F.cross_entropy(logits, labels, ignore_index=IGNORE), logits


# The numbers that a test can make again without PyTorch.

def uniform(name, n):
    """n numbers of [0, 1) with 24 bits: splitmix64's finaliser over the FNV-1a hash of the name, counted up."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = (h ^ b) * 0x100000001B3 % 2 ** 64
    x = np.uint64(h) + np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(40)).astype(np.float64) / 2 ** 24


def symmetric(name, shape, scale):
    return torch.from_numpy(scale * (2 * uniform(name, math.prod(shape)) - 1)).reshape(shape)


def parameters(space):
    p = {}
    for name, shape in space.shapes().items():
        p[name] = symmetric(name, shape, 0.1 if len(shape) == 1 else math.sqrt(3 / math.prod(shape[1:])))
    p["alpha"] = symmetric("alpha", (len(space.edges()), len(OPERATORS)), 1)
    p["beta"] = symmetric("beta", (space.layers, space.levels, 3), 1) * space.live_moves()
    return p


def batch(space, n, height, width, suffix=""):
    image = symmetric("image" + suffix, (n, 3, height, width), 1)
    labels = np.floor(uniform("labels" + suffix, n * height * width) * space.classes).astype(np.int64)
    labels[uniform("ignore" + suffix, labels.size) < 0.1] = IGNORE
    return image, torch.from_numpy(labels).reshape(n, height, width)


# The optimisers, as formulas, so that what a library adds to them plays no part; --check compares the two.

def clip_factor(gradients, limit):
    norm = math.sqrt(sum(float((g * g).sum()) for g in gradients))
    return norm, (limit / norm if norm > limit else 1.0)


class SGD:
    def __init__(self, rate=0.025, momentum=0.9, decay=3e-4):
        self.rate, self.momentum, self.decay, self.velocity = rate, momentum, decay, {}

    def step(self, p, gradients, factor=1.0):
        p = dict(p)
        for name, g in gradients.items():
            v = self.momentum * self.velocity.get(name, 0) + factor * g + self.decay * p[name]
            self.velocity[name] = v
            p[name] = p[name] - self.rate * v
        return p


class Adam:
    def __init__(self, rate=0.003, decay=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.rate, self.decay, self.beta1, self.beta2, self.epsilon = rate, decay, beta1, beta2, epsilon
        self.steps, self.moments = 0, {}

    def step(self, p, gradients):
        p, self.steps = dict(p), self.steps + 1
        for name, g in gradients.items():
            g = g + self.decay * p[name]
            m, v = self.moments.get(name, (0, 0))
            m, v = self.beta1 * m + (1 - self.beta1) * g, self.beta2 * v + (1 - self.beta2) * g * g
            self.moments[name] = m, v
            m, v = m / (1 - self.beta1 ** self.steps), v / (1 - self.beta2 ** self.steps)
            p[name] = p[name] - self.rate * m / (v.sqrt() + self.epsilon)
        return p


def gradients(space, p, data):
    p = {name: v.clone().requires_grad_() for name, v in p.items()}
    loss, logits = Supernet(space, p).loss(*data)
    values = torch.autograd.grad(loss, list(p.values()))
    return float(loss.detach()), logits.detach(), dict(zip(p, values))


def loss_of(space, p, data):
    with torch.no_grad():
        return float(Supernet(space, p).loss(*data)[0])


CASES = {
    "square": (Space(layers=3, blocks=2, filters=2, levels=3, classes=5), 2, 33, 33),
    "oblong": (Space(layers=4, blocks=2, filters=3, levels=4, classes=5), 1, 33, 41),
    "blocks": (Space(layers=2, blocks=5, filters=4, levels=2, classes=4), 2, 17, 17),
    "own": (Space(layers=3, blocks=2, filters=2, levels=3, classes=4, own_weights=True), 2, 25, 33),
    "even": (Space(layers=3, blocks=1, filters=3, levels=3, classes=3), 2, 30, 44),
}


def summary(v):
    v = v.flatten()
    n = len(v)
    return [float(v.sum()), float((v * v).sum().sqrt())] + [float(v[i]) for i in (0, n // 3, n // 2, n - 1)]


def fixture(space, n, height, width):
    p = parameters(space)
    first, second = batch(space, n, height, width), batch(space, n, height, width, "2")
    sgd, adam, rounds = SGD(), Adam(), []
    for i in range(2):
        loss, logits, g = gradients(space, p, first)
        weights = {name: g[name] for name in space.shapes()}
        if i == 0:
            flat = logits.flatten()
            index = [int(u * len(flat)) for u in uniform("logits", 64)]
            out = {
                "space": {k.replace("_", ""): v for k, v in vars(space).items()}, "batch": n, "height": height, "width": width,
                "logits": {"sum": float(flat.sum()), "squares": float((flat * flat).sum()), "index": index,
                           "values": flat[index].tolist()},
                "alpha": g["alpha"].flatten().tolist(), "beta": g["beta"].flatten().tolist(), "rounds": rounds,
                "weights": {name: summary(v) for name, v in weights.items()},
            }
        norm, factor = clip_factor(weights.values(), 5)
        p = sgd.step(p, weights, factor)
        r = {"loss": loss, "norm": norm, "after_sgd": loss_of(space, p, first)}
        r["second_loss"], _, g = gradients(space, p, second)
        p = adam.step(p, {name: g[name] for name in ("alpha", "beta")})
        r["after_adam"] = loss_of(space, p, second)
        rounds.append(r)
    return out


def write(path, value):
    """JSON with 12 significant digits and one weight a line."""
    def text(v):
        if isinstance(v, dict):
            return "{" + ",".join(f"{json.dumps(k)}:{text(w)}" for k, w in v.items()) + "}"
        if isinstance(v, list):
            return "[" + ",".join(map(text, v)) + "]"
        return f"{v:.12g}" if isinstance(v, float) else json.dumps(v)

    lines = []
    for key, v in value.items():
        if key == "weights":
            v = "{\n" + ",\n".join(f"{json.dumps(k)}:{text(w)}" for k, w in v.items()) + "\n}"
        else:
            v = text(v)
        lines.append(f"{json.dumps(key)}:{v}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


# What holds this file itself to account.

def numpy_logits(s, p, image):
    """The forward pass once more, by loops over kernel taps and with nothing of PyTorch's."""
    def norm(x):
        mean = x.mean((0, 2, 3), keepdims=True)
        return (x - mean) / np.sqrt(((x - mean) ** 2).mean((0, 2, 3), keepdims=True) + EPSILON)

    def relu(x):
        return np.maximum(x, 0)

    def taps(x, size, rate, stride, fill=0.0):
        """The image that each tap of a kernel sees, row by row, at TensorFlow's SAME padding."""
        out = [-(-n // stride) for n in x.shape[2:]]
        begin = [max((o - 1) * stride + (size - 1) * rate + 1 - n, 0) // 2 for o, n in zip(out, x.shape[2:])]
        reach = size * rate + stride
        wide = np.full(x.shape[:2] + tuple(n + 2 * reach for n in x.shape[2:]), fill)
        wide[:, :, reach:-reach, reach:-reach] = x
        for dy in range(size):
            for dx in range(size):
                y0, x0 = reach - begin[0] + dy * rate, reach - begin[1] + dx * rate
                yield dy, dx, wide[:, :, y0:y0 + out[0] * stride:stride, x0:x0 + out[1] * stride:stride]

    def conv(x, w, rate=1, stride=1):
        return sum(np.einsum("nchw,oc->nohw", t, w[:, :, dy, dx]) for dy, dx, t in taps(x, w.shape[2], rate, stride))

    def depthwise(x, w):
        return sum(t * w[:, 0, dy, dx][None, :, None, None] for dy, dx, t in taps(x, w.shape[2], 1, 1))

    def resize(x, size):
        def axis(n, m):
            w = np.zeros((m, n))
            for i in range(m):
                at = i * (n - 1) / (m - 1) if m > 1 else 0.0
                low = min(int(at), n - 1)
                w[i, low] += 1 - (at - low)
                w[i, min(low + 1, n - 1)] += at - low
            return w
        return np.einsum("nchw,yh,xw->ncyx", x, axis(x.shape[2], size[0]), axis(x.shape[3], size[1]))

    def edge_value(x, name, a):
        value = a[1] * np.max([t for _, _, t in taps(x, 3, 1, 1, -np.inf)], 0)
        count = sum(t for _, _, t in taps(np.ones_like(x), 3, 1, 1))
        value = value + a[2] * sum(t for _, _, t in taps(x, 3, 1, 1)) / count + a[3] * x
        for k, size in ((4, 3), (5, 5)):
            y, n = x, f"{name}/sep_conv_{size}x{size}"
            for i in "01":
                y = norm(conv(depthwise(relu(y), p[f"{n}/depthwise{i}"]), p[f"{n}/pointwise{i}"]))
            value = value + a[k] * y
        for k, size in ((6, 3), (7, 5)):
            value = value + a[k] * norm(conv(relu(x), p[f"{name}/atr_conv_{size}x{size}"], rate=2))
        return value

    alpha = np.exp(p["alpha"])
    alpha /= alpha.sum(1, keepdims=True)
    share = {}  # of a transition: the layer, the level that it leaves, and the one that it arrives at
    for layer in range(s.layers):
        for k in range(s.levels):
            to = [j for j in (k - 1, k, k + 1) if s.exists(layer - 1, k) and s.exists(layer, j)]
            for j in to:
                weights = {i: math.exp(p["beta"][layer, k, i - k + 1]) for i in to}
                share[layer, k, j] = weights[j] / sum(weights.values())

    x = relu(norm(conv(image, p["stem/0"], stride=2)))
    x = relu(norm(conv(x, p["stem/1"])))
    history = [{}, {0: norm(conv(x, p["stem/2"], stride=2))}]
    size = {0: history[1][0].shape[2:]}
    for k in range(1, s.levels):
        size[k] = tuple((n + 1) // 2 for n in size[k - 1])
    for layer in range(s.layers):
        now = {}
        for (at, k, j), b in share.items():
            if at != layer:
                continue
            node, x = f"layer{layer}/level{j}", history[-1][k]
            if k > j:
                x = resize(x, size[j])
            x = relu(x)[:, :, ::2, ::2] if k < j else relu(x)
            states = {0: norm(conv(x, p[f"{node}/from{k}"]))}
            if j in history[-2]:
                states[1] = norm(conv(relu(history[-2][j]), p[f"{node}/previous"]))
            row = 0
            for block in range(s.blocks):
                total = np.zeros_like(states[0])
                for state in range(block + 2):
                    if state in states:
                        total += edge_value(states[state], f"{s.operators(node, k)}/block{block}/state{state}", alpha[row])
                    row += 1
                states[block + 2] = total
            now[j] = now.get(j, 0) + b * np.concatenate([states[2 + i] for i in range(s.blocks)], 1)
        history.append(now)

    total = 0
    for k, x in history[-1].items():
        name, x = f"head/level{k}", relu(x)
        pooled = np.einsum("nc,oc->no", x.mean((2, 3)), p[f"{name}/pooling"][:, :, 0, 0])
        parts = [relu(norm(conv(x, p[f"{name}/conv1x1"]))), relu(norm(conv(x, p[f"{name}/conv3x3"], rate=24 // 2 ** k))),
                 np.broadcast_to(relu(pooled)[:, :, None, None], x.shape)]
        y = conv(np.concatenate(parts, 1), p[f"{name}/logits"]) + p[f"{name}/bias"][None, :, None, None]
        total = total + resize(y, image.shape[2:])
    return total


def check():
    worst = 0.0
    for name, (space, n, height, width) in CASES.items():
        p, (image, labels) = parameters(space), batch(space, n, height, width)
        with torch.no_grad():
            got = Supernet(space, p).logits(image).numpy()
        want = numpy_logits(space, {k: v.numpy() for k, v in p.items()}, image.numpy())
        difference = float(np.abs(got - want).max() / np.abs(want).max())
        worst = max(worst, difference)
        print(f"{name}: {sum(v.numel() for v in p.values())} parameters; logits differ from NumPy's by {difference:.1e}")
        assert difference < 1e-12

        picked = np.log(np.exp(want).sum(1)) - np.take_along_axis(want, np.minimum(labels.numpy(), space.classes - 1)[:, None], 1)[:, 0]
        loss, _, g = gradients(space, p, (image, labels))
        assert abs(loss - picked[labels.numpy() != IGNORE].mean()) < 1e-12

        q = {k: v.clone().requires_grad_() for k, v in p.items()}
        shared = torch.autograd.grad(Supernet(space, q, share=True).loss(image, labels)[0], list(q.values()))
        assert all(torch.allclose(a, b, rtol=1e-9, atol=1e-13) for a, b in zip(shared, g.values()))

    check_optimisers()
    check_gradients()


def check_optimisers():
    for mine, peer in ((SGD(), lambda q: torch.optim.SGD(q, 0.025, momentum=0.9, weight_decay=3e-4)),
                       (Adam(), lambda q: torch.optim.Adam(q, 0.003, weight_decay=1e-3))):
        p = {"x": symmetric("x", (50,), 1)}
        q = p["x"].clone().requires_grad_()
        theirs = peer([q])
        for i in range(5):
            q.grad = symmetric(f"gradient{i}", (50,), 1)
            p = mine.step(p, {"x": q.grad})
            theirs.step()
        difference = float((p["x"] - q.detach()).abs().max())
        print(f"{type(mine).__name__}: differs from PyTorch's after 5 steps by {difference:.1e}")
        assert difference < 1e-13


def check_gradients():
    """Central differences along one random direction for each parameter of a small network. A step that carries a value
    over the kink of a ReLU, or to another maximum, is wrong in proportion to it: then a shorter one must be right."""
    space = Space(layers=3, blocks=2, filters=2, levels=3, classes=3)
    p, data = parameters(space), batch(space, 2, 17, 13)
    _, _, g = gradients(space, p, data)
    scale = math.sqrt(sum(float((v * v).sum()) for v in g.values()))
    errors = []
    for name, value in p.items():
        d = symmetric("direction/" + name, tuple(value.shape), 1)
        for step in (1e-6, 1e-7, 1e-8):
            ends = [loss_of(space, p | {name: value + sign * step * d}, data) for sign in (1, -1)]
            error = abs((ends[0] - ends[1]) / (2 * step) - float((g[name] * d).sum())) / scale
            if error < 1e-9:
                break
        errors.append(error)
    errors.sort()
    print(f"central differences of {len(errors)} parameters: error over the norm of all gradients, "
          f"median {errors[len(errors) // 2]:.1e}, largest {errors[-1]:.1e}")
    assert errors[-1] < 1e-8


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    if sys.argv[1:] == ["--check"]:
        check()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for name, case in CASES.items():
            value = fixture(*case)
            path = pathlib.Path(__file__).with_name(f"supernet-{name}.json")
            write(path, value)
            print(path.name, json.dumps(value["rounds"]))
