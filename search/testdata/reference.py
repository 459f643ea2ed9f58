#!/usr/bin/python3
"""Writes reference.json: one step of the supernet in PyTorch, float64, for reference_test.go to compare with.

An independent implementation, straight from the description of the network (Liu et al. 2019, §3 and §4; docs/architecture.md
names the choices): the cell is run once for every incoming transition, edge by edge, operator by operator, and autograd
differentiates it. Weights, images and labels come from a formula that the Go test repeats, so that none are stored:

    value(name, i) = scale · (2u − 1),  u = (splitmix64(fnv1a64(name) + i·γ) >> 40) / 2²⁴,  γ = 0x9E3779B97F4A7C15

with scale √(3 / fan-in) for kernels, 0.1 for biases, 1 for α, β and images; a label is ⌊u·classes⌋ of "labels", or 255
where u of "ignore" is below 0.1. Run it with a Python that has torch (Debian: python3-torch); PyTorch 1.13 wrote the file.
"""
import json
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
OPS = ['none', 'max_pool_3x3', 'avg_pool_3x3', 'skip_connect', 'sep_conv_3x3', 'sep_conv_5x5', 'atr_conv_3x3', 'atr_conv_5x5']


def uniform(name, n):
    h = 0xcbf29ce484222325
    for b in name.encode():
        h = (h ^ b) * 0x100000001b3 % 2**64
    with np.errstate(over='ignore'):
        z = np.uint64(h) + np.arange(n, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
        z ^= z >> np.uint64(31)
    return torch.from_numpy((z >> np.uint64(40)).astype(np.float64) / 2**24)


class Supernet:
    def __init__(self, layers, blocks, filters, levels, classes):
        self.L, self.B, self.F, self.K, self.classes = layers, blocks, filters, levels, classes
        self.p = {}

    def param(self, name, *shape):
        if name not in self.p:
            scale = {'alpha': 1, 'beta': 1}.get(name) or (0.1 if name.endswith('/bias') else (3 / np.prod(shape[1:]))**0.5)
            self.p[name] = (scale * (2 * uniform(name, int(np.prod(shape))) - 1)).reshape(shape).requires_grad_()
        return self.p[name]

    def exists(self, l, k):
        return k == 0 if l == -1 else 0 <= l < self.L and 0 <= k < self.K and k <= l + 1

    @staticmethod
    def norm(x):
        return F.batch_norm(x, None, None, training=True, eps=1e-3)

    @staticmethod
    def conv(x, w, stride=1, dilation=1, groups=1):
        k = w.shape[-1]
        pads = []
        for n in (x.shape[3], x.shape[2]):  # TensorFlow's SAME
            total = max((-(-n // stride) - 1) * stride + (k - 1) * dilation + 1 - n, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), w, stride=stride, dilation=dilation, groups=groups)

    def apply(self, op, name, x):
        c = x.shape[1]
        if op == 'max_pool_3x3':
            return F.max_pool2d(x, 3, 1, 1)
        if op == 'avg_pool_3x3':
            return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if op == 'skip_connect':
            return x
        k = int(op[-1])
        if op.startswith('atr'):
            return self.norm(self.conv(F.relu(x), self.param(f'{name}/{op}', c, c, k, k), dilation=2))
        for half in range(2):
            x = self.conv(F.relu(x), self.param(f'{name}/{op}/depthwise{half}', c, 1, k, k), groups=c)
            x = self.norm(F.conv2d(x, self.param(f'{name}/{op}/pointwise{half}', c, c, 1, 1)))
        return x

    def cell(self, name, first, second, alpha):
        states, edge = [first, second], 0
        for i in range(self.B):
            block = 0
            for j, s in enumerate(states):
                if s is not None:
                    for k, op in enumerate(OPS):
                        if op != 'none':
                            block = block + alpha[edge, k] * self.apply(op, f'{name}/cell/block{i}/state{j}', s)
                edge += 1
            states.append(block)
        return torch.cat(states[2:], 1)

    def moves(self):
        beta = self.param('beta', self.L, self.K, 3)
        out = {}
        for l in range(self.L):
            for k in range(self.K):
                live = [m for m in range(3) if self.exists(l - 1, k) and self.exists(l, k + m - 1)]
                if live:
                    w = F.softmax(torch.stack([beta[l, k, m] for m in live]), 0)
                    out.update({(l, k, m): w[i] for i, m in enumerate(live)})
        return out

    def forward(self, x):
        size = x.shape[2:]
        alpha = F.softmax(self.param('alpha', sum(2 + i for i in range(self.B)), 8), 1)
        beta = self.moves()
        x = self.norm(self.conv(x, self.param('stem/0', 64, 3, 3, 3), 2))
        x = self.norm(self.conv(F.relu(x), self.param('stem/1', 64, 64, 3, 3)))
        x = self.norm(self.conv(F.relu(x), self.param('stem/2', self.B * self.F, 64, 3, 3), 2))
        before, last = {}, {0: x}
        sizes = [tuple(x.shape[2:])]
        for _ in range(3):
            sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))
        for l in range(self.L):
            nodes = {}
            for k in range(self.K):
                if not self.exists(l, k):
                    continue
                name, c, node = f'layer{l}/level{k}', self.F * 2**k, 0
                second = None
                if k in before:
                    second = self.norm(F.conv2d(F.relu(before[k]), self.param(f'{name}/previous', c, before[k].shape[1], 1, 1)))
                for q in (k - 1, k, k + 1):
                    if q not in last:
                        continue
                    h = last[q]
                    if q > k:
                        h = F.interpolate(h, size=sizes[k], mode='bilinear', align_corners=True)
                    w = self.param(f'{name}/from{q}', c, h.shape[1], 1, 1)
                    h = self.norm(F.conv2d(F.relu(h), w, stride=2 if q < k else 1))
                    node = node + beta[l, q, k - q + 1] * self.cell(name, h, second, alpha)
                nodes[k] = node
            before, last = last, nodes
        total = 0
        for k, x in last.items():
            x, c, name = F.relu(x), x.shape[1], f'head/level{k}'
            one = F.relu(self.norm(F.conv2d(x, self.param(f'{name}/conv1x1', c, c, 1, 1))))
            three = F.relu(self.norm(self.conv(x, self.param(f'{name}/conv3x3', c, c, 3, 3), dilation=96 // (4 * 2**k))))
            pooled = F.relu(F.conv2d(x.mean((2, 3), keepdim=True), self.param(f'{name}/pooling', c, c, 1, 1))).expand_as(x)
            y = F.conv2d(torch.cat([one, three, pooled], 1), self.param(f'{name}/logits', self.classes, 3 * c, 1, 1), self.param(f'{name}/bias', self.classes))
            total = total + F.interpolate(y, size=size, mode='bilinear', align_corners=True)
        return total


def batch(suffix, n, h, w, classes):
    image = (2 * uniform('image' + suffix, n * 3 * h * w) - 1).reshape(n, 3, h, w)
    labels = torch.floor(uniform('labels' + suffix, n * h * w) * classes).long()
    labels[uniform('ignore' + suffix, n * h * w) < 0.1] = 255
    return image, labels.reshape(n, h, w)


def samples(x):
    x, n = x.detach().reshape(-1), x.numel()
    return [float(x[i]) for i in (0, n // 3, n // 2, n - 1)]


cases = []
for layers, blocks, filters, levels, classes, n, h, w in [(3, 2, 2, 3, 5, 2, 33, 33), (4, 3, 3, 4, 4, 1, 33, 42), (2, 5, 4, 2, 3, 2, 18, 17)]:
    net = Supernet(layers, blocks, filters, levels, classes)
    image, labels = batch('', n, h, w, classes)
    logits = net.forward(image)
    loss = F.cross_entropy(logits, labels, ignore_index=255)
    loss.backward()
    case = dict(layers=layers, blocks=blocks, filters=filters, levels=levels, classes=classes, batch=n, height=h, width=w,
                loss=float(loss), logits=dict(sum=float(logits.sum()), norm=float(logits.norm()), samples=samples(logits)),
                alpha=net.p['alpha'].grad.reshape(-1).tolist(), beta=net.p['beta'].grad.reshape(-1).tolist(), weights={})
    weights = [p for name, p in net.p.items() if name not in ('alpha', 'beta')]
    for name, p in net.p.items():
        if name not in ('alpha', 'beta'):
            case['weights'][name] = [float(p.grad.sum()), float(p.grad.norm())] + samples(p.grad)
    case['gradient_norm'] = float(torch.nn.utils.clip_grad_norm_(weights, 0.5))
    sgd = torch.optim.SGD(weights, 0.025, 0.9, weight_decay=3e-4)
    adam = torch.optim.Adam([net.p['alpha'], net.p['beta']], 3e-3, weight_decay=1e-3)
    # Two steps on the weights, so that the momentum counts, then two on α and β with a second batch.
    sgd.step()
    sgd.zero_grad()
    F.cross_entropy(net.forward(image), labels, ignore_index=255).backward()
    torch.nn.utils.clip_grad_norm_(weights, 0.5)
    sgd.step()
    image2, labels2 = batch('2', n, h, w, classes)
    for i in range(2):
        adam.zero_grad()
        loss = F.cross_entropy(net.forward(image2), labels2, ignore_index=255)
        case[f'loss_before_adam{i}'] = float(loss)
        loss.backward()
        adam.step()
    case['loss_after'] = float(F.cross_entropy(net.forward(image2), labels2, ignore_index=255))
    cases.append(case)

round12 = lambda v: float(f'{v:.12g}')
text = json.dumps(json.loads(json.dumps(cases), parse_float=lambda s: round12(float(s))), separators=(',', ':'))
open('reference.json', 'w').write(text.replace('},{', '},\n{') + '\n')
