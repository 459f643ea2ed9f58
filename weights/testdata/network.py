"""Checkpoints of whole networks, with what their forward pass gives, computed outside this project.

    python3 network.py tensorflow small.json .      needs tensorflow-cpu (2.21 wrote the fixtures)
    python3 network.py torch plain.json .           needs torch (2.15) and safetensors
    python3 network.py tensorflow ARCH.json DIR --filters 20 --height 129 --width 129 --dense    for a check by hand

Each network is written down again from the specification (sections 2 to 4: operators, padding, sizes, heads), in
TensorFlow's or PyTorch's own operators, in float32. The variables of the first have the names of the authors' release,
and are saved by tf.train.Saver with the slots of a Momentum optimiser and exponential moving averages; the tensors of the
second are named as in NoamRosenberg/autodeeplab (dilated convolutions in two factors, biases in the stem, image pooling
last, PyTorch's ε), and saved by torch.save in both its forms; the same network also with this program's names, as
.safetensors and .npz. NAME_logits.npz holds the picture and the logits.

The big kernels of ASPP and decoder are nearly empty, of few values, so that gzip makes the files small; --dense fills them.
"""

import argparse
import gzip
import json
import os
import shutil
import sys

import numpy as np

BIG = 10000  # elements from which a kernel is sparse


class Values:
    """Random weights: functions of the order in which they are asked for."""

    def __init__(self, seed, dense):
        self.rng, self.dense = np.random.default_rng(seed), dense

    def kernel(self, shape, fan_in):
        w = self.rng.standard_normal(shape)
        if np.prod(shape) >= BIG and not self.dense:
            keep = self.rng.random(shape) < 0.02
            w = np.where(keep, np.round(w * 4) / 4 / np.sqrt(0.02 * fan_in), 0)
        else:
            w = w / np.sqrt(fan_in)
        return w.astype(np.float32)

    def vector(self, n, low, high):
        return self.rng.uniform(low, high, n).astype(np.float32)


def gzip_file(path):
    with open(path, "rb") as source, open(path + ".gz", "wb") as target:
        with gzip.GzipFile(filename="", mode="wb", fileobj=target, compresslevel=9, mtime=0) as z:
            shutil.copyfileobj(source, z)
    os.remove(path)


def picture(height, width):
    return (np.arange(height * width * 3) * 37 % 256).reshape(height, width, 3).astype(np.float32)


def kernel_size(op):
    return int(op[-1]) if op[-1].isdigit() else 1


def low_level(path):
    """The last cell at level 0 before the path leaves it, else the stem (-1)."""
    low = -1
    for i, level in enumerate(path):
        if level != 0:
            break
        low = i
    return low


def tensorflow(arch, args):
    import tensorflow as tf
    v1 = tf.compat.v1
    v1.disable_eager_execution()
    values, shadows = Values(1, args.dense), Values(2, args.dense)
    path, f = arch["path"], args.filters
    initial, trained, trainable = {}, {}, []

    def variable(name, make, train=True):
        """A variable that starts as what its moving average is to be, and the value that it is to have."""
        trained[name], initial[name] = make(values), make(shadows)
        var = v1.get_variable(name, initializer=tf.constant(initial[name]), trainable=train, use_resource=True)
        if train:
            trainable.append(var)
        return var

    def conv(scope, x, out, k, stride=1, rate=1, bias=False):
        c = int(x.shape[3])
        w = variable(scope + "/weights", lambda v: v.kernel((k, k, c, out), k * k * c))
        x = tf.nn.conv2d(x, w, strides=stride, padding="SAME", dilations=rate)
        return x + variable(scope + "/biases", lambda v: v.vector(out, -1, 1)) if bias else x

    def bn(scope, x, eps):
        n = int(x.shape[3])
        gamma = variable(scope + "/gamma", lambda v: v.vector(n, 0.6, 1.4))
        beta = variable(scope + "/beta", lambda v: v.vector(n, -0.3, 0.3))
        mean = variable(scope + "/moving_mean", lambda v: v.vector(n, -0.3, 0.3), False)
        variance = variable(scope + "/moving_variance", lambda v: v.vector(n, 0.3, 1.2), False)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps)

    def resize(x, h, w):
        return v1.image.resize_bilinear(x, [h, w], align_corners=True)

    def size(x):
        return int(x.shape[1]), int(x.shape[2])

    eps = 1e-3

    def operator(scope, op, x, stride):
        n, k = int(x.shape[3]), kernel_size(op)
        if op.startswith("sep"):
            for i in (1, 2):
                at = "%s/separable_%dx%d_%d" % (scope, k, k, i)
                depthwise = variable(at + "/depthwise_weights", lambda v: v.kernel((k, k, n, 1), k * k))
                pointwise = variable(at + "/pointwise_weights", lambda v: v.kernel((1, 1, n, n), n))
                s = stride if i == 1 else 1
                x = tf.nn.separable_conv2d(tf.nn.relu(x), depthwise, pointwise, [1, s, s, 1], "SAME")
                x = bn("%s/bn_sep_%dx%d_%d" % (scope, k, k, i), x, eps)
            return x
        if op.startswith("atr"):
            x, rate = tf.nn.relu(x), 2
            if stride == 2:
                h, w = size(x)
                x, rate = resize(x, -(-h // 2), -(-w // 2)), 1
            return bn("%s/bn_atr_%dx%d" % (scope, k, k), conv("%s/atrous_%dx%d" % (scope, k, k), x, n, k, rate=rate), eps)
        if op == "skip_connect":
            if stride == 1:
                return x
            return bn(scope + "/bn_1", conv(scope + "/1x1", tf.nn.relu(x), n, 1, stride=2), eps)
        pool = tf.nn.max_pool2d if op.startswith("max") else tf.nn.avg_pool2d
        return pool(x, 3, stride, "SAME")

    def cell(l, x, before, level, previous):
        at, n = "hnasnet/cell_%d" % l, f << level
        if level < previous:
            h, w = size(x)
            x = resize(x, 2 * h - 1, 2 * w - 1)
        if size(before) != size(x):
            before = resize(before, *size(x))
        if int(before.shape[3]) != n:
            before = bn(at + "/prev_bn", conv(at + "/prev_1x1", tf.nn.relu(before), n, 1), eps)
        states = [bn(at + "/beginning_bn", conv(at + "/1x1", tf.nn.relu(x), n, 1), eps), before]
        for b, block in enumerate(arch["cell"]):
            halves = [operator("%s/comb_iter_%d/%s" % (at, b, side), branch["op"], states[branch["input"]],
                               2 if level > previous and branch["input"] < 2 else 1)
                      for side, branch in zip(("left", "right"), block)]
            states.append(halves[0] + halves[1])
        return tf.concat(states[2:], 3)

    image = v1.placeholder(tf.float32, [1, args.height, args.width, 3])
    x = image * (2.0 / 255.0) - 1.0
    x = tf.nn.relu(bn("hnasnet/conv0_bn", conv("hnasnet/conv0", x, 64, 3, 2), eps))
    before = bn("hnasnet/conv1_bn", conv("hnasnet/conv1", x, 64, 3), eps)
    x = bn("hnasnet/conv2_bn", conv("hnasnet/conv2", tf.nn.relu(before), 128, 3, 2), eps)
    low, previous = x, 0
    for l, level in enumerate(path):
        x, before, previous = cell(l, x, before, level, previous), x, level
        if l == low_level(path):
            low = x
    x, eps = tf.nn.relu(x), 1e-5

    def head(scope, x, out, k, rate=1):
        return tf.nn.relu(bn(scope + "/BatchNorm", conv(scope, x, out, k, rate=rate), 1e-5))

    h, w = size(x)
    pooled = head("image_pooling", tf.reduce_mean(x, [1, 2], keepdims=True), 256, 1)
    parts = [tf.broadcast_to(pooled, [1, h, w, 256]), head("aspp0", x, 256, 1)]
    rates = (12, 24, 36) if path[-1] == 1 else (6, 12, 18)
    parts += [head("aspp%d" % (i + 1), x, 256, 3, r) for i, r in enumerate(rates)]
    x = head("concat_projection", tf.concat(parts, 3), 256, 1)
    low = head("decoder/feature_projection0", low, 48, 1)
    x = tf.concat([resize(x, *size(low)), low], 3)
    for i in (1, 2):
        x = head("decoder/decoder_conv0/decoder_conv0_%d" % i, x, 256, 3)
    logits = resize(conv("logits/semantic", x, args.classes, 1, bias=True), args.height, args.width)

    step = v1.train.get_or_create_global_step()
    average = v1.train.ExponentialMovingAverage(0.99)
    shadow = average.apply(trainable)
    v1.train.MomentumOptimizer(0.1, 0.9).minimize(tf.reduce_mean(logits), step, var_list=trainable[:3])
    feed = {image: picture(args.height, args.width)[None]}
    with v1.Session() as session:
        session.run(v1.global_variables_initializer())
        assert shadow is not None
        for var in v1.global_variables():
            name = var.op.name
            if name in trained:
                var.load(trained[name], session)
        plain = session.run(logits, feed)
        prefix = os.path.join(args.out, "tensorflow.ckpt")
        v1.train.Saver().save(session, prefix, write_meta_graph=False, write_state=False)
        for var in trainable:  # the weights' averages, with the statistics as they are
            var.load(initial[var.op.name], session)
        averaged = session.run(logits, feed)
    save_logits("tensorflow", args, {"logits": plain, "averaged": averaged}, channels_last=True)
    if not args.dense:
        gzip_file(prefix + ".data-00000-of-00001")


def save_logits(name, args, outputs, channels_last=False):
    arrays = {"image": picture(args.height, args.width).transpose(2, 0, 1)[None]}
    for key, value in outputs.items():
        arrays[key] = value.transpose(0, 3, 1, 2) if channels_last else value
        print(key, value.shape, "from", value.min(), "to", value.max())
    np.savez_compressed(os.path.join(args.out, name + "_logits.npz"), **arrays)


def torch_network(arch, args):
    import torch
    import torch.nn.functional as F
    from safetensors.numpy import save_file

    values = Values(3, args.dense)
    path, f, eps = arch["path"], args.filters, 1e-5
    theirs, ours = {}, {}

    def put(table, name, value):
        assert name not in table, name
        table[name] = np.ascontiguousarray(value, np.float32)

    def same(x, w, stride=1, rate=1, groups=1):
        """A convolution with TensorFlow's padding: the odd row at the bottom."""
        pads = []
        for n in (x.shape[3], x.shape[2]):
            out = -(-n // stride)
            total = max((out - 1) * stride + (w.shape[2] - 1) * rate + 1 - n, 0)
            pads += [total // 2, total - total // 2]
        return F.conv2d(F.pad(x, pads), w, stride=stride, dilation=rate, groups=groups)

    def conv(name, our, x, out, k, groups=1, **kw):
        w = values.kernel((out, x.shape[1] // groups, k, k), k * k * x.shape[1] // groups)
        put(theirs, name + ".weight", w)
        put(ours, our + "/weight", w)
        return same(x, torch.from_numpy(w), groups=groups, **kw)

    def bn(name, our, x, here, affine=True, bias=None):
        """here is the ε of the network under test: the scale under its own name makes up for the difference."""
        n = x.shape[1]
        gamma, beta = (values.vector(n, 0.6, 1.4), values.vector(n, -0.3, 0.3)) if affine else (np.ones(n, np.float32), np.zeros(n, np.float32))
        mean, variance = values.vector(n, -0.3, 0.3), values.vector(n, 0.3, 1.2)
        if affine:
            put(theirs, name + ".weight", gamma)
            put(theirs, name + ".bias", beta)
        put(theirs, name + ".running_mean", mean)
        put(theirs, name + ".running_var", variance)
        put(ours, our + "/scale", gamma * np.sqrt((variance + np.float64(here)) / (variance + np.float64(eps))))
        put(ours, our + "/bias", beta)
        put(ours, our + "/mean", mean if bias is None else mean - bias)
        put(ours, our + "/variance", variance)
        if bias is not None:
            x = x + torch.from_numpy(bias)[:, None, None]
        return F.batch_norm(x, torch.from_numpy(mean), torch.from_numpy(variance), torch.from_numpy(gamma), torch.from_numpy(beta), eps=eps)

    def resize(x, h, w):
        return F.interpolate(x, (h, w), mode="bilinear", align_corners=True)

    def operator(name, our, op, x, stride):
        n, k = x.shape[1], kernel_size(op)
        if op.startswith("sep"):
            for i in range(2):
                x = conv("%s.op.%d" % (name, 1 + 4 * i), "%s/depthwise%d" % (our, i), F.relu(x), n, k, groups=n, stride=stride if i == 0 else 1)
                x = conv("%s.op.%d" % (name, 2 + 4 * i), "%s/pointwise%d" % (our, i), x, n, 1)
                x = bn("%s.op.%d" % (name, 3 + 4 * i), "%s/pointwise%d/bn" % (our, i), x, 1e-3, affine=False)
            return x
        if op.startswith("atr"):
            x, rate = F.relu(x), 2
            if stride == 2:
                x, rate = resize(x, -(-x.shape[2] // 2), -(-x.shape[3] // 2)), 1
            depthwise, pointwise = values.kernel((n, 1, k, k), k * k), values.kernel((n, n, 1, 1), n)
            put(theirs, name + ".op.1.weight", depthwise)
            put(theirs, name + ".op.2.weight", pointwise)
            put(ours, our + "/weight", np.einsum("oi,ihw->oihw", pointwise[:, :, 0, 0], depthwise[:, 0]))
            x = same(x, torch.from_numpy(depthwise), rate=rate, groups=n)
            return bn(name + ".op.3", our + "/bn", F.conv2d(x, torch.from_numpy(pointwise)), 1e-3, affine=False)
        h, w = -(-x.shape[2] // stride), -(-x.shape[3] // stride)
        low = -1e30 if op.startswith("max") else 0.0
        pads = []
        for m, out in ((x.shape[3], w), (x.shape[2], h)):
            total = max((out - 1) * stride + 3 - m, 0)
            pads += [total // 2, total - total // 2]
        if op.startswith("max"):
            return F.max_pool2d(F.pad(x, pads, value=low), 3, stride)
        count = F.avg_pool2d(F.pad(torch.ones_like(x[:1, :1]), pads), 3, stride)
        return F.avg_pool2d(F.pad(x, pads), 3, stride) / count

    def cell(l, x, before, level, previous):
        name, our, n = "encoder.cells.%d" % l, "cell%d" % l, f << level
        if level < previous:
            x = resize(x, 2 * x.shape[2] - 1, 2 * x.shape[3] - 1)
        if before.shape[2:] != x.shape[2:]:
            before = resize(before, *x.shape[2:])
        if before.shape[1] != n:
            before = conv(name + ".pre_preprocess.op.1", our + "/input1", F.relu(before), n, 1)
            before = bn(name + ".pre_preprocess.op.2", our + "/input1/bn", before, 1e-3, affine=False)
        else:  # is there all the same
            put(theirs, name + ".pre_preprocess.op.1.weight", np.ones((n, n, 1, 1)))
            put(theirs, name + ".pre_preprocess.op.2.running_mean", np.ones(n))
            put(theirs, name + ".pre_preprocess.op.2.running_var", np.ones(n))
        x = conv(name + ".preprocess.op.1", our + "/input0", F.relu(x), n, 1)
        states = [bn(name + ".preprocess.op.2", our + "/input0/bn", x, 1e-3, affine=False), before]
        edge = 0
        for b, block in enumerate(arch["cell"]):
            order = sorted(range(2), key=lambda j: {0: 1, 1: 0}.get(block[j]["input"], block[j]["input"]))
            total = 0
            for j in order:
                op, state = block[j]["op"], block[j]["input"]
                total = total + operator("%s._ops.%d" % (name, edge), "%s/block%d/branch%d/%s" % (our, b, j, op), op, states[state],
                                         2 if level > previous and state < 2 else 1)
                edge += 1
            states.append(total)
        return torch.cat(states[2:], 1)

    def stem(i, x, out, stride):
        x = conv("encoder.stem%d.0" % i, "stem/conv%d" % i, x, out, 3, stride=stride)
        bias = values.vector(out, -0.5, 0.5)
        put(theirs, "encoder.stem%d.0.bias" % i, bias)
        return bn("encoder.stem%d.1.op.0" % i, "stem/conv%d/bn" % i, x, 1e-3, bias=bias)

    image = torch.from_numpy(picture(args.height, args.width)).permute(2, 0, 1)[None]
    x = image * (2 / 255) - 1
    before = stem(1, F.relu(stem(0, x, 64, 2)), 64, 1)
    x = stem(2, F.relu(before), 128, 2)
    low, previous = x, 0
    for l, level in enumerate(path):
        x, before, previous = cell(l, x, before, level, previous), x, level
        if l == low_level(path):
            low = x
    x = F.relu(x)

    def head(name, norm, our, x, out, k, **kw):
        return F.relu(bn(norm, our + "/bn", conv(name, our, x, out, k, **kw), 1e-5))

    h, w = x.shape[2:]
    parts = [head("aspp.aspp1", "aspp.aspp1_bn.op.0", "aspp/conv1x1", x, 256, 1)]
    rates = (12, 24, 36) if path[-1] == 1 else (6, 12, 18)
    parts += [head("aspp.aspp%d" % (i + 2), "aspp.aspp%d_bn.op.0" % (i + 2), "aspp/atrous%d" % i, x, 256, 3, rate=r) for i, r in enumerate(rates)]
    parts.append(head("aspp.aspp5", "aspp.aspp5_bn.op.0", "aspp/pool", x.mean((2, 3), keepdim=True), 256, 1).expand(1, 256, h, w))
    x = head("aspp.conv2", "aspp.bn2.op.0", "aspp/project", torch.cat(parts, 1), 256, 1)
    w = ours["aspp/project/weight"]
    ours["aspp/project/weight"] = np.concatenate([w[:, 1024:], w[:, :1024]], 1)  # this program's order: image pooling first
    low = head("decoder.conv1", "decoder.bn1.op.0", "decoder/low_level", low, 48, 1)
    x = torch.cat([resize(x, *low.shape[2:]), low], 1)
    x = head("decoder.last_conv.0", "decoder.last_conv.1.op.0", "decoder/conv0", x, 256, 3)
    x = head("decoder.last_conv.3", "decoder.last_conv.4.op.0", "decoder/conv1", x, 256, 3)
    bias = values.vector(args.classes, -1, 1)
    put(theirs, "decoder.last_conv.6.bias", bias)
    put(ours, "logits/conv/bias", bias)
    x = conv("decoder.last_conv.6", "logits/conv", x, args.classes, 1) + torch.from_numpy(bias)[:, None, None]
    save_logits("torch", args, {"logits": resize(x, args.height, args.width).numpy()})

    state = {"module." + k: torch.from_numpy(v) for k, v in theirs.items()}
    state["module.encoder.stem0.1.op.0.num_batches_tracked"] = torch.tensor(7)
    momentum = {0: {"momentum_buffer": torch.zeros(64, 3, 3, 3)}}
    checkpoint = {"epoch": 7, "state_dict": state, "optimizer": {"state": momentum, "param_groups": [{"lr": 0.1, "params": [0]}]}}
    for name, form in (("torch.pth", True), ("torch_legacy.pth", False)):
        out = os.path.join(args.out, name)
        torch.save(checkpoint, out, _use_new_zipfile_serialization=form)
        gzip_file(out)
    out = os.path.join(args.out, "own.safetensors")
    save_file(ours, out)
    gzip_file(out)
    np.savez_compressed(os.path.join(args.out, "own.npz"), **ours)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=["tensorflow", "torch"])
    p.add_argument("arch")
    p.add_argument("out")
    p.add_argument("--filters", type=int, default=2)
    p.add_argument("--classes", type=int, default=3)
    p.add_argument("--height", type=int, default=34)
    p.add_argument("--width", type=int, default=41)
    p.add_argument("--dense", action="store_true")
    args = p.parse_args()
    with open(args.arch) as f:
        arch = json.load(f)
    {"tensorflow": tensorflow, "torch": torch_network}[args.what](arch, args)


sys.exit(main())
